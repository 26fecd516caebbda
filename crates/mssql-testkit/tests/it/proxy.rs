use std::time::Duration;

use mssql_testkit::{Direction, Fault, FaultProxy, TestServer};
use tokio::time::timeout;

use crate::support::{Sql, config, connect_with, int, rows, run, server};

fn through(server: &TestServer) -> FaultProxy {
    FaultProxy::start(server.address()).expect("the proxy starts")
}

async fn connect(server: &TestServer, proxy: &FaultProxy) -> tiberius::Result<Sql> {
    let mut config = config(server);
    config.port(proxy.address().port());
    connect_with(config).await
}

#[tokio::test]
async fn without_a_fault_the_proxy_is_not_noticed() {
    let server = server();
    let proxy = through(&server);
    let mut sql = connect(&server, &proxy).await.expect("connected");
    assert_eq!(int(&mut sql, "SELECT 1").await, 1);
    assert_eq!((proxy.accepted(), proxy.open()), (1, 1));
    assert!(proxy.passed(Direction::ToServer) > 100);
}

#[tokio::test]
async fn a_cut_ends_open_connections_and_new_ones_work() {
    let server = server();
    let proxy = through(&server);
    let mut sql = connect(&server, &proxy).await.expect("connected");
    proxy.set(Fault::CutNow);
    assert!(rows(&mut sql, "SELECT 1").await.is_err());
    let mut sql = connect(&server, &proxy).await.expect("connected again");
    assert_eq!(int(&mut sql, "SELECT 1").await, 1);
}

#[tokio::test]
async fn an_answer_can_be_cut_in_its_middle() {
    let server = server();
    let proxy = through(&server);
    let mut sql = connect(&server, &proxy).await.expect("connected");
    proxy.set(Fault::CutAfter(Direction::ToClient, 1000));
    assert!(rows(&mut sql, "SELECT REPLICATE(N'x', 4000)").await.is_err());
    assert_eq!(proxy.passed(Direction::ToClient), 1000);
}

#[tokio::test]
async fn a_reset_while_rows_are_sent_leaves_nothing_of_the_transaction() {
    let server = server();
    let proxy = through(&server);
    let mut direct = crate::support::connect(&server).await;
    run(&mut direct, "CREATE TABLE t (a nvarchar(4000))").await;
    let mut sql = connect(&server, &proxy).await.expect("connected");
    run(&mut sql, "BEGIN TRAN; INSERT INTO t VALUES (N'x')").await;
    proxy.set(Fault::ResetAfter(Direction::ToServer, 2000));
    let long = "y".repeat(4000);
    assert!(
        rows(&mut sql, &format!("INSERT INTO t VALUES (N'{long}'); COMMIT"))
            .await
            .is_err()
    );
    assert_eq!(int(&mut direct, "SELECT COUNT(*) FROM t").await, 0);
}

#[tokio::test]
async fn an_answer_that_is_lost_does_not_undo_a_commit() {
    let server = server();
    let proxy = through(&server);
    let mut direct = crate::support::connect(&server).await;
    run(&mut direct, "CREATE TABLE t (a int)").await;
    let mut sql = connect(&server, &proxy).await.expect("connected");
    proxy.set(Fault::CutAfter(Direction::ToClient, 1));
    assert!(rows(&mut sql, "INSERT INTO t VALUES (1)").await.is_err());
    assert_eq!(int(&mut direct, "SELECT COUNT(*) FROM t").await, 1);
}

#[tokio::test]
async fn a_stalled_connection_answers_once_the_stall_ends() {
    let server = server();
    let proxy = through(&server);
    let mut sql = connect(&server, &proxy).await.expect("connected");
    proxy.set(Fault::Stall);
    let asked = tokio::spawn(async move { int(&mut sql, "SELECT 5").await });
    assert!(
        timeout(Duration::from_millis(50), async {
            while !asked.is_finished() {
                tokio::task::yield_now().await
            }
        })
        .await
        .is_err()
    );
    proxy.set(Fault::None);
    assert_eq!(asked.await.expect("answered"), 5);
}

#[tokio::test]
async fn a_slow_line_takes_its_time_and_loses_nothing() {
    let server = server();
    let proxy = through(&server);
    let mut sql = connect(&server, &proxy).await.expect("connected");
    proxy.set(Fault::Slow(40_000));
    let start = tokio::time::Instant::now();
    assert_eq!(
        int(
            &mut sql,
            "SELECT LEN(a), a FROM (SELECT REPLICATE(N'x', 4000) AS a) AS q"
        )
        .await,
        4000
    );
    assert!(
        start.elapsed() > Duration::from_millis(100),
        "8 kB at 40 kB/s take 200 ms"
    );
}

#[tokio::test]
async fn a_server_that_is_down_refuses_until_it_is_up() {
    let server = server();
    let proxy = through(&server);
    let mut sql = connect(&server, &proxy).await.expect("connected");
    proxy.set(Fault::Down);
    assert!(rows(&mut sql, "SELECT 1").await.is_err());
    assert!(connect(&server, &proxy).await.is_err());
    proxy.set(Fault::None);
    connect(&server, &proxy).await.expect("up again");
    assert_eq!(proxy.accepted(), 3);
}

#[tokio::test]
async fn refused_connections_leave_open_ones_alone() {
    let server = server();
    let proxy = through(&server);
    let mut sql = connect(&server, &proxy).await.expect("connected");
    proxy.set(Fault::Refuse);
    assert!(connect(&server, &proxy).await.is_err());
    assert_eq!(int(&mut sql, "SELECT 1").await, 1);
}

#[tokio::test]
async fn a_request_is_lost_once_and_nothing_of_it_is_done() {
    let server = server();
    let proxy = through(&server);
    let mut direct = crate::support::connect(&server).await;
    run(&mut direct, "CREATE TABLE t (a int)").await;
    let mut sql = connect(&server, &proxy).await.expect("connected");
    proxy.set(Fault::LoseRequest("COMMIT"));
    assert_eq!(int(&mut sql, "SELECT 1").await, 1);
    let step = "BEGIN TRAN; INSERT INTO t VALUES (1); COMMIT; SELECT 1";
    assert!(rows(&mut sql, step).await.is_err());
    assert_eq!(proxy.fault(), Fault::None);
    assert_eq!(int(&mut direct, "SELECT COUNT(*) FROM t").await, 0);
    let mut sql = connect(&server, &proxy).await.expect("connected again");
    assert_eq!(int(&mut sql, step).await, 1);
}

#[tokio::test]
async fn an_answer_is_lost_once_and_what_was_asked_for_is_done() {
    let server = server();
    let proxy = through(&server);
    let mut direct = crate::support::connect(&server).await;
    run(&mut direct, "CREATE TABLE t (a int)").await;
    let mut sql = connect(&server, &proxy).await.expect("connected");
    proxy.set(Fault::LoseAnswer("COMMIT"));
    let step = "BEGIN TRAN; INSERT INTO t VALUES (1); COMMIT; SELECT 1";
    assert!(rows(&mut sql, step).await.is_err());
    assert_eq!(proxy.fault(), Fault::None);
    assert_eq!(int(&mut direct, "SELECT COUNT(*) FROM t").await, 1);
}
