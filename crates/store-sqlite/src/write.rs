//! Writing rows, each call in one transaction.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::NaiveDateTime;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use store::Upserted;
use table_map::{Row, TableMap, Value, merge};

use crate::cell::Binder;
use crate::failure::Failure;
use crate::read::{self, Numbered};
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
    // Of two rows with one key the later counts.
    let latest: HashMap<i64, usize> = rows
        .iter()
        .enumerate()
        .map(|(place, row)| (row.key(), place))
        .collect();
    let transaction = begin(connection)?;
    let mut there = HashSet::new();
    let mut changed = HashSet::new();
    let mut updates = Updates::new();
    read::each_by_keys(
        &transaction,
        map,
        latest.keys().copied(),
        |Numbered { id, row }| {
            there.insert(row.key());
            if let Some(merged) = latest
                .get(&row.key())
                .and_then(|place| merge(map, &row, &rows[*place]))
            {
                changed.insert(row.key());
                updates
                    .entry(differing(&row, &merged))
                    .or_default()
                    .push(Numbered { id, row: merged });
            }
        },
    )?;
    update(&transaction, map, &updates, at)?;
    let news = rows
        .iter()
        .enumerate()
        .filter(|(place, row)| latest.get(&row.key()) == Some(place) && !there.contains(&row.key()))
        .map(|(_, row)| row);
    let inserted = insert(&transaction, map, news, at)?;
    transaction.commit()?;
    let unchanged = there.len() - changed.len();
    Ok(Upserted {
        inserted,
        changed: changed.into_iter().collect(),
        unchanged: u64::try_from(unchanged).unwrap_or(u64::MAX),
    })
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
    let own = usize::from(map.inserted_at().is_some()) + usize::from(map.updated_at().is_some());
    let mut text = String::new();
    let mut statement = connection.prepare_cached(&sql::insert(map))?;
    let mut inserted = Vec::new();
    for row in rows {
        let mut binder = Binder::new(&mut statement, &mut text);
        for value in row.values() {
            binder.bind(value)?;
        }
        for _ in 0..own {
            binder.bind(&at)?;
        }
        statement.raw_execute()?;
        inserted.push(row.key());
    }
    Ok(inserted)
}
