//! The least time in which anybody can read so many rows and their deals from a portal with limits. Pure.
//!
//! `docs/performance.md` derives it. It is a bound from below: the answers' own run time, the order in which deals become known,
//! and every request that is not a full batch of full pages are left out, so no client can be faster.

use std::time::Duration;

/// Rows on a page, and calls in a batch (vendor documentation, "list methods" and `batch`).
const FULL: u64 = 50;
/// A method's run time is summed over this long, in seconds: ten baskets of a minute.
const WINDOW: f64 = 600.0;

/// What a portal allows, and how long one of its pages takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limits {
    /// Requests a second that drain from the bucket.
    pub(crate) requests_per_second: f64,
    /// Requests the bucket holds.
    pub(crate) burst: u32,
    /// Run time a method may use in ten minutes, in seconds.
    pub(crate) operating_seconds: f64,
    /// Run time of one call.
    pub(crate) page_time: Duration,
}

impl Limits {
    /// The cloud's ordinary plan.
    pub(crate) const CLOUD: Self = Self {
        requests_per_second: 2.0,
        burst: 50,
        operating_seconds: 480.0,
        page_time: Duration::from_millis(20),
    };
    /// The cloud's Enterprise plan.
    pub(crate) const ENTERPRISE: Self = Self {
        requests_per_second: 5.0,
        burst: 250,
        ..Self::CLOUD
    };

    /// The least time for so many rows of so many deals.
    pub(crate) fn ceiling(&self, rows: u64, deals: u64) -> Ceiling {
        let history_pages = rows.div_ceil(FULL);
        let deal_pages = deals.div_ceil(FULL);
        let requests = (history_pages + deal_pages).div_ceil(FULL);
        // What the bucket holds may go at once; every further request waits until one has drained.
        let waiting = requests.saturating_sub(u64::from(self.burst));
        let by_requests = real(waiting) / self.requests_per_second;
        // A window's worth of run time may go at once; the next only when the first has left the sum.
        let windows = |pages: u64| {
            let run_time = real(pages) * self.page_time.as_secs_f64();
            ((run_time / self.operating_seconds).ceil() - 1.0).max(0.0) * WINDOW
        };
        let by_operating = windows(history_pages).max(windows(deal_pages));
        Ceiling {
            history_pages,
            deal_pages,
            requests,
            by_requests,
            by_operating,
        }
    }

    /// How many deals, each with `rows_a_deal` rows, keep the steady request rate busy for so many seconds after the burst.
    pub(crate) fn deals_for(&self, seconds: f64, rows_a_deal: f64) -> u32 {
        let calls = (f64::from(self.burst) + self.requests_per_second * seconds) * 50.0;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a size to choose; casts of floats stay within the type"
        )]
        let deals = (calls * 50.0 / (1.0 + rows_a_deal)) as u32;
        deals
    }
}

/// The least work and time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ceiling {
    pub(crate) history_pages: u64,
    pub(crate) deal_pages: u64,
    /// Full batches.
    pub(crate) requests: u64,
    /// Seconds by the limit on requests.
    pub(crate) by_requests: f64,
    /// Seconds by the limit on run time.
    pub(crate) by_operating: f64,
}

impl Ceiling {
    /// The least time in seconds: what the stricter limit asks for.
    pub(crate) fn seconds(&self) -> f64 {
        self.by_requests.max(self.by_operating)
    }
}

/// A count as a number to calculate with; counts here stay far below 2^53.
#[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
pub(crate) fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steady_rate_is_five_thousand_rows_a_second_by_requests() {
        let few = Limits::CLOUD.ceiling(200_000, 0);
        let more = Limits::CLOUD.ceiling(700_000, 0);
        assert_eq!(more.requests - few.requests, 200);
        assert!((500_000.0 / (more.seconds() - few.seconds()) - 5000.0).abs() < 1e-9);
    }

    #[test]
    fn what_the_bucket_holds_takes_no_time() {
        let full = Limits::CLOUD.ceiling(50 * 50 * 50, 0);
        assert_eq!((full.requests, full.seconds()), (50, 0.0));
        assert_eq!(Limits::CLOUD.ceiling(50 * 50 * 50 + 1, 0).seconds(), 0.5);
    }

    #[test]
    fn a_row_needs_its_deal_and_a_started_page_is_a_page() {
        let ceiling = Limits::CLOUD.ceiling(101, 51);
        assert_eq!(
            (ceiling.history_pages, ceiling.deal_pages, ceiling.requests),
            (3, 2, 1)
        );
    }

    #[test]
    fn run_time_beyond_a_window_waits_for_the_next() {
        let a_window = 480 * 50 * 50;
        assert_eq!(Limits::ENTERPRISE.ceiling(a_window, 0).by_operating, 0.0);
        let beyond = Limits::ENTERPRISE.ceiling(a_window + 1, 0);
        assert_eq!(beyond.by_operating, 600.0);
        assert_eq!(beyond.seconds(), 600.0);
        assert_eq!(
            Limits::ENTERPRISE.ceiling(a_window * 2 + 1, 0).by_operating,
            1200.0
        );
    }

    #[test]
    fn methods_have_their_run_time_each() {
        let a_window = 480 * 50 * 50;
        assert_eq!(Limits::CLOUD.ceiling(a_window, a_window).by_operating, 0.0);
    }

    #[test]
    fn the_size_that_is_chosen_keeps_the_steady_rate_busy_as_long_as_asked() {
        for limits in [Limits::CLOUD, Limits::ENTERPRISE] {
            let deals = u64::from(limits.deals_for(60.0, 4.0));
            let seconds = limits.ceiling(deals * 4, deals).seconds();
            assert!((59.0..=60.5).contains(&seconds), "{seconds}");
        }
    }
}
