//! Single values: how they are bound to a statement and how they are read.

use std::str;

use rusqlite::Statement;
use rusqlite::types::ValueRef;
use table_map::{Column, ColumnType, Value};

use crate::instant;

/// Binds values to the parameters of one statement, one after another.
pub(crate) struct Binder<'a, 'connection> {
    statement: &'a mut Statement<'connection>,
    next: usize,
    /// Reused for the text of dates, of which a row has several.
    text: &'a mut String,
}

impl<'a, 'connection> Binder<'a, 'connection> {
    /// Starts at the first parameter.
    pub(crate) fn new(statement: &'a mut Statement<'connection>, text: &'a mut String) -> Self {
        Self {
            statement,
            next: 1,
            text,
        }
    }

    /// Binds the next parameter.
    pub(crate) fn bind(&mut self, value: &Value) -> rusqlite::Result<()> {
        self.bind_at(self.next - 1, value)?;
        self.next += 1;
        Ok(())
    }

    /// Runs the statement, which must not return rows. What was bound stays bound.
    pub(crate) fn execute(&mut self) -> rusqlite::Result<usize> {
        self.statement.raw_execute()
    }

    /// Binds the parameter that has so many before it.
    pub(crate) fn bind_at(&mut self, place: usize, value: &Value) -> rusqlite::Result<()> {
        self.text.clear();
        let value = match value {
            Value::Integer(number) => {
                number.map_or(ValueRef::Null, |number| ValueRef::Integer(number.into()))
            }
            Value::BigInteger(number) => number.map_or(ValueRef::Null, ValueRef::Integer),
            Value::Text(text) => text
                .as_ref()
                .map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes())),
            Value::Date(date) => date.map_or(ValueRef::Null, |date| {
                instant::write_date(self.text, date);
                ValueRef::Text(self.text.as_bytes())
            }),
            Value::DateTime(time) => time.map_or(ValueRef::Null, |time| {
                instant::write_date_time(self.text, time);
                ValueRef::Text(self.text.as_bytes())
            }),
        };
        self.statement
            .raw_bind_parameter(place + 1, rusqlite::types::ToSqlOutput::Borrowed(value))
    }
}

/// The value of `column`, or `None` when what is stored is no value that the column can have. Other programs may have stored it in
/// another way: a number as text, a date with a `T`.
pub(crate) fn read(column: &Column, stored: ValueRef<'_>) -> Option<Value> {
    let null = matches!(stored, ValueRef::Null);
    Some(match column.column_type() {
        ColumnType::Integer if null => Value::Integer(None),
        ColumnType::Integer => Value::Integer(Some(i32::try_from(integer(stored)?).ok()?)),
        ColumnType::BigInteger if null => Value::BigInteger(None),
        ColumnType::BigInteger => Value::BigInteger(Some(integer(stored)?)),
        ColumnType::Date if null => Value::Date(None),
        ColumnType::Date => Value::Date(Some(instant::read_date(text(stored)?)?)),
        ColumnType::DateTime if null => Value::DateTime(None),
        ColumnType::DateTime => Value::DateTime(Some(instant::read_date_time(text(stored)?)?)),
        _ if null => Value::Text(None),
        _ => Value::Text(Some(match stored {
            ValueRef::Integer(number) => number.to_string().into(),
            other => text(other)?.into(),
        })),
    })
}

/// Whether what is stored in `column` is this value; `None` as for [`read`]. No text is copied for it.
pub(crate) fn holds(column: &Column, stored: ValueRef<'_>, value: &Value) -> Option<bool> {
    match (stored, value) {
        (ValueRef::Text(stored), Value::Text(Some(text))) if stored == text.as_bytes() => Some(true),
        _ => read(column, stored).map(|stored| stored == *value),
    }
}

fn text(stored: ValueRef<'_>) -> Option<&str> {
    match stored {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => str::from_utf8(bytes).ok(),
        _ => None,
    }
}

/// A whole number; `None` when it is none.
pub(crate) fn integer(stored: ValueRef<'_>) -> Option<i64> {
    match stored {
        ValueRef::Integer(number) => Some(number),
        ValueRef::Text(bytes) => str::from_utf8(bytes).ok()?.trim_ascii().parse().ok(),
        _ => None,
    }
}
