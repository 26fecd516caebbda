//! What the scheduler decides, as pure functions: how long to wait after a failure and when to give up
//! ([`backoff`]), and who goes first ([`order`]).

pub mod backoff;
pub mod order;

pub use backoff::{Backoff, Retry};
pub use order::{HEAD_START, rank_at};

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// `duration` after `time`; the end of time when there is no such instant.
pub(crate) fn after(time: DateTime<Utc>, duration: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(duration)
        .ok()
        .and_then(|delta| time.checked_add_signed(delta))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests;
