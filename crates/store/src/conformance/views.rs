//! Views, and the answers to questions.

use chrono::NaiveDate;
use sea_query::{Expr, ExprTrait, Frame, FrameType, Func, Order, Query as Select, WindowStatement};
use table_map::{Column, Query, Value, ViewMap};

use super::Subject;
use super::support::*;
use crate::{ErrorKind, FoundView, ViewPlan, ViewStep, views};

/// Titles and how often each occurs.
fn titles(subject: &Subject, least: i32) -> Query {
    let table = table(subject);
    Query::new(
        "the titles",
        [Column::text("TITLE", 255), Column::integer("TIMES")],
        move |dialect| {
            Select::select()
                .column("TITLE")
                .expr_as(Func::count(Expr::cust("*")), "TIMES")
                .from(dialect.table(&table))
                .and_where(Expr::col("EXTERNAL_ID").gte(least))
                .group_by_col("TITLE")
                .to_owned()
        },
    )
}

fn view(subject: &Subject, least: i32) -> ViewMap {
    ViewMap::new(view_name(subject), titles(subject, least))
}

fn view_name(subject: &Subject) -> String {
    format!("{}TITLES", subject.prefix)
}

/// What the view shows.
fn shown(subject: &Subject) -> Query {
    let name = view_name(subject);
    Query::new(
        "the view of titles",
        [Column::text("TITLE", 255), Column::integer("TIMES")],
        move |dialect| {
            Select::select()
                .columns(["TITLE", "TIMES"])
                .from(dialect.table(&name))
                .order_by("TITLE", Order::Asc)
                .to_owned()
        },
    )
}

async fn planned(subject: &Subject, view: &ViewMap) -> ViewPlan {
    let found = subject.store.inspect_view(view).await.unwrap();
    views::plan_view(view, &found).unwrap()
}

async fn make_view(subject: &Subject, view: &ViewMap) -> Option<ViewStep> {
    let plan = planned(subject, view).await;
    subject.store.apply_view(&plan).await.unwrap();
    plan.step()
}

async fn with_titles(subject: &Subject) {
    let map = made(subject).await;
    let records = [
        Record::titled(1, "a"),
        Record::titled(2, "b"),
        Record::titled(3, "b"),
    ];
    upsert(subject, &map, &records, at(0)).await;
}

fn row(title: &str, times: i32) -> Vec<Value> {
    vec![title.into(), times.into()]
}

/// The statements are told beforehand, and the view reads the table as it is at any time.
pub async fn a_view_is_made_and_shows_what_it_asks(subject: Subject) {
    with_titles(&subject).await;
    let view = view(&subject, 0);
    assert_eq!(
        subject.store.inspect_view(&view).await.unwrap(),
        FoundView::Nothing
    );
    let plan = planned(&subject, &view).await;
    assert_eq!(plan.step(), Some(ViewStep::Create));
    assert!(!subject.store.view_statements(&plan).unwrap().is_empty());

    subject.store.apply_view(&plan).await.unwrap();

    let answer = subject.store.ask(&shown(&subject)).await.unwrap();
    assert_eq!(answer, [row("a", 1), row("b", 2)]);
    upsert(&subject, &map(&subject), &[Record::titled(4, "a")], at(1)).await;
    let answer = subject.store.ask(&shown(&subject)).await.unwrap();
    assert_eq!(answer, [row("a", 2), row("b", 2)]);
}

/// Also by a plan that is out of date.
pub async fn a_view_that_is_there_is_left_alone(subject: Subject) {
    with_titles(&subject).await;
    let view = view(&subject, 0);
    let old = planned(&subject, &view).await;
    assert_eq!(make_view(&subject, &view).await, Some(ViewStep::Create));
    assert_eq!(make_view(&subject, &view).await, None);
    assert!(
        subject
            .store
            .view_statements(&planned(&subject, &view).await)
            .unwrap()
            .is_empty()
    );
    subject.store.apply_view(&old).await.unwrap();
    let answer = subject.store.ask(&shown(&subject)).await.unwrap();
    assert_eq!(answer, [row("a", 1), row("b", 2)]);
}

/// And not made anew a second time.
pub async fn a_view_is_made_anew_when_its_definition_changed(subject: Subject) {
    with_titles(&subject).await;
    make_view(&subject, &view(&subject, 0)).await;
    let narrower = view(&subject, 3);
    assert_eq!(make_view(&subject, &narrower).await, Some(ViewStep::Replace));
    let answer = subject.store.ask(&shown(&subject)).await.unwrap();
    assert_eq!(answer, [row("b", 1)]);
    assert_eq!(make_view(&subject, &narrower).await, None);
}

