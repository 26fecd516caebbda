//! Both limits of a portal, kept ahead of time: a request starts only once neither is in its way.

mod arrivals;
pub(crate) mod bucket;
pub(crate) mod operating;

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::time::Instant;

use bucket::{Bucket, Start};
use operating::{Demand, Ledger, Reservation};

/// What is left of the limits, for a page or a metric.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Budget {
    /// Requests that may start at once; `None` without a limit on requests.
    pub tokens: Option<u32>,
    /// The most that `tokens` grows to: the portal's burst.
    pub burst: Option<u32>,
    /// How long all requests still rest after the portal refused one.
    pub paused_for: Option<Duration>,
    /// How long the client refuses all calls since the vendor blocked the portal.
    pub blocked_for: Option<Duration>,
    /// What the methods called so far have used, by name.
    pub operating: Vec<MethodBudget>,
}

/// What one method has used of its run time.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MethodBudget {
    /// The REST method.
    pub method: String,
    /// Run time in the portal's window of ten minutes, in seconds, as well as the client knows.
    pub used: f64,
    /// The limit on it in seconds; `None` when none is kept.
    pub limit: Option<f64>,
    /// How long the method still rests after the portal refused it.
    pub blocked_for: Option<Duration>,
}

/// A wait that takes longer than this altogether is told to the operator.
const LONG_WAIT: Duration = Duration::from_secs(5);

/// One wait for a limit. It is told once, as soon as it is known to be long.
struct Wait {
    began: Instant,
    told: bool,
}

impl Wait {
    fn begin() -> Self {
        Self {
            began: Instant::now(),
            told: false,
        }
    }

    /// The wait goes on until then at least.
    fn goes_on(&mut self, until: Instant, method: &str, limit: &'static str) {
        if self.told || until.saturating_duration_since(self.began) <= LONG_WAIT {
            return;
        }
        self.told = true;
        let rest = until.saturating_duration_since(Instant::now());
        // Whole seconds, rounded up: nobody waits for the rest of one.
        let seconds = rest.as_secs() + u64::from(rest.subsec_nanos() > 0);
        tracing::info!(method, seconds, "a call waits for the portal's limit on {limit}");
    }
}

/// Both limits and the bound on requests under way.
pub(crate) struct Limits {
    pub(crate) bucket: Bucket,
    pub(crate) ledger: Ledger,
    in_flight: Semaphore,
    max_in_flight: usize,
    waiting: watch::Sender<usize>,
}

/// One request among those that wait for the limits.
struct Waiting<'a>(&'a watch::Sender<usize>);

impl<'a> Waiting<'a> {
    fn among(waiting: &'a watch::Sender<usize>) -> Self {
        waiting.send_modify(|waiting| *waiting += 1);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting -= 1);
    }
}

/// Leave for one request. Dropping it ends the request's hold on the limits.
pub(crate) struct Admission<'a> {
    /// The leave of the limit on requests.
    pub(crate) start: Start,
    reservation: Reservation<'a>,
    _permit: Option<SemaphorePermit<'a>>,
}

impl Admission<'_> {
    /// When the request was let go.
    pub(crate) fn started(&self) -> Instant {
        self.start.at
    }

    /// Whether only one call of each method may be sent now: its answer tells what lost ones have taken.
    pub(crate) fn asks(&self) -> bool {
        self.reservation.asks()
    }

    /// It is known what the request took of its methods' run time.
    pub(crate) fn settle(&self) {
        self.reservation.settle();
    }
}

impl Limits {
    pub(crate) fn new(bucket: Bucket, ledger: Ledger, max_in_flight: usize) -> Self {
        Self {
            bucket,
            ledger,
            in_flight: Semaphore::new(max_in_flight),
            max_in_flight,
            waiting: watch::Sender::new(0),
        }
    }

    pub(crate) fn max_in_flight(&self) -> usize {
        self.max_in_flight
    }

    /// Waits until no request waits, and the portal's bucket has room for one.
    pub(crate) async fn turn(&self) {
        let mut waiting = self.waiting.subscribe();
        loop {
            // The sender lives as long as this does.
            waiting.wait_for(|waiting| *waiting == 0).await.ok();
            match self.bucket.full_for() {
                Some(rest) => tokio::time::sleep(rest).await,
                None => return,
            }
        }
    }

    /// Waits until a request of `method` that makes these calls may start, or one that [asks](Admission::asks).
    ///
    /// # Errors
    /// The rest of the vendor's block, when the portal must not be called at all.
    pub(crate) async fn admit(&self, method: &str, demand: &[Demand<'_>]) -> Result<Admission<'_>, Duration> {
        let _waiting = Waiting::among(&self.waiting);
        loop {
            // The ledger first: a call that waits for its method must not hold a place others could use. The bucket
            // last: a token taken early would let requests pile up and start all at once.
            let reservation = self.ledger.reserve(demand).await;
            let permit = self.in_flight.acquire().await.ok();
            if self.ledger.is_blocked(demand) {
                continue;
            }
            let start = self.bucket.acquire(method).await?;
            return Ok(Admission {
                start,
                reservation,
                _permit: permit,
            });
        }
    }

    pub(crate) fn budget(&self) -> Budget {
        let bucket = self.bucket.state();
        Budget {
            tokens: bucket.tokens,
            burst: bucket.burst,
            paused_for: bucket.paused_for,
            blocked_for: bucket.blocked_for,
            operating: self.ledger.state(),
        }
    }
}

/// Locks a mutex whose holders never panic half-way through a change.
pub(crate) fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
