//! The portal's side of a comparison.

use agent::Failure;
use async_trait::async_trait;
use table_map::Row;

/// Rows of the source, and up to where they are all there is.
#[derive(Debug, Default)]
pub struct SourceRows {
    /// Every row with a key up to here was read.
    pub up_to: i64,
    /// The rows, in ascending order of their keys.
    pub rows: Vec<Row>,
}

/// What is the case with a row that only the table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// The source had it once, and it is kept.
    Kept,
    /// The source cannot have had it.
    Extra,
    /// The source has it after all: it came meanwhile, or it is of a part that is not compared.
    There,
}

/// What a table is compared with. Every method may be called again after it has failed, with the same result.
#[async_trait]
pub trait Source: Send {
    /// The lowest and the highest key that are to be compared; `None` when the source has no such row.
    async fn bounds(&mut self) -> Result<Option<(i64, i64)>, Failure>;

    /// Rows with keys above `after`, not beyond `until`, as many as are read well in one go. `up_to` is above `after`.
    async fn read(&mut self, after: i64, until: i64) -> Result<SourceRows, Failure>;

    /// The rows with these keys as the source has them now, nothing of them remembered; what it does not have is left out.
    async fn again(&mut self, keys: &[i64]) -> Result<Vec<Row>, Failure>;

    /// What is the case with each of these rows, which only the table has. In their order.
    async fn absent(&mut self, rows: &[Row]) -> Result<Vec<Absent>, Failure>;

    /// Whether a row that only the table has is among what is compared.
    fn covers(&self, row: &Row) -> bool;

    /// Where the comparison begins in the table: with the row after this key. `None` for its first row.
    fn begins_after(&self) -> Option<i64> {
        None
    }

    /// A reason not to trust a source that shows no row at all.
    fn distrust_of_nothing(&self) -> Option<String> {
        None
    }
}
