//! Verifications as agents: started from the panel, run like any other work, their results kept in the state.

use std::sync::Arc;
use std::time::Duration;

use agent::{Activation, Agent, AgentSpec, Failure, Outcome, Priority, Progress};
use agent_scheduler::StateFile;
use async_trait::async_trait;
use chrono::{DateTime, NaiveDateTime, Utc};
use exchange::{Context, Exchange, Portion, Sample, Verification};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::BY_PANEL;
use super::readings::HAPPENED;
use crate::wiring::Parts;

/// Results that are kept of each exchange.
const KEPT: usize = 20;
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// The part of the tables that was compared.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Part {
    /// Moves since this time, as the table writes it.
    pub(crate) since: Option<NaiveDateTime>,
    /// These pipelines; all when there are none.
    pub(crate) pipelines: Vec<i64>,
    /// A sample.
    pub(crate) sample: Option<Portion>,
}

impl Part {
    /// What was compared of an exchange when this was asked for; none when it was everything. Of rows that tell no time all are
    /// compared, whatever time or sample is asked for.
    pub(crate) fn of(
        exchange: &dyn Exchange,
        since: Option<NaiveDateTime>,
        pipelines: &[i64],
        sample: Option<Sample>,
    ) -> Option<Self> {
        let timed = exchange.tables().iter().any(|map| map.column(HAPPENED).is_some());
        let part = Self {
            since: since.filter(|_| timed),
            pipelines: pipelines.to_vec(),
            sample: sample.filter(|_| timed).map(|sample| sample.portion),
        };
        let is_all = part.since.is_none() && part.pipelines.is_empty() && part.sample.is_none();
        (!is_all).then_some(part)
    }
}

/// A comparison that has ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Verified {
    pub(crate) at: DateTime<Utc>,
    pub(crate) took_ms: u64,
    /// Where it was started.
    #[serde(default = "by_panel")]
    pub(crate) by: String,
    /// The portal and the target that were compared; empty in what older versions kept.
    #[serde(default)]
    portal: String,
    #[serde(default)]
    target: String,
    /// What was compared; none when it was everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) part: Option<Part>,
    pub(crate) result: Verification,
}

fn by_panel() -> String {
    BY_PANEL.to_owned()
}

impl Verified {
    /// A comparison of everything that has ended just now.
    pub(crate) fn new(context: &Context, by: &str, took: Duration, result: &Verification) -> Self {
        Self {
            at: context.clock.now(),
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            by: by.to_owned(),
            portal: context.portal_name.clone(),
            target: context.store.target(),
            part: None,
            result: result.clone(),
        }
    }

    /// The same of a part.
    pub(crate) fn of_part(self, part: Option<Part>) -> Self {
        Self { part, ..self }
    }

    /// Whether it says something of this portal and target: one may be configured otherwise while the state stays.
    fn is_of(&self, context: &Context) -> bool {
        let is = |kept: &str, now: &str| kept.is_empty() || kept == now;
        is(&self.portal, &context.portal_name) && is(&self.target, &context.store.target())
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
pub(crate) fn agents(parts: &Parts, state: &StateFile) -> Vec<AgentSpec> {
    parts
        .exchanges
        .iter()
        .map(|exchange| {
            let agent = VerifyAgent {
                name: agent_name(exchange.name()),
                exchange: Arc::clone(exchange),
                context: parts.context.clone(),
                state: state.clone(),
            };
            // It reads everything, so what follows the portal goes first.
            AgentSpec::on_demand(Arc::new(agent)).with_priority(Priority::Background)
        })
        .collect()
}

/// The latest results of an exchange for this portal and target, the newest first.
///
/// # Errors
/// When the state cannot be read. A result that another version wrote and this one cannot read is left out.
pub(crate) async fn results(
    state: &StateFile,
    context: &Context,
    exchange: &str,
) -> Result<Vec<Verified>, agent_scheduler::Error> {
    let kept = state.setting(&setting(exchange)).await?.map(|kept| kept.value);
    let kept = kept.as_ref().and_then(|kept| kept.as_array());
    Ok(kept
        .into_iter()
        .flatten()
        .filter_map(|one| Verified::deserialize(one).ok())
        .filter(|verified| verified.is_of(context))
        .collect())
}

/// Keeps a result. May be done beside a program that works on the same state.
///
/// # Errors
/// When the state cannot be written.
pub(crate) async fn keep(
    state: &StateFile,
    exchange: &str,
    verified: Verified,
) -> Result<(), agent_scheduler::Error> {
    let value = serde_json::to_value(verified).unwrap_or_default();
    state.prepend_to_setting(&setting(exchange), value, KEPT).await
}

struct VerifyAgent {
    name: String,
    exchange: Arc<dyn Exchange>,
    context: Context,
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
            .with_count("extra", result.extra.count)
            .with_count("duplicate", result.duplicate.count);
        activation.report(progress).await?;
        let verified = Verified::new(&self.context, BY_PANEL, started.elapsed(), &result);
        keep(&self.state, self.exchange.name(), verified)
            .await
            .map_err(|error| {
                Failure::passing("the result of the verification cannot be kept").with_source(error)
            })?;
        Ok(Outcome::done())
    }
}
