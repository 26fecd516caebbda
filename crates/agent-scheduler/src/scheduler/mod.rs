//! The scheduler: takes what is due, runs it on a bounded number of workers, and stops in good order.

mod activation;
mod builder;
mod drive;
mod until;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use agent::{AgentSpec, CancellationToken, Clock};
use rand::{Rng, RngExt};

pub use builder::SchedulerBuilder;
pub use until::Finished;

use crate::policy::Retry;
use crate::{Error, StateFile, WorkerLock};

/// Runs the agents that are registered with it, on a state that it alone works on.
///
/// A free worker takes the due record that is first by [`policy::order`](crate::policy::order); its attempt is counted and
/// its lease taken before the agent is called. While it runs, its lease is renewed. When the state cannot be written for a
/// whole lease, or the lease is taken away, the activation is asked to end, and nothing more of it is saved. What it
/// comes to is saved before the worker takes anything else. A panic of an agent is a failure of that agent.
///
/// Records of agents that are not registered are left alone.
///
/// # Time
///
/// Durable times come from the injected clock, waiting from tokio's. A clock that steps forward makes agents due early,
/// once. One that steps back would leave them waiting for the old time to come round again: records that were written
/// "in the future" are found at each poll and moved by as much as the clock has moved. A lease of a living activation is
/// judged by tokio's clock alone, so that no step of the wall clock can take it away; the time in the record is for
/// people, and for a scheduler that finds the lease of another owner.
pub struct Scheduler {
    inner: Arc<Inner>,
    _lock: WorkerLock,
}

/// What activations share with the scheduler.
struct Inner {
    state: StateFile,
    clock: Arc<dyn Clock>,
    agents: BTreeMap<String, AgentSpec>,
    settings: builder::Settings,
    rng: Mutex<Box<dyn Rng + Send>>,
    running: AtomicBool,
}

impl Inner {
    fn retry(&self) -> Retry {
        // A generator is whole between two calls.
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        Retry {
            backoff: self.settings.backoff,
            park_after: self.settings.park_after,
            jitter: rng.random(),
        }
    }
}

impl Scheduler {
    /// Begins to put a scheduler together.
    pub fn builder(state: StateFile, clock: Arc<dyn Clock>) -> SchedulerBuilder {
        SchedulerBuilder::new(state, clock)
    }

    /// The state it runs on.
    pub fn state(&self) -> &StateFile {
        &self.inner.state
    }

    /// Runs agents until `stop` is cancelled.
    ///
    /// Then nothing new is taken, running activations are asked to end and have the grace time to do so; what still runs
    /// after it is cut off and goes on from its last checkpoint when the scheduler runs next. Dropping the future
    /// cuts everything off at once, like a crash.
    ///
    /// A state that cannot be written for a while is waited for.
    ///
    /// # Errors
    /// When the state is damaged while it runs, an outcome could not be saved before the end (its work goes on from the last
    /// checkpoint), or this scheduler runs already.
    pub async fn run(&self, stop: CancellationToken) -> Result<(), Error> {
        drive::drive(Arc::clone(&self.inner), stop, None).await
    }
}

impl std::fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scheduler")
            .field("state", &self.inner.state)
            .field("agents", &self.inner.agents.keys())
            .finish_non_exhaustive()
    }
}

/// An error with all of its causes on one line.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
