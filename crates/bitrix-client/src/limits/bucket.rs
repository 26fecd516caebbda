//! The limit on requests: a copy of the portal's leaky bucket that is never less full than the portal's.
//!
//! Two margins keep it so. Requests that start spread out may arrive bunched when some are on their way for longer than others, so a
//! request goes only when there is room for it even if all others came as late as they can have ([`Arrivals`]). And the copy
//! drains a little slower, since clocks differ. Others behind the same address share the portal's bucket and are not
//! seen here: when the portal refuses a request all the same, all requests rest, and start again without a burst.

use std::num::NonZeroU32;
use std::ops::Add;
use std::sync::Mutex;
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::arrivals::Arrivals;
use super::{Wait, lock};

/// How much slower than the portal's the copy drains. Clocks of computers run wrong by some 100 parts in a million at worst, so this is
/// five times what is needed.
const DRAIN_SHARE: f64 = 0.9995;

/// Rates and bursts outside of these are slips of the pen, and would overflow the limiter's count of nanoseconds.
const SLOWEST: f64 = 0.001;
const FASTEST: f64 = 1e6;
const LARGEST_BURST: u32 = 1_000_000;

/// The rest after the first refusal; it doubles with each refusal in a row.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// What the rest grows to.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// No header makes the client rest longer than this.
const LONGEST_NAMED_PAUSE: Duration = Duration::from_secs(900);

type Limiter = RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Elapsed>>;

/// The time of tokio, which tests can pause, as governor wants it.
#[derive(Debug, Clone)]
struct TokioClock {
    began: Instant,
}

/// Time since the clock was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Elapsed(Duration);

impl Clock for TokioClock {
    type Instant = Elapsed;

    fn now(&self) -> Elapsed {
        Elapsed(self.began.elapsed())
    }
}

impl Add<Nanos> for Elapsed {
    type Output = Self;

    fn add(self, other: Nanos) -> Self {
        Self(self.0.saturating_add(other.into()))
    }
}

impl Reference for Elapsed {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_sub(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        self.0.checked_sub(duration.into()).map_or(*self, Self)
    }
}

/// The bucket. Requests go in the order in which they came.
pub(crate) struct Bucket {
    drain: Option<Drain>,
    queue: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    /// More has become known of when requests arrived.
    known: Notify,
}

struct Drain {
    limiter: Limiter,
    clock: TokioClock,
    burst: NonZeroU32,
}

struct State {
    paused_until: Option<Instant>,
    /// When the last rest began: refusals of requests that started before are of the same fullness.
    pause_began: Option<Instant>,
    pauses_in_a_row: u32,
    blocked_until: Option<Instant>,
    /// `None` without a limit.
    arrivals: Option<Arrivals>,
}

/// Leave for one request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    /// When it was given.
    pub(crate) at: Instant,
    /// For [`Bucket::worked`].
    number: u64,
}

/// What a page shows of the bucket.
pub(crate) struct BucketState {
    pub(crate) tokens: Option<u32>,
    pub(crate) burst: Option<u32>,
    pub(crate) paused_for: Option<Duration>,
    pub(crate) blocked_for: Option<Duration>,
}

impl Drain {
    /// Takes all tokens there are.
    fn empty(&self) {
        let tokens = 0..self.burst.get();
        tokens.take_while(|_| self.limiter.check().is_ok()).for_each(drop);
    }
}

