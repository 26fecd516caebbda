//! One activation, as the agent sees it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{AgentRequest, Clock, Failure, SystemClock};

/// How far an agent has come, for people.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Progress {
    /// Units done since the work began, over all activations.
    pub done: u64,
    /// Units in all, when known. It may be an estimate and may change.
    pub total: Option<u64>,
    /// What a unit is, in the plural: `rows`.
    pub unit: String,
    /// Units a second, lately, when known.
    pub rate: Option<f64>,
    /// One sentence on what is going on, if there is more to say.
    pub note: Option<String>,
    /// Figures of the work by name, such as `inserted`. They add up over all activations of one piece of work.
    #[serde(default)]
    pub counts: BTreeMap<String, u64>,
}

impl Progress {
    /// Progress of `done` out of `total` units.
    pub fn new(done: u64, total: Option<u64>, unit: impl Into<String>) -> Self {
        Self {
            done,
            total,
            unit: unit.into(),
            rate: None,
            note: None,
            counts: BTreeMap::new(),
        }
    }

    /// The same with a rate in units a second.
    #[must_use]
    pub fn with_rate(mut self, rate: Option<f64>) -> Self {
        self.rate = rate;
        self
    }

    /// The same with a sentence.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// The same with one more figure.
    #[must_use]
    pub fn with_count(mut self, name: impl Into<String>, count: u64) -> Self {
        self.counts.insert(name.into(), count);
        self
    }
}

/// The state could not be made durable. The activation must end: what it did after its last checkpoint will be done
/// again.
#[derive(Debug, thiserror::Error)]
#[error("cannot save the agent's progress")]
pub struct CheckpointError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl CheckpointError {
    /// Wraps what went wrong.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(source.into())
    }
}

/// Where an activation makes its input durable: the scheduler's side of [`Activation::checkpoint`].
///
/// `Ok` means that the input survives a crash. An implementation refuses when the activation's lease is lost, so that an
/// agent that was presumed dead cannot move the state of its successor.
#[async_trait::async_trait]
pub trait Checkpoints: Send + Sync {
    /// Makes `input` (when given) the input of the next activation, and `progress` (when given) what people see.
    async fn save(&self, input: Option<Value>, progress: Option<Progress>) -> Result<(), CheckpointError>;

    /// Queues work, of this agent or another one, as anybody can from outside: unique by name and key. `Ok` means that it
    /// survives a crash.
    async fn queue(&self, request: AgentRequest) -> Result<(), CheckpointError>;

    /// Takes up to `limit` other records of the same agent that are due into this activation, and gives their keys. They are
    /// leased with it and end as it ends: an outcome counts for all of them, and so does a failure.
    async fn gather(&self, limit: usize) -> Result<Vec<String>, CheckpointError>;
}

/// One activation of an agent.
pub struct Activation {
    name: String,
    key: String,
    input: Value,
    attempt: u32,
    clock: Arc<dyn Clock>,
    checkpoints: Arc<dyn Checkpoints>,
    stop: CancellationToken,
}

impl Activation {
    /// An activation as a scheduler makes it. `attempt` is 1 for the first try of this input.
    pub fn new(
        name: impl Into<String>,
        key: impl Into<String>,
        input: Value,
        attempt: u32,
        clock: Arc<dyn Clock>,
        checkpoints: Arc<dyn Checkpoints>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            name: name.into(),
            key: key.into(),
            input,
            attempt,
            clock,
            checkpoints,
            stop,
        }
    }

    /// An activation outside a scheduler: its checkpoints are kept nowhere. For work in the foreground whose input
    /// nobody needs again, and for tests.
    pub fn detached(name: impl Into<String>, key: impl Into<String>, input: Value) -> Self {
        Self::new(
            name,
            key,
            input,
            1,
            Arc::new(SystemClock),
            Arc::new(Forget),
            CancellationToken::new(),
        )
    }

    /// The agent's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key that tells apart several pieces of work of one agent, such as a deal's ID; empty for an agent that exists
    /// once.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How many times this input has been tried, this time included.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The input, or `None` when there is none yet.
    ///
    /// # Errors
    /// A permanent failure when the durable input is not of this type: it was written by another version.
    pub fn input<T: DeserializeOwned>(&self) -> Result<Option<T>, Failure> {
        if self.input.is_null() {
            return Ok(None);
        }
        T::deserialize(&self.input).map(Some).map_err(|error| {
            Failure::permanent(format!(
                "the saved input of agent {} cannot be read; was it written by another version? \
                 queue the agent anew to start over",
                self.name
            ))
            .with_source(error)
        })
    }

    /// Makes `input` durable as the input of the next activation: what led to it is never done again. `progress` is
    /// shown to people.
    ///
    /// # Errors
    /// A passing failure when the state cannot be written or the lease is lost.
    pub async fn checkpoint(&self, input: &impl Serialize, progress: Progress) -> Result<(), Failure> {
        let input = serde_json::to_value(input).map_err(|error| {
            Failure::permanent("cannot write the agent's input as JSON").with_source(error)
        })?;
        self.save(Some(input), progress).await
    }

    /// Shows progress without touching the input.
    ///
    /// # Errors
    /// As [`checkpoint`](Self::checkpoint).
    pub async fn report(&self, progress: Progress) -> Result<(), Failure> {
        self.save(None, progress).await
    }

    /// Queues work of this agent or another one; see [`Checkpoints::queue`].
    ///
    /// # Errors
    /// A passing failure when the state cannot be written.
    pub async fn queue(&self, request: AgentRequest) -> Result<(), Failure> {
        self.checkpoints.queue(request).await.map_err(not_writable)
    }

    /// Takes up to `limit` other due records of this agent into this activation and gives their keys, so that many small pieces
    /// of work can be done in one go: what this activation ends in counts for all of them. Only for agents whose work is told
    /// by the key alone.
    ///
    /// # Errors
    /// A passing failure when the state cannot be written.
    pub async fn gather(&self, limit: usize) -> Result<Vec<String>, Failure> {
        self.checkpoints.gather(limit).await.map_err(not_writable)
    }

    async fn save(&self, input: Option<Value>, progress: Progress) -> Result<(), Failure> {
        self.checkpoints
            .save(input, Some(progress))
            .await
            .map_err(not_writable)
    }

    /// Whether the activation should end at the next good place.
    pub fn stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Resolves when the activation should end.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// The present instant, from the injected clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}

impl fmt::Debug for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Activation")
            .field("name", &self.name)
            .field("key", &self.key)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

fn not_writable(error: CheckpointError) -> Failure {
    Failure::passing("the agent's state is not writable").with_source(error)
}

struct Forget;

#[async_trait::async_trait]
impl Checkpoints for Forget {
    async fn save(&self, _: Option<Value>, _: Option<Progress>) -> Result<(), CheckpointError> {
        Ok(())
    }

    async fn queue(&self, _: AgentRequest) -> Result<(), CheckpointError> {
        Ok(())
    }

    async fn gather(&self, _: usize) -> Result<Vec<String>, CheckpointError> {
        Ok(Vec::new())
    }
}
