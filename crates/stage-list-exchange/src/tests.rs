//! The stage list against a portal on loopback and a database in memory.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::agent::{Clock, FailureKind};
use bitrix_client::{Client, ClientConfig, RetryPolicy, Status};
use chrono::{DateTime, TimeDelta, Utc};
use demo_portal::{Portal, PortalOptions, RunningPortal, Semantics};
use exchange::{Context, Environment, Settings, WriteCounts};
use proptest::prelude::*;
use store::Store;
use store_sqlite::SqliteStore;
use table_map::Row;

use super::*;

/// A clock that moves only when a test says so.
struct Hands(Mutex<DateTime<Utc>>);

impl Clock for Hands {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

struct Bench {
    portal: RunningPortal,
    store: Arc<SqliteStore>,
    clock: Arc<Hands>,
}

impl Bench {
    async fn new() -> Self {
        let options = PortalOptions {
            deals: 10,
            seed: 3,
            ..PortalOptions::default()
        };
        Self {
            portal: Portal::start(options, "127.0.0.1:0".parse().unwrap())
                .await
                .unwrap(),
            store: Arc::new(SqliteStore::in_memory().unwrap()),
            clock: Arc::new(Hands(Mutex::new("2026-03-01T12:00:00Z".parse().unwrap()))),
        }
    }

    fn context(&self, pipelines: &[i64]) -> Context {
        let webhook = self.portal.webhook_url().parse().unwrap();
        let retry = RetryPolicy {
            min_delay: Duration::from_millis(1),
            max_delay: Duration::from_millis(5),
            ..RetryPolicy::default()
        };
        let config = ClientConfig {
            requests_per_second: 0.0,
            retry,
            ..ClientConfig::new(webhook)
        };
        Context {
            portal: Client::new(config).unwrap(),
            portal_name: "demo".to_owned(),
            store: self.store.clone(),
            environment: Environment::Test,
            timezone: chrono_tz::UTC,
            pipelines: pipelines.to_vec(),
            clock: self.clock.clone(),
            switches: Arc::new(exchange::NoSwitches),
        }
    }

    fn list(&self, pipelines: &[i64]) -> StageList {
        StageList::new(self.context(pipelines)).unwrap()
    }

    fn later(&self) {
        *self.clock.0.lock().unwrap() += TimeDelta::minutes(5);
    }

    async fn rows(&self) -> Vec<Row> {
        self.store
            .scan(&table(Environment::Test).unwrap(), None, 1000)
            .await
            .unwrap()
    }

