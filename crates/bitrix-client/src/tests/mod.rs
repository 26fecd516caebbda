//! The client as a whole, against scripted portals in paused time.

mod batch;
mod chains;
mod hostile;
mod hostile_http;
mod http;
mod limits;
mod lists;
mod log;
mod looks;
mod retries;
mod secrets;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::limits::lock;
use crate::{
    Client, ClientConfig, Transport, TransportError, TransportErrorKind, TransportRequest, TransportResponse,
    WebhookUrl,
};

/// One request as the portal saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// How many came before it.
    pub(crate) index: usize,
    pub(crate) at: Instant,
    pub(crate) method: String,
    pub(crate) params: Value,
}

impl Seen {
    /// Names and methods of the calls in a batch.
    pub(crate) fn calls(&self) -> Vec<(String, String)> {
        let cmd = self.params["cmd"].as_object().expect("a batch");
        let method = |command: &Value| {
            command
                .as_str()
                .expect("text")
                .split('?')
                .next()
                .expect("a method")
                .to_owned()
        };
        cmd.iter()
            .map(|(name, command)| (name.clone(), method(command)))
            .collect()
    }
}

/// What the portal does with a request: how long it takes, and what comes of it.
pub(crate) type Reply = (Duration, Result<TransportResponse, TransportErrorKind>);

type Script = Box<dyn Fn(&Seen) -> Reply + Send + Sync>;

/// A portal in memory that follows a script.
pub(crate) struct Scripted {
    script: Script,
    /// How long the request of this number is on its way.
    latency: Box<dyn Fn(usize) -> Duration + Send + Sync>,
    pub(crate) seen: Mutex<Vec<Seen>>,
    sent: Mutex<usize>,
}

impl Scripted {
    pub(crate) fn new(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Arc<Self> {
        Self::with_latency(|_| Duration::ZERO, script)
    }

    pub(crate) fn with_latency(
        latency: impl Fn(usize) -> Duration + Send + Sync + 'static,
        script: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            script: Box::new(script),
            latency: Box::new(latency),
            seen: Mutex::default(),
            sent: Mutex::default(),
        })
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        lock(&self.seen).clone()
    }
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scripted")
    }
}

#[async_trait]
impl Transport for Scripted {
    async fn post(&self, request: TransportRequest) -> Result<TransportResponse, TransportError> {
        let number = {
            let mut sent = lock(&self.sent);
            *sent += 1;
            *sent - 1
        };
        tokio::time::sleep((self.latency)(number)).await;
        let seen = {
            let mut all = lock(&self.seen);
            let params = serde_json::from_slice(&request.body).expect("JSON");
            let index = all.len();
            all.push(Seen {
                index,
                at: Instant::now(),
                method: request.method,
                params,
            });
            all.last().expect("pushed").clone()
        };
        let (takes, outcome) = (self.script)(&seen);
        tokio::time::sleep(takes).await;
        outcome.map_err(TransportError::new)
    }
}

pub(crate) fn config() -> ClientConfig {
    ClientConfig::new(
        "https://portal.example/rest/1/s3cr3t/"
            .parse::<WebhookUrl>()
            .expect("valid"),
    )
}

pub(crate) fn client(portal: &Arc<Scripted>) -> Client {
    client_with(portal, config())
}

pub(crate) fn client_with(portal: &Arc<Scripted>, config: ClientConfig) -> Client {
    Client::with_transport(config, Arc::clone(portal) as Arc<dyn Transport>).expect("valid settings")
}

pub(crate) fn answer(status: u16, body: &Value) -> Reply {
    (
        Duration::ZERO,
        Ok(TransportResponse::new(status, body.to_string())),
    )
}

pub(crate) fn ok(result: &Value) -> Reply {
    answer(200, &json!({"result": result, "time": {}}))
}

/// The answer of a batch: results and the `next` of those that have one, by the names of the calls.
pub(crate) fn batch_results(results: &Value, next: &Value) -> Reply {
    ok(
        &json!({"result": results, "result_error": [], "result_total": [], "result_next": next, "result_time": []}),
    )
}

pub(crate) fn text(status: u16, body: &'static str) -> Reply {
    (Duration::ZERO, Ok(TransportResponse::new(status, body)))
}

pub(crate) fn error(status: u16, code: &str) -> Reply {
    answer(status, &json!({"error": code, "error_description": "words"}))
}

/// A type no result can be read as.
#[derive(Debug, serde::Deserialize)]
pub(crate) enum Never {}
