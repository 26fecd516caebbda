//! What the statements say, and that they are T-SQL to an independent parser.

use sqlparser::dialect::MsSqlDialect;
use sqlparser::parser::Parser;
use store::IndexShape;
use table_map::{Column, Index, TableMap};

use super::*;
use crate::catalog::tests::column;
use crate::catalog::{CatalogColumn, CatalogTable};

const KNOWN: Ranking = Ranking {
    by: "ORIGIN",
    ranks: &[&["it's"], &["known"]],
};

fn map() -> TableMap {
    TableMap::builder("T")
        .column(Column::identity("ID"))
        .column(Column::key("K"))
        .column(Column::inserted_at("INS"))
        .column(Column::text("NAME", 50).nullable().rule(UpdateRule::FirstKnown))
        .column(Column::flag("ACTIVE"))
        .column(
            Column::big_integer("WHO")
                .nullable()
                .rule(UpdateRule::Ranked(KNOWN)),
        )
        .column(
            Column::text("ORIGIN", 20)
                .nullable()
                .rule(UpdateRule::Ranked(KNOWN)),
        )
        .column(Column::date("DAY").nullable())
        .column(Column::date_time("TIME"))
        .column(Column::updated_at("UPD"))
        .index(Index::unique(["K"]))
        .active("ACTIVE")
        .build()
        .unwrap()
}

fn facts(types: [&str; 7], indexes: Vec<IndexShape>) -> Facts {
    let names = ["K", "NAME", "ACTIVE", "WHO", "ORIGIN", "DAY", "TIME"];
    let mut columns: Vec<CatalogColumn> = names
        .iter()
        .zip(types)
        .map(|(name, full)| column(name, full))
        .collect();
    columns.push(column("ID", "int"));
    columns.push(column("INS", "datetime2(7)"));
    columns.push(column("UPD", "datetime2(7)"));
    let catalog = CatalogTable { columns, indexes };
    Facts::new(&map(), "dbo", &catalog).unwrap()
}

fn ours() -> Facts {
    let types = [
        "bigint",
        "nvarchar(50)",
        "nchar(1)",
        "bigint",
        "nvarchar(20)",
        "date",
        "datetime2(7)",
    ];
    let unique = IndexShape {
        name: "UX".to_owned(),
        columns: vec!["K".to_owned()],
        unique: true,
        partial: false,
    };
    facts(types, vec![unique])
}

fn the_old_modules() -> Facts {
    let types = [
        "int",
        "varchar(50)",
        "char(1)",
        "int",
        "varchar(20)",
        "datetime",
        "datetime",
    ];
    facts(types, Vec::new())
}

/// One statement a line, for reading.
fn lines(text: &str) -> String {
    text.replace("; ", ";\n")
}

#[track_caller]
fn assert_parses(text: &str) {
    if let Err(error) = Parser::parse_sql(&MsSqlDialect {}, text) {
        panic!("{error}\n{text}");
    }
}

#[test]
fn staged_rows_have_types_that_need_no_conversion() {
    insta::assert_snapshot!(staging_columns(&ours()), @"([K] bigint NOT NULL, [NAME] nvarchar(50) COLLATE Latin1_General_100_BIN2 NULL, [ACTIVE] nvarchar(1) COLLATE Latin1_General_100_BIN2 NULL, [WHO] bigint NULL, [ORIGIN] nvarchar(20) COLLATE Latin1_General_100_BIN2 NULL, [DAY] date NULL, [TIME] datetime2(7) NULL, [row_fate] int NULL)");
    insta::assert_snapshot!(staging_columns(&the_old_modules()), @"([K] int NOT NULL, [NAME] nvarchar(50) COLLATE Latin1_General_100_BIN2 NULL, [ACTIVE] nvarchar(1) COLLATE Latin1_General_100_BIN2 NULL, [WHO] int NULL, [ORIGIN] nvarchar(20) COLLATE Latin1_General_100_BIN2 NULL, [DAY] date NULL, [TIME] datetime2(7) NULL, [row_fate] int NULL)");
}

