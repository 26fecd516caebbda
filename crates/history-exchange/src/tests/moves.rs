//! Who made a move, and records as rows.

use bitrix_client::{Deal, HistoryRecord};
use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta};
use exchange::Environment;

use crate::deals::DealFacts;
use crate::mapping::{RowError, Surroundings, row, table};
use crate::moves::{latest, responsible};

fn at(seconds: i64) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2024-03-31T02:30:00+03:00").unwrap() + TimeDelta::seconds(seconds)
}

fn record(id: i64, type_id: i64, seconds: i64) -> HistoryRecord {
    HistoryRecord {
        id,
        type_id: Some(type_id),
        owner_id: 7,
        created_time: at(seconds),
        category_id: 3,
        stage_semantic_id: Some("P".into()),
        stage_id: "C3:NEW".into(),
    }
}

fn deal_with(moved_after: i64, change: impl FnOnce(&mut Deal)) -> DealFacts {
    let mut deal = Deal {
        id: 7,
        assigned_by_id: Some(10),
        created_by: Some(20),
        moved_by: Some(30),
        moved_time: Some(at(moved_after)),
        category_id: Some(3),
        stage_id: Some("C3:NEW".into()),
        begin_date: NaiveDate::from_ymd_opt(2024, 3, 1),
        ..Deal::default()
    };
    change(&mut deal);
    DealFacts::from(&deal)
}

fn deal(moved_after: i64) -> DealFacts {
    deal_with(moved_after, |_| ())
}

#[test]
fn the_portal_tells_who_made_the_latest_move() {
    assert_eq!(
        responsible(&record(1, 2, 0), Some(&deal(5)), true),
        (Some(30), Some("moved_by"))
    );
    assert_eq!(
        responsible(&record(1, 2, 0), Some(&deal(-5)), true),
        (Some(30), Some("moved_by"))
    );
}

#[test]
fn a_move_at_another_time_or_not_the_latest_was_made_by_somebody_unknown() {
    let stand_in = (Some(10), Some("assigned_by"));
    assert_eq!(responsible(&record(1, 2, 0), Some(&deal(6)), true), stand_in);
    assert_eq!(responsible(&record(1, 2, 0), Some(&deal(0)), false), stand_in);
    let elsewhere = deal_with(0, |deal| deal.category_id = Some(0));
    assert_eq!(
        responsible(&record(1, 2, 0), Some(&elsewhere), true),
        stand_in,
        "it moved on to another pipeline"
    );
    let moved_on = deal_with(3, |deal| deal.stage_id = Some("C3:EXECUTING".into()));
    assert_eq!(
        responsible(&record(1, 2, 0), Some(&moved_on), true),
        stand_in,
        "the record of its later move is not visible yet"
    );
    let unknown = deal_with(0, |deal| deal.moved_by = None);
    assert_eq!(responsible(&record(1, 2, 0), Some(&unknown), true), stand_in);
}

#[test]
fn who_created_the_deal_made_its_first_row() {
    assert_eq!(
        responsible(&record(1, 1, 0), Some(&deal(99_999)), false),
        (Some(20), Some("moved_by"))
    );
}

#[test]
fn nothing_is_known_of_a_deal_that_cannot_be_read() {
    assert_eq!(responsible(&record(1, 1, 0), None, true), (None, None));
    let nobody = deal_with(0, |deal| {
        (deal.assigned_by_id, deal.created_by, deal.moved_by) = (None, None, None);
    });
    assert_eq!(responsible(&record(1, 2, 0), Some(&nobody), true), (None, None));
}

#[test]
fn the_latest_row_of_a_deal_goes_by_time_and_then_by_id() {
    // Row 5 became visible after row 6, but was made before it.
    let records = [
        record(4, 1, 0),
        record(6, 2, 10),
        record(5, 2, 20),
        record(7, 2, 20),
    ];
    assert_eq!(latest(&records).get(&7), Some(&7));
    assert_eq!(latest(&records[..3]).get(&7), Some(&5));
}

#[test]
fn a_record_becomes_a_row_with_everything_the_table_asks_for() {
    let map = table(Environment::Prod).unwrap();
    let lost = HistoryRecord {
        stage_semantic_id: Some("F".into()),
        ..record(9, 3, 0)
    };
    let around = Surroundings {
        name: Some("Отказ".into()),
        deal: Some(&deal(0)),
        latest: true,
        created: lost.created_time.naive_utc(),
    };
    let row = row(&map, lost, around).unwrap();
    let text = |column| row.text(&map, column);
    let number = |column| row.integer(&map, column);
    assert_eq!(row.key(), 9);
    assert_eq!(
        (number("TYPE_ID"), number("RECORD_TYPE_ID"), number("OWNER_ID")),
        (Some(2), Some(3), Some(7))
    );
    assert_eq!(
        (text("NAME"), text("IS_LOST"), text("STAGE_SEMANTIC_ID")),
        (Some("Отказ"), Some("Y"), Some("F"))
    );
    assert_eq!(
        (number("RESPONSIBLE_ID"), text("RESPONSIBLE_SOURCE")),
        (Some(30), Some("moved_by"))
    );
    assert_eq!(
        row.get(&map, "START_DATE"),
        Some(&NaiveDate::from_ymd_opt(2024, 3, 1).into())
    );
    assert_eq!(row.get(&map, "END_DATE"), Some(&None::<NaiveDate>.into()));
}

#[test]
fn a_number_too_large_for_its_column_is_refused_by_row_and_field() {
    let map = table(Environment::Prod).unwrap();
    let huge = HistoryRecord {
        category_id: i64::MAX,
        ..record(9, 3, 0)
    };
    let around = Surroundings {
        name: None,
        deal: None,
        latest: true,
        created: at(0).naive_utc(),
    };
    let RowError::Portal(error) = row(&map, huge, around).unwrap_err() else {
        panic!("the portal is at fault")
    };
    assert!(
        error.to_string().starts_with("history row 9: CATEGORY_ID"),
        "{error}"
    );
}
