//! The loop that hands due work to workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use agent::{CancellationToken, Priority};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::activation::{Finish, Run};
use super::{Inner, builder, chain};
use crate::policy::after;
use crate::store::{ClaimRequest, Claimed, Reclaim};
use crate::{Error, ErrorKind};

/// How often what is over is pruned.
const PRUNE_EVERY: Duration = Duration::from_secs(60);

/// How long activations that were cut off have to give back their work.
const LAST_SAVES: Duration = Duration::from_secs(2);

/// The shortest wait, so that a clock that stands still does not make the loop spin.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// One run of the scheduler, from start to stop.
struct Drive {
    inner: Arc<Inner>,
    owner: String,
    stop: CancellationToken,
    abort: CancellationToken,
    tasks: JoinSet<(Priority, Result<Option<Finish>, Error>)>,
    background: usize,
    finishes: Option<UnboundedSender<Finish>>,
    started: bool,
    tended: Option<Instant>,
    pruned: Option<Instant>,
    /// The state could not be used last time: said once.
    troubled: bool,
}

/// Sets a flag for as long as it lives.
struct Running(Arc<Inner>);

impl Running {
    fn new(inner: &Arc<Inner>) -> Result<Self, Error> {
        let flag: &AtomicBool = &inner.running;
        if flag.swap(true, Ordering::AcqRel) {
            return Err(Error::Running);
        }
        Ok(Self(Arc::clone(inner)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.store(false, Ordering::Release);
    }
}

/// Runs agents until `stop`; tells `finishes` of each activation that ended.
pub(super) async fn drive(
    inner: Arc<Inner>,
    stop: CancellationToken,
    finishes: Option<UnboundedSender<Finish>>,
) -> Result<(), Error> {
    let _running = Running::new(&inner)?;
    let mut drive = Drive {
        // Never the same twice: it tells the leases of this run from those of one that was killed.
        owner: format!("{}-{:016x}", std::process::id(), rand::random::<u64>()),
        inner,
        // Of its own, so that a fault in here stops the activations, too.
        stop: stop.child_token(),
        abort: CancellationToken::new(),
        tasks: JoinSet::new(),
        background: 0,
        finishes,
        started: false,
        tended: None,
        pruned: None,
        troubled: false,
    };
    let result = drive.work().await;
    let stopped = drive.wind_up().await;
    result.and(stopped)
}

impl Drive {
    async fn work(&mut self) -> Result<(), Error> {
        let state = self.inner.state.clone();
        while !self.stop.is_cancelled() {
            let wait = match self.turn().await {
                Ok(wait) => {
                    if std::mem::take(&mut self.troubled) {
                        tracing::info!("the state can be used again");
                    }
                    wait
                }
                Err(error) if error.kind() == ErrorKind::Unusable => return Err(error),
                Err(error) => {
                    if !std::mem::replace(&mut self.troubled, true) {
                        tracing::error!(error = %chain(&error), "the state cannot be used; trying on");
                    }
                    self.inner.settings.poll
                }
            };
            // In this order, so that a simulation of the same seed takes the same course.
            tokio::select! {
                biased;
                () = self.stop.cancelled() => {}
                Some(joined) = self.tasks.join_next() => self.joined(joined)?,
                () = state.wake().notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
        Ok(())
    }

    /// Sees to the state, fills the workers, and tells how long there is nothing to do.
    async fn turn(&mut self) -> Result<Duration, Error> {
        if !self.started {
            self.start().await?;
            self.started = true;
        }
        self.tend().await?;
        let poll = self.inner.settings.poll;
        while self.tasks.len() < self.inner.settings.workers && !self.stop.is_cancelled() {
            if let Some(next_due) = self.claim().await? {
                let wait = (next_due - self.inner.clock.now()).to_std().unwrap_or_default();
                return Ok(wait.clamp(SHORTEST_WAIT.min(poll), poll));
            }
        }
        Ok(poll)
    }

    /// Nobody else works on this state: whatever runs by the records was cut off.
    async fn start(&mut self) -> Result<(), Error> {
        let store = self.inner.state.store();
        let (now, backoff) = (self.inner.clock.now(), self.inner.settings.backoff);
        let mut released = store
            .reclaim(Reclaim::AllBut(self.owner.clone()), backoff, now)
            .await?;
        released.sort_by_key(|lease| lease.run);
        for activation in released.chunk_by(|one, next| one.run == next.run) {
            let Some(first) = activation.first() else { continue };
            tracing::info!(agent = %first.name, key = %first.key, records = activation.len(), "was cut off; it goes on from its last checkpoint");
        }
        store.mend(now).await?;
        let agents = self.inner.agents.values().map(builder::registration).collect();
        store.register(agents, now).await
    }

    async fn tend(&mut self) -> Result<(), Error> {
        let store = self.inner.state.store();
        let now = self.inner.clock.now();
        if self
            .tended
            .is_none_or(|tended| tended.elapsed() >= self.inner.settings.poll)
        {
            let mended = store.mend(now).await?;
            if mended > 0 {
                tracing::warn!(mended, "the clock has stepped back; due times are moved with it");
            }
            let expired = Reclaim::ExpiredBut(self.owner.clone());
            store.reclaim(expired, self.inner.settings.backoff, now).await?;
            self.tended = Some(Instant::now());
        }
        if self.pruned.is_none_or(|pruned| pruned.elapsed() >= PRUNE_EVERY) {
            store.prune(self.inner.settings.bounds).await?;
            self.pruned = Some(Instant::now());
        }
        Ok(())
    }

    /// Takes one piece of work. Gives the time of the next one when nothing is due.
    async fn claim(&mut self) -> Result<Option<chrono::DateTime<chrono::Utc>>, Error> {
        let inner = Arc::clone(&self.inner);
        let now = inner.clock.now();
        let others_only = inner.settings.workers > 1 && self.background + 1 >= inner.settings.workers;
        let request = ClaimRequest {
            names: inner.agents.keys().cloned().collect(),
            lowest: if others_only {
                Priority::Normal
            } else {
                Priority::Background
            },
            owner: self.owner.clone(),
            lease_until: after(now, inner.settings.lease),
            now,
        };
        let (lease, record) = match inner.state.store().claim(request).await? {
            Claimed::Work(lease, record) => (lease, *record),
            Claimed::Nothing { next_due } => {
                return Ok(Some(next_due.unwrap_or(chrono::DateTime::<chrono::Utc>::MAX_UTC)));
            }
        };
        let Some(spec) = inner.agents.get(&lease.name).cloned() else {
            return Err(Error::NotRegistered { name: lease.name });
        };
        let priority = spec.priority;
        if priority == Priority::Background {
            self.background += 1;
        }
        let run = Run {
            inner,
            spec,
            lease,
            record,
            stop: self.stop.child_token(),
            abort: self.abort.clone(),
        };
        self.tasks.spawn(async move { (priority, run.run().await) });
        Ok(None)
    }

    fn joined(
        &mut self,
        joined: Result<(Priority, Result<Option<Finish>, Error>), tokio::task::JoinError>,
    ) -> Result<(), Error> {
        let (priority, result) = match joined {
            Ok(joined) => joined,
            // The task around an activation does not panic, and is cancelled only with the runtime. Its lease is ours
            // for ever now, so ending is the right answer: the next start releases it.
            Err(error) => {
                tracing::error!(%error, "an activation's own task has ended early");
                return Err(Error::BrokenOff {
                    operation: "run an agent",
                });
            }
        };
        if priority == Priority::Background {
            self.background -= 1;
        }
        if let (Some(finish), Some(finishes)) = (result?, &self.finishes) {
            // Whoever listened may have heard enough.
            drop(finishes.send(finish));
        }
        Ok(())
    }

    /// Lets activations end, cuts off those that do not, and waits until what they came to is saved.
    async fn wind_up(&mut self) -> Result<(), Error> {
        self.stop.cancel();
        let mut result = Ok(());
        if tokio::time::timeout(self.inner.settings.grace, self.join_all(&mut result))
            .await
            .is_ok()
        {
            return result;
        }
        tracing::warn!(
            activations = self.tasks.len(),
            "cut off at the end of the grace time"
        );
        self.abort.cancel();
        if tokio::time::timeout(LAST_SAVES, self.join_all(&mut result))
            .await
            .is_err()
        {
            self.tasks.shutdown().await;
        }
        result
    }

    async fn join_all(&mut self, result: &mut Result<(), Error>) {
        while let Some(joined) = self.tasks.join_next().await {
            if let Err(error) = self.joined(joined)
                && result.is_ok()
            {
                *result = Err(error);
            }
        }
    }
}
