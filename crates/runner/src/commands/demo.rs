//! `demo`: everything on this machine, with nothing to set up.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::Context;
use demo_portal::{Portal, PortalOptions, RunningPortal};
use exchange::Verification;
use serde_json::{Map, Value, json};

use crate::cli::{DemoOptions, GlobalOptions};
use crate::config::Config;
use crate::exit::{DONE, FAILED, Usage};
use crate::output::{self, Meter, number, time};
use crate::wiring::{self, Parts};
use crate::{foreground, report};

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
    let portal = Portal::start(data, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
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

    let mut document = Map::new();
    let mut summary = Vec::new();
    let mut all_true = true;
    for exchange in &parts.exchanges {
        let meter = Meter::new(format!("upload {}", exchange.subject()));
        let uploaded = foreground::bulk(&config, &state, exchange.as_ref(), stop.clone(), &meter).await;
        meter.finish();
        let progress = uploaded?.progress.unwrap_or_default();
        let meter = Meter::new(format!("verify {}", exchange.subject()));
        let verified = exchange.verify(&|progress| meter.show(&progress)).await;
        meter.finish();
        let verified = verified?;
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
            println!("{line}");
        }
        println!(
            "done in {} with {} requests, {} refused. Look into the tables with any SQLite client: {}",
            time(total.elapsed()),
            number(stats.requests),
            number(stats.refused),
            database.display()
        );
    }
    if !options.once {
        eprintln!(
            "the portal goes on at {}, its deals move, and the tables follow; stop with Ctrl-C",
            portal.webhook_url()
        );
        portal.resume_moves();
        let lock = wiring::worker_lock(&state)?;
        let scheduler = wiring::scheduler(&config, state, lock, parts.agents(), config.agents.park_after)?;
        scheduler.run(stop).await?;
    }
    portal.stop().await;
    Ok(if all_true { DONE } else { FAILED })
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
