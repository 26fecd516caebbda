//! `bulk`: bringing all of an exchange's data over.

use serde_json::json;

use crate::config::Config;
use crate::exit::DONE;
use crate::foreground;
use crate::output::{self, Meter, number, time};
use crate::printing::say;
use crate::wiring::{self, Parts};

pub(crate) async fn run(config: &Config, word: &str, wait: bool, as_json: bool) -> anyhow::Result<u8> {
    let state = wiring::state(config)?;
    let parts = Parts::with_state(config, &state)?;
    let exchange = parts.exchange(word)?;
    let bulk = exchange.bulk();
    if !wait {
        foreground::queue(&state, bulk.agent).await?;
        if as_json {
            output::json(&json!({ "exchange": exchange.name(), "agent": bulk.agent, "queued": true }))?;
        } else {
            say!(
                "queued {}; `stage-exchange run` does it, `stage-exchange agents` shows how far it is",
                bulk.agent
            );
        }
        return Ok(DONE);
    }
    let stop = foreground::stop_on_signal()?;
    let meter = Meter::new(exchange.name());
    let result = foreground::bulk(
        config,
        &state,
        &parts.context.portal,
        exchange.as_ref(),
        stop,
        &meter,
    )
    .await;
    meter.finish();
    let record = result?;
    let progress = record.progress.unwrap_or_default();
    let stats = parts.context.portal.stats();
    if as_json {
        output::json(&json!({
            "exchange": exchange.name(),
            "rows": progress.done,
            "counts": progress.counts,
            "requests": stats.requests,
            "refused": stats.refused,
            "seconds": meter.elapsed().as_secs_f64(),
        }))?;
    } else {
        let mut counts: Vec<(&String, &u64)> = progress.counts.iter().collect();
        // What a person looks for first goes first.
        counts.sort_by_key(|(name, _)| *name != "inserted");
        let counts: Vec<String> = counts
            .iter()
            .map(|(name, count)| format!("{} {name}", number(**count)))
            .collect();
        // Another process that did the work has made the requests.
        let requests = match stats.requests {
            0 => String::new(),
            requests => format!(
                ", {} requests, {} refused",
                number(requests),
                number(stats.refused)
            ),
        };
        say!(
            "{}: {} {} verified in {} ({}){requests}",
            exchange.name(),
            number(progress.done),
            progress.unit,
            time(meter.elapsed()),
            counts.join(", "),
        );
    }
    Ok(DONE)
}
