//! Why the HTTP side cannot work.

use std::io;
use std::net::SocketAddr;

/// What kind of error it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An option has a value that cannot work.
    Options,
    /// An address cannot be listened on.
    Listen,
    /// Metrics are already recorded by something else in this process.
    Metrics,
}

/// An error of the HTTP side. It never holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option has a value that cannot work.
    #[error("starting the web server: {0}")]
    Options(&'static str),
    /// An address cannot be listened on.
    #[error("listening on {address}: {hint}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What to do.
        hint: &'static str,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// Metrics are already recorded by something else in this process.
    #[error("recording metrics: something else in this process records them already")]
    Metrics,
}

impl Error {
    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Options(_) => ErrorKind::Options,
            Self::Listen { .. } => ErrorKind::Listen,
            Self::Metrics => ErrorKind::Metrics,
        }
    }

    /// Whether an address is in use by another program.
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse)
    }

    pub(crate) fn listen(address: SocketAddr, source: io::Error) -> Self {
        let hint = match source.kind() {
            io::ErrorKind::AddrInUse => {
                "another program listens there; stop it, or choose another port in web.listen"
            }
            io::ErrorKind::PermissionDenied => {
                "this user may not listen there; choose a port from 1024 on in web.listen"
            }
            io::ErrorKind::AddrNotAvailable => {
                "this machine has no such address; use one of its own, or 0.0.0.0 for all, in web.listen"
            }
            _ => "it is not possible; check web.listen",
        };
        Self::Listen {
            address,
            hint,
            source,
        }
    }
}
