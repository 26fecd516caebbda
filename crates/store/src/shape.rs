//! What a database has: a table's shape, in words that all databases share.

/// The kind of values a column can hold, as far as a map's columns are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TypeShape {
    /// Whole numbers of this many bits, signed: 16, 32 or 64. A column for small unsigned bytes has 8.
    Integer {
        /// Bits.
        bits: u8,
    },
    /// Text.
    Text {
        /// The longest text in characters of the column's own encoding; `None` when it has no limit.
        length: Option<u32>,
        /// Whether it holds all of Unicode.
        unicode: bool,
    },
    /// Calendar days.
    Date,
    /// Dates with times.
    DateTime {
        /// Digits after the second that it keeps. SQL Server's old `datetime` keeps steps of 1/300 s: 2 digits.
        digits: u8,
    },
    /// Anything: a database whose columns take every value.
    Any,
    /// Something that a map's columns cannot be stored in, such as bytes, or a column that the database computes.
    Other,
}

/// A column as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnShape {
    /// Its name as the database writes it.
    pub name: String,
    /// What it holds.
    pub type_shape: TypeShape,
    /// The type in the database's own words, for messages: `varchar(50)`.
    pub type_name: String,
    /// Whether it may be null.
    pub nullable: bool,
    /// Whether the database numbers it.
    pub identity: bool,
    /// Whether an insert may leave it out: it has a default, is computed, or may be null.
    pub optional: bool,
}

/// An index as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexShape {
    /// Its name, for messages only.
    pub name: String,
    /// Its key columns in their order.
    pub columns: Vec<String>,
    /// Whether it keeps them unique.
    pub unique: bool,
    /// Whether it covers only some rows (a `WHERE`), or is disabled: then it is no equal of a map's index.
    pub partial: bool,
}

/// A table as the database has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableShape {
    /// Its columns in their order.
    pub columns: Vec<ColumnShape>,
    /// Its indexes, the primary key's among them.
    pub indexes: Vec<IndexShape>,
}

impl TableShape {
    /// The column called `name`; case does not matter.
    pub fn column(&self, name: &str) -> Option<&ColumnShape> {
        self.columns
            .iter()
            .find(|column| column.name.eq_ignore_ascii_case(name))
    }
}
