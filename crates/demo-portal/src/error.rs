//! What can go wrong when a portal is started or its data changed by hand.

use std::net::SocketAddr;

/// Why the portal could not do what its owner asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option has a value the portal cannot work with.
    #[error("start the portal: {option} {problem}")]
    Option {
        /// The field of `PortalOptions`.
        option: &'static str,
        /// What is wrong with it, and what to give instead.
        problem: &'static str,
    },
    /// The address could not be listened on.
    #[error("start the portal: listen on {address}: choose another address or end what uses it")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A change named a deal, stage, pipeline or row that is not there.
    #[error("change the portal's data: there is no {what} {name}")]
    Missing {
        /// What kind of thing it is.
        what: &'static str,
        /// Its ID or code.
        name: String,
    },
    /// A change contradicts the data as it is.
    #[error("change the portal's data: {what} {name} {problem}")]
    Conflict {
        /// What kind of thing it is.
        what: &'static str,
        /// Its ID or code.
        name: String,
        /// What stands against the change.
        problem: &'static str,
    },
}

/// The sort of an [`Error`], for code that decides by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An option is wrong.
    Option,
    /// The address cannot be listened on.
    Listen,
    /// What a change names is not there.
    Missing,
    /// A change contradicts the data.
    Conflict,
}

impl Error {
    /// The sort of this error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Option { .. } => ErrorKind::Option,
            Self::Listen { .. } => ErrorKind::Listen,
            Self::Missing { .. } => ErrorKind::Missing,
            Self::Conflict { .. } => ErrorKind::Conflict,
        }
    }

    pub(crate) fn missing(what: &'static str, name: impl ToString) -> Self {
        Self::Missing {
            what,
            name: name.to_string(),
        }
    }

    pub(crate) fn conflict(what: &'static str, name: impl ToString, problem: &'static str) -> Self {
        Self::Conflict {
            what,
            name: name.to_string(),
            problem,
        }
    }
}
