//! Records as rows.

use std::time::Duration;

use agent::{Priority, Progress};
use chrono::{DateTime, Utc};
use rusqlite::types::Type;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, named_params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::record::{AgentRecord, AgentState, FailedAs, RunEnding, RunRecord, priority_str};

/// The columns of a record, in the order in which [`record`] reads them.
pub(super) const RECORD: &str = "SELECT a.name, a.key, a.state, n.paused_at IS NOT NULL, a.input, a.due_at, a.not_before,
        a.interval_ms, coalesce(n.priority, 'normal'), a.lease_until, a.lease_owner, a.attempts, a.permanent_failures,
        a.last_error, a.last_error_kind, a.last_started_at, a.last_finished_at, a.last_success_at, a.progress,
        a.created_at, a.updated_at, a.run_again, a.run_again_at, a.run_again_input, a.run
    FROM agents a LEFT JOIN agent_names n ON n.name = a.name";

/// The columns of a run, in the order in which [`run`] reads them.
pub(super) const RUN: &str =
    "SELECT run, name, key, attempt, started_at, finished_at, ending, error, gathered FROM runs";

pub(super) fn record(row: &Row<'_>) -> rusqlite::Result<AgentRecord> {
    let paused: bool = row.get(3)?;
    let stored: String = row.get(2)?;
    Ok(AgentRecord {
        name: row.get(0)?,
        key: row.get(1)?,
        state: state(&stored, paused).ok_or_else(|| unreadable(2))?,
        paused,
        input: json(row, 4)?,
        due_at: time(row, 5)?,
        not_before: optional_time(row, 6)?,
        interval: row
            .get::<_, Option<i64>>(7)?
            .map(|ms| {
                u64::try_from(ms)
                    .map(Duration::from_millis)
                    .map_err(|_| unreadable(7))
            })
            .transpose()?,
        priority: priority(&row.get::<_, String>(8)?).ok_or_else(|| unreadable(8))?,
        lease_until: optional_time(row, 9)?,
        lease_owner: row.get(10)?,
        attempts: row.get(11)?,
        permanent_failures: row.get(12)?,
        last_error: row.get(13)?,
        last_error_kind: row
            .get::<_, Option<String>>(14)?
            .map(|word| failed_as(&word).ok_or_else(|| unreadable(14)))
            .transpose()?,
        last_started_at: optional_time(row, 15)?,
        last_finished_at: optional_time(row, 16)?,
        last_success_at: optional_time(row, 17)?,
        // Progress is only shown: one that another version wrote in another form is not worth an error.
        progress: row
            .get::<_, Option<String>>(18)?
            .and_then(|text| serde_json::from_str::<Progress>(&text).ok()),
        created_at: time(row, 19)?,
        updated_at: time(row, 20)?,
        run_again: row.get(21)?,
        run_again_at: optional_time(row, 22)?,
        run_again_input: optional_json(row, 23)?,
        run: row.get(24)?,
    })
}

pub(super) fn run(row: &Row<'_>) -> rusqlite::Result<RunRecord> {
    Ok(RunRecord {
        run: row.get(0)?,
        name: row.get(1)?,
        key: row.get(2)?,
        attempt: row.get(3)?,
        started_at: time(row, 4)?,
        finished_at: optional_time(row, 5)?,
        ending: row
            .get::<_, Option<String>>(6)?
            .map(|word| ending(&word).ok_or_else(|| unreadable(6)))
            .transpose()?,
        error: row.get(7)?,
        gathered: row.get(8)?,
    })
}

/// One record.
pub(super) fn load(connection: &Connection, name: &str, key: &str) -> rusqlite::Result<Option<AgentRecord>> {
    let mut statement = cached(connection, &format!("{RECORD} WHERE a.name = ?1 AND a.key = ?2"))?;
    statement.query_row([name, key], record).optional()
}

/// All records for which `condition` holds, in the order of their names and keys.
pub(super) fn load_where(
    connection: &Connection,
    condition: &str,
    parameters: impl rusqlite::Params,
) -> rusqlite::Result<Vec<AgentRecord>> {
    load_first(
        connection,
        &format!("{condition} ORDER BY a.name, a.key"),
        parameters,
    )
}

/// The first `limit` records by a condition that are `wanted`; what comes after them is not read.
pub(super) fn load_some(
    connection: &Connection,
    condition: &str,
    parameters: impl rusqlite::Params,
    wanted: impl Fn(&AgentRecord) -> bool,
    limit: usize,
) -> rusqlite::Result<Vec<AgentRecord>> {
    let mut statement = cached(
        connection,
        &format!("{RECORD} WHERE {condition} ORDER BY a.name, a.key"),
    )?;
    statement
        .query_map(parameters, record)?
        .filter(|record| record.as_ref().map_or(true, &wanted))
        .take(limit)
        .collect()
}

/// Records by a condition that ends in its own order and limit.
pub(super) fn load_first(
    connection: &Connection,
    condition: &str,
    parameters: impl rusqlite::Params,
) -> rusqlite::Result<Vec<AgentRecord>> {
    let mut statement = cached(connection, &format!("{RECORD} WHERE {condition}"))?;
    statement.query_map(parameters, record)?.collect()
}

pub(super) fn cached<'c>(connection: &'c Connection, sql: &str) -> rusqlite::Result<CachedStatement<'c>> {
    connection.prepare_cached(sql)
}

