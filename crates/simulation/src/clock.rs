//! The machine's clock: it goes along with simulated time, and people set it.

use std::sync::atomic::{AtomicI64, Ordering};

use agent::Clock;
use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

/// When every simulation begins, by a clock that is right: 2025-11-03T09:00:00Z.
pub(crate) const BEGIN: i64 = 1_762_160_400;

/// The clock on the wall. Waiting goes by tokio's time, which never jumps.
#[derive(Debug)]
pub(crate) struct WallClock {
    begun: Instant,
    wrong_by_ms: AtomicI64,
}

impl WallClock {
    /// A clock that is right.
    pub(crate) fn new() -> Self {
        Self {
            begun: Instant::now(),
            wrong_by_ms: AtomicI64::new(0),
        }
    }

    /// Sets it, so that it is wrong by so many seconds.
    pub(crate) fn set_wrong_by(&self, seconds: i64) {
        self.wrong_by_ms
            .store(seconds.saturating_mul(1000), Ordering::Relaxed);
    }
}

impl Clock for WallClock {
    fn now(&self) -> DateTime<Utc> {
        let wrong = TimeDelta::milliseconds(self.wrong_by_ms.load(Ordering::Relaxed));
        DateTime::from_timestamp(BEGIN, 0).unwrap_or_default() + self.begun.elapsed() + wrong
    }
}
