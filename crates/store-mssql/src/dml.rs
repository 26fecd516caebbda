//! The set-based statements of an upsert and their kin: text from [`Facts`], nothing else.
//!
//! `s` is the staged row, `t` the table's. All of it is plain T-SQL of SQL Server 2016: no MERGE, one table a statement, and
//! every comparison spelt out. An ordinary `=` would not do for text: by the column's collation `ё` may equal `е`, and
//! under every collation a blank at the end does not count. So texts are compared code unit by code unit and by length, which is
//! what [`table_map::merge`] does.

use table_map::{Ranking, Role, UpdateRule};

use crate::facts::{Fact, Facts, Holds, Names, TextFact};
use crate::quote;

/// Compares UTF-16 code units. Named for both sides, since `tempdb` and the table's database may have different defaults.
pub(crate) const BINARY: &str = "COLLATE Latin1_General_100_BIN2";

/// The hints under which a row that is not there cannot appear before the transaction ends.
const GUARDED: &str = "WITH (UPDLOCK, SERIALIZABLE)";

/// What becomes of a staged row: null while the table does not have it, 0 when it is there as it must be, 1 when it differs.
const FATE: &str = "[row_fate]";

/// Columns of the table that takes a step's rows: `([K] bigint NOT NULL, …)`.
pub(crate) fn staging_columns(facts: &Facts) -> String {
    let columns: Vec<String> = facts
        .written
        .iter()
        .enumerate()
        .map(|(place, fact)| {
            let nullability = if place == facts.key { "NOT NULL" } else { "NULL" };
            format!("{} {} {nullability}", fact.name, staging_type(fact))
        })
        .collect();
    format!("({}, {FATE} int NULL)", columns.join(", "))
}

/// Whole numbers have the type of the column, so that joining on the key needs no conversion. Times have seven digits, as the
/// driver sends them.
pub(crate) fn staging_type(fact: &Fact) -> String {
    match &fact.holds {
        Holds::Integer { .. } => integer_type(fact).to_owned(),
        Holds::Text(_) => match fact.column.text_limit() {
            Some(limit @ 1..=4000) => format!("nvarchar({limit}) {BINARY}"),
            _ => format!("nvarchar(max) {BINARY}"),
        },
        Holds::Date { .. } => "date".to_owned(),
        Holds::DateTime => "datetime2(7)".to_owned(),
    }
}

/// A driver has `int` and `bigint`; smaller columns take an `int` of their range.
pub(crate) fn integer_type(fact: &Fact) -> &'static str {
    match fact.holds {
        Holds::Integer { most, .. } if most > i64::from(i32::MAX) => "bigint",
        _ => "int",
    }
}

/// The transaction of an upsert from the table `stage`. Its results are the keys of changed rows and the keys of new rows.
///
/// It looks once, under locks that keep what it saw as it was: also the gaps where rows are missing. There is no `OUTPUT`: on a table
/// with triggers it would be refused (error 334).
pub(crate) fn upsert(facts: &Facts, stage: &str, at: &str) -> Option<String> {
    let key = &facts.key()?.name;
    let table = &facts.table;
    let differences = differences(facts).join(" OR ");
    let has_content = !differences.is_empty();
    let joined = format!("FROM {stage} AS s INNER JOIN {table} AS t {GUARDED} ON t.{key} = s.{key}");
    let fate = if has_content {
        format!("CASE WHEN {differences} THEN 1 ELSE 0 END")
    } else {
        "0".to_owned()
    };
    let mut text = format!("BEGIN TRANSACTION; UPDATE s SET {FATE} = {fate} {joined}; ");
    if has_content && !facts.key_is_unique {
        // Of several rows with one key, any may have decided.
        text.push_str(&format!(
            "UPDATE s SET {FATE} = 1 {joined} WHERE s.{FATE} = 0 AND ({differences}); "
        ));
    }
    if has_content {
        text.push_str(&format!(
            "UPDATE t SET {} FROM {table} AS t INNER JOIN {stage} AS s ON s.{key} = t.{key} WHERE s.{FATE} = 1; ",
            assignments(facts, at)
        ));
    }
    let (columns, values) = inserted(facts, at);
    text.push_str(&format!(
        "INSERT INTO {table} ({columns}) SELECT {values} FROM {stage} AS s WHERE s.{FATE} IS NULL; \
         COMMIT TRANSACTION; \
         SELECT s.{key} FROM {stage} AS s WHERE s.{FATE} = 1; \
         SELECT s.{key} FROM {stage} AS s WHERE s.{FATE} IS NULL;"
    ));
    Some(text)
}

