//! Counting what the portal did.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a portal did since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// HTTP requests, refused and spoilt ones included.
    pub requests: u64,
    /// Calls of methods, those inside batches included and the batches themselves not.
    pub calls: u64,
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
}

/// The counters behind [`Stats`]; clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counters(Arc<Cells>);

#[derive(Debug, Default)]
struct Cells {
    requests: AtomicU64,
    calls: AtomicU64,
    refused: AtomicU64,
    faults: AtomicU64,
    events_raised: AtomicU64,
    events_dropped: AtomicU64,
    events_doubled: AtomicU64,
    events_sent: AtomicU64,
    events_failed: AtomicU64,
}

impl Counters {
    pub(crate) fn request(&self) {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
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
            refused: read(&self.0.refused),
            faults: read(&self.0.faults),
            events_raised: read(&self.0.events_raised),
            events_dropped: read(&self.0.events_dropped),
            events_doubled: read(&self.0.events_doubled),
            events_sent: read(&self.0.events_sent),
            events_failed: read(&self.0.events_failed),
        }
    }
}
