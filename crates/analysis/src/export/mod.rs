//! Tables of figures as files: CSV and Excel.

mod csv;
mod workbook;

use chrono::NaiveDate;

pub use csv::csv;
pub use workbook::workbook;

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Text: never read as a formula, whatever it begins with.
    Text(String),
    /// A whole number.
    Count(u64),
    /// A number with a fraction; `None` is an empty cell.
    Number(Option<f64>),
    /// A share, 1 being the whole.
    Share(Option<f64>),
    /// A length of time in seconds.
    Seconds(Option<i64>),
    /// A calendar day.
    Day(NaiveDate),
}

/// A table: its rows have as many cells as it has headings.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// Its name: at most 31 letters, none of `[ ] : * ? / \`.
    pub name: String,
    /// The headings of its columns.
    pub headings: Vec<String>,
    /// Its rows.
    pub rows: Vec<Vec<Cell>>,
}
