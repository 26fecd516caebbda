//! Keeps `CRM_STAGE_LIST_%ENV%`, the table of stages, true to the portal.
//!
//! All stages of the chosen pipelines come over in one go. A stage that was renamed or reordered is changed, a new one is
//! added, one that the portal has no more gets `ACTIVE = N`, one that returned gets `Y` again; nothing is ever deleted. Running
//! twice changes nothing.
//!
//! Other exchanges take stage names from here: see [`StageNames`] and [`StageList::sync`].
//!
//! # Example
//!
//! ```
//! use exchange::Environment;
//!
//! let map = stage_list_exchange::table(Environment::Test)?;
//! assert_eq!(map.name(), "CRM_STAGE_LIST_TEST");
//! assert_eq!(map.key(), "EXTERNAL_ID");
//! # Ok::<(), table_map::Error>(())
//! ```

mod agent;
mod config;
mod error;
mod mapping;
mod names;
mod sync;
mod verify;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use ::agent::{AgentRequest, AgentSpec, Failure};
use async_trait::async_trait;
use exchange::{
    BulkCommand, Comparison, ConfigError, Context, Exchange, Plugin, PortalEvent, Settings, Switch,
    Verification,
};
use table_map::TableMap;

use crate::agent::{SyncAgent, interception};

pub use agent::{AGENT, FOLLOW};
pub use config::Config;
pub use error::Error;
pub use mapping::table;
pub use names::StageNames;
pub use sync::{StageList, Synced};

/// The exchange of stages.
pub struct StageListExchange {
    list: Arc<StageList>,
    config: Config,
}

#[async_trait]
impl Exchange for StageListExchange {
    fn name(&self) -> &'static str {
        "stage-list"
    }

    fn subject(&self) -> &'static str {
        "stages"
    }

    fn tables(&self) -> Vec<TableMap> {
        vec![self.list.map().clone()]
    }

    fn agents(&self) -> Vec<AgentSpec> {
        let asked_for = Arc::new(SyncAgent::asked_for(Arc::clone(&self.list)));
        let following = Arc::new(SyncAgent::following(Arc::clone(&self.list)));
        vec![
            AgentSpec::on_demand(asked_for),
            AgentSpec::every(self.config.interval, following),
        ]
    }

    fn bulk(&self) -> BulkCommand {
        BulkCommand {
            name: "stage-list",
            aliases: &["mssqlStatusUpdate"],
            agent: AGENT,
        }
    }

    fn on_event(&self, event: &PortalEvent) -> Vec<AgentRequest> {
        // The portal has no event of its own for stages; self-hosted ones send these from handlers of theirs.
        if event.code.starts_with("ONCRMSTATUS") {
            vec![AgentRequest::now(FOLLOW)]
        } else {
            Vec::new()
        }
    }

    fn switches(&self) -> Vec<Switch> {
        vec![interception()]
    }

    async fn compare(&self, task: &Comparison<'_>) -> Result<Verification, Failure> {
        verify::verify(&self.list, task).await
    }
}

/// Makes the exchange: what the runner lists.
#[derive(Debug, Clone, Copy, Default)]
pub struct StageListPlugin;

impl Plugin for StageListPlugin {
    fn name(&self) -> &'static str {
        "stage-list"
    }

    fn sections(&self) -> &'static [&'static str] {
        &["stage_list"]
    }

    fn build(&self, context: &Context, settings: &Settings) -> Result<Arc<dyn Exchange>, ConfigError> {
        let config = settings.section::<Config>("stage_list")?;
        let list = StageList::new(context.clone())
            .map_err(|error| ConfigError::new("environment", error.to_string()))?;
        Ok(Arc::new(StageListExchange {
            list: Arc::new(list),
            config,
        }))
    }
}
