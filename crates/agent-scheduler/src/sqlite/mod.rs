//! The store in an embedded SQLite file, shared by processes.
//!
//! [`open`] makes and checks the file, [`schema`] its tables, [`commit`] makes operations durable in groups, [`rows`]
//! turns records into rows and back, [`agents`], [`history`], [`settings`] and [`changes`] hold the operations themselves.

mod agents;
mod changes;
mod commit;
mod history;
mod open;
mod rows;
mod schema;
mod settings;
mod size;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use agent::Progress;
use chrono::{DateTime, Utc};
use rusqlite::Connection;
use serde_json::Value;

use crate::Error;
use crate::policy::Backoff;
use crate::record::{AgentFilter, AgentRecord, Change, Queued, RunRecord, Setting, StateCount};
use crate::store::{AgentStore, Bounds, ClaimRequest, Claimed, Lease, QueueRequest, Reclaim, Registration};
use crate::transition::Ended;
use commit::{WriteError, Writer};
pub(crate) use open::Durability;

/// The name of this operation, wherever it is done.
const QUEUE: &str = "queue an agent";

/// A state file that is open.
pub(crate) struct SqliteStore {
    path: PathBuf,
    writer: Writer,
    /// `None` for a state in memory, which has one connection.
    reader: Option<Arc<Mutex<Connection>>>,
}

/// What an operation inside a transaction fails with.
#[derive(Debug)]
enum Failed {
    Sqlite(rusqlite::Error),
    LeaseLost(Lease),
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl SqliteStore {
    /// Opens or makes the file.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        Self::open_with(path, Durability::Full)
    }

    pub(crate) fn open_with(path: &Path, durability: Durability) -> Result<Self, Error> {
        let (writer, reader) = open::open(path, durability)?;
        Ok(Self {
            path: path.to_path_buf(),
            writer: Writer::new(writer),
            reader: Some(Arc::new(Mutex::new(reader))),
        })
    }

    /// A state in memory that does its work in the task that calls it. `path` is what errors name.
    pub(crate) fn in_memory(path: &Path) -> Result<Self, Error> {
        Ok(Self {
            path: path.to_path_buf(),
            writer: Writer::in_place(open::in_memory(path)?),
            reader: None,
        })
    }

