//! The actualizer's agents: each change of a portal ends in the table as the design says.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::agent::{Activation, Agent, CancellationToken, Outcome, SystemClock};
use chrono::TimeDelta;
use demo_portal::{Date, EarlierRows, Semantics};
use exchange::{Environment, PortalEvent};
use serde_json::{Value, json};
use store::Store as _;
use table_map::Row;

use super::bench::Bench;
use crate::mapping::table;
use crate::{AGENT, DEAL, FOLLOW, RECONCILE};

impl Bench {
    fn agent_called(&self, name: &str) -> Arc<dyn Agent> {
        self.exchange()
            .agents()
            .into_iter()
            .find(|spec| spec.agent.name() == name)
            .unwrap()
            .agent
    }

    async fn activate(&self, name: &str, key: &str, input: Value) -> Outcome {
        let activation = Activation::new(
            name,
            key,
            input,
            1,
            Arc::new(SystemClock),
            self.durable.clone(),
            CancellationToken::new(),
        );
        self.agent_called(name).activate(&activation).await.unwrap()
    }

    /// The input that the uploader queued for an agent.
    fn handed_to(&self, name: &str) -> Value {
        let queued = self.durable.queued.lock().unwrap();
        queued
            .iter()
            .rfind(|request| request.agent == name)
            .unwrap()
            .input
            .clone()
            .unwrap()
    }

    /// A bench whose upload is done.
    async fn uploaded(deals: u32) -> Self {
        let bench = Self::new(deals).await;
        assert_eq!(bench.activate(AGENT, "", Value::Null).await, Outcome::Done);
        bench
    }

    /// One look for new moves, from where the last one ended.
    async fn follow(&self) {
        let input = match self.durable.input.lock().unwrap().clone() {
            input if input.get("from").is_none() && !input.is_null() => input,
            _ => self.handed_to(FOLLOW),
        };
        assert_eq!(self.activate(FOLLOW, "", input).await, Outcome::Done);
    }

    async fn refresh(&self, deal: u32) {
        assert_eq!(
            self.activate(DEAL, &deal.to_string(), Value::Null).await,
            Outcome::Done
        );
    }

    async fn assert_true(&self) {
        let found = self.exchange().verify(&|_| {}).await.unwrap();
        assert!(found.is_true(), "{found:?}");
    }

    fn some_deal(&self) -> demo_portal::DealState {
        let deals = self.portal.model().deals();
        deals
            .into_iter()
            .find(|deal| deal.readable && deal.category_id == 3 && deal.rows.len() > 2)
            .unwrap()
    }
}

fn text(row: &Row, column: &str) -> Option<String> {
    row.text(&table(Environment::Test).unwrap(), column)
        .map(str::to_owned)
}

#[tokio::test]
async fn an_idle_look_is_one_request() {
    let bench = Bench::uploaded(200).await;
    bench.follow().await;
    let before = bench.portal.stats().requests;
    bench.follow().await;
    assert_eq!(bench.portal.stats().requests - before, 1);
}

#[tokio::test]
async fn a_change_that_no_event_told_of_is_found_by_the_next_look() {
    let bench = Bench::uploaded(200).await;
    bench.follow().await;
    let deal = bench.some_deal();
    let model = bench.portal.model();
    model.change_responsible(deal.id, 77).unwrap();
    model
        .change_dates(deal.id, Date::Day(19_000), Date::Empty)
        .unwrap();
    bench.follow().await;
    bench.assert_true().await;
    // Another change in the same second looks the same, so the deal is read once more, and then no more.
    model
        .change_dates(deal.id, Date::Day(18_000), Date::Empty)
        .unwrap();
    *bench.clock.0.lock().unwrap() += TimeDelta::seconds(3);
    bench.follow().await;
    bench.assert_true().await;
    let before = bench.portal.stats().requests;
    bench.follow().await;
    assert_eq!(bench.portal.stats().requests - before, 1);
}

#[tokio::test]
async fn a_mass_update_that_no_event_told_of_is_found_by_the_next_look() {
    let bench = Bench::uploaded(600).await;
    bench.follow().await;
    bench.portal.model().mass_update(500);
    bench.follow().await;
    bench.assert_true().await;
}

