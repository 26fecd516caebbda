//! One connection to the handler: kept open, one event after another, none of them twice.

use std::collections::VecDeque;
use std::future;
use std::io;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Request, Response, Uri, header};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::form::Sender;
use super::outbox::Letter;
use crate::clock::{Clock, whole_seconds};
use crate::stats::Counters;

/// How long the handler may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// The longest answer that is read to keep the connection.
const MAX_ANSWER: usize = 64 << 10;
/// What portals call themselves.
const AGENT: HeaderValue = HeaderValue::from_static("Bitrix24 Webhook Engine");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// Where events are sent.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    host: String,
    port: u16,
    authority: HeaderValue,
    path: Uri,
}

impl Target {
    /// Reads an address; `None` if it is not an `http` address on this machine.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let url: Uri = url.parse().ok()?;
        let authority = url.authority()?;
        let host = url.host()?.trim_start_matches('[').trim_end_matches(']');
        let here = host.eq_ignore_ascii_case("localhost")
            || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if url.scheme_str() != Some("http") || authority.as_str().contains('@') || !here {
            return None;
        }
        Some(Self {
            host: host.to_owned(),
            port: url.port_u16().unwrap_or(80),
            authority: HeaderValue::from_str(authority.as_str()).ok()?,
            path: url.path_and_query()?.as_str().parse().ok()?,
        })
    }

    fn request(&self, body: String) -> Request<String> {
        let mut request = Request::new(body);
        *request.method_mut() = axum::http::Method::POST;
        *request.uri_mut() = self.path.clone();
        let headers = request.headers_mut();
        headers.insert(header::HOST, self.authority.clone());
        headers.insert(header::USER_AGENT, AGENT);
        headers.insert(header::CONTENT_TYPE, FORM);
        request
    }
}

/// Why an event did not reach the handler.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the handler cannot be reached")]
    Unreachable(#[source] io::Error),
    #[error("the connection broke")]
    Broken(#[from] hyper::Error),
    #[error("no answer came in time")]
    Silent,
}

/// A connection and what it needs to send.
pub(crate) struct Line {
    pub(crate) target: Target,
    pub(crate) sender: Sender,
    pub(crate) clock: Clock,
    pub(crate) counters: Counters,
    pub(crate) stopping: CancellationToken,
}

impl Line {
    /// Sends what comes, until the portal stops.
    pub(crate) async fn run(self, mut letters: mpsc::UnboundedReceiver<Letter>) {
        let mut wire = Wire {
            target: self.target.clone(),
            kept: None,
        };
        // All are late by the same time, so they come due in the order they were raised.
        let mut late: VecDeque<Letter> = VecDeque::new();
        loop {
            let due = late.front().and_then(|letter| letter.not_before);
            let letter = tokio::select! {
                biased;
                () = self.stopping.cancelled() => return,
                () = sleep_until_some(due) => late.pop_front(),
                letter = letters.recv() => match letter {
                    None => return,
                    Some(letter) if letter.not_before.is_some() => {
                        late.push_back(letter);
                        None
                    }
                    letter => letter,
                },
            };
            let Some(letter) = letter else { continue };
            let sent_at = whole_seconds(self.clock.now());
            let posting = wire.post(self.sender.body(&letter.event, sent_at));
            let outcome = tokio::select! {
                outcome = timeout(ANSWER_WITHIN, posting) => outcome.unwrap_or(Err(Failure::Silent)),
                () = self.stopping.cancelled() => return,
            };
            self.book(&letter, outcome);
        }
    }

    fn book(&self, letter: &Letter, outcome: Result<u16, Failure>) {
        let event = letter.event.code();
        match outcome {
            Ok(200..300) => self.counters.event_sent(),
            Ok(status) => {
                self.counters.event_failed();
                tracing::debug!(event, status, "the handler refused an event");
            }
            Err(error) => {
                self.counters.event_failed();
                tracing::debug!(
                    event,
                    error = &error as &dyn std::error::Error,
                    "an event was lost"
                );
            }
        }
    }
}

async fn sleep_until_some(due: Option<tokio::time::Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => future::pending().await,
    }
}

/// The connection itself. It is kept only after a whole answer, so one given up on is never used again.
struct Wire {
    target: Target,
    kept: Option<http1::SendRequest<String>>,
}

impl Wire {
    /// POSTs a body once; gives the status of the answer.
    async fn post(&mut self, body: String) -> Result<u16, Failure> {
        let mut request = self.target.request(body);
        if let Some(mut kept) = self.kept.take()
            && kept.ready().await.is_ok()
        {
            match kept.try_send_request(request).await {
                Ok(answer) => return Ok(self.finish(kept, answer).await),
                // The handler had closed the idle connection: nothing was sent, so this is no second time.
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(error.into_error().into()),
                },
            }
        }
        let mut fresh = self.connect().await?;
        let answer = fresh.send_request(request).await?;
        Ok(self.finish(fresh, answer).await)
    }

    async fn connect(&self) -> Result<http1::SendRequest<String>, Failure> {
        let address = (self.target.host.as_str(), self.target.port);
        let stream = TcpStream::connect(address).await.map_err(Failure::Unreachable)?;
        stream.set_nodelay(true).map_err(Failure::Unreachable)?;
        let (sending, connection) = http1::Builder::new()
            .title_case_headers(true)
            .handshake(TokioIo::new(stream))
            .await?;
        // Ends by itself when the sending half is dropped or the handler closes.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the handler broke");
            }
        });
        Ok(sending)
    }

    async fn finish(&mut self, sending: http1::SendRequest<String>, answer: Response<Incoming>) -> u16 {
        let status = answer.status().as_u16();
        if to_bytes(Body::new(answer.into_body()), MAX_ANSWER).await.is_ok() {
            self.kept = Some(sending);
        }
        status
    }
}
