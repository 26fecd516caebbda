//! The uploader against a portal on loopback and a database in memory.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ::agent::{FailureKind, Outcome};
use chrono::TimeDelta;
use demo_portal::{FaultKinds, PortalOptions};
use exchange::{Environment, Plugin, Settings};
use serde_json::{Value, json};
use store::Store;

use super::bench::{Bench, Faulty};
use crate::HistoryPlugin;
use crate::config::{Pace, UploaderConfig};
use crate::mapping::table;

#[tokio::test]
async fn every_row_comes_over_and_a_second_upload_changes_nothing() {
    let bench = Bench::new(300).await;
    let rows = u64::try_from(bench.truth().len()).unwrap();

    assert_eq!(
        bench.agent().activate(&bench.activation()).await.unwrap(),
        Outcome::Done
    );
    assert_eq!(bench.table().await, bench.truth());
    assert_eq!(bench.counts(), (rows, 0, 0));
    assert!(bench.exchange().verify(&|_| {}).await.unwrap().is_true());

    *bench.durable.input.lock().unwrap() = Value::Null;
    bench.agent().activate(&bench.activation()).await.unwrap();
    assert_eq!(bench.counts(), (0, 0, rows));
}

#[tokio::test]
async fn an_upload_asks_for_each_row_and_each_deal_once_and_in_full_requests() {
    let bench = Bench::new(3000).await;
    let rows = u64::try_from(bench.truth().len()).unwrap();
    let deals = u64::try_from(bench.portal.model().deals().len()).unwrap();
    let before = bench.portal.stats();
    bench.agent().activate(&bench.activation()).await.unwrap();
    let after = bench.portal.stats();
    let calls = after.calls - before.calls;
    let pages = rows.div_ceil(50) + deals.div_ceil(50);
    // Where rows were deleted pages are not full; stages, pipelines and the ends of the history take some calls, too.
    assert!(calls <= pages + pages / 8 + 20, "{calls} calls for {pages} pages");
    let requests = after.requests - before.requests;
    assert!(
        requests <= calls / 50 + 12,
        "{requests} requests for {calls} calls"
    );
}

#[tokio::test]
async fn a_row_has_its_stages_name_its_deals_dates_and_who_moved_it() {
    let bench = Bench::new(200).await;
    bench.agent().activate(&bench.activation()).await.unwrap();
    let map = table(Environment::Test).unwrap();
    let rows = bench.rows().await;
    let model = bench.portal.model();
    let stages = model.stages();
    let mut told = 0;
    for deal in model.deals() {
        let own: Vec<_> = model
            .history()
            .into_iter()
            .filter(|row| row.owner_id == deal.id && !row.hidden)
            .collect();
        let Some(last) = own.iter().max_by_key(|row| (row.created_time, row.id)) else {
            continue;
        };
        for record in &own {
            let row = &rows[&i64::from(record.id)];
            let stage = stages.iter().find(|stage| stage.status_id == record.stage_id);
            assert_eq!(row.text(&map, "NAME"), stage.map(|stage| stage.name.as_str()));
            assert_eq!(
                row.get(&map, "CREATED_TIME"),
                Some(&record.created_time.naive_utc().into())
            );
            if !deal.readable {
                assert_eq!(
                    (
                        row.integer(&map, "RESPONSIBLE_ID"),
                        row.text(&map, "RESPONSIBLE_SOURCE")
                    ),
                    (None, None)
                );
                continue;
            }
            assert_eq!(row.get(&map, "START_DATE"), Some(&deal.begin.calendar().into()));
            assert_eq!(row.get(&map, "END_DATE"), Some(&deal.close.calendar().into()));
            let close = (deal.moved_time - record.created_time).abs() <= TimeDelta::seconds(5);
            let (who, source) = if record.kind as u8 == 1 {
                (deal.created_by, "moved_by")
            } else if record.id == last.id && close && record.category_id == deal.category_id {
                told += 1;
                (deal.moved_by, "moved_by")
            } else {
                (deal.assigned_by_id, "assigned_by")
            };
            assert_eq!(
                row.integer(&map, "RESPONSIBLE_ID"),
                Some(i64::from(who)),
                "row {}",
                record.id
            );
            assert_eq!(
                row.text(&map, "RESPONSIBLE_SOURCE"),
                Some(source),
                "row {}",
                record.id
            );
        }
    }
    assert!(
        told > 50,
        "the data must hold enough deals whose last mover is known: {told}"
    );
}

