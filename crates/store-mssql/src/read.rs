//! Reading rows.

use chrono::{NaiveDate, NaiveDateTime, Timelike};
use store::{Error, ErrorKind};
use table_map::{Column, ColumnType, Row, SmolStr, TableMap, Value};
use tiberius::{ColumnData, FromSql};

use crate::dml;
use crate::facts::{Fact, Facts, Holds, Names};
use crate::failure::Failure;
use crate::keys::{self, Keys};
use crate::session::Session;

/// The rows with these keys, in their order.
pub(crate) async fn by_keys(
    session: &mut Session,
    map: &TableMap,
    facts: &Facts,
    keys: &[i64],
) -> Result<Vec<Row>, Failure> {
    let key = key(facts)?;
    let keys = Keys::new(key, keys);
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let told = keys.told_for_reading();
    keys.load(session, &told, key).await?;
    let select = keys::select(facts, key, &keys, &told);
    let answers = session.query(&select, keys.parameters(&told, key)).await?;
    let mut rows = rows(map, facts, answers)?;
    rows.retain(|row| keys.contains(row.key()));
    Ok(rows)
}

/// A page of rows.
pub(crate) async fn page(
    session: &mut Session,
    map: &TableMap,
    facts: &Facts,
    after: Option<i64>,
    limit: u32,
) -> Result<Vec<Row>, Failure> {
    let key = &key(facts)?.name;
    let condition = if after.is_some() { "> @P2" } else { "IS NOT NULL" };
    let select = format!(
        "SELECT TOP (@P1) {} FROM {} AS t WHERE t.{key} {condition} ORDER BY t.{key};",
        dml::row_columns(facts),
        facts.table
    );
    let mut parameters = vec![ColumnData::I64(Some(limit.into()))];
    parameters.extend(after.map(|after| ColumnData::I64(Some(after))));
    let answers = session.query(&select, parameters).await?;
    rows(map, facts, answers)
}

/// How many rows there are.
pub(crate) async fn count(session: &mut Session, facts: &Facts) -> Result<u64, Failure> {
    let answers = session
        .batch(&format!("SELECT COUNT_BIG(*) FROM {};", facts.table))
        .await?;
    let count = one_number(answers)?;
    Ok(count.unsigned_abs())
}

/// Keys of several rows.
pub(crate) async fn duplicates(
    session: &mut Session,
    names: &Names,
    limit: u32,
) -> Result<Vec<i64>, Failure> {
    let limit = [ColumnData::I64(Some(limit.into()))];
    first_column(session.query(&dml::duplicates(names), limit).await?)
}

/// The numbers in the first column of all results.
pub(crate) fn first_column(answers: Vec<Vec<tiberius::Row>>) -> Result<Vec<i64>, Failure> {
    answers
        .into_iter()
        .flatten()
        .map(|row| {
            let cell = row.into_iter().next();
            cell.and_then(|cell| number(&cell).flatten())
                .ok_or_else(|| Failure::bug("the server gave no number where one was asked for"))
        })
        .collect()
}

/// The one number that was asked for.
pub(crate) fn one_number(answers: Vec<Vec<tiberius::Row>>) -> Result<i64, Failure> {
    match first_column(answers)?.as_slice() {
        [number] => Ok(*number),
        _ => Err(Failure::bug(
            "the server gave several numbers where one was asked for",
        )),
    }
}

fn key(facts: &Facts) -> Result<&Fact, Failure> {
    facts.key().ok_or_else(|| Failure::bug("the map has no key"))
}

fn rows(map: &TableMap, facts: &Facts, answers: Vec<Vec<tiberius::Row>>) -> Result<Vec<Row>, Failure> {
    answers
        .into_iter()
        .flatten()
        .map(|row| read(map, facts, row))
        .collect()
}

