//! The agent that keeps the stages in step.

use std::sync::Arc;
use std::time::Duration;

use ::agent::{Activation, Agent, Failure, Outcome, Progress};
use async_trait::async_trait;
use exchange::unless_stopped;

use crate::sync::StageList;

/// The name of the agent.
pub const AGENT: &str = "stage-list.sync";

/// Brings all stages over, each time it is activated.
pub(crate) struct SyncAgent {
    list: Arc<StageList>,
}

impl SyncAgent {
    pub(crate) fn new(list: Arc<StageList>) -> Self {
        Self { list }
    }
}

#[async_trait]
impl Agent for SyncAgent {
    fn name(&self) -> &str {
        AGENT
    }

    async fn activate(&self, activation: &Activation) -> Result<Outcome, Failure> {
        // Everything here may be given up half done: the next time begins anew.
        let Some(synced) = unless_stopped(activation, self.list.sync()).await else {
            return Ok(Outcome::Again {
                after: Duration::ZERO,
            });
        };
        let synced = synced?;
        let progress = Progress::new(synced.portal, Some(synced.portal), "stages")
            .with_count("inserted", synced.written.inserted)
            .with_count("changed", synced.written.changed + synced.deactivated)
            .with_count("unchanged", synced.written.unchanged);
        activation.report(progress).await?;
        Ok(Outcome::done())
    }
}
