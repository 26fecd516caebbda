//! What can go wrong with a store.

use std::error::Error as StdError;
use std::time::Duration;

/// What to make of an error: the one classification that all stores map their database's errors to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Passes by itself: a lost connection, a deadlock, a server that is starting. Repeat the call.
    Passing {
        /// Not before this time, when the server said so.
        retry_after: Option<Duration>,
    },
    /// A person must act, and may do so at any time: a login, rights, a full disk, a missing database. Keep the work
    /// and come back.
    Operator,
    /// The table is not as the map says: a column or the table is missing. Migrate, then repeat.
    Schema,
    /// The data cannot be written as they are: duplicates, a value the column cannot hold.
    Data,
    /// A mistake in the program.
    Bug,
}

/// A store's error: one line for people, that names the table and the operation, with the database's own words behind
/// [`source`](StdError::source).
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
    #[source]
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of this kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// The same with its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What to make of it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}
