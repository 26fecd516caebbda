//! What made-up data are like, and what changes do to them.

use std::collections::HashSet;

use chrono::DateTime;

use super::{Data, Date, EarlierRows, Model, RowKind, Semantics, generate};
use crate::clock::{Clock, Zone};
use crate::options::PortalOptions;

fn options(deals: u32) -> PortalOptions {
    PortalOptions {
        deals,
        started_at: DateTime::from_timestamp(1_765_000_000, 0),
        ..PortalOptions::default()
    }
}

fn model() -> Model {
    let options = options(200);
    Model::new(generate(&options), Clock::new(&options), Zone::new(&options))
}

fn made_up() -> Data {
    generate(&options(2000))
}

#[test]
fn the_same_seed_makes_the_same_data_and_another_seed_others() {
    let text = |seed| format!("{:?}", generate(&PortalOptions { seed, ..options(300) }));
    assert_eq!(text(7), text(7));
    assert_ne!(text(7), text(8));
}

#[test]
fn a_rare_pipeline_has_its_share_of_the_rows() {
    let data = generate(&PortalOptions {
        rare_share: Some(0.05),
        ..options(20_000)
    });
    let rare = data.rows.iter().filter(|row| row.pipeline == 1).count();
    let share = rare as f64 / data.rows.len() as f64;
    assert!((0.04..0.06).contains(&share), "{share}");
}

#[test]
fn every_deal_is_where_its_latest_row_says_and_was_saved_a_moment_later() {
    let data = made_up();
    assert_eq!(
        data.deals.iter().map(|deal| deal.rows.len()).sum::<usize>(),
        data.rows.len()
    );
    for deal in &data.deals {
        let rows: Vec<_> = deal
            .rows
            .iter()
            .map(|id| &data.rows[data.row_at(*id).unwrap()])
            .collect();
        assert!(rows.iter().all(|row| row.owner == deal.id));
        assert!(rows.is_sorted_by_key(|row| row.moment));
        let last = rows.last().unwrap();
        assert_eq!(
            (last.stage, last.pipeline, last.semantics),
            (deal.stage, deal.pipeline, deal.semantics)
        );
        assert!((0..=2).contains(&(deal.moved - last.moment)) && deal.updated >= deal.moved);
    }
}

#[test]
fn the_data_have_what_real_data_have() {
    let data = made_up();
    let rows = data.rows.len();
    assert!(
        (4.0..6.0).contains(&(rows as f64 / 2000.0)),
        "{rows} rows of 2000 deals"
    );
    let kinds: HashSet<RowKind> = data.rows.iter().map(|row| row.kind).collect();
    assert_eq!(kinds.len(), 4);
    let steps: Vec<u32> = data.rows.windows(2).map(|pair| pair[1].id - pair[0].id).collect();
    assert!(
        steps.iter().all(|step| *step > 0) && steps.iter().any(|step| *step > 500),
        "a big hole"
    );
    let missing = steps.iter().filter(|step| (2..500).contains(*step)).count();
    assert!(missing * 100 > rows, "small gaps");
    assert!(data.rows[0].id > 1 && data.rows.windows(2).any(|pair| pair[0].moment > pair[1].moment));
    let quick = data.deals.iter().filter(|deal| {
        let moments: Vec<i64> = deal
            .rows
            .iter()
            .map(|id| data.rows[data.row_at(*id).unwrap()].moment)
            .collect();
        moments.windows(2).any(|pair| pair[1] - pair[0] < 5)
    });
    assert!(quick.count() > 20, "deals moved twice within five seconds");
    let has = |date: Date| data.deals.iter().any(|deal| deal.close == date);
    assert!(has(Date::Null) && has(Date::Empty));
    assert!(
        data.deals
            .iter()
            .any(|deal| !deal.readable && !deal.rows.is_empty())
    );
    let days = (data.rows[rows - 1].moment - data.rows[0].moment) / 86_400;
    assert!(days > 1000, "{days} days");
}

