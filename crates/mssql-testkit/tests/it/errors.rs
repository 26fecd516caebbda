use mssql_testkit::{Edition, Options, Permission, TestServer};

use crate::support::{connect, error, int, rows, run, server};

#[tokio::test]
async fn mistakes_get_sql_servers_numbers() {
    let server = server();
    let mut sql = connect(&server).await;
    run(
        &mut sql,
        "CREATE TABLE t (id int IDENTITY PRIMARY KEY, a int NOT NULL, b nvarchar(3), c varchar(3), CONSTRAINT ck CHECK (a < 100)); \
         CREATE UNIQUE INDEX ux ON t (b) WHERE b IS NOT NULL; INSERT INTO t (a, b) VALUES (1, N'x')",
    )
    .await;
    let mut wrong = Vec::new();
    for (batch, number) in [
        ("SELEC 1", 102),
        ("SELECT * FROM WHERE 1 = 1", 156),
        ("SELECT 'abc", 105),
        ("SELECT * FROM nowhere", 208),
        ("SELECT z FROM t", 207),
        ("SELECT q.a FROM t", 4104),
        ("SELECT a FROM t, t AS u", 209),
        ("SELECT a, COUNT(*) FROM t", 8120),
        ("SELECT @x", 137),
        ("SELECT frobnicate(1)", 195),
        ("SELECT 1 WHERE 1", 4145),
        ("INSERT INTO t (b) VALUES (N'y')", 515),
        ("UPDATE t SET a = NULL", 515),
        ("INSERT INTO t (id, a) VALUES (5, 1)", 544),
        ("UPDATE t SET id = 5", 8102),
        ("INSERT INTO t (a, b) VALUES (2, N'X')", 2601),
        ("INSERT INTO t (a, b) VALUES (2, N'long')", 8152),
        ("INSERT INTO t (a) VALUES (100)", 547),
        ("INSERT INTO t (a) VALUES ('abc')", 245),
        ("INSERT INTO t (a) VALUES (1, 2)", 110),
        ("INSERT INTO t VALUES (1)", 213),
        ("CREATE TABLE t (a int)", 2714),
        ("CREATE INDEX ux ON t (a)", 1913),
        ("CREATE INDEX ix ON t (nope)", 1911),
        ("CREATE INDEX ix ON nowhere (a)", 1088),
        ("CREATE INDEX ix ON t (a) WITH (ONLINE = ON)", 1712),
        ("ALTER TABLE t ADD a int", 2705),
        ("ALTER TABLE t ADD n int NOT NULL", 4901),
        ("ALTER TABLE nowhere ADD n int", 4902),
        ("DROP TABLE nowhere", 3701),
        ("USE nowhere", 911),
        ("EXEC nowhere", 2812),
        (
            "MERGE INTO t USING t AS s ON 1 = 1 WHEN MATCHED THEN DELETE;",
            40510,
        ),
        ("SELECT (SELECT a, b FROM t)", 116),
        ("SELECT * FROM t ORDER BY 99", 108),
        ("SELECT a FROM t UNION SELECT a, b FROM t", 205),
        ("SELECT TOP (1) a FROM t WITH (NONSENSE)", 321),
        ("THROW 50001, N'mine', 1", 50001),
        ("RAISERROR(N'no %s', 16, 1, N'way')", 50000),
        ("SET FROBNICATE ON", 40510),
        ("SELECT a FROM t LIMIT 1", 102),
    ] {
        match rows(&mut sql, batch).await {
            Err(error) if error.code() == Some(number) => {}
            other => wrong.push(format!(
                "{batch}: {:?} in place of {number}",
                other.map(|rows| rows.len())
            )),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(int(&mut sql, "SELECT COUNT(*) FROM t").await, 1);
}

#[tokio::test]
async fn a_syntax_error_anywhere_keeps_the_whole_batch_from_running() {
    let server = server();
    let mut sql = connect(&server).await;
    assert_eq!(error(&mut sql, "CREATE TABLE t (a int); SELEC 1").await, 102);
    assert_eq!(error(&mut sql, "SELECT * FROM t").await, 208);
}

#[tokio::test]
async fn an_error_tells_its_line_class_and_state() {
    let server = server();
    let mut sql = connect(&server).await;
    let failed = rows(&mut sql, "SELECT 1;\n\nSELECT * FROM nowhere")
        .await
        .expect_err("no such table");
    let tiberius::error::Error::Server(token) = failed else {
        panic!("an error of the server, not {failed}")
    };
    assert_eq!((token.code(), token.class(), token.line()), (208, 16, 3));
    assert_eq!(token.message(), "Invalid object name 'nowhere'.");
}

#[tokio::test]
async fn truncation_names_its_column_from_2019_on() {
    let server = TestServer::start(Options {
        version: (15, 0, 2000),
        ..Options::default()
    })
    .expect("it starts");
    let mut sql = connect(&server).await;
    run(&mut sql, "CREATE TABLE t (a nvarchar(3))").await;
    assert_eq!(error(&mut sql, "INSERT INTO t VALUES (N'abcd')").await, 2628);
    run(&mut sql, "INSERT INTO t VALUES (N'abc   ')").await;
}

#[tokio::test]
async fn a_thousand_and_one_rows_of_values_are_too_many() {
    let server = server();
    let mut sql = connect(&server).await;
    run(&mut sql, "CREATE TABLE t (a int)").await;
    let values = |n: usize| vec!["(1)"; n].join(",");
    assert_eq!(
        error(&mut sql, &format!("INSERT INTO t VALUES {}", values(1001))).await,
        10738
    );
    run(&mut sql, &format!("INSERT INTO t VALUES {}", values(1000))).await;
}

#[tokio::test]
async fn two_thousand_one_hundred_and_one_parameters_are_too_many() {
    let server = server();
    let mut sql = connect(&server).await;
    let ask = async |sql: &mut crate::support::Sql, n: usize| {
        let list: Vec<String> = (1..=n).map(|i| format!("@P{i}")).collect();
        let mut query = tiberius::Query::new(format!("SELECT 1 WHERE 1 IN ({})", list.join(",")));
        for _ in 0..n {
            query.bind(1i32);
        }
        query
            .query(sql)
            .await?
            .into_first_result()
            .await
            .map(|rows| rows.len())
    };
    let refused = ask(&mut sql, 2101).await.expect_err("too many");
    assert_eq!(refused.code(), Some(8003));
    assert_eq!(ask(&mut sql, 2098).await.expect("enough"), 1);
}

#[tokio::test]
async fn rights_that_are_missing_are_named() {
    let denied = vec![Permission::CreateTable, Permission::Alter, Permission::Insert];
    let server = TestServer::start(Options {
        denied,
        ..Options::default()
    })
    .expect("it starts");
    server
        .query("test", "CREATE TABLE t (a int)")
        .await
        .expect("the helper may do all");
    let mut sql = connect(&server).await;
    assert_eq!(error(&mut sql, "CREATE TABLE u (a int)").await, 262);
    assert_eq!(error(&mut sql, "INSERT INTO t VALUES (1)").await, 229);
    assert_eq!(error(&mut sql, "ALTER TABLE t ADD b int").await, 1088);
    run(&mut sql, "CREATE TABLE #t (a int); INSERT INTO #t VALUES (1)").await;
    let has = "SELECT HAS_PERMS_BY_NAME(N'dbo.t', 'OBJECT', 'INSERT') * 10 + HAS_PERMS_BY_NAME(N'dbo.t', 'OBJECT', 'SELECT')";
    assert_eq!(int(&mut sql, has).await, 1);
}

#[tokio::test]
async fn an_error_a_test_asks_for_strikes_once() {
    let server = server();
    let mut sql = connect(&server).await;
    run(&mut sql, "CREATE TABLE t (a int)").await;
    server.fail_next(9002, "INSERT INTO t");
    assert_eq!(error(&mut sql, "INSERT INTO t VALUES (1)").await, 9002);
    run(&mut sql, "INSERT INTO t VALUES (1)").await;
    assert_eq!(server.failures_left(), 0);
}

#[tokio::test]
async fn a_deadlock_a_test_asks_for_rolls_the_transaction_back() {
    let server = server();
    let mut sql = connect(&server).await;
    run(
        &mut sql,
        "CREATE TABLE t (a int); BEGIN TRAN; INSERT INTO t VALUES (1)",
    )
    .await;
    server.fail_next(1205, "UPDATE t");
    assert_eq!(error(&mut sql, "UPDATE t SET a = 2").await, 1205);
    assert_eq!(int(&mut sql, "SELECT COUNT(*) + @@TRANCOUNT FROM t").await, 0);
}

#[tokio::test]
async fn an_error_of_severity_twenty_closes_the_connection() {
    let server = server();
    let mut sql = connect(&server).await;
    server.fail_next(40613, "SELECT 1");
    assert_eq!(error(&mut sql, "SELECT 1").await, 40613);
    assert!(rows(&mut sql, "SELECT 2").await.is_err());
}

#[tokio::test]
async fn an_enterprise_server_builds_indexes_online() {
    let server = TestServer::start(Options {
        edition: Edition::Enterprise,
        ..Options::default()
    })
    .expect("it starts");
    let mut sql = connect(&server).await;
    run(
        &mut sql,
        "CREATE TABLE t (a int); CREATE INDEX ix ON t (a) WITH (ONLINE = ON)",
    )
    .await;
    assert_eq!(
        int(&mut sql, "SELECT CAST(SERVERPROPERTY('EngineEdition') AS int)").await,
        3
    );
}
