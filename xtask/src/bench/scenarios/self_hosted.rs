//! A portal without limits: the whole run beside reading alone and writing alone, of the same rows on the same machine.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::json;

use crate::bench::ceiling::real;
use crate::bench::child::{Background, program, run as run_to_end};
use crate::bench::figure::{Figure, Target, Unit};
use crate::bench::portal::{DemoPortal, Setup};
use crate::bench::report::Findings;
use crate::bench::upload::{Job, Upload, upload};
use crate::bench::{Bench, say};

/// Verified rows a second that are expected into SQLite.
const INTO_SQLITE: f64 = 100_000.0;
/// The most that a run may take over the slower of reading alone and writing alone.
const OVER_ALONE: f64 = 1.25;
/// Rows that writing alone writes at once. The better one counts: a batch of the portal's pages, and four of them.
const STEPS: [u32; 2] = [2500, 10_000];
/// Connections of the bare reader.
const CONNECTIONS: u32 = 4;

pub(crate) fn run(bench: &Bench) -> Result<Findings> {
    let mut found = Findings::default();
    measure(
        bench,
        &mut found,
        "SQLite",
        bench.size(1_000_000, 50_000),
        &Place::File,
    )?;
    let rows = bench.size(200_000, 10_000);
    {
        let folder = bench.work("tds-server")?;
        let mut server = program(&bench.programs.example("serve"), &folder);
        let mut server = Background::start(&mut server, &folder.join("server.log"))?;
        let url = server.line()?;
        measure(
            bench,
            &mut found,
            "test server over TDS",
            rows,
            &Place::Server(url),
        )?;
    }
    match std::env::var("STAGE_EXCHANGE_TEST_MSSQL") {
        Ok(url) => measure(bench, &mut found, "SQL Server", rows, &Place::Server(url))?,
        Err(_) => say("STAGE_EXCHANGE_TEST_MSSQL names no real SQL Server: left out"),
    }
    Ok(found)
}

/// Where rows go.
enum Place {
    /// New SQLite files.
    File,
    /// New databases on this server.
    Server(String),
}

/// A target of one measurement.
struct Fresh<'a> {
    bench: &'a Bench,
    folder: PathBuf,
    url: String,
    is_database: bool,
}

impl Place {
    fn fresh<'a>(&self, bench: &'a Bench, folder: &Path, name: &str) -> Result<Fresh<'a>> {
        let folder = folder.join(name);
        fs::create_dir_all(&folder)?;
        let url = match self {
            Self::File => format!("sqlite:{}", folder.join("target.sqlite").display()),
            Self::Server(server) => bare_writer(bench, &folder, server, &["create"])?,
        };
        Ok(Fresh {
            bench,
            folder,
            url,
            is_database: matches!(self, Self::Server(_)),
        })
    }
}

impl Fresh<'_> {
    fn remove(self) -> Result<()> {
        if self.is_database {
            bare_writer(self.bench, &self.folder, &self.url, &["drop"])?;
        }
        fs::remove_dir_all(&self.folder)?;
        Ok(())
    }
}

fn bare_writer(bench: &Bench, folder: &Path, target: &str, arguments: &[&str]) -> Result<String> {
    let mut command = program(&bench.programs.example("bare_writer"), folder);
    command.env("STAGE_EXCHANGE_TARGET__URL", target).args(arguments);
    let ended = run_to_end(&mut command, &folder.join("writer.log"))?;
    Ok(ended.stdout.trim().to_owned())
}

/// What reading or writing alone took.
#[derive(Debug, Clone, Copy)]
struct Alone {
    seconds: f64,
    cpu: f64,
}

