//! How the columns of a map lie in the table that is really there: their names as the database writes them, and what has to
//! be done to a value to store and to compare it.
//!
//! A table of the old module has `int`, `varchar` and `datetime` where ours has `bigint`, `nvarchar` and `datetime2`. Whatever
//! a column cannot hold is refused before anything is sent; everything else is compared as the column holds it, so that a value
//! that was rounded by its column counts as unchanged ever after.

use store::{Error, ErrorKind};
use table_map::{Column, ColumnType, Row, TableMap, Value};

use crate::catalog::{CatalogColumn, CatalogTable};
use crate::quote;

/// What is known about a table.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// Schema and name, quoted.
    pub(crate) table: String,
    /// The columns that rows carry values for, in the map's order.
    pub(crate) written: Vec<Fact>,
    /// The place of the key among them.
    pub(crate) key: usize,
    /// Whether an index keeps the key unique.
    pub(crate) key_is_unique: bool,
    /// The columns that the store stamps, quoted.
    pub(crate) inserted_at: Option<String>,
    pub(crate) updated_at: Option<String>,
    /// The flag that tells whether a row still exists in the source, by its place.
    pub(crate) active: Option<usize>,
}

/// The names that are enough to find duplicates, in a table that may lack other columns.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    /// Schema and name, quoted.
    pub(crate) table: String,
    /// The key's column, quoted.
    pub(crate) key: String,
    /// The identity column, quoted.
    pub(crate) identity: String,
}

impl Names {
    /// The names of a map's table.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] when one of the columns is missing.
    pub(crate) fn new(map: &TableMap, schema: &str, catalog: &CatalogTable) -> Result<Self, Error> {
        let quoted = |name: &str| find(map, catalog, name).map(|column| quote::name(&column.name));
        Ok(Self {
            table: quote::table(schema, map.name()),
            key: quoted(map.key())?,
            identity: quoted(map.identity().unwrap_or_default())?,
        })
    }
}

fn find<'a>(map: &TableMap, catalog: &'a CatalogTable, name: &str) -> Result<&'a CatalogColumn, Error> {
    catalog.column(name).ok_or_else(|| {
        Error::new(
            ErrorKind::Schema,
            format!("table {} has no column {name}; migrate it", map.name()),
        )
    })
}

/// A column that rows carry values for.
#[derive(Debug, Clone)]
pub(crate) struct Fact {
    /// The map's column.
    pub(crate) column: Column,
    /// The name as the database writes it, quoted.
    pub(crate) name: String,
    /// What it holds.
    pub(crate) holds: Holds,
    /// The type in the database's words.
    pub(crate) full_type: String,
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Holds {
    /// Whole numbers between two limits.
    Integer { least: i64, most: i64 },
    /// Text.
    Text(TextFact),
    /// Calendar days; with a time that does not count when it is `datetime` or `datetime2`.
    Date { with_time: bool },
    /// Dates with times, as finely as the type does.
    DateTime,
}

/// A text column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextFact {
    /// UTF-16 if so, else the code page of its collation.
    pub(crate) unicode: bool,
    /// Filled up with blanks.
    pub(crate) fixed: bool,
    /// Units: of UTF-16, or bytes. `None` for `max`.
    pub(crate) length: Option<u32>,
    /// Safe to be written as it is.
    pub(crate) collation: Option<String>,
}

impl Facts {
    /// Joins a map with what the catalog says.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] when a column is missing or cannot hold the map's values: the planner knows what to say about it.
    pub(crate) fn new(map: &TableMap, schema: &str, catalog: &CatalogTable) -> Result<Self, Error> {
        let find = |name: &str| find(map, catalog, name);
        let quoted = |name: Option<&str>| {
            name.map(|name| find(name).map(|column| quote::name(&column.name)))
                .transpose()
        };
        let written = map
            .written()
            .map(|column| {
                let found = find(column.name())?;
                let holds = holds(column, found).ok_or_else(|| {
                    Error::new(
                        ErrorKind::Schema,
                        format!(
                            "column {} of table {} is {}, which cannot hold its values; plan a migration to see what to do",
                            column.name(),
                            map.name(),
                            found.full_type()
                        ),
                    )
                })?;
                Ok(Fact {
                    column: column.clone(),
                    name: quote::name(&found.name),
                    holds,
                    full_type: found.full_type(),
                })
            })
            .collect::<Result<Vec<_>, Error>>()?;
        Ok(Self {
            table: quote::table(schema, map.name()),
            key: map.key_position(),
            key_is_unique: catalog.indexes.iter().any(|index| {
                index.unique
                    && !index.partial
                    && matches!(index.columns.as_slice(), [only] if only.eq_ignore_ascii_case(map.key()))
            }),
            inserted_at: quoted(map.inserted_at())?,
            updated_at: quoted(map.updated_at())?,
            active: map.active().and_then(|active| map.position(active)),
            written,
        })
    }

