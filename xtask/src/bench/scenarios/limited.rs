//! Portals with limits: what is achieved over what the limits allow.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::bench::ceiling::{Ceiling, Limits, real};
use crate::bench::figure::{Figure, Target, Unit};
use crate::bench::portal::{DemoPortal, RARE, ROWS_A_DEAL, Setup};
use crate::bench::report::Findings;
use crate::bench::upload::{Job, Upload, upload};
use crate::bench::{Bench, say};

/// One row in this many is wanted in the sparse scenario.
const RARE_SHARE: f64 = 0.05;

/// An upload under limits, with its ceiling.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limited {
    pub(crate) deals_made: u32,
    pub(crate) upload: Upload,
    pub(crate) ceiling: Ceiling,
    /// Seconds from the first request to the last answer.
    pub(crate) span: f64,
}

impl Limited {
    fn measure(bench: &Bench, name: &str, setup: Setup, pipeline: Option<u32>) -> Result<Self> {
        let limits = setup.limits.context("a scenario with limits")?;
        let folder = bench.work(name)?;
        let mut portal = DemoPortal::start(&bench.programs, setup, &folder)?;
        let (rows, deals) = portal.size(pipeline)?;
        let ceiling = limits.ceiling(rows, deals);
        ensure!(
            ceiling.seconds() > 0.0,
            "{rows} rows fit into the burst: nothing would be measured"
        );
        say(&format!(
            "{rows} rows of {deals} deals: at least {} requests and {:.1} s",
            ceiling.requests,
            ceiling.seconds()
        ));
        let target = format!("sqlite:{}", folder.join("target.sqlite").display());
        let job = Job {
            folder: &folder,
            target: &target,
            pipeline,
        };
        let upload = upload(&bench.programs, &mut portal, &job)?;
        Ok(Self {
            deals_made: setup.deals,
            upload,
            ceiling,
            span: upload.span.context("the portal was asked before")?,
        })
    }

    pub(crate) fn rows_per_second(&self) -> f64 {
        real(self.upload.rows) / self.span
    }

    fn findings(&self, least: f64) -> Findings {
        let mut found = Findings::default();
        found.add(Figure::new(
            "rows a second, first request to last answer",
            self.rows_per_second(),
            Unit::RowsPerSecond,
        ));
        found.add(Figure::new(
            "ceiling by the limits",
            real(self.upload.rows) / self.ceiling.seconds(),
            Unit::RowsPerSecond,
        ));
        found.add(
            Figure::new(
                "achieved over ceiling",
                self.ceiling.seconds() / self.span,
                Unit::Ratio,
            )
            .expected(Target::AtLeast(least)),
        );
        found.add(Figure::new(
            "the same by the whole command's time",
            self.ceiling.seconds() / self.upload.wall,
            Unit::Ratio,
        ));
        found.add(Figure::new(
            "requests over the fewest possible",
            real(self.upload.requests) / real(self.ceiling.requests),
            Unit::Ratio,
        ));
        found.add(
            Figure::new("refusals", real(self.upload.refused), Unit::Count).expected(Target::AtMost(0.0)),
        );
        found.fact("upload", self.upload.to_json());
        found.fact(
            "ceiling",
            json!({
                "history_pages": self.ceiling.history_pages,
                "deal_pages": self.ceiling.deal_pages,
                "requests": self.ceiling.requests,
                "seconds_by_requests": self.ceiling.by_requests,
                "seconds_by_operating": self.ceiling.by_operating,
            }),
        );
        found
    }
}

/// The run of the cloud's plan: measured once, for whoever asks first.
pub(crate) fn cloud_run(bench: &Bench) -> Result<Limited> {
    if let Some(run) = bench.cloud.get() {
        return Ok(*run);
    }
    let limits = Limits::CLOUD;
    let setup = Setup {
        deals: limits.deals_for(bench.size(180.0, 12.0), ROWS_A_DEAL),
        limits: Some(limits),
        ..Setup::default()
    };
    let run = Limited::measure(bench, "cloud", setup, None)?;
    Ok(*bench.cloud.get_or_init(|| run))
}

pub(crate) fn cloud(bench: &Bench) -> Result<Findings> {
    Ok(cloud_run(bench)?.findings(0.97))
}

pub(crate) fn enterprise(bench: &Bench) -> Result<Findings> {
    let limits = Limits::ENTERPRISE;
    let setup = Setup {
        // Beyond 57 s the history's run time would come to 95% of its 480 s, which is another limit than the one that is measured here.
        deals: limits.deals_for(bench.size(56.0, 8.0), ROWS_A_DEAL),
        limits: Some(limits),
        ..Setup::default()
    };
    Ok(Limited::measure(bench, "enterprise", setup, None)?.findings(0.97))
}

pub(crate) fn sparse(bench: &Bench) -> Result<Findings> {
    let limits = Limits::CLOUD;
    let wanted = f64::from(limits.deals_for(bench.size(95.0, 8.0), ROWS_A_DEAL));
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "some millions"
    )]
    let setup = Setup {
        deals: (wanted / RARE_SHARE) as u32,
        limits: Some(limits),
        rare_share: Some(RARE_SHARE),
    };
    let mut found = Limited::measure(bench, "sparse", setup, Some(RARE))?.findings(0.92);
    found.fact("share_of_deals_wanted", RARE_SHARE);
    Ok(found)
}
