//! Views, and the frames of window functions.

use mssql_testkit::{Options, Permission, TestServer};

use crate::support::{config, connect, connect_with, error, int, rows, run, server, text};

const MADE: &str =
    "CREATE TABLE t (a int NOT NULL, b nvarchar(10)); INSERT INTO t VALUES (1, N'x'), (2, N'y')";

#[tokio::test]
async fn a_view_shows_what_its_query_gives_now() {
    let server = server();
    let mut sql = connect(&server).await;
    run(&mut sql, MADE).await;
    run(
        &mut sql,
        "-- a note\nCREATE VIEW dbo.v AS /* mark */ SELECT b, a * 10 AS tens FROM t WHERE a > 1;",
    )
    .await;
    assert_eq!(int(&mut sql, "SELECT SUM(tens) FROM dbo.v").await, 20);
    run(&mut sql, "INSERT INTO t VALUES (5, N'z')").await;
    assert_eq!(int(&mut sql, "SELECT SUM(x.tens) FROM v AS x").await, 70);
    // A view of a view, and names that are those of the view only.
    run(
        &mut sql,
        "CREATE VIEW w AS SELECT COUNT(*) AS n FROM v JOIN t ON t.b = v.b",
    )
    .await;
    assert_eq!(
        int(&mut sql, "WITH t AS (SELECT 1 AS q) SELECT n FROM w, t").await,
        2
    );
    assert_eq!(error(&mut sql, "SELECT a FROM v").await, 207);
}

#[tokio::test]
async fn a_view_is_changed_and_dropped_as_on_the_real_server() {
    let server = server();
    let mut sql = connect(&server).await;
    run(&mut sql, MADE).await;
    assert_eq!(error(&mut sql, "ALTER VIEW v AS SELECT a FROM t").await, 208);
    run(&mut sql, "CREATE OR ALTER VIEW v AS SELECT a FROM t").await;
    assert_eq!(error(&mut sql, "CREATE VIEW v AS SELECT a FROM t").await, 2714);
    let id = int(&mut sql, "SELECT OBJECT_ID(N'dbo.v')").await;
    run(&mut sql, "ALTER VIEW v AS SELECT b FROM t").await;
    run(&mut sql, "CREATE OR ALTER VIEW v AS SELECT a + 1 AS a FROM t").await;
    assert_eq!(
        int(&mut sql, "SELECT OBJECT_ID(N'dbo.v')").await,
        id,
        "it is the same object"
    );
    assert_eq!(int(&mut sql, "SELECT MAX(a) FROM v").await, 3);
    assert_eq!(error(&mut sql, "DROP TABLE v").await, 3705);
    assert_eq!(error(&mut sql, "DROP VIEW t").await, 3705);
    assert_eq!(error(&mut sql, "ALTER VIEW t AS SELECT 1 AS a").await, 2010);
    assert_eq!(error(&mut sql, "CREATE TABLE v (a int)").await, 2714);
    run(
        &mut sql,
        "BEGIN TRANSACTION; DROP VIEW v; ROLLBACK; DROP VIEW IF EXISTS v, v",
    )
    .await;
    assert_eq!(error(&mut sql, "SELECT * FROM v").await, 208);
    assert_eq!(error(&mut sql, "DROP VIEW v").await, 3701);
}

#[tokio::test]
async fn what_cannot_be_a_view_is_refused() {
    let server = server();
    let mut sql = connect(&server).await;
    run(&mut sql, MADE).await;
    run(&mut sql, "CREATE TABLE #temp (a int)").await;
    for (batch, number) in [
        ("CREATE VIEW v AS SELECT a + 1 FROM t", 4511),
        ("CREATE VIEW v AS SELECT a, b AS a FROM t", 4506),
        ("CREATE VIEW v AS SELECT a FROM t ORDER BY a", 1033),
        ("CREATE VIEW v AS SELECT a FROM nothing", 208),
        ("CREATE VIEW v AS SELECT c FROM t", 207),
        ("CREATE VIEW v AS SELECT a FROM #temp", 4508),
        ("CREATE VIEW #v AS SELECT a FROM t", 4508),
        ("CREATE VIEW nowhere.v AS SELECT a FROM t", 2760),
    ] {
        assert_eq!(error(&mut sql, batch).await, number, "{batch}");
    }
    run(&mut sql, "CREATE VIEW v AS SELECT TOP (1) a FROM t ORDER BY a").await;
    assert_eq!(error(&mut sql, "INSERT INTO v VALUES (1)").await, 40510);
    assert_eq!(error(&mut sql, "CREATE INDEX i ON v (a)").await, 40510);
}

