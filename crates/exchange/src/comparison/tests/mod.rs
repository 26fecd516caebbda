//! The comparison against a source and a store in memory.

mod against_naive;
mod faults;
mod memory;
mod motion;
mod store;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ::store::Store;
use agent::{CancellationToken, Failure, SystemClock};
use async_trait::async_trait;
use bitrix_client::{Client, ClientConfig};
use table_map::{Column, Index, Row, TableMap, UpdateRule};

use super::{Absent, Comparison, Source, SourceRows, compare};
use crate::{Context, Environment, NoSwitches, Verification};
use store::MemoryStore;

/// A table with what the comparison has to do with: a key, a part, a time, a value that always follows and one that stays.
fn map() -> TableMap {
    TableMap::builder("THINGS")
        .column(Column::identity("ID"))
        .column(Column::key("EXTERNAL_ID"))
        .column(Column::integer("PART"))
        .column(Column::integer("TIME"))
        .column(Column::text("NAME", 50).nullable().rule(UpdateRule::FirstKnown))
        .column(Column::integer("VALUE"))
        .column(Column::updated_at("DATE_UPDATE"))
        .index(Index::unique(["EXTERNAL_ID"]))
        .build()
        .unwrap()
}

/// What a row holds beside its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Thing {
    part: i32,
    time: i32,
    name: Option<&'static str>,
    value: i32,
}

fn row(key: i64, thing: Thing) -> Row {
    let name = thing.name.map(str::to_owned);
    let values = vec![
        key.into(),
        thing.part.into(),
        thing.time.into(),
        name.into(),
        thing.value.into(),
    ];
    Row::new(&map(), values).unwrap()
}

/// A row of which only the value matters.
fn plain(key: i64, value: i32) -> Row {
    let thing = Thing {
        part: 1,
        time: 0,
        name: Some("a name"),
        value,
    };
    row(key, thing)
}

type Change = Box<dyn FnMut(&mut Listed) + Send>;

/// A source whose rows are in a map.
struct Listed {
    rows: BTreeMap<i64, Row>,
    /// The parts that are compared; empty for all.
    parts: Vec<i64>,
    since: Option<i64>,
    /// Keys in one read.
    step: i64,
    /// Happens before each call of this name.
    before: Vec<(&'static str, Change)>,
    /// The next calls fail with these.
    failures: Vec<Failure>,
    calls: BTreeMap<&'static str, u32>,
}

impl Listed {
    fn new(rows: impl IntoIterator<Item = Row>) -> Self {
        Self {
            rows: rows.into_iter().map(|row| (row.key(), row)).collect(),
            parts: Vec::new(),
            since: None,
            step: 7,
            before: Vec::new(),
            failures: Vec::new(),
            calls: BTreeMap::new(),
        }
    }

    fn before(mut self, call: &'static str, change: impl FnMut(&mut Self) + Send + 'static) -> Self {
        self.before.push((call, Box::new(change)));
        self
    }

    fn called(&mut self, call: &'static str) -> Result<(), Failure> {
        *self.calls.entry(call).or_default() += 1;
        let mut changes = std::mem::take(&mut self.before);
        for (name, change) in &mut changes {
            if *name == call {
                change(self);
            }
        }
        self.before = changes;
        self.failures.pop().map_or(Ok(()), Err)
    }

    fn is_wanted(&self, row: &Row) -> bool {
        let number = |column| row.integer(&map(), column).unwrap();
        (self.parts.is_empty() || self.parts.contains(&number("PART")))
            && self.since.is_none_or(|since| number("TIME") >= since)
    }

    fn wanted(&self) -> impl Iterator<Item = &Row> {
        self.rows.values().filter(|row| self.is_wanted(row))
    }
}

#[async_trait]
impl Source for Listed {
    async fn bounds(&mut self) -> Result<Option<(i64, i64)>, Failure> {
        self.called("bounds")?;
        let keys = || self.wanted().map(Row::key);
        Ok(keys().min().zip(keys().max()))
    }

    async fn read(&mut self, after: i64, until: i64) -> Result<SourceRows, Failure> {
        self.called("read")?;
        let up_to = after.saturating_add(self.step).min(until);
        let rows = self.rows.range(after + 1..=up_to).map(|(_, row)| row);
        let rows = rows.filter(|row| self.is_wanted(row)).cloned().collect();
        Ok(SourceRows { up_to, rows })
    }

    async fn again(&mut self, keys: &[i64]) -> Result<Vec<Row>, Failure> {
        self.called("again")?;
        Ok(keys
            .iter()
            .filter_map(|key| self.rows.get(key))
            .cloned()
            .collect())
    }

    async fn absent(&mut self, rows: &[Row]) -> Result<Vec<Absent>, Failure> {
        self.called("absent")?;
        let highest = self.rows.keys().max().copied().unwrap_or(0);
        let judge = |row: &Row| match row.key() {
            key if self.rows.contains_key(&key) => Absent::There,
            key if key < 1 || key > highest => Absent::Extra,
            _ => Absent::Kept,
        };
        Ok(rows.iter().map(judge).collect())
    }

    fn covers(&self, row: &Row) -> bool {
        self.is_wanted(row)
    }

    fn distrust_of_nothing(&self) -> Option<String> {
        Some("nothing is shown".to_owned())
    }
}

fn context(store: &Arc<MemoryStore>) -> Context {
    let webhook = "https://portal.invalid/rest/1/none/".parse().unwrap();
    Context {
        portal: Client::new(ClientConfig::new(webhook)).unwrap(),
        portal_name: "none".to_owned(),
        store: Arc::clone(store) as Arc<dyn Store>,
        environment: Environment::Test,
        timezone: chrono_tz::UTC,
        pipelines: Vec::new(),
        clock: Arc::new(SystemClock),
        switches: Arc::new(NoSwitches),
    }
}

fn task(repair: bool) -> Comparison<'static> {
    Comparison {
        repair,
        ..Comparison::whole(&|_| {})
    }
}

async fn compared(store: &Arc<MemoryStore>, source: &mut Listed, repair: bool) -> Verification {
    compare(&context(store), &map(), source, &task(repair))
        .await
        .unwrap()
}