impl Bucket {
    /// A bucket like the portal's, which drains `requests_per_second` and blocks above `burst`; 0 a second stands
    /// for no limit.
    ///
    /// # Errors
    /// What is wrong with the numbers.
    pub(crate) fn new(requests_per_second: f64, burst: u32) -> Result<Self, &'static str> {
        let began = Instant::now();
        let drain = if requests_per_second == 0.0 {
            None
        } else {
            if !(SLOWEST..=FASTEST).contains(&requests_per_second) {
                return Err("requests_per_second must be 0 (no limit) or a number from 0.001 to 1000000");
            }
            let burst = NonZeroU32::new(usable(burst))
                .filter(|_| burst <= LARGEST_BURST)
                .ok_or("burst must be a number from 1 to 1000000")?;
            let period = Duration::from_secs_f64(1.0 / (requests_per_second * DRAIN_SHARE));
            let quota =
                Quota::with_period(period).ok_or("requests_per_second is too large: use 0 for no limit")?;
            let clock = TokioClock { began };
            let limiter = RateLimiter::direct_with_clock(quota.allow_burst(burst), clock.clone());
            Some(Drain {
                limiter,
                clock,
                burst,
            })
        };
        let arrivals = drain
            .as_ref()
            .map(|drain| Arrivals::new(requests_per_second * DRAIN_SHARE, drain.burst.get(), began));
        let state = State {
            paused_until: None,
            pause_began: None,
            pauses_in_a_row: 0,
            blocked_until: None,
            arrivals,
        };
        Ok(Self {
            drain,
            queue: tokio::sync::Mutex::new(()),
            state: Mutex::new(state),
            known: Notify::new(),
        })
    }

    /// Waits for the turn of one request of `method`.
    ///
    /// # Errors
    /// The rest of the vendor's block.
    pub(crate) async fn acquire(&self, method: &str) -> Result<Start, Duration> {
        // Tokio's mutex is fair: whoever came first sleeps inside, the others behind it.
        let _turn = self.queue.lock().await;
        let mut wait = Wait::begin();
        loop {
            // Listening begins before looking, so nothing that becomes known between the two is missed.
            let known = self.known.notified();
            let now = Instant::now();
            match self.check(now)? {
                Turn::Now(number) => return Ok(Start { at: now, number }),
                Turn::Later(rest) => {
                    let until = now + rest;
                    wait.goes_on(until, method, "requests");
                    tokio::select! {
                        biased;
                        () = tokio::time::sleep_until(until) => {}
                        () = known => {}
                    }
                }
            }
        }
    }

    /// Takes a token, or says how long to wait before the next look.
    fn check(&self, now: Instant) -> Result<Turn, Duration> {
        let mut state = lock(&self.state);
        if let Some(rest) = rest_of(state.blocked_until, now) {
            return Err(rest);
        }
        if let Some(rest) = rest_of(state.paused_until, now) {
            return Ok(Turn::Later(rest));
        }
        let rested = state.paused_until.take().is_some();
        let (Some(drain), Some(arrivals)) = (&self.drain, &mut state.arrivals) else {
            return Ok(Turn::Now(0));
        };
        if rested {
            // What was gained during the rest belongs to the others: no burst after a refusal.
            drain.empty();
            arrivals.fill(now);
        }
        if let Some(rest) = arrivals.rest(now) {
            return Ok(Turn::Later(rest));
        }
        match drain.limiter.check() {
            Ok(()) => Ok(Turn::Now(arrivals.sent(now))),
            // Timers may end a hair early; a wait of nothing would spin.
            Err(until) => Ok(Turn::Later(
                until
                    .wait_time_from(drain.clock.now())
                    .max(Duration::from_millis(1)),
            )),
        }
    }

    /// How long the portal's bucket may have no room for another request; `None` when it has.
    pub(crate) fn full_for(&self) -> Option<Duration> {
        let arrivals = &mut lock(&self.state).arrivals;
        arrivals.as_mut()?.rest(Instant::now())
    }

    /// The portal's bucket may hold so many requests that others have sent.
    pub(crate) fn hold(&self, requests: f64) {
        if let Some(arrivals) = &mut lock(&self.state).arrivals {
            arrivals.hold(requests, Instant::now());
        }
    }

    /// How many requests the portal's bucket holds at most, as far as known.
    pub(crate) fn held(&self) -> f64 {
        let arrivals = &mut lock(&self.state).arrivals;
        arrivals
            .as_mut()
            .map_or(0.0, |arrivals| arrivals.held(Instant::now()))
    }

    /// The portal has answered a request just now, and has worked on it for so long: before that it had arrived.
    pub(crate) fn worked(&self, start: Start, took: Duration) {
        if let (Some(arrivals), Some(by)) =
            (&mut lock(&self.state).arrivals, Instant::now().checked_sub(took))
        {
            arrivals.arrived_by(start.number, by.max(start.at));
        }
        self.known.notify_waiters();
    }

    /// The portal refused a request that started at `started`: everything rests, and goes on without a burst.
    /// `jitter` is a share by which the rest is longer, so that several clients do not come back together.
    pub(crate) fn refused(&self, started: Instant, named: Option<Duration>, jitter: f64) {
        let now = Instant::now();
        let mut state = lock(&self.state);
        let mut pause = named.unwrap_or_default().min(LONGEST_NAMED_PAUSE);
        if state.pause_began.is_none_or(|began| started > began) {
            let longest = FIRST_PAUSE
                .saturating_mul(1 << state.pauses_in_a_row.min(5))
                .min(LONGEST_PAUSE);
            pause = pause.max(longest.mul_f64(1.0 + jitter / 2.0));
            state.pauses_in_a_row = state.pauses_in_a_row.saturating_add(1);
            state.pause_began = Some(now);
            if let (Some(drain), Some(arrivals)) = (&self.drain, &mut state.arrivals) {
                drain.empty();
                arrivals.fill(now);
            }
        }
        let until = now + pause;
        state.paused_until = Some(state.paused_until.map_or(until, |paused| paused.max(until)));
    }

    /// The portal took a request that started at `started`.
    pub(crate) fn accepted(&self, started: Instant) {
        let mut state = lock(&self.state);
        if state.pause_began.is_none_or(|began| started > began) {
            state.pauses_in_a_row = 0;
        }
    }

    /// The vendor blocked the portal: calls fail without being sent until the time is over.
    pub(crate) fn block(&self, rest: Duration) {
        lock(&self.state).blocked_until = Some(Instant::now() + rest);
    }

    pub(crate) fn state(&self) -> BucketState {
        let now = Instant::now();
        let mut state = lock(&self.state);
        let resting = state.paused_until.is_some();
        let tokens = state.arrivals.as_mut().map(|arrivals| arrivals.room(now));
        BucketState {
            tokens: tokens.map(|tokens| if resting { 0 } else { tokens }),
            burst: self.drain.as_ref().map(|drain| drain.burst.get()),
            paused_for: rest_of(state.paused_until, now),
            blocked_for: rest_of(state.blocked_until, now),
        }
    }
}

/// Requests that are sent at once. The vendor says that the bucket "blocks at 50", not whether the 50th is let in, so one of so many is left
/// out.
fn usable(burst: u32) -> u32 {
    if burst < 10 { burst } else { burst - 1 }
}

/// Whether a request may go.
enum Turn {
    /// It may: its number.
    Now(u64),
    /// Look again after this long.
    Later(Duration),
}

pub(crate) fn rest_of(until: Option<Instant>, now: Instant) -> Option<Duration> {
    until
        .map(|until| until.saturating_duration_since(now))
        .filter(|rest| !rest.is_zero())
}
