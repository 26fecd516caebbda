//! One activation: running the agent, keeping its lease, and saving what it came to.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agent::{
    Activation, AgentRequest, AgentSpec, CancellationToken, CheckpointError, Checkpoints, Failure,
    FailureKind, Outcome, Progress,
};
use serde_json::Value;
use tokio::task::JoinError;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::{Inner, chain};
use crate::record::{AgentRecord, FailedAs, MAX_VALUE_BYTES};
use crate::store::{Lease, QueueRequest};
use crate::transition::Ended;
use crate::{Error, ErrorKind};

/// How often an activation's lease and the progress that is not saved yet are seen to, at most.
const TEND_EVERY: Duration = Duration::from_secs(1);

/// Progress alone is saved no more often than this: it is for people, and a save costs a flush of the disk.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// The longest pause between two tries to save an outcome.
const SAVE_PAUSE_MAX: Duration = Duration::from_secs(5);

/// How an activation ended, and what the record is after it.
#[derive(Debug)]
pub(super) struct Finish {
    pub(super) record: AgentRecord,
    pub(super) done: bool,
}

/// An activation that is about to begin.
pub(super) struct Run {
    pub(super) inner: Arc<Inner>,
    pub(super) spec: AgentSpec,
    pub(super) lease: Lease,
    pub(super) record: AgentRecord,
    /// Asks the activation to end.
    pub(super) stop: CancellationToken,
    /// Ends it, and whatever it would still do.
    pub(super) abort: CancellationToken,
}

impl Run {
    /// Runs it to its end. None when the lease was lost, or there was no time left to save the outcome: then the work
    /// goes on from its last checkpoint some other time.
    pub(super) async fn run(self) -> Result<Option<Finish>, Error> {
        let keeper = Arc::new(Keeper {
            inner: Arc::clone(&self.inner),
            lease: self.lease.clone(),
            stop: self.stop.clone(),
            held: Mutex::new(Held {
                lost: false,
                progress: None,
                progress_saved: None,
                gathering: 0,
            }),
        });
        let activation = Activation::new(
            self.lease.name.clone(),
            self.lease.key.clone(),
            self.record.input.clone(),
            self.record.attempts,
            Arc::clone(&self.inner.clock),
            Arc::clone(&keeper) as Arc<dyn Checkpoints>,
            self.stop.clone(),
        );
        let agent = Arc::clone(&self.spec.agent);
        let span = tracing::info_span!("activation", agent = %self.lease.name, key = %self.lease.key, run = self.lease.run);
        // A task of its own: a panic ends the task, not the scheduler, and it can be cut off.
        let task = tokio::spawn(async move { agent.activate(&activation).await }.instrument(span));
        let result = self.attend(AbortOnDropHandle::new(task), &keeper).await;
        let ended = if keeper.lost() {
            Ended::Interrupted
        } else {
            self.ended(result)
        };
        let gathered = keeper.for_gathered(&ended);
        self.save(ended, gathered, keeper.unsaved()).await
    }

