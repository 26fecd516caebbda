//! Rows that only the table has: did the portal have them once? Pure.
//!
//! The portal gives IDs out in order and never again, and a row vanishes with its deal, or when its deal moves to another
//! pipeline, which makes a newer row. So most rows that it does not show may have been there. What cannot have been there is
//! only what the rules below say; in doubt a row counts as kept.

use chrono::{NaiveDateTime, TimeDelta};
use exchange::Absent;
use table_map::{Row, TableMap, Value};

use crate::mapping::DEAL;

/// IDs are given out in order of time, but for imports and transactions that end late.
const OUT_OF_ORDER: TimeDelta = TimeDelta::days(1);

/// What the portal tells of rows that it does not show.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence {
    /// The newest row of the portal in any pipeline, and when it was made, as the table writes it.
    pub(super) newest: Option<(i64, NaiveDateTime)>,
    /// Now, as the table writes it.
    pub(super) now: NaiveDateTime,
}

impl Evidence {
    /// Whether the row is above everything that the portal has: then whether its deal is still there tells more.
    pub(super) fn is_above(&self, row: &Row) -> bool {
        self.newest.is_some_and(|(id, _)| row.key() > id)
    }

    /// What is the case with a row that the portal does not have. `deal_is_there` counts for rows above all others.
    pub(super) fn judge(&self, map: &TableMap, row: &Row, deal_is_there: bool) -> Absent {
        let is_none_of_ours = row.key() < 1
            || row.integer(map, "OWNER_ID").is_none_or(|deal| deal < 1)
            || row.integer(map, "TYPE_ID") != Some(i64::from(DEAL));
        let created = match row.get(map, "CREATED_TIME") {
            Some(Value::DateTime(created)) => *created,
            _ => None,
        };
        let is_to_come = created.is_some_and(|created| created > self.now + OUT_OF_ORDER);
        // Above the newest row, only rows of a deal that is gone can have vanished, and they are not older than that row.
        let never_was = self.newest.is_some_and(|(id, made)| {
            let is_older = created.is_some_and(|created| created < made - OUT_OF_ORDER);
            row.key() > id && (deal_is_there || is_older)
        });
        if is_none_of_ours || is_to_come || never_was {
            Absent::Extra
        } else {
            Absent::Kept
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use exchange::Environment;

    use super::*;
    use crate::mapping::table;

    fn day(day: u32) -> NaiveDateTime {
        NaiveDate::from_ymd_opt(2024, 5, day)
            .unwrap()
            .and_hms_opt(12, 0, 0)
            .unwrap()
    }

    fn judged(id: i64, deal: i64, kind: i32, created: NaiveDateTime, deal_is_there: bool) -> Absent {
        let map = table(Environment::Test).unwrap();
        let row = Row::new(
            &map,
            vec![
                id.into(),
                kind.into(),
                deal.into(),
                created.into(),
                None::<NaiveDate>.into(),
                None::<NaiveDate>.into(),
                None::<String>.into(),
                None::<i64>.into(),
                3.into(),
                None::<String>.into(),
                "C3:NEW".into(),
                "N".into(),
                Some(2).into(),
                None::<String>.into(),
            ],
        )
        .unwrap();
        let evidence = Evidence {
            newest: Some((1000, day(10))),
            now: day(12),
        };
        evidence.judge(&map, &row, deal_is_there)
    }

    #[test]
    fn a_row_below_the_newest_one_may_have_vanished() {
        assert_eq!(judged(999, 7, 2, day(1), false), Absent::Kept);
        assert_eq!(
            judged(999, 7, 2, day(1), true),
            Absent::Kept,
            "its deal moved to another pipeline"
        );
    }

    #[test]
    fn a_row_above_the_newest_one_may_have_vanished_with_its_deal() {
        assert_eq!(judged(1001, 7, 2, day(11), false), Absent::Kept);
        assert_eq!(judged(1001, 7, 2, day(11), true), Absent::Extra);
        assert_eq!(
            judged(1001, 7, 2, day(8), false),
            Absent::Extra,
            "older than what has a lower ID"
        );
    }

    #[test]
    fn what_no_portal_has_is_extra() {
        assert_eq!(judged(0, 7, 2, day(1), false), Absent::Extra);
        assert_eq!(judged(-5, 7, 2, day(1), false), Absent::Extra);
        assert_eq!(judged(5, 0, 2, day(1), false), Absent::Extra);
        assert_eq!(
            judged(5, 7, 1, day(1), false),
            Absent::Extra,
            "the history of leads"
        );
        assert_eq!(judged(5, 7, 2, day(20), false), Absent::Extra, "in the future");
    }
}
