//! Waiting for what passes: a comparison of an hour must not be lost to a minute's absence of the portal.

use std::time::Duration;

use agent::{Failure, FailureKind};

/// The first wait, when the other side does not say how long.
const FIRST: Duration = Duration::from_millis(500);

/// The longest wait, when the other side does not say how long.
const LONGEST: Duration = Duration::from_secs(30);

/// How long to wait in all before something works again. A method of the portal that is over its run time comes back within ten
/// minutes.
const IN_ALL: Duration = Duration::from_secs(15 * 60);

/// How long was waited since something worked last.
#[derive(Debug, Default)]
pub(super) struct Patience {
    waited: Duration,
    next: Option<Duration>,
    begun: bool,
}

impl Patience {
    /// Whether anything has worked yet.
    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Something worked.
    pub(super) fn worked(&mut self) {
        *self = Self {
            begun: true,
            ..Self::default()
        };
    }

    /// Waits, after it was said how long, so that what failed can be tried again.
    ///
    /// # Errors
    /// The failure, when it does not pass, when it lasts too long, or when nothing has worked yet: then somebody sits before it.
    pub(super) async fn wait(
        &mut self,
        failure: Failure,
        say: impl FnOnce(&Failure, Duration),
    ) -> Result<(), Failure> {
        let FailureKind::Passing { retry_after } = failure.kind() else {
            return Err(failure);
        };
        let growing = self.next.unwrap_or(FIRST);
        let wait = retry_after.unwrap_or(growing);
        if !self.begun || self.waited + wait > IN_ALL {
            return Err(failure);
        }
        self.waited += wait;
        self.next = Some((growing * 2).min(LONGEST));
        say(&failure, wait);
        tokio::time::sleep(wait).await;
        Ok(())
    }
}
