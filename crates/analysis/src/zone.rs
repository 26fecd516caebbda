//! The time of day in a zone, said in SQL.
//!
//! A table's times are clock faces of the target's zone, and databases know zones by names of their own or not at all. So the
//! zone's own rules are written out: its distance from UTC, and, where that changes, the changes from [`FIRST`] to [`LAST`], as the
//! program's time-zone data knows them. A program with newer data makes the view anew, as its definition is another one then.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;
use sea_query::{CaseStatement, Cond, Expr, ExprTrait};
use table_map::Dialect;

/// The first year whose changes are written out. Before it, the distance at its beginning holds.
const FIRST: i32 = 2024;

/// The last year whose changes are written out. After it, the distance at its end holds.
const LAST: i32 = 2040;

/// The time of the statement, as clocks in the zone show it.
pub(crate) fn now(dialect: &dyn Dialect, zone: Tz) -> Expr {
    let (begin, changes) = changes(zone);
    let seconds = match changes.last() {
        None if begin == 0 => return dialect.utc_now(),
        None => Expr::val(begin),
        Some((_, last)) => {
            let mut case = CaseStatement::new();
            let mut before = begin;
            for (at, after) in &changes {
                case = case.case(
                    Cond::all().add(dialect.utc_now().lt(dialect.time(*at))),
                    Expr::val(before),
                );
                before = *after;
            }
            case.finally(Expr::val(*last)).into()
        }
    };
    dialect.later(dialect.utc_now(), seconds)
}

/// The distance at the beginning of the first year, and the changes: when, in UTC, and to what. Distances are in seconds.
fn changes(zone: Tz) -> (i32, Vec<(NaiveDateTime, i32)>) {
    let distance = |at: NaiveDateTime| zone.offset_from_utc_datetime(&at).fix().local_minus_utc();
    let beginning_of = |year| {
        let day = NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or(NaiveDate::MIN);
        day.and_time(NaiveTime::MIN)
    };
    let begin = beginning_of(FIRST);
    let mut found = Vec::new();
    let mut day = begin;
    while day < beginning_of(LAST + 1) {
        let next = day + TimeDelta::days(1);
        if distance(day) != distance(next) {
            found.push((moment_of_change(day, next, distance), distance(next)));
        }
        day = next;
    }
    (distance(begin), found)
}

/// The first second from which on the distance is that of `until`.
fn moment_of_change(
    from: NaiveDateTime,
    until: NaiveDateTime,
    distance: impl Fn(NaiveDateTime) -> i32,
) -> NaiveDateTime {
    let old = distance(from);
    let (mut low, mut high) = (from.and_utc().timestamp(), until.and_utc().timestamp());
    let at = |second| DateTime::from_timestamp(second, 0).map_or(until, |time| time.naive_utc());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if distance(at(middle)) == old {
            low = middle;
        } else {
            high = middle;
        }
    }
    at(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap()
    }

    #[test]
    fn a_zone_without_summer_time_has_one_distance() {
        assert_eq!(changes(chrono_tz::Europe::Moscow), (3 * 3600, Vec::new()));
        assert_eq!(changes(chrono_tz::UTC), (0, Vec::new()));
    }

    #[test]
    fn the_changes_of_a_zone_are_found_to_the_second() {
        let (begin, changes) = changes(chrono_tz::Europe::Berlin);
        assert_eq!(begin, 3600);
        assert_eq!(changes[0], (at("2024-03-31 01:00:00"), 7200));
        assert_eq!(changes[1], (at("2024-10-27 01:00:00"), 3600));
        assert_eq!(changes.len(), 34, "two a year until the end of 2040");
    }
}
