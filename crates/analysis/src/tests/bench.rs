//! What the tests stand on: the two tables with rows of a test's choice, in a SQLite file and on a test server of T-SQL.

use std::sync::Arc;

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use mssql_testkit::{Options, TestServer};
use store::{Store, planner, views};
use store_mssql::{MssqlOptions, MssqlStore, MssqlTarget};
use store_sqlite::SqliteStore;
use table_map::{Column, Index, Row, TableMap, ViewMap};
use tempfile::TempDir;

use crate::{Asked, Basis, Figures, Period, Tables};

/// A move.
#[derive(Debug, Clone)]
pub(super) struct Move {
    pub(super) key: i64,
    pub(super) deal: i64,
    pub(super) pipeline: i32,
    pub(super) stage: String,
    pub(super) semantics: Option<String>,
    /// Minutes after [`begin`].
    pub(super) at: i64,
}

/// A stage of the list.
#[derive(Debug, Clone)]
pub(super) struct Stage {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) pipeline: i32,
    pub(super) sort: i32,
    pub(super) semantics: Option<String>,
    pub(super) active: bool,
}

/// A Monday.
pub(super) fn begin() -> NaiveDateTime {
    day("2024-01-01").and_hms_opt(0, 0, 0).unwrap()
}

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A move into a stage whose code tells its semantics: it begins with `WON` or `LOSE`.
pub(super) fn moved(key: i64, deal: i64, pipeline: i32, stage: &str, at: i64) -> Move {
    let semantics = match stage {
        won if won.starts_with("WON") => "S",
        lost if lost.starts_with("LOSE") => "F",
        _ => "P",
    };
    Move {
        key,
        deal,
        pipeline,
        stage: stage.to_owned(),
        semantics: Some(semantics.to_owned()),
        at,
    }
}

pub(super) fn stage(pipeline: i32, id: &str, sort: i32) -> Stage {
    let semantics = match id {
        won if won.starts_with("WON") => Some("S".to_owned()),
        lost if lost.starts_with("LOSE") => Some("F".to_owned()),
        _ => None,
    };
    Stage {
        id: id.to_owned(),
        name: format!("Стадия {id}"),
        pipeline,
        sort,
        semantics,
        active: true,
    }
}

/// The columns that figures read, and those that a row must have.
fn history() -> TableMap {
    TableMap::builder("CRM_STAGE_HISTORY_TEST")
        .column(Column::identity("ID"))
        .column(Column::key("EXTERNAL_ID"))
        .column(Column::big_integer("OWNER_ID"))
        .column(Column::date_time("CREATED_TIME"))
        .column(Column::text("NAME", 255).nullable())
        .column(Column::integer("CATEGORY_ID"))
        .column(Column::text("STAGE_SEMANTIC_ID", 10).nullable())
        .column(Column::text("STAGE_ID", 50))
        .index(Index::unique(["EXTERNAL_ID"]))
        .index(Index::on(["OWNER_ID", "CREATED_TIME"]))
        .build()
        .unwrap()
}

fn list() -> TableMap {
    TableMap::builder("CRM_STAGE_LIST_TEST")
        .column(Column::identity("ID"))
        .column(Column::flag("ACTIVE"))
        .column(Column::text("ENTITY_ID", 50))
        .column(Column::text("STATUS_ID", 50))
        .column(Column::key("EXTERNAL_ID"))
        .column(Column::text("NAME", 255))
        .column(Column::integer("SORT"))
        .column(Column::text("SEMANTICS", 10).nullable())
        .column(Column::integer("CATEGORY_ID"))
        .active("ACTIVE")
        .index(Index::unique(["EXTERNAL_ID"]))
        .build()
        .unwrap()
}

pub(super) fn tables() -> Tables {
    Tables::new("CRM_STAGE_HISTORY_TEST", "CRM_STAGE_LIST_TEST")
}

/// A target with both tables.
pub(super) struct Target {
    pub(super) name: &'static str,
    pub(super) store: Arc<dyn Store>,
    /// The path of the SQLite file, for other clients.
    pub(super) file: Option<std::path::PathBuf>,
    _folder: Option<TempDir>,
    _server: Option<TestServer>,
}

/// One of each store, with these rows.
pub(super) async fn targets(moves: &[Move], stages: &[Stage]) -> Vec<Target> {
    let both = vec![sqlite(), test_server()];
    for target in &both {
        target.fill(moves, stages).await;
    }
    both
}

pub(super) fn sqlite() -> Target {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("target.sqlite");
    Target {
        name: "SQLite",
        store: Arc::new(SqliteStore::open(&file).unwrap()),
        file: Some(file),
        _folder: Some(folder),
        _server: None,
    }
}

fn test_server() -> Target {
    let server = TestServer::start(Options::default()).unwrap();
    let target = MssqlTarget::parse(&server.url("test")).unwrap();
    Target {
        name: "the test server",
        store: Arc::new(MssqlStore::new(target, MssqlOptions::default())),
        file: None,
        _folder: None,
        _server: Some(server),
    }
}

impl Target {
    pub(super) async fn fill(&self, moves: &[Move], stages: &[Stage]) {
        let (history, list) = (history(), list());
        for map in [&history, &list] {
            let shape = self.store.inspect(map).await.unwrap();
            let plan = planner::plan(map, shape.as_ref()).unwrap();
            self.store.apply(&plan).await.unwrap();
        }
        let rows: Vec<Row> = moves
            .iter()
            .map(|one| {
                let time = begin() + TimeDelta::minutes(one.at);
                let values = vec![
                    one.key.into(),
                    one.deal.into(),
                    time.into(),
                    Some(format!("имя {}", one.stage)).into(),
                    one.pipeline.into(),
                    one.semantics.clone().into(),
                    one.stage.clone().into(),
                ];
                Row::new(&history, values).unwrap()
            })
            .collect();
        self.store.upsert(&history, &rows, begin()).await.unwrap();
        let rows: Vec<Row> = (1_i64..)
            .zip(stages)
            .map(|(key, stage)| {
                let entity = match stage.pipeline {
                    0 => "DEAL_STAGE".to_owned(),
                    other => format!("DEAL_STAGE_{other}"),
                };
                let values = vec![
                    if stage.active { "Y" } else { "N" }.into(),
                    entity.into(),
                    stage.id.clone().into(),
                    key.into(),
                    stage.name.clone().into(),
                    stage.sort.into(),
                    stage.semantics.clone().into(),
                    stage.pipeline.into(),
                ];
                Row::new(&list, values).unwrap()
            })
            .collect();
        self.store.upsert(&list, &rows, begin()).await.unwrap();
    }

    pub(super) async fn figures(&self, asked: Asked, now: NaiveDateTime) -> Figures {
        let figures = crate::figures(self.store.as_ref(), &tables(), asked, now).await;
        figures.unwrap_or_else(|error| panic!("{}: {error:?}", self.name))
    }

    pub(super) async fn make(&self, view: &ViewMap) {
        let found = self.store.inspect_view(view).await.unwrap();
        let plan = views::plan_view(view, &found).unwrap();
        if let Err(error) = self.store.apply_view(&plan).await {
            panic!("{}: {error:?}", self.name);
        }
    }
}

pub(super) fn asked(pipeline: i32, from: &str, until: &str, basis: Basis) -> Asked {
    Asked {
        pipeline,
        period: Period::new(day(from), day(until)).unwrap(),
        basis,
    }
}