#[tokio::test]
async fn what_changes_during_the_upload_is_read_again_after_it() {
    let bench = Bench::new(1200).await;
    bench
        .store
        .upserts_left
        .store(1, std::sync::atomic::Ordering::SeqCst);
    let activation = bench.activation();
    bench.agent().activate(&activation).await.unwrap_err();
    let done = bench.rows().await;
    let map = table(Environment::Test).unwrap();
    let first = done
        .values()
        .find_map(|row| row.integer(&map, "OWNER_ID"))
        .unwrap();
    bench
        .portal
        .model()
        .change_dates(u32::try_from(first).unwrap(), Date::Day(19_000), Date::Null)
        .unwrap();
    bench
        .store
        .upserts_left
        .store(u32::MAX, std::sync::atomic::Ordering::SeqCst);
    bench.agent().activate(&bench.activation()).await.unwrap();
    bench.follow().await;
    bench.assert_true().await;
}

#[tokio::test]
async fn new_moves_come_over_with_all_other_rows_of_their_deals() {
    let bench = Bench::uploaded(100).await;
    let deal = bench.some_deal();
    let model = bench.portal.model();
    model
        .change_dates(deal.id, Date::Day(19_000), Date::Day(19_100))
        .unwrap();
    model.change_responsible(deal.id, 77).unwrap();
    let moved = model.move_deal(deal.id, "C3:WON", 88).unwrap();

    bench.follow().await;

    bench.assert_true().await;
    let rows = bench.rows().await;
    assert_eq!(
        text(&rows[&i64::from(moved)], "RESPONSIBLE_SOURCE").as_deref(),
        Some("moved_by")
    );
    let map = table(Environment::Test).unwrap();
    assert_eq!(rows[&i64::from(moved)].integer(&map, "RESPONSIBLE_ID"), Some(88));
    let first = &rows[&i64::from(deal.rows[0])];
    assert_eq!(
        first.get(&map, "START_DATE"),
        Some(&Date::Day(19_000).calendar().into())
    );
}

#[tokio::test]
async fn a_thousand_new_moves_come_over_in_one_look() {
    let bench = Bench::uploaded(300).await;
    let model = bench.portal.model();
    let deals: Vec<u32> = model
        .deals()
        .iter()
        .filter(|deal| deal.category_id == 3)
        .map(|deal| deal.id)
        .collect();
    for round in 0..1000 {
        let stage = if round % 2 == 0 {
            "C3:PREPARATION"
        } else {
            "C3:NEW"
        };
        model.move_deal(deals[round % deals.len()], stage, 5).ok();
    }
    bench.follow().await;
    bench.assert_true().await;
}

#[tokio::test]
async fn a_row_that_becomes_visible_late_below_the_cursor_is_found() {
    let bench = Bench::uploaded(100).await;
    let model = bench.portal.model();
    let deal = bench.some_deal();
    let late = model.move_deal_unseen(deal.id, "C3:PREPARATION", 5).unwrap();
    let newer = model.add_deal("C3:NEW", "Newer", 1).unwrap();
    bench.follow().await;
    assert!(
        !bench.table().await.contains(&i64::from(late)),
        "it cannot be seen yet"
    );
    assert!(
        bench
            .table()
            .await
            .contains(&i64::from(model.deal(newer).unwrap().rows[0]))
    );

    model.show_row(late).unwrap();
    bench.follow().await;
    assert!(bench.table().await.contains(&i64::from(late)));
    bench.assert_true().await;
}

#[tokio::test]
async fn a_row_that_was_changed_before_it_could_be_read_back_is_written_again_by_the_next_look() {
    // Given a look that wrote a row and failed then, so that its cursor stays, and somebody who changed the row. Its deal cannot be read, so
    // that it is not among those that changed.
    let bench = Bench::uploaded(100).await;
    let before = bench.handed_to(FOLLOW);
    let deal = bench.portal.model().add_deal("C3:NEW", "Newer", 1).unwrap();
    bench.portal.model().hide_deal(deal).unwrap();
    bench.follow().await;
    let id = i64::from(bench.portal.model().deal(deal).unwrap().rows[0]);
    let map = table(Environment::Test).unwrap();
    let written = bench.store.inner.read_back(&map, &[id]).await.unwrap();
    let mut values = written[0].values().to_vec();
    values[map.position("STAGE_ID").unwrap()] = "C3:CHANGED".into();
    let changed = Row::new(&map, values).unwrap();
    bench
        .store
        .inner
        .upsert(&map, &[changed], chrono::NaiveDateTime::default())
        .await
        .unwrap();

    assert_eq!(bench.activate(FOLLOW, "", before).await, Outcome::Done);

    bench.assert_true().await;
}