#[tokio::test]
async fn a_later_move_beyond_the_end_of_a_step_takes_the_mover_from_the_earlier_one() {
    let bench = Bench::new(1).await;
    let model = bench.portal.model();
    let deal = model.add_deal("C3:NEW", "Two moves in one second", 1).unwrap();
    let first = model.move_deal(deal, "C3:PREPARATION", 2).unwrap();
    // The uploader's end was noted between the two moves.
    let second = model.move_deal(deal, "C3:EXECUTING", 3).unwrap();
    let context = bench.context();
    let stages = Arc::new(stage_list_exchange::StageList::new(context.clone()).unwrap());
    let map = table(Environment::Test).unwrap();
    let mut reader = crate::reader::Reader::new(context, map.clone(), stages)
        .await
        .unwrap();

    let step = reader
        .step(i64::from(first) - 100, i64::from(first))
        .await
        .unwrap();
    let earlier = step
        .rows
        .iter()
        .find(|row| row.key() == i64::from(first))
        .unwrap();
    assert_eq!(earlier.text(&map, "RESPONSIBLE_SOURCE"), Some("assigned_by"));

    let step = reader.step(i64::from(first), i64::from(second)).await.unwrap();
    assert_eq!(step.rows[0].text(&map, "RESPONSIBLE_SOURCE"), Some("moved_by"));
    assert_eq!(step.rows[0].integer(&map, "RESPONSIBLE_ID"), Some(3));
}

#[tokio::test]
async fn the_cursor_stays_behind_a_step_that_failed_and_the_next_activation_goes_on_from_there() {
    let bench = Bench::new(2000).await;
    bench.store.upserts_left.store(2, Ordering::SeqCst);
    let failure = bench.agent().activate(&bench.activation()).await.unwrap_err();
    assert!(
        matches!(failure.kind(), FailureKind::Passing { .. }),
        "{}",
        failure.report()
    );
    let cursor = bench.durable.input.lock().unwrap()["cursor"].as_i64().unwrap();
    let written: Vec<i64> = bench.truth().into_iter().filter(|id| *id <= cursor).collect();
    assert_eq!(bench.table().await, written, "exactly what the cursor says");
    assert!(!written.is_empty() && written.len() < bench.truth().len());

    bench.store.upserts_left.store(u32::MAX, Ordering::SeqCst);
    assert_eq!(
        bench.agent().activate(&bench.activation()).await.unwrap(),
        Outcome::Done
    );
    assert_eq!(bench.table().await, bench.truth());
    let cursors = bench.durable.cursors.lock().unwrap();
    assert!(cursors.is_sorted(), "a cursor never goes back");
    assert_eq!(
        bench.counts().0,
        u64::try_from(bench.truth().len()).unwrap(),
        "figures add up over activations"
    );
}

#[tokio::test]
async fn indexes_that_only_questions_need_are_made_when_all_rows_are_there() {
    let bench = Bench::new(2000).await;
    let map = table(Environment::Test).unwrap();
    let indexes = async || {
        let shape = bench.store.inspect(&map).await.unwrap().unwrap();
        let plan = store::planner::plan(&map, Some(&shape)).unwrap();
        (
            shape
                .indexes
                .iter()
                .any(|index| index.unique && index.columns == ["EXTERNAL_ID"]),
            plan.steps().len(),
        )
    };
    bench.store.upserts_left.store(1, Ordering::SeqCst);
    bench.agent().activate(&bench.activation()).await.unwrap_err();
    assert_eq!(
        indexes().await,
        (true, 2),
        "the referee is there, two others are not"
    );

    bench.store.upserts_left.store(u32::MAX, Ordering::SeqCst);
    let ended = bench.agent().activate(&bench.activation()).await.unwrap();
    assert_eq!(ended, Outcome::Done);
    assert_eq!(indexes().await, (true, 0), "nothing is lacking");
}

#[tokio::test]
async fn a_row_that_is_not_there_when_read_back_stops_the_cursor() {
    let bench = Bench::new(50).await;
    bench.store.loses_a_row.store(true, Ordering::SeqCst);
    let failure = bench.agent().activate(&bench.activation()).await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Permanent);
    assert!(
        failure.to_string().contains("is not in CRM_STAGE_HISTORY_TEST"),
        "{failure}"
    );
    let input = bench.durable.input.lock().unwrap().clone();
    assert_eq!(input["cursor"], input["from"]);
}

