//! An index of a table.

/// An index. It is known by its columns and whether it is unique; its name is only a proposal for making it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    columns: Vec<&'static str>,
    unique: bool,
}

impl Index {
    /// An index that speeds up reading.
    pub fn on(columns: impl IntoIterator<Item = &'static str>) -> Self {
        Self {
            columns: columns.into_iter().collect(),
            unique: false,
        }
    }

    /// An index that also keeps its columns' values unique.
    pub fn unique(columns: impl IntoIterator<Item = &'static str>) -> Self {
        Self {
            columns: columns.into_iter().collect(),
            unique: true,
        }
    }

    /// The key columns in their order.
    pub fn columns(&self) -> &[&'static str] {
        &self.columns
    }

    /// Whether it keeps values unique.
    pub fn is_unique(&self) -> bool {
        self.unique
    }

    /// The name under which it is made on `table`: `UX_…` when unique, else `IX_…`, at most 128 characters (SQL Server's
    /// limit for an identifier). What is neither letter nor digit in the table's name becomes `_`, as sea-query does not quote
    /// inside an index's name.
    pub fn name_on(&self, table: &str) -> String {
        let prefix = if self.unique { "UX" } else { "IX" };
        let name = format!("{prefix}_{table}_{}", self.columns.join("_"));
        name.chars()
            .map(|letter| if letter.is_alphanumeric() { letter } else { '_' })
            .take(128)
            .collect()
    }
}
