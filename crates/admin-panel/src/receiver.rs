//! `POST /events`: from a request to a durable event, or to a refusal.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::metrics::{counter, histogram};
use agent::{CancellationToken, Failure};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use bitrix_client::OutgoingEvent;
use futures::StreamExt as _;
use secrecy::SecretString;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};

use crate::metrics as names;
use crate::ports::{Accepted, EventSink};
use crate::refusal::Refusal;
use crate::server::text;
use crate::token;

/// Of a body that is too large, this much is read to its end and thrown away, so that the sender reads the answer.
const DRAINED: u64 = 1 << 20;
/// Every kind of refusal is told in the log at most once in this time.
const LOG_EVERY: Duration = Duration::from_secs(60);
const FIRST_DELAY: Duration = Duration::from_millis(50);
const LONGEST_DELAY: Duration = Duration::from_secs(1);

/// Takes events.
pub(crate) struct Receiver {
    pub(crate) sink: Arc<dyn EventSink>,
    pub(crate) token: Option<SecretString>,
    pub(crate) max_body: usize,
    pub(crate) body_timeout: Duration,
    pub(crate) patience: Duration,
    pub(crate) in_flight: Semaphore,
    pub(crate) stopping: CancellationToken,
    pub(crate) told: Mutex<HashMap<&'static str, Instant>>,
}

/// Answers `POST /events`.
pub(crate) async fn receive(State(receiver): State<Arc<Receiver>>, request: Request) -> Response {
    let started = Instant::now();
    let answer = match receiver.take(request, started).await {
        Ok(()) => text(StatusCode::OK, "ok\n"),
        Err(refusal) => receiver.refuse(refusal),
    };
    histogram!(names::EVENT_ANSWER_SECONDS).record(started.elapsed().as_secs_f64());
    answer
}

/// Answers every other method on `/events`.
pub(crate) async fn wrong_method(State(receiver): State<Arc<Receiver>>) -> Response {
    receiver.refuse(Refusal::Method)
}

impl Receiver {
    async fn take(&self, request: Request, started: Instant) -> Result<(), Refusal> {
        let own = self.token.as_ref().ok_or(Refusal::NoToken)?;
        if !is_form(request.headers()) {
            return Err(Refusal::ContentType);
        }
        let body = self.read(request, started).await?;
        let mut event = OutgoingEvent::parse(&body).map_err(Refusal::Malformed)?;
        drop(body);
        // Nobody behind this point needs the token.
        let given = event.application_token.take().unwrap_or_default();
        if !token::same(own, &given) {
            return Err(Refusal::WrongToken);
        }
        match self.make_durable(&event).await? {
            Accepted::Queued(work) => {
                counter!(names::EVENTS_RECEIVED, "event" => names::event_label(&event.event)).increment(1);
                tracing::debug!(
                    event = event.event,
                    object = event.object_id,
                    work,
                    "event queued"
                );
            }
            Accepted::Unknown => {
                counter!(names::EVENTS_UNKNOWN).increment(1);
                tracing::debug!(event = event.event, "event is nobody's business");
            }
        }
        Ok(())
    }

    /// Reads the body within its bounds of size and time.
    async fn read(&self, request: Request, started: Instant) -> Result<Vec<u8>, Refusal> {
        let announced = request
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|length| length > DRAINED) {
            return Err(Refusal::TooLarge);
        }
        let body = read_at_most(request.into_body(), self.max_body);
        timeout_at(started + self.body_timeout, body)
            .await
            .map_err(|_| Refusal::Slow)?
    }

    /// Gives the event to the sink until it is durable or the request's patience ends.
    async fn make_durable(&self, event: &OutgoingEvent) -> Result<Accepted, Refusal> {
        let deadline = Instant::now() + self.patience;
        let mut last: Option<Failure> = None;
        let attempts = async {
            // The semaphore is never closed.
            let _place = self.in_flight.acquire().await;
            let mut delay = FIRST_DELAY;
            loop {
                match self.sink.accept(event).await {
                    Ok(accepted) => return Some(accepted),
                    Err(failure) => last = Some(failure),
                }
                tokio::select! {
                    () = sleep(delay) => delay = (delay * 2).min(LONGEST_DELAY),
                    // A process that stops has no patience left; the change is found by reading again.
                    () = self.stopping.cancelled() => return None,
                }
            }
        };
        match timeout_at(deadline, attempts).await {
            Ok(Some(accepted)) => Ok(accepted),
            Ok(None) | Err(_) => {
                if self.may_tell("not_durable_error") {
                    let error =
                        last.map_or_else(|| "no answer in time".to_owned(), |failure| failure.report());
                    tracing::error!(event = event.event, error, "an event could not be made durable");
                }
                Err(Refusal::NotDurable)
            }
        }
    }

    fn refuse(&self, refusal: Refusal) -> Response {
        counter!(names::EVENTS_REFUSED, "reason" => refusal.reason()).increment(1);
        if self.may_tell(refusal.reason()) {
            let reason = match refusal {
                Refusal::Malformed(error) => error.to_string(),
                other => other.reason().to_owned(),
            };
            tracing::warn!(reason, advice = refusal.advice(), "events are refused");
        }
        let mut response = text(refusal.status(), refusal.text());
        let headers = response.headers_mut();
        match refusal {
            Refusal::Method => {
                headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
            }
            // What is left of the body would be taken for the next request.
            Refusal::TooLarge | Refusal::Slow | Refusal::Broken => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }

    /// Whether this may be logged now: strangers must not be able to fill the log.
    fn may_tell(&self, what: &'static str) -> bool {
        let now = Instant::now();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let due = told
            .get(what)
            .is_none_or(|last| now.duration_since(*last) >= LOG_EVERY);
        if due {
            told.insert(what, now);
        }
        due
    }
}

/// Whether the body claims to be a form. One that claims nothing is taken for one: it has to prove itself by its token.
fn is_form(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else {
        return true;
    };
    let kind = kind
        .as_bytes()
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default();
    kind.trim_ascii()
        .eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
}

async fn read_at_most(body: Body, most: usize) -> Result<Vec<u8>, Refusal> {
    let mut stream = body.into_data_stream();
    let mut read = Vec::new();
    let mut length: u64 = 0;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Refusal::Broken)?;
        length += chunk.len() as u64;
        if length > DRAINED {
            break;
        }
        if length <= most as u64 {
            read.extend_from_slice(&chunk);
        }
    }
    if length > most as u64 {
        Err(Refusal::TooLarge)
    } else {
        Ok(read)
    }
}
