//! An upload from a portal with limits, in simulated time: how near it comes to what the limits allow.
//!
//! The uploader, its client and its limits are the program's own; the portal is the demo portal in process, with both of its limits,
//! behind a network that takes its time. The target takes rows at once, since what is measured is what the portal's limits cost.
//! Nothing fails here. The same setting takes the same course.

mod line;
mod target;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent::{
    Activation, AgentRequest, CancellationToken, CheckpointError, Checkpoints, Clock, Outcome, Progress,
};
use async_trait::async_trait;
use bitrix_client::{Client, ClientConfig, WebhookUrl};
use chrono::DateTime;
use demo_portal::{InProcessPortal, PortalOptions};
use exchange::{Context, Environment, Plugin, Settings, Switches};
use history_exchange::{AGENT, HistoryPlugin};
use serde_json::Value;

use crate::clock::{BEGIN, WallClock};
use crate::run::Error;
use crate::world::lock;
use line::Line;
pub use line::Sent;
use target::Target;

/// Rows on a page, and calls in a batch.
const FULL: u64 = 50;

/// The portal's window of run time in seconds.
const WINDOW: f64 = 600.0;

/// A portal, and what is to be brought over from it.
#[derive(Debug, Clone)]
pub struct Limited {
    /// Deals to make up, some five rows each.
    pub deals: u32,
    /// What the data and the network follow from.
    pub seed: u64,
    /// Requests a second that drain from the portal's bucket.
    pub requests_per_second: f64,
    /// Requests that the bucket holds.
    pub burst: u32,
    /// Run time that a method may use up in ten minutes, in seconds.
    pub operating_seconds: f64,
    /// Run time of a call.
    pub page_time: Duration,
    /// The shortest and the longest time that a request or an answer is on its way.
    pub latency: (Duration, Duration),
    /// Whether a call of a batch may refer to the answer of an earlier one.
    pub chains: bool,
    /// Only this share of the deals is wanted; they are in a pipeline of their own.
    pub wanted_share: Option<f64>,
}

impl Limited {
    /// The cloud's ordinary plan, 20 ms a page.
    #[must_use]
    pub fn cloud(deals: u32) -> Self {
        Self {
            deals,
            seed: 1,
            requests_per_second: 2.0,
            burst: 50,
            operating_seconds: 480.0,
            page_time: Duration::from_millis(20),
            latency: (Duration::ZERO, Duration::from_millis(2)),
            chains: true,
            wanted_share: None,
        }
    }

    /// The Enterprise plan, 20 ms a page.
    #[must_use]
    pub fn enterprise(deals: u32) -> Self {
        Self {
            requests_per_second: 5.0,
            burst: 250,
            ..Self::cloud(deals)
        }
    }

    /// The least number of requests and of seconds for so many rows of so many deals: as `xtask`'s bench has it.
    fn ceiling(&self, rows: u64, deals: u64) -> (u64, f64) {
        let (history, items) = (rows.div_ceil(FULL), deals.div_ceil(FULL));
        let requests = (history + items).div_ceil(FULL);
        let by_requests = real(requests.saturating_sub(u64::from(self.burst))) / self.requests_per_second;
        let run_time = real(history.max(items)) * self.page_time.as_secs_f64();
        let by_operating = ((run_time / self.operating_seconds).ceil() - 1.0).max(0.0) * WINDOW;
        (requests, by_requests.max(by_operating))
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn real(count: u64) -> f64 {
    count as f64
}

/// What an upload took.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Rows that were brought over.
    pub rows: u64,
    /// Their deals.
    pub deals: u64,
    /// The least number of requests.
    pub fewest: u64,
    /// The least time in seconds.
    pub ceiling: f64,
    /// Seconds from the first request's arrival to the last answer's departure.
    pub seconds: f64,
    /// Requests and calls that the portal refused.
    pub refused: u64,
    /// The requests, in the order of their answers.
    pub sent: Vec<Sent>,
    /// What came between the ceiling and what it took.
    pub lost: Lost,
}

/// Where time went beyond the ceiling, in seconds. Together they are all of it, where the requests are the limit.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lost {
    /// The bucket was empty: nothing drained.
    pub empty: f64,
    /// Room that the bucket had for more when the last request arrived, as time that it takes to drain.
    pub room: f64,
    /// Requests beyond the fewest.
    pub more: f64,
    /// From the last arrival to the last answer.
    pub end: f64,
}

impl Lost {
    #[allow(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    fn of(sent: &[Sent], fewest: u64, setting: &Limited) -> Self {
        let rate = setting.requests_per_second;
        let mut arrived: Vec<f64> = sent.iter().map(|sent| sent.arrived.as_secs_f64()).collect();
        arrived.sort_by(f64::total_cmp);
        let (mut level, mut empty) = (0.0_f64, 0.0);
        for (index, at) in arrived.iter().enumerate() {
            let since = index.checked_sub(1).map_or(0.0, |before| at - arrived[before]);
            empty += (since - level / rate).max(0.0);
            level = (level - since * rate).max(0.0) + 1.0;
        }
        let last = sent.iter().map(|sent| sent.answered).max().unwrap_or_default();
        Self {
            empty,
            room: (f64::from(setting.burst) - level) / rate,
            more: (sent.len() as f64 - real(fewest)) / rate,
            end: last.as_secs_f64() - arrived.last().copied().unwrap_or_default(),
        }
    }
}

