//! The one place that decides what a failure means and what to do about it.
//!
//! The codes and their meaning are the vendor's (its page on errors of REST calls); what is not listed there is
//! decided by the HTTP status.

use std::time::Duration;

use crate::error::{Class, ErrorKind};
use crate::transport::TransportErrorKind;

/// The rest a method gets when nothing is known of its reset: one of the portal's one-minute baskets.
pub(crate) const UNKNOWN_RESET: Duration = Duration::from_secs(60);

/// The rest the whole portal gets after the vendor blocked it by hand.
pub(crate) const BLOCKED_REST: Duration = Duration::from_secs(300);

/// What can go wrong, as far as it decides the class.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Failure<'a> {
    /// JSON with an error code; without a status inside a batch.
    Reported {
        status: Option<u16>,
        code: &'a str,
        retry_after: Option<Duration>,
    },
    /// A body that is not the JSON of an answer.
    NotJson {
        status: u16,
        body: Body,
        retry_after: Option<Duration>,
    },
    /// No answer.
    Transport(TransportErrorKind),
    /// The vendor's block found by an earlier call is not over.
    StillBlocked { wait: Duration },
    /// JSON of another shape than documented.
    Unexpected,
    /// The answer of a list method without its list, which is not the same as an empty one.
    NoRows,
    /// Neither result nor error for a call of a batch.
    MissingInBatch,
    /// Refused before sending.
    BadInput,
}

/// What came in place of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    Empty,
    Html,
    Other,
}

/// Decides kind and class of a failure of `method`.
pub(crate) fn classify(method: &str, failure: &Failure<'_>) -> (ErrorKind, Class) {
    match *failure {
        Failure::Reported {
            status,
            code,
            retry_after,
        } => by_code(method, code, retry_after).unwrap_or_else(|| by_status(status, retry_after)),
        Failure::NotJson {
            status: 200..=299, ..
        } => (ErrorKind::NotAnAnswer, retry(None)),
        Failure::NotJson {
            status: status @ (401 | 403 | 404 | 405),
            ..
        } => {
            let (kind, _) = by_status(Some(status), None);
            let kind = if status == 401 || status == 403 {
                kind
            } else {
                ErrorKind::WrongAddress
            };
            (
                kind,
                permanent("check the webhook URL and that nothing before the portal refuses the request"),
            )
        }
        Failure::NotJson {
            status, retry_after, ..
        } => by_status(Some(status), retry_after),
        Failure::Transport(TransportErrorKind::TooLarge) => (
            ErrorKind::TooLarge,
            permanent("ask for fewer rows or fields in one request, or raise the limit on the body size"),
        ),
        Failure::Transport(_) => (ErrorKind::Transport, retry(None)),
        Failure::StillBlocked { wait } => (ErrorKind::Blocked, Class::Blocked { wait }),
        Failure::Unexpected => (
            ErrorKind::Unexpected,
            permanent(
                "compare the portal's answer with the documentation of the method and report the difference",
            ),
        ),
        Failure::NoRows => (ErrorKind::NotAnAnswer, retry(None)),
        Failure::MissingInBatch => (ErrorKind::MissingInBatch, retry(None)),
        Failure::BadInput => (ErrorKind::BadInput, permanent("correct it and start again")),
    }
}

