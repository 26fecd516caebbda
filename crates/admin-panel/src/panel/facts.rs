//! What the pages show, as the program tells it: plain facts, without words of any language.
//!
//! Everything here may be shown to whoever is signed in, so nothing here may hold a secret.

use std::time::Duration;

use agent::Progress;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

mod tables;

pub use tables::*;

/// What does not change while the program runs.
#[derive(Debug, Clone)]
pub struct About {
    /// The portal for people, without its secret.
    pub portal: String,
    /// The target for people, without its password.
    pub target: String,
    /// Which set of tables: `PROD`, `TEST`, `DEV`.
    pub environment: String,
    /// The zone in which the pages tell times: that of the target's times.
    pub timezone: Tz,
    /// The program's version.
    pub version: String,
}

/// Where a piece of work stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkState {
    /// It runs when its time comes.
    Waiting,
    /// It runs now.
    Running,
    /// It has work, but somebody paused it.
    Paused,
    /// It failed too often; a person has to act.
    Parked,
    /// Nothing is left to do.
    Done,
}

/// In what way an activation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorNature {
    /// It passes by itself and is tried again without end.
    Passing,
    /// A person has to act.
    Permanent,
    /// A fault in the program.
    Panicked,
    /// The process ended in the middle.
    Crashed,
}

/// What an agent failed with, last.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorFacts {
    /// One line for people, in English; without secrets.
    pub text: String,
    /// In what way.
    pub nature: ErrorNature,
    /// When.
    pub at: Option<DateTime<Utc>>,
}

/// One piece of work of an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkFacts {
    /// The agent.
    pub agent: String,
    /// Tells apart several pieces of work; empty for the only one.
    pub key: String,
    /// Where it stands.
    pub state: WorkState,
    /// When it runs next.
    pub due_at: DateTime<Utc>,
    /// Tries of the present input.
    pub attempts: u32,
    /// When the last activation began.
    pub started_at: Option<DateTime<Utc>>,
    /// When the last activation ended, in whatever way.
    pub finished_at: Option<DateTime<Utc>>,
    /// When one last ended well.
    pub succeeded_at: Option<DateTime<Utc>>,
    /// What it failed with last; none after a success.
    pub error: Option<ErrorFacts>,
    /// How far it has come.
    pub progress: Option<Progress>,
    /// How long after each end it comes back by itself.
    pub interval: Option<Duration>,
}

/// An agent with its pieces of work.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentFacts {
    /// Its name.
    pub name: String,
    /// The exchange it belongs to.
    pub exchange: String,
    /// Whether somebody paused it.
    pub paused: bool,
    /// Its most telling piece of work: the only one, or of many the one that failed, runs or is due first.
    pub work: Option<WorkFacts>,
    /// How many pieces of work are in each state.
    pub counts: Vec<(WorkState, u64)>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnding {
    /// It runs.
    Running,
    /// Nothing was left to do.
    Done,
    /// It asked to come back.
    Again,
    /// It failed.
    Failed,
    /// A stop cut it off.
    Interrupted,
    /// The process ended in the middle.
    Crashed,
}

/// One activation of the past.
#[derive(Debug, Clone, PartialEq)]
pub struct RunFacts {
    /// Its number.
    pub run: i64,
    /// The piece of work.
    pub key: String,
    /// Which try it was.
    pub attempt: u32,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// How it ended.
    pub ending: RunEnding,
    /// What it failed with.
    pub error: Option<String>,
    /// Other pieces of work that were done with it.
    pub gathered: u32,
}

/// An agent's own page.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentDetail {
    /// The present instant.
    pub now: DateTime<Utc>,
    /// The agent.
    pub agent: AgentFacts,
    /// Its pieces of work that are not done, the first of them.
    pub open: Vec<WorkFacts>,
    /// Its latest runs, the newest first.
    pub runs: Vec<RunFacts>,
}

/// What a switch may be set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SwitchForm {
    /// `on` or `off`.
    OnOff,
    /// One of these words.
    OneOf(Vec<String>),
}

