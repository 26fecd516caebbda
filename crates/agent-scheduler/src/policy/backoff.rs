//! How long a failed agent waits, and when it is parked.

use std::time::Duration;

/// A delay that doubles from `first` to `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The delay after the first failure.
    pub first: Duration,
    /// The longest delay.
    pub max: Duration,
}

impl Default for Backoff {
    /// From one second to five minutes.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            max: Duration::from_secs(300),
        }
    }
}

impl Backoff {
    /// The delay after `failures` failures in a row (0 counts as 1), before jitter.
    pub fn full(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.first.saturating_mul(1_u32 << doublings).min(self.max)
    }

    /// The delay after `failures` failures in a row: between half of [`full`](Self::full) and the whole of it, so that
    /// agents that failed together do not come back together. `jitter` is uniform in `0.0..1.0`.
    pub fn delay(&self, failures: u32, jitter: f64) -> Duration {
        let share = if jitter.is_finite() {
            jitter.clamp(0.0, 1.0)
        } else {
            0.0
        };
        self.full(failures).mul_f64(1.0 - share / 2.0)
    }
}

/// How failures are answered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    /// The growing delay.
    pub backoff: Backoff,
    /// After how many failures of a permanent kind an agent is parked; 0 counts as 1.
    pub park_after: u32,
    /// This failure's jitter, uniform in `0.0..1.0`.
    pub jitter: f64,
}

impl Retry {
    /// Whether an agent that has failed `permanent_failures` times in a way that does not pass is parked.
    pub fn parks(&self, permanent_failures: u32) -> bool {
        permanent_failures >= self.park_after.max(1)
    }
}