/// The codes that say all by themselves, whatever the status beside them.
fn by_code(method: &str, code: &str, retry_after: Option<Duration>) -> Option<(ErrorKind, Class)> {
    let found = match code.trim().to_ascii_uppercase().as_str() {
        "QUERY_LIMIT_EXCEEDED" => (ErrorKind::RequestLimit, retry(retry_after)),
        "OPERATION_TIME_LIMIT" => (
            ErrorKind::OperatingLimit,
            Class::WaitForMethod {
                method: method.to_owned(),
                wait: retry_after.unwrap_or(UNKNOWN_RESET),
            },
        ),
        "OVERLOAD_LIMIT" => (
            ErrorKind::Blocked,
            Class::Blocked {
                wait: retry_after.unwrap_or(BLOCKED_REST).max(BLOCKED_REST),
            },
        ),
        "INTERNAL_SERVER_ERROR" | "ERROR_UNEXPECTED_ANSWER" => (ErrorKind::ServerFault, retry(retry_after)),
        "NO_AUTH_FOUND" | "EXPIRED_TOKEN" | "INVALID_TOKEN" | "INVALID_GRANT" | "AUTHORIZATION_ERROR" => {
            (ErrorKind::Credentials, permanent(ADVICE_CREDENTIALS))
        }
        "ACCESS_DENIED" | "INVALID_CREDENTIALS" | "USER_ACCESS_ERROR" => {
            (ErrorKind::NotAllowed, permanent(ADVICE_RIGHTS))
        }
        "INSUFFICIENT_SCOPE" => (
            ErrorKind::NotAllowed,
            permanent("add the scope this method needs (crm) to the webhook"),
        ),
        "ERROR_METHOD_NOT_FOUND" => (
            ErrorKind::BadCall,
            permanent(
                "the portal has no such method: its module may be off, its version too old, or a scope missing",
            ),
        ),
        "INVALID_ARG_VALUE"
        | "ENTITY_TYPE_NOT_SUPPORTED"
        | "ERROR_BATCH_LENGTH_EXCEEDED"
        | "ERROR_BATCH_METHOD_NOT_ALLOWED" => (ErrorKind::BadCall, permanent(ADVICE_BAD_CALL)),
        "PORTAL_DELETED" => (
            ErrorKind::PortalGone,
            permanent("the portal is closed: check the address, or its subscription"),
        ),
        _ => return None,
    };
    Some(found)
}

/// What a status means when the code is empty, 0 or unknown.
fn by_status(status: Option<u16>, retry_after: Option<Duration>) -> (ErrorKind, Class) {
    match status {
        Some(429) => (ErrorKind::RequestLimit, retry(retry_after)),
        Some(408 | 425) => (ErrorKind::Transport, retry(retry_after)),
        Some(500..) => (ErrorKind::ServerFault, retry(retry_after)),
        Some(401) => (ErrorKind::Credentials, permanent(ADVICE_CREDENTIALS)),
        Some(403) => (ErrorKind::NotAllowed, permanent(ADVICE_RIGHTS)),
        Some(300..=399) => (
            ErrorKind::WrongAddress,
            permanent(
                "the address answers with a redirect: put the portal's real address in the webhook URL",
            ),
        ),
        Some(400..=499) | None => (ErrorKind::BadCall, permanent(ADVICE_BAD_CALL)),
        Some(_) => (ErrorKind::BadCall, permanent(ADVICE_BAD_CALL)),
    }
}

const ADVICE_CREDENTIALS: &str =
    "make a new incoming webhook in the portal and put its URL in the configuration";
const ADVICE_RIGHTS: &str = "give the user of the webhook the right to read this (an administrator has it), or use another user's webhook";
const ADVICE_BAD_CALL: &str = "the portal does not accept this call: report it with the portal's words";

/// What happened, for the message, when the portal says nothing of its own.
pub(crate) fn describe(failure: &Failure<'_>) -> String {
    let text = match failure {
        Failure::Reported { .. } => "the portal reports an error without a word on it",
        Failure::NotJson {
            body: Body::Empty, ..
        } => "the answer is empty",
        Failure::NotJson { body: Body::Html, .. } => "the answer is a web page, not JSON",
        Failure::NotJson {
            body: Body::Other, ..
        } => "the answer is cut off or not JSON",
        Failure::Transport(kind) => kind.describe(),
        Failure::StillBlocked { .. } => "nothing was sent, since the vendor blocked REST for this portal",
        Failure::Unexpected => "the answer is not what the documentation promises",
        Failure::NoRows => "the answer has no list of rows, not even an empty one",
        Failure::MissingInBatch => "the batch answered with neither a result nor an error for this call",
        Failure::BadInput => "the call is wrong",
    };
    text.to_owned()
}

fn retry(after: Option<Duration>) -> Class {
    Class::Retry { after }
}

