//! A mass update in the portal: 10,000 events at 2,000 a second from 4 connections, against a web server whose sink is the
//! real, durable queue of the scheduler.
//!
//! ```text
//! cargo run --release -p admin-panel --example event_burst [EVENTS] [PER_SECOND] [CONNECTIONS] [DEALS] [--json]
//! ```
//!
//! An answer's time runs from the moment its request was due, not from when it was sent: a server that falls behind cannot
//! hide it by slowing the sender down.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use admin_panel::{Accepted, Check, EventSink, HealthSource, WebOptions, WebServer, metrics};
use agent::{CancellationToken, Clock, Failure, SystemClock};
use agent_scheduler::StateFile;
use async_trait::async_trait;
use bitrix_client::OutgoingEvent;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const TOKEN: &str = "the-token-of-this-benchmark";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\n";

/// Queues one piece of work a deal, as the program does.
struct Queue(StateFile);

#[async_trait]
impl EventSink for Queue {
    async fn accept(&self, event: &OutgoingEvent) -> Result<Accepted, Failure> {
        let key = event.object_id.map(|id| id.to_string()).unwrap_or_default();
        let queued = self.0.queue("history.deal", key, None, SystemClock.now()).await;
        let wrong = |error| Failure::passing("an event could not be queued").with_source(error);
        queued.map(|_| Accepted::Queued(1)).map_err(wrong)
    }
}

#[async_trait]
impl HealthSource for Queue {
    async fn readiness(&self) -> Vec<Check> {
        vec![Check::well("state")]
    }

    async fn refresh_metrics(&self) {}
}

/// What is sent, and how fast.
#[derive(Clone, Copy)]
struct Plan {
    events: usize,
    per_second: usize,
    connections: usize,
    deals: usize,
    /// Print one line of JSON instead of words.
    as_json: bool,
}

impl Plan {
    fn from_arguments() -> Outcome<Self> {
        let mut numbers = [10_000, 2_000, 4, 10_000];
        let (flags, given): (Vec<_>, Vec<_>) = std::env::args()
            .skip(1)
            .partition(|argument| argument == "--json");
        for (number, argument) in numbers.iter_mut().zip(given) {
            *number = argument.parse()?;
            if *number == 0 {
                return Err("every number must be at least 1".into());
            }
        }
        let [events, per_second, connections, deals] = numbers;
        Ok(Self {
            events,
            per_second,
            connections,
            deals,
            as_json: !flags.is_empty(),
        })
    }

    /// When the event with this number is due.
    fn due(self, start: Instant, number: usize) -> Instant {
        start + Duration::from_secs(1).mul_f64(number as f64 / self.per_second as f64)
    }
}

fn main() -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(Plan::from_arguments()?))
}

async fn run(plan: Plan) -> Outcome<()> {
    let directory = tempfile::tempdir()?;
    let state = StateFile::open(directory.path().join("state.sqlite"))?;
    let recorder = metrics::install_recorder()?;
    let mut options = WebOptions::new(([127, 0, 0, 1], 0).into());
    options.application_token = Some(TOKEN.into());
    let queue = Arc::new(Queue(state.clone()));
    let health = Arc::<Queue>::clone(&queue);
    let server = WebServer::bind(options, queue, health)
        .await?
        .with_metrics(recorder.clone());
    let address = server.local_addr();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(server.serve(stop.clone()));

    let start = Instant::now() + Duration::from_millis(100);
    let mut senders = JoinSet::new();
    for connection in 0..plan.connections {
        let stream = TcpStream::connect(address).await?;
        senders.spawn(send(stream, plan, connection, start));
    }
    let (mut times, mut refused) = (Vec::with_capacity(plan.events), 0);
    while let Some(sent) = senders.join_next().await {
        let (answered, others) = sent??;
        times.extend(answered);
        refused += others;
    }
    let took = start.elapsed();
    stop.cancel();
    serving.await?;

    times.sort_unstable();
    let at = |per_hundred: usize| {
        let index = (times.len() * per_hundred / 100).min(times.len().saturating_sub(1));
        times.get(index).copied().unwrap_or_default()
    };
    let pending: u64 = state.counts().await?.iter().map(|count| count.records).sum();
    let milliseconds = |per_hundred| at(per_hundred).as_secs_f64() * 1000.0;
    if plan.as_json {
        let told = json!({
            "events": plan.events,
            "deals": plan.deals.min(plan.events),
            "seconds": took.as_secs_f64(),
            "answered": times.len(),
            "otherwise": refused,
            "pending": pending,
            "p50_ms": milliseconds(50),
            "p99_ms": milliseconds(99),
            "max_ms": milliseconds(100),
        });
        println!("{told}");
        return Ok(());
    }
    println!(
        "{} events of {} deals over {} connections in {:.2} s ({:.0}/s)",
        plan.events,
        plan.deals.min(plan.events),
        plan.connections,
        took.as_secs_f64(),
        plan.events as f64 / took.as_secs_f64()
    );
    println!(
        "answered 200: {}, otherwise: {refused}, agents pending: {pending}",
        times.len()
    );
    println!(
        "answer times: p50 {:?}, p99 {:?}, max {:?}",
        at(50),
        at(99),
        at(100)
    );
    let counted = recorder.render();
    let received = counted
        .lines()
        .filter(|line| line.starts_with(metrics::EVENTS_RECEIVED));
    for line in received.filter(|line| !line.ends_with(" 0")) {
        println!("{line}");
    }
    Ok(())
}

/// Sends every event of one connection when it is due. Gives the times of those answered 200, and how many were not.
async fn send(
    mut stream: TcpStream,
    plan: Plan,
    connection: usize,
    start: Instant,
) -> Outcome<(Vec<Duration>, usize)> {
    stream.set_nodelay(true)?;
    let (mut times, mut refused) = (Vec::new(), 0);
    let mut answer = [0; 1024];
    for number in (connection..plan.events).step_by(plan.connections) {
        let due = plan.due(start, number);
        sleep_until(due).await;
        stream.write_all(&request(number % plan.deals + 1)).await?;
        let mut read = 0;
        // The answer's body is `ok` and a line's end; others are as short, and end alike.
        while !(read > 4
            && answer[..read].ends_with(b"\n")
            && answer[..read].windows(4).any(|four| four == b"\r\n\r\n"))
        {
            match stream.read(&mut answer[read..]).await? {
                0 => return Err("the server closed a connection".into()),
                more => read += more,
            }
        }
        if answer[..read].starts_with(OK) {
            times.push(due.elapsed());
        } else {
            refused += 1;
        }
    }
    Ok((times, refused))
}

/// An event as a portal sends it, brackets unencoded.
fn request(deal: usize) -> Vec<u8> {
    let body = format!(
        "event=ONCRMDEALUPDATE&event_handler_id=685&data[FIELDS][ID]={deal}&ts=1725364531&auth[domain]=portal.example\
         &auth[client_endpoint]=https%3A%2F%2Fportal.example%2Frest%2F&auth[member_id]=0123456789abcdef\
         &auth[application_token]={TOKEN}"
    );
    format!(
        "POST /events HTTP/1.1\r\nHost: program.example\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
