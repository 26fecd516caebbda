//! `run`: the agents and the HTTP side, until stopped.

use std::sync::Arc;

use admin_panel::{WebServer, metrics};
use anyhow::Context;

use crate::config::Config;
use crate::exit::DONE;
use crate::intake::Intake;
use crate::measured::measured;
use crate::panel::{PanelDesk, verifying};
use crate::wiring::{self, Parts};
use crate::{foreground, serving, shared_bucket};

pub(crate) async fn run(config: &Config) -> anyhow::Result<u8> {
    let state = wiring::state(config)?;
    let parts = Parts::with_state(config, &state)?;
    let options = serving::web_options(config)?;
    let panel_options = serving::panel_options(config)?;
    let desk = PanelDesk::new(config, &parts, &state)?;
    if config.web.panel {
        serving::check_password(config, &options, &desk).await?;
    }
    let lock = wiring::worker_lock(&state)?;
    let stop = foreground::stop_on_signal()?;
    let recorder = metrics::install_recorder().context("cannot gather metrics")?;
    let intake = Arc::new(Intake::new(&parts, state.clone()));
    let mut server = WebServer::bind(options, intake.clone(), intake)
        .await
        .context("cannot listen (web.listen, web.metrics_listen)")?
        .with_metrics(recorder);
    if config.web.panel {
        server = server.with_panel(desk.panel(panel_options));
    }
    let agents: Vec<_> = parts
        .agents()
        .into_iter()
        .chain(verifying::agents(&parts, &state))
        .map(measured)
        .collect();
    tracing::info!(
        portal = %parts.context.portal_name,
        target_database = %parts.context.store.target(),
        environment = %config.environment,
        agents = agents.len(),
        web = %server.local_addr(),
        "running; stop with Ctrl-C or SIGTERM"
    );
    let scheduler = wiring::scheduler(config, state.clone(), lock, agents, config.agents.park_after)?;
    let portal = &parts.context.portal;
    shared_bucket::take(&state, portal).await;
    // Whichever ends first ends the other.
    let agents = async {
        let ended = scheduler.run(stop.clone()).await;
        stop.cancel();
        ended
    };
    let serving = async {
        tokio::select! {
            () = server.serve(stop.clone()) => {}
            () = desk.watch() => {}
        }
    };
    let (ended, ()) = tokio::join!(agents, serving);
    shared_bucket::leave(&state, portal).await;
    ended?;
    tracing::info!("stopped");
    Ok(DONE)
}
