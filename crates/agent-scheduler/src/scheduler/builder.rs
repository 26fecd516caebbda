//! How a scheduler is put together.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent::{AgentSpec, Clock, Schedule};
use rand::Rng;
use rand::rngs::StdRng;

use super::{Inner, Scheduler};
use crate::policy::Backoff;
use crate::store::{Bounds, Registration};
use crate::{Error, StateFile, WorkerLock};

/// What can be set about a scheduler.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) workers: usize,
    pub(crate) park_after: u32,
    pub(crate) lease: Duration,
    pub(crate) grace: Duration,
    pub(crate) poll: Duration,
    pub(crate) backoff: Backoff,
    pub(crate) bounds: Bounds,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            workers: 4,
            park_after: 5,
            lease: Duration::from_secs(600),
            grace: Duration::from_secs(10),
            poll: Duration::from_secs(1),
            backoff: Backoff::default(),
            bounds: Bounds::default(),
        }
    }
}

/// Puts a [`Scheduler`] together.
#[must_use]
pub struct SchedulerBuilder {
    state: StateFile,
    clock: Arc<dyn Clock>,
    settings: Settings,
    specs: Vec<AgentSpec>,
    rng: Option<Box<dyn Rng + Send>>,
}

impl SchedulerBuilder {
    pub(super) fn new(state: StateFile, clock: Arc<dyn Clock>) -> Self {
        Self {
            state,
            clock,
            settings: Settings::default(),
            specs: Vec::new(),
            rng: None,
        }
    }

    /// How many activations run at once; 4 by default. With more than one, one is always free of
    /// [`Background`](agent::Priority::Background) work.
    pub fn workers(mut self, workers: usize) -> Self {
        self.settings.workers = workers;
        self
    }

    /// After how many failures that do not pass an agent is parked; 5 by default.
    pub fn park_after(mut self, failures: u32) -> Self {
        self.settings.park_after = failures;
        self
    }

    /// How long a lease holds without being renewed; 10 minutes by default. It is renewed after a third of it.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease;
        self
    }

    /// How long activations may take to end when they are asked to, before they are cut off; 10 s by default.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.settings.grace = grace;
        self
    }

    /// How often to look for what other processes have queued; 1 s by default.
    pub fn poll(mut self, poll: Duration) -> Self {
        self.settings.poll = poll;
        self
    }

    /// The growing delay after failures; 1 s doubling to 5 minutes by default.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.settings.backoff = backoff;
        self
    }

    /// How much is kept of what is over.
    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.settings.bounds = bounds;
        self
    }

    /// Where jitter comes from; the system's generator by default.
    pub fn rng(mut self, rng: impl Rng + Send + 'static) -> Self {
        self.rng = Some(Box::new(rng));
        self
    }

    /// Adds an agent.
    pub fn register(mut self, spec: AgentSpec) -> Self {
        self.specs.push(spec);
        self
    }

    /// Adds agents.
    pub fn register_all(mut self, specs: impl IntoIterator<Item = AgentSpec>) -> Self {
        self.specs.extend(specs);
        self
    }

    /// The scheduler. It keeps the lock for as long as it lives: holding it proves that no other process works on the
    /// state, so that the leases of one that was killed can be released at once.
    ///
    /// # Errors
    /// When two agents have one name, the lock is for another state, or a setting makes no sense.
    pub fn build(self, lock: WorkerLock) -> Result<Scheduler, Error> {
        if lock.state() != self.state.path() {
            return Err(Error::WrongLock {
                lock: lock.state().to_path_buf(),
                state: self.state.path().to_path_buf(),
            });
        }
        if self.settings.workers == 0 {
            return Err(Error::Setting {
                what: "it needs at least one worker",
            });
        }
        if self.settings.lease < Duration::from_secs(1) || self.settings.poll.is_zero() {
            return Err(Error::Setting {
                what: "a lease must last a second at least, and polls must be some time apart",
            });
        }
        let mut agents = BTreeMap::new();
        for spec in self.specs {
            let name = spec.agent.name().to_owned();
            if agents.insert(name.clone(), spec).is_some() {
                return Err(Error::RegisteredTwice { name });
            }
        }
        Ok(Scheduler {
            inner: Arc::new(Inner {
                state: self.state,
                clock: self.clock,
                agents,
                settings: self.settings,
                rng: Mutex::new(self.rng.unwrap_or_else(|| Box::new(rand::make_rng::<StdRng>()))),
                running: AtomicBool::new(false),
            }),
            _lock: lock,
        })
    }
}

impl std::fmt::Debug for SchedulerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SchedulerBuilder")
            .field("state", &self.state)
            .field("settings", &self.settings)
            .field("agents", &self.specs)
            .finish_non_exhaustive()
    }
}

/// What the store is to know of an agent.
pub(super) fn registration(spec: &AgentSpec) -> Registration {
    Registration {
        name: spec.agent.name().to_owned(),
        priority: spec.priority,
        interval: match spec.schedule {
            Schedule::Every(interval) => Some(interval),
            _ => None,
        },
    }
}