/// It may hold somebody's rows.
pub async fn a_table_in_the_way_is_named_and_left_alone(subject: Subject) {
    with_titles(&subject).await;
    let view = view(&subject, 0);
    let before = planned(&subject, &view).await;
    let name = view_name(&subject);
    subject
        .backdoor
        .execute(&format!("CREATE TABLE {name} (A int)"))
        .await;

    let found = subject.store.inspect_view(&view).await.unwrap();
    let clash = views::plan_view(&view, &found).unwrap_err();
    assert!(clash.to_string().contains(&name), "{clash}");
    assert!(clash.to_string().contains("a table"), "{clash}");
    // It came after the plan was made.
    let error = subject.store.apply_view(&before).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Operator, "{error}");
    assert!(error.to_string().contains(&name), "{error}");
    subject
        .backdoor
        .execute(&format!("INSERT INTO {name} (A) VALUES (1)"))
        .await;
    subject.backdoor.execute(&format!("DROP TABLE {name}")).await;
    assert_eq!(make_view(&subject, &view).await, Some(ViewStep::Create));
}

/// Somebody may need it as it is.
pub async fn a_view_of_somebody_else_is_left_alone(subject: Subject) {
    with_titles(&subject).await;
    let view = view(&subject, 0);
    let before = planned(&subject, &view).await;
    let name = view_name(&subject);
    let table = table(&subject);
    subject
        .backdoor
        .execute(&format!(
            "CREATE VIEW {name} AS SELECT TITLE, 7 AS TIMES FROM {table} WHERE TITLE = 'a'"
        ))
        .await;

    let found = subject.store.inspect_view(&view).await.unwrap();
    assert!(views::plan_view(&view, &found).is_err(), "{found:?}");
    assert!(subject.store.apply_view(&before).await.is_err());
    let answer = subject.store.ask(&shown(&subject)).await.unwrap();
    assert_eq!(answer, [row("a", 7)]);
}

/// Both succeed.
pub async fn two_runners_that_make_a_view_at_once_make_one(subject: Subject) {
    with_titles(&subject).await;
    let plan = planned(&subject, &view(&subject, 0)).await;
    let runners = [(); 2].map(|()| {
        let (subject, plan) = (subject.clone(), plan.clone());
        tokio::spawn(async move { persistently(|| subject.store.apply_view(&plan)).await })
    });
    for runner in runners {
        runner.await.unwrap();
    }
    assert_eq!(planned(&subject, &view(&subject, 0)).await.step(), None);
}

/// Whatever type the database gives a sum or a count.
pub async fn a_question_is_answered_in_the_types_of_its_columns(subject: Subject) {
    let map = made(&subject).await;
    let full = Record::full(7);
    upsert(&subject, &map, &[full.clone(), Record::empty(8)], at(0)).await;
    let name = table(&subject);
    let columns = [
        Column::big_integer("EXTERNAL_ID"),
        Column::text("TITLE", 255),
        Column::integer("RANKING"),
        Column::big_integer("AMOUNT"),
        Column::date("BEGIN_DATE"),
        Column::date_time("CREATED_TIME"),
    ];
    let names: Vec<&'static str> = columns.iter().map(Column::name).collect();
    let rows = Query::new("rows", columns, move |dialect| {
        Select::select()
            .columns(names.clone())
            .from(dialect.table(&name))
            .order_by("EXTERNAL_ID", Order::Asc)
            .to_owned()
    });
    let answer = subject.store.ask(&rows).await.unwrap();
    let wanted = vec![
        7_i64.into(),
        full.title.into(),
        full.ranking.into(),
        full.amount.into(),
        full.begin_date.into(),
        full.created_time.into(),
    ];
    let nothing = vec![
        8_i64.into(),
        Value::Text(None),
        Value::Integer(None),
        Value::BigInteger(None),
        Value::Date(None),
        Value::DateTime(None),
    ];
    assert_eq!(answer, [wanted, nothing]);

    let name = table(&subject);
    let columns = ["A", "B", "C"].map(Column::integer);
    let sums = Query::new("sums", columns, move |dialect| {
        Select::select()
            .expr_as(Func::count(Expr::cust("*")), "A")
            .expr_as(Func::sum(Expr::col("EXTERNAL_ID")), "B")
            .expr_as(Func::sum(Expr::col("RANKING")), "C")
            .from(dialect.table(&name))
            .to_owned()
    });
    let answer = subject.store.ask(&sums).await.unwrap();
    assert_eq!(answer, [[2.into(), 15.into(), Value::Integer(Some(7))]]);
}

