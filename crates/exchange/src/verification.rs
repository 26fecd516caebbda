//! What a comparison of table and portal found.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::WriteCounts;

/// How many keys of each kind a finding keeps, as examples.
const EXAMPLES: usize = 20;

/// How many keys a column keeps, as examples.
const COLUMN_EXAMPLES: usize = 5;

/// Rows of one kind. Only their numbers and keys: never what is in them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// How many.
    pub count: u64,
    /// The first few, by their ID in the portal.
    pub examples: Vec<i64>,
    /// The columns concerned.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub columns: BTreeMap<String, ColumnFinding>,
}

/// Rows that differ in one column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ColumnFinding {
    /// How many.
    pub count: u64,
    /// The first few, by their ID in the portal.
    pub examples: Vec<i64>,
}

impl Finding {
    /// Counts a row.
    pub fn add(&mut self, key: i64) {
        self.add_many(key, 1);
    }

    /// Counts several rows of one key.
    pub fn add_many(&mut self, key: i64, rows: u64) {
        self.count += rows;
        if self.examples.len() < EXAMPLES {
            self.examples.push(key);
        }
    }

    /// Counts a row that differs in these columns.
    pub fn add_columns<'a>(&mut self, key: i64, columns: impl IntoIterator<Item = &'a str>) {
        self.add(key);
        for column in columns {
            let found = self.columns.entry(column.to_owned()).or_default();
            found.count += 1;
            if found.examples.len() < COLUMN_EXAMPLES {
                found.examples.push(key);
            }
        }
    }
}

/// Rows that could not be mended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Refused {
    /// How many.
    pub count: u64,
    /// The first few, by their ID in the portal.
    pub examples: Vec<i64>,
    /// Why the first of them was refused.
    pub reason: String,
}

impl Refused {
    /// Counts a row.
    pub fn add(&mut self, key: i64, reason: impl FnOnce() -> String) {
        if self.count == 0 {
            self.reason = reason();
        }
        self.count += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(key);
        }
    }
}

/// What was mended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Mended {
    /// Rows that were missing before.
    pub missing: Finding,
    /// Rows that differed before.
    pub different: Finding,
    /// What was written for it.
    pub written: WriteCounts,
    /// Rows that were active though the portal has them no more, and are not now.
    pub deactivated: u64,
    /// Rows that could not be written.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refused: Option<Refused>,
}

impl Mended {
    /// Whether the table was changed.
    pub fn changed_something(&self) -> bool {
        self.written.inserted + self.written.changed + self.deactivated > 0
    }
}

/// What a comparison of one table with the portal found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Verification {
    /// The table.
    pub table: String,
    /// Rows in the portal, as far as they were compared.
    pub portal: u64,
    /// Rows in the table, as far as they were compared.
    pub stored: u64,
    /// Rows of the table that were met and are outside what was asked for: of other pipelines, or too early.
    #[serde(default)]
    pub outside: u64,
    /// Rows of the portal that the table lacks.
    pub missing: Finding,
    /// Rows that differ.
    pub different: Finding,
    /// Rows of the table that the portal does not have and cannot have had, or that look as if it still had them.
    pub extra: Finding,
    /// Rows that vanished from the portal and are kept, as they must be.
    pub kept: Finding,
    /// Rows that share their key with an earlier one.
    #[serde(default)]
    pub duplicate: Finding,
    /// Why the comparison ended before its end; what was found until then is told.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unfinished: Option<String>,
    /// What was mended before this comparison; `None` when nothing was to be mended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mended: Option<Mended>,
}

impl Verification {
    /// A comparison of `table` with nothing found yet.
    pub fn of(table: impl Into<String>) -> Self {
        Self {
            table: table.into(),
            ..Self::default()
        }
    }

    /// The same, ended before its end.
    #[must_use]
    pub fn unfinished(mut self, reason: impl Into<String>) -> Self {
        self.unfinished = Some(reason.into());
        self
    }

    /// Whether the table is true: compared to the end, and nothing missing, different, extra or there twice.
    pub fn is_true(&self) -> bool {
        let wrong = [&self.missing, &self.different, &self.extra, &self.duplicate];
        self.unfinished.is_none() && wrong.iter().all(|finding| finding.count == 0)
    }

    /// What a person can do about what was found, one sentence a thing.
    pub fn advice(&self) -> Vec<String> {
        let mut advice = Vec::new();
        if let Some(refused) = self.mended.as_ref().and_then(|mended| mended.refused.as_ref()) {
            advice.push(format!(
                "{} rows could not be written, such as {}: {}",
                refused.count,
                keys(&refused.examples),
                refused.reason
            ));
        }
        if self.duplicate.count > 0 {
            advice.push(
                "rows that are there twice: `stage-exchange migrate --merge-duplicates` keeps the oldest of each"
                    .to_owned(),
            );
        }
        if self.extra.count > 0 {
            advice.push(format!(
                "extra rows are never deleted by this program: look at {} and delete by hand what somebody else wrote",
                keys(&self.extra.examples)
            ));
        }
        if self.mended.is_none() && self.missing.count + self.different.count > 0 {
            advice.push("missing and different rows: the same command with --repair mends them".to_owned());
        }
        if self.unfinished.is_some() {
            advice.push("the comparison did not reach its end: run it again".to_owned());
        }
        advice
    }
}

fn keys(examples: &[i64]) -> String {
    let keys: Vec<String> = examples.iter().take(5).map(i64::to_string).collect();
    keys.join(", ")
}
