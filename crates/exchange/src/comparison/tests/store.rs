//! A store in memory that counts, fails on demand, and can hold a key twice.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chrono::NaiveDateTime;
use store::{
    ColumnShape, Error, ErrorKind, FoundView, Plan, Store, TableShape, TypeShape, Upserted, ViewPlan,
};
use table_map::{Answer, Query, Row, TableMap, ViewMap, merge};

/// A row, and when it was changed last; `None` for one that was there from the start.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kept {
    pub(super) row: Row,
    pub(super) changed: Option<NaiveDateTime>,
}

#[derive(Default)]
pub(super) struct MemoryStore {
    pub(super) rows: Mutex<Vec<Kept>>,
    /// No table at all.
    pub(super) is_missing: bool,
    /// Keys that cannot be written.
    pub(super) refused: BTreeSet<i64>,
    /// The next upserts fail with these.
    pub(super) failures: Mutex<Vec<Error>>,
    /// The most rows that one call was asked for.
    pub(super) largest: AtomicUsize,
}

impl MemoryStore {
    pub(super) fn with(rows: impl IntoIterator<Item = Row>) -> Self {
        let mut rows: Vec<Kept> = rows.into_iter().map(|row| Kept { row, changed: None }).collect();
        rows.sort_by_key(|kept| kept.row.key());
        Self {
            rows: Mutex::new(rows),
            ..Self::default()
        }
    }

    pub(super) fn kept(&self) -> Vec<Kept> {
        self.rows.lock().unwrap().clone()
    }

    /// Another program writes a row.
    pub(super) fn put(&self, row: Row) {
        let mut rows = self.rows.lock().unwrap();
        rows.retain(|kept| kept.row.key() != row.key());
        rows.push(Kept { row, changed: None });
        rows.sort_by_key(|kept| kept.row.key());
    }

    fn count_in(&self, rows: usize) {
        self.largest.fetch_max(rows, Ordering::SeqCst);
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn target(&self) -> String {
        "memory".to_owned()
    }

    async fn ping(&self) -> Result<String, Error> {
        Ok("memory".to_owned())
    }

    async fn inspect(&self, map: &TableMap) -> Result<Option<TableShape>, Error> {
        let column = |column: &table_map::Column| ColumnShape {
            name: column.name().to_owned(),
            type_shape: TypeShape::Any,
            type_name: "any".to_owned(),
            nullable: true,
            identity: map.identity() == Some(column.name()),
            optional: true,
        };
        // Without its unique index, as a table with duplicates is.
        let shape = TableShape {
            columns: map.columns().iter().map(column).collect(),
            indexes: Vec::new(),
        };
        Ok((!self.is_missing).then_some(shape))
    }

    fn statements(&self, _plan: &Plan) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }

    async fn apply(&self, _plan: &Plan) -> Result<(), Error> {
        Ok(())
    }

    async fn duplicates(&self, _map: &TableMap, _limit: u32) -> Result<Vec<i64>, Error> {
        Ok(Vec::new())
    }

    async fn merge_duplicates(&self, _map: &TableMap) -> Result<u64, Error> {
        Ok(0)
    }

    async fn upsert(&self, map: &TableMap, rows: &[Row], at: NaiveDateTime) -> Result<Upserted, Error> {
        self.count_in(rows.len());
        if let Some(failure) = self.failures.lock().unwrap().pop() {
            return Err(failure);
        }
        if rows.iter().any(|row| self.refused.contains(&row.key())) {
            return Err(Error::new(ErrorKind::Data, "one of the rows does not fit"));
        }
        let mut kept = self.rows.lock().unwrap();
        let mut done = Upserted::default();
        for row in rows {
            let key = row.key();
            let place = kept.partition_point(|own| own.row.key() < key);
            let (mut there, mut changed) = (false, false);
            for own in kept[place..].iter_mut().take_while(|own| own.row.key() == key) {
                there = true;
                if let Some(merged) = merge(map, &own.row, row) {
                    *own = Kept {
                        row: merged,
                        changed: Some(at),
                    };
                    changed = true;
                }
            }
            match (there, changed) {
                (false, _) => {
                    let own = Kept {
                        row: row.clone(),
                        changed: Some(at),
                    };
                    kept.insert(place, own);
                    done.inserted.push(key);
                }
                (true, true) => done.changed.push(key),
                (true, false) => done.unchanged += 1,
            }
        }
        Ok(done)
    }

    async fn read_back(&self, _map: &TableMap, keys: &[i64]) -> Result<Vec<Row>, Error> {
        self.count_in(keys.len());
        let keys: BTreeSet<i64> = keys.iter().copied().collect();
        let rows = self.rows.lock().unwrap();
        let of = |key: i64| {
            let place = rows.partition_point(|kept| kept.row.key() < key);
            rows[place..].iter().take_while(move |kept| kept.row.key() == key)
        };
        Ok(keys
            .into_iter()
            .flat_map(of)
            .map(|kept| kept.row.clone())
            .collect())
    }

    async fn scan(&self, _map: &TableMap, after: Option<i64>, limit: u32) -> Result<Vec<Row>, Error> {
        let rows = self.rows.lock().unwrap();
        let start = rows.partition_point(|kept| after.is_some_and(|after| kept.row.key() <= after));
        let page = rows[start..].iter().take(limit as usize);
        let page: Vec<Row> = page.map(|kept| kept.row.clone()).collect();
        self.count_in(page.len());
        Ok(page)
    }

    async fn deactivate(&self, _map: &TableMap, _keys: &[i64], _at: NaiveDateTime) -> Result<u64, Error> {
        Ok(0)
    }

    async fn count(&self, _map: &TableMap) -> Result<u64, Error> {
        Ok(self.rows.lock().unwrap().len() as u64)
    }

    async fn ask(&self, _query: &Query) -> Result<Answer, Error> {
        Err(no_views())
    }

    async fn inspect_view(&self, _view: &ViewMap) -> Result<FoundView, Error> {
        Err(no_views())
    }

    fn view_statements(&self, _plan: &ViewPlan) -> Result<Vec<String>, Error> {
        Err(no_views())
    }

    async fn apply_view(&self, _plan: &ViewPlan) -> Result<(), Error> {
        Err(no_views())
    }
}

/// Comparisons have nothing to do with views.
fn no_views() -> Error {
    Error::new(ErrorKind::Bug, "a comparison asked for a view")
}
