//! A step's rows on their way to the server.

use std::collections::HashMap;

use table_map::{Row, Value};
use tiberius::{ColumnData, IntoSql, TokenRow};

use crate::dml;
use crate::facts::{Fact, Facts};

/// Of two rows with the same key the later one counts.
pub(crate) fn without_duplicates(rows: &[Row]) -> Vec<&Row> {
    let mut places = HashMap::with_capacity(rows.len());
    let mut kept: Vec<&Row> = Vec::with_capacity(rows.len());
    for row in rows {
        match places.entry(row.key()) {
            std::collections::hash_map::Entry::Occupied(place) => {
                if let Some(earlier) = kept.get_mut(*place.get()) {
                    *earlier = row;
                }
            }
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(kept.len());
                kept.push(row);
            }
        }
    }
    kept
}

/// A row for the bulk load.
pub(crate) fn token_row<'a>(facts: &Facts, row: &'a Row) -> TokenRow<'a> {
    let mut tokens = TokenRow::with_capacity(facts.written.len());
    for cell in cells(facts, row) {
        tokens.push(cell);
    }
    tokens
}

/// A row's values in the types of the staging table.
pub(crate) fn cells<'a>(facts: &Facts, row: &'a Row) -> impl Iterator<Item = ColumnData<'a>> {
    facts
        .written
        .iter()
        .zip(row.values())
        .map(|(fact, value)| cell(fact, value))
}

fn cell<'a>(fact: &Fact, value: &'a Value) -> ColumnData<'a> {
    match value {
        Value::Integer(number) => integer(fact, number.map(i64::from)),
        Value::BigInteger(number) => integer(fact, *number),
        Value::Text(text) => text.as_deref().into_sql(),
        Value::Date(date) => (*date).into_sql(),
        Value::DateTime(time) => (*time).into_sql(),
    }
}

/// A number in the type of the staging column. It has been checked against the column's limits.
pub(crate) fn integer(fact: &Fact, number: Option<i64>) -> ColumnData<'static> {
    if dml::integer_type(fact) == "int" {
        ColumnData::I32(number.and_then(|number| i32::try_from(number).ok()))
    } else {
        ColumnData::I64(number)
    }
}
