//! The envelope of every answer, and of the answers inside a batch.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::classify::{Body, Failure};
use crate::error::Error;
use crate::transport::TransportResponse;
use crate::webhook::WebhookUrl;
use crate::wire::{Lenient, Named, Scalar, given, none};

/// A successful answer of one call.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Answer<T> {
    /// What was asked for.
    pub result: T,
    /// How many rows there are in all, where the method counts them (not with `start = -1`).
    pub total: Option<u64>,
    /// The `start` of the next page, where there is one.
    pub next: Option<u64>,
    /// What the call took.
    pub time: Time,
}

/// What a call took, by the portal's clock. What the portal does not send, or sends garbled, is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[non_exhaustive]
pub struct Time {
    /// When the call began, in seconds since 1970.
    pub start: Option<f64>,
    /// When it ended, in seconds since 1970.
    pub finish: Option<f64>,
    /// How long it ran, in seconds.
    pub duration: Option<f64>,
    /// The method's run time summed over the portal's window of ten minutes, this call included, in seconds.
    pub operating: Option<f64>,
    /// When the oldest part of that sum falls out of the window, in seconds since 1970.
    pub operating_reset_at: Option<f64>,
}

impl<T> Answer<T> {
    fn map<U>(self, read: impl FnOnce(T) -> U) -> Answer<U> {
        Answer {
            result: read(self.result),
            total: self.total,
            next: self.next,
            time: self.time,
        }
    }
}

impl Time {
    /// How long the call ran, if the portal says so.
    pub(crate) fn worked(&self) -> Option<Duration> {
        self.duration
            .filter(|seconds| *seconds >= 0.0)
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    }

    /// How long after the answer the oldest part of `operating` falls away. Needs no clock of our own.
    #[must_use]
    pub fn reset_in(&self) -> Option<Duration> {
        // The window is ten minutes. An hour of room takes odd portals; beyond it the number is garbage.
        let left = self.operating_reset_at? - self.finish?;
        (0.0..=3600.0)
            .contains(&left)
            .then(|| Duration::from_secs_f64(left))
    }
}

#[derive(Default, Deserialize)]
struct WireTime<'a> {
    #[serde(default, borrow)]
    start: Scalar<'a>,
    #[serde(default, borrow)]
    finish: Scalar<'a>,
    #[serde(default, borrow)]
    duration: Scalar<'a>,
    #[serde(default, borrow)]
    operating: Scalar<'a>,
    #[serde(default, borrow)]
    operating_reset_at: Scalar<'a>,
}

impl WireTime<'_> {
    fn read(&self) -> Time {
        Time {
            start: self.start.as_float(),
            finish: self.finish.as_float(),
            duration: self.duration.as_float(),
            operating: self.operating.as_float(),
            operating_reset_at: self.operating_reset_at.as_float(),
        }
    }
}

/// A failure as the portal writes it.
#[derive(Default, Deserialize)]
struct WireError<'a> {
    #[serde(default, borrow)]
    error: Scalar<'a>,
    #[serde(default, borrow)]
    error_description: Scalar<'a>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "R: Deserialize<'de>"))]
struct Envelope<'a, R> {
    #[serde(default = "none", deserialize_with = "given")]
    result: Option<R>,
    #[serde(default, borrow)]
    error: Scalar<'a>,
    #[serde(default, borrow)]
    error_description: Scalar<'a>,
    #[serde(default, borrow)]
    total: Scalar<'a>,
    #[serde(default, borrow)]
    next: Scalar<'a>,
    #[serde(default, borrow)]
    time: Lenient<WireTime<'a>>,
}

/// Opens the answer of one request: its result, still unread, or the error it stands for.
pub(crate) fn open<'a>(
    method: &str,
    response: &'a TransportResponse,
    webhook: &WebhookUrl,
) -> Result<Answer<&'a RawValue>, Error> {
    open_as(method, response, webhook)
}

/// The same for a batch, in one pass over its some hundred thousand bytes: the parts are found on the way. Inside: what stands in the
/// place of the parts is nothing that can be one.
pub(crate) fn open_batch<'a>(
    method: &str,
    response: &'a TransportResponse,
    webhook: &WebhookUrl,
) -> Result<Answer<Result<BatchAnswer<'a>, Error>>, Error> {
    if let Ok(answer) = open_as(method, response, webhook) {
        return Ok(answer.map(|batch| Ok(BatchAnswer(batch))));
    }
    // What is wrong is told by looking closer.
    let answer = open(method, response, webhook)?;
    Ok(answer.map(BatchAnswer::read))
}

