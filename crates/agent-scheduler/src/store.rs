//! The persistence port: what a scheduler needs of an embedded database, or of anything else that keeps its promises.

use std::fmt;
use std::time::Duration;

use agent::{Priority, Progress};
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::Error;
use crate::policy::Backoff;
use crate::record::{AgentFilter, AgentRecord, Change, Queued, RunRecord, Setting, StateCount};
use crate::transition::Ended;

/// A piece of work to queue.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueRequest {
    /// The agent's name.
    pub name: String,
    /// The key; empty for an agent that exists once.
    pub key: String,
    /// Replaces the input; none keeps the old one, unless that was done.
    pub input: Option<Value>,
    /// Not before this time.
    pub due_at: DateTime<Utc>,
}

/// An agent as this program runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The agent's name.
    pub name: String,
    /// Its class.
    pub priority: Priority,
    /// How long after each done it comes back; none when it only runs on demand.
    pub interval: Option<Duration>,
}

/// Which work a free worker takes.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// Only these agents: those this process knows.
    pub names: Vec<String>,
    /// Nothing below this class.
    pub lowest: Priority,
    /// Who takes it.
    pub owner: String,
    /// Until when the lease holds if it is not renewed.
    pub lease_until: DateTime<Utc>,
    /// The present instant.
    pub now: DateTime<Utc>,
}

/// What a claim found.
#[derive(Debug, Clone, PartialEq)]
pub enum Claimed {
    /// This record is now running under this lease. Boxed, since it is large and mostly nothing is due.
    Work(Lease, Box<AgentRecord>),
    /// Nothing is due. The earliest due time of what the request would take, if there is any.
    Nothing {
        /// That time.
        next_due: Option<DateTime<Utc>>,
    },
}

/// The right to run one record and those gathered into its run, and to save what they come to. `run` is never given to
/// two activations, so that a lease that was lost cannot be taken for its successor.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The agent's name.
    pub name: String,
    /// Its key.
    pub key: String,
    /// The number of the run.
    pub run: i64,
}

/// Whose leases to release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reclaim {
    /// Those of everybody but this owner: nobody else can be alive, since the caller holds the worker lock.
    AllBut(String),
    /// Those of everybody but this owner that have run out.
    ExpiredBut(String),
}

/// How much is kept of what is over. What is above a bound is deleted, the oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Runs kept for each name and key.
    pub runs_per_agent: u32,
    /// Runs kept for each name, over all of its keys.
    pub runs_per_name: u32,
    /// Done records with a key kept for each name. Those without a key are always kept.
    pub done_per_name: u32,
}

impl Default for Bounds {
    /// 50 runs of each record, 1,000 runs and 1,000 done records of each agent.
    fn default() -> Self {
        Self {
            runs_per_agent: 50,
            runs_per_name: 1_000,
            done_per_name: 1_000,
        }
    }
}

/// Keeps the records of agents, their runs, and settings.
///
/// # What holds after a crash
///
/// * **A method that has returned `Ok` is durable**: neither the end of the process nor a power cut undoes it.
///   One that returned an error has changed nothing, except where the error is about the answer (the process ended
///   before it arrived): then it may have happened. All methods may be repeated.
/// * **A method is atomic**: after a crash in the middle of one, all of it has happened or nothing.
/// * A record that was running stays [`Running`](crate::AgentState::Running) with its lease, its attempt counted and the
///   input of its last checkpoint, until [`reclaim`](Self::reclaim) releases it.
///
/// # Order and concurrency
///
/// Methods may be called at once from many tasks, and on the same state from many processes; they take effect one after
/// another. A future that is dropped may or may not have taken effect. For one record:
///
/// * between a [`claim`](Self::claim) or [`gather`](Self::gather) that returned it and the [`finish`](Self::finish) or
///   [`reclaim`](Self::reclaim) that ends the lease, no other claim or gathering returns it;
/// * after that end, whatever comes with the old lease is refused with [`Error::LeaseLost`] and changes nothing.
///
/// What each method makes of a record is defined by the functions of [`transition`](crate::transition): an
/// implementation applies them and adds no policy of its own. It never judges a lease by its own clock: all instants are
/// given.
#[async_trait::async_trait]
pub trait AgentStore: Send + Sync + fmt::Debug {
    /// Queues work: one record for each name and key, see [`transition::queue`](crate::transition::queue). A new record
    /// gets the class its name was last registered with.
    async fn queue(&self, request: QueueRequest, now: DateTime<Utc>) -> Result<Queued, Error>;

    /// Queues work as [`queue`](Self::queue) does, on behalf of the activation that holds this lease.
    async fn queue_from(
        &self,
        lease: &Lease,
        request: QueueRequest,
        now: DateTime<Utc>,
    ) -> Result<Queued, Error>;

    /// Notes the agents of this program, and makes the missing records of those with an interval, due now. Records
    /// of agents that are not among them stay as they are.
    async fn register(&self, agents: Vec<Registration>, now: DateTime<Utc>) -> Result<(), Error>;

