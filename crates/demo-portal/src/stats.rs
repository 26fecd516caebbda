//! Counting what the portal did.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

/// What a portal did since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// HTTP requests, refused and spoilt ones included.
    pub requests: u64,
    /// Calls of methods, those inside batches included and the batches themselves not.
    pub calls: u64,
    /// Rows that lists gave, of whatever kind.
    pub rows: u64,
    /// Requests refused by the request limit and calls refused by the operating limit.
    pub refused: u64,
    /// Answers replaced by a fault or held back by one.
    pub faults: u64,
    /// Changes that raised an event, whatever became of it.
    pub events_raised: u64,
    /// Events never sent: lost on purpose, or raised while too many waited.
    pub events_dropped: u64,
    /// Events that were to be sent twice; both times count as sent or failed.
    pub events_doubled: u64,
    /// Events the handler answered with a status of success.
    pub events_sent: u64,
    /// Events the handler refused, did not answer, or could not be reached for. They are not sent again.
    pub events_failed: u64,
    /// When the first request came, counted from the portal's start; `None` before it.
    pub first_request: Option<Duration>,
    /// When the latest answer was ready to be sent, counted from the portal's start; `None` before the first.
    pub last_answer: Option<Duration>,
}

/// The counters behind [`Stats`]; clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Counters(Arc<Cells>);

#[derive(Debug)]
struct Cells {
    began: Instant,
    first_request: OnceLock<Duration>,
    /// Microseconds after the beginning; 0 before the first answer.
    last_answer: AtomicU64,
    requests: AtomicU64,
    calls: AtomicU64,
    rows: AtomicU64,
    refused: AtomicU64,
    faults: AtomicU64,
    events_raised: AtomicU64,
    events_dropped: AtomicU64,
    events_doubled: AtomicU64,
    events_sent: AtomicU64,
    events_failed: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        Self(Arc::new(Cells {
            began: Instant::now(),
            first_request: OnceLock::new(),
            last_answer: AtomicU64::default(),
            requests: AtomicU64::default(),
            calls: AtomicU64::default(),
            rows: AtomicU64::default(),
            refused: AtomicU64::default(),
            faults: AtomicU64::default(),
            events_raised: AtomicU64::default(),
            events_dropped: AtomicU64::default(),
            events_doubled: AtomicU64::default(),
            events_sent: AtomicU64::default(),
            events_failed: AtomicU64::default(),
        }))
    }
}

impl Counters {
    pub(crate) fn request(&self) {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        self.0.first_request.get_or_init(|| self.0.began.elapsed());
    }

    pub(crate) fn answer(&self) {
        let after = u64::try_from(self.0.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.0.last_answer.fetch_max(after.max(1), Ordering::Relaxed);
    }

    pub(crate) fn rows(&self, rows: usize) {
        let rows = u64::try_from(rows).unwrap_or(u64::MAX);
        self.0.rows.fetch_add(rows, Ordering::Relaxed);
    }

    pub(crate) fn call(&self) {
        self.0.calls.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn fault(&self) {
        self.0.faults.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn event_raised(&self) {
        self.0.events_raised.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn event_dropped(&self) {
        self.0.events_dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn event_doubled(&self) {
        self.0.events_doubled.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn event_sent(&self) {
        self.0.events_sent.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn event_failed(&self) {
        self.0.events_failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Stats {
        let read = |cell: &AtomicU64| cell.load(Ordering::Relaxed);
        Stats {
            requests: read(&self.0.requests),
            calls: read(&self.0.calls),
            rows: read(&self.0.rows),
            refused: read(&self.0.refused),
            faults: read(&self.0.faults),
            events_raised: read(&self.0.events_raised),
            events_dropped: read(&self.0.events_dropped),
            events_doubled: read(&self.0.events_doubled),
            events_sent: read(&self.0.events_sent),
            events_failed: read(&self.0.events_failed),
            first_request: self.0.first_request.get().copied(),
            last_answer: Some(read(&self.0.last_answer))
                .filter(|after| *after > 0)
                .map(Duration::from_micros),
        }
    }
}
