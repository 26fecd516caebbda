//! `run`: the agents, until stopped.

use crate::config::Config;
use crate::exit::DONE;
use crate::foreground;
use crate::wiring::{self, Parts};

pub(crate) async fn run(config: &Config) -> anyhow::Result<u8> {
    let parts = Parts::new(config)?;
    let state = wiring::state(config)?;
    let lock = wiring::worker_lock(&state)?;
    let stop = foreground::stop_on_signal()?;
    let agents = parts.agents();
    tracing::info!(
        portal = %parts.context.portal_name,
        target_database = %parts.context.store.target(),
        environment = %config.environment,
        agents = agents.len(),
        "running; stop with Ctrl-C or SIGTERM"
    );
    let scheduler = wiring::scheduler(config, state, lock, agents, config.agents.park_after)?;
    scheduler.run(stop).await?;
    tracing::info!("stopped");
    Ok(DONE)
}