    /// Takes the due record that is first by [`policy::order`](crate::policy::order), as
    /// [`transition::claimed`](crate::transition::claimed) says, and opens a run in the history. Paused names are left out.
    async fn claim(&self, request: ClaimRequest) -> Result<Claimed, Error>;

    /// Takes up to `limit` other due records of the lease's name into its run, the longest due first, and gives their keys.
    /// They are [`claimed`](crate::transition::claimed) with its owner, run and end. None when the name is paused; which
    /// records are taken at all is for [`transition::gathers`](crate::transition::gathers).
    ///
    /// The history has one run for all of them, that of the lease's record, which tells how many there were.
    async fn gather(&self, lease: &Lease, limit: usize, now: DateTime<Utc>) -> Result<Vec<String>, Error>;

    /// Holds the lease until `lease_until`, for what was gathered, too.
    async fn renew(
        &self,
        lease: &Lease,
        lease_until: DateTime<Utc>,
        progress: Option<Progress>,
        now: DateTime<Utc>,
    ) -> Result<(), Error>;

    /// Makes the input of the next activation durable, shows progress, or both.
    async fn checkpoint(
        &self,
        lease: &Lease,
        input: Option<Value>,
        progress: Option<Progress>,
        now: DateTime<Utc>,
    ) -> Result<(), Error>;

    /// Ends the lease and the run, and gives its record as it is now. `gathered` is how it ended for those that were
    /// gathered into it.
    async fn finish(
        &self,
        lease: &Lease,
        ended: Ended,
        gathered: Ended,
        progress: Option<Progress>,
        now: DateTime<Utc>,
    ) -> Result<AgentRecord, Error>;

    /// Releases leases whose owner is gone, see [`transition::crashed`](crate::transition::crashed). Gives those it released,
    /// one for each record: those that were gathered have the run of the record they were gathered for.
    async fn reclaim(
        &self,
        which: Reclaim,
        backoff: Backoff,
        now: DateTime<Utc>,
    ) -> Result<Vec<Lease>, Error>;

    /// Mends the records that were written in the future, see [`transition::mend_future`](crate::transition::mend_future).
    /// Gives how many there were.
    async fn mend(&self, now: DateTime<Utc>) -> Result<u64, Error>;

    /// Deletes what is over and above the bounds. Gives how many records and runs there were.
    async fn prune(&self, bounds: Bounds) -> Result<u64, Error>;

    /// The records, by name and key.
    async fn list(&self, filter: AgentFilter) -> Result<Vec<AgentRecord>, Error>;

    /// One record.
    async fn get(&self, name: &str, key: &str) -> Result<Option<AgentRecord>, Error>;

    /// The latest runs of a record, the newest first.
    async fn runs(&self, name: &str, key: &str, limit: usize) -> Result<Vec<RunRecord>, Error>;

    /// The latest runs of an agent over all of its keys, the newest first.
    async fn runs_of(&self, name: &str, limit: usize) -> Result<Vec<RunRecord>, Error>;

    /// How many records there are, by name and state.
    async fn counts(&self) -> Result<Vec<StateCount>, Error>;

    /// Nothing of this name starts any more, whether queued before or after; a running activation goes on to its end.
    /// Gives the number of records of that name.
    async fn pause(&self, name: &str, now: DateTime<Utc>) -> Result<u64, Error>;

    /// Ends a pause, and takes the parked records of this name up again. Gives the number of records of that name.
    async fn resume(&self, name: &str, now: DateTime<Utc>) -> Result<u64, Error>;

    /// Brings every record of this name forward, see [`transition::run_now`](crate::transition::run_now). Gives how many.
    async fn run_now(&self, name: &str, now: DateTime<Utc>) -> Result<u64, Error>;

    /// The names that are paused, whether they have records or not.
    async fn paused(&self) -> Result<Vec<String>, Error>;

    /// A setting.
    async fn setting(&self, key: &str) -> Result<Option<Setting>, Error>;

    /// All settings, by key.
    async fn settings(&self) -> Result<Vec<Setting>, Error>;

    /// Makes a setting durable.
    async fn set_setting(&self, key: &str, value: Value, now: DateTime<Utc>) -> Result<(), Error>;

    /// Puts a value in front of the list that a setting holds and drops what is beyond `most`, in one step: of several who do so at
    /// once nobody's value is lost. A setting that holds no list becomes one. What is too long for a setting loses its last entries.
    async fn prepend_to_setting(
        &self,
        key: &str,
        value: Value,
        most: usize,
        now: DateTime<Utc>,
    ) -> Result<(), Error>;

    /// Removes a setting. Tells whether there was one.
    async fn unset_setting(&self, key: &str) -> Result<bool, Error>;

    /// Sets a setting, or removes it when `value` is none, and notes the change in the same step. `default` is what holds while
    /// it is not set. What changes nothing is not noted.
    async fn change_setting(
        &self,
        key: &str,
        value: Option<Value>,
        default: Value,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<(), Error>;

    /// Notes a change. Only the latest [`MAX_CHANGES`](crate::MAX_CHANGES) are kept.
    async fn note_change(&self, change: Change) -> Result<(), Error>;

    /// The latest changes, the newest first.
    async fn changes(&self, limit: usize) -> Result<Vec<Change>, Error>;
}
