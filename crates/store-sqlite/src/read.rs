//! Reading rows.

use std::sync::Arc;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Params};
use store::{Error, ErrorKind, Verifier, Wrong};
use table_map::{Row, Strictness, TableMap, Value};

use crate::failure::Failure;
use crate::{cell, shape, sql};

/// A row and the number that the database gave it.
pub(crate) struct Numbered {
    pub(crate) id: i64,
    pub(crate) row: Row,
}

/// Keys that have no more than this many others on average between two of them are read as one range.
const DENSE: u64 = 3;

/// The rows with these keys.
pub(crate) fn by_keys(connection: &Connection, map: &TableMap, keys: &[i64]) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::with_capacity(keys.len());
    let with = |found: Numbered| rows.push(found.row);
    if keys.is_sorted() {
        each_by_keys(connection, map, keys, with)?;
    } else {
        let mut keys = keys.to_vec();
        keys.sort_unstable();
        each_by_keys(connection, map, &keys, with)?;
    }
    Ok(rows)
}

/// Calls `with` for each row that has one of these keys, which must be in ascending order, in ascending order of the key.
pub(crate) fn each_by_keys(
    connection: &Connection,
    map: &TableMap,
    keys: &[i64],
    mut with: impl FnMut(Numbered),
) -> Result<(), Failure> {
    let (Some(first), Some(last)) = (keys.first(), keys.last()) else {
        return Ok(());
    };
    if !are_dense(keys, *first, *last) {
        let keys = sql::keys_as_json(keys.iter().copied());
        return each(connection, map, &sql::select_by_keys(map), [keys], with);
    }
    let mut wanted = keys.iter().peekable();
    each(connection, map, &sql::select_range(map), [first, last], |found| {
        let key = found.row.key();
        while wanted.next_if(|wanted| **wanted < key).is_some() {}
        if wanted.peek() == Some(&&key) {
            with(found);
        }
    })
}

/// Whether the keys, in ascending order, are read as one range. A step of an upload is a stretch of keys of which most are there: walking over
/// it spares SQLite a list to look each row up by.
fn are_dense(keys: &[i64], first: i64, last: i64) -> bool {
    last.abs_diff(first) / u64::try_from(keys.len()).unwrap_or(u64::MAX) <= DENSE
}

/// The first of these rows that is not as it was meant to be left; see [`store::Store::verify`]. What was inserted is compared where it
/// is read: no row is made of it.
pub(crate) fn verify(
    connection: &Connection,
    map: &TableMap,
    rows: &[Row],
    inserted: &[i64],
) -> Result<Option<Wrong>, Failure> {
    let keys: Vec<i64> = rows.iter().map(Row::key).collect();
    let (Some(first), Some(last)) = (keys.first(), keys.last()) else {
        return Ok(None);
    };
    let mut statement;
    let mut found = if are_dense(&keys, *first, *last) {
        statement = connection.prepare_cached(&sql::select_range(map))?;
        statement.query([first, last])?
    } else {
        statement = connection.prepare_cached(&sql::select_by_keys(map))?;
        statement.query([sql::keys_as_json(keys.iter().copied())])?
    };
    let mut verifier = Verifier::new(map, rows, inserted);
    while let Some(row) = found.next()? {
        let Some(key) = cell::integer(row.get_ref(map.key_position() + 1)?) else {
            return Err(unreadable(map, map.key(), None).into());
        };
        let met = match verifier.expected(key) {
            Ok(Some((intended, Strictness::Inserted))) => differing(map, intended, row)?,
            Ok(Some((_, Strictness::Merged))) => verifier.meet(&read(map, row, &mut Vec::new())?.row).err(),
            Ok(None) => None,
            Err(wrong) => Some(wrong),
        };
        if met.is_some() {
            return Ok(met);
        }
    }
    Ok(verifier.end().err())
}

