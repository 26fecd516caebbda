//! The clock of the measurements: the one place in this crate that looks at it.

use std::time::{Duration, Instant};

/// Now.
#[allow(
    clippy::disallowed_methods,
    reason = "this program measures real time and has no tokio"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Waits.
#[allow(clippy::disallowed_methods, reason = "there is nothing else to do meanwhile")]
pub(crate) fn sleep(duration: Duration) {
    std::thread::sleep(duration);
}
