//! What a DBA gets to run.

use sqlparser::dialect::MsSqlDialect;
use sqlparser::parser::Parser;
use store::{ColumnShape, IndexShape, TableShape, TypeShape, planner};

use super::*;

fn map() -> TableMap {
    TableMap::builder("STAGES")
        .column(Column::identity("ID"))
        .column(Column::key("EXTERNAL_ID"))
        .column(Column::text("NAME", 255))
        .column(Column::date_time("TIME").nullable())
        .index(Index::unique(["EXTERNAL_ID"]))
        .index(Index::on(["NAME", "TIME"]))
        .build()
        .unwrap()
}

#[test]
fn a_new_table_is_made_with_its_indexes() {
    let plan = planner::plan(&map(), None).unwrap();
    let batches = statements("dbo", &plan).unwrap();
    insta::assert_snapshot!(batches.join("\n"), @r"
    IF OBJECT_ID(N'[dbo].[STAGES]', N'U') IS NULL CREATE TABLE [dbo].[STAGES] ([ID] int IDENTITY(1,1) NOT NULL PRIMARY KEY, [EXTERNAL_ID] bigint NOT NULL, [NAME] nvarchar(255) NOT NULL, [TIME] datetime2(7) NULL);
    IF NOT EXISTS (SELECT 1 FROM sys.indexes AS i WHERE i.object_id = OBJECT_ID(N'[dbo].[STAGES]', N'U') AND i.has_filter = 0 AND i.is_disabled = 0 AND i.is_hypothetical = 0 AND EXISTS (SELECT 1 FROM sys.index_columns AS ic INNER JOIN sys.columns AS c ON c.object_id = ic.object_id AND c.column_id = ic.column_id WHERE ic.object_id = i.object_id AND ic.index_id = i.index_id AND ic.key_ordinal = 1 AND c.name = N'EXTERNAL_ID') AND i.is_unique = 1 AND NOT EXISTS (SELECT 1 FROM sys.index_columns AS ic INNER JOIN sys.columns AS c ON c.object_id = ic.object_id AND c.column_id = ic.column_id WHERE ic.object_id = i.object_id AND ic.index_id = i.index_id AND ic.key_ordinal > 1)) IF CAST(SERVERPROPERTY(N'EngineEdition') AS int) IN (3, 5, 8) EXEC (N'CREATE UNIQUE INDEX [UX_STAGES_EXTERNAL_ID] ON [dbo].[STAGES] ([EXTERNAL_ID]) WITH (ONLINE = ON)') ELSE EXEC (N'CREATE UNIQUE INDEX [UX_STAGES_EXTERNAL_ID] ON [dbo].[STAGES] ([EXTERNAL_ID])');
    IF NOT EXISTS (SELECT 1 FROM sys.indexes AS i WHERE i.object_id = OBJECT_ID(N'[dbo].[STAGES]', N'U') AND i.has_filter = 0 AND i.is_disabled = 0 AND i.is_hypothetical = 0 AND EXISTS (SELECT 1 FROM sys.index_columns AS ic INNER JOIN sys.columns AS c ON c.object_id = ic.object_id AND c.column_id = ic.column_id WHERE ic.object_id = i.object_id AND ic.index_id = i.index_id AND ic.key_ordinal = 1 AND c.name = N'NAME') AND EXISTS (SELECT 1 FROM sys.index_columns AS ic INNER JOIN sys.columns AS c ON c.object_id = ic.object_id AND c.column_id = ic.column_id WHERE ic.object_id = i.object_id AND ic.index_id = i.index_id AND ic.key_ordinal = 2 AND c.name = N'TIME')) IF CAST(SERVERPROPERTY(N'EngineEdition') AS int) IN (3, 5, 8) EXEC (N'CREATE INDEX [IX_STAGES_NAME_TIME] ON [dbo].[STAGES] ([NAME], [TIME]) WITH (ONLINE = ON)') ELSE EXEC (N'CREATE INDEX [IX_STAGES_NAME_TIME] ON [dbo].[STAGES] ([NAME], [TIME])');
    ");
    assert!(batches.iter().all(|batch| !batch.contains('\n')));
}

#[test]
fn a_missing_column_is_added_nullable() {
    let column = |name: &str, type_shape, identity| ColumnShape {
        name: name.to_owned(),
        type_shape,
        type_name: String::new(),
        nullable: false,
        identity,
        optional: false,
    };
    let shape = TableShape {
        columns: vec![
            column("ID", TypeShape::Integer { bits: 32 }, true),
            column("EXTERNAL_ID", TypeShape::Integer { bits: 32 }, false),
            column("TIME", TypeShape::DateTime { digits: 7 }, false),
        ],
        indexes: vec![IndexShape {
            name: "X".to_owned(),
            columns: vec!["EXTERNAL_ID".to_owned()],
            unique: true,
            partial: false,
        }],
    };
    let mut shape = shape;
    shape.columns[2].nullable = true;
    let plan = planner::plan(&map(), Some(&shape)).unwrap();
    let batches = statements("it's", &plan).unwrap();
    insta::assert_snapshot!(batches.first().unwrap(), @"IF COL_LENGTH(N'[it''s].[STAGES]', N'NAME') IS NULL ALTER TABLE [it's].[STAGES] ADD [NAME] nvarchar(255) NULL;");
}

#[test]
fn what_is_executed_inside_a_batch_parses_too() {
    let plan = planner::plan(&map(), None).unwrap();
    for batch in statements("dbo", &plan).unwrap() {
        for inner in batch.split("EXEC (N'").skip(1) {
            let (statement, _) = inner.split_once("')").unwrap();
            if !statement.contains("ONLINE") {
                Parser::parse_sql(&MsSqlDialect {}, statement).unwrap();
            }
        }
    }
}
