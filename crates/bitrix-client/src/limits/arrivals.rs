//! How full the portal's bucket can be at most, for what is known of when requests arrived. Pure.
//!
//! A bucket that drains is the fuller the later its requests came, so each is taken to have arrived as late as it can have. One
//! that was answered arrived before the portal began to work on it, if the portal says how long it worked. One that is under way
//! may be arriving now. None arrives later than [`BUNCHED`] after it was sent.
//!
//! So nothing is lost while the portal's bucket does not run empty: then only how many came counts, not when. What is lost is what
//! it might have drained had the first requests of a burst come sooner: a fraction of a second, as a rule.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// No request is on its way for longer than this: by then it has arrived, or never will.
const BUNCHED: Duration = Duration::from_secs(2);

/// Requests of which more may become known, for the memory of it.
const MOST_OPEN: usize = 10_000;

/// The shortest wait: timers may end a hair early, and a wait of nothing would spin.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// A bucket that drains, and how full it was once.
#[derive(Debug, Clone, Copy)]
struct Level {
    per_second: f64,
    requests: f64,
    at: Instant,
}

impl Level {
    fn at(&self, moment: Instant) -> f64 {
        let drained = moment.saturating_duration_since(self.at).as_secs_f64() * self.per_second;
        (self.requests - drained).max(0.0)
    }

    /// A request came in.
    fn add(&mut self, moment: Instant) {
        let moment = moment.max(self.at);
        self.requests = self.at(moment) + 1.0;
        self.at = moment;
    }
}

/// The portal's bucket, as full as it can be.
#[derive(Debug)]
pub(super) struct Arrivals {
    burst: f64,
    /// As full as if each request had arrived when it was sent.
    sent: Level,
    /// With those requests that have arrived for certain, as late as they can have.
    arrived: Level,
    /// The others, in the order in which they were sent.
    open: VecDeque<Open>,
    /// The number of the first of them.
    first: u64,
}

/// A request that may be on its way.
#[derive(Debug, Clone, Copy)]
struct Open {
    /// It has arrived by then.
    by: Instant,
    /// Whether nothing more will become known of it.
    settled: bool,
}

impl Arrivals {
    /// An empty bucket that drains so many requests a second.
    pub(super) fn new(per_second: f64, burst: u32, now: Instant) -> Self {
        let empty = Level {
            per_second,
            requests: 0.0,
            at: now,
        };
        Self {
            burst: f64::from(burst),
            sent: empty,
            arrived: empty,
            open: VecDeque::new(),
            first: 0,
        }
    }

    /// A request is sent. Its number is for [`arrived_by`](Self::arrived_by).
    pub(super) fn sent(&mut self, now: Instant) -> u64 {
        self.sent.add(now);
        self.open.push_back(Open {
            by: now + BUNCHED,
            settled: false,
        });
        self.first + u64::try_from(self.open.len() - 1).unwrap_or(u64::MAX)
    }

    /// It has turned out that a request had arrived by then.
    pub(super) fn arrived_by(&mut self, number: u64, by: Instant) {
        let place = number.checked_sub(self.first);
        let place = place.and_then(|place| usize::try_from(place).ok());
        if let Some(open) = place.and_then(|place| self.open.get_mut(place)) {
            open.by = open.by.min(by);
            open.settled = true;
        }
    }

    /// The portal says that its bucket is full.
    pub(super) fn fill(&mut self, now: Instant) {
        self.settle(now);
        for level in [&mut self.sent, &mut self.arrived] {
            level.requests = self.burst;
            level.at = level.at.max(now);
        }
    }

    /// The portal's bucket may hold so many requests that were not sent here.
    pub(super) fn hold(&mut self, requests: f64, now: Instant) {
        self.settle(now);
        for level in [&mut self.sent, &mut self.arrived] {
            level.requests = level.at(now).max(requests.min(self.burst));
            level.at = level.at.max(now);
        }
    }

    /// How many requests the bucket holds at most.
    pub(super) fn held(&mut self, now: Instant) -> f64 {
        self.level(now)
    }

