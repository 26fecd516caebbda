//! How an agent is known to the scheduler.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::Agent;

/// When an agent runs by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Schedule {
    /// Only when somebody queues it.
    OnDemand,
    /// By itself, and again this long after each [`Outcome::Done`](crate::Outcome::Done).
    Every(Duration),
}

/// Who goes first when several agents are due: a lower class waits for a higher one. Within a class the one that
/// has been due longest goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Priority {
    /// Walks that take hours: reconciliation.
    Background,
    /// Uploads and polls.
    Normal,
    /// Somebody waits for it: an event's refresh.
    Urgent,
}

/// An agent and how it is scheduled. The scheduler keeps one durable record for each name and key.
#[derive(Clone)]
pub struct AgentSpec {
    /// The agent.
    pub agent: Arc<dyn Agent>,
    /// When it runs by itself.
    pub schedule: Schedule,
    /// Its class.
    pub priority: Priority,
}

impl AgentSpec {
    /// An agent that runs only when it is queued.
    pub fn on_demand(agent: Arc<dyn Agent>) -> Self {
        Self {
            agent,
            schedule: Schedule::OnDemand,
            priority: Priority::Normal,
        }
    }

    /// An agent that comes back `interval` after it was done.
    pub fn every(interval: Duration, agent: Arc<dyn Agent>) -> Self {
        Self {
            agent,
            schedule: Schedule::Every(interval),
            priority: Priority::Normal,
        }
    }

    /// The same with another class.
    #[must_use]
    pub fn with_priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }
}

impl fmt::Debug for AgentSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentSpec")
            .field("agent", &self.agent.name())
            .field("schedule", &self.schedule)
            .field("priority", &self.priority)
            .finish()
    }
}
