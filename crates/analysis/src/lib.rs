//! Figures out of the target's tables: the funnel of a pipeline, times in stages, moves a day, deals won and lost a week.
//!
//! The database does the sums, so any number of rows takes no more memory here than a few. What is counted is said in one place,
//! `visits`, which the figures and the [views] of the target share.
//!
//! # What the figures mean
//!
//! * **A visit** of a stage begins with a row of the history and ends with the deal's next row, by `CREATED_TIME`, then
//!   `EXTERNAL_ID`. One without a next row is open and runs to now.
//! * **A passage** is a deal's way through one pipeline. A move to another pipeline ends it; a deal that comes back begins a new one,
//!   and counts again.
//! * **A stay** is what a passage spent in one stage: repeated visits add up.
//! * **The funnel of a period** counts, by [`Basis`], the passages that began in it, or those that entered a stage in it. A stage
//!   was reached by a deal that stood in it; a stage that was skipped was not.
//! * **Conversion** to the next stage divides the deals of that by the deals of this, so it exceeds 1 where deals begin later than
//!   at the first stage. Lost stages are no next ones.
//! * **Percentiles** are by nearest rank: the shortest stay that at least that share of the stays do not exceed.
//! * **A move** is a row of the history: also the one by which a deal came into the pipeline.
//! * **Won and lost** deals of a week are those with a row in a won (`S`) or lost (`F`) stage in it; a deal counts once a week in each.
//!   Weeks begin on Monday.
//!
//! # Example
//!
//! ```
//! use analysis::{Period, Tables};
//!
//! let day = |text: &str| text.parse::<chrono::NaiveDate>().expect("a day");
//! let period = Period::new(day("2026-01-01"), day("2026-01-31"))?;
//! assert_eq!(period.days().count(), 31);
//! assert_eq!(period.mondays().next(), Some(day("2025-12-29")));
//!
//! let tables = Tables::new("CRM_STAGE_HISTORY_PROD", "CRM_STAGE_LIST_PROD");
//! let view = analysis::views::funnel("CRM_STAGE_FUNNEL_PROD", &tables, chrono_tz::Europe::Moscow);
//! assert_eq!(view.query().columns()[0].name(), "CATEGORY_ID");
//! # Ok::<(), analysis::Error>(())
//! ```

mod analyst;
mod ask;
pub mod chart;
mod error;
pub mod export;
mod figures;
mod period;
pub mod views;
mod visits;
mod zone;

#[cfg(test)]
mod tests;

pub use analyst::Analyst;
pub use ask::{Asked, Basis, figures, pipelines};
pub use error::Error;
pub use figures::{Day, Figures, Kind, Pipeline, StageFigures, Week};
pub use period::{LONGEST, Period};

/// The names of the two tables that everything is counted from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    pub(crate) history: String,
    pub(crate) stages: String,
}

impl Tables {
    /// The table of moves and the table of stages.
    pub fn new(history: impl Into<String>, stages: impl Into<String>) -> Self {
        Self {
            history: history.into(),
            stages: stages.into(),
        }
    }
}
