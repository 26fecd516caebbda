//! What can go wrong while a statement is written as T-SQL.

/// The outcome of writing a part of a statement.
pub(crate) type Written = Result<(), Error>;

/// Why a statement cannot be written as T-SQL.
///
/// Nothing is sent anywhere by this crate: an error means that no statement came to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// T-SQL has no such construct, or no version from SQL Server 2016 on has it.
    #[error("cannot write {construct} as T-SQL: {instead}")]
    Unsupported {
        /// What was asked for.
        construct: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
    /// sea-query keeps the parts of this statement to itself, so no dialect outside of it can write them.
    #[error("cannot read {statement}, its parts are private to sea-query: use {instead}")]
    Unreadable {
        /// The statement of sea-query.
        statement: &'static str,
        /// The builder of this crate that takes its place.
        instead: &'static str,
    },
    /// The statement lacks a part without which T-SQL cannot be written.
    #[error("cannot write {statement}: {missing}")]
    Incomplete {
        /// The statement or clause.
        statement: &'static str,
        /// What is missing.
        missing: &'static str,
    },
    /// A value, type or combination that SQL Server would refuse.
    #[error("cannot write {what}: {rule}")]
    Invalid {
        /// The part that is wrong.
        what: &'static str,
        /// The rule of SQL Server it breaks.
        rule: &'static str,
    },
    /// A name that cannot be an identifier.
    #[error("cannot use {name:?} as an identifier: {rule}")]
    Identifier {
        /// The name, shortened to 40 characters.
        name: String,
        /// The rule of SQL Server it breaks.
        rule: &'static str,
    },
    /// More of something than SQL Server takes in one statement.
    #[error("cannot write {actual} {what}, SQL Server takes at most {limit}: split the statement")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        actual: usize,
        /// How many SQL Server takes.
        limit: usize,
    },
    /// The writer that was passed in refused the text.
    #[error("cannot write the statement: the text writer refused it")]
    Sink,
}

/// The classes of [`Error`], for callers that decide by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The statement asks for something T-SQL does not have: it can never be written.
    Unsupported,
    /// The statement is built wrongly: a part is missing or breaks a rule.
    Invalid,
    /// The statement is right but too big: split it.
    TooBig,
    /// The text could not be written.
    Write,
}

impl Error {
    /// The class of this error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Unsupported { .. } | Self::Unreadable { .. } => ErrorKind::Unsupported,
            Self::Incomplete { .. } | Self::Invalid { .. } | Self::Identifier { .. } => ErrorKind::Invalid,
            Self::Limit { .. } => ErrorKind::TooBig,
            Self::Sink => ErrorKind::Write,
        }
    }

    pub(crate) fn unsupported(construct: &'static str, instead: &'static str) -> Self {
        Self::Unsupported { construct, instead }
    }

    pub(crate) fn incomplete(statement: &'static str, missing: &'static str) -> Self {
        Self::Incomplete { statement, missing }
    }

    pub(crate) fn invalid(what: &'static str, rule: &'static str) -> Self {
        Self::Invalid { what, rule }
    }
}

impl From<std::fmt::Error> for Error {
    fn from(_: std::fmt::Error) -> Self {
        Self::Sink
    }
}
