//! Runs in SQL, and what is deleted of what is over.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

use super::rows::{self, cached, ms};
use crate::record::{AgentRecord, RunEnding, RunRecord};
use crate::store::Bounds;

/// Opens a run of a record that is about to be claimed. Gives its number, which is never given again.
pub(super) fn open(
    connection: &Connection,
    record: &AgentRecord,
    now: DateTime<Utc>,
) -> rusqlite::Result<i64> {
    cached(
        connection,
        "INSERT INTO runs (name, key, attempt, started_at) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        record.name,
        record.key,
        record.attempts.saturating_add(1),
        ms(now)
    ])?;
    Ok(connection.last_insert_rowid())
}

/// Notes that more records were gathered into a run.
pub(super) fn gathered(connection: &Connection, run: i64, records: usize) -> rusqlite::Result<()> {
    cached(
        connection,
        "UPDATE runs SET gathered = gathered + ?2 WHERE run = ?1",
    )?
    .execute(params![run, i64::try_from(records).unwrap_or(i64::MAX)])?;
    Ok(())
}

/// Closes a run.
pub(super) fn close(
    connection: &Connection,
    run: i64,
    ending: RunEnding,
    error: Option<&str>,
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    cached(
        connection,
        "UPDATE runs SET finished_at = ?2, ending = ?3, error = ?4 WHERE run = ?1",
    )?
    .execute(params![run, ms(now), ending.as_str(), error])?;
    Ok(())
}

pub(super) fn runs(
    connection: &Connection,
    name: &str,
    key: &str,
    limit: usize,
) -> rusqlite::Result<Vec<RunRecord>> {
    let sql = format!(
        "{} WHERE name = ?1 AND key = ?2 ORDER BY run DESC LIMIT ?3",
        rows::RUN
    );
    cached(connection, &sql)?
        .query_map(
            params![name, key, i64::try_from(limit).unwrap_or(i64::MAX)],
            rows::run,
        )?
        .collect()
}

pub(super) fn runs_of(connection: &Connection, name: &str, limit: usize) -> rusqlite::Result<Vec<RunRecord>> {
    let sql = format!("{} WHERE name = ?1 ORDER BY run DESC LIMIT ?2", rows::RUN);
    cached(connection, &sql)?
        .query_map(params![name, i64::try_from(limit).unwrap_or(i64::MAX)], rows::run)?
        .collect()
}

pub(super) fn prune(connection: &Connection, bounds: Bounds) -> rusqlite::Result<u64> {
    let records = cached(
        connection,
        "DELETE FROM agents WHERE id IN (
            SELECT id FROM (
                SELECT id, row_number() OVER (PARTITION BY name ORDER BY last_finished_at DESC, id DESC) AS place
                FROM agents WHERE state = 'done' AND key <> '')
            WHERE place > ?1)",
    )?
    .execute([bounds.done_per_name])?;
    let runs = cached(
        connection,
        "DELETE FROM runs WHERE finished_at IS NOT NULL AND run IN (
            SELECT run FROM (
                SELECT run,
                    row_number() OVER (PARTITION BY name, key ORDER BY run DESC) AS of_record,
                    row_number() OVER (PARTITION BY name ORDER BY run DESC) AS of_name
                FROM runs)
            WHERE of_record > ?1 OR of_name > ?2)",
    )?
    .execute([bounds.runs_per_agent, bounds.runs_per_name])?;
    let orphans = cached(
        connection,
        "DELETE FROM runs WHERE NOT EXISTS (SELECT 1 FROM agents a WHERE a.name = runs.name AND a.key = runs.key)",
    )?
    .execute([])?;
    Ok((records + runs + orphans) as u64)
}
