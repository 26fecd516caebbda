//! The portal's two limits: requests a second, and run time per method in ten minutes.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::clock::whole_seconds;

/// The leaky bucket of requests, one for everything that comes from this machine.
#[derive(Debug)]
pub(crate) struct Bucket {
    per_second: f64,
    capacity: f64,
    level: f64,
    seen: Instant,
}

impl Bucket {
    pub(crate) fn new(per_second: f64, capacity: u32) -> Self {
        Self {
            per_second,
            capacity: f64::from(capacity),
            level: 0.0,
            seen: Instant::now(),
        }
    }

    /// Takes a request in, or refuses it. A refused request does not fill the bucket.
    pub(crate) fn admit(&mut self) -> bool {
        let now = Instant::now();
        let drained = now.duration_since(self.seen).as_secs_f64() * self.per_second;
        self.level = (self.level - drained).max(0.0);
        self.seen = now;
        let room = self.level + 1.0 <= self.capacity;
        if room {
            self.level += 1.0;
        }
        room
    }
}

/// A basket gathers a minute of run time.
const BASKET: i64 = 60;
/// A basket counts this long from its beginning: ten baskets of a minute.
const WINDOW: i64 = 10 * BASKET;

/// The run time of every method over ten one-minute baskets.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    limit: Option<f64>,
    accounts: Vec<(&'static str, Account)>,
}

/// The account of one method.
#[derive(Debug, Default)]
struct Account {
    /// Beginning (Unix seconds) and run time of each basket, at most eleven, oldest first.
    baskets: VecDeque<(i64, f64)>,
}

/// What an answer's `time` tells of the ledger.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Operating {
    /// Seconds in the ten baskets.
    pub(crate) seconds: f64,
    /// Unix time when the oldest basket leaves the sum.
    pub(crate) reset_at: i64,
}

impl Operating {
    /// What an unused method has.
    pub(crate) fn none(now: f64) -> Self {
        Self {
            seconds: 0.0,
            reset_at: whole_seconds(now) + WINDOW,
        }
    }
}

impl Ledger {
    pub(crate) fn new(limit: Option<f64>) -> Self {
        Self {
            limit,
            accounts: Vec::new(),
        }
    }

    /// Whether a method may be called now. The call that crosses the limit was; the next is not.
    pub(crate) fn allows(&mut self, method: &'static str, now: f64) -> bool {
        let Some(limit) = self.limit else { return true };
        self.account(method).sum(whole_seconds(now)) < limit
    }

    /// Books a call's run time.
    pub(crate) fn book(&mut self, method: &'static str, now: f64, seconds: f64) -> Operating {
        let second = whole_seconds(now);
        let account = self.account(method);
        if seconds > 0.0 {
            account.book(second, seconds);
        }
        let sum = account.sum(second);
        let oldest = account.baskets.front().map_or(second, |(begun, _)| *begun);
        Operating {
            seconds: sum,
            reset_at: oldest + WINDOW,
        }
    }

    fn account(&mut self, method: &'static str) -> &mut Account {
        let at = self
            .accounts
            .iter()
            .position(|(known, _)| *known == method)
            .unwrap_or_else(|| {
                self.accounts.push((method, Account::default()));
                self.accounts.len() - 1
            });
        &mut self.accounts[at].1
    }
}

impl Account {
    fn book(&mut self, second: i64, seconds: f64) {
        match self.baskets.back_mut() {
            Some((begun, sum)) if second - *begun < BASKET => *sum += seconds,
            _ => self.baskets.push_back((second, seconds)),
        }
    }

    fn sum(&mut self, second: i64) -> f64 {
        while self
            .baskets
            .front()
            .is_some_and(|(begun, _)| second - *begun >= WINDOW)
        {
            self.baskets.pop_front();
        }
        self.baskets.iter().map(|(_, sum)| sum).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_bucket_takes_a_burst_then_drains_at_its_rate() {
        let mut bucket = Bucket::new(2.0, 50);
        assert_eq!((0..60).filter(|_| bucket.admit()).count(), 50);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!((0..60).filter(|_| bucket.admit()).count(), 6);
    }

    #[test]
    fn the_call_that_crosses_the_limit_succeeds_and_the_next_is_refused() {
        let mut ledger = Ledger::new(Some(1.0));
        for call in 0..2 {
            assert!(ledger.allows("a", 1000.0));
            let booked = ledger.book("a", 1000.0, 0.6);
            assert!((booked.seconds - 0.6 * f64::from(call + 1)).abs() < 1e-9);
        }
        assert!(!ledger.allows("a", 1000.0));
        assert!(ledger.allows("b", 1000.0), "other methods go on");
    }

    #[test]
    fn a_method_comes_back_when_its_oldest_basket_leaves_the_sum() {
        let mut ledger = Ledger::new(Some(1.0));
        ledger.book("a", 1000.0, 0.6);
        let booked = ledger.book("a", 1100.0, 0.6);
        assert_eq!(booked.reset_at, 1600);
        assert!(!ledger.allows("a", 1599.9));
        assert!(ledger.allows("a", 1600.0));
        let booked = ledger.book("a", 1600.0, 0.0);
        assert_eq!(
            (booked.seconds, booked.reset_at),
            (0.6, 1700),
            "the sum need not fall to zero"
        );
    }

    #[test]
    fn a_busy_method_keeps_no_more_than_a_basket_a_minute() {
        let mut ledger = Ledger::new(None);
        for second in 0..3000 {
            ledger.book("a", f64::from(second), 0.01);
        }
        assert!(ledger.accounts[0].1.baskets.len() <= 11);
        assert!((ledger.book("a", 2999.0, 0.0).seconds - 6.0).abs() < 0.61);
    }
}
