//! Errors a test asked for.

use super::state::{Injection, World};
use crate::errors::{self, SqlError};

impl World {
    /// The error that waits for a statement with this text, if there is one. It strikes once.
    pub(crate) fn take_injection(&self, text: &str, session: u16) -> Option<SqlError> {
        let mut state = self.state();
        let at = state.injections.iter().position(|i| text.contains(&i.text))?;
        let Injection { number, .. } = state.injections.remove(at);
        Some(known(number, session))
    }
}

/// An error by its number, with its own text where this server knows it.
fn known(number: i32, session: u16) -> SqlError {
    match number {
        1205 => errors::deadlock(session),
        1222 => errors::lock_timeout(),
        9002 => SqlError::new(
            9002,
            "The transaction log for database is full due to 'LOG_BACKUP'.",
        ),
        1105 => SqlError::new(
            1105,
            "Could not allocate space for object because the filegroup is full.",
        ),
        40613 => SqlError::new(
            40613,
            "Database is not currently available. Please retry the connection later.",
        ),
        40501 => SqlError::new(
            40501,
            "The service is currently busy. Retry the request after 10 seconds.",
        )
        .with_class(20),
        40197 => SqlError::new(
            40197,
            "The service has encountered an error processing your request. Please try again.",
        )
        .with_class(20),
        other => SqlError::new(other, format!("Error {other}, asked for by a test.")),
    }
}
