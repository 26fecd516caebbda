//! Keys of indexes, hash joins, GROUP BY and DISTINCT: equal exactly when SQL Server calls the values equal.

use chrono::{NaiveDateTime, NaiveTime};

use super::{Collation, Value, datetime, fold};

/// A value made comparable. NULL equals NULL here, as in an index or a GROUP BY.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    Null,
    Int(i64),
    Exact(i128, u8),
    Float(u64),
    Text(String),
    Bytes(Vec<u8>),
    Time(NaiveTime),
    Moment(NaiveDateTime),
}

/// The key of a value under a collation.
pub(crate) fn key(value: &Value, collation: Collation) -> Key {
    match value {
        Value::Null => Key::Null,
        Value::Bit(b) => Key::Int(i64::from(*b)),
        Value::Int(n) => Key::Int(*n),
        Value::Decimal(d) => {
            let plain = d.normalized();
            match i64::try_from(plain.mantissa) {
                Ok(n) if plain.scale == 0 => Key::Int(n),
                _ => Key::Exact(plain.mantissa, plain.scale),
            }
        }
        Value::Float(f) => Key::Float(if *f == 0.0 { 0 } else { f.to_bits() }),
        Value::Text(t) => Key::Text(fold(collation, t)),
        Value::Bytes(b) => Key::Bytes(b.to_vec()),
        Value::Guid(g) => Key::Bytes(g.to_vec()),
        Value::Time(t) => Key::Time(*t),
        other => datetime::instant(other).map_or(Key::Null, Key::Moment),
    }
}
