//! The contract of an exchange: the plug-in that keeps some tables of a target true to a portal.
//!
//! An exchange names its tables, its agents, its bulk command and its configuration sections; it can verify what it keeps.
//! The runner knows exchanges only through this crate: a new one is a new crate and one line in the runner's list of
//! [`Plugin`]s. See `docs/adding-an-exchange.md`.
//!
//! # What every exchange must do
//!
//! * It MUST write by upserts of rows keyed by the source's ID, so that everything may run twice.
//! * Its cursors MUST move past a row only after the row was read back and compared ([`write_verified`]).
//! * It MUST keep its state in its agents' inputs, and bind that state to the [`Scope`] it is true for.
//! * It MUST turn errors of the portal and of the store into agent failures by the one policy here
//!   ([`portal_failure`], [`store_failure`]), so that all exchanges wait, repeat and give up alike.
//! * It never sees SQL text (rows and maps only) and never sees HTTP (the portal's typed methods only).
//!
//! # Example
//!
//! ```
//! use exchange::{Environment, Settings};
//! use serde::Deserialize;
//!
//! #[derive(Debug, Default, Deserialize)]
//! #[serde(default, deny_unknown_fields)]
//! struct Config {
//!     pace: String,
//! }
//!
//! let settings = Settings::from_json(serde_json::json!({ "uploader": { "pase": "fast" } }));
//! let error = settings.section::<Config>("uploader").unwrap_err();
//! assert_eq!(error.key(), "uploader.pase");
//! assert_eq!(Environment::Test.table("CRM_STAGE_LIST"), "CRM_STAGE_LIST_TEST");
//! ```

mod comparison;
mod context;
pub mod duration;
mod environment;
mod event;
mod failure;
mod settings;
mod stopping;
mod switches;
mod tables;
mod verification;
mod views;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use agent::{AgentRequest, AgentSpec, Failure, Progress};
use async_trait::async_trait;
use table_map::{TableMap, ViewMap};

pub use comparison::{
    Absent, Comparison, Portion, STOPPED, Sample, Source, SourceRows, UnknownPortion, compare,
    verify_exchange,
};
pub use context::{Context, Scope};
pub use environment::{Environment, UnknownEnvironment};
pub use event::PortalEvent;
pub use failure::{portal_failure, row_failure, store_failure};
pub use settings::{ConfigError, Settings};
pub use stopping::unless_stopped;
pub use switches::{NoSwitches, Switch, SwitchKind, Switches};
pub use tables::{
    Unverified, WriteCounts, ensure_table, ensure_writable, require_table, write, write_verified,
};
pub use verification::{ColumnFinding, Finding, Mended, Refused, Verification};
pub use views::{ViewsOnce, plan_view};

/// The command that brings all of an exchange's data over: it queues an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkCommand {
    /// Its name on the command line, after `bulk`.
    pub name: &'static str,
    /// Other names for it: those of the old module.
    pub aliases: &'static [&'static str],
    /// The agent that it queues.
    pub agent: &'static str,
}

/// Receives progress of a long operation. Called often; must return at once.
pub type OnProgress<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// What keeps some tables of a target true to a portal. The crate's documentation says what it must do.
#[async_trait]
pub trait Exchange: Send + Sync + 'static {
    /// Its name: lower-case words joined by `-`.
    fn name(&self) -> &'static str;

    /// What its rows are, in the plural, for people and for keys of reports: `stages`.
    fn subject(&self) -> &'static str;

    /// The tables it keeps.
    fn tables(&self) -> Vec<TableMap>;

    /// The views that it keeps beside its tables, for people and their reports. They may read tables of other exchanges.
    fn views(&self) -> Vec<ViewMap> {
        Vec::new()
    }

    /// The agents that do its work.
    fn agents(&self) -> Vec<AgentSpec>;

    /// Its bulk command.
    fn bulk(&self) -> BulkCommand;

    /// The work that an event of the portal asks for; empty for an event that is none of its business. Must return at once.
    fn on_event(&self, event: &PortalEvent) -> Vec<AgentRequest>;

    /// Its switches.
    fn switches(&self) -> Vec<Switch>;

    /// Compares table and portal, row by row, in both directions. Changes nothing unless it is asked to mend.
    ///
    /// # Errors
    /// When the table is not there, or nothing can be read. What goes wrong later is told in
    /// [`Verification::unfinished`].
    async fn compare(&self, task: &Comparison<'_>) -> Result<Verification, Failure>;

    /// Compares everything and changes nothing.
    ///
    /// # Errors
    /// As [`compare`](Exchange::compare).
    async fn verify(&self, progress: OnProgress<'_>) -> Result<Verification, Failure> {
        self.compare(&Comparison::whole(progress)).await
    }
}

/// Makes an exchange: what an exchange's crate gives to the runner.
pub trait Plugin: Send + Sync {
    /// The exchange's name.
    fn name(&self) -> &'static str;

    /// The top-level sections of the configuration that belong to this exchange.
    fn sections(&self) -> &'static [&'static str];

    /// Makes the exchange.
    ///
    /// # Errors
    /// When a key of one of its sections is unknown or has a wrong value.
    fn build(&self, context: &Context, settings: &Settings) -> Result<Arc<dyn Exchange>, ConfigError>;
}
