//! What happens to a record, as pure functions. A store reads a record, applies one of them, and writes it back in the
//! same transaction; so every store behaves the same, and all of it can be tested without one.
//!
//! A record that is loaded has [`AgentState::Paused`] for "waiting, but its name is paused". These functions treat it
//! as waiting.

use std::time::Duration;

use agent::{Priority, Progress};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::policy::{Backoff, Retry, after};
use crate::record::{AgentRecord, AgentState, FailedAs, MAX_ERROR_CHARS, Queued, RunEnding};

/// How an activation ended, as the scheduler tells the store.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Ended {
    /// Nothing is left to do.
    Done,
    /// Come back with the same input.
    Again {
        /// After this time.
        after: Duration,
    },
    /// Come back with another input.
    Next {
        /// The input.
        input: Value,
        /// After this time.
        after: Duration,
    },
    /// It failed.
    Failed {
        /// One line for people.
        error: String,
        /// In what way.
        kind: FailedAs,
        /// Not before this time has gone by, when the other side said so.
        retry_after: Option<Duration>,
        /// How failures are answered.
        retry: Retry,
    },
    /// It was cut off by a stop: not its fault, so this try does not count.
    Interrupted,
}

impl Ended {
    /// The same end for a record that was gathered: another input is for the record the activation was of.
    #[must_use]
    pub fn of_gathered(&self) -> Self {
        match self {
            Self::Next { after, .. } => Self::Again { after: *after },
            other => other.clone(),
        }
    }
}

/// A clock that has stepped back by less than this is not worth mending records for.
pub const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(2);

