//! `verify`: comparing tables and portal, and mending the tables.

use anyhow::Context as _;
use exchange::{Comparison, Sample, Verification, verify_exchange};

use crate::cli::VerifyFlags;
use crate::config::Config;
use crate::exit::{DONE, FAILED, Usage, chain};
use crate::foreground;
use crate::output::{self, Meter};
use crate::panel::BY_COMMAND_LINE;
use crate::panel::verifying::{self, Part, Verified};
use crate::printing::{say, tell};
use crate::report::{Asked, Outcome, Report, ReportFiles, describe};
use crate::shared_bucket;
use crate::wiring::{self, Parts};

pub(crate) async fn run(config: &Config, flags: &VerifyFlags) -> anyhow::Result<u8> {
    let files = flags.report.as_deref().map(ReportFiles::named).transpose()?;
    let parts = Parts::looking(config)?;
    let exchanges = match flags.exchange.as_deref() {
        Some(word) => vec![parts.exchange(word)?],
        None => parts.exchanges.iter().collect(),
    };
    let stop = foreground::stop_on_signal()?;
    let bucket = shared_bucket::visit(config, &parts.context.portal).await;
    tokio::select! {
        biased;
        () = stop.cancelled() => anyhow::bail!("{}; nothing was compared", exchange::STOPPED),
        known = known_pipelines(&parts, &flags.pipelines) => known?,
    }
    let sample = flags.sample.map(|portion| Sample {
        portion,
        seed: flags.seed.unwrap_or_else(|| rand::random::<u32>().into()),
    });
    if let Some(sample) = sample {
        tell!(
            "compares {}; the same rows again with --seed {}",
            sample.portion,
            sample.seed
        );
    }
    let asked = Asked {
        since: flags.since.map(|since| since.in_the_table(&parts.context)),
        pipelines: flags.pipelines.clone(),
        sample,
        repair: flags.repair,
    };
    let since = asked.since;
    let mut report = Report::new(&parts.context, asked);
    let whole = Meter::bar_only("", true);
    for exchange in exchanges {
        let meter = Meter::bar_only(format!("verify {}", exchange.name()), flags.json);
        let task = Comparison {
            since,
            pipelines: flags.pipelines.clone(),
            sample,
            repair: flags.repair,
            stop: stop.clone(),
            progress: &|progress| meter.show(&progress),
        };
        let found = verify_exchange(exchange.as_ref(), &task).await;
        meter.finish();
        let found = found.unwrap_or_else(|failure| {
            let table = exchange
                .tables()
                .first()
                .map_or_else(String::new, |map| map.name().to_owned());
            Verification::of(table).unfinished(failure.report())
        });
        if let Some(reason) = &found.unfinished {
            tell!("error: {}: {reason}", found.table);
        }
        let verified = Verified::new(&parts.context, BY_COMMAND_LINE, meter.elapsed(), &found);
        let part = Part::of(exchange.as_ref(), since, &flags.pipelines, sample);
        keep(config, exchange.name(), verified.of_part(part)).await;
        report.add(found);
        if stop.is_cancelled() {
            break;
        }
    }
    if let Some(state) = &bucket {
        shared_bucket::leave(state, &parts.context.portal).await;
    }
    report.seconds = whole.elapsed().as_secs_f64();
    show(&report, files.as_ref(), flags.json)?;
    Ok(if report.result == Outcome::Equal {
        DONE
    } else {
        FAILED
    })
}

/// Keeps a result for the admin panel, where there is a state: looking makes none. What cannot be kept has been found all the same.
async fn keep(config: &Config, exchange: &str, verified: Verified) {
    if !config.state.path.exists() {
        return;
    }
    let kept = async {
        let state = wiring::state(config)?;
        verifying::keep(&state, exchange, verified).await?;
        anyhow::Ok(())
    };
    if let Err(error) = kept.await {
        tell!("the admin panel will not show this result: {}", chain(&error));
    }
}

/// A pipeline that is not configured, or that the portal does not have, would be equal to nothing.
async fn known_pipelines(parts: &Parts, wanted: &[i64]) -> anyhow::Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    parts
        .context
        .narrowed(wanted)
        .map_err(|failure| Usage(format!("--pipeline: {failure}")))?;
    let categories = parts.context.portal.categories().await;
    let there: Vec<i64> = categories
        .context("cannot read the pipelines")?
        .iter()
        .map(|category| category.id)
        .collect();
    match wanted.iter().find(|pipeline| !there.contains(pipeline)) {
        None => Ok(()),
        Some(stranger) => {
            let there: Vec<String> = there.iter().map(i64::to_string).collect();
            Err(Usage(format!(
                "--pipeline: the portal has no pipeline {stranger}; it has {}",
                there.join(", ")
            ))
            .into())
        }
    }
}

fn show(report: &Report, files: Option<&ReportFiles>, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        output::json(report)?;
    } else {
        for table in &report.tables {
            say!("{}", describe(table));
            for sentence in table.advice() {
                say!("  {sentence}");
            }
        }
    }
    if let Some(files) = files {
        files.write(report)?;
        tell!("the report is in {}", files.shown());
    }
    Ok(())
}