#[tokio::test]
async fn an_event_refreshes_dates_and_responsible_user_on_all_rows_of_the_deal() {
    let bench = Bench::uploaded(100).await;
    let deal = bench.some_deal();
    let model = bench.portal.model();
    model
        .change_dates(deal.id, Date::Day(19_000), Date::Empty)
        .unwrap();
    model.change_responsible(deal.id, 77).unwrap();

    bench.refresh(deal.id).await;

    let map = table(Environment::Test).unwrap();
    let rows = bench.rows().await;
    for id in deal.rows.iter().filter_map(|id| rows.get(&i64::from(*id))) {
        assert_eq!(
            id.get(&map, "START_DATE"),
            Some(&Date::Day(19_000).calendar().into())
        );
        if id.text(&map, "RESPONSIBLE_SOURCE") == Some("assigned_by") {
            assert_eq!(id.integer(&map, "RESPONSIBLE_ID"), Some(77));
        }
    }
    bench.assert_true().await;
}

#[tokio::test]
async fn who_moved_a_deal_stays_known_after_it_moved_again() {
    let bench = Bench::uploaded(50).await;
    let deal = bench.some_deal();
    let model = bench.portal.model();
    let first = model.move_deal(deal.id, "C3:PREPARATION", 21).unwrap();
    bench.refresh(deal.id).await;
    model.move_deal(deal.id, "C3:EXECUTING", 22).unwrap();
    bench.refresh(deal.id).await;
    let map = table(Environment::Test).unwrap();
    let rows = bench.rows().await;
    assert_eq!(rows[&i64::from(first)].integer(&map, "RESPONSIBLE_ID"), Some(21));
    assert_eq!(
        text(&rows[&i64::from(first)], "RESPONSIBLE_SOURCE").as_deref(),
        Some("moved_by")
    );
}

#[tokio::test]
async fn the_rows_of_a_deleted_deal_stay_as_they_were() {
    let bench = Bench::uploaded(100).await;
    let deal = bench.some_deal();
    let before = bench.rows().await;
    bench.portal.model().delete_deal(deal.id).unwrap();
    bench.refresh(deal.id).await;
    bench.follow().await;
    assert_eq!(bench.rows().await, before);
    let found = bench.exchange().verify(&|_| {}).await.unwrap();
    assert!(found.is_true() && found.kept.count > 0);
}

#[tokio::test]
async fn a_deal_that_moved_to_another_pipeline_keeps_its_earlier_rows() {
    for earlier in [EarlierRows::Keep, EarlierRows::Vanish] {
        let bench = Bench::uploaded(100).await;
        let deal = bench.some_deal();
        let before = bench.rows().await;
        let moved = bench
            .portal
            .model()
            .move_to_pipeline(deal.id, "NEW", 9, earlier)
            .unwrap();
        bench.refresh(deal.id).await;
        let rows = bench.rows().await;
        assert!(before.keys().all(|key| rows.contains_key(key)));
        let map = table(Environment::Test).unwrap();
        assert_eq!(rows[&i64::from(moved)].integer(&map, "RECORD_TYPE_ID"), Some(5));
        assert_eq!(rows[&i64::from(moved)].integer(&map, "CATEGORY_ID"), Some(0));
        bench.assert_true().await;
    }
}

#[tokio::test]
async fn an_unknown_stage_brings_the_stage_list_up_to_date_first() {
    let bench = Bench::uploaded(50).await;
    let model = bench.portal.model();
    model
        .add_stage(3, "C3:BRAND_NEW", "Совсем новая ✨", Semantics::InProgress)
        .unwrap();
    let deal = model
        .add_deal("C3:BRAND_NEW", "First in the new stage", 4)
        .unwrap();
    bench.follow().await;
    let row = &bench.rows().await[&i64::from(model.deal(deal).unwrap().rows[0])];
    assert_eq!(text(row, "NAME").as_deref(), Some("Совсем новая ✨"));
}

#[tokio::test]
async fn a_renamed_stage_changes_no_name_of_earlier_moves() {
    let bench = Bench::uploaded(100).await;
    let deal = bench.some_deal();
    let names = |rows: &BTreeMap<i64, Row>| -> Vec<_> {
        deal.rows
            .iter()
            .map(|id| rows.get(&i64::from(*id)).and_then(|row| text(row, "NAME")))
            .collect()
    };
    let before = names(&bench.rows().await);
    for stage in bench.portal.model().stages() {
        bench
            .portal
            .model()
            .rename_stage(&stage.status_id, "Renamed")
            .unwrap();
    }
    bench.refresh(deal.id).await;
    assert_eq!(names(&bench.rows().await), before);
}

#[tokio::test]
async fn many_deals_are_refreshed_in_one_activation() {
    let bench = Bench::uploaded(200).await;
    let model = bench.portal.model();
    let deals: Vec<u32> = model.deals().iter().map(|deal| deal.id).collect();
    for deal in &deals {
        model.change_responsible(*deal, 99).unwrap();
    }
    *bench.durable.waiting.lock().unwrap() = deals[1..].iter().map(u32::to_string).collect();
    let before = bench.portal.stats().requests;
    bench.refresh(deals[0]).await;
    bench.assert_true().await;
    let verify = 30;
    assert!(
        bench.portal.stats().requests - before < verify,
        "a few batches, not a request a deal"
    );
}