#[tokio::test]
async fn a_step_is_read_back_while_the_next_is_written_and_the_cursor_waits_for_it() {
    let bench = Bench::new(2000).await;
    bench.store.reads_back_after.store(2, Ordering::SeqCst);
    let (agent, activation) = (bench.agent(), bench.activation());
    let upload = tokio::spawn(async move { agent.activate(&activation).await });
    bench
        .store
        .steps_begun
        .subscribe()
        .wait_for(|begun| *begun == 2)
        .await
        .unwrap();
    assert_eq!(upload.await.unwrap().unwrap(), Outcome::Done);
    assert_eq!(bench.table().await, bench.truth());

    // With the second step written and the first never read back, no cursor has moved.
    let bench = Bench::new(2000).await;
    bench.store.reads_back_after.store(3, Ordering::SeqCst);
    let (agent, activation) = (bench.agent(), bench.activation());
    let mut begun = bench.store.steps_begun.subscribe();
    tokio::select! {
        _ = agent.activate(&activation) => panic!("a step was not read back"),
        _ = begun.wait_for(|begun| *begun == 2) => {}
    }
    let input = bench.durable.input.lock().unwrap().clone();
    assert_eq!(input["cursor"], input["from"]);
}

#[tokio::test]
async fn an_activation_dropped_at_any_moment_loses_nothing() {
    let bench = Bench::new(1500).await;
    for millis in [1, 5, 12, 25, 40, 60, 90] {
        let (agent, activation) = (bench.agent(), bench.activation());
        let cut = std::time::Duration::from_millis(millis);
        let _ended = tokio::time::timeout(cut, agent.activate(&activation)).await;
        let cursor = bench.durable.input.lock().unwrap()["cursor"].as_i64();
        let table = bench.table_if_there().await;
        for id in bench
            .truth()
            .iter()
            .filter(|id| cursor.is_some_and(|cursor| **id <= cursor))
        {
            assert!(
                table.binary_search(id).is_ok(),
                "row {id} is behind the cursor but not in the table"
            );
        }
    }
    while bench.agent().activate(&bench.activation()).await.unwrap() != Outcome::Done {}
    assert_eq!(bench.table().await, bench.truth());
}

#[tokio::test]
async fn a_portal_with_faults_gives_the_same_table() {
    let options = PortalOptions {
        deals: 300,
        seed: 11,
        fault_rate: 0.2,
        fault_delay: std::time::Duration::from_millis(1),
        faults: FaultKinds::ALL,
        ..PortalOptions::default()
    };
    let bench = Bench::with(options).await;
    loop {
        match bench.agent().activate(&bench.activation()).await {
            Ok(Outcome::Done) => break,
            Ok(_) => {}
            Err(failure) => assert!(
                matches!(failure.kind(), FailureKind::Passing { .. }),
                "{}",
                failure.report()
            ),
        }
    }
    assert!(bench.portal.stats().faults > 0);
    assert_eq!(bench.table().await, bench.truth());
}

#[tokio::test]
async fn only_the_chosen_pipelines_come_over() {
    let mut bench = Bench::new(300).await;
    bench.pipelines = vec![3];
    bench.agent().activate(&bench.activation()).await.unwrap();
    assert_eq!(bench.table().await, bench.truth());
    assert!(bench.exchange().verify(&|_| {}).await.unwrap().is_true());
}

#[tokio::test]
async fn state_of_another_portal_is_not_gone_on_from() {
    let mut bench = Bench::new(100).await;
    bench.agent().activate(&bench.activation()).await.unwrap();
    // The same state, but the target is another, empty database now.
    bench.store = Arc::new(Faulty::new());
    bench.agent().activate(&bench.activation()).await.unwrap();
    assert_eq!(
        bench.table().await,
        bench.truth(),
        "a new table starts the upload over"
    );

    bench.portal_name = "another";
    let before = bench.durable.cursors.lock().unwrap().len();
    bench.agent().activate(&bench.activation()).await.unwrap();
    let cursors = bench.durable.cursors.lock().unwrap();
    assert!(
        cursors[before] < *cursors.last().unwrap(),
        "it walked from the start"
    );
}

#[tokio::test]
async fn the_gentle_pace_writes_a_page_and_comes_back_after_two_minutes() {
    let bench = Bench::new(100).await;
    let context = bench.context();
    let settings = Settings::from_json(json!({ "uploader": { "pace": "gentle" } }));
    let exchange = HistoryPlugin.build(&context, &settings).unwrap();
    let agent = exchange.agents().remove(0).agent;
    let outcome = agent.activate(&bench.activation()).await.unwrap();
    let Outcome::Next { after, .. } = outcome else {
        panic!("there is more to do")
    };
    assert_eq!(after, std::time::Duration::from_secs(120));
    assert_eq!(bench.table().await, bench.truth()[..50]);
    while agent.activate(&bench.activation()).await.unwrap() != Outcome::Done {}
    assert_eq!(bench.table().await, bench.truth());
}

