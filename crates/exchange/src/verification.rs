//! What a comparison of table and portal found.

use serde::{Deserialize, Serialize};

/// How many keys of each kind a finding keeps, as examples.
const EXAMPLES: usize = 20;

/// Rows of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// How many.
    pub count: u64,
    /// The first few, by their ID in the portal.
    pub examples: Vec<i64>,
    /// The columns concerned, each once.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub columns: Vec<String>,
}

impl Finding {
    /// Counts a row.
    pub fn add(&mut self, key: i64) {
        self.count += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(key);
        }
    }

    /// Counts a row that differs in these columns.
    pub fn add_columns<'a>(&mut self, key: i64, columns: impl IntoIterator<Item = &'a str>) {
        self.add(key);
        for column in columns {
            if !self.columns.iter().any(|known| known == column) {
                self.columns.push(column.to_owned());
            }
        }
    }
}

/// What a comparison of one table with the portal found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Verification {
    /// The table.
    pub table: String,
    /// Rows in the portal.
    pub portal: u64,
    /// Rows in the table.
    pub stored: u64,
    /// Rows of the portal that the table lacks.
    pub missing: Finding,
    /// Rows that differ.
    pub different: Finding,
    /// Rows of the table that look as if they still were in the portal, but are not.
    pub extra: Finding,
    /// Rows that vanished from the portal and are kept, as they must be.
    pub kept: Finding,
}

impl Verification {
    /// A comparison of `table` with nothing found yet.
    pub fn of(table: impl Into<String>) -> Self {
        Self {
            table: table.into(),
            ..Self::default()
        }
    }

    /// Whether the table is true: nothing missing, different or extra.
    pub fn is_true(&self) -> bool {
        self.missing.count == 0 && self.different.count == 0 && self.extra.count == 0
    }
}
