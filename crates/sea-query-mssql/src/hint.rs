//! Table hints: `WITH (UPDLOCK, SERIALIZABLE)`.

/// A table hint of T-SQL. Hints that name an index are left out, as they tie a query to an index's name.
///
/// Source: "Table Hints (Transact-SQL)" in the SQL Server documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TableHint {
    /// Same as [`TableHint::Serializable`].
    HoldLock,
    /// No shared locks, dirty reads.
    NoLock,
    /// Fails at once instead of waiting for a lock.
    NoWait,
    /// Locks pages.
    PagLock,
    /// Read committed by locks, whatever the database's versioning says.
    ReadCommittedLock,
    /// Skips rows that others have locked.
    ReadPast,
    /// Repeatable read.
    RepeatableRead,
    /// Locks rows.
    RowLock,
    /// Keeps shared locks, and locks key ranges, to the end of the transaction.
    Serializable,
    /// Locks the table.
    TabLock,
    /// Locks the table exclusively.
    TabLockX,
    /// Takes update locks when reading.
    UpdLock,
    /// Takes exclusive locks when reading.
    XLock,
    /// Lets the plan seek in an index only.
    ForceSeek,
    /// Lets the plan scan only.
    ForceScan,
}

impl TableHint {
    pub(crate) fn keyword(self) -> &'static str {
        match self {
            Self::HoldLock => "HOLDLOCK",
            Self::NoLock => "NOLOCK",
            Self::NoWait => "NOWAIT",
            Self::PagLock => "PAGLOCK",
            Self::ReadCommittedLock => "READCOMMITTEDLOCK",
            Self::ReadPast => "READPAST",
            Self::RepeatableRead => "REPEATABLEREAD",
            Self::RowLock => "ROWLOCK",
            Self::Serializable => "SERIALIZABLE",
            Self::TabLock => "TABLOCK",
            Self::TabLockX => "TABLOCKX",
            Self::UpdLock => "UPDLOCK",
            Self::XLock => "XLOCK",
            Self::ForceSeek => "FORCESEEK",
            Self::ForceScan => "FORCESCAN",
        }
    }
}