/// The first column in which a stored row is not as it was written.
fn differing(map: &TableMap, intended: &Row, stored: &rusqlite::Row<'_>) -> Result<Option<Wrong>, Failure> {
    for (place, (column, intended_value)) in map.written().zip(intended.values()).enumerate() {
        match cell::holds(column, stored.get_ref(place + 1)?, intended_value) {
            Some(true) => {}
            Some(false) => return Ok(Some(Wrong::Differs(intended.key(), column.name()))),
            None => return Err(unreadable(map, column.name(), Some(intended.key())).into()),
        }
    }
    Ok(None)
}

/// What the highest key is.
pub(crate) fn highest_key(connection: &Connection, map: &TableMap) -> Result<Highest, Failure> {
    let mut statement = connection.prepare_cached(&sql::highest_key(map))?;
    let highest = statement.query_row([], |row| {
        Ok(match row.get_ref(0)? {
            ValueRef::Null => Highest::Nothing,
            ValueRef::Integer(key) => Highest::Key(key),
            _ => Highest::Unknown,
        })
    })?;
    Ok(highest)
}

/// What is known of the keys in a table.
pub(crate) enum Highest {
    /// There are none.
    Nothing,
    /// None is higher than this.
    Key(i64),
    /// Something that is no whole number is among them: any may be there.
    Unknown,
}

/// A page of rows.
pub(crate) fn page(
    connection: &Connection,
    map: &TableMap,
    after: Option<i64>,
    limit: u32,
) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    let text = sql::select_page(map, after.is_some());
    let with = |found: Numbered| rows.push(found.row);
    match after {
        Some(after) => each(connection, map, &text, (limit, after), with)?,
        None => each(connection, map, &text, (limit,), with)?,
    }
    Ok(rows)
}

/// Keys of several rows.
pub(crate) fn duplicates(connection: &Connection, map: &TableMap, limit: u32) -> Result<Vec<i64>, Failure> {
    if shape::inspect(connection, map)?.is_none() {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare(&sql::duplicates(map))?;
    let keys = statement.query_map([limit], |row| row.get(0))?;
    Ok(keys.collect::<Result<_, _>>()?)
}

/// How many rows there are.
pub(crate) fn count(connection: &Connection, map: &TableMap) -> Result<u64, Failure> {
    let count: i64 = connection.query_row(&sql::count(map), [], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// SQLite's version, once the file has proved to be a database.
pub(crate) fn version(connection: &Connection) -> Result<String, Failure> {
    connection.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(format!("SQLite {}", rusqlite::version()))
}

fn each(
    connection: &Connection,
    map: &TableMap,
    text: &str,
    params: impl Params,
    mut with: impl FnMut(Numbered),
) -> Result<(), Failure> {
    let mut statement = connection.prepare_cached(text)?;
    let mut rows = statement.query(params)?;
    let mut values = Vec::with_capacity(map.written().count());
    while let Some(row) = rows.next()? {
        with(read(map, row, &mut values)?);
    }
    Ok(())
}

/// A row as it is stored. The list is empty before and after, and used again.
fn read(map: &TableMap, row: &rusqlite::Row<'_>, values: &mut Vec<Value>) -> Result<Numbered, Failure> {
    // The first column is the identity, the written ones follow in the map's order.
    let unreadable = |column: &str| {
        let key: Result<i64, _> = row.get(map.key_position() + 1);
        unreadable(map, column, key.ok())
    };
    for (place, column) in map.written().enumerate() {
        let value = cell::read(column, row.get_ref(place + 1)?);
        values.push(value.ok_or_else(|| unreadable(column.name()))?);
    }
    // Collected into the shared slice at once.
    let values: Arc<[Value]> = values.drain(..).collect();
    let row_read = Row::stored(map, values).map_err(|error| unreadable(map.key()).with_source(error))?;
    Ok(Numbered {
        id: row.get(0)?,
        row: row_read,
    })
}

fn unreadable(map: &TableMap, column: &str, key: Option<i64>) -> Error {
    let key = key.map_or_else(|| "?".to_owned(), |key| key.to_string());
    Error::new(
        ErrorKind::Data,
        format!(
            "row {key} of table {}: column {column} holds something that is no value of its type; \
             another program put it there, correct it by hand",
            map.name()
        ),
    )
}
