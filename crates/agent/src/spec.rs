//! How an agent is known to the scheduler.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

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

/// Work that somebody asks for: an agent, an event, a person.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentRequest {
    /// The agent's name.
    pub agent: String,
    /// The key; empty for an agent that exists once.
    pub key: String,
    /// The input to start with; `None` keeps what is there.
    pub input: Option<Value>,
    /// Not before this time has gone by.
    pub after: Duration,
}

impl AgentRequest {
    /// Work for an agent that exists once, as soon as possible.
    pub fn now(agent: impl Into<String>) -> Self {
        Self::keyed(agent, "")
    }

    /// One piece of work of an agent, told by its key, as soon as possible.
    pub fn keyed(agent: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            agent: agent.into(),
            key: key.into(),
            input: None,
            after: Duration::ZERO,
        }
    }

    /// The same with an input.
    #[must_use]
    pub fn with_input(mut self, input: Value) -> Self {
        self.input = Some(input);
        self
    }

    /// The same, but not before `after` has gone by.
    #[must_use]
    pub fn after(mut self, after: Duration) -> Self {
        self.after = after;
        self
    }
}
