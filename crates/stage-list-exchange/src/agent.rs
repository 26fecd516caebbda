//! The agents that keep the stages in step.

use std::sync::Arc;
use std::time::Duration;

use ::agent::{Activation, Agent, Failure, Outcome, Progress};
use async_trait::async_trait;
use exchange::{Switch, SwitchKind, unless_stopped};
use serde_json::Value;

use crate::sync::StageList;

/// The agent that brings all stages over when somebody asks for it.
pub const AGENT: &str = "stage-list.sync";

/// The agent that does the same at an interval and after events, while it is switched on.
pub const FOLLOW: &str = "stage-list.follow";

/// Whether changes of stages are followed.
pub(crate) fn interception() -> Switch {
    Switch {
        key: "stage_list.interception",
        kind: SwitchKind::OnOff,
        default: Value::Bool(true),
        about: "follow changes of the stage list; off: it changes only by `bulk stage-list`, and for stages that a move names",
    }
}

/// Brings all stages over, each time it is activated.
pub(crate) struct SyncAgent {
    list: Arc<StageList>,
    /// `None` for the agent that asks nobody.
    switch: Option<Switch>,
    name: &'static str,
}

impl SyncAgent {
    /// The agent that people queue.
    pub(crate) fn asked_for(list: Arc<StageList>) -> Self {
        Self {
            list,
            switch: None,
            name: AGENT,
        }
    }

    /// The agent that comes by itself.
    pub(crate) fn following(list: Arc<StageList>) -> Self {
        Self {
            list,
            switch: Some(interception()),
            name: FOLLOW,
        }
    }
}

#[async_trait]
impl Agent for SyncAgent {
    fn name(&self) -> &str {
        self.name
    }

    async fn activate(&self, activation: &Activation) -> Result<Outcome, Failure> {
        if let Some(switch) = &self.switch
            && !self.list.context().is_on(switch).await?
        {
            return Ok(Outcome::done());
        }
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
