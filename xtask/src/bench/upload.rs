//! One upload: `stage-exchange bulk history --wait` from a portal into a target, and what it took.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::ceiling::real;
use super::child::{program, run};
use super::portal::{DemoPortal, Stats};
use super::programs::Programs;

/// What is to be brought where.
pub(crate) struct Job<'a> {
    /// Where the program's state and its log go.
    pub(crate) folder: &'a Path,
    /// The target; it must have no rows.
    pub(crate) target: &'a str,
    /// Only this pipeline.
    pub(crate) pipeline: Option<u32>,
}

/// What an upload took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Upload {
    pub(crate) rows: u64,
    /// Deals that the rows belong to.
    pub(crate) deals: u64,
    /// Seconds of the whole command.
    pub(crate) wall: f64,
    /// Seconds from its first request to the last answer, by the portal's clock; of a portal that served nobody before.
    pub(crate) span: Option<f64>,
    pub(crate) cpu: f64,
    pub(crate) peak_bytes: u64,
    pub(crate) requests: u64,
    pub(crate) calls: u64,
    pub(crate) refused: u64,
}

impl Upload {
    pub(crate) fn rows_per_second(&self) -> f64 {
        real(self.rows) / self.wall
    }

    pub(crate) fn cpu_per_million(&self) -> f64 {
        self.cpu / real(self.rows) * 1e6
    }

    pub(crate) fn peak_mib(&self) -> f64 {
        real(self.peak_bytes) / 1024.0 / 1024.0
    }

    pub(crate) fn to_json(self) -> Value {
        json!({
            "rows": self.rows,
            "deals": self.deals,
            "wall_seconds": self.wall,
            "first_request_to_last_answer_seconds": self.span,
            "cpu_seconds": self.cpu,
            "peak_bytes": self.peak_bytes,
            "requests": self.requests,
            "calls": self.calls,
            "refused": self.refused,
        })
    }
}

/// The JSON that `bulk` prints.
#[derive(Debug, Deserialize)]
struct Told {
    rows: u64,
    counts: Counts,
}

#[derive(Debug, Deserialize)]
struct Counts {
    inserted: u64,
}

/// The program with its settings for a portal and a target, before its command. Credentials go through its environment, where no
/// list of processes shows them.
pub(crate) fn stage_exchange(
    programs: &Programs,
    portal: &DemoPortal,
    folder: &Path,
    target: &str,
) -> std::process::Command {
    let mut command = program(&programs.stage_exchange(), folder);
    let (rate, burst, operating) = portal.limits().map_or((0.0, 1, 0.0), |limits| {
        (limits.requests_per_second, limits.burst, limits.operating_seconds)
    });
    command
        .env("STAGE_EXCHANGE_PORTAL__WEBHOOK_URL", portal.webhook())
        .env("STAGE_EXCHANGE_PORTAL__REQUESTS_PER_SECOND", format!("{rate:?}"))
        .env("STAGE_EXCHANGE_PORTAL__BURST", burst.to_string())
        .env(
            "STAGE_EXCHANGE_PORTAL__OPERATING_LIMIT_SECONDS",
            format!("{operating:?}"),
        )
        .env("STAGE_EXCHANGE_TARGET__URL", target)
        .env("STAGE_EXCHANGE_STATE__PATH", folder.join("state.sqlite"));
    command
}

/// Runs an upload to its end and checks that every row came.
///
/// # Errors
/// When it fails, or the rows are not those of the portal.
pub(crate) fn upload(programs: &Programs, portal: &mut DemoPortal, job: &Job<'_>) -> Result<Upload> {
    let (rows, deals) = portal.size(job.pipeline)?;
    let before = portal.stats()?;
    let mut command = stage_exchange(programs, portal, job.folder, job.target);
    if let Some(pipeline) = job.pipeline {
        command.env("STAGE_EXCHANGE_PORTAL__PIPELINES", format!("[{pipeline}]"));
    }
    command.args(["bulk", "history", "--wait", "--json"]);
    let ended = run(&mut command, &job.folder.join("bulk.log"))?;
    let after = portal.stats()?;
    let told: Told = serde_json::from_str(&ended.stdout).context("bulk --json printed something else")?;
    ensure!(
        told.rows == rows && told.counts.inserted == rows,
        "the portal has {rows} rows; the upload brought {} and inserted {}: is the target not empty?",
        told.rows,
        told.counts.inserted
    );
    Ok(Upload {
        rows,
        deals,
        wall: ended.wall.as_secs_f64(),
        span: span(&before, &after),
        cpu: ended.cpu.as_secs_f64(),
        peak_bytes: ended.peak_bytes,
        requests: after.requests - before.requests,
        calls: after.calls - before.calls,
        refused: after.refused - before.refused,
    })
}

fn span(before: &Stats, after: &Stats) -> Option<f64> {
    match (before.first_request, after.first_request, after.last_answer) {
        (None, Some(first), Some(last)) => Some(last - first),
        _ => None,
    }
}
