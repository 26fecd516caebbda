//! The contract of a store: a database that holds mirrored tables.
//!
//! A [`Store`] knows tables only as [`table_map::TableMap`]s and rows only as [`table_map::Row`]s. It knows nothing of where
//! rows come from. The crate also holds the [planner] that compares a map with what a database has; it is
//! pure, so every store migrates by the same rules.
//!
//! # The contract
//!
//! * **Upserts.** [`Store::upsert`] leaves each row as [`table_map::merge`] says, in one transaction: after `Ok` all
//!   rows are committed, after `Err` none or all are (when the connection broke while committing). So a step that failed is
//!   repeated whole, with the same result.
//! * **Duplicates.** Of two rows with the same key in one call the later one counts. In the table the unique index on the key
//!   is the referee; two concurrent upserts of one key end as one row.
//!   Before that index is there, an upsert keeps every row of a key up to date, and reading back gives all of them.
//! * **Rows without a key**, of a table that someone else made, are counted and otherwise left alone.
//! * **Views** are extras for people and their reports. A store makes them, makes them anew when their definition changed, and
//!   reads none of them itself; nothing that is not ours is touched.
//! * **Reading back** and verifying read what is committed from the table itself, not from anything the upsert left behind.
//! * **Concurrency.** All methods may be called at once from several tasks. A store serialises what its database cannot do
//!   side by side.
//! * **Cancellation.** Dropping a call's future at any await point leaves the table as after `Err` and the store usable.
//! * **Errors** say by their [kind](ErrorKind) whether coming back can help; they name the table and the
//!   operation, and never hold a secret.
//! * **No retries inside** beyond one connection that turned out to be dead before it was used.
//!
//! With the feature `conformance` the crate holds the tests that every store must pass.
//!
//! # Example
//!
//! ```
//! use store::planner;
//! use table_map::{Column, Index, TableMap};
//!
//! let map = TableMap::builder("STAGES")
//!     .column(Column::identity("ID"))
//!     .column(Column::key("EXTERNAL_ID"))
//!     .index(Index::unique(["EXTERNAL_ID"]))
//!     .build()?;
//! // The database has no such table yet:
//! let plan = planner::plan(&map, None)?;
//! assert_eq!(plan.steps().len(), 2, "make the table, make its index");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod highest;
pub mod planner;
mod shape;
#[cfg(test)]
mod tests;
mod verifying;
pub mod views;

use async_trait::async_trait;
use chrono::NaiveDateTime;
use table_map::{Answer, Query, Row, TableMap, ViewMap};

pub use error::{Error, ErrorKind};
pub use highest::highest;
pub use planner::{Clash, Clashes, Note, Plan, Step};
pub use shape::{ColumnShape, IndexShape, TableShape, TypeShape};
pub use verifying::{Verifier, Wrong};
pub use views::{FoundView, Mark, ViewClash, ViewPlan, ViewStep};

/// Rows that are read back at once: enough that round trips do not count, few enough that a second copy of them does not.
const READ_BACK: usize = 1000;

/// What an upsert did. Each key of the call counts once, in one of the three.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upserted {
    /// Keys of rows that were not there before, in no promised order.
    pub inserted: Vec<i64>,
    /// Keys of rows whose content changed, in no promised order.
    pub changed: Vec<i64>,
    /// How many rows were there already as they had to be.
    pub unchanged: u64,
}

