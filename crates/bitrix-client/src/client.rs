//! The client: admits a request past the limits, sends it, reads its answer, tries again where that may help.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::answer::{Answer, BatchAnswer, open, open_batch};
use crate::batch::BATCH;
use crate::classify::Failure;
use crate::config::ClientConfig;
use crate::error::{Class, Error, ErrorKind};
use crate::limits::bucket::Bucket;
use crate::limits::operating::{Demand, Ledger};
use crate::limits::{Admission, Budget, Limits};
use crate::retry::{Attempts, Jitter};
use crate::transport::{
    HttpOptions, HttpTransport, Transport, TransportErrorKind, TransportRequest, TransportResponse,
};
use crate::wire;

/// Requests under way where nothing limits them: a self-hosted portal serves its users with the same few processes.
const IN_FLIGHT: usize = 4;

/// Requests under way where the portal's bucket limits them. A batch may take seconds, and 5 a second are allowed at most for long.
const IN_FLIGHT_WITHIN_LIMIT: usize = 16;

/// The name under which errors of the settings are reported.
const SETTINGS: &str = "setting up the portal's client";

/// A client of one portal. Clones are cheap and share its limits, so a program needs one for each webhook.
///
/// Calls may run side by side; they start in the order in which the limits admit them. Dropping a call's future ends
/// it; the portal may still have received the request.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    config: ClientConfig,
    transport: Arc<dyn Transport>,
    limits: Limits,
    jitter: Jitter,
    counters: Counters,
}

#[derive(Default)]
struct Counters {
    requests: AtomicU64,
    refused: AtomicU64,
    retried: AtomicU64,
    calls: AtomicU64,
    /// Microseconds; 0 before the first answer.
    batch_answered_in: AtomicU64,
}

/// What a client has done since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// HTTP requests sent.
    pub requests: u64,
    /// Answers, alone or inside a batch, by which the portal enforced one of its limits.
    pub refused: u64,
    /// Requests among `requests` that repeat something that failed.
    pub retried: u64,
    /// REST calls made: one for a plain request, one for each call inside a batch.
    pub calls: u64,
}

impl Counters {
    /// A batch was answered: the last five or so count.
    fn batch_took(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let weigh = |known: u64| match known {
            0 => Some(took),
            known => Some((known / 5).saturating_mul(4).saturating_add(took / 5)),
        };
        // It gives up only where a weight is none.
        self.batch_answered_in
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, weigh)
            .ok();
    }
}

/// One answer with the request's hold on the limits.
pub(crate) struct Delivery<'a> {
    pub(crate) response: TransportResponse,
    pub(crate) admission: Admission<'a>,
    /// The methods of its calls.
    methods: Vec<String>,
}

impl Client {
    /// A client over HTTP.
    ///
    /// # Errors
    /// When a setting is out of its range, or TLS cannot be set up on this machine.
    pub fn new(config: ClientConfig) -> Result<Self, Error> {
        let options = HttpOptions {
            connect_timeout: config.connect_timeout,
            request_timeout: config.request_timeout,
            max_body_bytes: config.max_body_bytes,
            // A proxy knows nothing of this machine's own ports.
            use_environment_proxy: !config.webhook.is_loopback(),
        };
        let transport = HttpTransport::new(&options).map_err(|error| {
            Error::bad_input(SETTINGS, "HTTP cannot be set up on this machine").with_source(error)
        })?;
        Self::with_transport(config, Arc::new(transport))
    }

    /// A client over a transport of the caller's.
    ///
    /// # Errors
    /// When a setting is out of its range.
    pub fn with_transport(config: ClientConfig, transport: Arc<dyn Transport>) -> Result<Self, Error> {
        let bucket = Bucket::new(config.requests_per_second, config.burst)
            .map_err(|problem| Error::bad_input(SETTINGS, problem))?;
        if config
            .operating_limit_seconds
            .is_some_and(|limit| !limit.is_finite() || limit < 0.0)
        {
            return Err(Error::bad_input(
                SETTINGS,
                "operating_limit_seconds must be 0 (no limit) or a number above 0",
            ));
        }
        let unset = if config.requests_per_second == 0.0 {
            IN_FLIGHT
        } else {
            IN_FLIGHT_WITHIN_LIMIT
        };
        let max_in_flight = config.max_in_flight.unwrap_or(unset);
        if max_in_flight == 0 || max_in_flight > tokio::sync::Semaphore::MAX_PERMITS {
            return Err(Error::bad_input(SETTINGS, "max_in_flight must be at least 1"));
        }
        let ledger = Ledger::new(config.operating_limit_seconds);
        let limits = Limits::new(bucket, ledger, max_in_flight);
        let jitter = Jitter::new(config.jitter_seed);
        Ok(Self {
            inner: Arc::new(Inner {
                config,
                transport,
                limits,
                jitter,
                counters: Counters::default(),
            }),
        })
    }