fn measure(bench: &Bench, found: &mut Findings, name: &str, rows: u32, place: &Place) -> Result<()> {
    let folder = bench.work("self-hosted")?;
    let mut portal = DemoPortal::start(&bench.programs, Setup::of_rows(rows), &folder)?;
    let (rows, deals) = portal.size(None)?;
    say(&format!("{name}: {rows} rows of {deals} deals"));
    let source = Place::File.fresh(bench, &folder, "source")?;
    let mut whole = into(bench, &mut portal, &source)?;
    if matches!(place, Place::Server(_)) {
        let target = place.fresh(bench, &folder, "whole")?;
        whole = into(bench, &mut portal, &target)?;
        target.remove()?;
    }
    let reading = read_alone(bench, &mut portal, &folder)?;
    let mut writing: Option<(u32, Alone)> = None;
    for step in STEPS {
        let target = place.fresh(bench, &folder, "alone")?;
        let alone = write_alone(bench, &source, &target, step)?;
        target.remove()?;
        if writing.is_none_or(|(_, best)| alone.seconds < best.seconds) {
            writing = Some((step, alone));
        }
    }
    let (step, writing) = writing.context("there is at least one step")?;
    source.remove()?;
    tell(found, name, place, whole, reading, writing);
    found.fact(
        name,
        json!({
            "whole": whole.to_json(),
            "reading_alone": {
                "seconds": reading.seconds,
                "cpu_seconds": reading.cpu,
                "connections": CONNECTIONS,
            },
            "writing_alone": {
                "seconds": writing.seconds,
                "cpu_seconds": writing.cpu,
                "rows_a_step": step,
            },
        }),
    );
    Ok(())
}

fn tell(found: &mut Findings, name: &str, place: &Place, whole: Upload, reading: Alone, writing: Alone) {
    let rows = real(whole.rows);
    let rate = Figure::new(
        format!("{name}: verified rows a second"),
        whole.rows_per_second(),
        Unit::RowsPerSecond,
    );
    found.add(match place {
        Place::File => rate.expected(Target::AtLeast(INTO_SQLITE)),
        Place::Server(_) => rate,
    });
    for (what, alone) in [("reading", reading), ("writing", writing)] {
        found.add(Figure::new(
            format!("{name}: {what} alone"),
            rows / alone.seconds,
            Unit::RowsPerSecond,
        ));
    }
    let slower = reading.seconds.max(writing.seconds);
    found.add(
        Figure::new(
            format!("{name}: the whole run's time over the slower of the two"),
            whole.wall / slower,
            Unit::Ratio,
        )
        .expected(Target::AtMost(OVER_ALONE)),
    );
    let per_million = |cpu: f64| cpu / rows * 1e6;
    found.add(Figure::new(
        format!("{name}: processor time for a million rows"),
        whole.cpu_per_million(),
        Unit::CpuSecondsPerMillion,
    ));
    for (what, alone) in [("reading", reading), ("writing", writing)] {
        found.add(Figure::new(
            format!("{name}: the same, {what} alone"),
            per_million(alone.cpu),
            Unit::CpuSecondsPerMillion,
        ));
    }
    found.add(Figure::new(
        format!("{name}: the run's processor time over that of both alone"),
        whole.cpu / (reading.cpu + writing.cpu),
        Unit::Ratio,
    ));
}

fn into(bench: &Bench, portal: &mut DemoPortal, target: &Fresh<'_>) -> Result<Upload> {
    let job = Job {
        folder: &target.folder,
        target: &target.url,
        pipeline: None,
    };
    upload(&bench.programs, portal, &job)
}

/// The bare reader over the same portal. It must have been given every row and every deal, but for the few deals that nobody
/// may read.
fn read_alone(bench: &Bench, portal: &mut DemoPortal, folder: &Path) -> Result<Alone> {
    let (rows, deals) = portal.size(None)?;
    let least = rows + deals * 99 / 100;
    let before = portal.stats()?.rows;
    let mut command = program(&bench.programs.example("bare_reader"), folder);
    command
        .arg(portal.webhook())
        .arg("windows")
        .arg(CONNECTIONS.to_string());
    let ended = run_to_end(&mut command, &folder.join("reader.log"))?;
    let given = portal.stats()?.rows - before;
    ensure!(
        given >= least,
        "the bare reader was given {given} rows and deals, of {rows} and {deals}"
    );
    Ok(Alone {
        seconds: ended.wall.as_secs_f64(),
        cpu: ended.cpu.as_secs_f64(),
    })
}

/// What the bare writer tells.
#[derive(Debug, Deserialize)]
struct Told {
    seconds: f64,
    cpu_seconds: f64,
}

fn write_alone(bench: &Bench, source: &Fresh<'_>, target: &Fresh<'_>, step: u32) -> Result<Alone> {
    let file = source.folder.join("target.sqlite");
    let arguments = ["write", &file.to_string_lossy(), &step.to_string()];
    let told = bare_writer(bench, &target.folder, &target.url, &arguments)?;
    let told: Told = serde_json::from_str(&told).context("the bare writer printed something else")?;
    Ok(Alone {
        seconds: told.seconds,
        cpu: told.cpu_seconds,
    })
}