#[tokio::test]
async fn a_portal_without_history_is_done_at_once() {
    let bench = Bench::new(0).await;
    assert_eq!(
        bench.agent().activate(&bench.activation()).await.unwrap(),
        Outcome::Done
    );
    assert_eq!(bench.table().await, Vec::<i64>::new());
}

#[tokio::test]
async fn a_saved_input_of_another_shape_is_not_gone_on_from() {
    let bench = Bench::new(20).await;
    *bench.durable.input.lock().unwrap() = json!({ "page": 7 });
    assert_eq!(
        bench.agent().activate(&bench.activation()).await.unwrap(),
        Outcome::Done
    );
    assert_eq!(bench.table().await, bench.truth());
}

#[tokio::test]
async fn a_table_that_lost_its_rows_in_the_middle_of_an_upload_starts_it_over() {
    let mut bench = Bench::new(2000).await;
    bench.store.upserts_left.store(2, Ordering::SeqCst);
    bench.agent().activate(&bench.activation()).await.unwrap_err();
    // The table is made anew by another hand, so that the uploader meets an empty one that is there.
    bench.store = Arc::new(Faulty::new());
    let map = table(Environment::Test).unwrap();
    bench
        .store
        .apply(&store::planner::plan(&map, None).unwrap())
        .await
        .unwrap();
    bench.agent().activate(&bench.activation()).await.unwrap();
    assert_eq!(bench.table().await, bench.truth());
}

#[tokio::test]
async fn verification_writes_nothing() {
    let bench = Bench::new(50).await;
    bench.agent().activate(&bench.activation()).await.unwrap();
    let model = bench.portal.model();
    model
        .add_stage(3, "C3:UNSEEN", "Unseen", demo_portal::Semantics::InProgress)
        .unwrap();
    model
        .add_deal("C3:UNSEEN", "A deal in a stage that the table does not know", 1)
        .unwrap();
    let stages = stage_list_exchange::table(Environment::Test).unwrap();
    let before = bench.store.count(&stages).await.unwrap();
    let found = bench.exchange().verify(&|_| {}).await.unwrap();
    assert_eq!(found.missing.count, 1);
    assert_eq!(bench.store.count(&stages).await.unwrap(), before);
}

#[tokio::test]
async fn times_are_written_in_the_targets_zone_and_days_are_not_moved() {
    let mut bench = Bench::new(60).await;
    bench.timezone = chrono_tz::Pacific::Auckland;
    bench.agent().activate(&bench.activation()).await.unwrap();
    let map = table(Environment::Test).unwrap();
    let rows = bench.rows().await;
    for record in bench
        .portal
        .model()
        .history()
        .iter()
        .filter(|record| !record.hidden)
    {
        let local = record
            .created_time
            .with_timezone(&chrono_tz::Pacific::Auckland)
            .naive_local();
        let row = &rows[&i64::from(record.id)];
        assert_eq!(row.get(&map, "CREATED_TIME"), Some(&local.into()));
        if let Some(deal) = bench
            .portal
            .model()
            .deal(record.owner_id)
            .filter(|deal| deal.readable)
        {
            assert_eq!(row.get(&map, "START_DATE"), Some(&deal.begin.calendar().into()));
        }
    }
}

#[tokio::test]
async fn verification_tells_missing_different_and_kept_rows() {
    let bench = Bench::new(100).await;
    bench.agent().activate(&bench.activation()).await.unwrap();
    let model = bench.portal.model();
    let ids = bench.truth();
    let hidden = ids[10];
    model.hide_row(u32::try_from(hidden).unwrap()).unwrap();
    let deal = model
        .deals()
        .into_iter()
        .find(|deal| deal.readable && !deal.rows.is_empty())
        .unwrap();
    model
        .change_dates(deal.id, demo_portal::Date::Day(12_345), demo_portal::Date::Null)
        .unwrap();
    let added = model.add_deal("C3:NEW", "New", 1).unwrap();
    let newest = i64::from(*model.deal(added).unwrap().rows.last().unwrap());

    let found = bench.exchange().verify(&|_| {}).await.unwrap();

    assert!(!found.is_true());
    assert_eq!(found.missing.examples, [newest]);
    assert_eq!(found.kept.examples, [hidden]);
    assert!(found.different.count >= 1 && found.different.columns.contains_key("START_DATE"));
}

#[test]
fn the_configuration_knows_two_paces() {
    let pace = |text: &str| serde_json::from_value::<UploaderConfig>(json!({ "pace": text }));
    assert_eq!(pace("gentle").unwrap().pace, Pace::Gentle);
    assert!(pace("slow").unwrap_err().to_string().contains("fast"));
}
