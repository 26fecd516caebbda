use crate::support::{connect, error, int, rows, run, server};

#[tokio::test]
async fn a_commit_stays_and_a_rollback_does_not() {
    let server = server();
    let mut sql = connect(&server).await;
    run(&mut sql, "CREATE TABLE t (a int)").await;
    sql.begin_transaction().await.expect("begun");
    run(&mut sql, "INSERT INTO t VALUES (1)").await;
    sql.commit_transaction().await.expect("committed");
    sql.begin_transaction().await.expect("begun");
    run(&mut sql, "INSERT INTO t VALUES (2); CREATE TABLE later (a int)").await;
    sql.rollback_transaction().await.expect("rolled back");
    assert_eq!(int(&mut sql, "SELECT SUM(a) FROM t").await, 1);
    assert_eq!(error(&mut sql, "SELECT * FROM later").await, 208);
}

#[tokio::test]
async fn a_lost_connection_rolls_its_transaction_back() {
    let server = server();
    let mut first = connect(&server).await;
    run(&mut first, "CREATE TABLE t (a int)").await;
    run(&mut first, "BEGIN TRAN; INSERT INTO t VALUES (1)").await;
    drop(first);
    let mut second = connect(&server).await;
    // The read waits for the lock of the lost session, which its end releases.
    assert_eq!(int(&mut second, "SELECT COUNT(*) FROM t").await, 0);
}

#[tokio::test]
async fn a_savepoint_takes_back_only_what_came_after_it() {
    let server = server();
    let mut sql = connect(&server).await;
    run(
        &mut sql,
        "CREATE TABLE t (a int); BEGIN TRAN INSERT t VALUES (1) SAVE TRAN here INSERT t VALUES (2) ROLLBACK TRAN here \
         INSERT t VALUES (4) COMMIT",
    )
    .await;
    assert_eq!(int(&mut sql, "SELECT SUM(a) FROM t").await, 5);
}

#[tokio::test]
async fn without_xact_abort_a_failed_statement_leaves_the_rest() {
    let server = server();
    let mut sql = connect(&server).await;
    run(&mut sql, "CREATE TABLE t (a int PRIMARY KEY)").await;
    let batch =
        "BEGIN TRAN; INSERT INTO t VALUES (1); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); COMMIT";
    assert_eq!(error(&mut sql, batch).await, 2627);
    assert_eq!(int(&mut sql, "SELECT COUNT(*) FROM t").await, 2);
}

#[tokio::test]
async fn with_xact_abort_an_error_rolls_back_and_ends_the_batch() {
    let server = server();
    let mut sql = connect(&server).await;
    run(&mut sql, "CREATE TABLE t (a int PRIMARY KEY)").await;
    let batch = "SET XACT_ABORT ON; BEGIN TRAN; INSERT INTO t VALUES (1); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); COMMIT";
    assert_eq!(error(&mut sql, batch).await, 2627);
    assert_eq!(int(&mut sql, "SELECT COUNT(*) FROM t").await, 0);
    assert_eq!(int(&mut sql, "SELECT @@TRANCOUNT").await, 0);
}

#[tokio::test]
async fn a_caught_error_dooms_the_transaction_under_xact_abort() {
    let server = server();
    let mut sql = connect(&server).await;
    run(&mut sql, "CREATE TABLE t (a int PRIMARY KEY)").await;
    let batch = "SET XACT_ABORT ON; BEGIN TRY BEGIN TRAN; INSERT INTO t VALUES (1), (1); COMMIT; END TRY \
         BEGIN CATCH DECLARE @s int = XACT_STATE(); IF @@TRANCOUNT > 0 ROLLBACK; SELECT @s, ERROR_NUMBER(); END CATCH";
    let found = rows(&mut sql, batch).await.expect("the error is caught");
    assert_eq!(found[0].get::<i32, _>(0), Some(-1));
    assert_eq!(found[0].get::<i32, _>(1), Some(2627));
    let doomed = "SET XACT_ABORT ON; BEGIN TRY BEGIN TRAN; INSERT INTO t VALUES (1), (1); END TRY \
         BEGIN CATCH INSERT INTO t VALUES (3); END CATCH";
    assert_eq!(error(&mut sql, doomed).await, 3930);
    assert_eq!(int(&mut sql, "SELECT @@TRANCOUNT + COUNT(*) FROM t").await, 0);
}

#[tokio::test]
async fn commit_and_rollback_without_begin_are_errors() {
    let server = server();
    let mut sql = connect(&server).await;
    assert_eq!(error(&mut sql, "COMMIT").await, 3902);
    assert_eq!(error(&mut sql, "ROLLBACK").await, 3903);
    assert_eq!(error(&mut sql, "SAVE TRAN x").await, 628);
}

#[tokio::test]
async fn a_transaction_left_open_by_sp_executesql_is_error_266() {
    let server = server();
    let mut sql = connect(&server).await;
    let error = sql
        .execute("BEGIN TRAN", &[])
        .await
        .expect_err("the counts do not match");
    assert_eq!(error.code(), Some(266));
    assert_eq!(int(&mut sql, "SELECT @@TRANCOUNT").await, 1);
}

#[tokio::test]
async fn temporary_tables_belong_to_their_session() {
    let server = server();
    let mut one = connect(&server).await;
    let mut two = connect(&server).await;
    run(&mut one, "CREATE TABLE #t (a int); INSERT INTO #t VALUES (1)").await;
    assert_eq!(error(&mut two, "SELECT * FROM #t").await, 208);
    run(&mut two, "CREATE TABLE #t (a int)").await;
    assert_eq!(int(&mut one, "SELECT COUNT(*) FROM #t").await, 1);
    assert_eq!(int(&mut two, "SELECT COUNT(*) FROM #t").await, 0);
    assert_eq!(
        int(
            &mut one,
            "SELECT CASE WHEN OBJECT_ID(N'tempdb..#t') IS NULL THEN 0 ELSE 1 END"
        )
        .await,
        1
    );
}
