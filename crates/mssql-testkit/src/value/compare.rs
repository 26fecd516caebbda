//! Ordering of two values of one type.

use std::cmp::Ordering;

use super::{Collation, Value, datetime};

/// Compares two values that were brought to one type. NULL sorts first; use only where NULL is known to be wanted.
pub(crate) fn compare(a: &Value, b: &Value, collation: Collation) -> Ordering {
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::Bit(a), Value::Bit(b)) => a.cmp(b),
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
        (Value::Decimal(a), Value::Decimal(b)) => a.compare(*b),
        (Value::Text(a), Value::Text(b)) => collation.compare(a, b),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        (Value::Guid(a), Value::Guid(b)) => guid_rank(a).cmp(&guid_rank(b)),
        (Value::Time(a), Value::Time(b)) => a.cmp(b),
        _ => datetime::instant(a).cmp(&datetime::instant(b)),
    }
}

/// SQL Server compares a uniqueidentifier from its last group to its first.
fn guid_rank(wire: &[u8; 16]) -> [u8; 16] {
    const ORDER: [usize; 16] = [10, 11, 12, 13, 14, 15, 8, 9, 6, 7, 4, 5, 0, 1, 2, 3];
    ORDER.map(|at| wire[at])
}
