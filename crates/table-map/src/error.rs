//! What can be wrong with a map or a row.

/// What is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The map contradicts itself: a mistake in the program.
    Map,
    /// A row does not fit its map: a value that the table cannot hold.
    Row,
}

/// A map that contradicts itself, or a row that does not fit its map. It names the table, the column and the row's key,
/// never a row's contents.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A map must have exactly one column of a role.
    #[error("the map of table {table} has {count} {role} columns, it needs exactly one")]
    Roles {
        /// The table.
        table: String,
        /// The role in question.
        role: &'static str,
        /// How many there are.
        count: usize,
    },
    /// Two columns have the same name; names are compared without case, as SQL Server does.
    #[error("the map of table {table} names column {column} twice")]
    DuplicateColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// An index or a rule names a column that the map has not.
    #[error("the map of table {table} refers to column {column}, which it does not have")]
    UnknownColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// The column's type is not one that rows can carry.
    #[error("the map of table {table} gives column {column} a type that rows cannot carry")]
    UnsupportedType {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A row has another number of values than the map has columns to write.
    #[error("a row for table {table} has {got} values, the table takes {expected}")]
    RowLength {
        /// The table.
        table: String,
        /// Values in the row.
        got: usize,
        /// Columns to write.
        expected: usize,
    },
    /// A value is of another type than its column.
    #[error("row {key} of table {table}: the value for column {column} is of the wrong type")]
    WrongType {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The row's key, `?` when it has none.
        key: String,
    },
    /// A column that must have a value has none.
    #[error("row {key} of table {table}: column {column} has no value, but it must have one")]
    Null {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The row's key, `?` when it has none.
        key: String,
    },
    /// A text is longer than its column. Lengths count UTF-16 units, as SQL Server's nvarchar does.
    #[error(
        "row {key} of table {table}: the text for column {column} has {length} characters, the column holds {limit}"
    )]
    TooLong {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The row's key.
        key: String,
        /// The text's length in UTF-16 units.
        length: usize,
        /// The column's length in UTF-16 units.
        limit: u32,
    },
    /// A date outside 1753-01-01 to 9999-12-31: the range that every date type of SQL Server holds.
    #[error("row {key} of table {table}: the date for column {column} is outside 1753-01-01 to 9999-12-31")]
    DateOutOfRange {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The row's key.
        key: String,
    },
}

impl Error {
    /// What is at fault.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Roles { .. }
            | Self::DuplicateColumn { .. }
            | Self::UnknownColumn { .. }
            | Self::UnsupportedType { .. } => ErrorKind::Map,
            Self::RowLength { .. }
            | Self::WrongType { .. }
            | Self::Null { .. }
            | Self::TooLong { .. }
            | Self::DateOutOfRange { .. } => ErrorKind::Row,
        }
    }
}