    async fn write<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Failed> + Send + 'static,
    ) -> Result<T, Error> {
        self.writer.write(work).await.map_err(|error| match error {
            WriteError::Operation(Failed::LeaseLost(Lease { name, key, .. })) => {
                Error::LeaseLost { name, key }
            }
            WriteError::Operation(Failed::Sqlite(error)) => self.error(operation, Arc::new(error)),
            WriteError::Commit(error) => self.error(operation, error),
            WriteError::BrokenOff => Error::BrokenOff { operation },
        })
    }

    async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let Some(reader) = self.reader.clone() else {
            return self
                .writer
                .read_in_place(work)
                .map_err(|error| self.error(operation, Arc::new(error)));
        };
        let result = tokio::task::spawn_blocking(move || {
            // A reader changes nothing that a panic could leave half done.
            work(&reader.lock().unwrap_or_else(PoisonError::into_inner))
        })
        .await
        .map_err(|_| Error::BrokenOff { operation })?;
        result.map_err(|error| self.error(operation, Arc::new(error)))
    }

    fn error(&self, operation: &'static str, source: Arc<rusqlite::Error>) -> Error {
        open::operating(&self.path, operation, source)
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl AgentStore for SqliteStore {
    async fn queue(&self, request: QueueRequest, now: DateTime<Utc>) -> Result<Queued, Error> {
        size::check_request(&request)?;
        self.write(QUEUE, move |c| Ok(agents::queue(c, request, now)?))
            .await
    }

    async fn queue_from(
        &self,
        lease: &Lease,
        request: QueueRequest,
        now: DateTime<Utc>,
    ) -> Result<Queued, Error> {
        size::check_request(&request)?;
        let lease = lease.clone();
        self.write(QUEUE, move |c| agents::queue_from(c, lease, request, now))
            .await
    }

    async fn register(&self, registered: Vec<Registration>, now: DateTime<Utc>) -> Result<(), Error> {
        self.write("register the agents", move |c| {
            Ok(agents::register(c, &registered, now)?)
        })
        .await
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Claimed, Error> {
        self.write("take a due agent", move |c| Ok(agents::claim(c, request)?))
            .await
    }

    async fn gather(&self, lease: &Lease, limit: usize, now: DateTime<Utc>) -> Result<Vec<String>, Error> {
        let lease = lease.clone();
        self.write("gather due agents", move |c| agents::gather(c, lease, limit, now))
            .await
    }

    async fn renew(
        &self,
        lease: &Lease,
        lease_until: DateTime<Utc>,
        progress: Option<Progress>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let lease = lease.clone();
        self.write("renew an agent's lease", move |c| {
            agents::renew(c, lease, lease_until, progress, now)
        })
        .await
    }

    async fn checkpoint(
        &self,
        lease: &Lease,
        input: Option<Value>,
        progress: Option<Progress>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        const OPERATION: &str = "save an agent's progress";
        size::check_value(OPERATION, &(&input, &progress))?;
        let lease = lease.clone();
        self.write(OPERATION, move |c| {
            agents::checkpoint(c, lease, input, progress, now)
        })
        .await
    }

    async fn finish(
        &self,
        lease: &Lease,
        ended: Ended,
        gathered: Ended,
        progress: Option<Progress>,
        now: DateTime<Utc>,
    ) -> Result<AgentRecord, Error> {
        const OPERATION: &str = "save an agent's outcome";
        if let Ended::Next { input, .. } = &ended {
            size::check_value(OPERATION, input)?;
        }
        let lease = lease.clone();
        self.write(OPERATION, move |c| {
            agents::finish(c, lease, ended, &gathered, progress, now)
        })
        .await
    }

    async fn reclaim(
        &self,
        which: Reclaim,
        backoff: Backoff,
        now: DateTime<Utc>,
    ) -> Result<Vec<Lease>, Error> {
        self.write("release dead leases", move |c| {
            Ok(agents::reclaim(c, &which, backoff, now)?)
        })
        .await
    }

    async fn mend(&self, now: DateTime<Utc>) -> Result<u64, Error> {
        self.write("mend due times", move |c| Ok(agents::mend(c, now)?))
            .await
    }

    async fn prune(&self, bounds: Bounds) -> Result<u64, Error> {
        self.write("prune what is over", move |c| Ok(history::prune(c, bounds)?))
            .await
    }

    async fn list(&self, filter: AgentFilter) -> Result<Vec<AgentRecord>, Error> {
        self.read("list the agents", move |c| agents::list(c, &filter))
            .await
    }

    async fn get(&self, name: &str, key: &str) -> Result<Option<AgentRecord>, Error> {
        let (name, key) = (name.to_owned(), key.to_owned());
        self.read("read an agent", move |c| rows::load(c, &name, &key))
            .await
    }

    async fn runs(&self, name: &str, key: &str, limit: usize) -> Result<Vec<RunRecord>, Error> {
        let (name, key) = (name.to_owned(), key.to_owned());
        self.read("read an agent's runs", move |c| {
            history::runs(c, &name, &key, limit)
        })
        .await
    }

    async fn runs_of(&self, name: &str, limit: usize) -> Result<Vec<RunRecord>, Error> {
        let name = name.to_owned();
        self.read("read an agent's runs", move |c| history::runs_of(c, &name, limit))
            .await
    }

    async fn counts(&self) -> Result<Vec<StateCount>, Error> {
        self.read("count the agents", agents::counts).await
    }

    async fn pause(&self, name: &str, now: DateTime<Utc>) -> Result<u64, Error> {
        size::check_key("pause an agent", name)?;
        let name = name.to_owned();
        self.write("pause an agent", move |c| Ok(agents::pause(c, &name, now)?))
            .await
    }

    async fn resume(&self, name: &str, now: DateTime<Utc>) -> Result<u64, Error> {
        let name = name.to_owned();
        self.write("resume an agent", move |c| Ok(agents::resume(c, &name, now)?))
            .await
    }

    async fn run_now(&self, name: &str, now: DateTime<Utc>) -> Result<u64, Error> {
        let name = name.to_owned();
        self.write("bring an agent forward", move |c| {
            Ok(agents::run_now(c, &name, now)?)
        })
        .await
    }

    async fn paused(&self) -> Result<Vec<String>, Error> {
        self.read("list the paused agents", agents::paused).await
    }

    async fn setting(&self, key: &str) -> Result<Option<Setting>, Error> {
        let key = key.to_owned();
        self.read("read a setting", move |c| settings::get(c, &key)).await
    }

    async fn settings(&self) -> Result<Vec<Setting>, Error> {
        self.read("list the settings", settings::list).await
    }

    async fn set_setting(&self, key: &str, value: Value, now: DateTime<Utc>) -> Result<(), Error> {
        const OPERATION: &str = "save a setting";
        size::check_key(OPERATION, key)?;
        size::check_value(OPERATION, &value)?;
        let key = key.to_owned();
        self.write(OPERATION, move |c| Ok(settings::set(c, &key, &value, now)?))
            .await
    }

    async fn prepend_to_setting(
        &self,
        key: &str,
        value: Value,
        most: usize,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        const OPERATION: &str = "add to a setting";
        size::check_key(OPERATION, key)?;
        size::check_value(OPERATION, &[&value])?;
        let key = key.to_owned();
        self.write(OPERATION, move |c| {
            Ok(settings::prepend(c, &key, value, most, now)?)
        })
        .await
    }

    async fn unset_setting(&self, key: &str) -> Result<bool, Error> {
        let key = key.to_owned();
        self.write("remove a setting", move |c| Ok(settings::unset(c, &key)?))
            .await
    }

    async fn change_setting(
        &self,
        key: &str,
        value: Option<Value>,
        default: Value,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let (key, by) = (key.to_owned(), by.to_owned());
        self.write("change a setting", move |c| {
            Ok(changes::change_setting(c, key, value, default, by, now)?)
        })
        .await
    }

    async fn note_change(&self, change: Change) -> Result<(), Error> {
        self.write("note a change", move |c| Ok(changes::note(c, &change)?))
            .await
    }

    async fn changes(&self, limit: usize) -> Result<Vec<Change>, Error> {
        self.read("list the changes", move |c| changes::list(c, limit))
            .await
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod year;
