//! What can go wrong.

use chrono::NaiveDate;

use crate::LONGEST;

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The last day is before the first.
    #[error(
        "the period ends on {until}, before it begins on {from}; choose a last day that is not before the first"
    )]
    Backwards {
        /// The first day.
        from: NaiveDate,
        /// The last day.
        until: NaiveDate,
    },
    /// More days than a chart can show.
    #[error("the period has {days} days; choose one of at most {LONGEST}")]
    TooLong {
        /// How many days it has.
        days: i64,
    },
    /// A day that no table holds.
    #[error("{0} is not between 1900 and 9998; choose another day")]
    OutOfTime(NaiveDate),
    /// The tables hold more stages than anybody can look at.
    #[error("the tables have more than {0} stages in one pipeline; is something else writing to them?")]
    TooManyStages(usize),
    /// The target did not answer, or not as asked.
    #[error("the figures could not be read")]
    Store(#[from] store::Error),
    /// A workbook could not be written.
    #[error("the workbook could not be written")]
    Workbook(#[source] Box<dyn std::error::Error + Send + Sync>),
}
