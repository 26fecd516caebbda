//! Running in the foreground until one piece of work is over.

use std::sync::Arc;
use std::time::Duration;

use agent::CancellationToken;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::{Scheduler, drive};
use crate::record::{AgentRecord, AgentState};
use crate::{Error, ErrorKind, transition};

/// How often to look for progress to show.
const WATCH_EVERY: Duration = Duration::from_millis(250);

/// How [`Scheduler::run_until_done`] ended, with the record as it was then.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Finished {
    /// Nothing is left to do.
    Done(AgentRecord),
    /// It failed too often in a way that does not pass; its work is kept.
    Parked(AgentRecord),
    /// It is paused: it does not run before somebody resumes it.
    Paused(AgentRecord),
    /// Stopped before it was done; its work is kept.
    Stopped(AgentRecord),
}

impl Finished {
    /// The record.
    pub fn record(&self) -> &AgentRecord {
        match self {
            Self::Done(record) | Self::Parked(record) | Self::Paused(record) | Self::Stopped(record) => {
                record
            }
        }
    }

    /// Whether nothing is left to do.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    fn of(record: &AgentRecord) -> Option<Self> {
        match record.state {
            AgentState::Done => Some(Self::Done(record.clone())),
            AgentState::Parked => Some(Self::Parked(record.clone())),
            AgentState::Paused => Some(Self::Paused(record.clone())),
            _ => None,
        }
    }
}

impl Scheduler {
    /// Runs agents in the foreground until the record of `name` and `key` is done, parked or paused, or `stop` is
    /// cancelled. It must have been queued before. An agent with an interval counts as done after its next done.
    ///
    /// Every change of the record (progress, a failure and when it is tried again) is given to `on_progress`, several
    /// changes at once as one. Failures that pass are waited for without end.
    ///
    /// # Errors
    /// When there is no such record, its agent is not registered, the state is damaged, or the scheduler runs already.
    pub async fn run_until_done(
        &self,
        name: &str,
        key: &str,
        stop: CancellationToken,
        mut on_progress: impl FnMut(&AgentRecord),
    ) -> Result<Finished, Error> {
        if !self.inner.agents.contains_key(name) {
            return Err(Error::NotRegistered {
                name: name.to_owned(),
            });
        }
        let missing = || Error::NoSuchAgent {
            name: name.to_owned(),
            key: key.to_owned(),
        };
        let store = self.inner.state.store();
        let mut last = store.get(name, key).await?.ok_or_else(missing)?;
        if let Some(finished) = Finished::of(&last) {
            return Ok(finished);
        }
        on_progress(&last);

        let inner_stop = stop.child_token();
        let (sender, mut finishes) = mpsc::unbounded_channel();
        let drive = drive::drive(Arc::clone(&self.inner), inner_stop.clone(), Some(sender));
        tokio::pin!(drive);
        let mut watch = tokio::time::interval(WATCH_EVERY);
        watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut finished: Option<Finished> = None;
        let result = loop {
            tokio::select! {
                biased;
                result = &mut drive => break result,
                Some(finish) = finishes.recv() => {
                    if finish.record.name != name || finish.record.key != key {
                        continue;
                    }
                    finished = Finished::of(&finish.record);
                    if finish.done && finish.record.interval.is_some() {
                        finished = Some(Finished::Done(finish.record.clone()));
                    }
                    on_progress(&finish.record);
                    last = finish.record;
                }
                _ = watch.tick(), if finished.is_none() => {
                    // A state that cannot be read now can be read later; the scheduler says so itself.
                    if let Ok(Some(record)) = store.get(name, key).await
                        && record != last
                    {
                        // It may have been gathered into another record's activation, of whose end nobody tells.
                        let turned = record.last_finished_at != last.last_finished_at
                            && transition::between_turns(&record);
                        finished = Finished::of(&record).or_else(|| turned.then(|| Finished::Done(record.clone())));
                        on_progress(&record);
                        last = record;
                    }
                }
            }
            if finished.is_some() {
                inner_stop.cancel();
            }
        };
        // What ended while the others were stopping.
        while let Ok(finish) = finishes.try_recv() {
            if finish.record.name == name && finish.record.key == key {
                on_progress(&finish.record);
                finished = Finished::of(&finish.record).or(finished);
                last = finish.record;
            }
        }
        match (result, finished) {
            (Ok(()), Some(finished)) => Ok(finished),
            (Ok(()), None) => Ok(Finished::Stopped(last)),
            (Err(error), Some(finished)) if error.kind() != ErrorKind::Unusable => {
                tracing::warn!(error = %super::chain(&error), "the other agents did not stop in good order");
                Ok(finished)
            }
            (Err(error), _) => Err(error),
        }
    }
}
