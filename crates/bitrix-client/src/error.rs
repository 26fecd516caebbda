//! The one error type of the crate.

use std::fmt;
use std::time::Duration;

use crate::classify::{self, Failure};
use crate::transport::TransportError;
use crate::webhook::{WebhookUrl, WebhookUrlError};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A call that did not give what was asked of it.
///
/// Names the REST method, says what happened and what to do next. Holds no part of the secret, no row, and of the
/// portal's own words one short line with everything that looks like a key removed.
pub struct Error(Box<Inner>);

struct Inner {
    method: String,
    kind: ErrorKind,
    class: Class,
    detail: String,
    status: Option<u16>,
    code: Option<String>,
    attempts: u32,
    source: Option<Source>,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Too many requests, from everything behind this address (`QUERY_LIMIT_EXCEEDED`, or a bare 429).
    RequestLimit,
    /// The method's accumulated run time is over its limit (`OPERATION_TIME_LIMIT`).
    OperatingLimit,
    /// The vendor blocked REST for this portal by hand (`OVERLOAD_LIMIT`).
    Blocked,
    /// The secret is wrong, revoked or expired.
    Credentials,
    /// The user or the webhook lacks a right.
    NotAllowed,
    /// The portal does not accept the call as it is written, or does not have the method.
    BadCall,
    /// The portal is closed.
    PortalGone,
    /// The address leads to something that is not the portal's REST interface.
    WrongAddress,
    /// The portal, or something before it, has a fault of its own.
    ServerFault,
    /// No answer came: no connection, a reset, a time-out, a body cut off.
    Transport,
    /// The body of the answer is larger than the client takes.
    TooLarge,
    /// A success status with a body that is empty, cut off or not JSON, or lacks the list that was asked for.
    NotAnAnswer,
    /// The answer is JSON, but a field is missing or holds what it must not.
    Unexpected,
    /// A batch answered, without a word on one of its calls.
    MissingInBatch,
    /// The call or the configuration was wrong before anything was sent.
    BadInput,
}

/// What a caller does about an error: the only classes there are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Class {
    /// May pass by itself: try again, with a growing delay and not before `after`.
    Retry {
        /// The least delay, where the portal named one.
        after: Option<Duration>,
    },
    /// Do not call this method for a while; other methods are free.
    WaitForMethod {
        /// The method that must rest.
        method: String,
        /// For how long, as well as the client knows.
        wait: Duration,
    },
    /// Stop calling the portal and tell the operator. The client refuses calls by itself until `wait` is over.
    Blocked {
        /// How long to leave the portal alone.
        wait: Duration,
    },
    /// Trying again changes nothing.
    Permanent {
        /// What to do next, in words for the operator.
        advice: &'static str,
    },
}

impl Error {
    /// Classifies a failure. The only way an error comes to be.
    pub(crate) fn new(method: &str, failure: &Failure<'_>) -> Self {
        let (kind, class) = classify::classify(method, failure);
        Self(Box::new(Inner {
            method: method.to_owned(),
            kind,
            class,
            detail: classify::describe(failure),
            status: None,
            code: None,
            attempts: 0,
            source: None,
        }))
    }

    /// An error the portal reported. `description` is its own text, sanitised here.
    pub(crate) fn reported(
        method: &str,
        failure: &Failure<'_>,
        description: &str,
        webhook: &WebhookUrl,
    ) -> Self {
        let mut error = Self::new(method, failure);
        if let Failure::Reported { status, code, .. } = failure {
            error.0.status = *status;
            error.0.code = Some(webhook.redact_code(code)).filter(|code| !code.is_empty());
        }
        let said = webhook.redact(description);
        if !said.is_empty() {
            error.0.detail = format!("the portal says \"{said}\"");
        }
        error
    }

    /// A value the client cannot use. `detail` must not hold contents of rows.
    pub(crate) fn unexpected(method: &str, detail: impl Into<String>) -> Self {
        let mut error = Self::new(method, &Failure::Unexpected);
        error.0.detail = detail.into();
        error
    }

    /// A call or setting refused before anything was sent.
    pub(crate) fn bad_input(method: &str, detail: impl Into<String>) -> Self {
        let mut error = Self::new(method, &Failure::BadInput);
        error.0.detail = detail.into();
        error
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    pub(crate) fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Takes over what is behind an error of the transport, whose own words are in the message already.
    pub(crate) fn with_cause_of(mut self, error: TransportError) -> Self {
        self.0.source = error.into_source();
        self
    }

    pub(crate) fn with_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// The class with the wait the client knows better than the answer did.
    pub(crate) fn set_method_wait(&mut self, known: Duration) {
        if let Class::WaitForMethod { wait, .. } = &mut self.0.class {
            *wait = known;
        }
    }

    /// The REST method that failed (`batch` for a batch as a whole).
    #[must_use]
    pub fn method(&self) -> &str {
        &self.0.method
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What to do about it. The client has already done so within its bounds; see [`Error::attempts`].
    #[must_use]
    pub fn class(&self) -> &Class {
        &self.0.class
    }

    /// The HTTP status of the answer, if one came.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The portal's own error code, if it sent one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// How many requests were sent for this call; 0 if none.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Whether trying again later may succeed without anyone changing anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(
            self.0.class,
            Class::Retry { .. } | Class::WaitForMethod { .. } | Class::Blocked { .. }
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        write!(f, "{} failed", inner.method)?;
        match (inner.status, &inner.code) {
            (Some(status), Some(code)) => write!(f, " with HTTP {status} {code}")?,
            (Some(status), None) => write!(f, " with HTTP {status}")?,
            (None, Some(code)) => write!(f, " with {code}")?,
            (None, None) => {}
        }
        write!(f, ": {}", inner.detail)?;
        if inner.attempts > 1 {
            write!(f, " (after {} attempts)", inner.attempts)?;
        }
        match &inner.class {
            Class::Permanent { advice } => write!(f, "; {advice}"),
            Class::Retry { .. } => write!(f, "; it may pass, try again later"),
            Class::WaitForMethod { method, wait } => {
                write!(f, "; leave {method} alone for {} s", wait.as_secs())
            }
            Class::Blocked { wait } => write!(
                f,
                "; leave the portal alone for {} s and ask the vendor's support why it was blocked",
                wait.as_secs()
            ),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.debug_struct("Error")
            .field("method", &inner.method)
            .field("kind", &inner.kind)
            .field("class", &inner.class)
            .field("status", &inner.status)
            .field("code", &inner.code)
            .field("detail", &inner.detail)
            .field("attempts", &inner.attempts)
            .field("source", &inner.source)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<WebhookUrlError> for Error {
    fn from(error: WebhookUrlError) -> Self {
        Self::bad_input("reading the webhook URL", error.to_string())
    }
}
