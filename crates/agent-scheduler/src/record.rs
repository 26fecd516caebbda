//! What is durable about an agent, and about each of its runs.

use std::time::Duration;

use agent::{Priority, Progress};
use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// Where a piece of work stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum AgentState {
    /// It runs when its time comes.
    Waiting,
    /// An activation holds its lease.
    Running,
    /// It has work, but its name is paused: it runs once the name is resumed.
    Paused,
    /// It failed too often in a way that does not pass; a person has to resume it. Its input is kept.
    Parked,
    /// Nothing is left to do.
    Done,
}

impl AgentState {
    /// The word for it: `waiting`, `running`, `paused`, `parked`, `done`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Parked => "parked",
            Self::Done => "done",
        }
    }
}

/// In what way the last activation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum FailedAs {
    /// It passes by itself; repeated without end.
    Passing,
    /// A person has to act; counts towards parking.
    Permanent,
    /// The agent panicked; counts towards parking.
    Panicked,
    /// The process ended in the middle of it; repeated without end.
    Crashed,
}

impl FailedAs {
    /// The word for it: `passing`, `permanent`, `panicked`, `crashed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passing => "passing",
            Self::Permanent => "permanent",
            Self::Panicked => "panicked",
            Self::Crashed => "crashed",
        }
    }
}

/// The durable record of one piece of work, unique by name and key.
///
/// Times are kept in whole milliseconds, UTC.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AgentRecord {
    /// The agent's name.
    pub name: String,
    /// Tells apart several pieces of work of one agent; empty for the only one.
    pub key: String,
    /// Where it stands.
    pub state: AgentState,
    /// The name is paused. A running record with this set becomes [`AgentState::Paused`] when its activation ends.
    pub paused: bool,
    /// What the next activation gets; null when there is none yet.
    pub input: Value,
    /// When it runs next (while running or done: when it was last due).
    pub due_at: DateTime<Utc>,
    /// Before this, queueing it again does not bring it forward: the other side asked for a pause, or it has only just
    /// failed.
    pub not_before: Option<DateTime<Utc>>,
    /// How long after each done it comes back by itself; none for an agent that runs on demand. In seconds in JSON.
    #[serde(serialize_with = "seconds")]
    pub interval: Option<Duration>,
    /// Its class.
    #[serde(serialize_with = "priority_word")]
    pub priority: Priority,
    /// Until when the running activation holds it, if it is not renewed.
    pub lease_until: Option<DateTime<Utc>>,
    /// Who holds it.
    pub lease_owner: Option<String>,
    /// Tries of the present input, a running one included; raised before each run.
    pub attempts: u32,
    /// Failures of the present input that count towards parking.
    pub permanent_failures: u32,
    /// What the last activation failed with, at most [`MAX_ERROR_CHARS`] characters; none after a success.
    pub last_error: Option<String>,
    /// In what way it failed.
    pub last_error_kind: Option<FailedAs>,
    /// When the last activation began.
    pub last_started_at: Option<DateTime<Utc>>,
    /// When the last activation ended, in whatever way.
    pub last_finished_at: Option<DateTime<Utc>>,
    /// When an activation last ended without a failure.
    pub last_success_at: Option<DateTime<Utc>>,
    /// How far it has come.
    pub progress: Option<Progress>,
    /// When it was first queued.
    pub created_at: DateTime<Utc>,
    /// When the record last changed.
    pub updated_at: DateTime<Utc>,
    /// It was queued while it ran, and runs once more afterwards.
    pub run_again: bool,
    /// When that next run is due.
    pub run_again_at: Option<DateTime<Utc>>,
    /// The input that replaces the present one for that next run, when one was given.
    pub run_again_input: Option<Value>,
    /// The number of its last run, which grows with every run of any agent; 0 before the first. Records that were gathered
    /// share the number of the run they were gathered into.
    pub run: i64,
}

/// How many characters of a failure's message are kept.
pub const MAX_ERROR_CHARS: usize = 2_000;

/// The longest value kept in the state, in bytes of its JSON: an input, a setting. What is longer is refused.
pub const MAX_VALUE_BYTES: usize = 1 << 20;