fn read(map: &TableMap, facts: &Facts, row: tiberius::Row) -> Result<Row, Failure> {
    let mut values = Vec::with_capacity(facts.written.len());
    let mut misfit = None;
    for (fact, cell) in facts.written.iter().zip(row) {
        let value = value(fact, cell);
        if value.is_none() {
            misfit = misfit.or(Some(fact));
        }
        values.push(value.unwrap_or_else(|| null(fact)));
    }
    let row_key = match values.get(facts.key) {
        Some(Value::BigInteger(Some(key))) => key.to_string(),
        _ => "?".to_owned(),
    };
    if let Some(fact) = misfit {
        let text = format!(
            "row {row_key} of table {}: column {} ({}) holds something that is no value of its type; another program put it \
             there, correct it by hand",
            map.name(),
            fact.column.name(),
            fact.full_type
        );
        return Err(Error::new(ErrorKind::Data, text).into());
    }
    Row::stored(map, values)
        .map_err(|error| {
            Error::new(
                ErrorKind::Data,
                format!("cannot read a row of table {}", map.name()),
            )
            .with_source(error)
        })
        .map_err(Failure::from)
}

fn null(fact: &Fact) -> Value {
    match fact.column.column_type() {
        ColumnType::Integer => Value::Integer(None),
        ColumnType::BigInteger => Value::BigInteger(None),
        ColumnType::Date => Value::Date(None),
        ColumnType::DateTime => Value::DateTime(None),
        _ => Value::Text(None),
    }
}

/// A cell in the map's type; `None` when it does not fit.
fn value(fact: &Fact, cell: ColumnData<'static>) -> Option<Value> {
    Some(match (&fact.holds, fact.column.column_type()) {
        (Holds::Integer { .. }, ColumnType::Integer) => {
            let number = number(&cell)?.map(i32::try_from).transpose().ok()?;
            Value::Integer(number)
        }
        (Holds::Integer { .. }, _) => Value::BigInteger(number(&cell)?),
        (Holds::Text(_), _) => match cell {
            ColumnData::String(text) => Value::Text(text.map(SmolStr::from)),
            _ => return None,
        },
        (Holds::Date { .. }, _) => Value::Date(NaiveDate::from_sql(&cell).ok()?),
        (Holds::DateTime, _) => {
            let is_coarse = matches!(cell, ColumnData::DateTime(_));
            let time = NaiveDateTime::from_sql(&cell).ok()?;
            Value::DateTime(if is_coarse { time.map(milliseconds) } else { time })
        }
    })
}

/// A cell of an answer in its column's type; `None` when it does not fit.
pub(crate) fn loose_value(column: &Column, cell: ColumnData<'static>) -> Option<Value> {
    Some(match column.column_type() {
        ColumnType::Integer => Value::Integer(number(&cell)?.map(i32::try_from).transpose().ok()?),
        ColumnType::BigInteger => Value::BigInteger(number(&cell)?),
        ColumnType::Date => Value::Date(NaiveDate::from_sql(&cell).ok()?),
        ColumnType::DateTime => {
            let is_coarse = matches!(cell, ColumnData::DateTime(_));
            let time = NaiveDateTime::from_sql(&cell).ok()?;
            Value::DateTime(if is_coarse { time.map(milliseconds) } else { time })
        }
        _ => match cell {
            ColumnData::String(text) => Value::Text(text.map(SmolStr::from)),
            _ => return None,
        },
    })
}

/// `Some(None)` is null, `None` no number.
fn number(cell: &ColumnData<'_>) -> Option<Option<i64>> {
    Some(match cell {
        ColumnData::U8(number) => number.map(i64::from),
        ColumnData::I16(number) => number.map(i64::from),
        ColumnData::I32(number) => number.map(i64::from),
        ColumnData::I64(number) => *number,
        _ => return None,
    })
}

/// The old `datetime` counts 300ths of a second, and is shown by every client in the nearest milliseconds.
fn milliseconds(time: NaiveDateTime) -> NaiveDateTime {
    let rounded = (time.nanosecond() + 500_000) / 1_000_000 * 1_000_000;
    // The greatest is .997.
    time.with_nanosecond(rounded).unwrap_or(time)
}
