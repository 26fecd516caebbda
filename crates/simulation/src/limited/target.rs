//! A target that takes rows of the history at once and forgets them when they were read back; all else is the real store's.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use chrono::NaiveDateTime;
use store::{Error, FoundView, Plan, Store, TableShape, Upserted, ViewPlan};
use store_sqlite::SqliteStore;
use table_map::{Answer, Query, Row, TableMap, ViewMap};

use crate::world::lock;

/// Rows of the history that are kept: the last of them must be there when an upload goes on.
const KEPT: usize = 20_000;

/// The target.
pub(super) struct Target {
    store: SqliteStore,
    history: Mutex<History>,
}

#[derive(Default)]
struct History {
    rows: BTreeMap<i64, Row>,
    inserted: u64,
}

impl Target {
    pub(super) fn new() -> Result<Self, Error> {
        Ok(Self {
            store: SqliteStore::in_memory()?.in_place(),
            history: Mutex::default(),
        })
    }

    /// Rows of the history that were written for the first time.
    pub(super) fn inserted(&self) -> u64 {
        lock(&self.history).inserted
    }
}

fn is_history(map: &TableMap) -> bool {
    map.name().contains("HISTORY")
}

#[async_trait]
impl Store for Target {
    fn target(&self) -> String {
        self.store.target()
    }
    async fn ping(&self) -> Result<String, Error> {
        self.store.ping().await
    }
    async fn inspect(&self, map: &TableMap) -> Result<Option<TableShape>, Error> {
        self.store.inspect(map).await
    }
    fn statements(&self, plan: &Plan) -> Result<Vec<String>, Error> {
        self.store.statements(plan)
    }
    async fn apply(&self, plan: &Plan) -> Result<(), Error> {
        self.store.apply(plan).await
    }
    async fn duplicates(&self, map: &TableMap, limit: u32) -> Result<Vec<i64>, Error> {
        self.store.duplicates(map, limit).await
    }
    async fn merge_duplicates(&self, map: &TableMap) -> Result<u64, Error> {
        self.store.merge_duplicates(map).await
    }
    async fn upsert(&self, map: &TableMap, rows: &[Row], at: NaiveDateTime) -> Result<Upserted, Error> {
        if !is_history(map) {
            return self.store.upsert(map, rows, at).await;
        }
        let mut history = lock(&self.history);
        let mut upserted = Upserted::default();
        for row in rows {
            // Rows come by ascending keys, so one that was forgotten comes again only when something is wrong: it counts as new.
            match history.rows.insert(row.key(), row.clone()) {
                None => upserted.inserted.push(row.key()),
                Some(_) => upserted.unchanged += 1,
            }
        }
        history.inserted += u64::try_from(upserted.inserted.len()).unwrap_or(u64::MAX);
        while history.rows.len() > KEPT {
            history.rows.pop_first();
        }
        Ok(upserted)
    }
    async fn read_back(&self, map: &TableMap, keys: &[i64]) -> Result<Vec<Row>, Error> {
        if !is_history(map) {
            return self.store.read_back(map, keys).await;
        }
        let history = lock(&self.history);
        let mut rows: Vec<Row> = keys
            .iter()
            .filter_map(|key| history.rows.get(key).cloned())
            .collect();
        rows.sort_by_key(Row::key);
        Ok(rows)
    }
    async fn scan(&self, map: &TableMap, after: Option<i64>, limit: u32) -> Result<Vec<Row>, Error> {
        self.store.scan(map, after, limit).await
    }
    async fn deactivate(&self, map: &TableMap, keys: &[i64], at: NaiveDateTime) -> Result<u64, Error> {
        self.store.deactivate(map, keys, at).await
    }
    async fn count(&self, map: &TableMap) -> Result<u64, Error> {
        self.store.count(map).await
    }
    async fn ask(&self, query: &Query) -> Result<Answer, Error> {
        self.store.ask(query).await
    }
    async fn inspect_view(&self, view: &ViewMap) -> Result<FoundView, Error> {
        self.store.inspect_view(view).await
    }
    fn view_statements(&self, plan: &ViewPlan) -> Result<Vec<String>, Error> {
        self.store.view_statements(plan)
    }
    async fn apply_view(&self, plan: &ViewPlan) -> Result<(), Error> {
        self.store.apply_view(plan).await
    }
}
