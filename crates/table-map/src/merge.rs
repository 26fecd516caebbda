//! What an upsert does to a stored row, and what a check after it must find: pure, for all stores alike.

use crate::{Column, Role, Row, TableMap, UpdateRule, Value};

/// The row that must be stored after `incoming` was written over `stored`, or `None` when nothing changes.
///
/// Both rows must be of `map` and have the same key. Every store's upsert gives this result; it is idempotent
/// (merging the result with `incoming` again changes nothing).
pub fn merge(map: &TableMap, stored: &Row, incoming: &Row) -> Option<Row> {
    let changed = map
        .written()
        .enumerate()
        .any(|(place, column)| pick(map, column, place, stored, incoming) != &stored.values()[place]);
    changed.then(|| {
        let values = map
            .written()
            .enumerate()
            .map(|(place, column)| pick(map, column, place, stored, incoming).clone())
            .collect();
        stored.with_values(values)
    })
}

fn pick<'a>(map: &TableMap, column: &Column, place: usize, stored: &'a Row, incoming: &'a Row) -> &'a Value {
    let (old, new) = (&stored.values()[place], &incoming.values()[place]);
    let keep = match column.role() {
        Role::Content(UpdateRule::Always) => false,
        Role::Content(UpdateRule::FirstKnown) => !old.is_null(),
        Role::Content(UpdateRule::Ranked(ranking)) => {
            let rank = ranking.rank(incoming.text(map, ranking.by));
            rank < ranking.rank(stored.text(map, ranking.by)) || (rank == 0 && new.is_null())
        }
        _ => true,
    };
    if keep { old } else { new }
}

/// How a row that was read back is compared with the one that was meant to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// The row was inserted just now: every column must be as intended.
    Inserted,
    /// The row was there before: its rules may have kept stored values.
    Merged,
}

/// A column in which a stored row is not as it was meant to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The column.
    pub column: &'static str,
    /// The value that was meant.
    pub intended: Value,
    /// The value that is stored.
    pub stored: Value,
}

/// The columns in which `stored`, read back from a table, is not as `intended` was meant to leave it. Empty means
/// verified.
///
/// With [`Strictness::Merged`] a stored value is right when writing `intended` once more would leave it as it is.
pub fn difference(map: &TableMap, intended: &Row, stored: &Row, strictness: Strictness) -> Vec<Difference> {
    map.written()
        .enumerate()
        .filter_map(|(place, column)| {
            let (want, have) = (&intended.values()[place], &stored.values()[place]);
            let right = match (strictness, column.role()) {
                (Strictness::Inserted, _) | (_, Role::Key) => want == have,
                (Strictness::Merged, _) => pick(map, column, place, stored, intended) == have,
            };
            (!right).then(|| Difference {
                column: column.name(),
                intended: want.clone(),
                stored: have.clone(),
            })
        })
        .collect()
}
