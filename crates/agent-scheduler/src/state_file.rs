//! The state, as everybody but the scheduler's insides sees it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use agent::{Clock, SystemClock};
use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::sync::Notify;

use crate::Error;
use crate::record::{AgentFilter, AgentRecord, Change, Queued, RunRecord, Setting, StateCount};
use crate::sqlite::SqliteStore;
use crate::store::{AgentStore, Bounds, QueueRequest};

/// A state file that is open. Cheap to clone; clones share their connections, and what is queued through one wakes the
/// scheduler that runs on another at once. Several processes may have the same file open.
///
/// The asynchronous methods must be called inside a tokio runtime. When one has returned, what it did is on the disk.
#[derive(Clone)]
pub struct StateFile {
    path: PathBuf,
    store: Arc<dyn AgentStore>,
    clock: Arc<dyn Clock>,
    wake: Arc<Notify>,
}

impl StateFile {
    /// Opens the state, making it and its directory when missing, and brings an older schema up to date.
    ///
    /// # Errors
    /// When the directory or file cannot be made or written, is no database, damaged, of another program, or of a newer
    /// version of this one. The file is left as it is then.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let store = SqliteStore::open(path.as_ref())?;
        Ok(Self::with_store(path.as_ref(), Arc::new(store)))
    }

    /// A state in memory, gone with the last clone of its store, which does its work in the task that calls it: for
    /// simulations, in which the same seed must give the same order of everything. `path` is what the
    /// [`WorkerLock`](crate::WorkerLock) is for; no file is made there.
    ///
    /// # Errors
    /// When there is not enough memory.
    pub fn in_memory(path: impl AsRef<Path>) -> Result<Self, Error> {
        let store = SqliteStore::in_memory(path.as_ref())?;
        Ok(Self::with_store(path.as_ref(), Arc::new(store)))
    }

    /// A state on another store. `path` is what the [`WorkerLock`](crate::WorkerLock) is for.
    pub fn with_store(path: impl AsRef<Path>, store: Arc<dyn AgentStore>) -> Self {
        Self {
            path: crate::lock::canonical(path.as_ref()),
            store,
            clock: Arc::new(SystemClock),
            wake: Arc::new(Notify::new()),
        }
    }

    /// The same state under another clock, for tests and simulations.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Where the state is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The store behind it.
    pub fn store(&self) -> &Arc<dyn AgentStore> {
        &self.store
    }

    pub(crate) fn wake(&self) -> &Arc<Notify> {
        &self.wake
    }

    /// Queues a piece of work, unique by name and key.
    ///
    /// * New: it is added, due at `due_at`.
    /// * Waiting (or paused): it stays one piece of work, and is brought forward to `due_at`; but when it has just
    ///   failed, not before the time the other side has asked for, or a second after the failure.
    /// * Running: it runs once more afterwards, as if it were queued at that moment.
    /// * Done or parked: it starts anew, with no attempts.
    ///
    /// An `input` replaces the old one. `None` keeps it, unless that work was done, for then there is nothing to go on with.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn queue(
        &self,
        name: impl Into<String>,
        key: impl Into<String>,
        input: Option<Value>,
        due_at: DateTime<Utc>,
    ) -> Result<Queued, Error> {
        let request = QueueRequest {
            name: name.into(),
            key: key.into(),
            input,
            due_at,
        };
        let queued = self.store.queue(request, self.clock.now()).await?;
        self.wake.notify_one();
        Ok(queued)
    }

    /// The records, by name and key.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn list(&self, filter: AgentFilter) -> Result<Vec<AgentRecord>, Error> {
        self.store.list(filter).await
    }

    /// One record.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn get(&self, name: &str, key: &str) -> Result<Option<AgentRecord>, Error> {
        self.store.get(name, key).await
    }

    /// The latest runs of a record, the newest first.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn runs(&self, name: &str, key: &str, limit: usize) -> Result<Vec<RunRecord>, Error> {
        self.store.runs(name, key, limit).await
    }

    /// The latest runs of an agent over all of its keys, the newest first.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn runs_of(&self, name: &str, limit: usize) -> Result<Vec<RunRecord>, Error> {
        self.store.runs_of(name, limit).await
    }

    /// How many records there are, by name and state.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn counts(&self) -> Result<Vec<StateCount>, Error> {
        self.store.counts().await
    }

    /// Pauses an agent with all of its keys, present and future: work is kept and still queued, but none of it starts. An
    /// activation that runs goes on to its end. Gives the number of its records; the name need not have any.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn pause(&self, name: &str) -> Result<u64, Error> {
        self.store.pause(name, self.clock.now()).await
    }

    /// Ends a pause, and takes parked records of the agent up again. Gives the number of its records.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn resume(&self, name: &str) -> Result<u64, Error> {
        let records = self.store.resume(name, self.clock.now()).await?;
        self.wake.notify_one();
        Ok(records)
    }

    /// Lets an agent run now: everything of it that waits is due, back-off or not, what is parked or (without a key) done
    /// starts anew, what is running runs once more. A paused agent stays paused. Gives how many records that were; 0
    /// when there is none: [`queue`](Self::queue) it then.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn run_now(&self, name: &str) -> Result<u64, Error> {
        let records = self.store.run_now(name, self.clock.now()).await?;
        self.wake.notify_one();
        Ok(records)
    }

    /// The names that are paused, whether they have records or not.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn paused(&self) -> Result<Vec<String>, Error> {
        self.store.paused().await
    }

    /// Deletes the oldest of what is over: done records with a key, and runs. A scheduler does this by itself.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn prune(&self, bounds: Bounds) -> Result<u64, Error> {
        self.store.prune(bounds).await
    }

    /// A setting.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn setting(&self, key: &str) -> Result<Option<Setting>, Error> {
        self.store.setting(key).await
    }

    /// All settings, by key.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn settings(&self) -> Result<Vec<Setting>, Error> {
        self.store.settings().await
    }

    /// Makes a setting durable. It must not be a secret in the clear; a password's hash may be kept, since only the program's user can
    /// read the file.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn set_setting(&self, key: &str, value: Value) -> Result<(), Error> {
        self.store.set_setting(key, value, self.clock.now()).await
    }

    /// Puts a value in front of the list that a setting holds and drops what is beyond `most`, in one step: of several processes that
    /// do so at once nobody's value is lost. A setting that holds no list becomes one.
    ///
    /// # Errors
    /// When the state cannot be written, or the value alone is too long for a setting.
    pub async fn prepend_to_setting(&self, key: &str, value: Value, most: usize) -> Result<(), Error> {
        let now = self.clock.now();
        self.store.prepend_to_setting(key, value, most, now).await
    }

    /// Removes a setting. Tells whether there was one.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn unset_setting(&self, key: &str) -> Result<bool, Error> {
        self.store.unset_setting(key).await
    }

    /// Sets a setting as a person asks for it, or goes back to `default` when `value` is none, and notes the change in the same
    /// step: from what it was, to what it is, made at `by`. What changes nothing is not noted.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn change_setting(
        &self,
        key: &str,
        value: Option<Value>,
        default: Value,
        by: &str,
    ) -> Result<(), Error> {
        self.store
            .change_setting(key, value, default, by, self.clock.now())
            .await
    }

    /// Notes that a person changed something that is no setting.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub async fn note_change(&self, what: &str, from: &str, to: &str, by: &str) -> Result<(), Error> {
        let change = Change::new(self.clock.now(), what, from, to, by);
        self.store.note_change(change).await
    }

    /// The latest changes that people made, the newest first.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn changes(&self, limit: usize) -> Result<Vec<Change>, Error> {
        self.store.changes(limit).await
    }
}

impl std::fmt::Debug for StateFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StateFile")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
