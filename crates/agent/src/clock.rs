//! Time, injected.

use chrono::{DateTime, Utc};

/// Tells the time of day. Everything durable that depends on time takes it from here, so that tests and
/// simulations decide what time it is.
pub trait Clock: Send + Sync + 'static {
    /// The present instant. It may step back, when the machine's clock is set; callers must not take two readings for a
    /// duration that is never negative.
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock: the one place where the program reads it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the clock's home")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}
