//! COUNT, MIN, MAX, SUM, AVG and STRING_AGG over groups, and window functions over partitions.

use std::collections::{HashMap, HashSet};

use super::bound::{Aggregate, AggregateKind, Arithmetic, Window, WindowKind};
use super::eval::{Env, Frame, arithmetic, eval};
use super::query::{Unit, compare_keys};
use crate::errors::SqlResult;
use crate::value::{Collation, Conversion, Decimal, Key, SqlType, Value, compare, convert, key};

/// The value of an aggregate over the rows of a group.
pub(super) fn aggregate(e: &Env<'_>, aggregate: &Aggregate, frames: &[Frame<'_>]) -> SqlResult<Value> {
    if aggregate.kind == AggregateKind::CountRows {
        return Ok(count(frames.len()));
    }
    let mut seen: HashSet<Key> = HashSet::new();
    let mut values = Vec::new();
    let mut separator = String::new();
    for frame in frames {
        let value = eval(Some(e), &aggregate.argument, frame)?;
        if value.is_null() || (aggregate.distinct && !seen.insert(key(&value, aggregate.collation))) {
            continue;
        }
        values.push(value);
        if let Some(between) = &aggregate.separator
            && let Value::Text(text) = eval(Some(e), between, frame)?
        {
            separator = text.to_string();
        }
    }
    fold_values(
        aggregate.kind,
        values,
        aggregate.ty,
        aggregate.collation,
        &separator,
    )
}

fn count(n: usize) -> Value {
    Value::Int(i64::try_from(n).unwrap_or(i64::MAX))
}

/// The aggregate of values without NULLs; SUM and AVG find them in the type of the result.
fn fold_values(
    kind: AggregateKind,
    values: Vec<Value>,
    ty: SqlType,
    collation: Collation,
    separator: &str,
) -> SqlResult<Value> {
    match kind {
        AggregateKind::CountRows | AggregateKind::Count => Ok(count(values.len())),
        AggregateKind::Min => Ok(values
            .into_iter()
            .min_by(|a, b| compare(a, b, collation))
            .unwrap_or(Value::Null)),
        AggregateKind::Max => Ok(values
            .into_iter()
            .max_by(|a, b| compare(a, b, collation))
            .unwrap_or(Value::Null)),
        AggregateKind::StringAgg => {
            let texts: Vec<&str> = values
                .iter()
                .filter_map(|v| if let Value::Text(t) = v { Some(&**t) } else { None })
                .collect();
            Ok(if texts.is_empty() {
                Value::Null
            } else {
                Value::text(texts.join(separator))
            })
        }
        AggregateKind::Sum | AggregateKind::Avg => {
            let n = values.len();
            let mut sum = Value::Null;
            for value in values {
                sum = if sum.is_null() {
                    value
                } else {
                    arithmetic(Arithmetic::Add, &sum, &value, ty)?
                };
            }
            if kind == AggregateKind::Sum || n == 0 {
                return Ok(sum);
            }
            let count = i64::try_from(n).unwrap_or(i64::MAX);
            let divisor = match sum {
                Value::Float(_) => convert(
                    &Value::Int(count),
                    SqlType::BigInt,
                    SqlType::Float,
                    Conversion::Implicit,
                )?,
                Value::Decimal(_) => Value::Decimal(Decimal::from(count)),
                _ => Value::Int(count),
            };
            arithmetic(Arithmetic::Divide, &sum, &divisor, ty)
        }
    }
}

/// The value of a window function for every row.
pub(super) fn window_values(
    e: &Env<'_>,
    window: &Window,
    units: &[Unit],
    parent: Option<&Frame<'_>>,
) -> SqlResult<Vec<Value>> {
    let mut partitions: HashMap<Vec<Key>, Vec<usize>> = HashMap::new();
    let mut keys = Vec::with_capacity(units.len());
    let mut arguments = Vec::with_capacity(units.len());
    for (at, unit) in units.iter().enumerate() {
        let frame = unit.frame(parent);
        let mut partition = Vec::new();
        for (expr, collation) in &window.partition {
            partition.push(key(&eval(Some(e), expr, &frame)?, *collation));
        }
        partitions.entry(partition).or_default().push(at);
        keys.push(
            window
                .order
                .iter()
                .map(|k| eval(Some(e), &k.expr, &frame))
                .collect::<SqlResult<Vec<_>>>()?,
        );
        arguments.push(
            window
                .arguments
                .iter()
                .map(|a| eval(Some(e), a, &frame))
                .collect::<SqlResult<Vec<_>>>()?,
        );
    }
    let mut out = vec![Value::Null; units.len()];
    for mut rows in partitions.into_values() {
        rows.sort_by(|a, b| compare_keys(&keys[*a], &keys[*b], &window.order));
        let peers = |a: usize, b: usize| compare_keys(&keys[a], &keys[b], &window.order).is_eq();
        let first = |row: usize| arguments[row].first().cloned().unwrap_or(Value::Null);
        let mut rank = 0;
        let mut dense = 0;
        for (position, row) in rows.iter().enumerate() {
            if position == 0 || !peers(rows[position - 1], *row) {
                rank = position + 1;
                dense += 1;
            }
            let shifted = |by: i64| -> Value {
                let at = i64::try_from(position).unwrap_or(i64::MAX).checked_add(by);
                let other = at
                    .and_then(|at| usize::try_from(at).ok())
                    .and_then(|at| rows.get(at));
                match other {
                    Some(other) => first(*other),
                    None => arguments[*row].get(2).cloned().unwrap_or(Value::Null),
                }
            };
            let distance = match arguments[*row].get(1) {
                Some(Value::Int(n)) => *n,
                _ => 1,
            };
            out[*row] = match window.kind {
                WindowKind::RowNumber => count(position + 1),
                WindowKind::Rank => count(rank),
                WindowKind::DenseRank => count(dense),
                WindowKind::Lag => shifted(-distance),
                WindowKind::Lead => shifted(distance),
                WindowKind::FirstValue => first(rows[0]),
                WindowKind::Aggregate(kind) => {
                    // Without ORDER BY the whole partition; with it, up to this row or the last of its peers.
                    let end = if window.order.is_empty() {
                        rows.len()
                    } else if window.rows {
                        position + 1
                    } else {
                        rows.iter()
                            .rposition(|other| peers(*other, *row))
                            .map_or(rows.len(), |p| p + 1)
                    };
                    let values: Vec<Value> = rows[..end].iter().map(|r| first(*r)).collect();
                    if kind == AggregateKind::CountRows {
                        count(values.len())
                    } else {
                        let present = values.into_iter().filter(|v| !v.is_null()).collect();
                        fold_values(kind, present, window.ty, Collation::CaseInsensitive, "")?
                    }
                }
            };
        }
    }
    Ok(out)
}
