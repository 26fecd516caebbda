//! The store itself: which connection does what, and on which thread.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::NaiveDateTime;
use rusqlite::Connection;
use store::{Error, ErrorKind, FoundView, Plan, Store, TableShape, Upserted, ViewPlan, Wrong};
use table_map::{Answer, Query, Row, TableMap, ViewMap};
use tokio::sync::Mutex;

use crate::failure::Failure;
use crate::worker::{Undone, Worker};
use crate::{connection, migrate, read, shape, view, write};

/// A store in a SQLite file. The crate's documentation says how it works.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    target: String,
    // The readers are closed before the writer, which then can tidy up its write-ahead log.
    reader: Worker,
    // Sums over all rows take their time; nobody else waits for them.
    asker: Worker,
    writer: Worker,
    /// Work is done where it is asked for, not on another thread.
    in_place: bool,
}

impl SqliteStore {
    /// Opens the database file at `path`; it is made when it is not there, and so are its folders. Blocks for the few
    /// milliseconds that this takes.
    ///
    /// # Errors
    /// [`ErrorKind::Operator`] when there is something else at `path`, or it cannot be made or written;
    /// [`ErrorKind::Passing`] when another program holds it locked for long.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_patiently(path.as_ref(), connection::LOCK_PATIENCE)
    }

    /// Opens the database file at `path` if there is one; makes nothing. For whoever only looks: a path that was mistyped must
    /// not become a database.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_existing(path: impl AsRef<Path>) -> Result<Option<Self>, Error> {
        let path = path.as_ref();
        match std::fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            // Whatever else is wrong with it is told by opening it.
            _ => Self::open(path).map(Some),
        }
    }

    pub(crate) fn open_patiently(path: &Path, patience: Duration) -> Result<Self, Error> {
        let target = format!("sqlite:{}", path.display());
        let [writer, reader, asker] = connection::open(path, patience)
            .map_err(|failure| failure.into_error(&target, "opening the database"))?
            .map(|connection| Worker::new(Arc::new(Mutex::new(connection))));
        Ok(Self {
            target,
            reader,
            asker,
            writer,
            in_place: false,
        })
    }

    /// A new, empty database in memory, gone with the last clone of the store. For tests: it has one connection, which
    /// reads and writes in turn.
    ///
    /// # Errors
    /// When there is not enough memory.
    pub fn in_memory() -> Result<Self, Error> {
        let target = "sqlite::memory:".to_owned();
        let only = connection::open_in_memory()
            .map_err(|failure| failure.into_error(&target, "opening the database"))?;
        let only = Arc::new(Mutex::new(only));
        Ok(Self {
            target,
            reader: Worker::new(Arc::clone(&only)),
            asker: Worker::new(Arc::clone(&only)),
            writer: Worker::new(only),
            in_place: false,
        })
    }

    /// The same store, which from now on works in the task that calls it instead of on a thread for blocking work: for
    /// simulations, in which the same seed must give the same order of everything. The caller's runtime stands still while it
    /// works.
    #[must_use]
    pub fn in_place(self) -> Self {
        Self {
            in_place: true,
            ..self
        }
    }

    /// The connection of a database in memory.
    #[cfg(test)]
    pub(crate) fn only_connection(&self) -> Arc<Mutex<Connection>> {
        Arc::clone(self.writer.connection())
    }

    pub(crate) async fn read<T: Send + 'static>(
        &self,
        doing: String,
        work: impl FnOnce(&mut Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Error> {
        self.run(&self.reader, doing, work).await
    }

    pub(crate) async fn write<T: Send + 'static>(
        &self,
        doing: String,
        work: impl FnOnce(&mut Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Error> {
        self.run(&self.writer, doing, work).await
    }

    async fn run<T: Send + 'static>(
        &self,
        worker: &Worker,
        doing: String,
        work: impl FnOnce(&mut Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Error> {
        let worked = if self.in_place {
            let mut connection = worker.connection().lock().await;
            Ok(work(&mut connection))
        } else {
            worker.run(work).await
        };
        match worked {
            Ok(result) => result.map_err(|failure| failure.into_error(&self.target, &doing)),
            Err(undone @ Undone::Panicked(_)) => Err(Error::new(
                ErrorKind::Bug,
                format!("{doing} in {} panicked", self.target),
            )
            .with_source(undone)),
            Err(undone @ Undone::GivenUp) => Err(Error::new(
                ErrorKind::Passing { retry_after: None },
                format!("{doing} in {} was given up: the program ends", self.target),
            )
            .with_source(undone)),
        }
    }
}

fn number_of(rows: usize) -> String {
    match rows {
        1 => "1 row".to_owned(),
        many => format!("{many} rows"),
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn target(&self) -> String {
        self.target.clone()
    }

    async fn ping(&self) -> Result<String, Error> {
        self.read("asking for the version".to_owned(), |connection| {
            read::version(connection)
        })
        .await
    }

    async fn inspect(&self, map: &TableMap) -> Result<Option<TableShape>, Error> {
        let map = map.clone();
        self.read(format!("inspecting table {}", map.name()), move |connection| {
            shape::inspect(connection, &map)
        })
        .await
    }

    fn statements(&self, plan: &Plan) -> Result<Vec<String>, Error> {
        migrate::statements(plan).map_err(|failure| failure.into_error(&self.target, "planning"))
    }

    async fn apply(&self, plan: &Plan) -> Result<(), Error> {
        let plan = plan.clone();
        self.write(
            format!("migrating table {}", plan.map().name()),
            move |connection| migrate::apply(connection, &plan),
        )
        .await
    }

    async fn duplicates(&self, map: &TableMap, limit: u32) -> Result<Vec<i64>, Error> {
        let map = map.clone();
        self.read(
            format!("looking for duplicates in table {}", map.name()),
            move |connection| read::duplicates(connection, &map, limit),
        )
        .await
    }

    async fn merge_duplicates(&self, map: &TableMap) -> Result<u64, Error> {
        let map = map.clone();
        self.write(
            format!("merging duplicates in table {}", map.name()),
            move |connection| write::merge_duplicates(connection, &map),
        )
        .await
    }

    async fn upsert(&self, map: &TableMap, rows: &[Row], at: NaiveDateTime) -> Result<Upserted, Error> {
        let (map, rows) = (map.clone(), rows.to_vec());
        self.write(
            format!("writing {} to table {}", number_of(rows.len()), map.name()),
            move |connection| write::upsert(connection, &map, &rows, at),
        )
        .await
    }

    async fn read_back(&self, map: &TableMap, keys: &[i64]) -> Result<Vec<Row>, Error> {
        let (map, keys) = (map.clone(), keys.to_vec());
        self.read(
            format!("reading {} of table {}", number_of(keys.len()), map.name()),
            move |connection| read::by_keys(connection, &map, &keys),
        )
        .await
    }

    async fn verify(&self, map: &TableMap, rows: &[Row], inserted: &[i64]) -> Result<Option<Wrong>, Error> {
        let (map, rows, inserted) = (map.clone(), rows.to_vec(), inserted.to_vec());
        self.read(
            format!("reading {} of table {} back", number_of(rows.len()), map.name()),
            move |connection| read::verify(connection, &map, &rows, &inserted),
        )
        .await
    }

    async fn scan(&self, map: &TableMap, after: Option<i64>, limit: u32) -> Result<Vec<Row>, Error> {
        let map = map.clone();
        self.read(format!("walking table {}", map.name()), move |connection| {
            read::page(connection, &map, after, limit)
        })
        .await
    }

    async fn deactivate(&self, map: &TableMap, keys: &[i64], at: NaiveDateTime) -> Result<u64, Error> {
        let Some(active) = map.active() else {
            return Err(Error::new(
                ErrorKind::Bug,
                format!(
                    "table {} has no flag that tells whether a row is active",
                    map.name()
                ),
            ));
        };
        let (map, keys) = (map.clone(), keys.to_vec());
        self.write(
            format!("deactivating {} of table {}", number_of(keys.len()), map.name()),
            move |connection| write::deactivate(connection, &map, active, &keys, at),
        )
        .await
    }

    async fn count(&self, map: &TableMap) -> Result<u64, Error> {
        let map = map.clone();
        self.read(format!("counting table {}", map.name()), move |connection| {
            read::count(connection, &map)
        })
        .await
    }

    async fn ask(&self, query: &Query) -> Result<Answer, Error> {
        let query = query.clone();
        let doing = format!("asking for {}", query.subject());
        self.run(&self.asker, doing, move |connection| {
            view::ask(connection, &query)
        })
        .await
    }

    async fn inspect_view(&self, map: &ViewMap) -> Result<FoundView, Error> {
        let map = map.clone();
        self.read(format!("inspecting view {}", map.name()), move |connection| {
            view::inspect(connection, &map)
        })
        .await
    }

    fn view_statements(&self, plan: &ViewPlan) -> Result<Vec<String>, Error> {
        Ok(view::statements(plan))
    }

    async fn apply_view(&self, plan: &ViewPlan) -> Result<(), Error> {
        let plan = plan.clone();
        self.write(format!("making view {}", plan.view().name()), move |connection| {
            view::apply(connection, &plan)
        })
        .await
    }
}