    /// Calls one method with a map of parameters (`null` stands for none).
    ///
    /// # Errors
    /// When the call failed for good, or went on failing until its attempts were used up; see [`Error::class`].
    pub async fn call<T: DeserializeOwned>(&self, method: &str, params: &Value) -> Result<Answer<T>, Error> {
        self.call_with(method, params, |answer| wire::from_raw(method, answer.result))
            .await
    }

    /// What the client has done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let counters = &self.inner.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            requests: read(&counters.requests),
            refused: read(&counters.refused),
            retried: read(&counters.retried),
            calls: read(&counters.calls),
        }
    }

    /// What is left of the portal's limits.
    #[must_use]
    pub fn budget(&self) -> Budget {
        self.inner.limits.budget()
    }

    /// How many requests the portal's bucket holds at most, of all that this client has sent and was told of: 0 without a limit.
    #[must_use]
    pub fn requests_in_bucket(&self) -> f64 {
        self.inner.limits.bucket.held()
    }

    /// Tells that the portal's bucket may hold so many requests of others behind the same address, such as an earlier process. A client takes
    /// it for empty otherwise.
    pub fn assume_in_bucket(&self, requests: f64) {
        self.inner.limits.bucket.hold(requests);
    }

    /// Waits until no request waits for the limits, and the portal's bucket has room. A caller that puts together a large request only then
    /// puts it together late, with all that it knows, and lets others pass.
    pub async fn turn(&self) {
        self.inner.limits.turn().await;
    }

    /// How long the portal took to answer batches, lately; zero before the first answer. Waits for the limits are not in it.
    #[must_use]
    pub fn batch_answered_in(&self) -> Duration {
        Duration::from_micros(self.inner.counters.batch_answered_in.load(Ordering::Relaxed))
    }

    /// How many requests may be under way at the same time.
    #[must_use]
    pub fn max_in_flight(&self) -> usize {
        self.inner.limits.max_in_flight()
    }

    /// The settings the client was made with.
    #[must_use]
    pub fn config(&self) -> &ClientConfig {
        &self.inner.config
    }

    /// The attempts of one call.
    pub(crate) fn attempts(&self) -> Attempts {
        Attempts::new(&self.inner.config.retry, self.inner.jitter.number())
    }

    /// Like [`Client::call`], with a reader of the answer.
    pub(crate) async fn call_with<T>(
        &self,
        method: &str,
        params: &Value,
        read: impl Fn(&Answer<&RawValue>) -> Result<T, Error>,
    ) -> Result<Answer<T>, Error> {
        check_call(method, params)?;
        let body = if params.is_null() {
            Bytes::from_static(b"{}")
        } else {
            Bytes::from(params.to_string())
        };
        let mut attempts = self.attempts();
        loop {
            match self.try_call(method, &body, &mut attempts, &read).await {
                Ok(answer) => return Ok(answer),
                Err(error) => self.wait_or_give_up(&mut attempts, error).await?,
            }
        }
    }

    async fn try_call<T>(
        &self,
        method: &str,
        body: &Bytes,
        attempts: &mut Attempts,
        read: &impl Fn(&Answer<&RawValue>) -> Result<T, Error>,
    ) -> Result<Answer<T>, Error> {
        let demand = [Demand { method, calls: 1 }];
        let admission = self.admit(method, &demand).await?;
        let delivery = self.send(admission, method, body, &demand, attempts).await?;
        let answer = self.open(method, &delivery)?;
        self.inner.limits.ledger.learn(method, &answer.time);
        let result = read(&answer)?;
        Ok(Answer {
            result,
            total: answer.total,
            next: answer.next,
            time: answer.time,
        })
    }

    /// Waits until the limits admit a request of `method` that makes these calls.
    ///
    /// # Errors
    /// The vendor has blocked the portal.
    pub(crate) async fn admit(&self, method: &str, demand: &[Demand<'_>]) -> Result<Admission<'_>, Error> {
        let admitted = self.inner.limits.admit(method, demand).await;
        admitted.map_err(|wait| Error::new(method, &Failure::StillBlocked { wait }))
    }

    /// Sends one request that was admitted.
    pub(crate) async fn send<'c>(
        &'c self,
        admission: Admission<'c>,
        method: &str,
        body: &Bytes,
        demand: &[Demand<'_>],
        attempts: &mut Attempts,
    ) -> Result<Delivery<'c>, Error> {
        let Inner {
            config,
            transport,
            counters,
            ..
        } = &*self.inner;
        attempts.begin();
        let calls: u64 = demand.iter().map(|demand| u64::from(demand.calls)).sum();
        counters.requests.fetch_add(1, Ordering::Relaxed);
        counters.calls.fetch_add(calls, Ordering::Relaxed);
        counters
            .retried
            .fetch_add(u64::from(attempts.made() > 1), Ordering::Relaxed);

        let request = TransportRequest {
            webhook: config.webhook.clone(),
            method: method.to_owned(),
            body: body.clone(),
        };
        match transport.post(request).await {
            Ok(response) => {
                let took = admission.started().elapsed();
                if method == BATCH {
                    counters.batch_took(took);
                }
                let (status, bytes) = (response.status, response.body.len());
                tracing::debug!(
                    method,
                    calls,
                    status,
                    bytes,
                    ?took,
                    attempt = attempts.made(),
                    "portal answered"
                );
                let methods = demand.iter().map(|demand| demand.method.to_owned()).collect();
                Ok(Delivery {
                    response,
                    admission,
                    methods,
                })
            }
            Err(error) => {
                if error.kind() == TransportErrorKind::Connect {
                    admission.settle();
                }
                tracing::debug!(method, calls, %error, attempt = attempts.made(), "portal did not answer");
                Err(Error::new(method, &Failure::Transport(error.kind())).with_cause_of(error))
            }
        }
    }

    /// Opens the answer of a whole request and lets the limits know how it went.
    pub(crate) fn open<'d>(
        &self,
        method: &str,
        delivery: &'d Delivery<'_>,
    ) -> Result<Answer<&'d RawValue>, Error> {
        let opened = open(method, &delivery.response, &self.inner.config.webhook);
        self.opened(delivery, opened)
    }

    /// The same for a batch.
    pub(crate) fn open_batch<'d>(
        &self,
        delivery: &'d Delivery<'_>,
    ) -> Result<Answer<Result<BatchAnswer<'d>, Error>>, Error> {
        let opened = open_batch(BATCH, &delivery.response, &self.inner.config.webhook);
        self.opened(delivery, opened)
    }

    fn opened<R>(
        &self,
        delivery: &Delivery<'_>,
        opened: Result<Answer<R>, Error>,
    ) -> Result<Answer<R>, Error> {
        let started = delivery.admission.started();
        match opened {
            Ok(answer) => {
                delivery.admission.settle();
                let bucket = &self.inner.limits.bucket;
                bucket.accepted(started);
                if let Some(worked) = answer.time.worked() {
                    bucket.worked(delivery.admission.start, worked);
                }
                Ok(answer)
            }
            Err(error) => {
                // A proxy that gave up waiting, or an answer that came to nothing: the portal may have run the request.
                let ran = error.kind() == ErrorKind::NotAnAnswer || error.status() == Some(504);
                if !ran {
                    delivery.admission.settle();
                }
                Err(self.heed(error, started, &delivery.methods))
            }
        }
    }

    /// Feeds the ledger with what a call inside a batch took.
    pub(crate) fn learn(&self, method: &str, time: &crate::Time) {
        self.inner.limits.ledger.learn(method, time);
    }

    /// Makes the limits follow an error by which the portal enforces them on calls of these methods.
    pub(crate) fn heed(&self, mut error: Error, started: Instant, methods: &[String]) -> Error {
        let limits = &self.inner.limits;
        match (error.kind(), error.class().clone()) {
            (ErrorKind::RequestLimit, Class::Retry { after }) => {
                tracing::debug!(
                    method = error.method(),
                    "the portal refused a request: all requests rest"
                );
                limits.bucket.refused(started, after, self.inner.jitter.share());
            }
            (_, Class::WaitForMethod { wait, .. }) => {
                let rests = methods.iter().map(|method| limits.ledger.block(method, wait));
                let rest = rests.max().unwrap_or(wait);
                tracing::debug!(?methods, ?rest, "the portal refused a method: it rests");
                error.set_method_wait(rest);
            }
            (ErrorKind::Blocked, Class::Blocked { wait }) => {
                tracing::warn!(
                    ?wait,
                    "the vendor blocked REST for this portal: all calls are refused meanwhile"
                );
                limits.bucket.block(wait);
                return error;
            }
            _ => return error,
        }
        self.inner.counters.refused.fetch_add(1, Ordering::Relaxed);
        error
    }

    /// Sleeps before the next attempt, or hands back the error of the last.
    pub(crate) async fn wait_or_give_up(&self, attempts: &mut Attempts, error: Error) -> Result<(), Error> {
        match attempts.delay_after([&error]) {
            Some(delay) => {
                self.pause(&error, delay).await;
                Ok(())
            }
            None => Err(error.with_attempts(attempts.made())),
        }
    }

    /// Sleeps before the next attempt of what failed with this error.
    pub(crate) async fn pause(&self, error: &Error, delay: Duration) {
        tracing::debug!(%error, ?delay, "trying again");
        tokio::time::sleep(delay).await;
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("webhook", &self.inner.config.webhook)
            .finish_non_exhaustive()
    }
}

/// Refuses what would not be a call of a method: the name becomes a part of the URL, the parameters a map.
pub(crate) fn check_call(method: &str, params: &Value) -> Result<(), Error> {
    let part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !method.split('.').all(part) {
        return Err(Error::bad_input(
            "calling a method",
            "the method's name is not of letters, digits, '_' and '.'",
        ));
    }
    if !matches!(params, Value::Object(_) | Value::Null) {
        return Err(Error::bad_input(method, "the parameters are not a map"));
    }
    Ok(())
}
