//! Agents whose activations are timed.

use std::sync::Arc;

use admin_panel::metrics::STEP_SECONDS;
use agent::{Activation, Agent, AgentSpec, Failure, Outcome};
use async_trait::async_trait;
use tokio::time::Instant;

struct Measured(Arc<dyn Agent>);

/// The same agent; the run time of each of its activations goes to the metrics.
pub(crate) fn measured(mut spec: AgentSpec) -> AgentSpec {
    spec.agent = Arc::new(Measured(spec.agent));
    spec
}

#[async_trait]
impl Agent for Measured {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn activate(&self, activation: &Activation) -> Result<Outcome, Failure> {
        let started = Instant::now();
        let result = self.0.activate(activation).await;
        metrics::histogram!(STEP_SECONDS, "agent" => self.0.name().to_owned())
            .record(started.elapsed().as_secs_f64());
        result
    }
}
