//! Asking the target for the figures.

use std::collections::{HashMap, HashSet};

use chrono::{NaiveDate, NaiveDateTime};
use sea_query::{Expr, ExprTrait, Func, Query as Select};
use store::Store;
use table_map::{Answer, Column, Query, Value};

use crate::figures::{self, Figures, Listed, Pipeline, Reached};
use crate::visits::{self, Now, Selection, col, of, only_if};
use crate::{Error, Period, Tables};

/// More stages than any pipeline has.
const MOST_STAGES: usize = 2000;

/// Which deals a funnel counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Basis {
    /// Deals that came into the pipeline in the period, with all that they did since.
    #[default]
    Entered,
    /// Visits that began in the period, whenever the deal came.
    Visited,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The pipeline.
    pub pipeline: i32,
    /// The period.
    pub period: Period,
    /// Which deals the funnel counts.
    pub basis: Basis,
}

impl Asked {
    fn selection(&self) -> Selection {
        let (from, before) = self.period.bounds();
        Selection {
            pipeline: self.pipeline,
            from,
            before,
            whole_passages: self.basis == Basis::Entered,
        }
    }
}

/// The pipelines that the tables know, in the order of their numbers.
///
/// # Errors
/// When the target does not answer, also when the tables are not there as yet ([`store::ErrorKind::Schema`]).
pub async fn pipelines(store: &dyn Store, tables: &Tables) -> Result<Vec<Pipeline>, Error> {
    let history = tables.history.clone();
    let moved = Query::new(
        "the pipelines of the history",
        [
            Column::integer("CATEGORY_ID"),
            Column::date_time("FIRST_TIME").nullable(),
            Column::date_time("LAST_TIME").nullable(),
        ],
        move |dialect| {
            Select::select()
                .column("CATEGORY_ID")
                .expr_as(Func::min(col("CREATED_TIME")), "FIRST_TIME")
                .expr_as(Func::max(col("CREATED_TIME")), "LAST_TIME")
                .from(dialect.table(&history))
                .group_by_col("CATEGORY_ID")
                .to_owned()
        },
    );
    let with_stages = {
        let tables = tables.clone();
        Query::new(
            "the pipelines of the stages",
            [Column::integer("CATEGORY_ID")],
            move |dialect| {
                Select::select()
                    .column(("s", "CATEGORY_ID"))
                    .distinct()
                    .from_subquery(visits::stages_listed(dialect, &tables), "s")
                    .and_where(of("s", "ACTIVE").eq("Y"))
                    .to_owned()
            },
        )
    };
    let mut found: Vec<Pipeline> = store
        .ask(&moved)
        .await?
        .into_iter()
        .filter_map(|row| {
            let mut cells = Cells::of(row);
            Some(Pipeline {
                id: cells.small()?,
                first: cells.time(),
                last: cells.time(),
            })
        })
        .collect();
    let known: HashSet<i32> = found.iter().map(|pipeline| pipeline.id).collect();
    for row in store.ask(&with_stages).await? {
        if let Some(id) = Cells::of(row).small().filter(|id| !known.contains(id)) {
            found.push(Pipeline {
                id,
                first: None,
                last: None,
            });
        }
    }
    found.sort_by_key(|pipeline| pipeline.id);
    Ok(found)
}

/// The figures of a pipeline for a period. `now`, in the target's time zone, is when open visits are cut off.
///
/// The questions are asked one after another; a move that is written in between may be in the later ones only.
///
/// # Errors
/// When the target does not answer, also when the tables are not there as yet ([`store::ErrorKind::Schema`]).
pub async fn figures(
    store: &dyn Store,
    tables: &Tables,
    asked: Asked,
    now: NaiveDateTime,
) -> Result<Figures, Error> {
    let listed = few(store.ask(&listed(tables, asked.pipeline)).await?)?
        .into_iter()
        .filter_map(|row| read_listed(Cells::of(row)))
        .collect();
    let reached = few(store.ask(&reached(tables, asked, now)).await?)?
        .into_iter()
        .filter_map(|row| read_reached(Cells::of(row)))
        .collect();
    let passages = store.ask(&passages(tables, asked, now)).await?;
    let moves: HashMap<NaiveDate, u64> = store
        .ask(&moves(tables, asked))
        .await?
        .into_iter()
        .filter_map(|row| {
            let mut cells = Cells::of(row);
            Some((cells.day()?, cells.count()))
        })
        .collect();
    let results: HashMap<NaiveDate, (u64, u64)> = store
        .ask(&results(tables, asked))
        .await?
        .into_iter()
        .filter_map(|row| {
            let mut cells = Cells::of(row);
            Some((cells.day()?, (cells.count(), cells.count())))
        })
        .collect();
    Ok(Figures {
        asked,
        now,
        passages: passages
            .into_iter()
            .next()
            .map_or(0, |row| Cells::of(row).count()),
        stages: figures::stages(listed, reached),
        days: figures::days(asked.period, &moves),
        weeks: figures::weeks(asked.period, &results),
    })
}

fn few(answer: Answer) -> Result<Answer, Error> {
    if answer.len() > MOST_STAGES {
        return Err(Error::TooManyStages(MOST_STAGES));
    }
    Ok(answer)
}

/// One more than the most, so that too many are noticed without reading all.
fn limit() -> u64 {
    u64::try_from(MOST_STAGES + 1).unwrap_or(u64::MAX)
}

