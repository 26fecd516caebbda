//! From when on rows are compared. Pure.

use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use table_map::{Row, TableMap, Value};

/// A time in the table, in the two forms in which it is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Since {
    /// As the table writes it.
    pub(super) written: NaiveDateTime,
    /// The first moment at which clocks in the table's zone show it, or something later: for asking the portal.
    pub(super) moment: DateTime<Utc>,
}

impl Since {
    pub(super) fn new(written: NaiveDateTime, zone: Tz) -> Self {
        /// No clock was ever put forward by more: a day, at the date line.
        const LONGEST_GAP: i64 = 25 * 3600;
        let shown = |later: &i64| {
            let face = written.checked_add_signed(TimeDelta::seconds(*later))?;
            zone.from_local_datetime(&face).earliest()
        };
        // A time that clocks skip stands for the moment at which they skip it.
        let first = (0..=LONGEST_GAP).find_map(|later| shown(&later));
        Self {
            written,
            moment: first.map_or_else(|| written.and_utc(), |moment| moment.to_utc()),
        }
    }

    /// Whether a row was created then or later, as far as it says so.
    pub(super) fn holds(&self, map: &TableMap, row: &Row) -> bool {
        match row.get(map, "CREATED_TIME") {
            Some(Value::DateTime(Some(created))) => *created >= self.written,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(written: &str, zone: Tz) -> String {
        let written = NaiveDateTime::parse_from_str(written, "%Y-%m-%d %H:%M:%S").unwrap();
        Since::new(written, zone).moment.to_rfc3339()
    }

    #[test]
    fn a_time_is_meant_in_the_zone_of_the_table() {
        assert_eq!(
            moment("2024-05-01 00:00:00", chrono_tz::Europe::Moscow),
            "2024-04-30T21:00:00+00:00"
        );
    }

    #[test]
    fn a_time_that_clocks_show_twice_is_the_first_of_both() {
        assert_eq!(
            moment("2024-10-27 02:30:00", chrono_tz::Europe::Berlin),
            "2024-10-27T00:30:00+00:00"
        );
    }

    #[test]
    fn a_time_that_clocks_skip_is_the_moment_at_which_they_skip_it() {
        assert_eq!(
            moment("2024-03-31 02:30:00", chrono_tz::Europe::Berlin),
            "2024-03-31T01:00:00+00:00"
        );
        assert_eq!(
            moment("2011-12-30 12:00:00", chrono_tz::Pacific::Apia),
            "2011-12-30T10:00:00+00:00"
        );
    }
}
