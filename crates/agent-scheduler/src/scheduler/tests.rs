//! The scheduler on real files under paused time: what is due runs, what fails comes back, what is cut off goes on.

mod crash;
mod faults;
mod gathering;
mod model;
mod running;
mod stopping;

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent::{Activation, Agent, AgentSpec, CancellationToken, Clock, Failure, Outcome};
use chrono::{DateTime, TimeDelta, Utc};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::*;
use crate::sqlite::{Durability, SqliteStore};
use crate::{AgentRecord, AgentStore};

const SECOND: Duration = Duration::from_secs(1);

/// The time of day that goes along with tokio's paused time, and can be set.
struct TestClock {
    start: Instant,
    offset_ms: AtomicI64,
}

impl TestClock {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            offset_ms: AtomicI64::new(0),
        })
    }

    fn step(&self, by: TimeDelta) {
        self.offset_ms.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        let begin = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        begin + self.start.elapsed() + TimeDelta::milliseconds(self.offset_ms.load(Ordering::SeqCst))
    }
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<Outcome, Failure>> + Send + 'a>>;

/// An agent whose activation is a function.
struct FnAgent<F> {
    name: &'static str,
    activate: F,
}

#[async_trait::async_trait]
impl<F> Agent for FnAgent<F>
where
    F: for<'a> Fn(&'a Activation) -> Answer<'a> + Send + Sync + 'static,
{
    fn name(&self) -> &str {
        self.name
    }

    async fn activate(&self, activation: &Activation) -> Result<Outcome, Failure> {
        (self.activate)(activation).await
    }
}

fn agent<F>(name: &'static str, activate: F) -> Arc<dyn Agent>
where
    F: for<'a> Fn(&'a Activation) -> Answer<'a> + Send + Sync + 'static,
{
    Arc::new(FnAgent { name, activate })
}

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// A state of its own for each test.
struct Bench {
    _directory: TempDir,
    path: PathBuf,
    clock: Arc<TestClock>,
    state: StateFile,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.db");
        let clock = TestClock::new();
        let state = open(&path, &clock);
        Self {
            _directory: directory,
            path,
            clock,
            state,
        }
    }

    /// As another process, or this one after a restart.
    fn open(&self) -> StateFile {
        open(&self.path, &self.clock)
    }

    fn builder(&self) -> SchedulerBuilder {
        Scheduler::builder(self.state.clone(), Arc::clone(&self.clock) as Arc<dyn Clock>)
            .rng(StdRng::seed_from_u64(7))
    }

    fn lock(&self) -> WorkerLock {
        WorkerLock::acquire(&self.path).unwrap()
    }

    fn scheduler(&self, specs: impl IntoIterator<Item = AgentSpec>) -> Scheduler {
        self.builder().register_all(specs).build(self.lock()).unwrap()
    }

    async fn queue(&self, name: &str, key: &str) {
        self.state.queue(name, key, None, self.clock.now()).await.unwrap();
    }

    async fn get(&self, name: &str, key: &str) -> AgentRecord {
        self.state.get(name, key).await.unwrap().unwrap()
    }
}

fn open(path: &std::path::Path, clock: &Arc<TestClock>) -> StateFile {
    let store: Arc<dyn AgentStore> = Arc::new(SqliteStore::open_with(path, Durability::Off).unwrap());
    StateFile::with_store(path, store).with_clock(Arc::clone(clock) as Arc<dyn Clock>)
}

/// A scheduler that runs in the background of a test.
struct Background {
    stop: CancellationToken,
    task: JoinHandle<Result<(), Error>>,
}

impl Background {
    fn start(scheduler: Scheduler) -> Self {
        let stop = CancellationToken::new();
        let token = stop.clone();
        let task = tokio::spawn(async move { scheduler.run(token).await });
        Self { stop, task }
    }

    async fn stop(self) -> Result<(), Error> {
        self.stop.cancel();
        self.task.await.unwrap()
    }

    /// As a crash: everything is dropped where it stands.
    async fn crash(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}
