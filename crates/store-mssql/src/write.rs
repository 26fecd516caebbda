//! Writing rows.
//!
//! A big step: its rows go by bulk load into a heap of the session, then one transaction updates what differs and inserts what is
//! new. A small step: its rows are the parameters of one statement, which puts them into a table variable and goes on in the same
//! way. What decides is the number of round trips: four against one.

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
    let columns = columns(facts);
    session
        .batch(&format!("CREATE TABLE {STAGE} {};", dml::staging_columns(facts)))
        .await?;
    let tokens = rows.iter().map(|row| stage::token_row(facts, row));
    session.load(STAGE, &columns, tokens).await?;
    if ask {
        refuse_lost_texts(session, map, facts).await?;
    }
    let merge = dml::upsert(facts, STAGE, "@P1").ok_or_else(no_key)?;
    let merge = format!("{merge} DROP TABLE {STAGE};");
    let _guard = one_at_a_time.lock().await;
    run(session, &merge, rows.len(), || vec![at.into_sql()]).await
}

async fn small(
    session: &mut Session,
    facts: &Facts,
    rows: &[&Row],
    at: NaiveDateTime,
    one_at_a_time: &Mutex<()>,
) -> Result<Upserted, Failure> {
    let (values, _) = small_values(facts, rows);
    let text = format!(
        "DECLARE {VARIABLE} TABLE {}; INSERT INTO {VARIABLE} ({}) VALUES {values}; {}",
        dml::staging_columns(facts),
        columns(facts).join(", "),
        dml::upsert(facts, VARIABLE, "@P1").ok_or_else(no_key)?
    );
    let parameters = || {
        std::iter::once(at.into_sql())
            .chain(small_values(facts, rows).1)
            .collect()
    };
    let _guard = one_at_a_time.lock().await;
    run(session, &text, rows.len(), parameters).await
}

fn columns(facts: &Facts) -> Vec<&str> {
    facts.written.iter().map(|fact| fact.name.as_str()).collect()
}

/// Rows as `(@P2, NULL, @P3), (@P4, …)` and their parameters. A null is written out: a parameter that is null has no type on
/// the wire, and not every server takes that.
fn small_values<'a>(facts: &Facts, rows: &[&'a Row]) -> (String, Vec<ColumnData<'a>>) {
    let mut parameters = Vec::new();
    let mut lists = Vec::with_capacity(rows.len());
    for row in rows {
        let mut list = Vec::with_capacity(facts.written.len());
        for (cell, value) in stage::cells(facts, row).zip(row.values()) {
            if value.is_null() {
                list.push("NULL".to_owned());
            } else {
                parameters.push(cell);
                list.push(format!("@P{}", parameters.len() + 1));
            }
        }
        lists.push(format!("({})", list.join(", ")));
    }
    (lists.join(", "), parameters)
}

fn no_key() -> Failure {
    Failure::bug("the map has no key")
}

/// Runs the transaction. When a unique index refuses a key, the transaction is undone and run again: it then finds the row that
/// another writer has committed meanwhile.
async fn run<'a>(
    session: &mut Session,
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
    let [changed, inserted] = <[_; 2]>::try_from(answers)
        .map_err(|_| Failure::bug("the server did not tell which rows it changed and which it inserted"))?;
    let changed = read::first_column(vec![changed])?;
    let inserted = read::first_column(vec![inserted])?;
    let told = inserted.len() + changed.len();
    let unchanged = rows
        .checked_sub(told)
        .and_then(|unchanged| u64::try_from(unchanged).ok())
        .ok_or_else(|| Failure::bug("the server told of more rows than were written"))?;
    Ok(Upserted {
        inserted,
        changed,
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
    let key: &Fact = facts.key().ok_or_else(no_key)?;
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
