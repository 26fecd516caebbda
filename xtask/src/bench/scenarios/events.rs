//! A mass update: 10,000 events at 2,000 a second over 4 connections, into the real receiver and its durable queue.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::bench::ceiling::real;
use crate::bench::child::{program, run as run_to_end};
use crate::bench::figure::{Figure, Target, Unit};
use crate::bench::report::Findings;

/// What the burst tells.
#[derive(Debug, Deserialize)]
struct Told {
    events: u64,
    deals: u64,
    seconds: f64,
    answered: u64,
    pending: u64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

pub(crate) fn run(bench: &Bench) -> Result<Findings> {
    let folder = bench.work("events")?;
    let [events, per_second, connections] = bench.size([10_000_u32, 2000, 4], [2000, 2000, 4]);
    let mut command = program(&bench.programs.example("event_burst"), &folder);
    for number in [events, per_second, connections, events] {
        command.arg(number.to_string());
    }
    command.arg("--json");
    let ended = run_to_end(&mut command, &folder.join("burst.log"))?;
    let told: Told = serde_json::from_str(&ended.stdout).context("the burst printed something else")?;
    // Every event was of another deal, so each must be a piece of work now.
    let lost = told.deals.saturating_sub(told.pending) + told.events.saturating_sub(told.answered);
    let mut found = Findings::default();
    found.add(Figure::new("answer time, p50", told.p50_ms, Unit::Milliseconds));
    found.add(Figure::new("answer time, p99", told.p99_ms, Unit::Milliseconds));
    found.add(Figure::new(
        "taken a second over sent a second",
        real(told.events) / told.seconds / f64::from(per_second),
        Unit::Ratio,
    ));
    found.add(Figure::new("lost", real(lost), Unit::Count).expected(Target::AtMost(0.0)));
    let told: Value = json!({
        "events": told.events,
        "per_second": per_second,
        "connections": connections,
        "seconds": told.seconds,
        "answered": told.answered,
        "pending": told.pending,
        "p50_ms": told.p50_ms,
        "p99_ms": told.p99_ms,
        "max_ms": told.max_ms,
        "cpu_seconds_sender_and_receiver": ended.cpu.as_secs_f64(),
    });
    found.fact("burst", told);
    Ok(found)
}
