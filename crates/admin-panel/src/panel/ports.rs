//! What the panel needs of the program: somebody who knows, and somebody who acts.

use agent::Failure;
use analysis::Analyst;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::facts::{About, AgentDetail, AgentFacts, Database, Overview, StageFacts, Switchboard};

/// Knows what the pages show.
///
/// Methods are called with every look at a page, every few seconds and from several readers at once, so they must be cheap. One
/// that asks the target must give up after a few seconds, or tell what it knew before: a page is needed most when the target is
/// away. One that takes longer than 15 s is dropped.
///
/// An `Err` means that the program's own state cannot be read. What the target or the portal cannot say is told in the facts.
#[async_trait]
pub trait PanelSource: Send + Sync + 'static {
    /// What does not change.
    fn about(&self) -> About;

    /// The hash of the password that lets in, as a PHC string of argon2; `None` when nobody has set one.
    async fn password(&self) -> Result<Option<SecretString>, Failure>;

    /// The overview.
    async fn overview(&self) -> Result<Overview, Failure>;

    /// The switches, the uploads and the latest changes.
    async fn switchboard(&self) -> Result<Switchboard, Failure>;

    /// The present instant.
    fn now(&self) -> DateTime<Utc>;

    /// All agents, in an order that does not change.
    async fn agents(&self) -> Result<Vec<AgentFacts>, Failure>;

    /// One agent with its runs; `None` when there is none of this name.
    async fn agent(&self, name: &str) -> Result<Option<AgentDetail>, Failure>;

    /// The tables, and the views beside them.
    async fn database(&self) -> Result<Database, Failure>;

    /// Who answers the questions of the page of figures; without one there is no such page.
    fn analyst(&self) -> Option<Analyst> {
        None
    }

    /// The stages in the table. `Err` inside, in English, when the target cannot say.
    async fn stages(&self) -> Result<Result<Vec<StageFacts>, String>, Failure>;
}

/// Why a change was not made.
#[derive(Debug)]
#[non_exhaustive]
pub enum NotChanged {
    /// There is no such thing.
    Unknown,
    /// The value is none that it may have.
    WrongValue,
    /// The state could not be written.
    Failed(Failure),
}

impl From<Failure> for NotChanged {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Does what people ask for on the pages. `Ok` means that it is durable.
#[async_trait]
pub trait Steering: Send + Sync + 'static {
    /// Sets a switch, in the running program, too, and notes the change. `None` goes back to what the configuration says.
    async fn set_switch(&self, key: &str, word: Option<&str>) -> Result<(), NotChanged>;

    /// Starts an exchange's upload, from its cursor when it is under way, else anew.
    async fn start_upload(&self, exchange: &str) -> Result<(), NotChanged>;

    /// Lets an agent run now.
    async fn run_agent(&self, name: &str) -> Result<(), NotChanged>;

    /// Pauses an agent, and notes the change.
    async fn pause_agent(&self, name: &str) -> Result<(), NotChanged>;

    /// Ends an agent's pause, takes up again what is parked of it, and notes the change.
    async fn resume_agent(&self, name: &str) -> Result<(), NotChanged>;

    /// Starts a comparison of an exchange's tables with the portal.
    async fn start_verification(&self, exchange: &str) -> Result<(), NotChanged>;
}
