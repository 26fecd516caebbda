//! The limit on run time: what each method has used of the portal's sliding window of ten minutes.
//!
//! The portal says after every call what the method's sum is and when its oldest part leaves the window. Between
//! answers the ledger carries the sum forward: what it saw being added leaves ten minutes later. Each answer corrects
//! it, so an error in the model costs one call at most. A call waits when the sum, what is under way, and what the
//! call itself is expected to take would come within 5% of the limit. No clock of ours is compared with the portal's.
//!
//! A request whose answer was lost counts with all that it was expected to take. Where that leaves no room for the next
//! request, one call of it goes alone, within the 5%, and asks for the true sum: so nothing waits ten minutes for what the
//! portal never ran. A call alone also asks when the portal's reset has come and the ledger leaves no room: the portal
//! says when a part of its sum leaves, not how much.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::bucket::rest_of;
use super::{MethodBudget, Wait, lock};
use crate::answer::Time;
use crate::classify::UNKNOWN_RESET;

/// The share of the limit that is used.
const SHARE: f64 = 0.95;

/// The portal's window.
const WINDOW: Duration = Duration::from_secs(600);

/// The portal keeps its window in parts of this length.
const BASKET: Duration = Duration::from_secs(60);

/// What was added within this time is kept as one entry, which leaves with the youngest of it.
const GRAIN: Duration = Duration::from_secs(10);

/// One HTTP request runs no longer than this, batch included.
const LONGEST_REQUEST: f64 = 60.0;

/// Differences smaller than this are left to add up: sums of floats never agree to the last digit.
const NOISE: f64 = 0.001;

/// An answer older than the last by more than this comes from a portal whose clock was set back.
const CLOCK_SET_BACK: f64 = 120.0;

/// How many calls of a method one request makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Demand<'a> {
    pub(crate) method: &'a str,
    pub(crate) calls: u32,
}

/// The ledger of all methods.
pub(crate) struct Ledger {
    limit: Option<f64>,
    methods: Mutex<BTreeMap<String, Method>>,
    changed: Notify,
}

#[derive(Default)]
struct Method {
    /// Run time in the window, by when it leaves, soonest first.
    spent: Vec<Spent>,
    /// What requests under way are expected to add.
    reserved: f64,
    requests: u32,
    /// What one call takes: the largest seen, forgotten slowly.
    per_call: f64,
    /// Whether an answer told the sum, and none was lost since.
    answered: bool,
    /// The portal's time of the last answer taken in.
    last_finish: Option<f64>,
    resets_at: Option<Instant>,
    blocked_until: Option<Instant>,
    blocks_in_a_row: u32,
}

#[derive(Clone, Copy)]
struct Spent {
    leaves: Instant,
    seconds: f64,
}

/// Whether a method's calls may start.
enum Gate {
    Open,
    /// Open to one call alone, which asks what lost answers have taken, or what is left after a reset.
    Ask,
    /// Look again then, or when something changes.
    Until(Instant),
    /// Look again when something changes.
    Change,
}

/// The hold of one request on its methods' run time, released when dropped. When nobody has [settled](Self::settle) it by then,
/// the portal may have run the request without telling what it took.
pub(crate) struct Reservation<'a> {
    ledger: &'a Ledger,
    held: Vec<(String, f64)>,
    /// Only one call of each method may go: it asks for the sum.
    asks: bool,
    settled: AtomicBool,
}

impl Reservation<'_> {
    /// Whether only one call of each method is held: the request has to ask, and the rest of it comes later.
    pub(crate) fn asks(&self) -> bool {
        self.asks
    }

    /// It is known what the request took: the portal has told, or it never ran.
    pub(crate) fn settle(&self) {
        self.settled.store(true, Ordering::Relaxed);
    }
}

