//! The whole program under simulated time and faults.
//!
//! A simulation takes the real scheduler, exchanges, client and stores, puts them together as the binary does, and runs them
//! against a portal and a database server in the same process. Time is tokio's paused time, so hours pass in milliseconds. One
//! number, the seed, decides everything: how the portal is, what its users do, which answers are lost, when the process is killed and
//! at which of its await points. The same seed takes the same course, to the last byte; a test holds it to that.
//!
//! The process can be killed at every await point: everything that could leave a trace outside of it (a request, a call of the
//! target, an operation on the state) passes a point before and after, and every poll of an agent is one. What it leaves is
//! what was committed in the state and the target. It is then put together anew.
//!
//! While it runs, it is watched: no durable cursor passes a row that is not in the table, no event that was accepted is lost, the
//! portal never has to refuse us for what we alone sent, and no agent gives up without a cause. When the faults are over, the
//! tables must become true within a bounded time, compared with an expectation that is written here and shares no code with
//! what it checks. `docs/simulation.md` has the whole list.
//!
//! ```
//! let folder = tempfile::tempdir()?;
//! let report = simulation::run(7, folder.path(), false)?;
//! assert!(report.is_good(), "{report}");
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```

mod book;
mod clock;
mod dice;
mod expect;
mod life;
mod limited;
mod plan;
mod post;
mod process;
mod run;
mod soak;
mod state;
mod target;
mod users;
mod watch;
mod wire;
mod world;

pub use limited::{Limited, Lost, Sent, Taken, upload_within_limits};
pub use run::{Error, Report, run};
pub use soak::{Summary, soak};
