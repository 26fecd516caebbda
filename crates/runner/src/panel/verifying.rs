//! Verifications as agents: started from the panel, run like any other work, their results kept in the state.

use std::sync::Arc;
use std::time::Duration;

use agent::{Activation, Agent, AgentSpec, Failure, Outcome, Priority, Progress};
use agent_scheduler::StateFile;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use exchange::{Context, Exchange, Verification};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Results that are kept of each exchange.
const KEPT: usize = 20;
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// A comparison that has ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Verified {
    pub(crate) at: DateTime<Utc>,
    pub(crate) took_ms: u64,
    pub(crate) result: Verification,
}

impl Verified {
    /// A comparison that has ended just now.
    pub(crate) fn new(context: &Context, took: Duration, result: &Verification) -> Self {
        Self {
            at: context.clock.now(),
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            result: result.clone(),
        }
    }
}

/// The agent that verifies an exchange.
pub(crate) fn agent_name(exchange: &str) -> String {
    format!("{exchange}.verify")
}

/// The setting under which an exchange's results are kept.
fn setting(exchange: &str) -> String {
    format!("panel.verifications.{exchange}")
}

/// One agent for each exchange.
pub(crate) fn agents(exchanges: &[Arc<dyn Exchange>], state: &StateFile) -> Vec<AgentSpec> {
    exchanges
        .iter()
        .map(|exchange| {
            let agent = VerifyAgent {
                name: agent_name(exchange.name()),
                exchange: Arc::clone(exchange),
                state: state.clone(),
            };
            // It reads everything, so what follows the portal goes first.
            AgentSpec::on_demand(Arc::new(agent)).with_priority(Priority::Background)
        })
        .collect()
}

/// The latest results of an exchange, the newest first.
///
/// # Errors
/// When the state cannot be read. Results that another version wrote count as none.
pub(crate) async fn results(
    state: &StateFile,
    exchange: &str,
) -> Result<Vec<Verified>, agent_scheduler::Error> {
    let setting = state.setting(&setting(exchange)).await?;
    Ok(setting
        .and_then(|setting| serde_json::from_value(setting.value).ok())
        .unwrap_or_default())
}

/// Keeps a result.
///
/// # Errors
/// When the state cannot be read or written.
pub(crate) async fn keep(
    state: &StateFile,
    exchange: &str,
    verified: Verified,
) -> Result<(), agent_scheduler::Error> {
    let mut kept = results(state, exchange).await?;
    kept.insert(0, verified);
    kept.truncate(KEPT);
    let value = serde_json::to_value(kept).unwrap_or_default();
    state.set_setting(&setting(exchange), value).await
}

struct VerifyAgent {
    name: String,
    exchange: Arc<dyn Exchange>,
    state: StateFile,
}

#[async_trait]
impl Agent for VerifyAgent {
    fn name(&self) -> &str {
        &self.name
    }

    async fn activate(&self, activation: &Activation) -> Result<Outcome, Failure> {
        let started = Instant::now();
        let (sender, receiver) = watch::channel(Progress::new(0, None, "rows"));
        let tell = |progress: Progress| {
            sender.send_replace(progress);
        };
        let verify = self.exchange.verify(&tell);
        let telling = async {
            let mut beat = interval(TELL_EVERY);
            beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                beat.tick().await;
                let progress = receiver.borrow().clone();
                if let Err(failure) = activation.report(progress).await {
                    return failure;
                }
            }
        };
        let result = tokio::select! {
            biased;
            // It changes nothing, so it begins anew when the program runs again.
            () = activation.stopped() => return Ok(Outcome::Again { after: Duration::ZERO }),
            result = verify => result?,
            failure = telling => return Err(failure),
        };
        let progress = Progress::new(result.portal, Some(result.portal), "rows")
            .with_count("missing", result.missing.count)
            .with_count("different", result.different.count)
            .with_count("extra", result.extra.count);
        activation.report(progress).await?;
        let verified = Verified {
            at: activation.now(),
            took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            result,
        };
        keep(&self.state, self.exchange.name(), verified)
            .await
            .map_err(|error| {
                Failure::passing("the result of the verification cannot be kept").with_source(error)
            })?;
        Ok(Outcome::done())
    }
}