fn open_as<'a, R: Deserialize<'a>>(
    method: &str,
    response: &'a TransportResponse,
    webhook: &WebhookUrl,
) -> Result<Answer<R>, Error> {
    let status = response.status;
    let retry_after = response.retry_after.as_deref().and_then(seconds);
    let body = response
        .body
        .strip_prefix(b"\xEF\xBB\xBF")
        .unwrap_or(&response.body);
    let not_json = |body| {
        Error::new(
            method,
            &Failure::NotJson {
                status,
                body,
                retry_after,
            },
        )
        .with_status(status)
    };

    let envelope: Envelope<'a, R> = match serde_json::from_slice(body) {
        Ok(envelope) => envelope,
        Err(_) => return Err(not_json(looks_like(body))),
    };
    let code = envelope.error.to_text();
    let refused = !(200..=299).contains(&status);
    match envelope.result {
        Some(result) if !refused && code.is_empty() => Ok(Answer {
            result,
            total: count(&envelope.total),
            next: count(&envelope.next),
            time: envelope.time.0.read(),
        }),
        None if !refused && !envelope.error.is_given() => Err(not_json(Body::Other)),
        _ => {
            let failure = Failure::Reported {
                status: Some(status),
                code: &code,
                retry_after,
            };
            Err(Error::reported(
                method,
                &failure,
                &envelope.error_description.to_text(),
                webhook,
            ))
        }
    }
}

/// The `Retry-After` header in seconds. Its other form, a date, would need a clock set like the server's.
/// The longest rest a portal may name. More is garbage: no limit of a portal lasts longer, and a point in time that far away
/// may be beyond what the machine's clock can tell.
const LONGEST_NAMED_REST: Duration = Duration::from_secs(24 * 60 * 60);

fn seconds(header: &str) -> Option<Duration> {
    let named = header.trim().parse().ok().map(Duration::from_secs)?;
    Some(named.min(LONGEST_NAMED_REST))
}

fn count(value: &Scalar<'_>) -> Option<u64> {
    value.as_integer().and_then(|count| u64::try_from(count).ok())
}

fn looks_like(body: &[u8]) -> Body {
    let text = body.trim_ascii_start();
    match text.first() {
        None => Body::Empty,
        Some(b'<') => Body::Html,
        Some(_) => Body::Other,
    }
}

/// The result of a `batch`, each part by the names of its calls.
#[derive(Deserialize)]
struct WireBatch<'a> {
    #[serde(default, borrow)]
    result: Named<&'a RawValue>,
    #[serde(default, borrow)]
    result_error: Named<Lenient<WireError<'a>>>,
    #[serde(default, borrow)]
    result_total: Named<Scalar<'a>>,
    #[serde(default, borrow)]
    result_next: Named<Scalar<'a>>,
    #[serde(default, borrow)]
    result_time: Named<Lenient<WireTime<'a>>>,
}

/// The parts of a batch's answer.
pub(crate) struct BatchAnswer<'a>(WireBatch<'a>);

impl<'a> BatchAnswer<'a> {
    pub(crate) fn read(raw: &'a RawValue) -> Result<Self, Error> {
        crate::wire::from_raw("batch", raw).map(Self)
    }

    /// What came for the call of this name; an error of the call wins over its result.
    pub(crate) fn part(
        &self,
        name: &str,
        method: &str,
        webhook: &WebhookUrl,
    ) -> Result<Answer<&'a RawValue>, Error> {
        if let Some(Lenient(error)) = find(&self.0.result_error, name) {
            let code = error.error.to_text();
            let failure = Failure::Reported {
                status: None,
                code: &code,
                retry_after: None,
            };
            return Err(Error::reported(
                method,
                &failure,
                &error.error_description.to_text(),
                webhook,
            ));
        }
        let result =
            find(&self.0.result, name).ok_or_else(|| Error::new(method, &Failure::MissingInBatch))?;
        Ok(Answer {
            result,
            total: find(&self.0.result_total, name).and_then(count),
            next: find(&self.0.result_next, name).and_then(count),
            time: self.time(name).unwrap_or_default(),
        })
    }

    /// What the call of this name took, if the portal says so; a failed one may have a time as well.
    pub(crate) fn time(&self, name: &str) -> Option<Time> {
        find(&self.0.result_time, name).map(|time| time.0.read())
    }
}

fn find<'n, T>(named: &'n Named<T>, name: &str) -> Option<&'n T> {
    named
        .0
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value)
}
