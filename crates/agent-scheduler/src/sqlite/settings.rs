//! Settings in SQL.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;

use super::rows::{cached, json, ms, text, time_of};
use super::size;
use crate::record::Setting;

fn setting(row: &Row<'_>) -> rusqlite::Result<Setting> {
    Ok(Setting {
        key: row.get(0)?,
        value: json(row, 1)?,
        updated_at: time_of(row.get(2)?).unwrap_or_default(),
    })
}

pub(super) fn get(connection: &Connection, key: &str) -> rusqlite::Result<Option<Setting>> {
    cached(
        connection,
        "SELECT key, value, updated_at FROM settings WHERE key = ?1",
    )?
    .query_row([key], setting)
    .optional()
}

pub(super) fn list(connection: &Connection) -> rusqlite::Result<Vec<Setting>> {
    cached(
        connection,
        "SELECT key, value, updated_at FROM settings ORDER BY key",
    )?
    .query_map([], setting)?
    .collect()
}

pub(super) fn set(
    connection: &Connection,
    key: &str,
    value: &Value,
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    cached(
        connection,
        "INSERT INTO settings (key, value, updated_at) VALUES (?1, ?2, ?3)
        ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
    )?
    .execute(params![key, text(value)?, ms(now)])?;
    Ok(())
}

pub(super) fn prepend(
    connection: &Connection,
    key: &str,
    value: Value,
    most: usize,
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    let mut list = match get(connection, key)?.map(|setting| setting.value) {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    };
    list.insert(0, value);
    list.truncate(most);
    while size::check_value("add to a setting", &list).is_err() {
        list.pop();
    }
    set(connection, key, &Value::Array(list), now)
}

pub(super) fn unset(connection: &Connection, key: &str) -> rusqlite::Result<bool> {
    Ok(cached(connection, "DELETE FROM settings WHERE key = ?1")?.execute([key])? > 0)
}