#[tokio::test]
async fn the_catalog_knows_views_apart_from_tables() {
    let server = server();
    let mut sql = connect(&server).await;
    run(&mut sql, MADE).await;
    let batch = "CREATE VIEW dbo.v AS /* mark */ SELECT a FROM t";
    run(&mut sql, batch).await;
    assert_eq!(text(&mut sql, "SELECT name FROM sys.views").await, "v");
    assert_eq!(text(&mut sql, "SELECT name FROM sys.tables").await, "t");
    assert_eq!(
        int(&mut sql, "SELECT COUNT(*) FROM sys.objects WHERE type = 'V'").await,
        1
    );
    assert_eq!(
        text(
            &mut sql,
            "SELECT definition FROM sys.sql_modules WHERE object_id = OBJECT_ID(N'dbo.v', N'V')"
        )
        .await,
        batch
    );
    assert_eq!(int(&mut sql, "SELECT COUNT(OBJECT_ID(N'dbo.v', N'U'))").await, 0);
    assert_eq!(
        text(
            &mut sql,
            "SELECT TABLE_TYPE FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = 'v'"
        )
        .await,
        "VIEW"
    );
    assert_eq!(
        int(
            &mut sql,
            "SELECT COUNT(*) FROM sys.columns WHERE object_id = OBJECT_ID(N'v')"
        )
        .await,
        1
    );
}

#[tokio::test]
async fn making_a_view_needs_a_right_of_its_own() {
    let options = Options {
        denied: vec![Permission::CreateView],
        ..Options::default()
    };
    let server = TestServer::start(options).unwrap();
    let mut sql = connect_with(config(&server)).await.unwrap();
    run(&mut sql, MADE).await;
    assert_eq!(error(&mut sql, "CREATE VIEW v AS SELECT a FROM t").await, 262);
    assert_eq!(
        int(
            &mut sql,
            "SELECT HAS_PERMS_BY_NAME(DB_NAME(), N'DATABASE', N'CREATE VIEW')"
        )
        .await,
        0
    );
}

#[tokio::test]
async fn a_frame_of_rows_leaves_the_peers_out_that_a_range_takes_in() {
    let server = server();
    let mut sql = connect(&server).await;
    run(
        &mut sql,
        "CREATE TABLE t (a int, b int); INSERT INTO t VALUES (1, 1), (1, 10), (2, 100)",
    )
    .await;
    let found = rows(
        &mut sql,
        "SELECT SUM(b) OVER (ORDER BY a), SUM(b) OVER (ORDER BY a, b ROWS UNBOUNDED PRECEDING), \
         MAX(b) OVER (ORDER BY a, b ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM t ORDER BY a, b",
    )
    .await
    .unwrap();
    let sums: Vec<[i32; 3]> = found
        .iter()
        .map(|row| [0, 1, 2].map(|at| row.get::<i32, _>(at).unwrap()))
        .collect();
    assert_eq!(sums, [[11, 1, 1], [11, 11, 10], [111, 111, 100]]);
    assert_eq!(
        error(&mut sql, "SELECT SUM(b) OVER (ROWS UNBOUNDED PRECEDING) FROM t").await,
        10756
    );
    assert_eq!(
        error(
            &mut sql,
            "SELECT LAG(b) OVER (ORDER BY a ROWS UNBOUNDED PRECEDING) FROM t"
        )
        .await,
        10752
    );
    assert_eq!(
        error(
            &mut sql,
            "SELECT SUM(b) OVER (ORDER BY a ROWS 1 PRECEDING) FROM t"
        )
        .await,
        40510
    );
}