/// A new record.
pub fn added(
    (name, key): (String, String),
    priority: Priority,
    input: Value,
    due_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> AgentRecord {
    AgentRecord {
        name,
        key,
        state: AgentState::Waiting,
        paused: false,
        input,
        due_at,
        not_before: None,
        interval: None,
        priority,
        lease_until: None,
        lease_owner: None,
        attempts: 0,
        permanent_failures: 0,
        last_error: None,
        last_error_kind: None,
        last_started_at: None,
        last_finished_at: None,
        last_success_at: None,
        progress: None,
        created_at: now,
        updated_at: now,
        run_again: false,
        run_again_at: None,
        run_again_input: None,
        run: 0,
    }
}

/// The record is written at `now`. When it was last written in the future, the clock has stepped back since: what it waits for
/// moves along first, for afterwards nobody could tell any more.
fn touch(record: &mut AgentRecord, now: DateTime<Utc>) {
    mend_future(record, now);
    record.updated_at = now;
}

/// Queues a record that exists already. `input`: none keeps the old one, unless that was done.
///
/// A waiting record keeps the earlier of the two due times, but is not brought before its `not_before`. Queueing a
/// running record has the effect of queueing it at the moment its activation ends.
pub fn queue(
    record: &mut AgentRecord,
    input: Option<Value>,
    due_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Queued {
    touch(record, now);
    match record.state {
        AgentState::Running => {
            record.run_again = true;
            record.run_again_at = Some(record.run_again_at.map_or(due_at, |earlier| earlier.min(due_at)));
            if input.is_some() {
                record.run_again_input = input;
            }
            Queued::RunAgain
        }
        AgentState::Waiting | AgentState::Paused => {
            let earliest = record
                .not_before
                .map_or(due_at, |not_before| due_at.max(not_before));
            record.due_at = record.due_at.min(earliest);
            if let Some(input) = input {
                replace_input(record, input);
            }
            Queued::Merged
        }
        AgentState::Done => {
            start_anew(record, due_at);
            record.input = input.unwrap_or(Value::Null);
            record.progress = None;
            record.last_error = None;
            record.last_error_kind = None;
            Queued::Anew
        }
        AgentState::Parked => {
            start_anew(record, due_at);
            if let Some(input) = input {
                record.input = input;
            }
            Queued::Unparked
        }
    }
}

fn start_anew(record: &mut AgentRecord, due_at: DateTime<Utc>) {
    record.state = AgentState::Waiting;
    record.due_at = due_at;
    record.not_before = None;
    record.attempts = 0;
    record.permanent_failures = 0;
}

fn replace_input(record: &mut AgentRecord, input: Value) {
    if record.input != input {
        record.input = input;
        record.attempts = 0;
        record.permanent_failures = 0;
    }
}

/// A person wants it to run now: no back-off stands in the way, a parked record starts anew, and so does one without a
/// key that was done. Returns whether there was something to bring forward.
pub fn run_now(record: &mut AgentRecord, now: DateTime<Utc>) -> bool {
    if record.state == AgentState::Done && !record.key.is_empty() {
        return false;
    }
    record.not_before = None;
    queue(record, None, now, now);
    true
}

/// Takes a parked record up again, with its input and its last error. Returns whether it was parked.
pub fn unpark(record: &mut AgentRecord, now: DateTime<Utc>) -> bool {
    if record.state != AgentState::Parked {
        return false;
    }
    start_anew(record, now);
    touch(record, now);
    true
}

/// An activation begins. The attempt is counted now, so that one that takes the process down is seen.
pub fn claimed(
    record: &mut AgentRecord,
    owner: String,
    run: i64,
    lease_until: DateTime<Utc>,
    now: DateTime<Utc>,
) {
    record.state = AgentState::Running;
    record.lease_owner = Some(owner);
    record.lease_until = Some(lease_until);
    record.attempts = record.attempts.saturating_add(1);
    record.last_started_at = Some(now);
    touch(record, now);
    record.run = run;
}

/// Whether a record may share an activation with others, as the one that gathers or as one that is gathered. One whose
/// input has failed in a way that does not pass runs alone from then on: the failure counts for all in the activation, and
/// nobody is to be parked for what is wrong with a neighbour.
pub fn gathers(record: &AgentRecord) -> bool {
    record.permanent_failures == 0
}

/// The lease of a running activation holds until `lease_until`.
pub fn renewed(record: &mut AgentRecord, lease_until: DateTime<Utc>, now: DateTime<Utc>) {
    record.lease_until = Some(lease_until);
    touch(record, now);
}

/// A running activation makes an input durable, shows progress, or both. Another input is a first try of that input.
pub fn checkpoint(
    record: &mut AgentRecord,
    input: Option<Value>,
    progress: Option<Progress>,
    now: DateTime<Utc>,
) {
    if let Some(input) = input
        && record.input != input
    {
        record.input = input;
        record.attempts = 1;
        record.permanent_failures = 0;
    }
    if progress.is_some() {
        record.progress = progress;
    }
    touch(record, now);
}

/// An activation ended. Tells how, for the history.
pub fn finish(record: &mut AgentRecord, ended: Ended, now: DateTime<Utc>) -> RunEnding {
    release(record, now);
    let ending = match ended {
        Ended::Done => {
            succeeded(record, now);
            match record.interval {
                Some(interval) => record.due_at = after(now, interval),
                None => record.state = AgentState::Done,
            }
            RunEnding::Done
        }
        Ended::Again { after: wait } => {
            succeeded(record, now);
            record.due_at = after(now, wait);
            RunEnding::Again
        }
        Ended::Next { input, after: wait } => {
            succeeded(record, now);
            record.input = input;
            record.due_at = after(now, wait);
            RunEnding::Again
        }
        Ended::Failed {
            error,
            kind,
            retry_after,
            retry,
        } => {
            failed(record, &error, kind);
            let wait = retry_after.unwrap_or_else(|| retry.backoff.delay(record.attempts, retry.jitter));
            record.due_at = after(now, wait);
            record.not_before = Some(after(now, retry_after.unwrap_or(retry.backoff.first.min(wait))));
            if matches!(kind, FailedAs::Permanent | FailedAs::Panicked) {
                record.permanent_failures = record.permanent_failures.saturating_add(1);
                if retry.parks(record.permanent_failures) {
                    record.state = AgentState::Parked;
                }
            }
            RunEnding::Failed
        }
        Ended::Interrupted => {
            record.attempts = record.attempts.saturating_sub(1);
            record.due_at = now;
            RunEnding::Interrupted
        }
    };
    queue_again(record, now);
    ending
}

/// The process that ran it has ended in the middle, or its lease has expired. The first time its work goes on at once;
/// an input that was being tried when the process ended more than once waits longer each time, so that an agent that takes
/// the process down leaves time to the others.
pub fn crashed(record: &mut AgentRecord, backoff: Backoff, now: DateTime<Utc>) {
    let tries = record.attempts;
    release(record, now);
    failed(
        record,
        "the process ended, or lost the agent, in the middle of this activation",
        FailedAs::Crashed,
    );
    record.due_at = now;
    if tries > 1 {
        record.due_at = after(now, backoff.full(tries - 1));
        record.not_before = Some(record.due_at);
    }
    queue_again(record, now);
}

fn release(record: &mut AgentRecord, now: DateTime<Utc>) {
    record.state = AgentState::Waiting;
    record.lease_owner = None;
    record.lease_until = None;
    record.not_before = None;
    record.last_finished_at = Some(now);
    touch(record, now);
}

fn succeeded(record: &mut AgentRecord, now: DateTime<Utc>) {
    record.attempts = 0;
    record.permanent_failures = 0;
    record.last_error = None;
    record.last_error_kind = None;
    record.last_success_at = Some(now);
}

fn failed(record: &mut AgentRecord, error: &str, kind: FailedAs) {
    record.last_error = Some(bounded(error));
    record.last_error_kind = Some(kind);
}

/// The queueing that was asked for while it ran.
fn queue_again(record: &mut AgentRecord, now: DateTime<Utc>) {
    if !record.run_again {
        return;
    }
    record.run_again = false;
    let due_at = record.run_again_at.take().unwrap_or(now);
    let input = record.run_again_input.take();
    queue(record, input, due_at, now);
}

/// At most [`MAX_ERROR_CHARS`] characters of a message.
pub fn bounded(error: &str) -> String {
    if error.chars().nth(MAX_ERROR_CHARS).is_none() {
        return error.to_owned();
    }
    error
        .chars()
        .take(MAX_ERROR_CHARS - 1)
        .chain(std::iter::once('…'))
        .collect()
}

/// Whether the record only waits for its interval to go by.
pub(crate) fn between_turns(record: &AgentRecord) -> bool {
    let Some(interval) = record.interval else {
        return false;
    };
    matches!(record.state, AgentState::Waiting | AgentState::Paused)
        && record.attempts == 0
        && record.not_before.is_none()
        && record.last_finished_at.is_some_and(|finished| {
            record.last_success_at == Some(finished) && record.due_at == after(finished, interval)
        })
}

/// The program has started with this interval for the record. Only a record that is between two turns moves: to the new
/// interval after its last one. One that has work keeps its time.
pub fn scheduled(record: &mut AgentRecord, interval: Option<Duration>, now: DateTime<Utc>) {
    if record.interval == interval {
        return;
    }
    let done_at = match record.state {
        AgentState::Done => Some(record.last_finished_at.unwrap_or(now)),
        _ if between_turns(record) => record.last_finished_at,
        _ => None,
    };
    record.interval = interval;
    touch(record, now);
    match (done_at, interval) {
        (Some(done_at), Some(interval)) => {
            record.state = AgentState::Waiting;
            record.due_at = after(done_at, interval);
        }
        (Some(_), None) => record.state = AgentState::Done,
        (None, _) => {}
    }
}

/// Mends a record that was last written in the future: the clock has stepped back since. What it was to wait for begins
/// now, instead of when the old clock's time comes round again.
pub fn mend_future(record: &mut AgentRecord, now: DateTime<Utc>) -> bool {
    let ahead = record.updated_at - now;
    if ahead <= CLOCK_TOLERANCE {
        return false;
    }
    record.due_at -= ahead;
    record.not_before = record.not_before.map(|time| time - ahead);
    record.run_again_at = record.run_again_at.map(|time| time - ahead);
    record.updated_at = now;
    true
}

#[cfg(test)]
mod tests;
