//! Runs agents durably on an embedded database.
//!
//! An agent is what the `agent` crate says: a named piece of work that is activated again and again from its durable
//! input until it is done. This crate decides when, and makes sure of it:
//!
//! * [`StateFile`] is the durable state: one SQLite file that any process may queue into, read, pause and resume.
//! * [`WorkerLock`] makes one process the one that runs agents on a state; a second one is refused.
//! * [`Scheduler`] runs what is due, [`Scheduler::run`] until it is stopped,
//!   [`Scheduler::run_until_done`] until one piece of work is over.
//!
//! # How it is cut
//!
//! What happens to a record is a pure function in [`transition`], what is decided from numbers one in [`policy`]. The port
//! [`AgentStore`] keeps records and says what holds after a crash; the SQLite store is the one implementation, behind
//! [`StateFile::open`]. The scheduler drives: it knows tokio and the port, no SQL and no policy of its own.
//!
//! # Rules
//!
//! * **Unique by name and key.** Queueing what waits already brings it forward; queueing what runs lets it run once
//!   more. So ten thousand events of one deal are one piece of work.
//! * **An activation may gather** other due records of its agent ([`Activation::gather`](agent::Activation::gather)): they
//!   share its lease and its end, each with its own attempts. A record whose input has failed in a way that does not pass
//!   neither gathers nor is gathered, so that it is parked alone.
//! * **Attempts are counted before the run**, so that an agent that takes the process down is seen. It waits longer each
//!   time, but is never parked for it: a process can be killed for many reasons.
//! * **Failures that pass are repeated without end; others a bounded number of times**, then the record is parked: kept
//!   with its input and error until somebody resumes it or queues it anew.
//! * **A pause belongs to the name**: it holds for what is queued later, too.
//! * **Nobody starves**: see [`policy::order`].
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use agent::{Activation, Agent, AgentSpec, CancellationToken, Clock, Failure, Outcome, SystemClock};
//! use agent_scheduler::{Scheduler, StateFile, WorkerLock};
//!
//! /// Counts to three, one step an activation.
//! struct Counter;
//!
//! #[async_trait::async_trait]
//! impl Agent for Counter {
//!     fn name(&self) -> &str {
//!         "counter"
//!     }
//!
//!     async fn activate(&self, activation: &Activation) -> Result<Outcome, Failure> {
//!         match activation.input::<u32>()?.unwrap_or(0) + 1 {
//!             3 => Ok(Outcome::done()),
//!             next => Outcome::next(&next, Duration::ZERO),
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), agent_scheduler::Error> {
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("state.db");
//! let state = StateFile::open(&path)?;
//! let lock = WorkerLock::acquire(&path)?;
//! state.queue("counter", "", None, SystemClock.now()).await?;
//!
//! let scheduler = Scheduler::builder(state, Arc::new(SystemClock))
//!     .workers(2)
//!     .register(AgentSpec::on_demand(Arc::new(Counter)))
//!     .build(lock)?;
//! let finished = scheduler
//!     .run_until_done("counter", "", CancellationToken::new(), |record| println!("{:?}", record.progress))
//!     .await?;
//! assert!(finished.is_done());
//! # Ok(())
//! # }
//! ```

mod error;
mod lock;
pub mod policy;
mod record;
mod scheduler;
mod sqlite;
mod state_file;
mod store;
pub mod transition;

pub use error::{Error, ErrorKind};
pub use lock::WorkerLock;
pub use policy::Backoff;
pub use record::{
    AgentFilter, AgentRecord, AgentState, Change, FailedAs, MAX_CHANGES, MAX_ERROR_CHARS, MAX_KEY_BYTES,
    MAX_VALUE_BYTES, Queued, RunEnding, RunRecord, Setting, StateCount,
};
pub use scheduler::{Finished, Scheduler, SchedulerBuilder};
pub use state_file::StateFile;
pub use store::{AgentStore, Bounds, ClaimRequest, Claimed, Lease, QueueRequest, Reclaim, Registration};
