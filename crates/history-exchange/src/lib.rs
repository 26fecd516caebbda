//! Keeps `CRM_STAGE_HISTORY_%ENV%`, the table of every move of every deal, true to the portal.
//!
//! The uploader notes the portal's highest history ID when it starts and walks the IDs upward to it in steps. A step reads its
//! rows by windows of IDs, fills in what the portal's history does not tell (the stage's name, the deal's dates, who moved the
//! deal), writes, reads back, compares, and only then moves its durable cursor. Killed at any moment, it goes on where the last
//! verified step ended.
//!
//! # Example
//!
//! ```
//! use exchange::Environment;
//!
//! let map = history_exchange::table(Environment::Prod)?;
//! assert_eq!(map.name(), "CRM_STAGE_HISTORY_PROD");
//! assert!(map.column("RESPONSIBLE_SOURCE").is_some());
//! # Ok::<(), table_map::Error>(())
//! ```

mod agent;
mod config;
mod deals;
mod error;
mod mapping;
mod moves;
mod reader;
mod state;
mod verify;
mod windows;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use ::agent::{AgentSpec, Failure};
use async_trait::async_trait;
use exchange::{BulkCommand, ConfigError, Context, Exchange, OnProgress, Plugin, Settings, Verification};
use stage_list_exchange::StageList;
use table_map::TableMap;

pub use agent::AGENT;
pub use config::{Pace, UploaderConfig};
pub use error::Error;
pub use mapping::table;

/// The exchange of stage moves.
pub struct HistoryExchange {
    context: Context,
    map: TableMap,
    stages: Arc<StageList>,
    uploader: UploaderConfig,
}

#[async_trait]
impl Exchange for HistoryExchange {
    fn name(&self) -> &'static str {
        "history"
    }

    fn subject(&self) -> &'static str {
        "history"
    }

    fn tables(&self) -> Vec<TableMap> {
        vec![self.map.clone()]
    }

    fn agents(&self) -> Vec<AgentSpec> {
        let agent = agent::UploadAgent::new(
            self.context.clone(),
            self.map.clone(),
            Arc::clone(&self.stages),
            self.uploader.clone(),
        );
        vec![AgentSpec::on_demand(Arc::new(agent))]
    }

    fn bulk(&self) -> BulkCommand {
        BulkCommand {
            name: "history",
            aliases: &["mssqlHistoryUpdate"],
            agent: AGENT,
        }
    }

    async fn verify(&self, progress: OnProgress<'_>) -> Result<Verification, Failure> {
        verify::verify(&self.context, &self.map, &self.stages, progress).await
    }
}

/// Makes the exchange: what the runner lists.
#[derive(Debug, Clone, Copy, Default)]
pub struct HistoryPlugin;

impl Plugin for HistoryPlugin {
    fn name(&self) -> &'static str {
        "history"
    }

    fn sections(&self) -> &'static [&'static str] {
        &["uploader"]
    }

    fn build(&self, context: &Context, settings: &Settings) -> Result<Arc<dyn Exchange>, ConfigError> {
        let uploader = settings.section::<UploaderConfig>("uploader")?;
        let wrong = |error: table_map::Error| ConfigError::new("environment", error.to_string());
        Ok(Arc::new(HistoryExchange {
            map: table(context.environment).map_err(wrong)?,
            stages: Arc::new(StageList::new(context.clone()).map_err(wrong)?),
            context: context.clone(),
            uploader,
        }))
    }
}
