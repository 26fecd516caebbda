//! The HTTP side's view of the program: events become queued work, and the state tells how things are.

use std::sync::Arc;

use admin_panel::{Accepted, Check, EventSink, HealthSource, metrics as names};
use agent::Failure;
use agent_scheduler::{AgentState, StateFile};
use async_trait::async_trait;
use bitrix_client::{Client, OutgoingEvent};
use event_intake::EventIntake;
use metrics::{counter, gauge};
use store::Store;

use crate::wiring::Parts;

/// What the HTTP side asks.
pub(crate) struct Intake {
    events: EventIntake,
    state: StateFile,
    store: Arc<dyn Store>,
    portal: Client,
}

impl Intake {
    pub(crate) fn new(parts: &Parts, state: StateFile) -> Self {
        Self {
            events: EventIntake::new(
                parts.exchanges.clone(),
                state.clone(),
                Arc::clone(&parts.context.clock),
            ),
            state,
            store: Arc::clone(&parts.context.store),
            portal: parts.context.portal.clone(),
        }
    }
}

#[async_trait]
impl EventSink for Intake {
    async fn accept(&self, event: &OutgoingEvent) -> Result<Accepted, Failure> {
        Ok(match self.events.accept(event).await? {
            0 => Accepted::Unknown,
            queued => Accepted::Queued(queued),
        })
    }
}

#[async_trait]
impl HealthSource for Intake {
    async fn readiness(&self) -> Vec<Check> {
        let state = match self.state.counts().await {
            Err(_) => vec![Check::wrong("state", "the state cannot be read")],
            Ok(counts) => {
                let parked: Vec<&str> = counts
                    .iter()
                    .filter(|count| count.state == AgentState::Parked && count.records > 0)
                    .map(|count| count.name.as_str())
                    .collect();
                let agents = if parked.is_empty() {
                    Check::well("agents")
                } else {
                    Check::wrong(
                        "agents",
                        format!("parked: {}; see `stage-exchange agents`", parked.join(", ")),
                    )
                };
                vec![Check::well("state"), agents]
            }
        };
        let target = match self.store.ping().await {
            Ok(_) => Check::well("target"),
            Err(_) => Check::wrong(
                "target",
                "the target database cannot be reached; see `stage-exchange check`",
            ),
        };
        state.into_iter().chain([target]).collect()
    }

    async fn refresh_metrics(&self) {
        if let Ok(counts) = self.state.counts().await {
            let mut pending = 0;
            for count in counts {
                #[allow(clippy::cast_precision_loss, reason = "a count for a gauge")]
                let records = count.records as f64;
                gauge!(names::AGENTS, "name" => count.name.clone(), "state" => count.state.as_str())
                    .set(records);
                if count.name == history_exchange::DEAL && count.state != AgentState::Done {
                    pending += count.records;
                }
            }
            #[allow(clippy::cast_precision_loss, reason = "a count for a gauge")]
            gauge!(names::EVENTS_PENDING).set(pending as f64);
        }
        let stats = self.portal.stats();
        counter!(names::PORTAL_REQUESTS).absolute(stats.requests);
        counter!(names::PORTAL_REFUSED).absolute(stats.refused);
        counter!(names::PORTAL_RETRIED).absolute(stats.retried);
        let budget = self.portal.budget();
        if let Some(tokens) = budget.tokens {
            gauge!(names::PORTAL_TOKENS).set(f64::from(tokens));
        }
        for method in &budget.operating {
            gauge!(names::PORTAL_OPERATING_SECONDS, "method" => method.method.clone()).set(method.used);
        }
    }
}
