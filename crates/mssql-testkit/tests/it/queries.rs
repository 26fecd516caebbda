use tiberius::Query;

use crate::support::{connect, int, rows, run, server, text};

#[tokio::test]
async fn an_upsert_by_staging_changes_only_what_differs() {
    let server = server();
    let mut sql = connect(&server).await;
    run(
        &mut sql,
        "CREATE TABLE dbo.target (ID int IDENTITY PRIMARY KEY, EXTERNAL_ID bigint NOT NULL, NAME nvarchar(50) NULL, SORT int NULL); \
         CREATE UNIQUE INDEX ux ON dbo.target (EXTERNAL_ID); \
         CREATE TABLE #stage (EXTERNAL_ID bigint NOT NULL, NAME nvarchar(50) NULL, SORT int NULL); \
         INSERT INTO dbo.target (EXTERNAL_ID, NAME, SORT) VALUES (1, N'same', 1), (2, N'old', 2), (3, NULL, NULL); \
         INSERT INTO #stage VALUES (1, N'same', 1), (2, N'new', 2), (3, NULL, 3), (4, N'fresh', 4)",
    )
    .await;
    let upsert = "SET XACT_ABORT ON; SET NOCOUNT ON; BEGIN TRANSACTION; DECLARE @changed int, @inserted int; \
        UPDATE t SET t.NAME = s.NAME, t.SORT = s.SORT FROM dbo.target AS t WITH (UPDLOCK, SERIALIZABLE) \
        INNER JOIN #stage AS s ON s.EXTERNAL_ID = t.EXTERNAL_ID \
        WHERE EXISTS (SELECT s.NAME, s.SORT EXCEPT SELECT t.NAME, t.SORT); SET @changed = @@ROWCOUNT; \
        INSERT INTO dbo.target (EXTERNAL_ID, NAME, SORT) SELECT s.EXTERNAL_ID, s.NAME, s.SORT FROM #stage AS s \
        WHERE NOT EXISTS (SELECT 1 FROM dbo.target AS t WITH (UPDLOCK, SERIALIZABLE) WHERE t.EXTERNAL_ID = s.EXTERNAL_ID); \
        SET @inserted = @@ROWCOUNT; COMMIT TRANSACTION; SELECT @changed AS changed, @inserted AS inserted";
    let first = rows(&mut sql, upsert).await.expect("it runs");
    assert_eq!(
        (
            first[0].get::<i32, _>("changed"),
            first[0].get::<i32, _>("inserted")
        ),
        (Some(2), Some(1))
    );
    let again = rows(&mut sql, upsert).await.expect("it runs");
    assert_eq!(
        (
            again[0].get::<i32, _>("changed"),
            again[0].get::<i32, _>("inserted")
        ),
        (Some(0), Some(0))
    );
}

#[tokio::test]
async fn output_tells_what_a_statement_did() {
    let server = server();
    let mut sql = connect(&server).await;
    run(
        &mut sql,
        "CREATE TABLE t (id int IDENTITY, a nvarchar(10)); CREATE TABLE log (id int, was nvarchar(10))",
    )
    .await;
    let inserted = rows(
        &mut sql,
        "INSERT INTO t (a) OUTPUT inserted.id, inserted.a VALUES (N'x'), (N'y')",
    )
    .await
    .expect("inserted");
    assert_eq!(inserted.len(), 2);
    assert_eq!(inserted[1].get::<i32, _>(0), Some(2));
    let changed = rows(
        &mut sql,
        "UPDATE t SET a = N'z' OUTPUT deleted.a, inserted.a WHERE id = 1",
    )
    .await
    .expect("updated");
    assert_eq!(
        (changed[0].get::<&str, _>(0), changed[0].get::<&str, _>(1)),
        (Some("x"), Some("z"))
    );
    run(
        &mut sql,
        "DELETE TOP (1) FROM t OUTPUT deleted.id, deleted.a INTO log (id, was) WHERE a = N'y'",
    )
    .await;
    assert_eq!(text(&mut sql, "SELECT was FROM log").await, "y");
}

#[tokio::test]
async fn common_table_expressions_and_windows_number_rows() {
    let server = server();
    let mut sql = connect(&server).await;
    run(
        &mut sql,
        "CREATE TABLE t (id int, g int); INSERT INTO t VALUES (1, 1), (2, 1), (3, 2), (4, 1)",
    )
    .await;
    let newest = "WITH ranked AS (SELECT id, g, ROW_NUMBER() OVER (PARTITION BY g ORDER BY id DESC) AS n FROM t) \
        SELECT SUM(id) FROM ranked WHERE n = 1";
    assert_eq!(int(&mut sql, newest).await, 7);
    run(
        &mut sql,
        "WITH d AS (SELECT id, ROW_NUMBER() OVER (PARTITION BY g ORDER BY id) AS n FROM t) \
         DELETE x FROM t AS x JOIN d ON d.id = x.id WHERE d.n > 1",
    )
    .await;
    assert_eq!(int(&mut sql, "SELECT SUM(id) FROM t").await, 4);
}

