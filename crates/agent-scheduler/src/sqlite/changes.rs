//! Changes that people made, in SQL.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, Row, params};
use serde_json::Value;

use super::rows::{cached, json, ms, text, time_of};
use super::settings;
use crate::record::{Change, MAX_CHANGES};

pub(super) fn change_setting(
    connection: &Connection,
    key: String,
    value: Option<Value>,
    default: Value,
    by: String,
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    let before = settings::get(connection, &key)?.map(|setting| setting.value);
    match &value {
        Some(value) => settings::set(connection, &key, value, now)?,
        None => {
            settings::unset(connection, &key)?;
        }
    }
    let from = before.unwrap_or_else(|| default.clone());
    let to = value.unwrap_or(default);
    if from == to {
        return Ok(());
    }
    note(connection, &Change::new(now, key, from, to, by))
}

pub(super) fn note(connection: &Connection, change: &Change) -> rusqlite::Result<()> {
    cached(
        connection,
        "INSERT INTO changes (at, what, before, after, by_whom) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        ms(change.at),
        change.what,
        text(&change.from)?,
        text(&change.to)?,
        change.by
    ])?;
    cached(
        connection,
        "DELETE FROM changes WHERE id <= (SELECT max(id) FROM changes) - ?1",
    )?
    .execute([MAX_CHANGES])?;
    Ok(())
}

pub(super) fn list(connection: &Connection, limit: usize) -> rusqlite::Result<Vec<Change>> {
    cached(
        connection,
        "SELECT at, what, before, after, by_whom FROM changes ORDER BY id DESC LIMIT ?1",
    )?
    .query_map([i64::try_from(limit).unwrap_or(i64::MAX)], change)?
    .collect()
}

fn change(row: &Row<'_>) -> rusqlite::Result<Change> {
    Ok(Change {
        at: time_of(row.get(0)?).unwrap_or_default(),
        what: row.get(1)?,
        from: json(row, 2)?,
        to: json(row, 3)?,
        by: row.get(4)?,
    })
}