/// What a changed row gets.
fn assignments(facts: &Facts, at: &str) -> String {
    let content = facts.written.iter().filter_map(|fact| match fact.column.role() {
        Role::Content(rule) => Some(format!("{} = {}", fact.name, merged(facts, fact, rule))),
        _ => None,
    });
    let stamp = facts.updated_at.iter().map(|column| format!("{column} = {at}"));
    content.chain(stamp).collect::<Vec<_>>().join(", ")
}

/// The columns and the values of a new row.
fn inserted(facts: &Facts, at: &str) -> (String, String) {
    let written = facts
        .written
        .iter()
        .map(|fact| (fact.name.clone(), incoming(fact)));
    let stamps = [&facts.inserted_at, &facts.updated_at]
        .into_iter()
        .flatten()
        .map(|column| (column.clone(), at.to_owned()));
    let (columns, values): (Vec<_>, Vec<_>) = written.chain(stamps).unzip();
    (columns.join(", "), values.join(", "))
}

/// Keys of staged rows whose text in this column the column's code page cannot hold: those that do not come back the same.
pub(crate) fn lost_texts(facts: &Facts, source: &str) -> Vec<(usize, String)> {
    let Some(key) = facts.key() else {
        return Vec::new();
    };
    let of = |(place, fact): (usize, &Fact)| match &fact.holds {
        Holds::Text(text) if !text.unicode => {
            let staged = format!("s.{}", fact.name);
            let length = text.length.map_or("max".to_owned(), |length| length.to_string());
            let collation = text
                .collation
                .as_ref()
                .map(|name| format!(" COLLATE {name}"))
                .unwrap_or_default();
            let there = format!("CONVERT(varchar({length}), {staged}{collation})");
            let back = format!("CONVERT(nvarchar({}), {there})", unicode_length(text));
            let query = format!(
                "SELECT TOP (1) s.{} FROM {source} AS s WHERE {staged} IS NOT NULL AND ({})",
                key.name,
                texts_differ(&back, &staged)
            );
            Some((place, query))
        }
        _ => None,
    };
    facts.written.iter().enumerate().filter_map(of).collect()
}

/// Conditions under which writing the staged row changes the stored one: one for each column, or for all columns that are
/// ranked in the same way.
fn differences(facts: &Facts) -> Vec<String> {
    let mut conditions = Vec::new();
    let mut ranked: Vec<(&Ranking, Vec<String>)> = Vec::new();
    for fact in &facts.written {
        let Role::Content(rule) = fact.column.role() else {
            continue;
        };
        let column = &fact.name;
        match rule {
            UpdateRule::FirstKnown => {
                conditions.push(format!("(t.{column} IS NULL AND s.{column} IS NOT NULL)"))
            }
            UpdateRule::Ranked(ranking) => {
                let differs = match says_nothing(facts, fact, ranking) {
                    Some(nothing) => format!("({} AND NOT ({nothing}))", differs(fact)),
                    None => differs(fact),
                };
                match ranked.iter_mut().find(|(other, _)| *other == ranking) {
                    Some((_, columns)) => columns.push(differs),
                    None => ranked.push((ranking, vec![differs])),
                }
            }
            _ => conditions.push(differs(fact)),
        }
    }
    conditions.extend(ranked.into_iter().map(|(ranking, columns)| {
        let differ = columns.join(" OR ");
        match keeps(facts, ranking) {
            Some(keeps) => format!("(NOT ({keeps}) AND ({differ}))"),
            None => format!("({differ})"),
        }
    }));
    conditions
}

/// Whether the staged value is another one than the stored one; null is a value like others.
fn differs(fact: &Fact) -> String {
    let (staged, stored) = (incoming(fact), stored(fact));
    let differs = match fact.holds {
        Holds::Text(_) => texts_differ(&staged, &stored),
        _ => format!("{staged} <> {stored}"),
    };
    let column = &fact.name;
    format!(
        "({differs} OR (s.{column} IS NULL AND t.{column} IS NOT NULL) OR (s.{column} IS NOT NULL AND t.{column} IS NULL))"
    )
}

/// The value that the column must have afterwards.
fn merged(facts: &Facts, fact: &Fact, rule: &UpdateRule) -> String {
    let column = &fact.name;
    let staged = incoming(fact);
    match rule {
        UpdateRule::FirstKnown => format!("CASE WHEN t.{column} IS NULL THEN {staged} ELSE t.{column} END"),
        UpdateRule::Ranked(ranking) => match (keeps(facts, ranking), says_nothing(facts, fact, ranking)) {
            (Some(keeps), Some(nothing)) => {
                format!("CASE WHEN {keeps} OR ({nothing}) THEN t.{column} ELSE {staged} END")
            }
            _ => staged,
        },
        _ => staged,
    }
}

