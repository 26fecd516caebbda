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

    pub(crate) fn snapshot(&self) -> Stats {
        let read = |cell: &AtomicU64| cell.load(Ordering::Relaxed);
        Stats {
            requests: read(&self.0.requests),
            calls: read(&self.0.calls),
            refused: read(&self.0.refused),
            faults: read(&self.0.faults),
        }
    }
}
