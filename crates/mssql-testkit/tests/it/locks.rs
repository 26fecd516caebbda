use std::time::Duration;

use tokio::time::timeout;

use crate::support::{connect, error, int, rows, run, server};

#[tokio::test]
async fn uncommitted_rows_are_not_seen_and_a_reader_waits_for_them() {
    let server = server();
    let mut writer = connect(&server).await;
    let mut reader = connect(&server).await;
    run(
        &mut writer,
        "CREATE TABLE t (a int); BEGIN TRAN; INSERT INTO t VALUES (1)",
    )
    .await;
    assert_eq!(
        error(&mut reader, "SET LOCK_TIMEOUT 0; SELECT * FROM t").await,
        1222
    );
    assert_eq!(int(&mut reader, "SELECT COUNT(*) FROM t WITH (NOLOCK)").await, 1);
    let read =
        tokio::spawn(async move { int(&mut reader, "SET LOCK_TIMEOUT -1; SELECT COUNT(*) FROM t").await });
    run(&mut writer, "COMMIT").await;
    assert_eq!(read.await.expect("the reader goes on"), 1);
}

#[tokio::test]
async fn two_that_wait_for_each_other_are_a_deadlock_with_one_victim() {
    let server = server();
    let mut one = connect(&server).await;
    let mut two = connect(&server).await;
    run(&mut one, "CREATE TABLE a (x int); CREATE TABLE b (x int)").await;
    run(&mut one, "BEGIN TRAN; INSERT INTO a VALUES (1)").await;
    run(&mut two, "BEGIN TRAN; INSERT INTO b VALUES (2)").await;
    let first = rows(&mut one, "INSERT INTO b VALUES (1); COMMIT");
    let second = rows(&mut two, "INSERT INTO a VALUES (2); COMMIT");
    let (first, second) = tokio::join!(first, second);
    let victims: Vec<_> = [&first, &second]
        .into_iter()
        .filter_map(|r| r.as_ref().err())
        .map(|e| e.code())
        .collect();
    assert_eq!(victims, [Some(1205)]);
    let survivor = if first.is_ok() { 1 } else { 2 };
    let mut third = connect(&server).await;
    assert_eq!(
        int(
            &mut third,
            "SELECT (SELECT SUM(x) FROM a) * 10 + (SELECT SUM(x) FROM b)"
        )
        .await,
        survivor * 11
    );
}

#[tokio::test]
async fn an_application_lock_keeps_a_second_session_out_until_it_is_released() {
    const GET: &str = "DECLARE @r int; EXEC @r = sp_getapplock @Resource = N'migrate', @LockMode = 'Exclusive', \
        @LockOwner = 'Session', @LockTimeout = ";
    let server = server();
    let mut one = connect(&server).await;
    let mut two = connect(&server).await;
    assert_eq!(int(&mut one, &format!("{GET} 0; SELECT @r")).await, 0);
    assert_eq!(int(&mut two, &format!("{GET} 0; SELECT @r")).await, -1);
    let waiting = tokio::spawn(async move { int(&mut two, &format!("{GET} -1; SELECT @r")).await });
    run(
        &mut one,
        "EXEC sp_releaseapplock @Resource = N'migrate', @LockOwner = 'Session'",
    )
    .await;
    let granted = waiting.await.expect("the second one gets it");
    assert!(
        granted == 0 || granted == 1,
        "granted at once or after waiting, not {granted}"
    );
    assert_eq!(
        error(
            &mut one,
            "EXEC sp_releaseapplock @Resource = N'migrate', @LockOwner = 'Session'"
        )
        .await,
        1223
    );
}

#[tokio::test]
async fn an_application_lock_of_a_transaction_needs_one_and_ends_with_it() {
    const GET: &str =
        "DECLARE @r int; EXEC @r = sp_getapplock N'm', 'Exclusive', 'Transaction', 0; SELECT @r";
    let server = server();
    let mut one = connect(&server).await;
    let mut two = connect(&server).await;
    assert_eq!(int(&mut one, GET).await, -999);
    assert_eq!(int(&mut one, &format!("BEGIN TRAN; {GET}")).await, 0);
    assert_eq!(int(&mut two, &format!("BEGIN TRAN; {GET}")).await, -1);
    run(&mut one, "ROLLBACK").await;
    assert_eq!(int(&mut two, GET).await, 0);
}

#[tokio::test]
async fn an_attention_ends_a_running_query_and_the_connection_goes_on() {
    let server = server();
    let mut sql = connect(&server).await;
    run(&mut sql, "CREATE TABLE t (a int)").await;
    let slow = timeout(
        Duration::from_millis(50),
        sql.simple_query("INSERT INTO t VALUES (1); WAITFOR DELAY '00:10:00'; INSERT INTO t VALUES (2)"),
    );
    match slow.await {
        // The statement before the wait may have been answered already.
        Err(_) => {}
        Ok(stream) => drop(stream.expect("it started")),
    }
    sql.cancel_query().await.expect("the server acknowledges");
    assert_eq!(int(&mut sql, "SELECT COUNT(*) FROM t").await, 1);
}

#[tokio::test]
async fn an_attention_stops_a_result_halfway() {
    let server = server();
    let mut sql = connect(&server).await;
    run(
        &mut sql,
        "CREATE TABLE t (a int, b nvarchar(100)); INSERT INTO t VALUES (1, REPLICATE(N'x', 100))",
    )
    .await;
    for _ in 0..14 {
        run(&mut sql, "INSERT INTO t SELECT a, b FROM t").await;
    }
    {
        use futures::TryStreamExt;
        let mut stream = sql.simple_query("SELECT * FROM t").await.expect("it starts");
        for _ in 0..10 {
            stream.try_next().await.expect("a row comes");
        }
    }
    sql.cancel_query().await.expect("the server acknowledges");
    assert_eq!(int(&mut sql, "SELECT COUNT(*) FROM t").await, 16_384);
}