    /// A column of the row of a stage, the active row where there are several.
    async fn cell(&self, status: &str, column: &str) -> Option<String> {
        let map = table(Environment::Test).unwrap();
        let rows = self.rows().await;
        let mut found: Vec<&Row> = rows
            .iter()
            .filter(|row| row.text(&map, "STATUS_ID") == Some(status))
            .collect();
        found.sort_by_key(|row| row.text(&map, "ACTIVE") != Some("Y"));
        let row = found.first()?;
        row.text(&map, column)
            .map(str::to_owned)
            .or_else(|| row.integer(&map, column).map(|number| number.to_string()))
    }
}

fn counts(inserted: u64, changed: u64, unchanged: u64) -> WriteCounts {
    WriteCounts {
        inserted,
        changed,
        unchanged,
    }
}

#[tokio::test]
async fn all_stages_come_over_in_one_go_and_running_twice_changes_nothing() {
    let bench = Bench::new().await;
    let stages = u64::try_from(bench.portal.model().stages().len()).unwrap();

    let first = bench.list(&[]).sync().await.unwrap();
    assert_eq!((first.portal, first.written), (stages, counts(stages, 0, 0)));
    bench.later();
    let second = bench.list(&[]).sync().await.unwrap();
    assert_eq!((second.written, second.deactivated), (counts(0, 0, stages), 0));

    let map = table(Environment::Test).unwrap();
    for stage in bench.portal.model().stages() {
        let rows = bench.rows().await;
        let row = rows.iter().find(|row| row.key() == i64::from(stage.id)).unwrap();
        assert_eq!(row.text(&map, "NAME"), Some(stage.name.as_str()));
        assert_eq!(row.text(&map, "STATUS_ID"), Some(stage.status_id.as_str()));
        assert_eq!(row.text(&map, "ENTITY_ID"), Some(stage.entity_id.as_str()));
        assert_eq!(
            row.integer(&map, "CATEGORY_ID"),
            Some(i64::from(stage.category_id))
        );
        assert_eq!(row.integer(&map, "SORT"), Some(stage.sort));
        assert_eq!(row.text(&map, "ACTIVE"), Some("Y"));
    }
}

#[tokio::test]
async fn a_renamed_and_a_reordered_stage_are_changed_and_nothing_else_is() {
    let bench = Bench::new().await;
    bench.list(&[]).sync().await.unwrap();
    bench
        .portal
        .model()
        .rename_stage("C3:NEW", "Знакомство \"♥\" [новое]")
        .unwrap();
    bench.portal.model().sort_stage("C3:WON", 777).unwrap();
    bench.later();

    let synced = bench.list(&[]).sync().await.unwrap();

    assert_eq!(
        (
            synced.written.inserted,
            synced.written.changed,
            synced.deactivated
        ),
        (0, 2, 0)
    );
    assert_eq!(
        bench.cell("C3:NEW", "NAME").await.as_deref(),
        Some("Знакомство \"♥\" [новое]")
    );
    assert_eq!(bench.cell("C3:WON", "SORT").await.as_deref(), Some("777"));
}

#[tokio::test]
async fn a_removed_stage_becomes_inactive_and_a_returned_one_active_again() {
    let bench = Bench::new().await;
    bench.list(&[]).sync().await.unwrap();
    let before = bench.rows().await.len();

    let removed = bench.portal.model().remove_stage("C3:PREPARATION").unwrap();
    let synced = bench.list(&[]).sync().await.unwrap();
    assert_eq!(
        (synced.deactivated, bench.rows().await.len()),
        (1, before),
        "nothing is deleted"
    );
    assert_eq!(bench.cell("C3:PREPARATION", "ACTIVE").await.as_deref(), Some("N"));
    assert_eq!(
        bench.list(&[]).sync().await.unwrap().deactivated,
        0,
        "once is enough"
    );

    bench.portal.model().restore_stage(removed).unwrap();
    bench.list(&[]).sync().await.unwrap();
    assert_eq!(bench.cell("C3:PREPARATION", "ACTIVE").await.as_deref(), Some("Y"));
}

#[tokio::test]
async fn an_added_stage_is_added() {
    let bench = Bench::new().await;
    bench.list(&[3]).sync().await.unwrap();
    bench
        .portal
        .model()
        .add_stage(3, "C3:EXTRA", "Ещё одна 🚀", Semantics::InProgress)
        .unwrap();
    assert_eq!(bench.list(&[3]).sync().await.unwrap().written.inserted, 1);
    assert_eq!(
        bench.cell("C3:EXTRA", "NAME").await.as_deref(),
        Some("Ещё одна 🚀")
    );
}

#[tokio::test]
async fn only_the_chosen_pipelines_come_over_and_others_are_left_alone() {
    let bench = Bench::new().await;
    bench.list(&[]).sync().await.unwrap();
    // A stage of a pipeline that is no longer asked for vanishes; we no longer look, so we must not judge.
    bench.portal.model().remove_stage("NEW").ok();
    bench.portal.model().remove_stage("PREPARATION").unwrap();
    let synced = bench.list(&[3]).sync().await.unwrap();
    assert_eq!(synced.deactivated, 0);
    assert_eq!(bench.cell("PREPARATION", "ACTIVE").await.as_deref(), Some("Y"));
}

#[tokio::test]
async fn a_pipeline_that_never_was_is_refused_before_anything_is_written() {
    let bench = Bench::new().await;
    let failure = bench.list(&[3, 77]).sync().await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Permanent);
    assert!(
        failure.report().contains("no pipeline 77"),
        "{}",
        failure.report()
    );
    assert_eq!(bench.rows().await, vec![]);
}

