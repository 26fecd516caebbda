//! The demo portal as a process, and what it tells of the programs that read from it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::ceiling::Limits;
use super::child::{Background, program};
use super::machine::resident_of;
use super::programs::Programs;
use super::time::now;

/// How many rows a made-up deal has, about: enough to choose a size. What there really is, the portal tells.
pub(crate) const ROWS_A_DEAL: f64 = 5.2;

/// How a portal starts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Setup {
    pub(crate) deals: u32,
    /// `None` for a self-hosted portal without limits.
    pub(crate) limits: Option<Limits>,
    /// The share of deals in the pipeline [`RARE`].
    pub(crate) rare_share: Option<f64>,
}

impl Setup {
    /// A self-hosted portal with about so many rows.
    pub(crate) fn of_rows(rows: u32) -> Self {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "some millions"
        )]
        let deals = (f64::from(rows) / ROWS_A_DEAL) as u32;
        Self {
            deals,
            ..Self::default()
        }
    }
}

/// The pipeline of [`Setup::rare_share`].
pub(crate) const RARE: u32 = 1;

/// A portal that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct DemoPortal {
    process: Background,
    webhook: String,
    address: String,
    limits: Option<Limits>,
    data: Data,
    /// From its start to its first word.
    pub(crate) ready_after: Duration,
    /// Its memory when it has made its data.
    pub(crate) resident_bytes: u64,
}

/// What the portal did, as it tells it. Moments are in seconds after its start.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Stats {
    pub(crate) requests: u64,
    pub(crate) calls: u64,
    pub(crate) rows: u64,
    pub(crate) refused: u64,
    pub(crate) first_request: Option<f64>,
    pub(crate) last_answer: Option<f64>,
}

/// How much data the portal has.
#[derive(Debug, Deserialize)]
struct Data {
    rows: u64,
    deals: u64,
    pipelines: Vec<Pipeline>,
}

#[derive(Debug, Deserialize)]
struct Pipeline {
    id: u32,
    rows: u64,
    deals: u64,
}

impl DemoPortal {
    pub(crate) fn start(programs: &Programs, setup: Setup, folder: &Path) -> Result<Self> {
        let mut command = program(&programs.stage_exchange(), folder);
        command
            .args(["portal", "--listen", "127.0.0.1:0", "--deals"])
            .arg(setup.deals.to_string());
        if let Some(share) = setup.rare_share {
            command.arg("--rare-share").arg(share.to_string());
        }
        if let Some(limits) = setup.limits {
            command
                .arg("--requests-per-second")
                .arg(limits.requests_per_second.to_string())
                .arg("--burst")
                .arg(limits.burst.to_string())
                .arg("--operating-limit")
                .arg(limits.operating_seconds.to_string())
                .arg("--page-time")
                .arg(format!("{}ms", limits.page_time.as_millis()));
        }
        let started = now();
        let mut process = Background::start(&mut command, &folder.join("portal.log"))?;
        let line = process.line()?;
        let ready_after = started.elapsed();
        let webhook = line
            .strip_prefix("webhook ")
            .context("the portal's first line names no webhook")?
            .to_owned();
        let address = webhook
            .split('/')
            .nth(2)
            .context("the portal's webhook has no address")?
            .to_owned();
        let resident_bytes = resident_of(process.id())?;
        let data = get(&address, "data")?;
        Ok(Self {
            process,
            webhook,
            address,
            limits: setup.limits,
            data,
            ready_after,
            resident_bytes,
        })
    }

    pub(crate) fn webhook(&self) -> &str {
        &self.webhook
    }

    pub(crate) fn limits(&self) -> Option<Limits> {
        self.limits
    }

    /// How many rows these pipelines have, and how many deals they belong to; no pipeline stands for all.
    pub(crate) fn size(&self, pipeline: Option<u32>) -> Result<(u64, u64)> {
        let Some(id) = pipeline else {
            return Ok((self.data.rows, self.data.deals));
        };
        let found = self.data.pipelines.iter().find(|pipeline| pipeline.id == id);
        let found = found.with_context(|| format!("the portal has no pipeline {id}"))?;
        Ok((found.rows, found.deals))
    }

    pub(crate) fn stats(&mut self) -> Result<Stats> {
        self.process.check()?;
        get(&self.address, "stats")
    }
}

fn get<T: serde::de::DeserializeOwned>(address: &str, what: &str) -> Result<T> {
    let url = format!("http://{address}/demo/{what}");
    let mut answer = ureq::get(&url)
        .call()
        .with_context(|| format!("the portal does not answer at {url}"))?;
    let text = answer
        .body_mut()
        .read_to_string()
        .with_context(|| format!("the portal's answer at {url} breaks off"))?;
    serde_json::from_str(&text).with_context(|| format!("the portal's answer at {url} is not as expected"))
}
