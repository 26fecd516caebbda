//! What the cases share: a table with a column of every type and rule, its rows, and short ways to the store.

use std::future::{Future, poll_fn};
use std::pin::pin;

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use table_map::{Column, Index, Ranking, Row, TableMap, UpdateRule, Value};

use crate::conformance::Subject;
use crate::{Error, ErrorKind, Plan, Upserted, planner};

const BETTER_KNOWN: Ranking = Ranking {
    by: "ORIGIN",
    ranks: &[&["guessed"], &["known"]],
};

/// The columns of the table without its indexes.
pub fn columns(name: &str) -> table_map::TableMapBuilder {
    TableMap::builder(name)
        .column(Column::identity("ID"))
        .column(Column::flag("ACTIVE"))
        .column(Column::inserted_at("DATE_INSERT"))
        .column(Column::key("EXTERNAL_ID"))
        .column(Column::text("TITLE", 255).nullable())
        .column(
            Column::text("FIRST_TITLE", 255)
                .nullable()
                .rule(UpdateRule::FirstKnown),
        )
        .column(Column::integer("RANKING").nullable())
        .column(Column::big_integer("AMOUNT").nullable())
        .column(
            Column::big_integer("PERSON")
                .nullable()
                .rule(UpdateRule::Ranked(BETTER_KNOWN)),
        )
        .column(
            Column::text("ORIGIN", 20)
                .nullable()
                .rule(UpdateRule::Ranked(BETTER_KNOWN)),
        )
        .column(Column::date("BEGIN_DATE").nullable())
        .column(Column::date_time("CREATED_TIME").nullable())
        .column(Column::updated_at("DATE_UPDATE"))
        .active("ACTIVE")
}

/// The table of most cases.
pub fn map(subject: &Subject) -> TableMap {
    columns(&table(subject))
        .index(Index::unique(["EXTERNAL_ID"]))
        .index(Index::on(["RANKING", "CREATED_TIME"]))
        .build()
        .unwrap()
}

/// The table's name.
pub fn table(subject: &Subject) -> String {
    format!("{}RECORDS", subject.prefix)
}

/// The contents of a row.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "named as the columns are")]
pub struct Record {
    pub key: i64,
    pub active: bool,
    pub title: Option<String>,
    pub first_title: Option<String>,
    pub ranking: Option<i32>,
    pub amount: Option<i64>,
    pub person: Option<i64>,
    pub origin: Option<String>,
    pub begin_date: Option<NaiveDate>,
    pub created_time: Option<NaiveDateTime>,
}

impl Record {
    /// A row with this key in which everything else is null.
    pub fn empty(key: i64) -> Self {
        Self {
            key,
            active: true,
            title: None,
            first_title: None,
            ranking: None,
            amount: None,
            person: None,
            origin: None,
            begin_date: None,
            created_time: None,
        }
    }

    /// A row with this key and title.
    pub fn titled(key: i64, title: &str) -> Self {
        Self {
            title: Some(title.to_owned()),
            ..Self::empty(key)
        }
    }

    /// A row in which nothing is null, every value made from the key.
    pub fn full(key: i64) -> Self {
        let small = i32::try_from(key.rem_euclid(1_000_000)).unwrap();
        Self {
            title: Some(format!("Сделка №{key}")),
            first_title: Some(format!("C3:STAGE_{}", key.rem_euclid(12))),
            ranking: Some(small),
            amount: Some(key.wrapping_mul(1000)),
            person: Some(key.rem_euclid(40)),
            origin: Some("guessed".to_owned()),
            begin_date: Some(day(2024, 1, 1) + TimeDelta::days((small % 366).into())),
            created_time: Some(at(small.into())),
            ..Self::empty(key)
        }
    }

    /// As a row of the table.
    pub fn row(&self, map: &TableMap) -> Row {
        Row::new(map, self.values()).unwrap()
    }

