//! The state of the agents: the real store in memory, as one life of the process sees it, with somebody who watches.

use std::sync::Arc;
use std::time::Duration;

use agent::Progress;
use agent_scheduler::transition::Ended;
use agent_scheduler::{
    AgentFilter, AgentRecord, AgentStore, Backoff, Bounds, Change, ClaimRequest, Claimed, Error, Lease,
    QueueRequest, Queued, Reclaim, Registration, RunRecord, Setting, StateCount,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::dice::Dice;
use crate::life::Life;
use crate::plan::Plan;
use crate::watch::Watch;
use crate::world::World;

/// The disk with the state. There is one for the whole simulation; each life reaches it by its own [`State`].
pub(crate) struct Disk {
    pub(crate) store: Arc<dyn AgentStore>,
    pub(crate) watch: Watch,
    world: Arc<World>,
    plan: Arc<Plan>,
    dice: Dice,
}

impl Disk {
    pub(crate) fn new(store: Arc<dyn AgentStore>, watch: Watch, world: Arc<World>, plan: Arc<Plan>) -> Self {
        let dice = Dice::new(plan.seed, 4);
        Self {
            store,
            watch,
            world,
            plan,
            dice,
        }
    }
}

/// The way of one life of the process to the state.
pub(crate) struct State {
    disk: Arc<Disk>,
    life: Arc<Life>,
}

impl State {
    pub(crate) fn new(disk: Arc<Disk>, life: Arc<Life>) -> Self {
        Self { disk, life }
    }

    /// Before an operation: it may fail, and then has changed nothing.
    async fn before(&self, operation: &'static str) -> Result<(), Error> {
        self.life.point().await;
        let disk = &*self.disk;
        let hit = disk.dice.hit(disk.plan.state_rate);
        if !hit || disk.world.is_calm() {
            return Ok(());
        }
        if disk.dice.hit(0.3) {
            disk.world.count("state: slow");
            tokio::time::sleep(Duration::from_millis(disk.dice.of_any_size(1, 20_000))).await;
            return Ok(());
        }
        disk.world.note(|| format!("state: cannot {operation}"));
        disk.world.count("state: not writable");
        Err(Error::BrokenOff { operation })
    }

    /// After an operation.
    async fn after(&self) {
        self.life.point().await;
    }

    /// After an operation of which the answer may be lost.
    async fn after_or_lost(&self, operation: &'static str) -> Result<(), Error> {
        self.life.point().await;
        let disk = &*self.disk;
        if disk.dice.hit(disk.plan.state_rate / 3.0) && !disk.world.is_calm() {
            disk.world.note(|| format!("state: no answer to {operation}"));
            disk.world.count("state: answer lost");
            return Err(Error::BrokenOff { operation });
        }
        Ok(())
    }

    fn note_queued(&self, request: &QueueRequest) {
        let disk = &*self.disk;
        disk.world
            .note(|| format!("state: {} {} is queued", request.name, request.key));
        disk.watch.queued(&request.name, &request.key);
        disk.watch.handed_over(&request.name, request.input.as_ref());
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("State")
    }
}

#[async_trait]
impl AgentStore for State {
    async fn queue(&self, request: QueueRequest, now: DateTime<Utc>) -> Result<Queued, Error> {
        self.before("queue").await?;
        let queued = self.disk.store.queue(request.clone(), now).await?;
        self.note_queued(&request);
        self.after_or_lost("queue").await?;
        Ok(queued)
    }

    async fn queue_from(
        &self,
        lease: &Lease,
        request: QueueRequest,
        now: DateTime<Utc>,
    ) -> Result<Queued, Error> {
        self.before("queue from an activation").await?;
        let queued = self.disk.store.queue_from(lease, request.clone(), now).await?;
        self.note_queued(&request);
        self.after_or_lost("queue from an activation").await?;
        Ok(queued)
    }

    async fn register(&self, agents: Vec<Registration>, now: DateTime<Utc>) -> Result<(), Error> {
        self.before("register").await?;
        self.disk.store.register(agents, now).await?;
        self.after().await;
        Ok(())
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Claimed, Error> {
        self.before("claim").await?;
        let claimed = self.disk.store.claim(request).await?;
        if let Claimed::Work(lease, record) = &claimed {
            self.disk.world.note(|| {
                format!(
                    "state: {} {} begins, try {}",
                    lease.name, lease.key, record.attempts
                )
            });
            self.disk.watch.claimed(lease);
        }
        self.after().await;
        Ok(claimed)
    }

    async fn gather(&self, lease: &Lease, limit: usize, now: DateTime<Utc>) -> Result<Vec<String>, Error> {
        self.before("gather").await?;
        let keys = self.disk.store.gather(lease, limit, now).await?;
        self.disk.watch.gathered(lease, &keys);
        self.after_or_lost("gather").await?;
        Ok(keys)
    }

    async fn renew(
        &self,
        lease: &Lease,
        lease_until: DateTime<Utc>,
        progress: Option<Progress>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.before("renew").await?;
        self.disk.store.renew(lease, lease_until, progress, now).await?;
        self.after_or_lost("renew").await
    }

    async fn checkpoint(
        &self,
        lease: &Lease,
        input: Option<Value>,
        progress: Option<Progress>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.before("checkpoint").await?;
        self.disk
            .store
            .checkpoint(lease, input.clone(), progress, now)
            .await?;
        if let Some(input) = input {
            self.disk.world.note(|| format!("state: {} saves", lease.name));
            self.disk.watch.saved(lease, &input).await;
        }
        self.after_or_lost("checkpoint").await
    }

    async fn finish(
        &self,
        lease: &Lease,
        ended: Ended,
        gathered: Ended,
        progress: Option<Progress>,
        now: DateTime<Utc>,
    ) -> Result<AgentRecord, Error> {
        self.before("finish").await?;
        let (ends, gathered_ends) = (ended.clone(), gathered.clone());
        let record = self
            .disk
            .store
            .finish(lease, ended, gathered, progress, now)
            .await?;
        self.disk
            .world
            .note(|| format!("state: {} {} ends: {}", lease.name, lease.key, told(&ends)));
        self.disk
            .watch
            .finished(lease, &ends, &gathered_ends, &record, self.disk.store.as_ref())
            .await;
        self.after_or_lost("finish").await?;
        Ok(record)
    }

    async fn reclaim(
        &self,
        which: Reclaim,
        backoff: Backoff,
        now: DateTime<Utc>,
    ) -> Result<Vec<Lease>, Error> {
        self.before("reclaim").await?;
        let released = self.disk.store.reclaim(which, backoff, now).await?;
        self.after().await;
        Ok(released)
    }

    async fn mend(&self, now: DateTime<Utc>) -> Result<u64, Error> {
        self.before("mend").await?;
        let mended = self.disk.store.mend(now).await?;
        self.after().await;
        Ok(mended)
    }

    async fn prune(&self, bounds: Bounds) -> Result<u64, Error> {
        self.before("prune").await?;
        let pruned = self.disk.store.prune(bounds).await?;
        self.after().await;
        Ok(pruned)
    }

    async fn list(&self, filter: AgentFilter) -> Result<Vec<AgentRecord>, Error> {
        self.before("list").await?;
        self.disk.store.list(filter).await
    }

    async fn get(&self, name: &str, key: &str) -> Result<Option<AgentRecord>, Error> {
        self.before("get").await?;
        self.disk.store.get(name, key).await
    }

    async fn runs(&self, name: &str, key: &str, limit: usize) -> Result<Vec<RunRecord>, Error> {
        self.before("runs").await?;
        self.disk.store.runs(name, key, limit).await
    }

    async fn counts(&self) -> Result<Vec<StateCount>, Error> {
        self.before("counts").await?;
        self.disk.store.counts().await
    }

    async fn pause(&self, name: &str, now: DateTime<Utc>) -> Result<u64, Error> {
        self.before("pause").await?;
        self.disk.store.pause(name, now).await
    }

    async fn resume(&self, name: &str, now: DateTime<Utc>) -> Result<u64, Error> {
        self.before("resume").await?;
        self.disk.store.resume(name, now).await
    }

    async fn run_now(&self, name: &str, now: DateTime<Utc>) -> Result<u64, Error> {
        self.before("run now").await?;
        self.disk.store.run_now(name, now).await
    }

    async fn paused(&self) -> Result<Vec<String>, Error> {
        self.before("paused").await?;
        self.disk.store.paused().await
    }

    async fn setting(&self, key: &str) -> Result<Option<Setting>, Error> {
        self.before("read a setting").await?;
        self.disk.store.setting(key).await
    }

    async fn settings(&self) -> Result<Vec<Setting>, Error> {
        self.before("read the settings").await?;
        self.disk.store.settings().await
    }

    async fn set_setting(&self, key: &str, value: Value, now: DateTime<Utc>) -> Result<(), Error> {
        self.before("save a setting").await?;
        self.disk.store.set_setting(key, value, now).await
    }

    async fn prepend_to_setting(
        &self,
        key: &str,
        value: Value,
        most: usize,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.before("add to a setting").await?;
        self.disk.store.prepend_to_setting(key, value, most, now).await
    }

    async fn runs_of(&self, name: &str, limit: usize) -> Result<Vec<RunRecord>, Error> {
        self.before("runs").await?;
        self.disk.store.runs_of(name, limit).await
    }

    async fn change_setting(
        &self,
        key: &str,
        value: Option<Value>,
        default: Value,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.before("change a setting").await?;
        self.disk.store.change_setting(key, value, default, by, now).await
    }

    async fn note_change(&self, change: Change) -> Result<(), Error> {
        self.before("note a change").await?;
        self.disk.store.note_change(change).await
    }

    async fn changes(&self, limit: usize) -> Result<Vec<Change>, Error> {
        self.before("changes").await?;
        self.disk.store.changes(limit).await
    }

    async fn unset_setting(&self, key: &str) -> Result<bool, Error> {
        self.before("remove a setting").await?;
        self.disk.store.unset_setting(key).await
    }
}

fn told(ended: &Ended) -> String {
    match ended {
        Ended::Done => "done".to_owned(),
        Ended::Again { after } => format!("again after {after:?}"),
        Ended::Next { after, .. } => format!("next after {after:?}"),
        Ended::Failed { error, kind, .. } => format!("{}: {error}", kind.as_str()),
        Ended::Interrupted => "interrupted".to_owned(),
        _ => "in another way".to_owned(),
    }
}