/// A switch.
#[derive(Debug, Clone, PartialEq)]
pub struct SwitchFacts {
    /// Its key, such as `actualizer.enabled`.
    pub key: String,
    /// The exchange it belongs to.
    pub exchange: String,
    /// What it may be set to.
    pub form: SwitchForm,
    /// What holds now: `on`, `off` or one of its words.
    pub value: String,
    /// What the configuration says.
    pub default: String,
    /// When somebody set it; none when the configuration holds.
    pub set_at: Option<DateTime<Utc>>,
    /// What it does, in English: shown where the page has no words of its own for the key.
    pub about: String,
}

/// One change that somebody made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeFacts {
    /// When.
    pub at: DateTime<Utc>,
    /// The switch's key or the agent's name.
    pub what: String,
    /// What it was before.
    pub from: String,
    /// What it is since.
    pub to: String,
    /// Where it was made: `panel`, `command line`.
    pub by: String,
}

/// What the page of switches shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Switchboard {
    /// The present instant.
    pub now: DateTime<Utc>,
    /// All switches.
    pub switches: Vec<SwitchFacts>,
    /// The uploads that can be started.
    pub uploads: Vec<ExchangeFacts>,
    /// The latest changes, the newest first.
    pub changes: Vec<ChangeFacts>,
}

/// An exchange, as far as the overview tells of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ExchangeFacts {
    /// Its name, such as `history`.
    pub name: String,
    /// Whether its table is there; none when the target cannot say.
    pub exists: Option<bool>,
    /// Rows in its table, as lately read; none when the target cannot say.
    pub rows: Option<u64>,
    /// When the newest row happened; none when the rows tell no time.
    pub newest: Option<DateTime<Utc>>,
    /// The work of its uploader.
    pub upload: Option<WorkFacts>,
    /// The work of the agent that looks for what is new.
    pub look: Option<WorkFacts>,
    /// Its switches.
    pub switches: Vec<SwitchFacts>,
    /// Work of its agents that failed last time.
    pub failing: Vec<WorkFacts>,
    /// The verification that tells most of its table now: the newest that compared all of it or found something wrong.
    pub verified: Option<VerificationFacts>,
}

/// Whether the target answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetFacts {
    /// Whether it answered when it was last asked; none before the first answer.
    pub reachable: Option<bool>,
    /// Since when that is so.
    pub since: Option<DateTime<Utc>>,
    /// What it says of itself, or the error; in English.
    pub text: String,
}

/// What one method has used of its run time.
#[derive(Debug, Clone, PartialEq)]
pub struct MethodFacts {
    /// The REST method.
    pub method: String,
    /// Seconds used in the portal's window of ten minutes.
    pub used: f64,
    /// Seconds allowed; none without a limit.
    pub limit: Option<f64>,
    /// How long it still rests after the portal refused it.
    pub blocked_for: Option<Duration>,
}

/// What is left of the portal's limits.
#[derive(Debug, Clone, PartialEq)]
pub struct PortalFacts {
    /// Requests that may start at once; none without a limit.
    pub tokens: Option<u32>,
    /// The most of them.
    pub burst: Option<u32>,
    /// How long all requests rest.
    pub paused_for: Option<Duration>,
    /// How long the vendor's block lasts.
    pub blocked_for: Option<Duration>,
    /// Run time by method.
    pub methods: Vec<MethodFacts>,
    /// Requests since the start.
    pub requests: u64,
    /// Answers that enforced a limit since the start.
    pub refused: u64,
}

/// The overview.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// The present instant.
    pub now: DateTime<Utc>,
    /// The exchanges.
    pub exchanges: Vec<ExchangeFacts>,
    /// The target.
    pub target: TargetFacts,
    /// The portal.
    pub portal: PortalFacts,
}

/// What a stage means for its deals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Semantics {
    /// Deals go on.
    InProgress,
    /// Deals are won.
    Won,
    /// Deals are lost.
    Lost,
}

/// A stage, as it is in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageFacts {
    /// Its ID in the portal.
    pub external_id: i64,
    /// Its code, such as `C3:NEW`.
    pub status_id: String,
    /// The pipeline.
    pub pipeline: i64,
    /// The user's name.
    pub name: String,
    /// The portal's own name.
    pub name_init: Option<String>,
    /// Its place.
    pub sort: Option<i64>,
    /// Whether the portal made it.
    pub system: bool,
    /// What it means.
    pub semantics: Semantics,
    /// Whether the portal still has it.
    pub active: bool,
}
