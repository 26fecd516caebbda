//! `portal`: the demo portal on its own.

use anyhow::Context;
use demo_portal::{EventOptions, Portal, PortalOptions};

use crate::cli::PortalFlags;
use crate::exit::DONE;
use crate::foreground;
use crate::printing::say;

pub(crate) async fn run(flags: &PortalFlags) -> anyhow::Result<u8> {
    let stop = foreground::stop_on_signal()?;
    let portal = Portal::start(options(flags), flags.listen)
        .await
        .with_context(|| format!("cannot serve a portal on {}", flags.listen))?;
    let model = portal.model();
    say!("webhook {}", portal.webhook_url());
    say!(
        "{} deals, {} history rows; stop with Ctrl-C",
        model.deals_len(),
        model.history_len()
    );
    if let Some(moves_for) = flags.moves_for {
        tokio::select! {
            () = tokio::time::sleep(moves_for) => {
                portal.pause_moves();
                say!("the deals stand still now");
            }
            () = stop.cancelled() => {}
        }
    }
    stop.cancelled().await;
    let stats = portal.stats();
    portal.stop().await;
    say!(
        "{} requests, {} calls, {} refused, {} faults",
        stats.requests,
        stats.calls,
        stats.refused,
        stats.faults
    );
    Ok(DONE)
}

fn options(flags: &PortalFlags) -> PortalOptions {
    let defaults = PortalOptions::default();
    let base = if flags.cloud_limits {
        defaults.with_cloud_limits()
    } else {
        defaults
    };
    PortalOptions {
        deals: flags.deals,
        rare_share: flags.rare_share,
        seed: flags.seed,
        secret: flags.secret.clone(),
        admin: !flags.no_admin,
        requests_per_second: flags.requests_per_second.or(base.requests_per_second),
        burst: flags.burst.unwrap_or(base.burst),
        operating_limit_seconds: flags.operating_limit.or(base.operating_limit_seconds),
        page_time: flags.page_time.unwrap_or(base.page_time),
        fault_rate: flags.faults,
        moves_per_second: flags.moves_per_second,
        gzip: flags.gzip,
        events: flags.events_to.as_ref().map(|url| EventOptions {
            status_events: true,
            drop_rate: flags.lost_events,
            ..EventOptions::to(url, &flags.application_token)
        }),
        ..base
    }
}
