//! Views on a server of T-SQL: what is sent, what rights it takes, what a person can run by hand.

use mssql_testkit::{Options, Permission, TestServer, Value};
use sea_query::{Alias, Expr, ExprTrait, Query as Select};
use store::{ErrorKind, FoundView, Store, ViewPlan, ViewStep, planner, views};
use table_map::{Column, Index, Query, TableMap, ViewMap};

use crate::target::MssqlTarget;
use crate::{MssqlOptions, MssqlStore};

fn map() -> TableMap {
    TableMap::builder("T")
        .column(Column::identity("ID"))
        .column(Column::key("EXTERNAL_ID"))
        .index(Index::unique(["EXTERNAL_ID"]))
        .build()
        .unwrap()
}

fn view(more: i32) -> ViewMap {
    let query = Query::new("what is more", [Column::big_integer("MORE")], move |dialect| {
        Select::select()
            .expr_as(Expr::col("EXTERNAL_ID").add(more), Alias::new("MORE"))
            .from(dialect.table("T"))
            .to_owned()
    });
    ViewMap::new("it's]more", query)
}

fn store(server: &TestServer) -> MssqlStore {
    let target = MssqlTarget::parse(&server.url("test")).unwrap();
    MssqlStore::new(target, MssqlOptions::default())
}

async fn with_table(server: &TestServer) -> MssqlStore {
    let store = store(server);
    store.apply(&planner::plan(&map(), None).unwrap()).await.unwrap();
    store
}

async fn plan(store: &MssqlStore, view: &ViewMap) -> ViewPlan {
    let found = store.inspect_view(view).await.unwrap();
    views::plan_view(view, &found).unwrap()
}

#[test]
fn the_statements_are_one_batch_that_any_client_runs() {
    let target = MssqlTarget::parse("mssql://u:p@h/d?schema=sales").unwrap();
    let store = MssqlStore::new(target, MssqlOptions::default());
    let plan = views::plan_view(&view(1), &FoundView::Nothing).unwrap();
    insta::assert_snapshot!(store.view_statements(&plan).unwrap().join("\n"), @"IF OBJECT_ID(N'[sales].[it''s]]more]', N'V') IS NULL EXEC (N'CREATE VIEW [sales].[it''s]]more] AS /* made by stage-exchange, f8041693273c8059 */ SELECT [EXTERNAL_ID] + 1 AS [MORE] FROM [sales].[T];') ELSE EXEC (N'ALTER VIEW [sales].[it''s]]more] AS /* made by stage-exchange, f8041693273c8059 */ SELECT [EXTERNAL_ID] + 1 AS [MORE] FROM [sales].[T];');");
}

#[tokio::test]
async fn a_view_that_is_made_anew_stays_the_same_object() {
    let server = TestServer::start(Options::default()).unwrap();
    let store = with_table(&server).await;
    let id = async || {
        server
            .query("test", "SELECT OBJECT_ID(N'[it''s]]more]') AS id")
            .await
            .unwrap()
            .rows
    };
    store.apply_view(&plan(&store, &view(1)).await).await.unwrap();
    let first = id().await;
    let again = plan(&store, &view(2)).await;
    assert_eq!(again.step(), Some(ViewStep::Replace));
    store.apply_view(&again).await.unwrap();
    assert_eq!(id().await, first, "so rights that were granted on it stay");
    server
        .query("test", "INSERT INTO T (EXTERNAL_ID) VALUES (5)")
        .await
        .unwrap();
    let shown = server
        .query("test", "SELECT MORE FROM [it's]]more]")
        .await
        .unwrap();
    assert_eq!(shown.rows, [[Value::Int(7)]]);
}

#[tokio::test]
async fn what_is_shown_may_be_run_by_hand_twice() {
    let server = TestServer::start(Options::default()).unwrap();
    let store = with_table(&server).await;
    let batches = store.view_statements(&plan(&store, &view(1)).await).unwrap();
    for batch in batches.iter().chain(&batches) {
        server.query("test", batch).await.unwrap();
    }
    assert_eq!(plan(&store, &view(1)).await.step(), None, "it is known as ours");
}

#[tokio::test]
async fn a_missing_right_is_told_with_its_grant_and_the_table_is_none_the_worse() {
    let server = TestServer::start(Options {
        denied: vec![Permission::CreateView],
        ..Options::default()
    })
    .unwrap();
    let store = with_table(&server).await;
    let error = store.apply_view(&plan(&store, &view(1)).await).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Operator);
    let text = error.to_string();
    assert!(text.contains("CREATE VIEW in the database is missing"), "{text}");
    assert!(text.contains("GRANT CREATE VIEW TO"), "{text}");
    assert!(text.contains("it's]more"), "{text}");
    assert_eq!(store.count(&map()).await.unwrap(), 0, "the table works");
}

#[tokio::test]
async fn a_view_that_we_may_not_look_into_is_left_to_whoever_made_it() {
    let server = TestServer::start(Options {
        denied: vec![Permission::Alter, Permission::CreateView],
        ..Options::default()
    })
    .unwrap();
    server
        .query("test", "CREATE TABLE T (EXTERNAL_ID bigint)")
        .await
        .unwrap();
    server
        .query(
            "test",
            "CREATE VIEW [it's]]more] AS SELECT EXTERNAL_ID AS MORE FROM T",
        )
        .await
        .unwrap();
    let store = store(&server);
    assert_eq!(store.inspect_view(&view(1)).await.unwrap(), FoundView::Hidden);
    assert_eq!(plan(&store, &view(1)).await.step(), None);
}
