//! What people ask for on the pages, done on the state: the scheduler of this process sees it at once.

use admin_panel::Steering;
use admin_panel::panel::NotChanged;
use agent::Failure;
use agent_scheduler::StateFile;
use async_trait::async_trait;
use exchange::Switch;

use super::{BY_PANEL, PanelDesk, verifying};
use crate::foreground;

impl PanelDesk {
    fn switch(&self, key: &str) -> Option<Switch> {
        self.branches
            .iter()
            .flat_map(|branch| branch.exchange.switches())
            .find(|switch| switch.key == key)
    }

    /// Refuses a name that is no agent of ours.
    fn known(&self, name: &str) -> Result<(), NotChanged> {
        let ours = |agents: &Vec<String>| agents.iter().any(|agent| agent == name);
        if self.branches.iter().any(|branch| ours(&branch.agents)) {
            Ok(())
        } else {
            Err(NotChanged::Unknown)
        }
    }

    async fn run_now(&self, agent: &str) -> Result<(), NotChanged> {
        if self.state.run_now(agent).await.map_err(not_written)? == 0 {
            foreground::queue(&self.state, agent)
                .await
                .map_err(|error| Failure::passing(format!("{error:#}")))?;
        }
        Ok(())
    }
}

#[async_trait]
impl Steering for PanelDesk {
    async fn set_switch(&self, key: &str, word: Option<&str>) -> Result<(), NotChanged> {
        let switch = self.switch(key).ok_or(NotChanged::Unknown)?;
        let value = match word {
            Some(word) => Some(switch.read(word).map_err(|_| NotChanged::WrongValue)?),
            None => None,
        };
        self.state
            .change_setting(switch.key, value, switch.default, BY_PANEL)
            .await
            .map_err(not_written)?;
        Ok(())
    }

    async fn start_upload(&self, exchange: &str) -> Result<(), NotChanged> {
        let branch = self.branch(exchange).ok_or(NotChanged::Unknown)?;
        self.run_now(branch.exchange.bulk().agent).await
    }

    async fn run_agent(&self, name: &str) -> Result<(), NotChanged> {
        self.known(name)?;
        self.run_now(name).await
    }

    async fn pause_agent(&self, name: &str) -> Result<(), NotChanged> {
        self.known(name)?;
        pause(&self.state, name, BY_PANEL).await.map_err(not_written)
    }

    async fn resume_agent(&self, name: &str) -> Result<(), NotChanged> {
        self.known(name)?;
        resume(&self.state, name, BY_PANEL).await.map_err(not_written)
    }

    async fn start_verification(&self, exchange: &str) -> Result<(), NotChanged> {
        let branch = self.branch(exchange).ok_or(NotChanged::Unknown)?;
        self.run_now(&verifying::agent_name(branch.exchange.name())).await
    }
}

fn not_written(error: agent_scheduler::Error) -> NotChanged {
    Failure::passing("the change cannot be kept")
        .with_source(error)
        .into()
}

/// Pauses an agent, and notes it.
pub(crate) async fn pause(state: &StateFile, name: &str, by: &str) -> Result<(), agent_scheduler::Error> {
    let already = is_paused(state, name).await?;
    state.pause(name).await?;
    if !already {
        state.note_change(name, "active", "paused", by).await?;
    }
    Ok(())
}

/// Ends an agent's pause, takes up what is parked, and notes the end of the pause.
pub(crate) async fn resume(state: &StateFile, name: &str, by: &str) -> Result<(), agent_scheduler::Error> {
    let paused = is_paused(state, name).await?;
    state.resume(name).await?;
    if paused {
        state.note_change(name, "paused", "active", by).await?;
    }
    Ok(())
}

async fn is_paused(state: &StateFile, name: &str) -> Result<bool, agent_scheduler::Error> {
    Ok(state.paused().await?.iter().any(|paused| paused == name))
}
