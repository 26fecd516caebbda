//! Why an activation did not succeed, and whether coming back can help.

use std::error::Error as StdError;
use std::time::Duration;

type Source = Box<dyn StdError + Send + Sync>;

/// What the scheduler should make of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// Passes by itself: the server is away, a limit is reached. Repeated without end, never parked.
    Passing {
        /// Not before this time has gone by, when the other side said so; else the scheduler's growing delay.
        retry_after: Option<Duration>,
    },
    /// A person has to do something first: rights, a full disk, a wrong setting. Repeated a limited number of times,
    /// then parked with its work kept.
    Permanent,
}

/// A failed activation.
///
/// Its `Display` is one line for people, without secrets; the chain of causes is behind
/// [`source`](std::error::Error::source).
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    kind: FailureKind,
    message: String,
    #[source]
    source: Option<Source>,
}

impl Failure {
    /// A failure that passes by itself.
    pub fn passing(message: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Passing { retry_after: None },
            message: message.into(),
            source: None,
        }
    }

    /// A failure that passes by itself, but not before `retry_after`.
    pub fn passing_after(message: impl Into<String>, retry_after: Duration) -> Self {
        Self {
            kind: FailureKind::Passing {
                retry_after: Some(retry_after),
            },
            message: message.into(),
            source: None,
        }
    }

    /// A failure that stays until a person acts.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Permanent,
            message: message.into(),
            source: None,
        }
    }

    /// The same failure with its cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Whether coming back can help.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// The message and every cause behind it on one line, for logs and for people: `a: b: c`.
    pub fn report(&self) -> String {
        let mut text = self.message.clone();
        let mut cause = StdError::source(self);
        while let Some(error) = cause {
            let next = error.to_string();
            if !text.ends_with(&next) {
                text.push_str(": ");
                text.push_str(&next);
            }
            cause = error.source();
        }
        text
    }
}