#[tokio::test]
async fn joins_groups_and_pages_give_what_they_should() {
    let server = server();
    let mut sql = connect(&server).await;
    run(
        &mut sql,
        "CREATE TABLE a (id int, v int); CREATE TABLE b (id int, w nvarchar(5)); \
         INSERT INTO a VALUES (1, 10), (2, 20), (3, NULL); INSERT INTO b VALUES (2, N'two'), (2, N'TWO'), (4, N'four')",
    )
    .await;
    for (query, expected) in [
        ("SELECT COUNT(*) FROM a JOIN b ON a.id = b.id", 2),
        ("SELECT COUNT(*) FROM a LEFT JOIN b ON a.id = b.id", 4),
        ("SELECT COUNT(*) FROM a RIGHT JOIN b ON a.id = b.id", 3),
        ("SELECT COUNT(*) FROM a FULL OUTER JOIN b ON a.id = b.id", 5),
        ("SELECT COUNT(*) FROM a CROSS JOIN b", 9),
        ("SELECT COUNT(DISTINCT w) FROM b", 2),
        ("SELECT COUNT(v) FROM a", 2),
        ("SELECT AVG(v) FROM a", 15),
        (
            "SELECT MAX(n) FROM (SELECT id, COUNT(*) AS n FROM b GROUP BY id HAVING COUNT(*) > 1) AS x",
            2,
        ),
        (
            "SELECT id FROM a ORDER BY id OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY",
            2,
        ),
        ("SELECT TOP (1) id FROM a ORDER BY v DESC", 2),
        ("SELECT TOP 1 id FROM a ORDER BY v", 3),
        ("SELECT COUNT(*) FROM a WHERE id NOT IN (SELECT id FROM b)", 2),
        ("SELECT COUNT(*) FROM a WHERE v NOT IN (10, NULL)", 0),
        (
            "SELECT COUNT(*) FROM (SELECT id FROM a UNION SELECT id FROM b) AS u",
            4,
        ),
        (
            "SELECT COUNT(*) FROM (SELECT id FROM a INTERSECT SELECT id FROM b) AS u",
            1,
        ),
        ("SELECT 7 / 2", 3),
        ("SELECT CASE WHEN NULL = NULL THEN 1 ELSE 0 END", 0),
        ("SELECT ISNULL(NULLIF(5, 5), 8)", 8),
        ("SELECT DATEDIFF(day, '2024-01-01', '2024-03-01')", 60),
        ("SELECT LEN(N'😀 ')", 2),
        ("SELECT DATALENGTH(N'😀')", 4),
        ("SELECT CHARINDEX(N'b', N'aB')", 2),
        ("SELECT COUNT(*) FROM b WHERE w LIKE N't[uvw]_'", 2),
    ] {
        assert_eq!(int(&mut sql, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn parameters_reach_the_statement_by_name_and_null_stays_null() {
    let server = server();
    let mut sql = connect(&server).await;
    let mut query = Query::new("SELECT @P1 + @P2, @P3, @P4");
    query.bind(40i32);
    query.bind(2i32);
    query.bind("O'Hara — Жук");
    query.bind(Option::<String>::None);
    let found = query
        .query(&mut sql)
        .await
        .expect("it runs")
        .into_first_result()
        .await
        .expect("a result");
    assert_eq!(found[0].get::<i32, _>(0), Some(42));
    assert_eq!(found[0].get::<&str, _>(1), Some("O'Hara — Жук"));
    assert_eq!(found[0].get::<&str, _>(2), None);
}

#[tokio::test]
async fn a_batch_gives_one_result_for_each_query_and_counts_of_the_rest() {
    let server = server();
    let mut sql = connect(&server).await;
    let batch =
        "DECLARE @i int = 0; WHILE @i < 3 BEGIN SET @i += 1 IF @i = 2 CONTINUE SELECT @i END; PRINT N'done'";
    let results = sql
        .simple_query(batch)
        .await
        .expect("it runs")
        .into_results()
        .await
        .expect("results");
    let numbers: Vec<_> = results
        .iter()
        .filter_map(|rows| rows.first())
        .map(|row| row.get::<i32, _>(0))
        .collect();
    assert_eq!(numbers, [Some(1), Some(3)]);
    run(&mut sql, "CREATE TABLE t (a int)").await;
    let done = sql
        .execute(
            "INSERT INTO t SELECT 1 UNION ALL SELECT 2; UPDATE t SET a = 0",
            &[],
        )
        .await
        .expect("it runs");
    assert_eq!(done.rows_affected(), &[2, 2]);
}

#[tokio::test]
async fn statements_need_no_semicolons_between_them() {
    let server = server();
    let mut sql = connect(&server).await;
    run(&mut sql, "CREATE TABLE t (a int) INSERT t VALUES (1) BEGIN TRAN DELETE t COMMIT INSERT INTO t SELECT 5 IF 1 = 1 SELECT 1 ELSE SELECT 2").await;
    assert_eq!(int(&mut sql, "SELECT a FROM t").await, 5);
}

#[tokio::test]
async fn select_into_makes_a_table_of_a_result() {
    let server = server();
    let mut sql = connect(&server).await;
    run(
        &mut sql,
        "SELECT 1 AS a, N'x' AS b INTO #made UNION ALL SELECT 2, N'yy'",
    )
    .await;
    assert_eq!(int(&mut sql, "SELECT SUM(a) FROM #made").await, 3);
}

#[tokio::test]
async fn the_helper_reads_what_clients_wrote() {
    let server = server();
    let mut sql = connect(&server).await;
    run(&mut sql, "CREATE TABLE t (a int); INSERT INTO t VALUES (4)").await;
    let found = server.query("test", "SELECT a FROM t").await.expect("it is read");
    assert_eq!(found.columns, ["a"]);
    assert_eq!(found.rows, [[mssql_testkit::Value::Int(4)]]);
    assert!(server.statements().iter().any(|s| s.contains("CREATE TABLE t")));
}

#[tokio::test]
async fn default_stands_for_the_default_of_its_column() {
    let server = server();
    let mut sql = connect(&server).await;
    run(&mut sql, "CREATE TABLE t (a int NOT NULL DEFAULT 7, b int NULL)").await;
    run(
        &mut sql,
        "INSERT INTO t (b, a) VALUES (1, DEFAULT), (DEFAULT, 2); UPDATE t SET a = DEFAULT WHERE a = 2",
    )
    .await;
    assert_eq!(int(&mut sql, "SELECT SUM(a) * 10 + SUM(b) FROM t").await, 141);
}

#[tokio::test]
async fn the_side_of_a_join_without_a_row_is_null_whatever_its_columns_say() {
    let server = server();
    let mut sql = connect(&server).await;
    run(
        &mut sql,
        "CREATE TABLE a (id int NOT NULL); CREATE TABLE b (id int NOT NULL); INSERT INTO a VALUES (1)",
    )
    .await;
    let found = rows(&mut sql, "SELECT a.id, b.id FROM a LEFT JOIN b ON b.id = a.id")
        .await
        .expect("it is read");
    assert_eq!(
        (found[0].get::<i32, _>(0), found[0].get::<i32, _>(1)),
        (Some(1), None)
    );
    let found = rows(&mut sql, "SELECT b.id FROM b RIGHT JOIN a ON b.id = a.id")
        .await
        .expect("it is read");
    assert_eq!(found[0].get::<i32, _>(0), None);
}

#[tokio::test]
async fn texts_of_two_collations_may_be_stored_together_and_not_compared() {
    let server = server();
    let mut sql = connect(&server).await;
    run(
        &mut sql,
        "CREATE TABLE t (a nvarchar(9), b nvarchar(9) COLLATE Latin1_General_BIN2); INSERT INTO t VALUES (N'x', N'X'); \
         UPDATE t SET a = CASE WHEN b IS NULL THEN a ELSE b END",
    )
    .await;
    assert_eq!(
        crate::support::error(&mut sql, "SELECT 1 FROM t WHERE a = b").await,
        468
    );
    assert_eq!(
        int(
            &mut sql,
            "SELECT COUNT(*) FROM t WHERE a COLLATE Latin1_General_BIN2 = b"
        )
        .await,
        1
    );
}

#[tokio::test]
async fn table_variables_take_output_and_end_with_their_batch() {
    let server = server();
    let mut sql = connect(&server).await;
    run(&mut sql, "CREATE TABLE t (id int IDENTITY, a int)").await;
    let batch = "DECLARE @new TABLE (id int NOT NULL); INSERT INTO t (a) OUTPUT inserted.id INTO @new VALUES (5), (6); \
         SELECT SUM(id) FROM @new";
    assert_eq!(int(&mut sql, batch).await, 3);
    assert_eq!(crate::support::error(&mut sql, "SELECT * FROM @new").await, 1087);
}