    /// How many requests may be sent at once.
    pub(super) fn room(&mut self, now: Instant) -> u32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to a u32"
        )]
        let room = (self.burst - self.level(now)).max(0.0) as u32;
        room
    }

    /// How long a request has to wait before the next look; `None` when there is room for it.
    pub(super) fn rest(&mut self, now: Instant) -> Option<Duration> {
        let over = self.level(now) + 1.0 - self.burst;
        (over > 0.0).then(|| Duration::from_secs_f64(over / self.sent.per_second).max(SHORTEST_WAIT))
    }

    /// How full the bucket is taken to be. What may have come late takes at most half of it: where it holds next to
    /// nothing, the rest of it must not be for that alone.
    fn level(&mut self, now: Instant) -> f64 {
        self.settle(now);
        let sent = self.sent.at(now);
        #[expect(clippy::cast_precision_loss, reason = "at most some thousands")]
        let late = self.arrived.at(now) + self.open.len() as f64 - sent;
        sent + late.clamp(0.0, (self.burst / 2.0).floor())
    }

    /// Counts requests as arrived, in the order in which they were sent. Where that was not the order of their arrival, some count as
    /// later than they were, which makes the bucket fuller.
    fn settle(&mut self, now: Instant) {
        while let Some(first) = self.open.front() {
            if !first.settled && first.by > now && self.open.len() <= MOST_OPEN {
                break;
            }
            self.arrived.add(first.by.min(now));
            self.open.pop_front();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATE: f64 = 2.0;
    const BURST: u32 = 20;

    /// A request: how long after the one before there is something to send, how long it is on its way, and how long the portal works on it and
    /// its answer is on its way; all in milliseconds.
    fn requests() -> impl Strategy<Value = Vec<(u64, u64, u64, u64)>> {
        let pause = prop_oneof![8 => Just(0_u64), 2 => 0..3000_u64, 1 => 0..20_000_u64];
        let way = prop_oneof![Just(0_u64), 0..200_u64, 0..=2000_u64];
        proptest::collection::vec((pause, way, 0..5000_u64, 0..3000_u64), 1..200)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn the_portals_bucket_never_overflows_whenever_requests_arrive(requests in requests(), told: bool) {
            let began = Instant::now();
            let mut arrivals = Arrivals::new(RATE, BURST, began);
            let (mut now, mut came, mut answers) = (began, Vec::new(), Vec::<(Instant, u64, Instant)>::new());
            for (pause, way, worked, back) in requests {
                now += Duration::from_millis(pause);
                loop {
                    // Answers come as time goes on.
                    answers.retain(|(at, number, by)| {
                        if *at <= now {
                            arrivals.arrived_by(*number, *by);
                        }
                        *at > now
                    });
                    let Some(rest) = arrivals.rest(now) else { break };
                    let next = answers.iter().map(|(at, ..)| *at).min();
                    now = next.map_or(now + rest, |next| next.min(now + rest));
                }
                let number = arrivals.sent(now);
                let at = now + Duration::from_millis(way);
                came.push(at);
                if told {
                    let (worked, back) = (Duration::from_millis(worked), Duration::from_millis(back));
                    // All that is known: when the answer came, and how long the portal worked.
                    answers.push((at + worked + back, number, at + back));
                }
            }

            came.sort_unstable();
            let mut portal = Level { per_second: RATE, requests: 0.0, at: began };
            for at in came {
                portal.add(at);
                prop_assert!(portal.requests <= f64::from(BURST) + 1e-6, "{}", portal.requests);
            }
        }
    }

    #[test]
    fn a_bucket_that_does_not_run_empty_loses_nothing_to_requests_under_way() {
        let began = Instant::now();
        let mut arrivals = Arrivals::new(RATE, BURST, began);
        let (mut now, mut sent) = (began, 0);
        // The first four are answered after 100 ms, and fill the bucket until the others come, of which nothing becomes known.
        while now < began + Duration::from_secs(60) {
            while arrivals.rest(now).is_none() {
                let number = arrivals.sent(now);
                sent += 1;
                if number < 4 {
                    arrivals.arrived_by(number, now + Duration::from_millis(100));
                }
            }
            now += Duration::from_millis(10);
        }
        assert!((138..=140).contains(&sent), "{sent} of 140");
    }

    #[test]
    fn a_small_bucket_is_never_kept_full_by_what_may_come_late_alone() {
        let now = Instant::now();
        let mut arrivals = Arrivals::new(RATE, 1, now);
        arrivals.sent(now);
        assert_eq!(arrivals.rest(now + Duration::from_millis(500)), None);
    }
}