fn permanent(advice: &'static str) -> Class {
    Class::Permanent { advice }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(failure: &Failure<'_>) -> (ErrorKind, &'static str) {
        let (kind, class) = classify("crm.item.list", failure);
        let class = match class {
            Class::Retry { .. } => "retry",
            Class::WaitForMethod { .. } => "wait for method",
            Class::Blocked { .. } => "blocked",
            Class::Permanent { .. } => "permanent",
        };
        (kind, class)
    }

    #[test]
    fn every_row_of_the_error_table_has_its_class() {
        use ErrorKind as K;
        for (status, code, expected) in [
            (503, "QUERY_LIMIT_EXCEEDED", (K::RequestLimit, "retry")),
            (
                429,
                "OPERATION_TIME_LIMIT",
                (K::OperatingLimit, "wait for method"),
            ),
            (503, "OVERLOAD_LIMIT", (K::Blocked, "blocked")),
            (500, "INTERNAL_SERVER_ERROR", (K::ServerFault, "retry")),
            (500, "ERROR_UNEXPECTED_ANSWER", (K::ServerFault, "retry")),
            (401, "NO_AUTH_FOUND", (K::Credentials, "permanent")),
            (401, "expired_token", (K::Credentials, "permanent")),
            (401, "invalid_token", (K::Credentials, "permanent")),
            (403, "ACCESS_DENIED", (K::NotAllowed, "permanent")),
            (403, "INVALID_CREDENTIALS", (K::NotAllowed, "permanent")),
            (403, "insufficient_scope", (K::NotAllowed, "permanent")),
            (403, "user_access_error", (K::NotAllowed, "permanent")),
            (400, "INVALID_ARG_VALUE", (K::BadCall, "permanent")),
            (400, "ENTITY_TYPE_NOT_SUPPORTED", (K::BadCall, "permanent")),
            (400, "ERROR_BATCH_LENGTH_EXCEEDED", (K::BadCall, "permanent")),
            (405, "ERROR_BATCH_METHOD_NOT_ALLOWED", (K::BadCall, "permanent")),
            (404, "ERROR_METHOD_NOT_FOUND", (K::BadCall, "permanent")),
            (500, "PORTAL_DELETED", (K::PortalGone, "permanent")),
            (500, "0", (K::ServerFault, "retry")),
            (500, "", (K::ServerFault, "retry")),
            (400, "", (K::BadCall, "permanent")),
            (400, "0", (K::BadCall, "permanent")),
            (200, "SOMETHING_NEW", (K::BadCall, "permanent")),
            (418, "SOMETHING_NEW", (K::BadCall, "permanent")),
            (507, "SOMETHING_NEW", (K::ServerFault, "retry")),
            (429, "", (K::RequestLimit, "retry")),
        ] {
            let failure = Failure::Reported {
                status: Some(status),
                code,
                retry_after: None,
            };
            assert_eq!(short(&failure), expected, "{status} {code:?}");
        }
    }

    #[test]
    fn inside_a_batch_the_code_alone_decides() {
        for (code, expected) in [
            (
                "OPERATION_TIME_LIMIT",
                (ErrorKind::OperatingLimit, "wait for method"),
            ),
            ("INTERNAL_SERVER_ERROR", (ErrorKind::ServerFault, "retry")),
            ("ACCESS_DENIED", (ErrorKind::NotAllowed, "permanent")),
            ("", (ErrorKind::BadCall, "permanent")),
        ] {
            assert_eq!(
                short(&Failure::Reported {
                    status: None,
                    code,
                    retry_after: None
                }),
                expected,
                "{code:?}"
            );
        }
    }

    #[test]
    fn what_is_not_json_is_retried_only_where_it_may_pass() {
        use ErrorKind as K;
        for (status, expected) in [
            (200, (K::NotAnAnswer, "retry")),
            (502, (K::ServerFault, "retry")),
            (503, (K::ServerFault, "retry")),
            (429, (K::RequestLimit, "retry")),
            (408, (K::Transport, "retry")),
            (302, (K::WrongAddress, "permanent")),
            (404, (K::WrongAddress, "permanent")),
            (405, (K::WrongAddress, "permanent")),
            (401, (K::Credentials, "permanent")),
            (403, (K::NotAllowed, "permanent")),
            (400, (K::BadCall, "permanent")),
        ] {
            let failure = Failure::NotJson {
                status,
                body: Body::Html,
                retry_after: None,
            };
            assert_eq!(short(&failure), expected, "{status}");
        }
    }

    #[test]
    fn a_named_delay_is_kept() {
        let after = Some(Duration::from_secs(7));
        let failure = Failure::NotJson {
            status: 503,
            body: Body::Empty,
            retry_after: after,
        };
        assert_eq!(classify("profile", &failure).1, Class::Retry { after });
    }
}
