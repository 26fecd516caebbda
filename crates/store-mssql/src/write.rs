//! Writing rows.
//!
//! A big step: its rows go by bulk load into a heap of the session, then one transaction updates what differs and inserts what is
//! new. A small step: its rows are the parameters of one statement, which puts them into a table variable and goes on in the same
//! way. What decides is the number of round trips: four against one.

use std::collections::BTreeSet;

use chrono::NaiveDateTime;
use store::{Error, ErrorKind, Upserted};
use table_map::{Row, TableMap};
use tiberius::{ColumnData, IntoSql};
use tokio::sync::Mutex;

use crate::dml;
use crate::facts::{Fact, Facts};
use crate::failure::Failure;
use crate::keys::Keys;
use crate::numbers::Meaning;
use crate::read;
use crate::session::Session;
use crate::stage;

const STAGE: &str = "[#stage]";
const VARIABLE: &str = "@stage";

/// The most parameters of a statement: 2,100 with the two of `sp_executesql` itself.
const PARAMETERS: usize = 2_098;

/// How often a step is tried when another writer inserted one of its keys in between, which the locks exclude on SQL Server.
const TRIES: usize = 3;

/// Writes a step.
pub(crate) async fn upsert(
    session: &mut Session,
    map: &TableMap,
    facts: &Facts,
    rows: &[&Row],
    at: NaiveDateTime,
    small_step: usize,
    one_at_a_time: &Mutex<()>,
) -> Result<Upserted, Failure> {
    let ask = rows
        .iter()
        .try_fold(false, |ask, row| Ok::<_, Error>(facts.check(map, row)? | ask))?;
    let parameters = 1 + rows.len() * facts.written.len();
    if !ask && rows.len() <= small_step && parameters <= PARAMETERS {
        return small(session, facts, rows, at, one_at_a_time).await;
    }
    let columns: Vec<&str> = facts.written.iter().map(|fact| fact.name.as_str()).collect();
    session
        .batch(&format!("CREATE TABLE {STAGE} {};", dml::staging_columns(facts)))
        .await?;
    let tokens = rows.iter().map(|row| stage::token_row(facts, row));
    session.load(STAGE, &columns, tokens).await?;
    if ask {
        refuse_lost_texts(session, map, facts).await?;
    }
    let merge = format!("{} DROP TABLE {STAGE};", dml::upsert(facts, STAGE, "@P1"));
    let _guard = one_at_a_time.lock().await;
    run(session, facts, &merge, rows.len(), || vec![at.into_sql()]).await
}

async fn small(
    session: &mut Session,
    facts: &Facts,
    rows: &[&Row],
    at: NaiveDateTime,
    one_at_a_time: &Mutex<()>,
) -> Result<Upserted, Failure> {
    let width = facts.written.len();
    let text = format!(
        "DECLARE {VARIABLE} TABLE {}; INSERT INTO {VARIABLE} VALUES {}; {}",
        dml::staging_columns(facts),
        value_list(rows.len(), width),
        dml::upsert(facts, VARIABLE, "@P1")
    );
    let parameters = || {
        let cells = rows.iter().flat_map(|row| stage::cells(facts, row));
        std::iter::once(at.into_sql()).chain(cells).collect::<Vec<_>>()
    };
    let _guard = one_at_a_time.lock().await;
    run(session, facts, &text, rows.len(), parameters).await
}

/// `(@P2, @P3), (@P4, @P5)`.
fn value_list(rows: usize, width: usize) -> String {
    let row = |row: usize| {
        let places: Vec<String> = (0..width)
            .map(|place| format!("@P{}", 2 + row * width + place))
            .collect();
        format!("({})", places.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

/// Runs the transaction. When a unique index refuses a key, the transaction is undone and run again: it then finds the row that
/// another writer has committed meanwhile.
async fn run<'a>(
    session: &mut Session,
    facts: &Facts,
    text: &'a str,
    rows: usize,
    parameters: impl Fn() -> Vec<ColumnData<'a>>,
) -> Result<Upserted, Failure> {
    let mut tries = 1;
    let answers = loop {
        match session.query(text, parameters()).await {
            Err(failure) if tries < TRIES && failure.meaning() == Some(Meaning::Duplicate) => tries += 1,
            done => break done?,
        }
    };
    let mut answers = answers.into_iter().map(|answer| read::first_column(vec![answer]));
    let changed = if dml::update_changed(facts, "", "").is_some() {
        answers.next().transpose()?
    } else {
        None
    };
    let Some(inserted) = answers.next().transpose()? else {
        return Err(Failure::bug("the server did not tell which rows it inserted"));
    };
    // A table without a unique index may have several rows with one key.
    let changed: BTreeSet<i64> = changed.into_iter().flatten().collect();
    let told = inserted.len() + changed.len();
    let unchanged = rows
        .checked_sub(told)
        .and_then(|unchanged| u64::try_from(unchanged).ok())
        .ok_or_else(|| Failure::bug("the server told of more rows than were written"))?;
    Ok(Upserted {
        inserted,
        changed: changed.into_iter().collect(),
        unchanged,
    })
}

/// Refuses a step with a text that a column's code page cannot hold: SQL Server would store `?` without a word.
async fn refuse_lost_texts(session: &mut Session, map: &TableMap, facts: &Facts) -> Result<(), Failure> {
    for (place, query) in dml::lost_texts(facts, STAGE) {
        let lost = read::first_column(session.batch(&query).await?)?;
        if let (Some(key), Some(fact)) = (lost.first(), facts.written.get(place)) {
            return Err(Error::new(
                ErrorKind::Data,
                format!(
                    "row {key} of table {}: column {} is {}, and its code page does not have all characters of the text, or the \
                     text is too long in it; alter it to nvarchar to hold every text",
                    map.name(),
                    fact.column.name(),
                    fact.full_type
                ),
            )
            .into());
        }
    }
    Ok(())
}

/// Sets the flag of active rows with these keys to `N`.
pub(crate) async fn deactivate(
    session: &mut Session,
    facts: &Facts,
    keys: &[i64],
    at: NaiveDateTime,
    one_at_a_time: &Mutex<()>,
) -> Result<u64, Failure> {
    let key: &Fact = facts.key().ok_or_else(|| Failure::bug("the map has no key"))?;
    let keys = Keys::new(key, keys);
    if keys.is_empty() {
        return Ok(0);
    }
    let told = keys.told();
    keys.load(session, &told, key).await?;
    let mut text = dml::deactivate(facts, &keys.among(&told, key, 1), "@P1")
        .ok_or_else(|| Failure::bug("the map has no flag"))?;
    text.push_str(told.clean_up());
    let parameters = std::iter::once(at.into_sql()).chain(keys.parameters(&told, key));
    let _guard = one_at_a_time.lock().await;
    let count = read::one_number(session.query(&text, parameters).await?)?;
    Ok(count.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_row_by_row_after_the_time() {
        assert_eq!(value_list(2, 3), "(@P2, @P3, @P4), (@P5, @P6, @P7)");
    }
}