#[tokio::test]
async fn a_portal_that_fails_leaves_the_table_as_it_was() {
    let bench = Bench::new().await;
    bench.list(&[]).sync().await.unwrap();
    let before = bench.rows().await;
    let context = bench.context(&[]);
    bench.portal.stop().await;
    let failure = StageList::new(context).unwrap().sync().await.unwrap_err();
    assert!(
        matches!(failure.kind(), FailureKind::Passing { .. }),
        "{}",
        failure.report()
    );
    let map = table(Environment::Test).unwrap();
    assert_eq!(bench.store.scan(&map, None, 1000).await.unwrap(), before);
}

#[tokio::test]
async fn verification_tells_what_differs() {
    let bench = Bench::new().await;
    let exchange = StageListPlugin
        .build(&bench.context(&[]), &Settings::default())
        .unwrap();
    bench.list(&[]).sync().await.unwrap();
    assert!(exchange.verify(&|_| {}).await.unwrap().is_true());

    let model = bench.portal.model();
    model.rename_stage("C3:NEW", "Another").unwrap();
    model
        .add_stage(3, "C3:EXTRA", "Extra", Semantics::InProgress)
        .unwrap();
    let gone = model
        .stages()
        .into_iter()
        .find(|stage| stage.status_id == "C3:PREPARATION")
        .unwrap();
    model.remove_stage("C3:PREPARATION").unwrap();
    let found = exchange.verify(&|_| {}).await.unwrap();
    assert_eq!(
        (found.missing.count, found.different.count, found.extra.count),
        (1, 1, 1)
    );
    assert!(found.different.columns.keys().eq(["NAME"]));
    assert_eq!(found.extra.examples, [i64::from(gone.id)]);

    bench.list(&[]).sync().await.unwrap();
    let mended = exchange.verify(&|_| {}).await.unwrap();
    assert!(mended.is_true());
    assert_eq!(mended.kept.count, 1);
}

#[tokio::test]
async fn names_of_removed_stages_are_still_known() {
    let bench = Bench::new().await;
    let list = bench.list(&[]);
    list.sync().await.unwrap();
    let name = list
        .names()
        .await
        .unwrap()
        .get("C3:PREPARATION")
        .map(ToString::to_string);
    bench.portal.model().remove_stage("C3:PREPARATION").unwrap();
    list.sync().await.unwrap();
    assert!(name.is_some());
    assert_eq!(
        list.names()
            .await
            .unwrap()
            .get("C3:PREPARATION")
            .map(ToString::to_string),
        name
    );
}

fn status(id: i64, entity: &str, category: Option<i64>) -> Status {
    Status {
        id,
        entity_id: entity.to_owned(),
        status_id: "C3:NEW".to_owned(),
        name: "New".to_owned(),
        name_init: Some(String::new()),
        sort: 10,
        system: true,
        semantics: None,
        category_id: category,
        color: None,
    }
}

#[test]
fn a_category_that_the_portal_leaves_out_is_the_default_or_what_the_list_says() {
    let map = table(Environment::Prod).unwrap();
    let category = |entity: &str, given| {
        mapping::row(&map, &status(1, entity, given))
            .unwrap()
            .integer(&map, "CATEGORY_ID")
    };
    assert_eq!(category("DEAL_STAGE", None), Some(0));
    assert_eq!(category("DEAL_STAGE_3", None), Some(3));
    assert_eq!(category("DEAL_STAGE_3", Some(3)), Some(3));
}

#[test]
fn a_name_too_long_for_its_column_is_refused_by_name() {
    let map = table(Environment::Prod).unwrap();
    let long = Status {
        name: "я".repeat(256),
        ..status(35, "DEAL_STAGE_3", None)
    };
    let error = mapping::row(&map, &long).unwrap_err();
    assert!(
        error.to_string().contains("row 35") && error.to_string().contains("NAME"),
        "{error}"
    );
}

proptest! {
    #[test]
    fn the_list_of_a_pipeline_is_named_after_it(pipeline in 0_i64..1_000_000) {
        prop_assert_eq!(mapping::pipeline_of(&mapping::entity_of(pipeline)), Some(pipeline));
    }

    #[test]
    fn any_entity_is_read_without_a_panic(entity in ".*") {
        let _pipeline = mapping::pipeline_of(&entity);
    }
}
