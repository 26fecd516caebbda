use crate::support::{connect, int, rows, run, server, text};

#[tokio::test]
async fn the_catalog_tells_columns_as_they_were_declared() {
    let server = server();
    let mut sql = connect(&server).await;
    run(
        &mut sql,
        "CREATE TABLE dbo.T1 (ID int IDENTITY(1,1) NOT NULL CONSTRAINT PK_T1 PRIMARY KEY CLUSTERED (ID), \
         Name nvarchar(255) NOT NULL, Note nvarchar(max) NULL, At datetime2(3) NOT NULL CONSTRAINT DF_At DEFAULT SYSUTCDATETIME(), \
         Price decimal(18,4) NULL, Code varchar(10) COLLATE Latin1_General_BIN2 NULL)",
    )
    .await;
    let found = rows(
        &mut sql,
        "SELECT c.name, t.name, c.max_length, c.precision, c.scale, c.is_nullable, c.is_identity, c.collation_name \
         FROM sys.columns AS c JOIN sys.types AS t ON t.user_type_id = c.user_type_id \
         JOIN sys.tables AS o ON o.object_id = c.object_id JOIN sys.schemas AS s ON s.schema_id = o.schema_id \
         WHERE s.name = N'dbo' AND o.name = N't1' ORDER BY c.column_id",
    )
    .await
    .expect("the catalog is read");
    let shown: Vec<String> = found
        .iter()
        .map(|row| {
            format!(
                "{} {} {} {} {} {} {} {}",
                row.get::<&str, _>(0).expect("a name"),
                row.get::<&str, _>(1).expect("a type"),
                row.get::<i16, _>(2).expect("a length"),
                row.get::<u8, _>(3).expect("a precision"),
                row.get::<u8, _>(4).expect("a scale"),
                row.get::<bool, _>(5).expect("a flag"),
                row.get::<bool, _>(6).expect("a flag"),
                row.get::<&str, _>(7).unwrap_or("-"),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "ID int 4 10 0 false true -",
            "Name nvarchar 510 0 0 false false SQL_Latin1_General_CP1_CI_AS",
            "Note nvarchar -1 0 0 true false SQL_Latin1_General_CP1_CI_AS",
            "At datetime2 7 23 3 false false -",
            "Price decimal 9 18 4 true false -",
            "Code varchar 10 0 0 true false Latin1_General_BIN2",
        ]
    );
    let default = text(
        &mut sql,
        "SELECT d.name FROM sys.default_constraints d WHERE d.parent_object_id = OBJECT_ID(N'[dbo].[T1]') AND d.parent_column_id = 4",
    )
    .await;
    assert_eq!(default, "DF_At");
}

#[tokio::test]
async fn the_catalog_tells_indexes_with_their_keys_in_order() {
    let server = server();
    let mut sql = connect(&server).await;
    run(
        &mut sql,
        "CREATE TABLE t (a int NOT NULL, b int NULL, c int NULL, PRIMARY KEY (a)); \
         CREATE UNIQUE NONCLUSTERED INDEX ux ON t (b, c DESC) INCLUDE (a) WHERE b IS NOT NULL",
    )
    .await;
    let found = rows(
        &mut sql,
        "SELECT i.name, i.is_unique, i.has_filter, c.name, ic.key_ordinal, ic.is_descending_key, ic.is_included_column \
         FROM sys.indexes i JOIN sys.index_columns ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id \
         JOIN sys.columns c ON c.object_id = ic.object_id AND c.column_id = ic.column_id \
         WHERE i.object_id = OBJECT_ID(N't') AND i.is_primary_key = 0 ORDER BY ic.index_column_id",
    )
    .await
    .expect("the catalog is read");
    let shown: Vec<_> = found
        .iter()
        .map(|row| {
            (
                row.get::<&str, _>(3).expect("a column"),
                row.get::<u8, _>(4).expect("an ordinal"),
                row.get::<bool, _>(5).expect("a flag"),
                row.get::<bool, _>(6).expect("a flag"),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("b", 1, false, false),
            ("c", 2, true, false),
            ("a", 0, false, true)
        ]
    );
    assert_eq!(found[0].get::<&str, _>(0), Some("ux"));
    assert_eq!(
        (found[0].get::<bool, _>(1), found[0].get::<bool, _>(2)),
        (Some(true), Some(true))
    );
}

#[tokio::test]
async fn a_guard_by_the_catalog_makes_a_script_repeatable() {
    let server = server();
    let mut sql = connect(&server).await;
    let script = "IF OBJECT_ID(N'dbo.t', N'U') IS NULL BEGIN CREATE TABLE dbo.t (a int NOT NULL) END; \
        IF COL_LENGTH(N'dbo.t', N'b') IS NULL ALTER TABLE dbo.t ADD b nvarchar(10) NULL; \
        IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.t') AND name = N'ix') \
        CREATE INDEX ix ON dbo.t (b)";
    run(&mut sql, script).await;
    run(&mut sql, script).await;
    let columns =
        "SELECT COUNT(*) FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = 'dbo' AND TABLE_NAME = 't'";
    assert_eq!(int(&mut sql, columns).await, 2);
    assert_eq!(
        int(&mut sql, "SELECT COUNT(*) FROM INFORMATION_SCHEMA.TABLES").await,
        1
    );
}

#[tokio::test]
async fn definitions_in_an_open_transaction_are_not_seen_by_others() {
    let server = server();
    let mut one = connect(&server).await;
    let mut two = connect(&server).await;
    run(&mut one, "BEGIN TRAN; CREATE TABLE t (a int)").await;
    assert_eq!(
        crate::support::error(&mut two, "SET LOCK_TIMEOUT 0; SELECT COUNT(*) FROM sys.tables").await,
        1222
    );
    run(&mut one, "ROLLBACK").await;
    assert_eq!(int(&mut two, "SELECT COUNT(*) FROM sys.tables").await, 0);
}

#[tokio::test]
async fn a_schema_keeps_its_own_tables() {
    let server = server();
    let mut sql = connect(&server).await;
    run(&mut sql, "CREATE SCHEMA crm").await;
    run(
        &mut sql,
        "CREATE TABLE crm.t (a int); CREATE TABLE t (a int); INSERT INTO crm.t VALUES (1)",
    )
    .await;
    assert_eq!(
        int(
            &mut sql,
            "SELECT (SELECT COUNT(*) FROM crm.t) * 10 + (SELECT COUNT(*) FROM dbo.t)"
        )
        .await,
        10
    );
    assert_eq!(
        crate::support::error(&mut sql, "CREATE TABLE nope.t (a int)").await,
        2760
    );
}