impl Taken {
    /// Achieved over ceiling.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.ceiling / self.seconds
    }

    /// Requests that had fewer calls than a batch takes.
    pub fn not_full(&self) -> impl Iterator<Item = &Sent> {
        self.sent.iter().filter(|sent| !sent.is_full())
    }

    /// Calls for pages of the history, and for deals.
    #[must_use]
    pub fn calls(&self) -> (u64, u64) {
        let sum = |count: fn(&Sent) -> u64| self.sent.iter().map(count).sum::<u64>();
        (sum(|sent| sent.history), sum(|sent| sent.deals))
    }
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (history, deals) = self.calls();
        write!(
            f,
            "{} rows of {} deals: {} requests ({} at least), {:.2} s ({:.2}), ratio {:.4}, {} refused; history {history} calls ({}), deals {deals} ({}); \
             lost {:.2} s to more requests, {:.2} to an empty bucket, {:.2} to room left in it, {:.2} at the end",
            self.rows,
            self.deals,
            self.sent.len(),
            self.fewest,
            self.seconds,
            self.ceiling,
            self.ratio(),
            self.refused,
            self.rows.div_ceil(FULL),
            self.deals.div_ceil(FULL),
            self.lost.more,
            self.lost.empty,
            self.lost.room,
            self.lost.end,
        )
    }
}

/// Brings everything over.
///
/// # Errors
/// When the upload fails, or does not bring exactly the portal's rows.
pub fn upload_within_limits(setting: &Limited) -> Result<Taken, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    runtime.block_on(upload(setting))
}

async fn upload(setting: &Limited) -> Result<Taken, Error> {
    let portal = Arc::new(InProcessPortal::new(&PortalOptions {
        deals: setting.deals,
        seed: setting.seed,
        rare_share: setting.wanted_share,
        requests_per_second: Some(setting.requests_per_second),
        burst: setting.burst,
        operating_limit_seconds: Some(setting.operating_seconds),
        page_time: setting.page_time,
        started_at: DateTime::from_timestamp(BEGIN, 0),
        ..PortalOptions::default()
    })?);
    let pipelines: Vec<i64> = setting.wanted_share.map(|_| RARE).into_iter().collect();
    let (rows, deals) = wanted(&portal, &pipelines);
    let line = Arc::new(Line::new(Arc::clone(&portal), setting));
    let webhook: WebhookUrl = "https://portal.simulated/rest/1/s3cr3t/".parse()?;
    let mut config = ClientConfig::new(webhook);
    config.requests_per_second = setting.requests_per_second;
    config.burst = setting.burst;
    config.operating_limit_seconds = Some(setting.operating_seconds);
    config.jitter_seed = Some(setting.seed);
    let target = Arc::new(Target::new()?);
    let clock = Arc::new(WallClock::new());
    let context = Context {
        portal: Client::with_transport(config, Arc::clone(&line) as Arc<_>)?,
        portal_name: "simulated".to_owned(),
        store: Arc::clone(&target) as Arc<_>,
        environment: Environment::Test,
        timezone: chrono_tz::UTC,
        pipelines,
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        switches: Arc::new(Unset),
    };
    let exchange = HistoryPlugin.build(&context, &Settings::default())?;
    let spec = exchange
        .agents()
        .into_iter()
        .find(|spec| spec.agent.name() == AGENT);
    let agent = spec.ok_or("the exchange has no uploader")?.agent;
    let durable = Arc::new(Durable::default());
    loop {
        let activation = Activation::new(
            AGENT,
            "",
            lock(&durable.input).clone(),
            1,
            Arc::clone(&clock) as Arc<dyn Clock>,
            Arc::clone(&durable) as Arc<_>,
            CancellationToken::new(),
        );
        match agent.activate(&activation).await? {
            Outcome::Done => break,
            Outcome::Next { input, after } => {
                *lock(&durable.input) = input;
                tokio::time::sleep(after).await;
            }
            outcome => return Err(format!("the uploader ends with {outcome:?}").into()),
        }
    }
    if target.inserted() != rows {
        return Err(format!("{} rows came over, the portal has {rows}", target.inserted()).into());
    }
    let (fewest, ceiling) = setting.ceiling(rows, deals);
    let sent = line.sent();
    let first = sent.iter().map(|sent| sent.arrived).min().unwrap_or_default();
    let last = sent.iter().map(|sent| sent.answered).max().unwrap_or_default();
    Ok(Taken {
        rows,
        deals,
        fewest,
        ceiling,
        seconds: last.saturating_sub(first).as_secs_f64(),
        refused: portal.stats().refused,
        lost: Lost::of(&sent, fewest, setting),
        sent,
    })
}

/// The pipeline of [`Limited::wanted_share`].
const RARE: i64 = 1;

/// Rows of these pipelines, all if there are none, and their deals.
fn wanted(portal: &InProcessPortal, pipelines: &[i64]) -> (u64, u64) {
    let mut owners = std::collections::HashSet::new();
    let mut rows = 0;
    for row in portal.model().history() {
        let ours = pipelines.is_empty() || pipelines.contains(&i64::from(row.category_id));
        if ours && !row.hidden {
            rows += 1;
            owners.insert(row.owner_id);
        }
    }
    (rows, u64::try_from(owners.len()).unwrap_or(u64::MAX))
}

/// Nobody has switched anything.
struct Unset;

#[async_trait]
impl Switches for Unset {
    async fn get(&self, _: &str) -> Result<Option<Value>, agent::Failure> {
        Ok(None)
    }
}

/// What a scheduler would keep.
#[derive(Default)]
struct Durable {
    input: Mutex<Value>,
}

#[async_trait]
impl Checkpoints for Durable {
    async fn save(&self, input: Option<Value>, _: Option<Progress>) -> Result<(), CheckpointError> {
        if let Some(input) = input {
            *lock(&self.input) = input;
        }
        Ok(())
    }

    async fn queue(&self, _: AgentRequest) -> Result<(), CheckpointError> {
        Ok(())
    }

    async fn gather(&self, _: usize) -> Result<Vec<String>, CheckpointError> {
        Ok(Vec::new())
    }
}
