//! Writing rows, each call in one transaction.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use store::Upserted;
use table_map::{Row, TableMap, Value, merge};

use crate::cell::Binder;
use crate::failure::Failure;
use crate::read::{self, Highest, Numbered};
use crate::sql;

/// Rows to change, by the places of the values that differ. A statement sets only those, since SQLite writes every index anew whose
/// columns are set at all.
type Updates = BTreeMap<Vec<usize>, Vec<Numbered>>;

fn differing(one: &Row, other: &Row) -> Vec<usize> {
    let pairs = one.values().iter().zip(other.values()).enumerate();
    pairs
        .filter_map(|(place, (one, other))| (one != other).then_some(place))
        .collect()
}

/// Leaves each row as [`merge`] says.
pub(crate) fn upsert(
    connection: &mut Connection,
    map: &TableMap,
    rows: &[Row],
    at: NaiveDateTime,
) -> Result<Upserted, Failure> {
    let rows = Row::by_key(rows);
    let transaction = begin(connection)?;
    let old = match read::highest_key(&transaction, map)? {
        Highest::Nothing => 0,
        Highest::Key(highest) => rows.partition_point(|row| row.key() <= highest),
        Highest::Unknown => rows.len(),
    };
    let (perhaps_there, news) = rows.split_at(old);
    let merged = merged(&transaction, map, perhaps_there)?;
    update(&transaction, map, &merged.updates, at)?;
    let missing = perhaps_there
        .iter()
        .filter(|row| merged.there.binary_search(&row.key()).is_err());
    let inserted = insert(&transaction, map, missing.chain(news).copied(), at)?;
    transaction.commit()?;
    let unchanged = merged.there.len() - merged.changed.len();
    Ok(Upserted {
        inserted,
        changed: merged.changed,
        unchanged: u64::try_from(unchanged).unwrap_or(u64::MAX),
    })
}

/// What becomes of rows that are there already. Keys ascend, each is there once.
#[derive(Default)]
struct Merged {
    there: Vec<i64>,
    changed: Vec<i64>,
    updates: Updates,
}

/// Looks which of the rows, in ascending order of their keys, are there, and merges them.
fn merged(connection: &Connection, map: &TableMap, rows: &[&Row]) -> Result<Merged, Failure> {
    let mut merged = Merged::default();
    let keys: Vec<i64> = rows.iter().map(|row| row.key()).collect();
    read::each_by_keys(connection, map, &keys, |Numbered { id, row: stored }| {
        let key = stored.key();
        if merged.there.last() != Some(&key) {
            merged.there.push(key);
        }
        let incoming = keys.binary_search(&key).ok().map(|place| rows[place]);
        if let Some(row) = incoming.and_then(|incoming| merge(map, &stored, incoming)) {
            if merged.changed.last() != Some(&key) {
                merged.changed.push(key);
            }
            let places = differing(&stored, &row);
            merged
                .updates
                .entry(places)
                .or_default()
                .push(Numbered { id, row });
        }
    })?;
    Ok(merged)
}

/// Sets the flag to `N`.
pub(crate) fn deactivate(
    connection: &mut Connection,
    map: &TableMap,
    active: &str,
    keys: &[i64],
    at: NaiveDateTime,
) -> Result<u64, Failure> {
    let transaction = begin(connection)?;
    let changed = {
        let mut text = String::new();
        let mut statement = transaction.prepare_cached(&sql::deactivate(map, active))?;
        let mut binder = Binder::new(&mut statement, &mut text);
        binder.bind(&sql::keys_as_json(keys.iter().copied()).into())?;
        if map.updated_at().is_some() {
            binder.bind(&at.into())?;
        }
        statement.raw_execute()?
    };
    transaction.commit()?;
    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
}

/// Deletes all but the oldest row of each key.
pub(crate) fn merge_duplicates(connection: &mut Connection, map: &TableMap) -> Result<u64, Failure> {
    let transaction = begin(connection)?;
    let deleted = transaction.execute(&sql::merge_duplicates(map), [])?;
    transaction.commit()?;
    Ok(u64::try_from(deleted).unwrap_or(u64::MAX))
}

/// A transaction that may write from its start, so that nothing it reads can change before it writes.
pub(crate) fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

fn update(
    connection: &Connection,
    map: &TableMap,
    updates: &Updates,
    at: NaiveDateTime,
) -> Result<(), Failure> {
    let at = Value::from(at);
    let mut text = String::new();
    for (places, rows) in updates {
        let mut statement = connection.prepare_cached(&sql::update(map, places))?;
        for Numbered { id, row } in rows {
            let mut binder = Binder::new(&mut statement, &mut text);
            for place in places {
                binder.bind(&row.values()[*place])?;
            }
            if map.updated_at().is_some() {
                binder.bind(&at)?;
            }
            binder.bind(&Value::from(*id))?;
            statement.raw_execute()?;
        }
    }
    Ok(())
}

fn insert<'a>(
    connection: &Connection,
    map: &TableMap,
    rows: impl Iterator<Item = &'a Row>,
    at: NaiveDateTime,
) -> Result<Vec<i64>, Failure> {
    let at = Value::from(at);
    let written = map.written().count();
    let own = usize::from(map.inserted_at().is_some()) + usize::from(map.updated_at().is_some());
    let mut text = String::new();
    let mut statement = connection.prepare_cached(&sql::insert(map))?;
    let mut binder = Binder::new(&mut statement, &mut text);
    for place in 0..own {
        binder.bind_at(written + place, &at)?;
    }
    let mut inserted = Vec::new();
    let mut before: Option<&Row> = None;
    for row in rows {
        let before = before.replace(row).map(Row::values).unwrap_or_default();
        for (place, value) in row.values().iter().enumerate() {
            // What was bound for the row before stays bound, and many values are the same.
            if before.get(place) != Some(value) {
                binder.bind_at(place, value)?;
            }
        }
        binder.execute()?;
        inserted.push(row.key());
    }
    Ok(inserted)
}
