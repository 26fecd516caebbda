//! What the HTTP side needs of the program: somebody who takes events, and somebody who knows how things are.

use agent::Failure;
use async_trait::async_trait;
use bitrix_client::OutgoingEvent;
use serde::Serialize;

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Accepted {
    /// So many pieces of work are durable for it; one that was pending already counts.
    Queued(usize),
    /// It is nobody's business.
    Unknown,
}

/// Takes events.
///
/// * `Ok` means that what the event asks for is durable: it survives a crash right after.
/// * Called from many requests at once, in no order; the same event may come more than once, also after an `Err` or
///   after a call that was dropped before it ended. So accepting MUST be idempotent.
/// * A call is dropped when the patience of its request is at its end. The event may be durable then, or not.
/// * It is called again after an `Err` of any kind, until that patience ends.
#[async_trait]
pub trait EventSink: Send + Sync + 'static {
    /// Makes durable what an event asks for. The event's token was right, and has been taken out.
    ///
    /// # Errors
    /// When the event could not be made durable.
    async fn accept(&self, event: &OutgoingEvent) -> Result<Accepted, Failure>;
}

/// One of the things that must be well for the program to be ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What is checked, in a word: `state`, `target`, `portal`.
    pub name: String,
    /// Whether it is well.
    pub ok: bool,
    /// What is wrong and what to do, in a sentence; empty when all is well. Anybody can read it: no secrets, no addresses
    /// that are nobody's business.
    pub reason: String,
}

impl Check {
    /// All is well.
    pub fn well(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ok: true,
            reason: String::new(),
        }
    }

    /// Something is wrong.
    pub fn wrong(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ok: false,
            reason: reason.into(),
        }
    }
}

/// Knows how things are.
///
/// Asked by anybody who reaches the server. Answers are reused for a second, and no two calls of a method run at once; one that
/// takes longer than 5 s is dropped.
#[async_trait]
pub trait HealthSource: Send + Sync + 'static {
    /// Everything that must be well for the program to be ready, well or not. Ready means all of it is; with nothing to
    /// check, it is ready.
    async fn readiness(&self) -> Vec<Check>;

    /// Sets the gauges that nobody sets as things happen: see [`metrics`](crate::metrics).
    async fn refresh_metrics(&self);
}
