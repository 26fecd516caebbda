//! A period: from one day to another.

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime};

use crate::Error;

/// The longest period, in days: ten years.
pub const LONGEST: i64 = 3660;

/// Whole days, the last one included, in the target's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    from: NaiveDate,
    until: NaiveDate,
}

impl Period {
    /// The period from one day to another, both included.
    ///
    /// # Errors
    /// When it ends before it begins, has more than [`LONGEST`] days, or lies outside of the years 1900 to 9998.
    pub fn new(from: NaiveDate, until: NaiveDate) -> Result<Self, Error> {
        for day in [from, until] {
            if !(1900..9999).contains(&day.year()) {
                return Err(Error::OutOfTime(day));
            }
        }
        if until < from {
            return Err(Error::Backwards { from, until });
        }
        let days = (until - from).num_days() + 1;
        if days > LONGEST {
            return Err(Error::TooLong { days });
        }
        Ok(Self { from, until })
    }

    /// The first day.
    pub fn from(self) -> NaiveDate {
        self.from
    }

    /// The last day.
    pub fn until(self) -> NaiveDate {
        self.until
    }

    /// Its days.
    pub fn days(self) -> impl Iterator<Item = NaiveDate> {
        self.from.iter_days().take_while(move |day| *day <= self.until)
    }

    /// The Mondays of the weeks that it touches.
    pub fn mondays(self) -> impl Iterator<Item = NaiveDate> {
        let into_week = u64::from(self.from.weekday().num_days_from_monday());
        let first = self
            .from
            .checked_sub_days(Days::new(into_week))
            .unwrap_or(self.from);
        first.iter_weeks().take_while(move |monday| *monday <= self.until)
    }

    /// Midnight at its beginning, and midnight after its end.
    pub(crate) fn bounds(self) -> (NaiveDateTime, NaiveDateTime) {
        let after = self.until.succ_opt().unwrap_or(self.until);
        (self.from.and_time(NaiveTime::MIN), after.and_time(NaiveTime::MIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_period_has_its_first_and_its_last_day() {
        let one = Period::new(day("2024-02-29"), day("2024-02-29")).unwrap();
        assert_eq!(one.days().collect::<Vec<_>>(), [day("2024-02-29")]);
        assert_eq!(one.bounds().1, day("2024-03-01").and_time(NaiveTime::MIN));
        let week = Period::new(day("2024-12-30"), day("2025-01-06")).unwrap();
        assert_eq!(
            week.mondays().collect::<Vec<_>>(),
            [day("2024-12-30"), day("2025-01-06")]
        );
    }

    #[test]
    fn what_is_no_period_is_told() {
        assert!(matches!(
            Period::new(day("2024-02-02"), day("2024-02-01")),
            Err(Error::Backwards { .. })
        ));
        assert!(matches!(
            Period::new(day("1990-01-01"), day("2024-02-01")),
            Err(Error::TooLong { .. })
        ));
        assert!(matches!(
            Period::new(day("0001-01-01"), day("0001-02-01")),
            Err(Error::OutOfTime(_))
        ));
        assert!(matches!(
            Period::new(NaiveDate::MIN, NaiveDate::MAX),
            Err(Error::OutOfTime(_))
        ));
    }
}
