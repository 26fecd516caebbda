//! What the tests of the agents stand on: a portal on loopback, a database in memory, and a state.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::agent::{
    Activation, Agent, AgentRequest, CancellationToken, CheckpointError, Checkpoints, Clock, Failure,
    Progress, SystemClock,
};
use async_trait::async_trait;
use bitrix_client::{Client, ClientConfig, RetryPolicy};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use demo_portal::{Portal, PortalOptions, RunningPortal};
use exchange::{Context, Environment, Exchange, Plugin, Settings, Switches};
use serde_json::Value;
use store::{Error, ErrorKind, FoundView, Plan, Store, TableShape, Upserted, ViewPlan};
use store_sqlite::SqliteStore;
use table_map::{Answer, Query, Row, TableMap, ViewMap};
use tokio::sync::watch;

use crate::mapping::table;
use crate::{AGENT, HistoryPlugin};

/// What the scheduler would keep: the last durable input.
#[derive(Default)]
pub(super) struct Durable {
    pub(super) input: Mutex<Value>,
    pub(super) progress: Mutex<Option<Progress>>,
    pub(super) cursors: Mutex<Vec<i64>>,
    pub(super) queued: Mutex<Vec<AgentRequest>>,
    pub(super) waiting: Mutex<Vec<String>>,
}

#[async_trait]
impl Checkpoints for Durable {
    async fn save(&self, input: Option<Value>, progress: Option<Progress>) -> Result<(), CheckpointError> {
        if let Some(input) = input {
            self.cursors.lock().unwrap().extend(input["cursor"].as_i64());
            *self.input.lock().unwrap() = input;
        }
        *self.progress.lock().unwrap() = progress;
        Ok(())
    }

    async fn queue(&self, request: AgentRequest) -> Result<(), CheckpointError> {
        self.queued.lock().unwrap().push(request);
        Ok(())
    }

    async fn gather(&self, limit: usize) -> Result<Vec<String>, CheckpointError> {
        let mut waiting = self.waiting.lock().unwrap();
        let taken = waiting.len().min(limit);
        Ok(waiting.drain(..taken).collect())
    }
}

/// The machine's clock, moved on by as much as a test says.
#[derive(Default)]
pub(super) struct Hands(pub(super) Mutex<TimeDelta>);

impl Clock for Hands {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + *self.0.lock().unwrap()
    }
}

/// Switches that a test sets.
#[derive(Default)]
pub(super) struct Panel(pub(super) Mutex<BTreeMap<String, Value>>);

#[async_trait]
impl Switches for Panel {
    async fn get(&self, key: &str) -> Result<Option<Value>, Failure> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }
}

/// A store that fails on demand: after so many upserts, or by losing a row on the way. Or it keeps whoever reads back waiting.
pub(super) struct Faulty {
    pub(super) inner: SqliteStore,
    pub(super) upserts_left: AtomicU32,
    pub(super) loses_a_row: AtomicBool,
    /// How many steps began to be written.
    pub(super) steps_begun: watch::Sender<u32>,
    /// Steps are read back only when so many began to be written.
    pub(super) reads_back_after: AtomicU32,
}

impl Faulty {
    pub(super) fn new() -> Self {
        Self {
            inner: SqliteStore::in_memory().unwrap(),
            upserts_left: AtomicU32::new(u32::MAX),
            loses_a_row: AtomicBool::new(false),
            steps_begun: watch::Sender::new(0),
            reads_back_after: AtomicU32::new(0),
        }
    }
}

#[async_trait]
impl Store for Faulty {
    fn target(&self) -> String {
        self.inner.target()
    }
    async fn ping(&self) -> Result<String, Error> {
        self.inner.ping().await
    }
    async fn inspect(&self, map: &TableMap) -> Result<Option<TableShape>, Error> {
        self.inner.inspect(map).await
    }
    fn statements(&self, plan: &Plan) -> Result<Vec<String>, Error> {
        self.inner.statements(plan)
    }
    async fn apply(&self, plan: &Plan) -> Result<(), Error> {
        self.inner.apply(plan).await
    }
    async fn duplicates(&self, map: &TableMap, limit: u32) -> Result<Vec<i64>, Error> {
        self.inner.duplicates(map, limit).await
    }
    async fn merge_duplicates(&self, map: &TableMap) -> Result<u64, Error> {
        self.inner.merge_duplicates(map).await
    }
    async fn upsert(&self, map: &TableMap, rows: &[Row], at: NaiveDateTime) -> Result<Upserted, Error> {
        if map.name().contains("HISTORY") {
            self.steps_begun.send_modify(|begun| *begun += 1);
            let left = self.upserts_left.load(Ordering::SeqCst);
            if left == 0 {
                return Err(Error::new(
                    ErrorKind::Passing { retry_after: None },
                    "the server is away",
                ));
            }
            self.upserts_left.store(left - 1, Ordering::SeqCst);
            if self.loses_a_row.load(Ordering::SeqCst) {
                return self.inner.upsert(map, &rows[1..], at).await;
            }
        }
        self.inner.upsert(map, rows, at).await
    }
    async fn read_back(&self, map: &TableMap, keys: &[i64]) -> Result<Vec<Row>, Error> {
        if map.name().contains("HISTORY") {
            let enough = self.reads_back_after.load(Ordering::SeqCst);
            self.steps_begun
                .subscribe()
                .wait_for(|begun| *begun >= enough)
                .await
                .unwrap();
        }
        self.inner.read_back(map, keys).await
    }
    async fn scan(&self, map: &TableMap, after: Option<i64>, limit: u32) -> Result<Vec<Row>, Error> {
        self.inner.scan(map, after, limit).await
    }
    async fn deactivate(&self, map: &TableMap, keys: &[i64], at: NaiveDateTime) -> Result<u64, Error> {
        self.inner.deactivate(map, keys, at).await
    }
    async fn count(&self, map: &TableMap) -> Result<u64, Error> {
        self.inner.count(map).await
    }
    async fn ask(&self, query: &Query) -> Result<Answer, Error> {
        self.inner.ask(query).await
    }
    async fn inspect_view(&self, view: &ViewMap) -> Result<FoundView, Error> {
        self.inner.inspect_view(view).await
    }
    fn view_statements(&self, plan: &ViewPlan) -> Result<Vec<String>, Error> {
        self.inner.view_statements(plan)
    }
    async fn apply_view(&self, plan: &ViewPlan) -> Result<(), Error> {
        self.inner.apply_view(plan).await
    }
}