/// A database that holds mirrored tables. The crate's documentation is its contract.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The target for people, without secrets: `sqlite:/var/lib/x.sqlite`, `mssql://host:1433/database`.
    fn target(&self) -> String;

    /// Connects and asks for the server's version. For checks; nothing is written.
    ///
    /// # Errors
    /// When the target cannot be reached or does not let us in.
    async fn ping(&self) -> Result<String, Error>;

    /// What the database has under this table's name, or `None` when there is no such table.
    async fn inspect(&self, map: &TableMap) -> Result<Option<TableShape>, Error>;

    /// The statements that [`apply`](Store::apply) would run for this plan, for a person to read or to run by hand.
    fn statements(&self, plan: &Plan) -> Result<Vec<String>, Error>;

    /// Carries a plan out. Two runners that apply at once do not harm each other: a step that another has done already
    /// is skipped. Steps that were done stay done when a later one fails.
    ///
    /// # Errors
    /// [`ErrorKind::Data`] when a unique index cannot be made because of duplicates (see
    /// [`duplicates`](Store::duplicates)).
    async fn apply(&self, plan: &Plan) -> Result<(), Error>;

    /// Keys that stand in more than one row, ascending, at most `limit` of them. Empty when the table is not there.
    async fn duplicates(&self, map: &TableMap, limit: u32) -> Result<Vec<i64>, Error>;

    /// Deletes, of the rows with the same key, all but the oldest (the lowest identity); tells how many were deleted. Only ever
    /// called when a person asked for it.
    async fn merge_duplicates(&self, map: &TableMap) -> Result<u64, Error>;

    /// Writes rows: those that are new are inserted, those that differ are changed by their columns' rules, the others are
    /// left alone. `at`, in the target's time zone, becomes the time of insertion and of change.
    async fn upsert(&self, map: &TableMap, rows: &[Row], at: NaiveDateTime) -> Result<Upserted, Error>;

    /// The committed rows with these keys, in ascending order of the key; keys without a row are left out.
    async fn read_back(&self, map: &TableMap, keys: &[i64]) -> Result<Vec<Row>, Error>;

    /// Reads the rows with the keys of `rows` and tells the first that is not as writing `rows` was meant to leave it; `None` when all are.
    /// Both `rows` and `inserted`, the keys of those that were not there before, are in ascending order of the key, each key once.
    ///
    /// A store that can compare without making rows of what it reads may do so.
    async fn verify(&self, map: &TableMap, rows: &[Row], inserted: &[i64]) -> Result<Option<Wrong>, Error> {
        for rows in rows.chunks(READ_BACK) {
            let keys: Vec<i64> = rows.iter().map(Row::key).collect();
            let stored = self.read_back(map, &keys).await?;
            let mut verifier = Verifier::new(map, rows, inserted);
            let met = stored.iter().try_for_each(|row| verifier.meet(row));
            if let Err(wrong) = met.and_then(|()| verifier.end()) {
                return Ok(Some(wrong));
            }
        }
        Ok(None)
    }

    /// At most `limit` rows with a key above `after`, in ascending order of the key: for walking a table.
    async fn scan(&self, map: &TableMap, after: Option<i64>, limit: u32) -> Result<Vec<Row>, Error>;

    /// Sets the map's [active](TableMap::active) flag of these rows to `N`, and their time of change to `at`, where it is not `N`
    /// already. Tells how many were changed. A map without such a flag is a [bug](ErrorKind::Bug).
    async fn deactivate(&self, map: &TableMap, keys: &[i64], at: NaiveDateTime) -> Result<u64, Error>;

    /// How many rows the table has.
    async fn count(&self, map: &TableMap) -> Result<u64, Error>;

    /// The answer to a question. It is held in memory whole, so a question asks for sums, not for rows by the million. A
    /// value that is none of its column's type is an error of the kind [`ErrorKind::Data`].
    async fn ask(&self, query: &Query) -> Result<Answer, Error>;

    /// What the database has under this view's name.
    async fn inspect_view(&self, view: &ViewMap) -> Result<FoundView, Error>;

    /// The statements that [`apply_view`](Store::apply_view) would run for this plan, for a person to read or to run by hand.
    fn view_statements(&self, plan: &ViewPlan) -> Result<Vec<String>, Error>;

    /// Carries the plan of a view out. The tables that it reads must be there. Two runners that apply at once do not harm each
    /// other, and what is not ours is left alone.
    ///
    /// # Errors
    /// [`ErrorKind::Operator`] when the right to make views is missing.
    async fn apply_view(&self, plan: &ViewPlan) -> Result<(), Error>;
}