    /// Waits for the agent, and keeps its lease meanwhile.
    async fn attend(
        &self,
        mut task: AbortOnDropHandle<Result<Outcome, Failure>>,
        keeper: &Keeper,
    ) -> Result<Result<Outcome, Failure>, JoinError> {
        let lease = self.inner.settings.lease;
        let mut tend = tokio::time::interval(TEND_EVERY.min(lease / 3));
        tend.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut renewed = Instant::now();
        let mut cut_off_at: Option<Instant> = None;
        loop {
            let cut_off = async {
                match cut_off_at {
                    Some(time) => tokio::time::sleep_until(time).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                result = &mut task => return result,
                () = self.abort.cancelled() => break,
                () = cut_off => break,
                _ = tend.tick(), if cut_off_at.is_none() => {
                    let begun = Instant::now();
                    if begun - renewed >= lease / 3 {
                        if keeper.renew().await {
                            renewed = begun;
                        } else if renewed.elapsed() >= lease {
                            keeper.lose();
                        }
                    } else {
                        keeper.flush().await;
                    }
                    if keeper.lost() {
                        cut_off_at = Some(Instant::now() + self.inner.settings.grace);
                    }
                }
            }
        }
        task.abort();
        task.await
    }

    fn ended(&self, result: Result<Result<Outcome, Failure>, JoinError>) -> Ended {
        let failed = |error: String, kind, retry_after| Ended::Failed {
            error,
            kind,
            retry_after,
            retry: self.inner.retry(),
        };
        match result {
            Ok(Ok(Outcome::Done)) => Ended::Done,
            Ok(Ok(Outcome::Again { after })) => Ended::Again { after },
            // The state would refuse it for ever.
            Ok(Ok(Outcome::Next { input, .. })) if !fits(&input) => failed(
                format!("the agent's next input is larger than {MAX_VALUE_BYTES} bytes: a bug"),
                FailedAs::Permanent,
                None,
            ),
            Ok(Ok(Outcome::Next { input, after })) => Ended::Next { input, after },
            Ok(Ok(_)) => failed(
                "the agent ended in a way that this scheduler does not know".to_owned(),
                FailedAs::Permanent,
                None,
            ),
            Ok(Err(failure)) => {
                let (kind, retry_after) = match failure.kind() {
                    FailureKind::Passing { retry_after } => (FailedAs::Passing, retry_after),
                    _ => (FailedAs::Permanent, None),
                };
                failed(failure.report(), kind, retry_after)
            }
            // What a panic says may hold a row's contents: it is for the process's error output, not for the state.
            Err(error) if error.is_panic() => failed(
                "the agent panicked: a bug; its message is in the program's error output".to_owned(),
                FailedAs::Panicked,
                None,
            ),
            Err(_) => Ended::Interrupted,
        }
    }

    /// Saves the outcome, again and again while the state cannot be written: nobody else takes the work meanwhile, since
    /// this scheduler is alive.
    async fn save(
        &self,
        ended: Ended,
        gathered: Ended,
        progress: Option<Progress>,
    ) -> Result<Option<Finish>, Error> {
        let done = ended == Ended::Done;
        let mut pause = Duration::from_millis(100);
        loop {
            let now = self.inner.clock.now();
            let store = self.inner.state.store();
            match store
                .finish(
                    &self.lease,
                    ended.clone(),
                    gathered.clone(),
                    progress.clone(),
                    now,
                )
                .await
            {
                Ok(record) => {
                    self.tell(&ended, &record);
                    return Ok(Some(Finish { record, done }));
                }
                Err(error) => match error.kind() {
                    ErrorKind::LeaseLost => {
                        tracing::warn!(agent = %self.lease.name, key = %self.lease.key, "its lease was lost, so its outcome is refused");
                        return Ok(None);
                    }
                    ErrorKind::Unusable => return Err(error),
                    _ if self.abort.is_cancelled() => return Err(error),
                    _ => {
                        tracing::warn!(agent = %self.lease.name, key = %self.lease.key, error = %chain(&error), "cannot save its outcome yet");
                    }
                },
            }
            tokio::select! {
                biased;
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(SAVE_PAUSE_MAX),
                // One last try.
                () = self.abort.cancelled() => {}
            }
        }
    }

    fn tell(&self, ended: &Ended, record: &AgentRecord) {
        let (agent, key) = (&record.name, &record.key);
        let parked = record.state == crate::AgentState::Parked;
        match ended {
            Ended::Failed { error, .. } if parked => {
                tracing::error!(%agent, %key, failures = record.permanent_failures, error, "parked: resume it once the cause is gone");
            }
            Ended::Failed { error, .. } => {
                tracing::warn!(%agent, %key, attempt = self.record.attempts, error, again_at = %record.due_at, "failed");
            }
            _ => {
                tracing::debug!(%agent, %key, state = record.state.as_str(), due_at = %record.due_at, "ended")
            }
        }
    }
}

/// Whether the state takes an input.
fn fits(input: &Value) -> bool {
    input.to_string().len() <= MAX_VALUE_BYTES
}

/// The scheduler's side of an activation: its lease and its checkpoints.
struct Keeper {
    inner: Arc<Inner>,
    lease: Lease,
    stop: CancellationToken,
    held: Mutex<Held>,
}

struct Held {
    lost: bool,
    /// Progress that is not saved yet.
    progress: Option<Progress>,
    progress_saved: Option<Instant>,
    /// Gatherings that were begun, and of which the agent has not got the keys (yet).
    gathering: u32,
}

impl Keeper {
    fn held(&self) -> MutexGuard<'_, Held> {
        // Assignments only under this lock.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lost(&self) -> bool {
        self.held().lost
    }

