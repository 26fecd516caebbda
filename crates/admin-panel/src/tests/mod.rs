//! Tests over real sockets, and what they share.

mod bounds;
mod documents;
mod events;
mod forms;
mod health;
mod hostile;
mod panel;
mod prometheus;
mod tables;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent::{CancellationToken, Failure};
use async_trait::async_trait;
use bitrix_client::OutgoingEvent;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use url::form_urlencoded::Serializer;

use crate::{Accepted, Check, EventSink, HealthSource, WebOptions, WebServer};

pub(super) const TOKEN: &str = "t0k3n-0f-the-w3bh00k";

/// Keeps what it is given; fails as often as it is told to.
#[derive(Default)]
pub(super) struct Sink {
    pub(super) events: Mutex<Vec<OutgoingEvent>>,
    pub(super) failures: AtomicUsize,
    pub(super) attempts: AtomicUsize,
    pub(super) hangs: bool,
}

#[async_trait]
impl EventSink for Sink {
    async fn accept(&self, event: &OutgoingEvent) -> Result<Accepted, Failure> {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        if self.hangs {
            std::future::pending::<()>().await;
        }
        let failing = |left: usize| left.checked_sub(1);
        if self
            .failures
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, failing)
            .is_ok()
        {
            return Err(Failure::passing("the state is away"));
        }
        assert!(event.application_token.is_none(), "the token stays at the door");
        if event.event == "PANIC" {
            panic!("a sink that panics");
        }
        if event.event.starts_with("ONCRM") {
            self.events.lock().unwrap().push(event.clone());
            Ok(Accepted::Queued(1))
        } else {
            Ok(Accepted::Unknown)
        }
    }
}

impl Sink {
    pub(super) fn seen(&self) -> Vec<(String, Option<i64>)> {
        let events = self.events.lock().unwrap();
        events
            .iter()
            .map(|event| (event.event.clone(), event.object_id))
            .collect()
    }
}

/// Says what it is told to.
#[derive(Default)]
pub(super) struct Health {
    pub(super) checks: Mutex<Vec<Check>>,
    pub(super) asked: AtomicUsize,
    pub(super) refreshed: AtomicUsize,
    pub(super) hangs: bool,
}

#[async_trait]
impl HealthSource for Health {
    async fn readiness(&self) -> Vec<Check> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.hangs {
            std::future::pending::<()>().await;
        }
        self.checks.lock().unwrap().clone()
    }

    async fn refresh_metrics(&self) {
        self.refreshed.fetch_add(1, Ordering::SeqCst);
        metrics::gauge!(crate::metrics::EVENTS_PENDING).set(3.0);
    }
}

pub(super) fn options() -> WebOptions {
    let mut options = WebOptions::new(([127, 0, 0, 1], 0).into());
    options.application_token = Some(TOKEN.into());
    options
}

/// A server that runs.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) metrics_address: Option<SocketAddr>,
    pub(super) sink: Arc<Sink>,
    pub(super) health: Arc<Health>,
    pub(super) stop: CancellationToken,
    pub(super) task: JoinHandle<()>,
}

pub(super) async fn start(options: WebOptions) -> Running {
    start_with(options, Sink::default(), Health::default(), |server| server).await
}

pub(super) async fn start_with(
    options: WebOptions,
    sink: Sink,
    health: Health,
    change: impl FnOnce(WebServer) -> WebServer,
) -> Running {
    let (sink, health) = (Arc::new(sink), Arc::new(health));
    let sink_port: Arc<dyn EventSink> = Arc::<Sink>::clone(&sink);
    let health_port: Arc<dyn HealthSource> = Arc::<Health>::clone(&health);
    let server = change(WebServer::bind(options, sink_port, health_port).await.unwrap());
    let (address, metrics_address) = (server.local_addr(), server.metrics_addr());
    let stop = CancellationToken::new();
    let task = tokio::spawn(server.serve(stop.clone()));
    Running {
        address,
        metrics_address,
        sink,
        health,
        stop,
        task,
    }
}

/// An answer, as it came over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// A connection of the plainest kind: what is sent is up to the test.
pub(super) struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Client {
    pub(super) async fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            read: Vec::new(),
        }
    }

    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await
    }

    /// The next answer; an error when the connection ends before.
    pub(super) async fn answer(&mut self) -> io::Result<Answer> {
        loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8(self.read[..end].to_vec()).unwrap();
                let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                let mut answer = Answer {
                    status,
                    head,
                    body: String::new(),
                };
                let length: usize = answer
                    .header("content-length")
                    .map_or(0, |length| length.parse().unwrap());
                if self.read.len() >= end + 4 + length {
                    answer.body = String::from_utf8(self.read[end + 4..end + 4 + length].to_vec()).unwrap();
                    self.read.drain(..end + 4 + length);
                    return Ok(answer);
                }
            }
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    pub(super) async fn ask(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<Answer> {
        self.send(bytes).await?;
        self.answer().await
    }

    /// Sends no more.
    pub(super) async fn half_close(&mut self) {
        // The other side may have closed already; that is what the test finds out.
        self.stream.shutdown().await.ok();
    }

    /// Whether the other side ends the connection, without another answer, within 5 s.
    pub(super) async fn is_ended(&mut self) -> bool {
        let ended = tokio::time::timeout(Duration::from_secs(5), self.answer()).await;
        matches!(ended, Ok(Err(_)))
    }
}

pub(super) async fn get(address: SocketAddr, path: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    Client::to(address).await.ask(request).await.unwrap()
}

pub(super) async fn post(address: SocketAddr, body: impl AsRef<[u8]>) -> Answer {
    Client::to(address).await.ask(post_request(body)).await.unwrap()
}

pub(super) fn post_request(body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut request = format!(
        "POST /events HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// The body of an event.
pub(super) fn event(code: &str, object: i64, token: &str) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("event", code)
        .append_pair("event_handler_id", "685")
        .append_pair("data[FIELDS][ID]", &object.to_string())
        .append_pair("ts", "1725364531")
        .append_pair("auth[domain]", "portal.example")
        .append_pair("auth[application_token]", token);
    form.finish()
}