/// Whether the stored row ranks higher than the staged one.
fn keeps(facts: &Facts, ranking: &Ranking) -> Option<String> {
    let by = facts
        .written
        .iter()
        .find(|fact| fact.column.name() == ranking.by)?;
    let staged = rank(&incoming(by), ranking);
    let stored = rank(&stored(by), ranking);
    Some(format!("{staged} < {stored}"))
}

/// Whether the staged value is a null of a row that ranks lowest: nothing is known there, so nothing is to be overwritten.
fn says_nothing(facts: &Facts, fact: &Fact, ranking: &Ranking) -> Option<String> {
    let by = facts
        .written
        .iter()
        .find(|fact| fact.column.name() == ranking.by)?;
    Some(format!(
        "s.{} IS NULL AND {} = 0",
        fact.name,
        rank(&incoming(by), ranking)
    ))
}

fn rank(text: &str, ranking: &Ranking) -> String {
    let mut cases = String::new();
    for (rank, group) in (1..).zip(ranking.ranks) {
        for value in *group {
            let literal = quote::literal(value);
            cases.push_str(&format!(
                " WHEN {text} = {literal} {BINARY} AND DATALENGTH({text}) = DATALENGTH({literal}) THEN {rank}"
            ));
        }
    }
    if cases.is_empty() {
        return "0".to_owned();
    }
    format!("CASE{cases} ELSE 0 END")
}

/// Both sides are `nvarchar`; null on either side gives unknown. The collation is named on both, since either may have one of its
/// own by name.
fn texts_differ(one: &str, other: &str) -> String {
    format!("{one} {BINARY} <> {other} {BINARY} OR DATALENGTH({one}) <> DATALENGTH({other})")
}

/// The staged value as the column would hold it.
fn incoming(fact: &Fact) -> String {
    let staged = format!("s.{}", fact.name);
    match fact.holds {
        Holds::DateTime if fact.full_type != "datetime2(7)" => {
            format!("CONVERT({}, {staged})", fact.full_type)
        }
        _ => staged,
    }
}

/// The stored value as the map sees it.
pub(crate) fn stored(fact: &Fact) -> String {
    let stored = format!("t.{}", fact.name);
    match &fact.holds {
        Holds::Text(text) => {
            let stored = if text.unicode {
                stored
            } else {
                format!("CONVERT(nvarchar({}), {stored})", unicode_length(text))
            };
            if text.fixed {
                format!("RTRIM({stored})")
            } else {
                stored
            }
        }
        Holds::Date { with_time: true } => format!("CONVERT(date, {stored})"),
        _ => stored,
    }
}

/// The length of an `nvarchar` that holds all of a `varchar`.
fn unicode_length(text: &TextFact) -> String {
    match text.length {
        Some(length @ 1..=4000) => length.to_string(),
        _ => "max".to_owned(),
    }
}

/// `UPDATE` that sets the flag of active rows with these keys to `N`.
pub(crate) fn deactivate(facts: &Facts, among: &str, at: &str) -> Option<String> {
    let key = &facts.key()?.name;
    let active = facts.written.get(facts.active?)?;
    let stamp = facts
        .updated_at
        .as_ref()
        .map(|column| format!(", {column} = {at}"))
        .unwrap_or_default();
    Some(format!(
        "UPDATE t SET {} = N'N'{stamp} FROM {} AS t WHERE t.{key} {among} AND (t.{} IS NULL OR {}); SELECT @@ROWCOUNT;",
        active.name,
        facts.table,
        active.name,
        texts_differ("N'N'", &stored(active))
    ))
}

/// `DELETE` of all rows but the oldest of each key.
pub(crate) fn merge_duplicates(Names { table, key, identity }: &Names) -> String {
    format!(
        "DELETE t FROM {table} AS t INNER JOIN (SELECT {key}, MIN({identity}) AS [oldest] FROM {table} WITH (UPDLOCK, HOLDLOCK) \
         WHERE {key} IS NOT NULL GROUP BY {key} HAVING COUNT(*) > 1) AS d ON d.{key} = t.{key} \
         WHERE t.{identity} > d.[oldest]; SELECT @@ROWCOUNT;"
    )
}

/// `SELECT` of at most `@P1` keys that stand in several rows.
pub(crate) fn duplicates(Names { table, key, .. }: &Names) -> String {
    format!(
        "SELECT TOP (@P1) t.{key} FROM {table} AS t WHERE t.{key} IS NOT NULL GROUP BY t.{key} HAVING COUNT(*) > 1 \
         ORDER BY t.{key};"
    )
}

/// The list of a `SELECT` that gives rows in the map's order, as the map sees them. So a `varchar` comes as `nvarchar`, whatever
/// its code page.
pub(crate) fn row_columns(facts: &Facts) -> String {
    let columns: Vec<String> = facts.written.iter().map(stored).collect();
    columns.join(", ")
}

#[cfg(test)]
mod tests;
