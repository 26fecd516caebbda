//! A row of a table.

use std::sync::Arc;

use chrono::{Datelike, NaiveDate};
use sea_query::ColumnType;

use crate::{Column, Error, TableMap, Value};

/// The values of a row's written columns, in the map's order. A row is checked against its map when it is made, so a store
/// never meets a value that the table cannot hold. Clones share their values.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    values: Arc<[Value]>,
    key: i64,
}

impl Row {
    /// A row of `map` with one value for each [written](TableMap::written) column.
    ///
    /// # Errors
    /// When a value is missing, of another type, null where it must not be, longer than its column, or a date outside 1753
    /// to 9999. The error names the row's key and the column.
    pub fn new(map: &TableMap, values: Vec<Value>) -> Result<Self, Error> {
        Self::shared(map, values.into())
    }

    /// As [`new`](Row::new), of values that are where they can stay: a row that is made by the million saves a copy.
    ///
    /// # Errors
    /// Those of [`new`](Row::new).
    pub fn shared(map: &TableMap, values: Arc<[Value]>) -> Result<Self, Error> {
        let expected = map.written().count();
        if values.len() != expected {
            return Err(Error::RowLength {
                table: map.name().to_owned(),
                got: values.len(),
                expected,
            });
        }
        let key = match values.get(map.key_position()) {
            Some(Value::BigInteger(Some(key))) => Some(*key),
            _ => None,
        };
        for (column, value) in map.written().zip(values.iter()) {
            check(map, column, value, key)?;
        }
        Self::with_key(map, values, key)
    }

    /// A row of `map` as a table has it, for stores to give back what they read.
    ///
    /// A table that is older than its map may hold what [`new`](Row::new) refuses: null in a column that was added later, a
    /// longer text, an earlier date. Such a row must be readable, or it could never be put right. So only the number of
    /// values, their types and the key are checked.
    ///
    /// # Errors
    /// When a value is missing or of another type, or the key is null.
    pub fn stored(map: &TableMap, values: impl Into<Arc<[Value]>>) -> Result<Self, Error> {
        let values = values.into();
        let expected = map.written().count();
        if values.len() != expected {
            return Err(Error::RowLength {
                table: map.name().to_owned(),
                got: values.len(),
                expected,
            });
        }
        let key = match values.get(map.key_position()) {
            Some(Value::BigInteger(Some(key))) => Some(*key),
            _ => None,
        };
        if let Some((column, _)) = map
            .written()
            .zip(values.iter())
            .find(|(column, value)| !is_of_type(column.column_type(), value))
        {
            return Err(Error::WrongType {
                table: map.name().to_owned(),
                column: column.name().to_owned(),
                key: shown(key),
            });
        }
        Self::with_key(map, values, key)
    }

    fn with_key(map: &TableMap, values: Arc<[Value]>, key: Option<i64>) -> Result<Self, Error> {
        match key {
            Some(key) => Ok(Self { values, key }),
            None => Err(Error::Null {
                table: map.name().to_owned(),
                column: map.key().to_owned(),
                key: shown(None),
            }),
        }
    }

    /// These rows in ascending order of their keys. Of several with one key the last counts, as in all that is written.
    pub fn by_key(rows: &[Self]) -> Vec<&Self> {
        let mut rows: Vec<&Self> = rows.iter().rev().collect();
        // The order of equals stays, so the last one is the first of them.
        rows.sort_by_key(|row| row.key);
        rows.dedup_by_key(|row| row.key);
        rows
    }

    /// The row's ID in the source.
    pub fn key(&self) -> i64 {
        self.key
    }

    /// The values in the map's order.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The value of the column called `name`, when the row carries one.
    pub fn get(&self, map: &TableMap, name: &str) -> Option<&Value> {
        self.values.get(map.position(name)?)
    }

    /// The text in the column called `name`; `None` when it is null, no text, or not there.
    pub fn text(&self, map: &TableMap, name: &str) -> Option<&str> {
        match self.get(map, name)? {
            Value::Text(text) => text.as_deref(),
            _ => None,
        }
    }

    /// The whole number in the column called `name`; `None` when it is null, no number, or not there.
    pub fn integer(&self, map: &TableMap, name: &str) -> Option<i64> {
        match self.get(map, name)? {
            Value::Integer(number) => number.map(i64::from),
            Value::BigInteger(number) => *number,
            _ => None,
        }
    }

    pub(crate) fn with_values(&self, values: Vec<Value>) -> Self {
        Self {
            values: values.into(),
            key: self.key,
        }
    }
}

fn shown(key: Option<i64>) -> String {
    key.map_or_else(|| "?".to_owned(), |key| key.to_string())
}

fn is_of_type(column_type: &ColumnType, value: &Value) -> bool {
    matches!(
        (column_type, value),
        (ColumnType::Integer, Value::Integer(_))
            | (ColumnType::BigInteger, Value::BigInteger(_))
            | (ColumnType::Char(_) | ColumnType::String(_), Value::Text(_))
            | (ColumnType::Date, Value::Date(_))
            | (ColumnType::DateTime, Value::DateTime(_))
    )
}

fn check(map: &TableMap, column: &Column, value: &Value, key: Option<i64>) -> Result<(), Error> {
    let table = || map.name().to_owned();
    let name = || column.name().to_owned();
    let null = match (column.column_type(), value) {
        (ColumnType::Integer, Value::Integer(value)) => value.is_none(),
        (ColumnType::BigInteger, Value::BigInteger(value)) => value.is_none(),
        (ColumnType::Char(_) | ColumnType::String(_), Value::Text(value)) => {
            if let (Some(text), Some(limit)) = (value, column.text_limit()) {
                let length = utf16_length(text);
                if length > usize::try_from(limit).unwrap_or(usize::MAX) {
                    return Err(Error::TooLong {
                        table: table(),
                        column: name(),
                        key: shown(key),
                        length,
                        limit,
                    });
                }
            }
            value.is_none()
        }
        (ColumnType::Date, Value::Date(value)) => {
            in_range(value.as_ref()).map_err(|OutOfRange| Error::DateOutOfRange {
                table: table(),
                column: name(),
                key: shown(key),
            })?;
            value.is_none()
        }
        (ColumnType::DateTime, Value::DateTime(value)) => {
            in_range(value.map(|value| value.date()).as_ref()).map_err(|OutOfRange| {
                Error::DateOutOfRange {
                    table: table(),
                    column: name(),
                    key: shown(key),
                }
            })?;
            value.is_none()
        }
        _ => {
            return Err(Error::WrongType {
                table: table(),
                column: name(),
                key: shown(key),
            });
        }
    };
    if null && !column.is_nullable() {
        return Err(Error::Null {
            table: table(),
            column: name(),
            key: shown(key),
        });
    }
    Ok(())
}

/// ASCII, the common case, needs no decoding.
fn utf16_length(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.encode_utf16().count()
    }
}

struct OutOfRange;

fn in_range(date: Option<&NaiveDate>) -> Result<(), OutOfRange> {
    match date {
        Some(date) if !(1753..=9999).contains(&date.year()) => Err(OutOfRange),
        _ => Ok(()),
    }
}
