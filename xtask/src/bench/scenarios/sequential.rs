//! Ours beside what most scripts do, page after page, and beside the old module's pace.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::json;

use super::limited::cloud_run;
use crate::bench::ceiling::{Limits, real};
use crate::bench::child::{program, run as run_to_end};
use crate::bench::figure::{Figure, Unit};
use crate::bench::portal::{DemoPortal, Setup};
use crate::bench::report::Findings;
use crate::bench::{Bench, say};

/// The old module wrote 50 rows every 2 minutes; this is arithmetic, not a measurement.
const OLD_ROWS_PER_SECOND: f64 = 50.0 / 120.0;
/// Rows on a page.
const PAGE: f64 = 50.0;

/// What the bare reader tells of reading one page after another.
#[derive(Debug, Deserialize)]
struct Told {
    seconds: f64,
    pages: u32,
    refused: u32,
    /// Pages before the first refusal, and when it came.
    burst_pages: Option<u32>,
    burst_seconds: Option<f64>,
}

pub(crate) fn run(bench: &Bench) -> Result<Findings> {
    let ours = cloud_run(bench)?;
    let folder = bench.work("sequential")?;
    let setup = Setup {
        deals: ours.deals_made,
        limits: Some(Limits::CLOUD),
        ..Setup::default()
    };
    let portal = DemoPortal::start(&bench.programs, setup, &folder)?;
    let pages: u32 = Limits::CLOUD.burst + bench.size(150, 40);
    say(&format!("{pages} pages one after another"));
    let mut command = program(&bench.programs.example("bare_reader"), &folder);
    command
        .arg(portal.webhook())
        .arg("sequential")
        .arg(pages.to_string());
    let ended = run_to_end(&mut command, &folder.join("reader.log"))?;
    let told: Told = serde_json::from_str(&ended.stdout).context("the reader printed something else")?;
    let (burst_pages, burst_seconds) = told
        .burst_pages
        .zip(told.burst_seconds)
        .context("the reader was never refused, so its steady rate is not known")?;
    ensure!(
        told.pages > burst_pages,
        "the reader read no page at its steady rate"
    );

    let steady = f64::from(told.pages - burst_pages) / (told.seconds - burst_seconds);
    // Rows and then deals, page by page; both lists are read whole.
    let whole = (real(ours.upload.rows) / PAGE).ceil() + (real(ours.upload.deals) / PAGE).ceil();
    let seconds = burst_seconds + (whole - f64::from(burst_pages)).max(0.0) / steady;
    let theirs = real(ours.upload.rows) / seconds;

    let mut found = Findings::default();
    found.add(Figure::new(
        "page after page, extrapolated from its steady rate",
        theirs,
        Unit::RowsPerSecond,
    ));
    found.add(Figure::new(
        "ours, same portal and limits",
        ours.rows_per_second(),
        Unit::RowsPerSecond,
    ));
    found.add(Figure::new(
        "ours over page after page",
        ours.rows_per_second() / theirs,
        Unit::Ratio,
    ));
    found.add(Figure::new(
        "ours over the old module's 50 rows in 2 minutes",
        ours.rows_per_second() / OLD_ROWS_PER_SECOND,
        Unit::Count,
    ));
    found.fact(
        "page_after_page",
        json!({
            "pages_read": told.pages,
            "seconds": told.seconds,
            "refused": told.refused,
            "pages_before_the_first_refusal": burst_pages,
            "seconds_before_the_first_refusal": burst_seconds,
            "steady_pages_per_second": steady,
            "pages_of_the_whole": whole,
            "seconds_of_the_whole_extrapolated": seconds,
        }),
    );
    found.fact("old_module_rows_per_second_by_arithmetic", OLD_ROWS_PER_SECOND);
    Ok(found)
}
