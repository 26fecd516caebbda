//! What all parts of a simulation share: the trace, the violations, the counts, and whether faults are over.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// Lines of the trace that are kept for a report. All of them go into its hash.
const KEPT_LINES: usize = 80;

/// What all parts share.
#[derive(Debug)]
pub(crate) struct World {
    begun: Instant,
    trace: Mutex<Trace>,
    whole: bool,
    violations: Mutex<Vec<String>>,
    counts: Mutex<BTreeMap<&'static str, u64>>,
    calm: AtomicBool,
    sequence: AtomicU64,
}

#[derive(Debug, Default)]
struct Trace {
    hasher: DefaultHasher,
    lines: VecDeque<String>,
}

impl World {
    /// A world at its beginning; `whole` keeps every line of the trace.
    pub(crate) fn new(whole: bool) -> Self {
        Self {
            begun: Instant::now(),
            trace: Mutex::default(),
            whole,
            violations: Mutex::default(),
            counts: Mutex::default(),
            calm: AtomicBool::new(false),
            sequence: AtomicU64::new(0),
        }
    }

    /// Notes what happened.
    pub(crate) fn note(&self, what: impl FnOnce() -> String) {
        let line = format!("{:>9.3} {}", self.begun.elapsed().as_secs_f64(), what());
        let mut trace = lock(&self.trace);
        trace.hasher.write(line.as_bytes());
        if trace.lines.len() >= KEPT_LINES && !self.whole {
            trace.lines.pop_front();
        }
        trace.lines.push_back(line);
    }

    /// Lets bytes count for the hash of the trace without showing them.
    pub(crate) fn note_bytes(&self, bytes: &[u8]) {
        lock(&self.trace).hasher.write(bytes);
    }

    /// A promise was broken.
    pub(crate) fn violate(&self, what: impl Into<String>) {
        let what = what.into();
        self.note(|| format!("VIOLATION: {what}"));
        let mut violations = lock(&self.violations);
        // The first one counts; what follows from it would only fill the report.
        if violations.len() < 10 {
            violations.push(what);
        }
    }

    /// Whether a promise was broken.
    pub(crate) fn is_violated(&self) -> bool {
        !lock(&self.violations).is_empty()
    }

    /// The broken promises.
    pub(crate) fn violations(&self) -> Vec<String> {
        lock(&self.violations).clone()
    }

    /// Counts something for the summary.
    pub(crate) fn count(&self, what: &'static str) {
        self.count_many(what, 1);
    }

    /// Counts so many of something for the summary.
    pub(crate) fn count_many(&self, what: &'static str, many: u64) {
        if many > 0 {
            *lock(&self.counts).entry(what).or_default() += many;
        }
    }

    /// What was counted.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.counts).clone()
    }

    /// From now on nothing fails any more.
    pub(crate) fn calm_down(&self) {
        self.note(|| "faults are over".to_owned());
        self.calm.store(true, Ordering::Relaxed);
    }

    /// Whether faults are over.
    pub(crate) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    /// The next number in the order of everything.
    pub(crate) fn next(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed)
    }

    /// The hash of the whole trace, and its lines as far as they are kept.
    pub(crate) fn trace(&self) -> (u64, Vec<String>) {
        let trace = lock(&self.trace);
        (trace.hasher.finish(), trace.lines.iter().cloned().collect())
    }

    /// Simulated time since the beginning.
    pub(crate) fn elapsed(&self) -> std::time::Duration {
        self.begun.elapsed()
    }
}

/// Nothing panics half-way through a change under these locks.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