#[test]
fn an_upsert_is_one_transaction() {
    let text = upsert(&ours(), "[#stage]", "@P1").unwrap();
    insta::assert_snapshot!(lines(&text), @r"
    BEGIN TRANSACTION;
    UPDATE s SET [row_fate] = CASE WHEN (t.[NAME] IS NULL AND s.[NAME] IS NOT NULL) OR (s.[ACTIVE] COLLATE Latin1_General_100_BIN2 <> RTRIM(t.[ACTIVE]) COLLATE Latin1_General_100_BIN2 OR DATALENGTH(s.[ACTIVE]) <> DATALENGTH(RTRIM(t.[ACTIVE])) OR (s.[ACTIVE] IS NULL AND t.[ACTIVE] IS NOT NULL) OR (s.[ACTIVE] IS NOT NULL AND t.[ACTIVE] IS NULL)) OR (s.[DAY] <> t.[DAY] OR (s.[DAY] IS NULL AND t.[DAY] IS NOT NULL) OR (s.[DAY] IS NOT NULL AND t.[DAY] IS NULL)) OR (s.[TIME] <> t.[TIME] OR (s.[TIME] IS NULL AND t.[TIME] IS NOT NULL) OR (s.[TIME] IS NOT NULL AND t.[TIME] IS NULL)) OR (NOT (CASE WHEN s.[ORIGIN] = N'it''s' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(s.[ORIGIN]) = DATALENGTH(N'it''s') THEN 1 WHEN s.[ORIGIN] = N'known' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(s.[ORIGIN]) = DATALENGTH(N'known') THEN 2 ELSE 0 END < CASE WHEN t.[ORIGIN] = N'it''s' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(t.[ORIGIN]) = DATALENGTH(N'it''s') THEN 1 WHEN t.[ORIGIN] = N'known' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(t.[ORIGIN]) = DATALENGTH(N'known') THEN 2 ELSE 0 END) AND (((s.[WHO] <> t.[WHO] OR (s.[WHO] IS NULL AND t.[WHO] IS NOT NULL) OR (s.[WHO] IS NOT NULL AND t.[WHO] IS NULL)) AND NOT (s.[WHO] IS NULL AND CASE WHEN s.[ORIGIN] = N'it''s' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(s.[ORIGIN]) = DATALENGTH(N'it''s') THEN 1 WHEN s.[ORIGIN] = N'known' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(s.[ORIGIN]) = DATALENGTH(N'known') THEN 2 ELSE 0 END = 0)) OR ((s.[ORIGIN] COLLATE Latin1_General_100_BIN2 <> t.[ORIGIN] COLLATE Latin1_General_100_BIN2 OR DATALENGTH(s.[ORIGIN]) <> DATALENGTH(t.[ORIGIN]) OR (s.[ORIGIN] IS NULL AND t.[ORIGIN] IS NOT NULL) OR (s.[ORIGIN] IS NOT NULL AND t.[ORIGIN] IS NULL)) AND NOT (s.[ORIGIN] IS NULL AND CASE WHEN s.[ORIGIN] = N'it''s' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(s.[ORIGIN]) = DATALENGTH(N'it''s') THEN 1 WHEN s.[ORIGIN] = N'known' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(s.[ORIGIN]) = DATALENGTH(N'known') THEN 2 ELSE 0 END = 0)))) THEN 1 ELSE 0 END FROM [#stage] AS s INNER JOIN [dbo].[T] AS t WITH (UPDLOCK, SERIALIZABLE) ON t.[K] = s.[K];
    UPDATE t SET [NAME] = CASE WHEN t.[NAME] IS NULL THEN s.[NAME] ELSE t.[NAME] END, [ACTIVE] = s.[ACTIVE], [WHO] = CASE WHEN CASE WHEN s.[ORIGIN] = N'it''s' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(s.[ORIGIN]) = DATALENGTH(N'it''s') THEN 1 WHEN s.[ORIGIN] = N'known' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(s.[ORIGIN]) = DATALENGTH(N'known') THEN 2 ELSE 0 END < CASE WHEN t.[ORIGIN] = N'it''s' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(t.[ORIGIN]) = DATALENGTH(N'it''s') THEN 1 WHEN t.[ORIGIN] = N'known' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(t.[ORIGIN]) = DATALENGTH(N'known') THEN 2 ELSE 0 END OR (s.[WHO] IS NULL AND CASE WHEN s.[ORIGIN] = N'it''s' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(s.[ORIGIN]) = DATALENGTH(N'it''s') THEN 1 WHEN s.[ORIGIN] = N'known' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(s.[ORIGIN]) = DATALENGTH(N'known') THEN 2 ELSE 0 END = 0) THEN t.[WHO] ELSE s.[WHO] END, [ORIGIN] = CASE WHEN CASE WHEN s.[ORIGIN] = N'it''s' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(s.[ORIGIN]) = DATALENGTH(N'it''s') THEN 1 WHEN s.[ORIGIN] = N'known' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(s.[ORIGIN]) = DATALENGTH(N'known') THEN 2 ELSE 0 END < CASE WHEN t.[ORIGIN] = N'it''s' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(t.[ORIGIN]) = DATALENGTH(N'it''s') THEN 1 WHEN t.[ORIGIN] = N'known' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(t.[ORIGIN]) = DATALENGTH(N'known') THEN 2 ELSE 0 END OR (s.[ORIGIN] IS NULL AND CASE WHEN s.[ORIGIN] = N'it''s' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(s.[ORIGIN]) = DATALENGTH(N'it''s') THEN 1 WHEN s.[ORIGIN] = N'known' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(s.[ORIGIN]) = DATALENGTH(N'known') THEN 2 ELSE 0 END = 0) THEN t.[ORIGIN] ELSE s.[ORIGIN] END, [DAY] = s.[DAY], [TIME] = s.[TIME], [UPD] = @P1 FROM [dbo].[T] AS t INNER JOIN [#stage] AS s ON s.[K] = t.[K] WHERE s.[row_fate] = 1;
    INSERT INTO [dbo].[T] ([K], [NAME], [ACTIVE], [WHO], [ORIGIN], [DAY], [TIME], [INS], [UPD]) SELECT s.[K], s.[NAME], s.[ACTIVE], s.[WHO], s.[ORIGIN], s.[DAY], s.[TIME], @P1, @P1 FROM [#stage] AS s WHERE s.[row_fate] IS NULL;
    COMMIT TRANSACTION;
    SELECT s.[K] FROM [#stage] AS s WHERE s.[row_fate] = 1;
    SELECT s.[K] FROM [#stage] AS s WHERE s.[row_fate] IS NULL;
    ");
    assert_parses(&text);
}

#[test]
fn an_old_table_is_compared_as_its_columns_hold_the_values() {
    let text = differences(&the_old_modules()).join("\n");
    insta::assert_snapshot!(text, @r"
    (t.[NAME] IS NULL AND s.[NAME] IS NOT NULL)
    (s.[ACTIVE] COLLATE Latin1_General_100_BIN2 <> RTRIM(CONVERT(nvarchar(1), t.[ACTIVE])) COLLATE Latin1_General_100_BIN2 OR DATALENGTH(s.[ACTIVE]) <> DATALENGTH(RTRIM(CONVERT(nvarchar(1), t.[ACTIVE]))) OR (s.[ACTIVE] IS NULL AND t.[ACTIVE] IS NOT NULL) OR (s.[ACTIVE] IS NOT NULL AND t.[ACTIVE] IS NULL))
    (s.[DAY] <> CONVERT(date, t.[DAY]) OR (s.[DAY] IS NULL AND t.[DAY] IS NOT NULL) OR (s.[DAY] IS NOT NULL AND t.[DAY] IS NULL))
    (CONVERT(datetime, s.[TIME]) <> t.[TIME] OR (s.[TIME] IS NULL AND t.[TIME] IS NOT NULL) OR (s.[TIME] IS NOT NULL AND t.[TIME] IS NULL))
    (NOT (CASE WHEN s.[ORIGIN] = N'it''s' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(s.[ORIGIN]) = DATALENGTH(N'it''s') THEN 1 WHEN s.[ORIGIN] = N'known' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(s.[ORIGIN]) = DATALENGTH(N'known') THEN 2 ELSE 0 END < CASE WHEN CONVERT(nvarchar(20), t.[ORIGIN]) = N'it''s' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(CONVERT(nvarchar(20), t.[ORIGIN])) = DATALENGTH(N'it''s') THEN 1 WHEN CONVERT(nvarchar(20), t.[ORIGIN]) = N'known' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(CONVERT(nvarchar(20), t.[ORIGIN])) = DATALENGTH(N'known') THEN 2 ELSE 0 END) AND (((s.[WHO] <> t.[WHO] OR (s.[WHO] IS NULL AND t.[WHO] IS NOT NULL) OR (s.[WHO] IS NOT NULL AND t.[WHO] IS NULL)) AND NOT (s.[WHO] IS NULL AND CASE WHEN s.[ORIGIN] = N'it''s' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(s.[ORIGIN]) = DATALENGTH(N'it''s') THEN 1 WHEN s.[ORIGIN] = N'known' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(s.[ORIGIN]) = DATALENGTH(N'known') THEN 2 ELSE 0 END = 0)) OR ((s.[ORIGIN] COLLATE Latin1_General_100_BIN2 <> CONVERT(nvarchar(20), t.[ORIGIN]) COLLATE Latin1_General_100_BIN2 OR DATALENGTH(s.[ORIGIN]) <> DATALENGTH(CONVERT(nvarchar(20), t.[ORIGIN])) OR (s.[ORIGIN] IS NULL AND t.[ORIGIN] IS NOT NULL) OR (s.[ORIGIN] IS NOT NULL AND t.[ORIGIN] IS NULL)) AND NOT (s.[ORIGIN] IS NULL AND CASE WHEN s.[ORIGIN] = N'it''s' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(s.[ORIGIN]) = DATALENGTH(N'it''s') THEN 1 WHEN s.[ORIGIN] = N'known' COLLATE Latin1_General_100_BIN2 AND DATALENGTH(s.[ORIGIN]) = DATALENGTH(N'known') THEN 2 ELSE 0 END = 0))))
    ");
}

#[test]
fn without_a_unique_index_any_row_of_a_key_may_decide() {
    let statements = |facts: &Facts| {
        upsert(facts, "[#stage]", "@P1")
            .unwrap()
            .matches("UPDATE s SET")
            .count()
    };
    assert_eq!((statements(&ours()), statements(&the_old_modules())), (1, 2));
}

#[test]
fn texts_that_a_code_page_loses_are_asked_for() {
    assert_eq!(lost_texts(&ours(), "[#stage]"), []);
    let asked = lost_texts(&the_old_modules(), "[#stage]");
    assert_eq!(asked.len(), 3);
    insta::assert_snapshot!(asked[0].1, @"SELECT TOP (1) s.[K] FROM [#stage] AS s WHERE s.[NAME] IS NOT NULL AND (CONVERT(nvarchar(50), CONVERT(varchar(50), s.[NAME] COLLATE Cyrillic_General_CI_AS)) COLLATE Latin1_General_100_BIN2 <> s.[NAME] COLLATE Latin1_General_100_BIN2 OR DATALENGTH(CONVERT(nvarchar(50), CONVERT(varchar(50), s.[NAME] COLLATE Cyrillic_General_CI_AS))) <> DATALENGTH(s.[NAME]))");
    for (_, text) in &asked {
        assert_parses(text);
    }
}

#[test]
fn deactivating_changes_only_what_is_active() {
    let text = deactivate(&ours(), "IN (@P2)", "@P1").unwrap();
    insta::assert_snapshot!(lines(&text), @r"
    UPDATE t SET [ACTIVE] = N'N', [UPD] = @P1 FROM [dbo].[T] AS t WHERE t.[K] IN (@P2) AND (t.[ACTIVE] IS NULL OR N'N' COLLATE Latin1_General_100_BIN2 <> RTRIM(t.[ACTIVE]) COLLATE Latin1_General_100_BIN2 OR DATALENGTH(N'N') <> DATALENGTH(RTRIM(t.[ACTIVE])));
    SELECT @@ROWCOUNT;
    ");
    assert_parses(&text);
}

#[test]
fn merging_duplicates_keeps_the_oldest() {
    let names = Names {
        table: "[dbo].[T]".to_owned(),
        key: "[K]".to_owned(),
        identity: "[ID]".to_owned(),
    };
    let text = merge_duplicates(&names);
    assert_parses(&duplicates(&names));
    insta::assert_snapshot!(lines(&text), @r"
    DELETE t FROM [dbo].[T] AS t INNER JOIN (SELECT [K], MIN([ID]) AS [oldest] FROM [dbo].[T] WITH (UPDLOCK, HOLDLOCK) WHERE [K] IS NOT NULL GROUP BY [K] HAVING COUNT(*) > 1) AS d ON d.[K] = t.[K] WHERE t.[ID] > d.[oldest];
    SELECT @@ROWCOUNT;
    ");
    assert_parses(&text);
}

#[test]
fn a_table_without_content_has_nothing_to_update() {
    let map = TableMap::builder("T")
        .column(Column::identity("ID"))
        .column(Column::key("K"))
        .build()
        .unwrap();
    let catalog = CatalogTable {
        columns: vec![column("id", "int"), column("k", "bigint")],
        indexes: Vec::new(),
    };
    let facts = Facts::new(&map, "dbo", &catalog).unwrap();
    let text = upsert(&facts, "[#stage]", "@P1").unwrap();
    insta::assert_snapshot!(lines(&text), @r"
    BEGIN TRANSACTION;
    UPDATE s SET [row_fate] = 0 FROM [#stage] AS s INNER JOIN [dbo].[T] AS t WITH (UPDLOCK, SERIALIZABLE) ON t.[k] = s.[k];
    INSERT INTO [dbo].[T] ([k]) SELECT s.[k] FROM [#stage] AS s WHERE s.[row_fate] IS NULL;
    COMMIT TRANSACTION;
    SELECT s.[k] FROM [#stage] AS s WHERE s.[row_fate] = 1;
    SELECT s.[k] FROM [#stage] AS s WHERE s.[row_fate] IS NULL;
    ");
}
