//! The portal's clock and its time zone.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use tokio::time::Instant;

use crate::options::PortalOptions;

/// A clock that was set once and runs on with tokio's time, so that a test can pause it.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    set_to: f64,
    set_at: Instant,
}

impl Clock {
    pub(crate) fn new(options: &PortalOptions) -> Self {
        let set_to = options.started_at.unwrap_or_else(machine_clock);
        #[allow(
            clippy::cast_precision_loss,
            reason = "microseconds of this century fit into 53 bits"
        )]
        let set_to = set_to.timestamp_micros() as f64 / 1e6;
        Self {
            set_to,
            set_at: Instant::now(),
        }
    }

    /// Unix time in seconds, with fractions.
    pub(crate) fn now(&self) -> f64 {
        self.set_to + self.set_at.elapsed().as_secs_f64()
    }
}

/// The only look at the machine's clock: a client compares `operating_reset_at` with its own.
#[allow(
    clippy::disallowed_methods,
    reason = "this is the portal's clock being set, once at its start"
)]
fn machine_clock() -> DateTime<Utc> {
    Utc::now()
}

/// The whole second a moment lies in.
#[allow(
    clippy::cast_possible_truncation,
    reason = "seconds of any date the portal knows fit easily"
)]
pub(crate) fn whole_seconds(moment: f64) -> i64 {
    moment.floor() as i64
}

/// The portal's time zone: an offset, and an hour more in summer if it keeps summer time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Zone {
    winter: i32,
    summer_time: bool,
}

impl Zone {
    pub(crate) fn new(options: &PortalOptions) -> Self {
        Self {
            winter: options.utc_offset.local_minus_utc(),
            summer_time: options.summer_time,
        }
    }

    /// Seconds to add to UTC at this moment.
    pub(crate) fn offset_at(self, moment: i64) -> i32 {
        if self.summer_time && is_european_summer(moment) {
            self.winter + 3600
        } else {
            self.winter
        }
    }

    /// The moment a local time names. An hour that comes twice is the first of the two; one that is skipped
    /// counts with the winter offset.
    pub(crate) fn to_moment(self, local: i64) -> i64 {
        let summer = local - i64::from(self.winter) - 3600;
        if self.offset_at(summer) != self.winter {
            summer
        } else {
            local - i64::from(self.winter)
        }
    }
}

/// Whether it is summer by the European rule: last Sunday of March to last Sunday of October, 01:00 UTC.
fn is_european_summer(moment: i64) -> bool {
    let Some(date) = DateTime::from_timestamp(moment, 0) else {
        return false;
    };
    match date.month() {
        1 | 2 | 11 | 12 => false,
        4..=9 => true,
        month => {
            let change = NaiveDate::from_ymd_opt(date.year(), month, 31)
                .map(|last| last - chrono::Days::new(u64::from(last.weekday().num_days_from_sunday())))
                .and_then(|sunday| sunday.and_hms_opt(1, 0, 0))
                .map_or(i64::MAX, |at| at.and_utc().timestamp());
            (moment >= change) == (month == 3)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> Zone {
        Zone {
            winter: 3600,
            summer_time: true,
        }
    }

    #[test]
    fn summer_time_begins_and_ends_on_the_last_sunday_at_one_utc() {
        // 2024-03-31T01:00Z and 2024-10-27T01:00Z, from the European Union's calendar.
        for (moment, offset) in [
            (1_711_846_799, 3600),
            (1_711_846_800, 7200),
            (1_729_990_799, 7200),
            (1_729_990_800, 3600),
        ] {
            assert_eq!(berlin().offset_at(moment), offset, "{moment}");
        }
    }

    #[test]
    fn a_local_time_comes_back_to_its_moment() {
        for moment in [1_711_846_799, 1_711_846_800, 1_729_900_000, 1_729_994_400] {
            let local = moment + i64::from(berlin().offset_at(moment));
            assert_eq!(berlin().to_moment(local), moment);
        }
    }
}
