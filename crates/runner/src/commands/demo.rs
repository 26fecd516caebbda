//! `demo`: everything on this machine, with nothing to set up.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use admin_panel::WebServer;
use agent::CancellationToken;
use agent_scheduler::StateFile;
use anyhow::Context;
use demo_portal::{EventOptions, Portal, PortalOptions, RunningPortal};
use exchange::Verification;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use tokio::task::JoinHandle;

use crate::cli::{DemoOptions, GlobalOptions};
use crate::config::Config;
use crate::exit::{DONE, FAILED, Usage};
use crate::intake::Intake;
use crate::output::{self, Meter, number, time};
use crate::panel::BY_COMMAND_LINE;
use crate::panel::PanelDesk;
use crate::panel::verifying::{self, Verified};
use crate::printing::{say, tell};
use crate::wiring::{self, Parts};
use crate::{foreground, report, serving};

/// Changes of deals a second while the demo goes on: enough to see them come.
const MOVES_PER_SECOND: f64 = 1.0;

pub(crate) async fn run(global: &GlobalOptions, options: &DemoOptions) -> anyhow::Result<u8> {
    refuse_real_things(global)?;
    let stop = foreground::stop_on_signal()?;
    let total = Meter::new("demo");
    let data = PortalOptions {
        deals: options.deals,
        seed: options.seed,
        moves_per_second: if options.once { 0.0 } else { MOVES_PER_SECOND },
        ..PortalOptions::default()
    };
    let mut portal = Portal::start(data, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .await
        .context("cannot start the demo portal")?;
    portal.pause_moves();
    // Each set of made-up data has a database of its own, so that a second run meets the data of the first.
    let name = format!("demo-{}-{}", options.deals, options.seed);
    let database = options.directory.join(format!("{name}.sqlite"));
    let config = configure(
        global,
        &portal,
        &database,
        &options.directory.join(format!("{name}-state.sqlite")),
    )?;
    let state = wiring::state(&config)?;
    let parts = Parts::with_state(&config, &state)?;
    let panel = if options.once {
        None
    } else {
        let panel = Served::start(global, &config, &parts, &state, stop.clone()).await?;
        tell_of_changes(&mut portal, &config, &panel)?;
        Some(panel)
    };

    let mut document = Map::new();
    let mut summary = Vec::new();
    let mut all_true = true;
    for exchange in &parts.exchanges {
        let meter = Meter::new(format!("upload {}", exchange.subject()));
        let uploaded = foreground::bulk(
            &config,
            &state,
            &parts.context.portal,
            exchange.as_ref(),
            stop.clone(),
            &meter,
        )
        .await;
        meter.finish();
        let progress = uploaded?.progress.unwrap_or_default();
        let meter = Meter::new(format!("verify {}", exchange.subject()));
        let verified = exchange.verify(&|progress| meter.show(&progress)).await;
        meter.finish();
        let verified = verified?;
        if panel.is_some() {
            let took = meter.elapsed();
            verifying::keep(
                &state,
                exchange.name(),
                Verified::new(&parts.context, BY_COMMAND_LINE, took, &verified),
            )
            .await?;
        }
        all_true &= verified.is_true();
        let count = |name: &str| progress.counts.get(name).copied().unwrap_or_default();
        summary.push(format!(
            "{}: {} new, {} changed, {} unchanged. {}",
            exchange.subject(),
            number(count("inserted")),
            number(count("changed")),
            number(count("unchanged")),
            report::describe(&verified)
        ));
        document.insert(exchange.subject().to_owned(), describe(&verified, count));
    }
    total.finish();
    let stats = parts.context.portal.stats();
    document.insert("database".into(), json!(database));
    document.insert("requests".into(), json!(stats.requests));
    document.insert("refused".into(), json!(stats.refused));
    document.insert("seconds".into(), json!(total.elapsed().as_secs_f64()));
    if options.json {
        output::json(&document)?;
    } else {
        for line in summary {
            say!("{line}");
        }
        say!(
            "done in {} with {} requests, {} refused. Look into the tables with any SQLite client: {}",
            time(total.elapsed()),
            number(stats.requests),
            number(stats.refused),
            database.display()
        );
    }
    if !options.once {
        tell!(
            "the portal goes on at {}, its deals move, and the tables follow; stop with Ctrl-C",
            portal.webhook_url()
        );
        if let Some(panel) = &panel {
            tell!("look at it in a browser: {}", panel.address());
        }
        portal.resume_moves();
        let lock = wiring::worker_lock(&state)?;
        let agents = parts
            .agents()
            .into_iter()
            .chain(verifying::agents(&parts, &state));
        let scheduler = wiring::scheduler(&config, state, lock, agents, config.agents.park_after)?;
        scheduler.run(stop.clone()).await?;
    }
    if let Some(panel) = panel {
        stop.cancel();
        panel.ended().await;
    }
    portal.stop().await;
    Ok(if all_true { DONE } else { FAILED })
}

/// The panel of a demo, served from the first moment, so that the upload can be watched.
struct Served {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Served {
    async fn start(
        global: &GlobalOptions,
        config: &Config,
        parts: &Parts,
        state: &StateFile,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let mut options = serving::web_options(config)?;
        let panel_options = serving::panel_options(config)?;
        let desk = PanelDesk::new(config, parts, state)?;
        serving::check_password(config, &options, &desk).await?;
        let intake = Arc::new(Intake::new(parts, state.clone()));
        let bound = WebServer::bind(options.clone(), intake.clone(), intake.clone()).await;
        let server = match bound {
            // Another demo, or a real program, has the usual address.
            Err(error) if error.is_taken() && !is_set(global, "web.listen") => {
                options.listen.set_port(0);
                WebServer::bind(options, intake.clone(), intake).await
            }
            bound => bound,
        };
        let server = server
            .context("cannot listen (web.listen)")?
            .with_panel(desk.panel(panel_options));
        let address = server.local_addr();
        tell!("watch it in a browser: http://{address}/");
        let task = tokio::spawn(async move {
            tokio::select! {
                () = server.serve(stop) => {}
                () = desk.watch() => {}
            }
        });
        Ok(Self { address, task })
    }

    fn address(&self) -> String {
        format!("http://{}/", self.address)
    }

    async fn ended(self) {
        if self.task.await.is_err() {
            tracing::error!("the panel has ended early");
        }
    }
}

/// Sets up the portal's outgoing webhook, as its administrator would. The demo portal tells only handlers on this machine; whoever listens
/// elsewhere sees the tables follow by the clock.
fn tell_of_changes(portal: &mut RunningPortal, config: &Config, panel: &Served) -> anyhow::Result<()> {
    let mut address = panel.address;
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        ip if !ip.is_loopback() => return Ok(()),
        _ => {}
    }
    let Some(token) = &config.web.application_token else {
        return Ok(());
    };
    let events = EventOptions::to(format!("http://{address}/events"), token.expose_secret());
    portal
        .send_events(&events)
        .context("the demo portal cannot tell of changes")
}

/// Whether the command line sets this key.
fn is_set(global: &GlobalOptions, key: &str) -> bool {
    global
        .set
        .iter()
        .any(|pair| pair.split('=').next().unwrap_or_default().trim() == key)
}

fn describe(verified: &Verification, count: impl Fn(&str) -> u64) -> Value {
    json!({
        "table_name": verified.table,
        "portal": verified.portal,
        "table": verified.stored,
        "inserted": count("inserted"),
        "changed": count("changed"),
        "unchanged": count("unchanged"),
        "verified": verified.is_true(),
        "kept": verified.kept.count,
    })
}

/// A demo brings its own portal, database and state: pointed at others, it would fill them with made-up data.
fn refuse_real_things(global: &GlobalOptions) -> Result<(), Usage> {
    let own = [
        "portal.webhook_url",
        "target.url",
        "state.path",
        "portal",
        "target",
        "state",
    ];
    let key = |pair: &String| pair.split('=').next().unwrap_or_default().trim().to_owned();
    match global.set.iter().map(key).find(|key| own.contains(&key.as_str())) {
        Some(key) => Err(Usage(format!(
            "{key} cannot be set for a demo, which brings its own; leave out --set {key}, or use `bulk` and `run`"
        ))),
        None => Ok(()),
    }
}

/// The defaults with the demo's own portal, database and state: what is configured for real must not be touched by a demo.
fn configure(
    global: &GlobalOptions,
    portal: &RunningPortal,
    database: &Path,
    state: &Path,
) -> anyhow::Result<Config> {
    let path = |path: &Path| {
        path.to_str()
            .map(str::to_owned)
            .context("the folder's name is not UTF-8")
    };
    let own = [
        ("STAGE_EXCHANGE_ENVIRONMENT", "DEV".to_owned()),
        ("STAGE_EXCHANGE_PORTAL__WEBHOOK_URL", portal.webhook_url()),
        ("STAGE_EXCHANGE_PORTAL__REQUESTS_PER_SECOND", "0".to_owned()),
        ("STAGE_EXCHANGE_PORTAL__OPERATING_LIMIT_SECONDS", "0".to_owned()),
        ("STAGE_EXCHANGE_ACTUALIZER__INTERVAL", "2s".to_owned()),
        (
            "STAGE_EXCHANGE_TARGET__URL",
            format!("sqlite:{}", path(database)?),
        ),
        ("STAGE_EXCHANGE_STATE__PATH", path(state)?),
        ("STAGE_EXCHANGE_WEB__APPLICATION_TOKEN", "demo".to_owned()),
    ];
    let variables = own.map(|(name, value)| (name.to_owned(), value));
    // Files in ./config are for the real thing; the demo takes only what the command line says.
    let nowhere = Path::new("/nonexistent");
    Ok(Config::load(
        &GlobalOptions {
            config: None,
            ..global.clone()
        },
        nowhere,
        variables,
    )?)
}