#[tokio::test]
async fn nothing_is_followed_before_the_upload_is_done_or_while_it_is_switched_off() {
    let bench = Bench::new(50).await;
    assert_eq!(bench.activate(FOLLOW, "", Value::Null).await, Outcome::Done);
    assert_eq!(bench.activate(RECONCILE, "", Value::Null).await, Outcome::Done);
    assert_eq!(bench.table_if_there().await, Vec::<i64>::new());

    bench.activate(AGENT, "", Value::Null).await;
    bench
        .panel
        .0
        .lock()
        .unwrap()
        .insert("actualizer.enabled".into(), json!(false));
    bench.portal.model().add_deal("C3:NEW", "Unseen", 1).unwrap();
    let before = bench.portal.stats().requests;
    bench.follow().await;
    bench.refresh(1).await;
    assert_eq!(bench.portal.stats().requests, before);
    assert_eq!(bench.table().await.len() + 1, bench.truth().len());
}

#[tokio::test]
async fn a_held_upload_waits_and_goes_on() {
    let bench = Bench::new(50).await;
    let hold = |held: bool| {
        bench
            .panel
            .0
            .lock()
            .unwrap()
            .insert("uploader.paused".into(), json!(held))
    };
    hold(true);
    assert!(matches!(
        bench.activate(AGENT, "", Value::Null).await,
        Outcome::Again { .. }
    ));
    assert_eq!(bench.table_if_there().await, Vec::<i64>::new());
    hold(false);
    bench
        .panel
        .0
        .lock()
        .unwrap()
        .insert("uploader.pace".into(), json!("gentle"));
    assert!(matches!(
        bench.activate(AGENT, "", Value::Null).await,
        Outcome::Next { .. }
    ));
    assert_eq!(bench.table().await.len(), 50, "the pace that was switched to");
}

#[tokio::test]
async fn reconciliation_finds_and_mends_what_nobody_told_of() {
    let bench = Bench::uploaded(300).await;
    let model = bench.portal.model();
    let deal = bench.some_deal();
    model.change_responsible(deal.id, 99).unwrap();
    model
        .change_dates(deal.id, Date::Day(19_000), Date::Null)
        .unwrap();
    let long_ago = i64::from(deal.rows[0]) + 1;
    let free = (long_ago..).find(|id| !bench.truth().contains(id)).unwrap();
    let when = model.history()[0].created_time + TimeDelta::days(1);
    model
        .late_row(u32::try_from(free).unwrap(), deal.id, "C3:PREPARATION", when)
        .unwrap();

    let mut input = bench.handed_to(RECONCILE);
    loop {
        match bench.activate(RECONCILE, "", input).await {
            Outcome::Next { input: next, after } => {
                assert!(
                    after >= std::time::Duration::from_secs(12),
                    "a small share of the portal's limits"
                );
                input = next;
            }
            outcome => break assert_eq!(outcome, Outcome::Done),
        }
    }

    bench.assert_true().await;
    let progress = bench.durable.progress.lock().unwrap().clone().unwrap();
    assert_eq!(progress.counts["missing"], 1);
    assert!(progress.counts["different"] >= 2);
    assert_eq!(
        bench.durable.input.lock().unwrap()["turn"],
        Value::Null,
        "the next turn begins anew"
    );
}

#[tokio::test]
async fn events_about_deals_queue_a_refresh_of_the_deal_and_a_look_and_others_nothing() {
    let bench = Bench::new(1).await;
    let exchange = bench.exchange();
    let event = |code: &str, object_id| PortalEvent {
        code: code.to_owned(),
        object_id,
    };
    for code in [
        "ONCRMDEALADD",
        "ONCRMDEALUPDATE",
        "ONCRMDEALDELETE",
        "ONCRMDEALMOVETOCATEGORY",
    ] {
        let requests = exchange.on_event(&event(code, Some(759)));
        let asked: Vec<_> = requests
            .iter()
            .map(|request| (request.agent.as_str(), request.key.as_str()))
            .collect();
        assert_eq!(asked, [(DEAL, "759"), (FOLLOW, "")]);
    }
    assert_eq!(exchange.on_event(&event("ONCRMDEALUPDATE", None)), vec![]);
    assert_eq!(exchange.on_event(&event("ONCRMLEADADD", Some(1))), vec![]);
}