    /// The key's column.
    pub(crate) fn key(&self) -> Option<&Fact> {
        self.written.get(self.key)
    }

    /// Checks a row's values against what the columns hold, as far as that can be told without the server. `Ok(true)` when the
    /// server must be asked whether a code page has all characters.
    pub(crate) fn check(&self, map: &TableMap, row: &Row) -> Result<bool, Error> {
        let mut ask = false;
        for (fact, value) in self.written.iter().zip(row.values()) {
            ask |= fact.check(value).map_err(|problem| {
                Error::new(
                    ErrorKind::Data,
                    format!(
                        "row {} of table {}: {problem}; column {} is {}, alter it to hold every value",
                        row.key(),
                        map.name(),
                        fact.column.name(),
                        fact.full_type
                    ),
                )
            })?;
        }
        Ok(ask)
    }
}

impl Fact {
    fn check(&self, value: &Value) -> Result<bool, &'static str> {
        match (&self.holds, value) {
            (Holds::Integer { least, most }, value) => {
                let number = match value {
                    Value::Integer(number) => number.map(i64::from),
                    Value::BigInteger(number) => *number,
                    _ => None,
                };
                match number {
                    Some(number) if !(*least..=*most).contains(&number) => Err("the number is too big"),
                    _ => Ok(false),
                }
            }
            (Holds::Text(fact), Value::Text(Some(text))) => {
                if fact.fixed && text.ends_with(' ') {
                    return Err("the column would lose the blank at the end of the text");
                }
                let limit = fact
                    .length
                    .map_or(usize::MAX, |length| usize::try_from(length).unwrap_or(usize::MAX));
                // No encoding needs fewer bytes than characters.
                let least_units = if text.is_ascii() {
                    text.len()
                } else if fact.unicode {
                    text.encode_utf16().count()
                } else {
                    text.chars().count()
                };
                if least_units > limit {
                    return Err("the text is too long");
                }
                Ok(!fact.unicode && !text.is_ascii())
            }
            _ => Ok(false),
        }
    }
}

fn holds(column: &Column, found: &CatalogColumn) -> Option<Holds> {
    if found.computed {
        return None;
    }
    let kind = found.type_name.as_str();
    Some(match column.column_type() {
        ColumnType::Integer | ColumnType::BigInteger => {
            let (least, most) = match kind {
                "tinyint" => (0, i64::from(u8::MAX)),
                "smallint" => (i64::from(i16::MIN), i64::from(i16::MAX)),
                "int" => (i64::from(i32::MIN), i64::from(i32::MAX)),
                "bigint" => (i64::MIN, i64::MAX),
                _ => return None,
            };
            Holds::Integer { least, most }
        }
        ColumnType::Char(_) | ColumnType::String(_) => {
            if !matches!(kind, "varchar" | "nvarchar" | "char" | "nchar") {
                return None;
            }
            let plain = |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            Holds::Text(TextFact {
                unicode: found.is_unicode(),
                fixed: found.is_fixed(),
                length: found.length(),
                collation: found.collation.clone().filter(plain),
            })
        }
        ColumnType::Date => match kind {
            "date" => Holds::Date { with_time: false },
            "datetime" | "datetime2" => Holds::Date { with_time: true },
            _ => return None,
        },
        ColumnType::DateTime if matches!(kind, "datetime" | "datetime2") => Holds::DateTime,
        _ => return None,
    })
}
