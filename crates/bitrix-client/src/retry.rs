//! How often and after which delays a call is tried again.

use std::sync::Mutex;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::error::{Class, Error};
use crate::limits::lock;

/// A portal that asks for a longer delay than this gets its rest from the caller, not from a sleeping call.
const LONGEST_WAIT: Duration = Duration::from_secs(900);

/// Bounds of the retries of one call.
///
/// The n-th retry waits `min_delay * 2^(n-1)`, at most `max_delay`, plus a random part of up to as much again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How many requests one call may take, the first included. 0 counts as 1.
    pub max_attempts: u32,
    /// The delay before the first retry, without its random part.
    pub min_delay: Duration,
    /// What the delay grows to, without its random part.
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    /// Seven attempts over roughly half a minute to a minute.
    fn default() -> Self {
        Self {
            max_attempts: 7,
            min_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(20),
        }
    }
}

/// Where the random parts of delays come from.
pub(crate) struct Jitter(Option<Mutex<StdRng>>);

impl Jitter {
    /// From this seed, or from the system.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        Self(seed.map(|seed| Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// Any number.
    pub(crate) fn number(&self) -> u64 {
        match &self.0 {
            Some(rng) => lock(rng).random(),
            None => rand::random(),
        }
    }

    /// A share, uniform in `0.0..1.0`.
    pub(crate) fn share(&self) -> f64 {
        match &self.0 {
            Some(rng) => lock(rng).random(),
            None => rand::random(),
        }
    }
}

/// The attempts of one call: counts them and hands out the delays between them.
pub(crate) struct Attempts {
    made: u32,
    delays: ExponentialBackoff,
}

impl Attempts {
    /// `jitter` is what the random parts of the delays follow from.
    pub(crate) fn new(policy: &RetryPolicy, jitter: u64) -> Self {
        let retries = usize::try_from(policy.max_attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        let delays = ExponentialBuilder::default()
            .with_min_delay(policy.min_delay)
            .with_max_delay(policy.max_delay)
            .with_max_times(retries)
            .with_jitter()
            .with_jitter_seed(jitter)
            .build();
        Self { made: 0, delays }
    }

    /// Notes that a request was sent.
    pub(crate) fn begin(&mut self) {
        self.made = self.made.saturating_add(1);
    }

    /// How many requests were sent.
    pub(crate) fn made(&self) -> u32 {
        self.made
    }

    /// The delay before the next attempt of what failed with these errors, or `None` when there is none to come.
    ///
    /// A method over its time limit gets no delay here: the ledger holds its next call back.
    pub(crate) fn delay_after<'a>(
        &mut self,
        errors: impl IntoIterator<Item = &'a Error>,
    ) -> Option<Duration> {
        let mut least = Duration::ZERO;
        let mut only_methods = true;
        for error in errors {
            match error.class() {
                Class::Retry { after } => {
                    only_methods = false;
                    least = least.max(after.unwrap_or_default());
                }
                Class::WaitForMethod { wait, .. } if *wait <= LONGEST_WAIT => {}
                Class::WaitForMethod { .. } | Class::Blocked { .. } | Class::Permanent { .. } => return None,
            }
        }
        let delay = self.delays.next()?;
        match (least <= LONGEST_WAIT, only_methods) {
            (false, _) => None,
            (true, true) => Some(Duration::ZERO),
            (true, false) => Some(delay.max(least)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::Failure;

    fn passing(after: Option<Duration>) -> Error {
        Error::new(
            "profile",
            &Failure::Reported {
                status: Some(503),
                code: "",
                retry_after: after,
            },
        )
    }

    fn policy() -> RetryPolicy {
        RetryPolicy {
            max_attempts: 5,
            min_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(3),
        }
    }

    #[test]
    fn delays_grow_with_jitter_up_to_their_bound_and_end() {
        let mut attempts = Attempts::new(&policy(), 1);
        for base in [1.0, 2.0, 3.0, 3.0] {
            let delay = attempts
                .delay_after([&passing(None)])
                .expect("a delay")
                .as_secs_f64();
            assert!(
                (base..=2.0 * base).contains(&delay),
                "{delay} is not within {base} and its double"
            );
        }
        assert_eq!(attempts.delay_after([&passing(None)]), None);
    }

    #[test]
    fn the_delay_the_portal_names_is_the_least() {
        let mut attempts = Attempts::new(&policy(), 1);
        let delay = attempts.delay_after([&passing(Some(Duration::from_secs(30)))]);
        assert_eq!(delay, Some(Duration::from_secs(30)));
    }

    #[test]
    fn a_delay_of_hours_is_the_callers_to_wait() {
        let mut attempts = Attempts::new(&policy(), 1);
        assert_eq!(
            attempts.delay_after([&passing(Some(Duration::from_secs(7200)))]),
            None
        );
    }
}