#[test]
fn small_portals_are_whole_too() {
    for deals in [0, 1, 2, 5] {
        let data = generate(&options(deals));
        assert_eq!(data.deals.len(), deals as usize);
        assert!(data.rows.len() >= deals as usize && data.next_row >= 10_653);
    }
}

#[tokio::test(start_paused = true)]
async fn a_move_writes_a_row_and_tells_who_and_when() {
    let model = model();
    let deal = model.add_deal("C3:NEW", "Ada", 6).unwrap();
    let row = model.move_deal(deal, "C3:WON", 9).unwrap();
    let last = model.history().pop().unwrap();
    assert_eq!(
        (last.id, last.kind, last.owner_id, last.stage_id.as_str()),
        (row, RowKind::Finished, deal, "C3:WON")
    );
    assert_eq!(last.semantics, Semantics::Won);
    let state = model.deal(deal).unwrap();
    assert_eq!(
        (state.moved_by, state.created_by, state.moved_time),
        (9, 6, last.created_time)
    );
    assert_eq!(last.created_time.timestamp(), 1_765_000_000);
    assert_eq!(state.rows.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_deal_that_ends_is_closed_on_that_day() {
    let model = model();
    let close = |deal| model.deal(deal).unwrap().close.calendar().unwrap();
    let today = chrono::NaiveDate::from_ymd_opt(2025, 12, 6).unwrap();
    for (stage, days) in [("C3:PREPARATION", 7), ("C3:WON", 0), ("C3:LOSE", 0)] {
        let deal = model.add_deal("C3:NEW", "Ada", 6).unwrap();
        model.move_deal(deal, stage, 9).unwrap();
        assert_eq!(close(deal), today + chrono::Days::new(days), "{stage}");
    }
}

#[tokio::test(start_paused = true)]
async fn dates_and_responsible_users_change_the_deal_and_no_row() {
    let model = model();
    let (deal, rows) = (model.deals()[0].id, model.history());
    let day = chrono::NaiveDate::from_ymd_opt(2024, 2, 29).unwrap();
    model.change_dates(deal, day.into(), Date::Empty).unwrap();
    model.change_responsible(deal, 4711).unwrap();
    let state = model.deal(deal).unwrap();
    assert_eq!(
        (
            state.begin.calendar(),
            state.close.calendar(),
            state.assigned_by_id
        ),
        (Some(day), None, 4711)
    );
    assert_eq!(state.updated_time.timestamp(), 1_765_000_000);
    assert_eq!(model.history(), rows);
    model.hide_deal(deal).unwrap();
    assert!(!model.deal(deal).unwrap().readable);
    model.show_deal(deal).unwrap();
    assert!(model.deal(deal).unwrap().readable);
}

#[tokio::test(start_paused = true)]
async fn moves_that_make_no_sense_change_nothing() {
    let model = model();
    let deal = model.add_deal("C3:NEW", "Ada", 6).unwrap();
    let before = model.history();
    for moved in [
        model.move_deal(deal, "C3:NEW", 1),
        model.move_deal(deal, "NEW", 1),
        model.move_deal(deal, "C3:NOPE", 1),
        model.move_deal(1, "NEW", 1),
        model.move_to_pipeline(deal, "C3:WON", 1, EarlierRows::Keep),
    ] {
        assert!(moved.is_err());
    }
    assert_eq!(model.history(), before);
}

#[tokio::test(start_paused = true)]
async fn another_pipeline_keeps_or_drops_the_rows_from_before() {
    let model = model();
    for (earlier, kept) in [(EarlierRows::Keep, 2), (EarlierRows::Vanish, 1)] {
        let deal = model.add_deal("C3:NEW", "Ada", 6).unwrap();
        model.move_to_pipeline(deal, "C1:NEW", 6, earlier).unwrap();
        let rows: Vec<_> = model
            .history()
            .into_iter()
            .filter(|row| row.owner_id == deal)
            .collect();
        assert_eq!(rows.len(), kept);
        assert_eq!(rows[kept - 1].kind, RowKind::OtherPipeline);
        assert_eq!(model.deal(deal).unwrap().rows.len(), kept);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deleted_deal_takes_its_rows_and_comes_back_as_a_new_one() {
    let model = model();
    let old = model.deals()[3].clone();
    let rows = model.history_len();
    let bin = model.delete_deal(old.id).unwrap();
    assert_eq!(model.history_len(), rows - old.rows.len());
    assert_eq!(model.deal(old.id), None);
    let new = model.restore_deal(bin, 9);
    assert!(new > old.id);
    let state = model.deal(new).unwrap();
    assert_eq!(
        (state.stage_id, state.title, state.rows.len()),
        (old.stage_id, old.title, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn rows_may_come_late_below_the_newest() {
    let model = model();
    let unseen = model
        .move_deal_unseen(model.add_deal("NEW", "Ada", 1).unwrap(), "WON", 1)
        .unwrap();
    let newer = model.add_deal("NEW", "Zoë", 1).unwrap();
    let row = |id: u32| model.history().into_iter().find(|row| row.id == id).unwrap();
    assert!(row(unseen).hidden && unseen < model.highest_history_id());
    model.show_row(unseen).unwrap();
    assert!(!row(unseen).hidden);

    let ids: HashSet<u32> = model.history().iter().map(|row| row.id).collect();
    let gap = (10_653..).find(|id| !ids.contains(id)).unwrap();
    model
        .late_row(gap, newer, "EXECUTING", row(unseen).created_time)
        .unwrap();
    assert_eq!(row(gap).owner_id, newer);
    assert!(model.history().is_sorted_by_key(|row| row.id));
    assert_eq!(model.deal(newer).unwrap().rows[0], gap);
    assert!(
        model
            .late_row(gap, newer, "EXECUTING", row(gap).created_time)
            .is_err()
    );
    assert!(
        model
            .late_row(u32::MAX, newer, "EXECUTING", row(gap).created_time)
            .is_err()
    );
}

#[tokio::test(start_paused = true)]
async fn stages_are_renamed_sorted_recoded_removed_and_restored() {
    let model = model();
    let stage = |code: &str| model.stages().into_iter().find(|stage| stage.status_id == code);
    model.rename_stage("C3:NEW", "Erste Begegnung").unwrap();
    model.sort_stage("C3:NEW", 500).unwrap();
    let before = stage("C3:NEW").unwrap();
    assert_eq!((before.name.as_str(), before.sort), ("Erste Begegnung", 500));

    let rows = model
        .history()
        .iter()
        .filter(|row| row.stage_id == "C3:NEW")
        .count();
    model.recode_stage("C3:NEW", "C3:FIRST").unwrap();
    assert_eq!(
        model
            .history()
            .iter()
            .filter(|row| row.stage_id == "C3:FIRST")
            .count(),
        rows
    );
    assert!(stage("C3:NEW").is_none() && model.recode_stage("C3:FIRST", "WON").is_err());

    let removed = model.remove_stage("C3:FIRST").unwrap();
    assert!(stage("C3:FIRST").is_none());
    assert_eq!(
        model
            .history()
            .iter()
            .filter(|row| row.stage_id == "C3:FIRST")
            .count(),
        rows
    );
    model.restore_stage(removed.clone()).unwrap();
    assert_eq!(stage("C3:FIRST").unwrap().id, before.id);
    assert!(model.restore_stage(removed).is_err());

    let id = model
        .add_stage(3, "C3:UC_EXTRA1", "Zugabe", Semantics::Lost)
        .unwrap();
    assert_eq!(stage("C3:UC_EXTRA1").unwrap().id, id);
    assert!(
        model
            .add_stage(3, "C3:UC_EXTRA1", "again", Semantics::Lost)
            .is_err()
    );
    assert!(
        model
            .add_stage(77, "C77:NEW", "nowhere", Semantics::Lost)
            .is_err()
    );
}
