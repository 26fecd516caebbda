//! What can be wrong with a target.

/// What is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetErrorKind {
    /// The text is no URL and no connection string.
    Form,
    /// A part is not known, or cannot be served.
    Part,
    /// A part's value is wrong.
    Value,
    /// A part is missing.
    Missing,
}

/// Why a target cannot be read. It names the part that is wrong, never its value: a password with an unquoted `;` or `@`
/// in it makes any part of the text a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is neither a URL nor a connection string.
    #[error("cannot read the SQL Server target: {problem}")]
    Form {
        /// What is wrong and what to do.
        problem: &'static str,
    },
    /// A part that is not known.
    #[error(
        "cannot read the SQL Server target: {part} is not known (a name or value that holds one of ; @ / ? # must be \
         quoted in a connection string and percent-encoded in a URL)"
    )]
    Unknown {
        /// The part's name, or its place where the name may be a piece of a secret.
        part: String,
    },
    /// A part that is known, but cannot be served.
    #[error("cannot serve {part} in the SQL Server target: {instead}")]
    Unsupported {
        /// The part as it is written.
        part: String,
        /// What to do instead.
        instead: &'static str,
    },
    /// A part with a wrong value.
    #[error("the value of {part} in the SQL Server target is wrong: {expected}")]
    Value {
        /// The part as it is written.
        part: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A part is there twice.
    #[error("{part} is given twice in the SQL Server target")]
    Twice {
        /// The part as it is written the second time.
        part: String,
    },
    /// A part without which nothing can be reached.
    #[error("the SQL Server target has no {part}: {add}")]
    Missing {
        /// The part.
        part: &'static str,
        /// How to add it.
        add: &'static str,
    },
}

impl Error {
    /// What is at fault.
    pub fn kind(&self) -> TargetErrorKind {
        match self {
            Self::Form { .. } => TargetErrorKind::Form,
            Self::Unknown { .. } | Self::Unsupported { .. } => TargetErrorKind::Part,
            Self::Value { .. } | Self::Twice { .. } => TargetErrorKind::Value,
            Self::Missing { .. } => TargetErrorKind::Missing,
        }
    }
}
