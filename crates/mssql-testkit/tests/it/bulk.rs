use tiberius::{IntoRow, TokenRow};

use crate::support::{connect, int, rows, run, server};

#[tokio::test]
async fn a_bulk_load_stores_its_rows_and_counts_them() {
    let server = server();
    let mut sql = connect(&server).await;
    run(
        &mut sql,
        "CREATE TABLE #s (a int NOT NULL, b nvarchar(50) NULL, c datetime2(3) NULL, d bigint NULL)",
    )
    .await;
    let at = chrono::NaiveDate::from_ymd_opt(2024, 5, 6)
        .and_then(|d| d.and_hms_milli_opt(7, 8, 9, 10))
        .expect("a moment");
    let mut load = sql.bulk_insert("#s").await.expect("it starts");
    for i in 0..20_000i32 {
        let name = (i % 3 != 0).then(|| format!("Имя {i} 😀"));
        load.send((i, name, Some(at), Some(i64::from(i) << 33)).into_row())
            .await
            .expect("a row goes");
    }
    assert_eq!(load.finalize().await.expect("it ends").total(), 20_000);
    assert_eq!(
        int(&mut sql, "SELECT COUNT(*) FROM #s WHERE b IS NULL").await,
        6667
    );
    let found = rows(&mut sql, "SELECT b, c, d FROM #s WHERE a = 19999")
        .await
        .expect("they are read");
    assert_eq!(found[0].get::<&str, _>(0), Some("Имя 19999 😀"));
    assert_eq!(found[0].get::<chrono::NaiveDateTime, _>(1), Some(at));
    assert_eq!(found[0].get::<i64, _>(2), Some(19_999 << 33));
}

#[tokio::test]
async fn an_identity_column_is_left_to_the_server_and_defaults_fill_nulls() {
    let server = server();
    let mut sql = connect(&server).await;
    run(
        &mut sql,
        "CREATE TABLE t (id int IDENTITY(10,5) PRIMARY KEY, a nvarchar(10), b int NOT NULL DEFAULT 7)",
    )
    .await;
    let mut load = sql.bulk_insert_columns("t", &["a"]).await.expect("it starts");
    for name in ["x", "y"] {
        let mut row = TokenRow::new();
        row.push(tiberius::ColumnData::String(Some(name.into())));
        load.send(row).await.expect("a row goes");
    }
    load.finalize().await.expect("it ends");
    assert_eq!(int(&mut sql, "SELECT MAX(id) * 100 + SUM(b) FROM t").await, 1514);
}

#[tokio::test]
async fn a_bulk_load_is_all_or_nothing() {
    let server = server();
    let mut sql = connect(&server).await;
    run(&mut sql, "CREATE TABLE t (a int NOT NULL PRIMARY KEY)").await;
    let mut load = sql.bulk_insert("t").await.expect("it starts");
    for a in [1i32, 2, 1] {
        load.send(a.into_row()).await.expect("a row goes");
    }
    let failed = load.finalize().await.expect_err("a duplicate");
    assert_eq!(failed.code(), Some(2627));
    assert_eq!(int(&mut sql, "SELECT COUNT(*) FROM t").await, 0);
}

#[tokio::test]
async fn a_bulk_load_belongs_to_the_open_transaction() {
    let server = server();
    let mut sql = connect(&server).await;
    run(&mut sql, "CREATE TABLE t (a int NOT NULL)").await;
    sql.begin_transaction().await.expect("begun");
    let mut load = sql.bulk_insert("t").await.expect("it starts");
    load.send(1i32.into_row()).await.expect("a row goes");
    load.finalize().await.expect("it ends");
    sql.rollback_transaction().await.expect("rolled back");
    assert_eq!(int(&mut sql, "SELECT COUNT(*) FROM t").await, 0);
}

#[tokio::test]
async fn a_test_can_let_a_bulk_load_fail() {
    let server = server();
    let mut sql = connect(&server).await;
    run(&mut sql, "CREATE TABLE t (a int NOT NULL)").await;
    server.fail_next(1105, "INSERT BULK t");
    let started = sql.bulk_insert("t").await;
    let failed = match started {
        Err(error) => error,
        Ok(mut load) => {
            load.send(1i32.into_row()).await.expect("a row goes");
            load.finalize().await.expect_err("the disk is full")
        }
    };
    assert_eq!(failed.code(), Some(1105));
}