fn listed(tables: &Tables, pipeline: i32) -> Query {
    let tables = tables.clone();
    Query::new(
        "the stages of a pipeline",
        [
            Column::text("STATUS_ID", 50),
            Column::text("NAME", 255),
            Column::integer("SORT"),
            Column::text("SEMANTICS", 10).nullable(),
            Column::flag("ACTIVE"),
        ],
        move |dialect| {
            Select::select()
                .columns(["STATUS_ID", "NAME", "SORT", "SEMANTICS", "ACTIVE"].map(|name| ("s", name)))
                .from_subquery(visits::stages_listed(dialect, &tables), "s")
                .and_where(of("s", "CATEGORY_ID").eq(pipeline))
                .limit(limit())
                .to_owned()
        },
    )
}

fn read_listed(mut cells: Cells) -> Option<Listed> {
    Some(Listed {
        id: cells.text()?,
        name: cells.text(),
        sort: cells.small(),
        semantics: cells.text(),
        active: cells.text().as_deref() == Some("Y"),
    })
}

fn reached(tables: &Tables, asked: Asked, now: NaiveDateTime) -> Query {
    let tables = tables.clone();
    Query::new(
        "the funnel of a pipeline",
        [
            Column::text("STAGE_ID", 50),
            Column::text("NAME", 255).nullable(),
            Column::text("SEMANTICS", 10).nullable(),
            Column::big_integer("DEALS"),
            Column::big_integer("VISITS"),
            Column::big_integer("DEALS_NOW"),
            Column::big_integer("MEDIAN_SECONDS").nullable(),
            Column::big_integer("P90_SECONDS").nullable(),
        ],
        move |dialect| {
            let selection = asked.selection();
            let stages = visits::stages_reached(dialect, &tables, Now::At(now), Some(&selection));
            Select::select()
                .columns(
                    [
                        "STAGE_ID",
                        "NAME",
                        "SEMANTICS",
                        "DEALS",
                        "VISITS",
                        "DEALS_NOW",
                        "MEDIAN_SECONDS",
                        "P90_SECONDS",
                    ]
                    .map(|name| ("f", name)),
                )
                .from_subquery(stages, "f")
                .limit(limit())
                .to_owned()
        },
    )
}

fn read_reached(mut cells: Cells) -> Option<Reached> {
    Some(Reached {
        id: cells.text()?,
        name: cells.text(),
        semantics: cells.text(),
        deals: cells.count(),
        visits: cells.count(),
        deals_now: cells.count(),
        median: cells.big(),
        p90: cells.big(),
    })
}

fn passages(tables: &Tables, asked: Asked, now: NaiveDateTime) -> Query {
    let tables = tables.clone();
    Query::new(
        "the deals of a pipeline",
        [Column::big_integer("PASSAGES")],
        move |dialect| {
            let selection = asked.selection();
            let each = visits::chosen(dialect, &tables, Now::At(now), Some(&selection))
                .columns([("v", "OWNER_ID"), ("v", "PASSAGE")])
                .distinct()
                .to_owned();
            Select::select()
                .expr_as(Func::count(Expr::cust("*")), "PASSAGES")
                .from_subquery(each, "p")
                .to_owned()
        },
    )
}

fn moves(tables: &Tables, asked: Asked) -> Query {
    let tables = tables.clone();
    Query::new(
        "the moves of each day",
        [Column::date("MOVED_ON"), Column::big_integer("MOVES")],
        move |dialect| {
            let day = || dialect.day_of(col("CREATED_TIME"));
            visits::rows_of(dialect, &tables, &asked.selection())
                .expr_as(day(), "MOVED_ON")
                .expr_as(Func::count(Expr::cust("*")), "MOVES")
                .add_group_by([day()])
                .to_owned()
        },
    )
}

fn results(tables: &Tables, asked: Asked) -> Query {
    let tables = tables.clone();
    Query::new(
        "the deals won and lost in each week",
        [
            Column::date("MONDAY"),
            Column::big_integer("WON"),
            Column::big_integer("LOST"),
        ],
        move |dialect| {
            let monday = || dialect.monday_of(col("CREATED_TIME"));
            let deals = |semantics| {
                let deal = only_if(col("STAGE_SEMANTIC_ID").eq(semantics), col("OWNER_ID"));
                Func::count_distinct(deal)
            };
            visits::rows_of(dialect, &tables, &asked.selection())
                .expr_as(monday(), "MONDAY")
                .expr_as(deals("S"), "WON")
                .expr_as(deals("F"), "LOST")
                .and_where(col("STAGE_SEMANTIC_ID").is_in(["S", "F"]))
                .add_group_by([monday()])
                .to_owned()
        },
    )
}

/// The cells of a row, one after another. The store has given each its column's type.
struct Cells(std::vec::IntoIter<Value>);

impl Cells {
    fn of(row: Vec<Value>) -> Self {
        Self(row.into_iter())
    }

    fn text(&mut self) -> Option<String> {
        match self.0.next() {
            Some(Value::Text(text)) => text.map(String::from),
            _ => None,
        }
    }

    fn small(&mut self) -> Option<i32> {
        match self.0.next() {
            Some(Value::Integer(number)) => number,
            _ => None,
        }
    }

    fn big(&mut self) -> Option<i64> {
        match self.0.next() {
            Some(Value::BigInteger(number)) => number,
            _ => None,
        }
    }

    fn count(&mut self) -> u64 {
        self.big().map_or(0, i64::unsigned_abs)
    }

    fn day(&mut self) -> Option<NaiveDate> {
        match self.0.next() {
            Some(Value::Date(day)) => day,
            _ => None,
        }
    }

    fn time(&mut self) -> Option<NaiveDateTime> {
        match self.0.next() {
            Some(Value::DateTime(time)) => time,
            _ => None,
        }
    }
}