pub(super) struct Bench {
    pub(super) portal: RunningPortal,
    pub(super) store: Arc<Faulty>,
    pub(super) durable: Arc<Durable>,
    pub(super) pipelines: Vec<i64>,
    pub(super) timezone: Tz,
    pub(super) portal_name: &'static str,
    pub(super) panel: Arc<Panel>,
    pub(super) clock: Arc<Hands>,
}

impl Bench {
    pub(super) async fn with(options: PortalOptions) -> Self {
        Self {
            portal: Portal::start(options, "127.0.0.1:0".parse().unwrap())
                .await
                .unwrap(),
            store: Arc::new(Faulty::new()),
            durable: Arc::default(),
            pipelines: Vec::new(),
            timezone: chrono_tz::UTC,
            portal_name: "demo",
            panel: Arc::default(),
            clock: Arc::default(),
        }
    }

    pub(super) async fn new(deals: u32) -> Self {
        Self::with(PortalOptions {
            deals,
            seed: 11,
            ..PortalOptions::default()
        })
        .await
    }

    pub(super) fn context(&self) -> Context {
        let config = ClientConfig {
            requests_per_second: 0.0,
            retry: RetryPolicy {
                min_delay: Duration::from_millis(1),
                max_delay: Duration::from_millis(5),
                ..RetryPolicy::default()
            },
            ..ClientConfig::new(self.portal.webhook_url().parse().unwrap())
        };
        Context {
            portal: Client::new(config).unwrap(),
            portal_name: self.portal_name.to_owned(),
            store: self.store.clone(),
            environment: Environment::Test,
            timezone: self.timezone,
            pipelines: self.pipelines.clone(),
            clock: self.clock.clone(),
            switches: self.panel.clone(),
        }
    }

    pub(super) fn exchange(&self) -> Arc<dyn Exchange> {
        HistoryPlugin
            .build(&self.context(), &Settings::default())
            .unwrap()
    }

    pub(super) fn agent(&self) -> Arc<dyn Agent> {
        self.exchange()
            .agents()
            .into_iter()
            .find(|spec| spec.agent.name() == AGENT)
            .unwrap()
            .agent
    }

    pub(super) fn activation(&self) -> Activation {
        Activation::new(
            AGENT,
            "",
            self.durable.input.lock().unwrap().clone(),
            1,
            Arc::new(SystemClock),
            self.durable.clone(),
            CancellationToken::new(),
        )
    }

    /// The IDs in the table.
    pub(super) async fn table(&self) -> Vec<i64> {
        let map = table(Environment::Test).unwrap();
        self.store
            .scan(&map, None, 1_000_000)
            .await
            .unwrap()
            .iter()
            .map(Row::key)
            .collect()
    }

    pub(super) async fn rows(&self) -> BTreeMap<i64, Row> {
        let map = table(Environment::Test).unwrap();
        let rows = self.store.scan(&map, None, 1_000_000).await.unwrap();
        rows.into_iter().map(|row| (row.key(), row)).collect()
    }

    /// The IDs in the portal.
    pub(super) fn truth(&self) -> Vec<i64> {
        let rows = self.portal.model().history();
        let wanted = |row: &demo_portal::HistoryRow| {
            !row.hidden && (self.pipelines.is_empty() || self.pipelines.contains(&i64::from(row.category_id)))
        };
        rows.iter()
            .filter(|row| wanted(row))
            .map(|row| i64::from(row.id))
            .collect()
    }

    pub(super) fn counts(&self) -> (u64, u64, u64) {
        let progress = self.durable.progress.lock().unwrap().clone().unwrap();
        let count = |name: &str| progress.counts.get(name).copied().unwrap();
        (count("inserted"), count("changed"), count("unchanged"))
    }
}

impl Bench {
    pub(super) async fn table_if_there(&self) -> Vec<i64> {
        let map = table(Environment::Test).unwrap();
        match self.store.inspect(&map).await.unwrap() {
            Some(_) => self.table().await,
            None => Vec::new(),
        }
    }
}
