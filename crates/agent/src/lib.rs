//! The contract of an agent: a piece of durable, repeated work.
//!
//! An agent is what the portal's own module calls an agent, too: a named job that a scheduler activates
//! again and again until it says that it is done. This crate holds the contract alone, so that those who
//! write agents and those who schedule them know nothing of each other.
//!
//! # What an agent may rely on, and what it must do
//!
//! * **At least once.** An activation may be cut off at any await point: a crash, a lost lease, a stop. The
//!   scheduler then activates the agent again with the input last made durable. So every activation MUST be
//!   idempotent from that input on.
//! * **One at a time.** No two activations of the same name and key run at once while the lease holds.
//!   A lease is renewed while an activation runs; one that can no longer be renewed cancels it.
//! * **State lives in the input.** An agent keeps nothing in itself that it would miss after a restart. It
//!   makes progress durable with [`Activation::checkpoint`], or by handing on
//!   [`Outcome::Next`]. When either has returned, the new input survives a crash.
//! * **No retries inside.** A failed activation returns a [`Failure`]; the scheduler decides when to come back.
//!   A failure of a passing kind ([`FailureKind::Passing`]) is repeated without end, with growing delay. One of a
//!   permanent kind is repeated a limited number of times, then the agent is parked with its input kept.
//! * **Stop when asked.** An activation SHOULD return soon after [`Activation::stopping`] turns true, between two
//!   steps; what it has checkpointed is kept.
//!
//! # Example
//!
//! ```
//! use agent::{Activation, Agent, Failure, Outcome};
//! use std::time::Duration;
//!
//! /// Counts to ten, one step an activation.
//! struct Counter;
//!
//! #[async_trait::async_trait]
//! impl Agent for Counter {
//!     fn name(&self) -> &str {
//!         "counter"
//!     }
//!
//!     async fn activate(&self, activation: &Activation) -> Result<Outcome, Failure> {
//!         let count: Option<u32> = activation.input()?;
//!         match count.unwrap_or(0) + 1 {
//!             10 => Ok(Outcome::done()),
//!             next => Outcome::next(&next, Duration::from_secs(1)),
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let activation = Activation::detached("counter", "", serde_json::json!(8));
//! let outcome = Counter.activate(&activation).await.unwrap();
//! assert_eq!(outcome, Outcome::Next { input: serde_json::json!(9), after: Duration::from_secs(1) });
//! # }
//! ```

mod activation;
mod clock;
mod failure;
mod outcome;
mod spec;

pub use activation::{Activation, CheckpointError, Checkpoints, Progress};
pub use clock::{Clock, SystemClock};
pub use failure::{Failure, FailureKind};
pub use outcome::Outcome;
pub use spec::{AgentRequest, AgentSpec, Priority, Schedule};
/// Cancels an activation: see [`Activation::stopping`].
pub use tokio_util::sync::CancellationToken;

#[cfg(test)]
mod tests;

/// A piece of durable, repeated work. The crate's documentation is its contract.
#[async_trait::async_trait]
pub trait Agent: Send + Sync + 'static {
    /// The agent's name: stable across versions, since durable state refers to it. Lower-case words joined by
    /// `-` and `.`, such as `history.upload`.
    fn name(&self) -> &str;

    /// Runs the work once, from the activation's input on.
    ///
    /// # Errors
    /// A [`Failure`] says whether coming back later can help. The input stays as it was last checkpointed.
    async fn activate(&self, activation: &Activation) -> Result<Outcome, Failure>;
}
