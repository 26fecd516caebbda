//! Keeps `CRM_STAGE_HISTORY_%ENV%`, the table of every move of every deal, true to the portal.
//!
//! The uploader notes the portal's highest history ID when it starts and walks the IDs upward to it in steps. A step reads its
//! rows by windows of IDs, fills in what the portal's history does not tell (the stage's name, the deal's dates, who moved the
//! deal), writes, reads back, compares, and only then moves its durable cursor. Killed at any moment, it goes on where the last
//! verified step ended.
//!
//! When the upload is done, the actualizer takes over: it looks for new moves at an interval and after events, refreshes deals
//! that events tell of, and walks slowly over everything to find what nobody told of.
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

mod actualizer;
mod agent;
mod backfill;
mod config;
mod deals;
mod error;
mod mapping;
mod moves;
mod opening;
mod reader;
mod reconcile;
mod shared;
mod state;
mod switches;
mod uploading;
mod verify;
mod views;
mod windows;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use ::agent::{AgentRequest, AgentSpec, Failure, Priority};
use async_trait::async_trait;
use exchange::{
    BulkCommand, Comparison, ConfigError, Context, Exchange, Plugin, PortalEvent, Settings, Switch,
    Verification,
};
use stage_list_exchange::StageList;
use table_map::{TableMap, ViewMap};

use crate::actualizer::{DealAgent, Desk, FollowAgent};
use crate::agent::UploadAgent;
use crate::reconcile::ReconcileAgent;
use crate::views::Views;

pub use actualizer::{DEAL, FOLLOW};
pub use agent::AGENT;
pub use config::{ActualizerConfig, Pace, UploaderConfig};
pub use error::Error;
pub use mapping::table;
pub use reconcile::RECONCILE;

/// Events about one deal come in a row; the refresh waits this long for the others.
const EVENTS_SETTLE: Duration = Duration::from_millis(500);

/// Many events come in a row; the look for new moves waits this long for the others.
const FOLLOW_AFTER_EVENT: Duration = Duration::from_secs(2);

/// The portal's events about deals.
const DEAL_EVENTS: [&str; 4] = [
    "ONCRMDEALADD",
    "ONCRMDEALUPDATE",
    "ONCRMDEALDELETE",
    "ONCRMDEALMOVETOCATEGORY",
];

/// The exchange of stage moves.
pub struct HistoryExchange {
    desk: Desk,
    uploader: UploaderConfig,
    actualizer: ActualizerConfig,
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
        vec![self.desk.map.clone()]
    }

    fn views(&self) -> Vec<ViewMap> {
        self.desk.views.maps()
    }

    fn agents(&self) -> Vec<AgentSpec> {
        let upload = UploadAgent::new(self.desk.clone(), self.uploader.clone());
        // A turn and the rest after it make up the time in which everything is looked at once.
        let half = self.actualizer.reconcile_every / 2;
        vec![
            AgentSpec::on_demand(Arc::new(upload)),
            AgentSpec::every(
                self.actualizer.interval,
                Arc::new(FollowAgent::new(self.desk.clone())),
            ),
            AgentSpec::on_demand(Arc::new(DealAgent::new(self.desk.clone()))).with_priority(Priority::Urgent),
            AgentSpec::every(half, Arc::new(ReconcileAgent::new(self.desk.clone(), half)))
                .with_priority(Priority::Background),
        ]
    }

    fn bulk(&self) -> BulkCommand {
        BulkCommand {
            name: "history",
            aliases: &["mssqlHistoryUpdate"],
            agent: AGENT,
        }
    }

    fn on_event(&self, event: &PortalEvent) -> Vec<AgentRequest> {
        let Some(deal) = event
            .object_id
            .filter(|_| DEAL_EVENTS.contains(&event.code.as_str()))
        else {
            return Vec::new();
        };
        vec![
            AgentRequest::keyed(DEAL, deal.to_string()).after(EVENTS_SETTLE),
            AgentRequest::now(FOLLOW).after(FOLLOW_AFTER_EVENT),
        ]
    }

    fn switches(&self) -> Vec<Switch> {
        vec![
            switches::actualizer(),
            switches::uploader_paused(),
            switches::uploader_pace(self.uploader.pace),
        ]
    }

    async fn compare(&self, task: &Comparison<'_>) -> Result<Verification, Failure> {
        verify::verify(&self.desk.context, &self.desk.map, &self.desk.stages, task).await
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
        &["uploader", "actualizer"]
    }

    fn build(&self, context: &Context, settings: &Settings) -> Result<Arc<dyn Exchange>, ConfigError> {
        let wrong = |error: table_map::Error| ConfigError::new("environment", error.to_string());
        let map = table(context.environment).map_err(wrong)?;
        let stages = StageList::new(context.clone()).map_err(wrong)?;
        let desk = Desk {
            views: Arc::new(Views::new(context, map.name(), stages.map().name())),
            map,
            stages: Arc::new(stages),
            context: context.clone(),
        };
        Ok(Arc::new(HistoryExchange {
            desk,
            uploader: settings.section::<UploaderConfig>("uploader")?,
            actualizer: settings.section::<ActualizerConfig>("actualizer")?,
        }))
    }
}
