//! Peak memory of an upload, at three sizes.

use anyhow::Result;

use crate::bench::ceiling::real;
use crate::bench::figure::{Figure, Target, Unit};
use crate::bench::portal::{DemoPortal, Setup};
use crate::bench::report::Findings;
use crate::bench::upload::{Job, upload};
use crate::bench::{Bench, say};

/// The most that is expected at any size, in MiB.
const MOST: f64 = 64.0;
/// The most that the largest size may take over the middle one, either way.
const APART: f64 = 1.10;

pub(crate) fn run(bench: &Bench) -> Result<Findings> {
    let sizes = bench.size([200_000, 1_000_000, 5_000_000], [20_000, 100_000, 200_000]);
    let mut found = Findings::default();
    let mut peaks = Vec::new();
    for rows in sizes {
        let folder = bench.work("memory")?;
        let mut portal = DemoPortal::start(&bench.programs, Setup::of_rows(rows), &folder)?;
        let (exactly, _) = portal.size(None)?;
        say(&format!(
            "{exactly} rows; the portal took {:.1} s and {:.0} MiB for them",
            portal.ready_after.as_secs_f64(),
            real(portal.resident_bytes) / 1024.0 / 1024.0
        ));
        let target = format!("sqlite:{}", folder.join("target.sqlite").display());
        let job = Job {
            folder: &folder,
            target: &target,
            pipeline: None,
        };
        let upload = upload(&bench.programs, &mut portal, &job)?;
        found.add(
            Figure::new(
                format!("peak memory at about {} rows", Thousands(rows)),
                upload.peak_mib(),
                Unit::Mebibytes,
            )
            .expected(Target::AtMost(MOST)),
        );
        found.fact(format!("about_{rows}_rows"), upload.to_json());
        peaks.push(upload.peak_mib());
    }
    if let [_, middle, largest] = peaks.as_slice() {
        found.add(
            Figure::new(
                "the larger over the smaller of the last two",
                (largest / middle).max(middle / largest),
                Unit::Ratio,
            )
            .expected(Target::AtMost(APART)),
        );
    }
    Ok(found)
}

/// A round number of thousands, written with a comma.
struct Thousands(u32);

impl std::fmt::Display for Thousands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let thousands = self.0 / 1000;
        match thousands / 1000 {
            0 => write!(f, "{thousands},000"),
            millions => write!(f, "{millions},{:03},000", thousands % 1000),
        }
    }
}
