//! Many seeds, on all cores.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::run::{Error, Report, run};
use crate::world::lock;

/// Failing seeds that are kept whole.
const KEPT: usize = 5;

/// What many seeds came to.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// How many seeds were run.
    pub seeds: u64,
    /// Simulated time of all of them.
    pub simulated: Duration,
    /// The longest time from the end of the faults until the tables were true.
    pub slowest_recovery: Duration,
    /// What was counted in all of them.
    pub counts: BTreeMap<&'static str, u64>,
    /// The seeds that broke a promise.
    pub failed: Vec<u64>,
    /// The reports of the first few of them.
    pub reports: Vec<Report>,
}

impl Summary {
    fn add(&mut self, report: Report) {
        self.seeds += 1;
        self.simulated += report.simulated;
        self.slowest_recovery = self.slowest_recovery.max(report.recovered_in);
        for (what, count) in &report.counts {
            *self.counts.entry(what).or_default() += count;
        }
        if !report.is_good() {
            self.failed.push(report.seed);
            if self.reports.len() < KEPT {
                self.reports.push(report);
            }
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for report in &self.reports {
            writeln!(f, "{report}\n")?;
        }
        writeln!(
            f,
            "{} seeds, {:.1} simulated days, slowest recovery {} s",
            self.seeds,
            self.simulated.as_secs_f64() / 86_400.0,
            self.slowest_recovery.as_secs()
        )?;
        for (what, count) in &self.counts {
            writeln!(f, "  {count:>9}  {what}")?;
        }
        if self.failed.is_empty() {
            write!(f, "every promise was kept")
        } else {
            write!(
                f,
                "{} seeds broke a promise: {:?}",
                self.failed.len(),
                self.failed
            )
        }
    }
}

/// Runs these seeds on so many threads. `after` is told of each seed that was run, and stops the soak by answering `false`.
///
/// # Errors
/// When a simulation cannot be set up.
pub fn soak(
    seeds: Range<u64>,
    threads: usize,
    after: &(dyn Fn(&Report) -> bool + Sync),
) -> Result<Summary, Error> {
    let next = AtomicU64::new(seeds.start);
    let summary = Mutex::new(Summary::default());
    let failed: Mutex<Option<Error>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                let work = || -> Result<(), Error> {
                    let folder = tempfile::tempdir()?;
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= seeds.end {
                            return Ok(());
                        }
                        let report = run(seed, folder.path(), false)?;
                        if !after(&report) {
                            next.store(seeds.end, Ordering::Relaxed);
                        }
                        lock(&summary).add(report);
                    }
                };
                if let Err(error) = work() {
                    next.store(seeds.end, Ordering::Relaxed);
                    *lock(&failed) = Some(error);
                }
            });
        }
    });
    if let Some(error) = lock(&failed).take() {
        return Err(error);
    }
    let mut summary = std::mem::take(&mut *lock(&summary));
    summary.failed.sort_unstable();
    Ok(summary)
}
