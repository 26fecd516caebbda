//! The figures as views of the target, for Power BI and whoever writes SQL.

use chrono_tz::Tz;
use sea_query::{
    Cond, Expr, ExprTrait, Func, JoinType, Order, OverStatement, Query as Select, SelectStatement,
    WindowStatement,
};
use table_map::{Column, Dialect, Query, ViewMap};

use crate::Tables;
use crate::visits::{self, Now, choose, of};

/// `CRM_STAGE_DURATION_%ENV%`: a row for each visit of a stage. `zone` is that of the table's times: open visits run to now as its
/// clocks show it.
pub fn duration(name: impl Into<String>, tables: &Tables, zone: Tz) -> ViewMap {
    let columns = [
        Column::big_integer("EXTERNAL_ID"),
        Column::big_integer("OWNER_ID"),
        Column::integer("CATEGORY_ID"),
        Column::integer("PASSAGE"),
        Column::date_time("PASSAGE_STARTED_AT"),
        Column::text("STAGE_ID", 50),
        Column::text("STAGE_NAME", 255),
        Column::integer("STAGE_SORT"),
        Column::text("STAGE_SEMANTIC_ID", 10),
        Column::date_time("ENTERED_AT"),
        Column::date_time("LEFT_AT").nullable(),
        Column::big_integer("SECONDS"),
        Column::flag("IS_OPEN"),
    ];
    let tables = tables.clone();
    let query = Query::new("the visits of stages", columns, move |dialect| {
        visits_shown(dialect, &tables, Now::In(zone))
    });
    ViewMap::new(name, query)
}

fn visits_shown(dialect: &dyn Dialect, tables: &Tables, now: Now) -> SelectStatement {
    let on = Cond::all()
        .add(of("l", "CATEGORY_ID").equals(("v", "CATEGORY_ID")))
        .add(of("l", "STATUS_ID").equals(("v", "STAGE_ID")));
    Select::select()
        .columns([
            ("v", "EXTERNAL_ID"),
            ("v", "OWNER_ID"),
            ("v", "CATEGORY_ID"),
            ("v", "PASSAGE"),
        ])
        .expr_as(of("v", "STARTED_AT"), "PASSAGE_STARTED_AT")
        .column(("v", "STAGE_ID"))
        .expr_as(Func::coalesce([of("l", "NAME"), of("v", "NAME")]), "STAGE_NAME")
        .expr_as(of("l", "SORT"), "STAGE_SORT")
        .column(("v", "STAGE_SEMANTIC_ID"))
        .expr_as(of("v", "CREATED_TIME"), "ENTERED_AT")
        .column(("v", "LEFT_AT"))
        .column(("v", "SECONDS"))
        .expr_as(choose(of("v", "LEFT_AT").is_null(), "Y", "N"), "IS_OPEN")
        .from_subquery(visits::visits(dialect, tables, now, None), "v")
        .join_subquery(
            JoinType::LeftJoin,
            visits::stages_listed(dialect, tables),
            "l",
            on,
        )
        .to_owned()
}

/// `CRM_STAGE_FUNNEL_%ENV%`: a row for each pipeline and stage, over all time. `zone` is that of the table's times.
pub fn funnel(name: impl Into<String>, tables: &Tables, zone: Tz) -> ViewMap {
    let columns = [
        Column::integer("CATEGORY_ID"),
        Column::integer("STAGE_ORDER"),
        Column::text("STAGE_ID", 50),
        Column::text("STAGE_NAME", 255),
        Column::integer("STAGE_SORT").nullable(),
        Column::text("STAGE_SEMANTIC_ID", 10),
        Column::flag("ACTIVE"),
        Column::integer("DEALS"),
        Column::integer("VISITS"),
        Column::integer("DEALS_NOW"),
        Column::big_integer("MEDIAN_SECONDS").nullable(),
        Column::big_integer("P90_SECONDS").nullable(),
        Column::integer("DEALS_OF_FIRST"),
        Column::integer("DEALS_OF_NEXT").nullable(),
    ];
    let tables = tables.clone();
    let query = Query::new("the funnel of each pipeline", columns, move |dialect| {
        funnel_shown(dialect, &tables, Now::In(zone))
    });
    ViewMap::new(name, query)
}

