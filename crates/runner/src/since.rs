//! From when on rows are compared, as people write it.

use std::str::FromStr;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};
use exchange::Context;

/// A date, with a time or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// On the clocks of the target's time zone.
    Written(NaiveDateTime),
    /// A moment, wherever.
    Moment(DateTime<FixedOffset>),
}

/// A text that is no date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no date: write 2024-05-01, 2024-05-01T09:00, or 2024-05-01T09:00:00+03:00")]
pub struct NoDate(String);

impl FromStr for Since {
    type Err = NoDate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let trimmed = text.trim();
        if let Ok(moment) = DateTime::parse_from_rfc3339(trimmed) {
            return Ok(Self::Moment(moment));
        }
        if let Ok(day) = NaiveDate::parse_from_str(trimmed, "%Y-%m-%d") {
            return Ok(Self::Written(day.and_time(NaiveTime::MIN)));
        }
        let forms = [
            "%Y-%m-%dT%H:%M:%S",
            "%Y-%m-%dT%H:%M",
            "%Y-%m-%d %H:%M:%S",
            "%Y-%m-%d %H:%M",
        ];
        forms
            .iter()
            .find_map(|form| NaiveDateTime::parse_from_str(trimmed, form).ok())
            .map(Self::Written)
            .ok_or_else(|| NoDate(text.to_owned()))
    }
}

impl Since {
    /// As the table writes it.
    pub(crate) fn in_the_table(self, context: &Context) -> NaiveDateTime {
        match self {
            Self::Written(time) => time,
            Self::Moment(moment) => context.target_time(&moment),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_with_a_time_a_zone_or_neither() {
        let shown = |text: &str| match text.parse::<Since>().unwrap() {
            Since::Written(time) => time.to_string(),
            Since::Moment(moment) => moment.to_rfc3339(),
        };
        assert_eq!(shown("2024-05-01"), "2024-05-01 00:00:00");
        assert_eq!(shown("2024-05-01T09:30"), "2024-05-01 09:30:00");
        assert_eq!(shown(" 2024-05-01 09:30:15 "), "2024-05-01 09:30:15");
        assert_eq!(shown("2024-05-01T09:30:00+03:00"), "2024-05-01T09:30:00+03:00");
    }

    #[test]
    fn what_is_no_date_is_told_with_how_to_write_one() {
        for wrong in ["", "yesterday", "01.05.2024", "2024-13-01", "2024-05-01T25:00"] {
            let error = wrong.parse::<Since>().unwrap_err();
            assert!(error.to_string().contains("2024-05-01T09:00"), "{error}");
        }
    }
}
