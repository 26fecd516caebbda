//! Visits of stages, put as questions: the one place that says what a visit is.
//!
//! * A visit of a stage begins with a row of the history and ends with the deal's next row, by `CREATED_TIME`, then `EXTERNAL_ID`.
//!   One without a next row is open and runs to now; one that begins later than now has lasted no time as yet.
//! * A passage is a deal's way through a pipeline: its rows one after another in the same pipeline. A move to another pipeline ends
//!   it; a deal that comes back begins a new one.
//! * A stay is what a passage spent in one stage: its visits of that stage, added up.

use chrono::NaiveDateTime;
use chrono_tz::Tz;
use sea_query::{
    CaseStatement, Cond, Expr, ExprTrait, Frame, FrameType, Func, Order, OverStatement, Query,
    SelectStatement, WindowStatement,
};
use table_map::Dialect;

use crate::Tables;
use crate::zone;

/// Until when open visits run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Now {
    /// Until this time.
    At(NaiveDateTime),
    /// Until whenever the question is asked, as clocks in this zone show it.
    In(Tz),
}

impl Now {
    fn expression(self, dialect: &dyn Dialect) -> Expr {
        match self {
            Self::At(time) => dialect.time(time),
            Self::In(zone) => zone::now(dialect, zone),
        }
    }
}

/// Which stays are asked for. `None` asks for all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Selection {
    pub(crate) pipeline: i32,
    /// From here on.
    pub(crate) from: NaiveDateTime,
    /// Before this.
    pub(crate) before: NaiveDateTime,
    /// Whether the passage has to begin in that time, or each visit.
    pub(crate) whole_passages: bool,
}

pub(crate) fn col(name: &'static str) -> Expr {
    Expr::col(name)
}

pub(crate) fn of(alias: &'static str, name: &'static str) -> Expr {
    Expr::col((alias, name))
}

/// One value where a condition holds, another where not.
pub(crate) fn choose(condition: Expr, yes: impl Into<Expr>, no: impl Into<Expr>) -> Expr {
    let case = CaseStatement::new().case(Cond::all().add(condition), yes.into());
    case.finally(no.into()).into()
}

/// A value where a condition holds, otherwise null.
pub(crate) fn only_if(condition: Expr, value: impl Into<Expr>) -> Expr {
    CaseStatement::new()
        .case(Cond::all().add(condition), value.into())
        .into()
}

fn within(time: Expr, selection: &Selection, dialect: &dyn Dialect) -> Expr {
    let (from, before) = (dialect.time(selection.from), dialect.time(selection.before));
    time.clone().gte(from).and(time.lt(before))
}

/// The rows of one pipeline in a time.
pub(crate) fn rows_of(dialect: &dyn Dialect, tables: &Tables, selection: &Selection) -> SelectStatement {
    Query::select()
        .from(dialect.table(&tables.history))
        .and_where(col("CATEGORY_ID").eq(selection.pipeline))
        .and_where(within(col("CREATED_TIME"), selection, dialect))
        .to_owned()
}

/// The rows of a deal, one after another.
fn of_a_deal() -> WindowStatement {
    WindowStatement::partition_by("OWNER_ID")
        .order_by("CREATED_TIME", Order::Asc)
        .order_by("EXTERNAL_ID", Order::Asc)
        .to_owned()
}

/// Each row with the pipeline of the row before it and the time of the row after it.
fn moves(dialect: &dyn Dialect, tables: &Tables, selection: Option<&Selection>) -> SelectStatement {
    let mut select = Query::select()
        .columns([
            "EXTERNAL_ID",
            "OWNER_ID",
            "CATEGORY_ID",
            "STAGE_ID",
            "STAGE_SEMANTIC_ID",
            "NAME",
            "CREATED_TIME",
        ])
        .expr_window_as(
            Func::cust("LAG").arg(col("CATEGORY_ID")),
            of_a_deal(),
            "CATEGORY_BEFORE",
        )
        .expr_window_as(
            Func::cust("LEAD").arg(col("CREATED_TIME")),
            of_a_deal(),
            "LEFT_AT",
        )
        .from(dialect.table(&tables.history))
        .to_owned();
    if let Some(selection) = selection {
        // Every stay that is asked for has a row in that time, so other deals need not be looked at.
        let deals = rows_of(dialect, tables, selection).column("OWNER_ID").to_owned();
        select.and_where(col("OWNER_ID").in_subquery(deals));
    }
    select
}

