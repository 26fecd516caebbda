//! `cargo xtask bench`: the program against what the portal's limits and this machine allow.
//!
//! Everything runs as processes of their own over loopback: the demo portal, the program, a database server, bare clients.
//! Each figure is computed from what this run measured, and compared with figures of the same run. `docs/performance.md` says what
//! is measured and how the ceilings are derived.

mod ceiling;
mod chart;
mod child;
mod figure;
mod machine;
mod portal;
mod programs;
mod report;
mod scenarios;
mod time;
mod upload;

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use self::machine::Machine;
use self::programs::Programs;
use self::report::{Entry, Report};
use self::scenarios::limited::Limited;
use crate::process::root;

/// Flags of `bench`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only these scenarios, with commas between them
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAME")]
    only: Vec<Scenario>,
    /// Smaller sizes, to see that everything works; the output says so
    #[arg(long)]
    quick: bool,
    /// Take the programs as they were built last
    #[arg(long)]
    no_build: bool,
    /// Where the JSON goes, instead of target/bench/bench.json
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,
    /// Where to write the table as Markdown
    #[arg(long, value_name = "PATH")]
    markdown: Option<PathBuf>,
    /// Fail when a target is not met; else only when a scenario could not be run
    #[arg(long)]
    strict: bool,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// The cloud's ordinary plan: achieved over ceiling
    Cloud,
    /// The cloud's Enterprise plan: achieved over ceiling
    Enterprise,
    /// One row in twenty is wanted: achieved over ceiling
    Sparse,
    /// No limits: rows and processor seconds, beside reading alone and writing alone
    SelfHosted,
    /// Peak memory at three sizes
    Memory,
    /// Page after page, as most scripts read, and the old module's pace
    Sequential,
    /// A minute of `run` with nothing to do
    Idle,
    /// 10,000 events at once
    Events,
}

impl Scenario {
    fn name(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
            Self::Enterprise => "enterprise",
            Self::Sparse => "sparse",
            Self::SelfHosted => "self-hosted",
            Self::Memory => "memory",
            Self::Sequential => "sequential",
            Self::Idle => "idle",
            Self::Events => "events",
        }
    }

    /// The examples it needs beside the program: package and name.
    fn examples(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::SelfHosted => &[
                ("mssql-testkit", "serve"),
                ("runner", "bare_reader"),
                ("runner", "bare_writer"),
            ],
            Self::Sequential => &[("runner", "bare_reader")],
            Self::Events => &[("admin-panel", "event_burst")],
            Self::Cloud | Self::Enterprise | Self::Sparse | Self::Memory | Self::Idle => &[],
        }
    }
}

/// What scenarios work with.
struct Bench {
    programs: Programs,
    folder: PathBuf,
    quick: bool,
    /// The run of the cloud's plan, which two scenarios need.
    cloud: OnceCell<Limited>,
}

impl Bench {
    /// One size for a whole run and a smaller one for `--quick`.
    fn size<T>(&self, whole: T, quick: T) -> T {
        if self.quick { quick } else { whole }
    }

    /// An empty folder for one measurement.
    fn work(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join("work").join(name);
        empty(&folder)?;
        Ok(folder)
    }
}

fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

/// Says what is being done.
fn say(what: &str) {
    eprintln!("  {what}");
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("bench needs Linux: it reads what processes use from /proc");
    }
    // Before the build, which would make any machine look busy.
    let machine = Machine::look();
    let chosen: Vec<Scenario> = Scenario::value_variants()
        .iter()
        .copied()
        .filter(|scenario| options.only.is_empty() || options.only.contains(scenario))
        .collect();
    let mut examples: Vec<_> = chosen
        .iter()
        .flat_map(|scenario| scenario.examples())
        .copied()
        .collect();
    examples.sort_unstable();
    examples.dedup();
    let programs = if options.no_build {
        Programs::built()?
    } else {
        Programs::build(&examples)?
    };
    let folder = root().join("target").join("bench");
    empty(&folder.join("work"))?;
    let bench = Bench {
        programs,
        folder,
        quick: options.quick,
        cloud: OnceCell::new(),
    };
    let mut report = Report {
        machine,
        quick: options.quick,
        entries: Vec::new(),
    };
    for scenario in chosen {
        let entry = measure(&bench, scenario);
        if let Err(error) = &entry.found {
            eprintln!("error: {}: {error:#}", entry.name);
        }
        report.entries.push(entry);
    }
    // Uploads of millions of rows are gigabytes.
    empty(&bench.folder.join("work"))?;
    write(&bench, options, &report)?;
    let failed = report.failed();
    if !failed.is_empty() {
        bail!("not every scenario ran to its end: {}", failed.join(", "));
    }
    let unmet = report.unmet();
    if options.strict && !unmet.is_empty() {
        bail!("not every target is met:\n  {}", unmet.join("\n  "));
    }
    Ok(())
}

fn measure(bench: &Bench, scenario: Scenario) -> Entry {
    let name = scenario.name();
    eprintln!("{name}");
    let started = time::now();
    let found = match scenario {
        Scenario::Cloud => scenarios::limited::cloud(bench),
        Scenario::Enterprise => scenarios::limited::enterprise(bench),
        Scenario::Sparse => scenarios::limited::sparse(bench),
        Scenario::SelfHosted => scenarios::self_hosted::run(bench),
        Scenario::Memory => scenarios::memory::run(bench),
        Scenario::Sequential => scenarios::sequential::run(bench),
        Scenario::Idle => scenarios::idle::run(bench),
        Scenario::Events => scenarios::events::run(bench),
    };
    if let Ok(found) = &found {
        for figure in &found.figures {
            say(&format!("{}: {}", figure.what, figure.written()));
        }
    }
    Entry {
        name,
        seconds: started.elapsed().as_secs_f64(),
        found,
    }
}

fn write(bench: &Bench, options: &Options, report: &Report) -> Result<()> {
    println!("{}", report.text());
    let json = match &options.json {
        Some(path) => path.clone(),
        None => bench.folder.join("bench.json"),
    };
    let text = serde_json::to_string_pretty(&report.to_json())?;
    fs::write(&json, text + "\n").with_context(|| format!("cannot write {}", json.display()))?;
    println!("JSON: {}", json.display());
    let chart = bench.folder.join("bench.svg");
    chart::draw(&chart, "What was reached of each target", report.figures())?;
    println!("chart: {}", chart.display());
    if let Some(path) = &options.markdown {
        fs::write(path, report.markdown()).with_context(|| format!("cannot write {}", path.display()))?;
        println!("Markdown: {}", path.display());
    }
    Ok(())
}
