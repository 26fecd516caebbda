//! What the HTTP side is told when it starts, and the bounds it keeps.

use std::net::SocketAddr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::Error;

/// Where to listen and what to bear. Make one with [`WebOptions::new`] and change what should differ.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WebOptions {
    /// Where events, health and, on a loopback address, metrics are served. Port 0 lets the system choose one.
    pub listen: SocketAddr,
    /// The application token of the portal's outgoing webhook. Without it every event is refused.
    pub application_token: Option<SecretString>,
    /// An address for metrics alone. With it they are served only there.
    pub metrics_listen: Option<SocketAddr>,
    /// The largest body taken, in bytes. 64 KiB.
    pub max_body: usize,
    /// The most headers of a request. 100.
    pub max_headers: usize,
    /// The largest head of a request, in bytes; at least 8 KiB. 16 KiB.
    pub max_head: usize,
    /// The time for the head of a request, and the longest a connection stays open between two. 10 s.
    pub head_timeout: Duration,
    /// The time for the body of a request. 10 s.
    pub body_timeout: Duration,
    /// The most connections at once, for each address; others wait to be taken. 512.
    pub max_connections: usize,
    /// A connection older than this is closed after its present request. 10 min.
    pub max_connection_age: Duration,
    /// The most events that the sink is given at once; others wait. 64.
    pub max_events_in_flight: usize,
    /// How long an event is tried before the answer is 503: the portal does not send it again. 5 s.
    pub sink_patience: Duration,
    /// How long a stop waits for requests under way. 6 s.
    pub stop_grace: Duration,
}

impl WebOptions {
    /// The defaults, as each field tells them, with no token.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            application_token: None,
            metrics_listen: None,
            max_body: 64 << 10,
            max_headers: 100,
            max_head: 16 << 10,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            max_connections: 512,
            max_connection_age: Duration::from_secs(600),
            max_events_in_flight: 64,
            sink_patience: Duration::from_secs(5),
            stop_grace: Duration::from_secs(6),
        }
    }

    /// Whether the main address serves metrics, too: only when nothing but this machine reaches it, and they have no
    /// address of their own.
    pub(crate) fn metrics_on_main_address(&self) -> bool {
        self.metrics_listen.is_none() && self.is_loopback()
    }

    /// Whether nothing but this machine reaches the main address.
    pub fn is_loopback(&self) -> bool {
        self.listen.ip().to_canonical().is_loopback()
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let places = |number: usize| (1..=tokio::sync::Semaphore::MAX_PERMITS).contains(&number);
        let token = self.application_token.as_ref();
        if token.is_some_and(|token| token.expose_secret().trim().is_empty()) {
            return Err(Error::Options(
                "web.application_token is empty; copy it from the portal's outgoing webhook, or leave it out",
            ));
        }
        if self.max_head < 8 << 10 {
            return Err(Error::Options("max_head must be at least 8 KiB"));
        }
        if !(1..=10_000).contains(&self.max_headers) {
            return Err(Error::Options("max_headers must be from 1 to 10000"));
        }
        if !places(self.max_connections) || !places(self.max_events_in_flight) {
            return Err(Error::Options(
                "max_connections and max_events_in_flight must be at least 1",
            ));
        }
        Ok(())
    }
}
