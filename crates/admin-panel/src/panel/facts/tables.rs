//! Tables, views and verifications.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};

use super::WorkFacts;

/// Rows of one kind that a verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FindingFacts {
    /// How many.
    pub count: u64,
    /// The first few, by their ID in the portal.
    pub examples: Vec<i64>,
    /// The columns concerned.
    pub columns: Vec<String>,
}

/// How much of a table a sample looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SampleFacts {
    /// A share, above 0 and at most 1.
    Share(f64),
    /// About so many rows.
    Rows(u64),
}

/// The part of a table that was compared, when it was not all of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PartFacts {
    /// Only moves since this time, as the table writes it.
    pub since: Option<NaiveDateTime>,
    /// Only these pipelines; all when there are none.
    pub pipelines: Vec<i64>,
    /// Only a sample.
    pub sample: Option<SampleFacts>,
}

/// What was mended before the comparison.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MendedFacts {
    /// Rows that were missing and are written.
    pub inserted: u64,
    /// Rows that differed and are written.
    pub changed: u64,
    /// Rows that are inactive now, as the portal has them no more.
    pub deactivated: u64,
    /// Rows that could not be written.
    pub refused: u64,
}

/// A comparison of one table with the portal.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VerificationFacts {
    /// When it ended.
    pub at: DateTime<Utc>,
    /// How long it took.
    pub took: Duration,
    /// Where it was started: `panel`, `command line`.
    pub by: String,
    /// What was compared; none when it was everything.
    pub part: Option<PartFacts>,
    /// Rows in the portal.
    pub portal: u64,
    /// Rows in the table.
    pub stored: u64,
    /// Rows that the table lacks.
    pub missing: FindingFacts,
    /// Rows that differ.
    pub different: FindingFacts,
    /// Rows that look as if they still were in the portal.
    pub extra: FindingFacts,
    /// Rows that share their key with another one.
    pub duplicate: FindingFacts,
    /// Rows that vanished from the portal and are kept.
    pub kept: FindingFacts,
    /// Why it ended before its end, in English; none when it did not.
    pub unfinished: Option<String>,
    /// What was mended before; none when nothing was to be mended.
    pub mended: Option<MendedFacts>,
}

impl VerificationFacts {
    /// Rows that are not as they have to be.
    pub fn wrong(&self) -> u64 {
        [&self.missing, &self.different, &self.extra, &self.duplicate]
            .iter()
            .map(|finding| finding.count)
            .sum()
    }
}

/// What a migration would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanFacts {
    /// The target cannot say.
    Unknown,
    /// Nothing.
    Nothing,
    /// These steps.
    Steps {
        /// Each in a few words, in English.
        steps: Vec<String>,
        /// The statements, for a person to read.
        statements: Vec<String>,
    },
    /// What is there cannot be taken over, for this reason (in English).
    Clash(String),
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableFacts {
    /// Its name.
    pub name: String,
    /// The exchange that keeps it.
    pub exchange: String,
    /// Whether it is there; none when the target cannot say.
    pub exists: Option<bool>,
    /// Its rows.
    pub rows: Option<u64>,
    /// Its columns in the database.
    pub columns: usize,
    /// Its indexes in the database.
    pub indexes: usize,
    /// What a migration would do.
    pub plan: PlanFacts,
    /// Differences that are accepted, in English.
    pub notes: Vec<String>,
    /// Why the target cannot say, in English.
    pub error: Option<String>,
    /// The latest verifications, the newest first.
    pub verifications: Vec<VerificationFacts>,
    /// The verification's agent.
    pub verifying: Option<WorkFacts>,
}

/// What the database has under a view's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViewState {
    /// The target cannot say.
    Unknown,
    /// Nothing.
    Missing,
    /// The view as it is defined today.
    Current,
    /// The view with an older definition.
    Old,
    /// A view whose definition the program may not see; whoever made it looks after it.
    Hidden,
    /// Something that the program did not make.
    Foreign,
}

/// A view beside the tables, for people and their reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewFacts {
    /// Its name.
    pub name: String,
    /// What there is.
    pub state: ViewState,
    /// What a migration would do.
    pub plan: PlanFacts,
    /// Why the target cannot say, in English.
    pub error: Option<String>,
}

/// What the page of tables shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Database {
    /// The tables.
    pub tables: Vec<TableFacts>,
    /// The views.
    pub views: Vec<ViewFacts>,
}
