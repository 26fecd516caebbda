//! Tables made before they are used, rows verified after they are written.

use std::collections::{HashMap, HashSet};

use agent::Failure;
use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};
use store::{ErrorKind, Step, Store, planner};
use table_map::{Row, Strictness, TableMap, difference};

use crate::failure::store_failure;

/// Sees to it that the table, its columns and its indexes are there. Tells whether the table itself was made just now, so that
/// state about what it holds is void.
///
/// # Errors
/// Permanent when the database has a table of this name that cannot be taken over.
pub async fn ensure_table(store: &dyn Store, map: &TableMap) -> Result<bool, Failure> {
    let table = map.name();
    let shape = store
        .inspect(map)
        .await
        .map_err(|error| store_failure(&format!("look at table {table}"), error))?;
    let plan = planner::plan(map, shape.as_ref()).map_err(|clashes| {
        Failure::permanent(format!(
            "table {table} of {} cannot be taken over",
            store.target()
        ))
        .with_source(clashes)
    })?;
    if plan.is_empty() {
        return Ok(false);
    }
    if let Err(error) = store.apply(&plan).await {
        let what = format!("migrate table {table}{}", duplicates(store, map, &error).await);
        return Err(store_failure(&what, error));
    }
    tracing::info!(table, steps = plan.steps().len(), "migrated");
    Ok(plan.steps().contains(&Step::CreateTable))
}

/// What stands in the way of a unique index, in words for the operator; empty when that is not the trouble.
async fn duplicates(store: &dyn Store, map: &TableMap, error: &store::Error) -> String {
    if error.kind() != ErrorKind::Data {
        return String::new();
    }
    match store.duplicates(map, 20).await {
        Ok(keys) if !keys.is_empty() => {
            let keys: Vec<String> = keys.iter().map(i64::to_string).collect();
            format!(
                ", where {} {} stand in several rows; `stage-exchange migrate --merge-duplicates` keeps the oldest of each",
                map.key(),
                keys.join(", ")
            )
        }
        _ => String::new(),
    }
}

/// How many rows a write inserted, changed and left alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteCounts {
    /// Rows that were not there before.
    pub inserted: u64,
    /// Rows whose content changed.
    pub changed: u64,
    /// Rows that were as they had to be.
    pub unchanged: u64,
}

impl WriteCounts {
    /// Adds another write.
    pub fn add(&mut self, other: Self) {
        self.inserted += other.inserted;
        self.changed += other.changed;
        self.unchanged += other.unchanged;
    }

    /// Rows in all.
    pub fn total(self) -> u64 {
        self.inserted + self.changed + self.unchanged
    }
}

/// What [`write_verified`] did.
pub type Written = WriteCounts;

/// Writes rows, reads them back from the table and compares them with what was meant. Only when this returns `Ok` may a cursor
/// move past them.
///
/// # Errors
/// Those of the store; permanent when a row came back other than it was sent.
pub async fn write_verified(
    store: &dyn Store,
    map: &TableMap,
    rows: &[Row],
    at: NaiveDateTime,
) -> Result<Written, Failure> {
    if rows.is_empty() {
        return Ok(Written::default());
    }
    let table = map.name();
    let upserted = store
        .upsert(map, rows, at)
        .await
        .map_err(|error| store_failure(&format!("write {} rows to {table}", rows.len()), error))?;
    // Of rows with the same key the later one counts, as the store's contract says.
    let intended: HashMap<i64, &Row> = rows.iter().map(|row| (row.key(), row)).collect();
    let mut keys: Vec<i64> = intended.keys().copied().collect();
    keys.sort_unstable();
    let stored = store
        .read_back(map, &keys)
        .await
        .map_err(|error| store_failure(&format!("read {} rows back from {table}", keys.len()), error))?;
    let inserted: HashSet<i64> = upserted.inserted.iter().copied().collect();
    let stored: HashMap<i64, &Row> = stored.iter().map(|row| (row.key(), row)).collect();
    for key in &keys {
        let (Some(want), Some(have)) = (intended.get(key), stored.get(key)) else {
            return Err(Failure::permanent(format!(
                "row {key} is not in {table} after it was written; is something else deleting rows there?"
            )));
        };
        let strictness = if inserted.contains(key) {
            Strictness::Inserted
        } else {
            Strictness::Merged
        };
        if let Some(wrong) = difference(map, want, have, strictness).first() {
            return Err(Failure::permanent(format!(
                "row {key} of {table} came back with another {} than was written; \
                 is something else writing there, or can the column not hold the value?",
                wrong.column
            )));
        }
    }
    Ok(Written {
        inserted: count(&upserted.inserted),
        changed: count(&upserted.changed),
        unchanged: upserted.unchanged,
    })
}

fn count(keys: &[i64]) -> u64 {
    u64::try_from(keys.len()).unwrap_or(u64::MAX)
}