    /// The values in the order of the columns.
    pub fn values(&self) -> Vec<Value> {
        vec![
            if self.active { "Y" } else { "N" }.into(),
            self.key.into(),
            self.title.clone().into(),
            self.first_title.clone().into(),
            self.ranking.into(),
            self.amount.into(),
            self.person.into(),
            self.origin.clone().into(),
            self.begin_date.into(),
            self.created_time.into(),
        ]
    }
}

/// All of them as rows.
pub fn rows(map: &TableMap, records: &[Record]) -> Vec<Row> {
    records.iter().map(|record| record.row(map)).collect()
}

/// A day.
pub fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

/// This many minutes after nine o'clock on a certain day.
pub fn at(minutes: i64) -> NaiveDateTime {
    day(2024, 5, 1).and_hms_opt(9, 0, 0).unwrap() + TimeDelta::minutes(minutes)
}

/// The plan for the table as it is.
pub async fn plan(subject: &Subject, map: &TableMap) -> Plan {
    let shape = subject.store.inspect(map).await.unwrap();
    planner::plan(map, shape.as_ref()).unwrap()
}

/// Makes the table of most cases.
pub async fn made(subject: &Subject) -> TableMap {
    let map = map(subject);
    make(subject, &map).await;
    map
}

/// Makes a table.
pub async fn make(subject: &Subject, map: &TableMap) {
    let plan = plan(subject, map).await;
    subject.store.apply(&plan).await.unwrap();
}

/// Writes rows, and gives the answer with its keys in order.
pub async fn upsert(subject: &Subject, map: &TableMap, records: &[Record], at: NaiveDateTime) -> Upserted {
    let done = subject.store.upsert(map, &rows(map, records), at).await;
    ordered(done.unwrap())
}

/// The same answer with its keys in order.
pub fn ordered(mut done: Upserted) -> Upserted {
    done.inserted.sort_unstable();
    done.changed.sort_unstable();
    done
}

/// What an upsert that did this answers.
pub fn did(inserted: &[i64], changed: &[i64], unchanged: u64) -> Upserted {
    Upserted {
        inserted: inserted.to_vec(),
        changed: changed.to_vec(),
        unchanged,
    }
}

/// Asserts that exactly these rows stand in the table, in the order of their keys.
pub async fn assert_table(subject: &Subject, map: &TableMap, records: &[Record]) {
    let limit = u32::try_from(records.len()).unwrap() + 10;
    let found = subject.store.scan(map, None, limit).await.unwrap();
    assert_same(&found, &rows(map, records));
}

/// Asserts equality row by row, so that a failure shows the one row.
pub fn assert_same(found: &[Row], wanted: &[Row]) {
    for (found, wanted) in found.iter().zip(wanted) {
        assert_eq!(found, wanted);
    }
    assert_eq!(found.len(), wanted.len(), "number of rows");
}

/// What a column that the store sets has in the row with this key.
pub async fn stamp(subject: &Subject, map: &TableMap, column: &str, key: i64) -> NaiveDateTime {
    let sql = format!("SELECT {column} FROM {} WHERE EXTERNAL_ID = {key}", map.name());
    subject.backdoor.date_time(&sql).await.unwrap()
}

/// Calls until the answer is not a passing error, as the contract tells callers to: a database may have two
/// writers wait for each other and give up one.
pub async fn persistently<T, F: Future<Output = Result<T, Error>>>(mut call: impl FnMut() -> F) -> T {
    for _ in 0..50 {
        match call().await {
            Err(error) if matches!(error.kind(), ErrorKind::Passing { .. }) => tokio::task::yield_now().await,
            other => return other.unwrap(),
        }
    }
    panic!("the error did not pass in 50 attempts");
}

/// Drops the future when it has been woken this many times, unless it was ready before.
pub async fn dropped_after<T>(wakes: u32, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = wakes;
    poll_fn(|context| {
        if left == 0 {
            return std::task::Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}