/// Visits: `EXTERNAL_ID`, `OWNER_ID`, `CATEGORY_ID`, `STAGE_ID`, `STAGE_SEMANTIC_ID`, `NAME`, `CREATED_TIME`, `LEFT_AT`, `PASSAGE`
/// (counted from 1 for each deal), `STARTED_AT` (of the passage), `SECONDS`.
pub(crate) fn visits(
    dialect: &dyn Dialect,
    tables: &Tables,
    now: Now,
    selection: Option<&Selection>,
) -> SelectStatement {
    let begins = || {
        of("m", "CATEGORY_BEFORE")
            .is_null()
            .or(of("m", "CATEGORY_BEFORE").ne(of("m", "CATEGORY_ID")))
    };
    // Rows before and this one. Said in rows, since a range would make SQL Server spool to its disk.
    let so_far = || {
        of_a_deal()
            .frame_start(FrameType::Rows, Frame::UnboundedPreceding)
            .to_owned()
    };
    let until = CaseStatement::new()
        .case(
            Cond::all().add(of("m", "LEFT_AT").is_not_null()),
            of("m", "LEFT_AT"),
        )
        .case(
            Cond::all().add(of("m", "CREATED_TIME").gt(of("clock", "SHOWS"))),
            of("m", "CREATED_TIME"),
        )
        .finally(of("clock", "SHOWS"));
    let clock = Query::select()
        .expr_as(now.expression(dialect), "SHOWS")
        .to_owned();
    Query::select()
        .columns([
            ("m", "EXTERNAL_ID"),
            ("m", "OWNER_ID"),
            ("m", "CATEGORY_ID"),
            ("m", "STAGE_ID"),
            ("m", "STAGE_SEMANTIC_ID"),
            ("m", "NAME"),
            ("m", "CREATED_TIME"),
            ("m", "LEFT_AT"),
        ])
        .expr_window_as(Func::sum(choose(begins(), 1, 0)), so_far(), "PASSAGE")
        .expr_window_as(
            Func::max(only_if(begins(), of("m", "CREATED_TIME"))),
            so_far(),
            "STARTED_AT",
        )
        .expr_as(
            dialect.seconds_between(of("m", "CREATED_TIME"), until.into()),
            "SECONDS",
        )
        .from_subquery(moves(dialect, tables, selection), "m")
        .from_subquery(clock, "clock")
        .to_owned()
}

/// Visits that are asked for.
pub(crate) fn chosen(
    dialect: &dyn Dialect,
    tables: &Tables,
    now: Now,
    selection: Option<&Selection>,
) -> SelectStatement {
    let mut select = Query::select()
        .from_subquery(visits(dialect, tables, now, selection), "v")
        .to_owned();
    if let Some(selection) = selection {
        let time = if selection.whole_passages {
            of("v", "STARTED_AT")
        } else {
            of("v", "CREATED_TIME")
        };
        select
            .and_where(of("v", "CATEGORY_ID").eq(selection.pipeline))
            .and_where(within(time, selection, dialect));
    }
    select
}

/// Stays: `OWNER_ID`, `CATEGORY_ID`, `PASSAGE`, `STAGE_ID`, `SEMANTICS`, `NAME`, `VISITS`, `IS_THERE` (1 when the deal stands there
/// now), `SECONDS`.
fn stays(dialect: &dyn Dialect, tables: &Tables, now: Now, selection: Option<&Selection>) -> SelectStatement {
    let key = ["OWNER_ID", "CATEGORY_ID", "PASSAGE", "STAGE_ID"].map(|name| ("v", name));
    chosen(dialect, tables, now, selection)
        .columns(key)
        .expr_as(Func::max(of("v", "STAGE_SEMANTIC_ID")), "SEMANTICS")
        .expr_as(Func::max(of("v", "NAME")), "NAME")
        .expr_as(Func::count(Expr::cust("*")), "VISITS")
        .expr_as(Func::max(choose(of("v", "LEFT_AT").is_null(), 1, 0)), "IS_THERE")
        .expr_as(Func::sum(of("v", "SECONDS")), "SECONDS")
        .group_by_columns(key)
        .to_owned()
}