    /// The lease is gone: nothing more is saved, and the activation should end.
    fn lose(&self) {
        self.held().lost = true;
        self.stop.cancel();
        tracing::warn!(agent = %self.lease.name, key = %self.lease.key, "its lease is lost; it is asked to end");
    }

    fn check(&self) -> Result<(), CheckpointError> {
        if self.lost() {
            return Err(self.lease_lost());
        }
        Ok(())
    }

    fn lease_lost(&self) -> CheckpointError {
        CheckpointError::new(Error::LeaseLost {
            name: self.lease.name.clone(),
            key: self.lease.key.clone(),
        })
    }

    /// What an end means for what was gathered. When the agent dropped a gathering before it had the keys, or the answer was
    /// lost, there may be records that it knows nothing of: then its success is not theirs, and all of them run again.
    fn for_gathered(&self, ended: &Ended) -> Ended {
        if self.held().gathering > 0 && !matches!(ended, Ended::Failed { .. }) {
            return Ended::Interrupted;
        }
        ended.of_gathered()
    }

    fn unsaved(&self) -> Option<Progress> {
        self.held().progress.take()
    }

    /// Renews the lease. Tells whether that is done.
    async fn renew(&self) -> bool {
        let now = self.inner.clock.now();
        let until = crate::policy::after(now, self.inner.settings.lease);
        let progress = self.unsaved();
        let store = self.inner.state.store();
        self.heard(store.renew(&self.lease, until, progress, now).await)
            .is_ok()
    }

    /// Saves the progress that was held back.
    async fn flush(&self) {
        let Some(progress) = self.unsaved() else { return };
        if let Err(error) = self.write(None, Some(progress)).await {
            tracing::debug!(agent = %self.lease.name, error = %chain(&error), "cannot save progress");
        }
    }

    async fn write(&self, input: Option<Value>, progress: Option<Progress>) -> Result<(), Error> {
        let now = self.inner.clock.now();
        let store = self.inner.state.store();
        self.heard(store.checkpoint(&self.lease, input, progress, now).await)
    }

    /// Passes on what the store said, and heeds a lost lease.
    fn heard<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &result
            && error.kind() == ErrorKind::LeaseLost
            && !self.lost()
        {
            self.lose();
        }
        result
    }
}

#[async_trait::async_trait]
impl Checkpoints for Keeper {
    async fn save(&self, input: Option<Value>, progress: Option<Progress>) -> Result<(), CheckpointError> {
        {
            let mut held = self.held();
            if held.lost {
                return Err(self.lease_lost());
            }
            let early = held
                .progress_saved
                .is_some_and(|saved| saved.elapsed() < PROGRESS_EVERY);
            if input.is_none() && early {
                held.progress = progress;
                return Ok(());
            }
            held.progress = None;
            held.progress_saved = Some(Instant::now());
        }
        self.write(input, progress).await.map_err(CheckpointError::new)
    }

    async fn queue(&self, request: AgentRequest) -> Result<(), CheckpointError> {
        self.check()?;
        let now = self.inner.clock.now();
        let request = QueueRequest {
            name: request.agent,
            key: request.key,
            input: request.input,
            due_at: crate::policy::after(now, request.after),
        };
        let state = &self.inner.state;
        self.heard(state.store().queue_from(&self.lease, request, now).await)
            .map_err(CheckpointError::new)?;
        state.wake().notify_one();
        Ok(())
    }

    async fn gather(&self, limit: usize) -> Result<Vec<String>, CheckpointError> {
        self.check()?;
        if limit == 0 {
            return Ok(Vec::new());
        }
        self.held().gathering += 1;
        let store = self.inner.state.store();
        let keys = self
            .heard(store.gather(&self.lease, limit, self.inner.clock.now()).await)
            .map_err(CheckpointError::new)?;
        self.held().gathering -= 1;
        Ok(keys)
    }
}
