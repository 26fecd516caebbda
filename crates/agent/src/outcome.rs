//! What an activation ended in.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::Failure;

/// How a successful activation goes on.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// Nothing is left to do. An agent with a [`Schedule::Every`](crate::Schedule::Every) comes back after its interval.
    Done,
    /// Come back with the same input after this time.
    Again {
        /// The time to wait; zero means as soon as others had their turn.
        after: Duration,
    },
    /// Come back with another input after this time. The input is durable before anything else happens.
    Next {
        /// What the next activation gets.
        input: Value,
        /// The time to wait; zero means as soon as others had their turn.
        after: Duration,
    },
}

impl Outcome {
    /// [`Outcome::Done`].
    pub fn done() -> Self {
        Self::Done
    }

    /// [`Outcome::Next`] with a serialised input.
    ///
    /// # Errors
    /// A permanent failure when `input` cannot be written as JSON (a map with keys that are no strings).
    pub fn next(input: &impl Serialize, after: Duration) -> Result<Self, Failure> {
        let input = serde_json::to_value(input).map_err(|error| {
            Failure::permanent("cannot write the agent's input as JSON").with_source(error)
        })?;
        Ok(Self::Next { input, after })
    }
}
