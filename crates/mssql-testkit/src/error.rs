//! Errors of the test kit itself, not of the SQL it runs.

/// Why a server or a proxy could not be started.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct Error {
    kind: ErrorKind,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// What an [`Error`] was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The port is taken or may not be used.
    #[error("could not listen on 127.0.0.1; choose another port or 0 for a free one")]
    Listen,
    /// No thread or runtime could be made.
    #[error("could not start a runtime for the test server")]
    Runtime,
    /// No certificate could be made.
    #[error("could not make a self-signed certificate")]
    Certificate,
    /// An address is not one.
    #[error("the upstream address of the proxy could not be understood")]
    Address,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            kind,
            source: source.into(),
        }
    }

    /// What the error was about.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}