/// The longest name or key, in bytes. What is longer is refused.
pub const MAX_KEY_BYTES: usize = 512;

/// One activation in the history. An agent's latest runs are kept, up to a bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RunRecord {
    /// The run's number, growing over all agents.
    pub run: i64,
    /// The agent's name.
    pub name: String,
    /// Its key.
    pub key: String,
    /// Which try of its input it was; 1 is the first.
    pub attempt: u32,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended; none while it runs.
    pub finished_at: Option<DateTime<Utc>>,
    /// How it ended; none while it runs.
    pub ending: Option<RunEnding>,
    /// What it failed with.
    pub error: Option<String>,
    /// How many other records of the agent were gathered into it; they have no run of their own in the history.
    pub gathered: u32,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum RunEnding {
    /// Nothing was left to do.
    Done,
    /// It asked to come back, with the same or another input.
    Again,
    /// It failed; the record says how it goes on.
    Failed,
    /// It was cut off by a stop.
    Interrupted,
    /// The process ended in the middle, or the lease was lost.
    Crashed,
}

impl RunEnding {
    /// The word for it: `done`, `again`, `failed`, `interrupted`, `crashed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Again => "again",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Crashed => "crashed",
        }
    }
}

/// Which records to list. The default is all of them.
#[derive(Debug, Clone, Default)]
pub struct AgentFilter {
    /// Only this agent's.
    pub name: Option<String>,
    /// Only in one of these states; empty for any.
    pub states: Vec<AgentState>,
    /// At most so many.
    pub limit: Option<usize>,
}

impl AgentFilter {
    /// Every record.
    pub fn all() -> Self {
        Self::default()
    }

    /// The records of one agent.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: Some(name.into()),
            ..Self::default()
        }
    }

    /// The same, only in `state` (or another one that was added before).
    #[must_use]
    pub fn in_state(mut self, state: AgentState) -> Self {
        self.states.push(state);
        self
    }

    /// The same, at most `limit`.
    #[must_use]
    pub fn at_most(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }
}

/// What queueing a piece of work came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Queued {
    /// It is new.
    Added,
    /// It was waiting already (or paused) and stays one; its due time may have come forward.
    Merged,
    /// It is running, and runs once more afterwards.
    RunAgain,
    /// It had been done, and starts anew.
    Anew,
    /// It had been parked, and starts anew.
    Unparked,
}

/// How many records of one agent are in one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StateCount {
    /// The agent's name.
    pub name: String,
    /// The state.
    pub state: AgentState,
    /// How many.
    pub records: u64,
}

/// A durable setting.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Setting {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: Value,
    /// When it was last set.
    pub updated_at: DateTime<Utc>,
}

/// One change that a person made, as the list of changes keeps it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Change {
    /// When.
    pub at: DateTime<Utc>,
    /// What was changed: a setting's name, an agent's name.
    pub what: String,
    /// What it was before.
    pub from: Value,
    /// What it is since.
    pub to: Value,
    /// Where it was made, such as `panel`.
    pub by: String,
}

impl Change {
    /// A change of `what`, made at `by`.
    pub fn new(
        at: DateTime<Utc>,
        what: impl Into<String>,
        from: impl Into<Value>,
        to: impl Into<Value>,
        by: impl Into<String>,
    ) -> Self {
        Self {
            at,
            what: what.into(),
            from: from.into(),
            to: to.into(),
            by: by.into(),
        }
    }
}

/// How many changes are kept; the oldest give way.
pub const MAX_CHANGES: u32 = 1_000;

/// The word for a class: `urgent`, `normal`, `background`.
pub(crate) fn priority_str(priority: Priority) -> &'static str {
    match priority {
        Priority::Urgent => "urgent",
        Priority::Background => "background",
        _ => "normal",
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for this signature")]
fn priority_word<S: Serializer>(priority: &Priority, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(priority_str(*priority))
}

#[allow(clippy::ref_option, reason = "serde asks for this signature")]
fn seconds<S: Serializer>(interval: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match interval {
        Some(interval) => serializer.serialize_some(&interval.as_secs_f64()),
        None => serializer.serialize_none(),
    }
}
