//! A store that fails, and a lease that is taken away.

use std::sync::atomic::AtomicBool;

use agent::Progress;
use serde_json::{Value, json};

use super::*;
use crate::record::{AgentFilter, Change, Queued, RunRecord, Setting, StateCount};
use crate::store::{Bounds, ClaimRequest, Claimed, Lease, QueueRequest, Reclaim, Registration};
use crate::transition::Ended;
use crate::{AgentState, Backoff};

/// A store that cannot be written for a while.
#[derive(Debug)]
struct Flaky {
    store: SqliteStore,
    away: AtomicBool,
}

impl Flaky {
    fn check(&self) -> Result<(), Error> {
        if self.away.load(Ordering::SeqCst) {
            return Err(Error::BrokenOff { operation: "write" });
        }
        Ok(())
    }
}

#[async_trait::async_trait]
impl AgentStore for Flaky {
    async fn queue(&self, request: QueueRequest, now: DateTime<Utc>) -> Result<Queued, Error> {
        self.check()?;
        self.store.queue(request, now).await
    }
    async fn queue_from(
        &self,
        lease: &Lease,
        request: QueueRequest,
        now: DateTime<Utc>,
    ) -> Result<Queued, Error> {
        self.check()?;
        self.store.queue_from(lease, request, now).await
    }
    async fn register(&self, agents: Vec<Registration>, now: DateTime<Utc>) -> Result<(), Error> {
        self.check()?;
        self.store.register(agents, now).await
    }
    async fn claim(&self, request: ClaimRequest) -> Result<Claimed, Error> {
        self.check()?;
        self.store.claim(request).await
    }
    async fn gather(&self, lease: &Lease, limit: usize, now: DateTime<Utc>) -> Result<Vec<String>, Error> {
        self.check()?;
        self.store.gather(lease, limit, now).await
    }
    async fn renew(
        &self,
        lease: &Lease,
        until: DateTime<Utc>,
        progress: Option<Progress>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.check()?;
        self.store.renew(lease, until, progress, now).await
    }
    async fn checkpoint(
        &self,
        lease: &Lease,
        input: Option<Value>,
        progress: Option<Progress>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.check()?;
        self.store.checkpoint(lease, input, progress, now).await
    }
    async fn finish(
        &self,
        lease: &Lease,
        ended: Ended,
        gathered: Ended,
        progress: Option<Progress>,
        now: DateTime<Utc>,
    ) -> Result<AgentRecord, Error> {
        self.check()?;
        self.store.finish(lease, ended, gathered, progress, now).await
    }
    async fn reclaim(
        &self,
        which: Reclaim,
        backoff: Backoff,
        now: DateTime<Utc>,
    ) -> Result<Vec<Lease>, Error> {
        self.check()?;
        self.store.reclaim(which, backoff, now).await
    }
    async fn mend(&self, now: DateTime<Utc>) -> Result<u64, Error> {
        self.check()?;
        self.store.mend(now).await
    }
    async fn prune(&self, bounds: Bounds) -> Result<u64, Error> {
        self.check()?;
        self.store.prune(bounds).await
    }
    async fn list(&self, filter: AgentFilter) -> Result<Vec<AgentRecord>, Error> {
        self.store.list(filter).await
    }
    async fn get(&self, name: &str, key: &str) -> Result<Option<AgentRecord>, Error> {
        self.store.get(name, key).await
    }
    async fn runs(&self, name: &str, key: &str, limit: usize) -> Result<Vec<RunRecord>, Error> {
        self.store.runs(name, key, limit).await
    }
    async fn counts(&self) -> Result<Vec<StateCount>, Error> {
        self.store.counts().await
    }
    async fn pause(&self, name: &str, now: DateTime<Utc>) -> Result<u64, Error> {
        self.check()?;
        self.store.pause(name, now).await
    }
    async fn resume(&self, name: &str, now: DateTime<Utc>) -> Result<u64, Error> {
        self.check()?;
        self.store.resume(name, now).await
    }
    async fn run_now(&self, name: &str, now: DateTime<Utc>) -> Result<u64, Error> {
        self.check()?;
        self.store.run_now(name, now).await
    }
    async fn paused(&self) -> Result<Vec<String>, Error> {
        self.store.paused().await
    }
    async fn setting(&self, key: &str) -> Result<Option<Setting>, Error> {
        self.store.setting(key).await
    }
    async fn settings(&self) -> Result<Vec<Setting>, Error> {
        self.store.settings().await
    }
    async fn set_setting(&self, key: &str, value: Value, now: DateTime<Utc>) -> Result<(), Error> {
        self.check()?;
        self.store.set_setting(key, value, now).await
    }
    async fn prepend_to_setting(
        &self,
        key: &str,
        value: Value,
        most: usize,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.check()?;
        self.store.prepend_to_setting(key, value, most, now).await
    }
    async fn unset_setting(&self, key: &str) -> Result<bool, Error> {
        self.check()?;
        self.store.unset_setting(key).await
    }
    async fn change_setting(
        &self,
        key: &str,
        value: Option<Value>,
        default: Value,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.check()?;
        self.store.change_setting(key, value, default, by, now).await
    }
    async fn note_change(&self, change: Change) -> Result<(), Error> {
        self.check()?;
        self.store.note_change(change).await
    }
    async fn changes(&self, limit: usize) -> Result<Vec<Change>, Error> {
        self.store.changes(limit).await
    }
    async fn runs_of(&self, name: &str, limit: usize) -> Result<Vec<RunRecord>, Error> {
        self.store.runs_of(name, limit).await
    }
}