/// The functions that visits are told by.
pub async fn windows_see_the_rows_around_a_row(subject: Subject) {
    let map = made(&subject).await;
    let records = [(1, "a"), (2, "b"), (3, "a"), (4, "a")].map(|(key, title)| Record {
        ranking: Some(10),
        ..Record::titled(key, title)
    });
    upsert(&subject, &map, &records, at(0)).await;
    let name = table(&subject);
    let columns = ["KEY_BEFORE", "KEY_AFTER", "NUMBERED", "IN_ALL", "SO_FAR"].map(Column::big_integer);
    let query = Query::new("windows", columns, move |dialect| {
        let of_a_title = || WindowStatement::partition_by("TITLE");
        let in_order = || of_a_title().order_by("EXTERNAL_ID", Order::Asc).to_owned();
        // Every row is a peer of all others, so that a range would take them all.
        let peers = of_a_title()
            .order_by("RANKING", Order::Asc)
            .order_by("EXTERNAL_ID", Order::Asc)
            .frame_start(FrameType::Rows, Frame::UnboundedPreceding)
            .to_owned();
        Select::select()
            .expr_window_as(
                Func::cust("LAG").arg(Expr::col("EXTERNAL_ID")),
                in_order(),
                "KEY_BEFORE",
            )
            .expr_window_as(
                Func::cust("LEAD").arg(Expr::col("EXTERNAL_ID")),
                in_order(),
                "KEY_AFTER",
            )
            .expr_window_as(Func::cust("ROW_NUMBER"), in_order(), "NUMBERED")
            .expr_window_as(Func::count(Expr::cust("*")), of_a_title(), "IN_ALL")
            .expr_window_as(Func::sum(Expr::col("RANKING")), peers, "SO_FAR")
            .from(dialect.table(&name))
            .order_by("EXTERNAL_ID", Order::Asc)
            .to_owned()
    });
    let answer = subject.store.ask(&query).await.unwrap();
    let row = |cells: [Option<i64>; 5]| cells.map(Value::from).to_vec();
    assert_eq!(
        answer,
        [
            row([None, Some(3), Some(1), Some(3), Some(10)]),
            row([None, None, Some(1), Some(1), Some(10)]),
            row([Some(1), Some(4), Some(2), Some(3), Some(20)]),
            row([Some(3), None, Some(3), Some(3), Some(30)]),
        ]
    );
}

/// Differences, days and weeks, also across the ends of months and years.
pub async fn times_are_reckoned_alike_everywhere(subject: Subject) {
    let map = made(&subject).await;
    let time = |text: &str| chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap();
    let times = [
        "1970-01-01 00:00:00",
        "2020-02-29 23:59:59",
        "2020-03-01 00:00:00",
        "2023-12-31 12:00:00",
        "2024-01-01 00:00:00",
        "2024-12-29 23:59:59",
        "2024-12-30 00:00:00",
        "2089-06-01 01:02:03",
    ];
    let records: Vec<Record> = (1..)
        .zip(times)
        .map(|(key, text)| Record {
            created_time: Some(time(text)),
            ..Record::empty(key)
        })
        .collect();
    upsert(&subject, &map, &records, at(0)).await;
    let name = table(&subject);
    let fixed = time("2020-02-29 23:59:58");
    let columns = [
        Column::big_integer("SECONDS"),
        Column::date("ON_DAY"),
        Column::date("ON_MONDAY"),
        Column::date_time("AN_HOUR_BEFORE"),
        Column::integer("IS_PAST"),
    ];
    let query = Query::new("times", columns, move |dialect| {
        let created = || Expr::col("CREATED_TIME");
        let past = sea_query::CaseStatement::new()
            .case(
                sea_query::Cond::all().add(dialect.utc_now().gt(dialect.time(fixed))),
                1,
            )
            .finally(0);
        Select::select()
            .expr_as(dialect.seconds_between(dialect.time(fixed), created()), "SECONDS")
            .expr_as(dialect.day_of(created()), "ON_DAY")
            .expr_as(dialect.monday_of(created()), "ON_MONDAY")
            .expr_as(dialect.later(created(), Expr::val(-3600)), "AN_HOUR_BEFORE")
            .expr_as(past, "IS_PAST")
            .from(dialect.table(&name))
            .order_by("EXTERNAL_ID", Order::Asc)
            .to_owned()
    });
    let answer = subject.store.ask(&query).await.unwrap();
    let wanted: Vec<Vec<Value>> = times
        .iter()
        .map(|text| {
            let at = time(text);
            let monday: NaiveDate = at.date().week(chrono::Weekday::Mon).first_day();
            vec![
                (at - fixed).num_seconds().into(),
                at.date().into(),
                monday.into(),
                (at - chrono::TimeDelta::hours(1)).into(),
                1.into(),
            ]
        })
        .collect();
    assert_eq!(answer, wanted);
}

/// By its kind, as all other calls do.
pub async fn a_question_about_a_missing_table_asks_for_a_migration(subject: Subject) {
    let error = subject.store.ask(&titles(&subject, 0)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema, "{error}");
    assert!(
        error.to_string().contains("the titles"),
        "{error} names the question"
    );
    assert!(error.to_string().contains("migrat"), "{error} says what to do");
}

/// A constant in a question is never read as a part of it.
pub async fn text_of_any_characters_survives_in_a_question(subject: Subject) {
    let map = made(&subject).await;
    for hostile in [
        "'; DROP TABLE x; --",
        "O'Brien \\' \" ] $1 ? @P1",
        "Сделка № 7",
        "a\\\nb",
    ] {
        let (name, wanted) = (table(&subject), hostile.to_owned());
        upsert(&subject, &map, &[Record::titled(1, hostile)], at(0)).await;
        let query = Query::new("one title", [Column::text("TITLE", 255)], move |dialect| {
            Select::select()
                .column("TITLE")
                .from(dialect.table(&name))
                .and_where(Expr::col("TITLE").eq(wanted.clone()))
                .to_owned()
        });
        let answer = subject.store.ask(&query).await.unwrap();
        assert_eq!(answer, [[Value::from(hostile)]], "{hostile}");
    }
}
