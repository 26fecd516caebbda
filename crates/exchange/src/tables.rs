//! Tables made before they are used, rows verified after they are written.

use agent::Failure;
use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};
use store::{ErrorKind, Plan, Store, Upserted, planner};
use table_map::{Row, TableMap};

use crate::failure::store_failure;

/// The counter of rows that were written and verified, by `table` and `kind` (inserted, changed, unchanged).
const ROWS_WRITTEN: &str = "stage_exchange_rows_written_total";

/// Sees to it that the table, its columns and its indexes are there. A table that is made here is empty: state that vouches for
/// rows must be checked against the table itself, since the process may end right after this.
///
/// # Errors
/// Permanent when the database has a table of this name that cannot be taken over.
pub async fn ensure_table(store: &dyn Store, map: &TableMap) -> Result<(), Failure> {
    ensure(store, map, Clone::clone).await
}

/// The same, but for indexes that only make questions faster. Who brings millions of rows makes them when all are there: sorted once they
/// cost a fraction of what they cost row by row, above all where rows of one moment lie far apart in them.
///
/// # Errors
/// As [`ensure_table`].
pub async fn ensure_writable(store: &dyn Store, map: &TableMap) -> Result<(), Failure> {
    ensure(store, map, Plan::without_plain_indexes).await
}

async fn ensure(store: &dyn Store, map: &TableMap, part: impl Fn(&Plan) -> Plan) -> Result<(), Failure> {
    let table = map.name();
    let shape = store.inspect(map).await.map_err(store_failure)?;
    let plan = planner::plan(map, shape.as_ref()).map_err(|clashes| {
        Failure::permanent(format!(
            "table {table} of {} cannot be taken over",
            store.target()
        ))
        .with_source(clashes)
    })?;
    let plan = part(&plan);
    if plan.is_empty() {
        return Ok(());
    }
    if let Err(error) = store.apply(&plan).await {
        return Err(match duplicates(store, map, &error).await {
            Some(what) => Failure::permanent(what).with_source(error),
            None => store_failure(error),
        });
    }
    tracing::info!(table, steps = plan.steps().len(), "migrated");
    Ok(())
}

/// Sees to it that the table can be read as it is: there, with all its columns. Changes nothing; an index may be missing.
///
/// # Errors
/// Permanent, with what to do, when the table must be migrated first or cannot be taken over.
pub async fn require_table(store: &dyn Store, map: &TableMap) -> Result<(), Failure> {
    let (table, target) = (map.name(), store.target());
    let shape = store.inspect(map).await.map_err(store_failure)?;
    let there = shape.is_some();
    let plan = planner::plan(map, shape.as_ref()).map_err(|clashes| {
        Failure::permanent(format!("table {table} of {target} cannot be used")).with_source(clashes)
    })?;
    match plan.without_indexes().steps().len() {
        0 => Ok(()),
        _ if !there => Err(Failure::permanent(format!(
            "table {table} is not in {target} yet; migrate first: `stage-exchange migrate`"
        ))),
        lacking => Err(Failure::permanent(format!(
            "table {table} of {target} lacks {lacking} columns; migrate first: `stage-exchange migrate`"
        ))),
    }
}

/// What stands in the way of a unique index, in words for the operator; `None` when that is not the trouble.
async fn duplicates(store: &dyn Store, map: &TableMap, error: &store::Error) -> Option<String> {
    if error.kind() != ErrorKind::Data {
        return None;
    }
    let keys = store
        .duplicates(map, 20)
        .await
        .ok()
        .filter(|keys| !keys.is_empty())?;
    let keys: Vec<String> = keys.iter().map(i64::to_string).collect();
    Some(format!(
        "table {} has several rows with {} {}; `stage-exchange migrate --merge-duplicates` keeps the oldest of each",
        map.name(),
        map.key(),
        keys.join(", ")
    ))
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

/// Rows that were written and not yet read back. No cursor may move past them before [`verify`](Self::verify) says so.
#[derive(Debug)]
#[must_use = "rows that were written are not yet verified"]
pub struct Unverified {
    rows: Vec<Row>,
    upserted: Upserted,
    at: NaiveDateTime,
}

/// Writes rows. Reading them back is [`Unverified::verify`], which may go on while the next rows are written.
///
/// # Errors
/// Those of the store.
pub async fn write(
    store: &dyn Store,
    map: &TableMap,
    rows: Vec<Row>,
    at: NaiveDateTime,
) -> Result<Unverified, Failure> {
    let upserted = if rows.is_empty() {
        Upserted::default()
    } else {
        store.upsert(map, &rows, at).await.map_err(store_failure)?
    };
    Ok(Unverified { rows, upserted, at })
}

impl Unverified {
    /// Reads the rows back from the table and compares them with what was meant. Only when this returns `Ok` may a cursor
    /// move past them.
    ///
    /// A row that comes back other than it was sent is written once more: another agent may have written it in between.
    ///
    /// # Errors
    /// Those of the store; permanent when a row came back other than it was sent, twice.
    pub async fn verify(self, store: &dyn Store, map: &TableMap) -> Result<WriteCounts, Failure> {
        let Self { rows, upserted, at } = self;
        if rows.is_empty() {
            return Ok(WriteCounts::default());
        }
        let intended: Vec<Row> = Row::by_key(&rows).into_iter().cloned().collect();
        let mut inserted = upserted.inserted.clone();
        inserted.sort_unstable();
        let wrong = store.verify(map, &intended, &inserted).await;
        if let Some(wrong) = wrong.map_err(store_failure)? {
            tracing::warn!(table = map.name(), mismatch = wrong.of(map), "writing once more");
            store.upsert(map, &rows, at).await.map_err(store_failure)?;
            let wrong = store.verify(map, &intended, &[]).await;
            if let Some(wrong) = wrong.map_err(store_failure)? {
                return Err(Failure::permanent(wrong.of(map)));
            }
        }
        let written = WriteCounts {
            inserted: count(&upserted.inserted),
            changed: count(&upserted.changed),
            unchanged: upserted.unchanged,
        };
        for (kind, rows) in [
            ("inserted", written.inserted),
            ("changed", written.changed),
            ("unchanged", written.unchanged),
        ] {
            metrics::counter!(ROWS_WRITTEN, "table" => map.name().to_owned(), "kind" => kind).increment(rows);
        }
        Ok(written)
    }
}

/// [Writes](fn@write) rows and [verifies](Unverified::verify) them.
///
/// # Errors
/// Those of both.
pub async fn write_verified(
    store: &dyn Store,
    map: &TableMap,
    rows: &[Row],
    at: NaiveDateTime,
) -> Result<WriteCounts, Failure> {
    write(store, map, rows.to_vec(), at)
        .await?
        .verify(store, map)
        .await
}

fn count(keys: &[i64]) -> u64 {
    u64::try_from(keys.len()).unwrap_or(u64::MAX)
}
