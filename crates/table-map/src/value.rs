//! The cell of a row.

use chrono::{NaiveDate, NaiveDateTime};
use smol_str::SmolStr;

/// The cell of a row: one variant for each type that a column can have, `None` for null.
///
/// sea-query's own value has a variant for all that any database knows, and each text of it is an allocation. Rows are made and dropped by
/// the million, and nearly all their texts are codes and flags, which have room in the cell itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Of a column of `Integer`.
    Integer(Option<i32>),
    /// Of a column of `BigInteger`.
    BigInteger(Option<i64>),
    /// Of a column of `Char` or `String`.
    Text(Option<SmolStr>),
    /// Of a column of `Date`.
    Date(Option<NaiveDate>),
    /// Of a column of `DateTime`.
    DateTime(Option<NaiveDateTime>),
}

impl Value {
    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        match self {
            Self::Integer(value) => value.is_none(),
            Self::BigInteger(value) => value.is_none(),
            Self::Text(value) => value.is_none(),
            Self::Date(value) => value.is_none(),
            Self::DateTime(value) => value.is_none(),
        }
    }
}

macro_rules! cell_of {
    ($type:ty, $variant:ident) => {
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(Some(value))
            }
        }

        impl From<Option<$type>> for Value {
            fn from(value: Option<$type>) -> Self {
                Self::$variant(value)
            }
        }
    };
}

cell_of!(i32, Integer);
cell_of!(i64, BigInteger);
cell_of!(SmolStr, Text);
cell_of!(NaiveDate, Date);
cell_of!(NaiveDateTime, DateTime);

macro_rules! cell_of_text {
    ($type:ty) => {
        impl From<$type> for Value {
            fn from(text: $type) -> Self {
                Self::Text(Some(text.into()))
            }
        }

        impl From<Option<$type>> for Value {
            fn from(text: Option<$type>) -> Self {
                Self::Text(text.map(SmolStr::from))
            }
        }
    };
}

cell_of_text!(&str);
cell_of_text!(String);