/// Writes a record, new or not.
pub(super) fn save(connection: &Connection, record: &AgentRecord) -> rusqlite::Result<()> {
    let mut statement = cached(
        connection,
        "INSERT INTO agents (name, key, state, input, due_at, not_before, interval_ms, lease_until, lease_owner, attempts,
            permanent_failures, last_error, last_error_kind, last_started_at, last_finished_at, last_success_at, progress,
            created_at, updated_at, run_again, run_again_at, run_again_input, run)
        VALUES (:name, :key, :state, :input, :due_at, :not_before, :interval_ms, :lease_until, :lease_owner, :attempts,
            :permanent_failures, :last_error, :last_error_kind, :last_started_at, :last_finished_at, :last_success_at,
            :progress, :created_at, :updated_at, :run_again, :run_again_at, :run_again_input, :run)
        ON CONFLICT (name, key) DO UPDATE SET state = excluded.state, input = excluded.input, due_at = excluded.due_at,
            not_before = excluded.not_before, interval_ms = excluded.interval_ms, lease_until = excluded.lease_until,
            lease_owner = excluded.lease_owner, attempts = excluded.attempts,
            permanent_failures = excluded.permanent_failures, last_error = excluded.last_error,
            last_error_kind = excluded.last_error_kind, last_started_at = excluded.last_started_at,
            last_finished_at = excluded.last_finished_at, last_success_at = excluded.last_success_at,
            progress = excluded.progress, updated_at = excluded.updated_at, run_again = excluded.run_again,
            run_again_at = excluded.run_again_at, run_again_input = excluded.run_again_input, run = excluded.run",
    )?;
    statement.execute(named_params! {
        ":name": record.name,
        ":key": record.key,
        ":state": stored_state(record.state),
        ":input": text(&record.input)?,
        ":due_at": ms(record.due_at),
        ":not_before": record.not_before.map(ms),
        ":interval_ms": record.interval.map(|interval| i64::try_from(interval.as_millis()).unwrap_or(i64::MAX)),
        ":lease_until": record.lease_until.map(ms),
        ":lease_owner": record.lease_owner,
        ":attempts": record.attempts,
        ":permanent_failures": record.permanent_failures,
        ":last_error": record.last_error,
        ":last_error_kind": record.last_error_kind.map(FailedAs::as_str),
        ":last_started_at": record.last_started_at.map(ms),
        ":last_finished_at": record.last_finished_at.map(ms),
        ":last_success_at": record.last_success_at.map(ms),
        ":progress": record.progress.as_ref().map(text).transpose()?,
        ":created_at": ms(record.created_at),
        ":updated_at": ms(record.updated_at),
        ":run_again": record.run_again,
        ":run_again_at": record.run_again_at.map(ms),
        ":run_again_input": record.run_again_input.as_ref().map(text).transpose()?,
        ":run": record.run,
    })?;
    Ok(())
}

/// A paused record is stored as waiting: a pause belongs to the name.
pub(super) fn stored_state(state: AgentState) -> &'static str {
    match state {
        AgentState::Paused => AgentState::Waiting.as_str(),
        other => other.as_str(),
    }
}

fn state(word: &str, paused: bool) -> Option<AgentState> {
    match word {
        "waiting" if paused => Some(AgentState::Paused),
        "waiting" => Some(AgentState::Waiting),
        "running" => Some(AgentState::Running),
        "parked" => Some(AgentState::Parked),
        "done" => Some(AgentState::Done),
        _ => None,
    }
}

pub(super) fn priority(word: &str) -> Option<Priority> {
    [Priority::Background, Priority::Normal, Priority::Urgent]
        .into_iter()
        .find(|priority| priority_str(*priority) == word)
}

fn failed_as(word: &str) -> Option<FailedAs> {
    use FailedAs::{Crashed, Panicked, Passing, Permanent};
    [Passing, Permanent, Panicked, Crashed]
        .into_iter()
        .find(|kind| kind.as_str() == word)
}

fn ending(word: &str) -> Option<RunEnding> {
    use RunEnding::{Again, Crashed, Done, Failed, Interrupted};
    [Done, Again, Failed, Interrupted, Crashed]
        .into_iter()
        .find(|ending| ending.as_str() == word)
}

/// Milliseconds since 1970.
pub(super) fn ms(time: DateTime<Utc>) -> i64 {
    time.timestamp_millis()
}

pub(super) fn time_of(ms: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(ms)
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<DateTime<Utc>> {
    time_of(row.get(column)?).ok_or_else(|| unreadable(column))
}

fn optional_time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<DateTime<Utc>>> {
    row.get::<_, Option<i64>>(column)?
        .map(|ms| time_of(ms).ok_or_else(|| unreadable(column)))
        .transpose()
}

pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    parse(&row.get::<_, String>(column)?, column)
}

fn optional_json(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Value>> {
    row.get::<_, Option<String>>(column)?
        .map(|text| parse(&text, column))
        .transpose()
}

fn parse<T: DeserializeOwned>(text: &str, column: usize) -> rusqlite::Result<T> {
    serde_json::from_str(text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

pub(super) fn text(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn unreadable(column: usize) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Null, "not a value of this column".into())
}

/// A state by the word that is shown.
pub(super) fn shown_state(word: &str) -> rusqlite::Result<AgentState> {
    match word {
        "paused" => Ok(AgentState::Paused),
        other => state(other, false).ok_or_else(|| unreadable(1)),
    }
}
