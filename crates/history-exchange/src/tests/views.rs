//! The views: made beside the tables, and nothing waits for them.

use ::agent::Outcome;
use sea_query::{Expr, Func, Query as Select};
use store::{FoundView, Store, planner};
use table_map::{Column, Query, TableMap, Value};

use super::bench::Bench;

async fn found(bench: &Bench) -> Vec<FoundView> {
    let mut found = Vec::new();
    for view in bench.exchange().views() {
        found.push(bench.store.inspect_view(&view).await.unwrap());
    }
    found
}

#[tokio::test]
async fn an_upload_makes_the_views_which_show_every_row() {
    let bench = Bench::new(100).await;
    assert_eq!(found(&bench).await, [FoundView::Nothing, FoundView::Nothing]);
    bench.agent().activate(&bench.activation()).await.unwrap();
    let ours = FoundView::Ours { current: true };
    assert_eq!(found(&bench).await, [ours.clone(), ours]);
    let visits = Query::new(
        "the number of visits",
        [Column::big_integer("VISITS")],
        |dialect| {
            Select::select()
                .expr_as(Func::count(Expr::cust("*")), "VISITS")
                .from(dialect.table("CRM_STAGE_DURATION_TEST"))
                .to_owned()
        },
    );
    let rows = i64::try_from(bench.truth().len()).unwrap();
    assert_eq!(bench.store.ask(&visits).await.unwrap(), [[Value::from(rows)]]);
}

#[tokio::test]
async fn a_table_with_the_name_of_a_view_does_not_stop_an_upload() {
    let bench = Bench::new(100).await;
    let in_the_way = TableMap::builder("CRM_STAGE_FUNNEL_TEST")
        .column(Column::identity("ID"))
        .column(Column::key("EXTERNAL_ID"))
        .build()
        .unwrap();
    let plan = planner::plan(&in_the_way, None).unwrap();
    bench.store.apply(&plan).await.unwrap();

    assert_eq!(
        bench.agent().activate(&bench.activation()).await.unwrap(),
        Outcome::Done
    );
    assert_eq!(bench.table().await, bench.truth());
    let found = found(&bench).await;
    assert_eq!(found[0], FoundView::Ours { current: true });
    assert!(matches!(found[1], FoundView::Other(_)), "{found:?}");
}