/// Stages of the list and stages that only the history knows; of the removed ones only those that deals have been in.
fn stages_shown(dialect: &dyn Dialect, tables: &Tables, now: Now) -> SelectStatement {
    let number = |name| Func::coalesce([of("f", name), Expr::val(0)]);
    let on = Cond::all()
        .add(of("l", "CATEGORY_ID").equals(("f", "CATEGORY_ID")))
        .add(of("l", "STATUS_ID").equals(("f", "STAGE_ID")));
    Select::select()
        .expr_as(
            Func::coalesce([of("f", "CATEGORY_ID"), of("l", "CATEGORY_ID")]),
            "CATEGORY_ID",
        )
        .expr_as(
            Func::coalesce([of("f", "STAGE_ID"), of("l", "STATUS_ID")]),
            "STAGE_ID",
        )
        .expr_as(Func::coalesce([of("l", "NAME"), of("f", "NAME")]), "STAGE_NAME")
        .expr_as(of("l", "SORT"), "STAGE_SORT")
        .expr_as(
            Func::coalesce([of("l", "SEMANTICS"), of("f", "SEMANTICS"), Expr::val("P")]),
            "STAGE_SEMANTIC_ID",
        )
        .expr_as(Func::coalesce([of("l", "ACTIVE"), Expr::val("N")]), "ACTIVE")
        .expr_as(number("DEALS"), "DEALS")
        .expr_as(number("VISITS"), "VISITS")
        .expr_as(number("DEALS_NOW"), "DEALS_NOW")
        .column(("f", "MEDIAN_SECONDS"))
        .column(("f", "P90_SECONDS"))
        .from_subquery(visits::stages_reached(dialect, tables, now, None), "f")
        .join_subquery(
            JoinType::FullOuterJoin,
            visits::stages_listed(dialect, tables),
            "l",
            on,
        )
        .and_where(of("f", "STAGE_ID").is_not_null().or(of("l", "ACTIVE").eq("Y")))
        .to_owned()
}

/// The same in the order of the funnel, with the numbers that conversions need.
fn funnel_shown(dialect: &dyn Dialect, tables: &Tables, now: Now) -> SelectStatement {
    let lost = || choose(of("s", "STAGE_SEMANTIC_ID").eq("F"), 1, 0);
    let unsorted = || choose(of("s", "STAGE_SORT").is_null(), 1, 0);
    let sorted = |window: &mut WindowStatement| {
        window
            .order_by_expr(unsorted(), Order::Asc)
            .order_by(("s", "STAGE_SORT"), Order::Asc)
            .order_by(("s", "STAGE_ID"), Order::Asc)
            .to_owned()
    };
    let of_a_pipeline = || {
        let mut window = WindowStatement::partition_by(("s", "CATEGORY_ID"));
        sorted(window.order_by_expr(lost(), Order::Asc))
    };
    let of_a_kind = || {
        let mut window = WindowStatement::partition_by(("s", "CATEGORY_ID"));
        sorted(window.add_partition_by(lost()))
    };
    let next = Func::cust("LEAD").arg(choose(
        of("s", "STAGE_SEMANTIC_ID").eq("F"),
        Expr::null(),
        of("s", "DEALS"),
    ));
    let column = |name| ("s", name);
    Select::select()
        .column(column("CATEGORY_ID"))
        .expr_window_as(Func::cust("ROW_NUMBER"), of_a_pipeline(), "STAGE_ORDER")
        .columns(
            [
                "STAGE_ID",
                "STAGE_NAME",
                "STAGE_SORT",
                "STAGE_SEMANTIC_ID",
                "ACTIVE",
                "DEALS",
                "VISITS",
                "DEALS_NOW",
                "MEDIAN_SECONDS",
                "P90_SECONDS",
            ]
            .map(column),
        )
        .expr_window_as(
            Func::cust("FIRST_VALUE").arg(of("s", "DEALS")),
            of_a_pipeline(),
            "DEALS_OF_FIRST",
        )
        .expr_window_as(next, of_a_kind(), "DEALS_OF_NEXT")
        .from_subquery(stages_shown(dialect, tables, now), "s")
        .to_owned()
}