fn flaky() -> (Bench, Arc<Flaky>) {
    let mut bench = Bench::new();
    let store = Arc::new(Flaky {
        store: SqliteStore::open_with(&bench.path, Durability::Off).unwrap(),
        away: AtomicBool::new(false),
    });
    bench.state = StateFile::with_store(&bench.path, Arc::clone(&store) as Arc<dyn AgentStore>)
        .with_clock(Arc::clone(&bench.clock) as Arc<dyn Clock>);
    (bench, store)
}

#[tokio::test(start_paused = true)]
async fn an_outcome_waits_until_the_state_can_be_written_again() {
    let (bench, store) = flaky();
    let log = Log::default();
    let seen = log.clone();
    let short = agent("short", move |_| {
        let seen = seen.clone();
        Box::pin(async move {
            pass(10 * SECOND).await;
            seen.add("ended");
            Outcome::next(&1, 3_600 * SECOND)
        })
    });
    bench.queue("short", "").await;
    let running = Background::start(bench.scheduler([AgentSpec::on_demand(short)]));
    pass(SECOND).await;
    store.away.store(true, Ordering::SeqCst);
    pass(1_800 * SECOND).await;
    assert_eq!(bench.get("short", "").await.state, AgentState::Running);
    store.away.store(false, Ordering::SeqCst);
    pass(10 * SECOND).await;
    let record = bench.get("short", "").await;
    assert_eq!((record.state, record.input), (AgentState::Waiting, json!(1)));
    assert_eq!(log.len(), 1);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_cannot_be_renewed_for_its_whole_time_is_lost_and_the_work_is_repeated() {
    let (bench, store) = flaky();
    let log = Log::default();
    let seen = log.clone();
    let long = agent("long", move |a| {
        let seen = seen.clone();
        Box::pin(async move {
            seen.add("begin");
            tokio::select! {
                () = pass(900 * SECOND) => Ok(Outcome::Done),
                () = a.stopped() => {
                    let refused = a.checkpoint(&"late", Progress::default()).await.unwrap_err();
                    seen.add(refused.report());
                    Ok(Outcome::Done)
                }
            }
        })
    });
    bench.queue("long", "").await;
    let running = Background::start(bench.scheduler([AgentSpec::on_demand(long)]));
    pass(SECOND).await;
    store.away.store(true, Ordering::SeqCst);
    pass(595 * SECOND).await;
    assert_eq!(log.lines(), ["begin"]);
    pass(10 * SECOND).await;
    assert_eq!(log.len(), 2);
    assert!(
        log.lines()[1].contains("lease of agent long is lost"),
        "{:?}",
        log.lines()
    );
    store.away.store(false, Ordering::SeqCst);
    pass(10 * SECOND).await;
    let record = bench.get("long", "").await;
    assert_eq!((log.lines()[2].as_str(), record.input), ("begin", Value::Null));
    pass(900 * SECOND).await;
    assert_eq!(bench.get("long", "").await.state, AgentState::Done);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_taken_away_ends_the_activation_and_refuses_its_outcome() {
    let bench = Bench::new();
    let log = Log::default();
    let seen = log.clone();
    let deaf = agent("deaf", move |a| {
        let seen = seen.clone();
        Box::pin(async move {
            seen.add(a.attempt().to_string());
            if a.attempt() > 1 {
                return Ok(Outcome::Done);
            }
            std::future::pending().await
        })
    });
    bench.queue("deaf", "").await;
    let running = Background::start(bench.scheduler([AgentSpec::on_demand(deaf)]));
    pass(SECOND).await;
    // Given somebody who believes that the owner is dead.
    let everybody = Reclaim::AllBut("somebody else".into());
    let taken = bench
        .state
        .store()
        .reclaim(everybody, Backoff::default(), bench.clock.now())
        .await
        .unwrap();
    assert_eq!(taken.len(), 1);
    pass(230 * SECOND).await;
    assert_eq!(log.lines(), ["1", "2"]);
    assert_eq!(bench.get("deaf", "").await.state, AgentState::Done);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_state_that_is_away_at_the_start_is_waited_for() {
    let (bench, store) = flaky();
    let log = Log::default();
    let seen = log.clone();
    let poll = agent("poll", move |_| {
        seen.add("ran");
        Box::pin(async { Ok(Outcome::Done) })
    });
    store.away.store(true, Ordering::SeqCst);
    let running = Background::start(bench.scheduler([AgentSpec::every(3_600 * SECOND, poll)]));
    pass(60 * SECOND).await;
    assert_eq!(log.len(), 0);
    store.away.store(false, Ordering::SeqCst);
    pass(2 * SECOND).await;
    assert_eq!(log.len(), 1);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_the_state_is_away_says_that_an_outcome_is_not_saved() {
    let (bench, store) = flaky();
    let polite = agent("polite", |a| {
        Box::pin(async move {
            a.stopped().await;
            Ok(Outcome::Done)
        })
    });
    bench.queue("polite", "").await;
    let running = Background::start(bench.scheduler([AgentSpec::on_demand(polite)]));
    pass(SECOND).await;
    store.away.store(true, Ordering::SeqCst);
    let asked = Instant::now();
    assert!(running.stop().await.is_err());
    assert!(asked.elapsed() <= 12 * SECOND, "{:?}", asked.elapsed());
    assert_eq!(
        bench.get("polite", "").await.state,
        AgentState::Running,
        "the next start releases it"
    );
}