/// Stages by what was spent in them: `CATEGORY_ID`, `STAGE_ID`, `SEMANTICS`, `NAME`, `DEALS` (passages that reached it), `VISITS`,
/// `DEALS_NOW`, `MEDIAN_SECONDS`, `P90_SECONDS`.
///
/// A percentile is by nearest rank: the shortest stay that at least that share of all stays do not exceed. So it is always the
/// length of a stay that there was, as `PERCENTILE_DISC` gives it.
pub(crate) fn stages_reached(
    dialect: &dyn Dialect,
    tables: &Tables,
    now: Now,
    selection: Option<&Selection>,
) -> SelectStatement {
    let in_a_stage = || {
        WindowStatement::partition_by(("s", "CATEGORY_ID"))
            .add_partition_by(of("s", "STAGE_ID"))
            .to_owned()
    };
    let by_length = in_a_stage()
        .order_by(("s", "SECONDS"), Order::Asc)
        .order_by(("s", "OWNER_ID"), Order::Asc)
        .order_by(("s", "PASSAGE"), Order::Asc)
        .to_owned();
    let ranked = Query::select()
        .columns(
            [
                "CATEGORY_ID",
                "STAGE_ID",
                "SEMANTICS",
                "NAME",
                "VISITS",
                "IS_THERE",
                "SECONDS",
            ]
            .map(|name| ("s", name)),
        )
        .expr_window_as(Func::cust("ROW_NUMBER"), by_length, "PLACE")
        .expr_window_as(Func::count(Expr::cust("*")), in_a_stage(), "PLACES")
        .from_subquery(stays(dialect, tables, now, selection), "s")
        .to_owned();
    let percentile = |of_ten: i32| {
        let reached = of("r", "PLACE").mul(10).gte(of("r", "PLACES").mul(of_ten));
        Func::min(only_if(reached, of("r", "SECONDS")))
    };
    let key = ["CATEGORY_ID", "STAGE_ID"].map(|name| ("r", name));
    Query::select()
        .columns(key)
        .expr_as(Func::max(of("r", "SEMANTICS")), "SEMANTICS")
        .expr_as(Func::max(of("r", "NAME")), "NAME")
        .expr_as(Func::count(Expr::cust("*")), "DEALS")
        .expr_as(Func::sum(of("r", "VISITS")), "VISITS")
        .expr_as(Func::sum(of("r", "IS_THERE")), "DEALS_NOW")
        .expr_as(percentile(5), "MEDIAN_SECONDS")
        .expr_as(percentile(9), "P90_SECONDS")
        .from_subquery(ranked, "r")
        .group_by_columns(key)
        .to_owned()
}

/// The stages of the list, one row for each pipeline and code: `CATEGORY_ID`, `STATUS_ID`, `NAME`, `SORT`, `SEMANTICS`, `ACTIVE`. A
/// code that was removed and made again has several rows there; the active one counts, then the youngest.
pub(crate) fn stages_listed(dialect: &dyn Dialect, tables: &Tables) -> SelectStatement {
    const COLUMNS: [&str; 6] = ["CATEGORY_ID", "STATUS_ID", "NAME", "SORT", "SEMANTICS", "ACTIVE"];
    let mut of_a_code = WindowStatement::partition_by("CATEGORY_ID");
    of_a_code
        .add_partition_by(col("STATUS_ID"))
        .order_by("ACTIVE", Order::Desc)
        .order_by("EXTERNAL_ID", Order::Desc);
    let numbered = Query::select()
        .columns(COLUMNS)
        .expr_window_as(Func::cust("ROW_NUMBER"), of_a_code, "PLACE")
        .from(dialect.table(&tables.stages))
        .and_where(col("ENTITY_ID").like("DEAL_STAGE%"))
        .to_owned();
    Query::select()
        .columns(COLUMNS.map(|name| ("l", name)))
        .from_subquery(numbered, "l")
        .and_where(of("l", "PLACE").eq(1))
        .to_owned()
}