impl Ledger {
    /// A ledger that keeps methods under `limit` seconds; `None` or 0 only remembers what the portal refuses.
    pub(crate) fn new(limit: Option<f64>) -> Self {
        let limit = limit.filter(|limit| *limit > 0.0);
        Self {
            limit,
            methods: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Waits until all methods of a request may be called, and holds what they are expected to take. After answers were lost, or a reset, it
    /// may be for one call of each method only, see [`Reservation::asks`].
    pub(crate) async fn reserve(&self, demand: &[Demand<'_>]) -> Reservation<'_> {
        let mut wait = Wait::begin();
        loop {
            // Listening begins before looking, so no change between the two is missed.
            let changed = self.changed.notified();
            match self.try_reserve(demand, Instant::now()) {
                Ok(reservation) => return reservation,
                Err((method, Gate::Until(until))) => {
                    wait.goes_on(until, method, "run time");
                    tokio::select! {
                        biased;
                        () = tokio::time::sleep_until(until) => {}
                        () = changed => {}
                    }
                }
                Err((_, Gate::Change | Gate::Open | Gate::Ask)) => changed.await,
            }
        }
    }

    /// All or nothing: a request that held one method while it waits for another could stop both.
    ///
    /// # Errors
    /// The first method that may not be called, and until when.
    fn try_reserve<'d>(
        &self,
        demand: &[Demand<'d>],
        now: Instant,
    ) -> Result<Reservation<'_>, (&'d str, Gate)> {
        let mut methods = lock(&self.methods);
        let mut asks = false;
        for wanted in demand {
            let method = methods.entry(wanted.method.to_owned()).or_default();
            match method.gate(wanted.calls, self.limit, now) {
                Gate::Open => {}
                Gate::Ask => asks = true,
                closed => return Err((wanted.method, closed)),
            }
        }
        let hold = |wanted: &Demand<'_>| {
            let method = methods.entry(wanted.method.to_owned()).or_default();
            let calls = if asks { 1 } else { wanted.calls };
            let seconds = method.estimate(calls, self.limit);
            method.reserved += seconds;
            method.requests += 1;
            (wanted.method.to_owned(), seconds)
        };
        Ok(Reservation {
            ledger: self,
            held: demand.iter().map(hold).collect(),
            asks,
            settled: AtomicBool::new(false),
        })
    }

    /// Whether the portal refused one of the methods since the reservation.
    pub(crate) fn is_blocked(&self, demand: &[Demand<'_>]) -> bool {
        let now = Instant::now();
        let methods = lock(&self.methods);
        demand.iter().any(|wanted| {
            methods
                .get(wanted.method)
                .is_some_and(|method| rest_of(method.blocked_until, now).is_some())
        })
    }

    /// Takes in what the portal says about a call that ended.
    pub(crate) fn learn(&self, method: &str, time: &Time) {
        let now = Instant::now();
        lock(&self.methods)
            .entry(method.to_owned())
            .or_default()
            .learn(time, now);
        self.changed.notify_waiters();
    }

    /// The portal refused a method: it rests until its reset, as far as known. Returns for how long.
    pub(crate) fn block(&self, method: &str, named: Duration) -> Duration {
        let now = Instant::now();
        let rest = {
            let mut methods = lock(&self.methods);
            let method = methods.entry(method.to_owned()).or_default();
            let rest = rest_of(method.blocked_until, now).unwrap_or_else(|| method.rest(named, now));
            method.blocked_until = Some(now + rest);
            rest
        };
        self.changed.notify_waiters();
        rest
    }

    pub(crate) fn state(&self) -> Vec<MethodBudget> {
        let now = Instant::now();
        let mut methods = lock(&self.methods);
        let state = methods.iter_mut().map(|(name, method)| {
            method.expire(now);
            MethodBudget {
                method: name.clone(),
                used: method.used(),
                limit: self.limit,
                blocked_for: rest_of(method.blocked_until, now),
            }
        });
        state.collect()
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        {
            let mut methods = lock(&self.ledger.methods);
            for (name, seconds) in &self.held {
                if let Some(method) = methods.get_mut(name) {
                    method.requests = method.requests.saturating_sub(1);
                    let lost = !self.settled.load(Ordering::Relaxed);
                    // Sums of floats do not cancel exactly; with nothing under way nothing is held.
                    method.reserved = if method.requests == 0 {
                        0.0
                    } else {
                        (method.reserved - seconds).max(0.0)
                    };
                    if lost {
                        method.lose(*seconds, Instant::now());
                    }
                }
            }
        }
        self.ledger.changed.notify_waiters();
    }
}

impl Method {
    fn gate(&mut self, calls: u32, limit: Option<f64>, now: Instant) -> Gate {
        if let Some(until) = self.blocked_until.filter(|until| *until > now) {
            return Gate::Until(until);
        }
        let Some(limit) = limit else { return Gate::Open };
        // Until the first answer nobody knows the sum, which an earlier run may have driven up: one request asks.
        if !self.answered && self.requests > 0 {
            return Gate::Change;
        }
        self.expire(now);
        let used = self.used();
        if used + self.reserved + self.estimate(calls, Some(limit)) <= limit * SHARE {
            return Gate::Open;
        }
        // What was lost may not have run, and since the reset a part of the sum is gone. The limit less our margin of safety is for what is
        // known; a single call may use the margin, too.
        let coming = self.resets_at.filter(|reset| *reset > now);
        let is_reset = self.resets_at.is_some() && coming.is_none();
        if (!self.answered || is_reset) && self.requests == 0 && used + self.estimate(1, Some(limit)) <= limit
        {
            return Gate::Ask;
        }
        match self.spent.first() {
            Some(_) if is_reset && self.requests > 0 => Gate::Change,
            Some(oldest) => Gate::Until(coming.map_or(oldest.leaves, |reset| reset.min(oldest.leaves))),
            None if self.requests > 0 => Gate::Change,
            None => Gate::Open,
        }
    }

    /// What calls of this method are expected to take, at most half of the limit: a larger request could never start.
    fn estimate(&self, calls: u32, limit: Option<f64>) -> f64 {
        let most = limit.map_or(LONGEST_REQUEST, |limit| LONGEST_REQUEST.min(limit * SHARE / 2.0));
        (self.per_call * f64::from(calls)).min(most)
    }

    fn used(&self) -> f64 {
        // An empty sum of floats is -0.0, which would show as such.
        self.spent
            .iter()
            .map(|spent| spent.seconds)
            .fold(0.0, |sum, seconds| sum + seconds)
    }

    fn expire(&mut self, now: Instant) {
        self.spent.retain(|spent| spent.leaves > now);
    }

    fn learn(&mut self, time: &Time, now: Instant) {
        self.answered = true;
        self.blocks_in_a_row = 0;
        let took = time.duration.unwrap_or_default().max(0.0);
        self.per_call = took.max(self.per_call * 0.95);

        let Some(sum) = time.operating.filter(|sum| *sum >= 0.0) else {
            return;
        };
        if let (Some(last), Some(finish)) = (self.last_finish, time.finish) {
            // Answers of requests side by side may come out of order: an older sum is no news.
            if finish < last && last - finish < CLOCK_SET_BACK {
                return;
            }
        }
        self.last_finish = time.finish.or(self.last_finish);
        self.expire(now);
        let reset = time.reset_in();
        let more = sum - self.used();
        if more > NOISE {
            let own = more.min(took);
            self.add_own(own, now);
            self.add_foreign(more - own, reset.unwrap_or(WINDOW), now);
        } else if more < -NOISE {
            self.forget_oldest(-more);
        }
        // A reset that an answer does not name, or names as past, is no reason to ask again.
        self.resets_at = reset.map(|reset| now + reset);
        if let Some(earliest) = self.resets_at {
            // Nothing leaves before it. How much leaves then nobody says: an entry of ours may lie in two of the portal's baskets. So it stays
            // for its time, unless an answer after the reset tells a smaller sum.
            for spent in &mut self.spent {
                spent.leaves = spent.leaves.max(earliest);
            }
        }
    }

    /// Run time of a call we made just now.
    fn add_own(&mut self, seconds: f64, now: Instant) {
        match self.spent.last_mut() {
            Some(last) if last.leaves >= now + WINDOW => last.seconds += seconds,
            _ if seconds > 0.0 => self.spent.push(Spent {
                leaves: now + WINDOW + GRAIN,
                seconds,
            }),
            _ => {}
        }
    }

    /// The answer of a request was lost that may have run: all that it was expected to take counts until an answer tells the sum, and
    /// until then one request goes at a time.
    fn lose(&mut self, seconds: f64, now: Instant) {
        self.answered = false;
        self.expire(now);
        self.add_own(seconds, now);
    }

    /// Run time of calls we did not see (an earlier run, other users of the webhook): nobody says in which baskets it
    /// is, so it counts as spread evenly over those that leave from the reset on.
    fn add_foreign(&mut self, seconds: f64, reset: Duration, now: Instant) {
        if seconds <= 0.0 {
            return;
        }
        let mut leaves = vec![now + reset];
        while let Some(next) = leaves
            .last()
            .map(|last| *last + BASKET)
            .filter(|next| *next <= now + WINDOW)
        {
            leaves.push(next);
        }
        let baskets = u32::try_from(leaves.len()).unwrap_or(u32::MAX);
        let each = seconds / f64::from(baskets);
        self.spent.extend(leaves.into_iter().map(|leaves| Spent {
            leaves,
            seconds: each,
        }));
        self.spent.sort_by_key(|spent| spent.leaves);
        self.merge_close();
    }

    /// Keeps the list short: entries within one grain become one, which leaves with the youngest of them.
    fn merge_close(&mut self) {
        let mut merged: Vec<Spent> = Vec::with_capacity(self.spent.len());
        let mut first_leaves = None;
        for spent in self.spent.drain(..) {
            match (merged.last_mut(), first_leaves) {
                (Some(last), Some(first)) if spent.leaves <= first + GRAIN => {
                    last.leaves = spent.leaves;
                    last.seconds += spent.seconds;
                }
                _ => {
                    first_leaves = Some(spent.leaves);
                    merged.push(spent);
                }
            }
        }
        self.spent = merged;
    }

    fn forget_oldest(&mut self, mut seconds: f64) {
        for spent in &mut self.spent {
            let gone = spent.seconds.min(seconds);
            spent.seconds -= gone;
            seconds -= gone;
        }
        self.spent.retain(|spent| spent.seconds > 0.0);
    }

    /// How long to rest after a refusal: until the reset of the last good answer, else a basket, doubled each time.
    fn rest(&mut self, named: Duration, now: Instant) -> Duration {
        let doubled = UNKNOWN_RESET
            .max(named)
            .saturating_mul(1 << self.blocks_in_a_row.min(4))
            .min(WINDOW);
        self.blocks_in_a_row = self.blocks_in_a_row.saturating_add(1);
        rest_of(self.resets_at, now).unwrap_or(doubled)
    }
}

#[cfg(test)]
mod tests;
