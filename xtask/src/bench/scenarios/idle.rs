//! `run` with nothing to do: what it uses of the machine and of the portal.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use crate::bench::ceiling::{Limits, real};
use crate::bench::child::Background;
use crate::bench::figure::{Figure, Target, Unit};
use crate::bench::machine::{cpu_of, resident_of};
use crate::bench::portal::{DemoPortal, Setup};
use crate::bench::report::Findings;
use crate::bench::time::{now, sleep};
use crate::bench::upload::{Job, stage_exchange, upload};
use crate::bench::{Bench, say};

/// How long a program that was just started has for its first looks.
const SETTLE: Duration = Duration::from_secs(15);

pub(crate) fn run(bench: &Bench) -> Result<Findings> {
    let folder = bench.work("idle")?;
    let setup = Setup {
        deals: 2000,
        limits: Some(Limits::CLOUD),
        ..Setup::default()
    };
    let mut portal = DemoPortal::start(&bench.programs, setup, &folder)?;
    let target = format!("sqlite:{}", folder.join("target.sqlite").display());
    let job = Job {
        folder: &folder,
        target: &target,
        pipeline: None,
    };
    upload(&bench.programs, &mut portal, &job)?;

    let mut command = stage_exchange(&bench.programs, &portal, &folder, &target);
    command
        .arg("run")
        .env("STAGE_EXCHANGE_WEB__LISTEN", "127.0.0.1:0");
    let mut running = Background::start(&mut command, &folder.join("run.log"))?;
    sleep(SETTLE);
    running.check()?;
    let (cpu_before, before, started) = (cpu_of(running.id())?, portal.stats()?, now());
    let minute = Duration::from_secs(bench.size(60, 30));
    say(&format!("{} s of doing nothing", minute.as_secs()));
    sleep(minute);
    running.check()?;
    let (cpu, after) = (cpu_of(running.id())? - cpu_before, portal.stats()?);
    let seconds = started.elapsed().as_secs_f64();
    let requests = after.requests - before.requests;

    let mut found = Findings::default();
    found.add(
        Figure::new(
            "of one processor",
            cpu.as_secs_f64() / seconds * 100.0,
            Unit::Percent,
        )
        .expected(Target::AtMost(0.2)),
    );
    found.add(
        Figure::new("requests a minute", real(requests) / seconds * 60.0, Unit::Count)
            .expected(Target::AtMost(3.0)),
    );
    let resident = real(resident_of(running.id())?) / 1024.0 / 1024.0;
    found.add(Figure::new("resident memory", resident, Unit::Mebibytes));
    found.fact(
        "measured",
        json!({"seconds": seconds, "cpu_seconds": cpu.as_secs_f64(), "requests": requests}),
    );
    Ok(found)
}
