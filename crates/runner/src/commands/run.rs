//! `run`: the agents and the HTTP side, until stopped.

use std::sync::Arc;

use admin_panel::{WebOptions, WebServer, metrics};
use anyhow::Context;

use crate::config::Config;
use crate::exit::DONE;
use crate::foreground;
use crate::intake::Intake;
use crate::measured::measured;
use crate::wiring::{self, Parts};

pub(crate) async fn run(config: &Config) -> anyhow::Result<u8> {
    let state = wiring::state(config)?;
    let parts = Parts::with_state(config, &state)?;
    let lock = wiring::worker_lock(&state)?;
    let stop = foreground::stop_on_signal()?;
    let recorder = metrics::install_recorder().context("cannot gather metrics")?;
    let intake = Arc::new(Intake::new(&parts, state.clone()));
    let server = WebServer::bind(options(config)?, intake.clone(), intake)
        .await
        .context("cannot listen (web.listen, web.metrics_listen)")?
        .with_metrics(recorder);
    let agents: Vec<_> = parts.agents().into_iter().map(measured).collect();
    tracing::info!(
        portal = %parts.context.portal_name,
        target_database = %parts.context.store.target(),
        environment = %config.environment,
        agents = agents.len(),
        web = %server.local_addr(),
        "running; stop with Ctrl-C or SIGTERM"
    );
    let scheduler = wiring::scheduler(config, state, lock, agents, config.agents.park_after)?;
    // Whichever ends first ends the other.
    let agents = async {
        let ended = scheduler.run(stop.clone()).await;
        stop.cancel();
        ended
    };
    let (ended, ()) = tokio::join!(agents, server.serve(stop.clone()));
    ended?;
    tracing::info!("stopped");
    Ok(DONE)
}

fn options(config: &Config) -> anyhow::Result<WebOptions> {
    let address = |key: &str, text: &str| {
        text.parse().map_err(|_| {
            config.wrong(
                key,
                format!("{text:?} is no address to listen on; write one like 127.0.0.1:8450"),
            )
        })
    };
    let mut options = WebOptions::new(address("web.listen", &config.web.listen)?);
    options.application_token = config.web.application_token.clone();
    if let Some(text) = &config.web.metrics_listen {
        options.metrics_listen = Some(address("web.metrics_listen", text)?);
    }
    Ok(options)
}
