//! Why an event is refused, and the constant answer to each.

use axum::http::StatusCode;
use bitrix_client::EventError;

/// Why an event was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No token is configured: events cannot be told from forgeries.
    NoToken,
    /// The event's token is missing or another.
    WrongToken,
    /// Not POST.
    Method,
    /// Not a form.
    ContentType,
    /// The body is too large.
    TooLarge,
    /// The body did not arrive in time.
    Slow,
    /// The connection broke in the middle of the body.
    Broken,
    /// The body is no event.
    Malformed(EventError),
    /// The event could not be made durable in time.
    NotDurable,
}

impl Refusal {
    /// The label of the metric.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::WrongToken => "wrong_token",
            Self::Method => "method",
            Self::ContentType => "content_type",
            Self::TooLarge => "too_large",
            Self::Slow => "slow",
            Self::Broken => "broken",
            Self::Malformed(_) => "malformed",
            Self::NotDurable => "not_durable",
        }
    }

    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::NoToken | Self::WrongToken => StatusCode::FORBIDDEN,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken | Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::NotDurable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The body of the answer; it tells no more than the status does.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::NoToken | Self::WrongToken => "forbidden\n",
            Self::Method => "events are sent with POST\n",
            Self::ContentType => "events are sent as application/x-www-form-urlencoded\n",
            Self::TooLarge => "too large\n",
            Self::Slow => "too slow\n",
            Self::Broken | Self::Malformed(_) => "not an event\n",
            Self::NotDurable => "not now\n",
        }
    }

    /// What the operator should do about it, for the log.
    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::NoToken => {
                "set web.application_token to the token that the portal shows beside its outgoing webhook"
            }
            Self::WrongToken => {
                "when it is your portal that sends them, copy the token of its outgoing webhook to web.application_token"
            }
            Self::Method | Self::ContentType | Self::Malformed(_) | Self::TooLarge => {
                "this address is for the portal's outgoing webhook alone"
            }
            Self::Slow | Self::Broken => "check the network or the proxy between portal and program",
            Self::NotDurable => {
                "the state could not be written; see the error. What was missed is found by reading again"
            }
        }
    }

    /// Every label that [`reason`](Self::reason) gives, so that each counter is there from the start.
    pub(crate) const REASONS: [&'static str; 9] = [
        "no_token",
        "wrong_token",
        "method",
        "content_type",
        "too_large",
        "slow",
        "broken",
        "malformed",
        "not_durable",
    ];
}
