//! CREATE INDEX and DROP INDEX.

use sea_query::{Expr, ExprTrait, IndexOrder};
use sea_query_mssql::{CreateIndex, DropIndex};

#[test]
fn create_index() {
    check!(CreateIndex::new("IX", "t").column("a"), @"CREATE INDEX [IX] ON [t] ([a])");
    check!(CreateIndex::new("IX", ("dbo", "t")).unique().column("a").column(("b", IndexOrder::Desc)), @"CREATE UNIQUE INDEX [IX] ON [dbo].[t] ([a], [b] DESC)");
    check!(CreateIndex::new("IX", "t").clustered().column("a"), gap(" CLUSTERED" => ""), @"CREATE CLUSTERED INDEX [IX] ON [t] ([a])");
    check!(CreateIndex::new("IX", "t").column("a").include("b").include("c]d"), @"CREATE INDEX [IX] ON [t] ([a]) INCLUDE ([b], [c]]d])");
    check!(CreateIndex::new("IX", "t").column("a").online(), gap(" WITH (ONLINE = ON)" => ""), @"CREATE INDEX [IX] ON [t] ([a]) WITH (ONLINE = ON)");
}

#[test]
fn create_index_of_some_rows() {
    let index = CreateIndex::new("IX", "t")
        .unique()
        .column("a")
        .include("b")
        .filter(Expr::col("a").is_not_null())
        .filter(Expr::col("b").gt("x"))
        .online();
    check!(index, gap(" WITH (ONLINE = ON)" => ""), @"CREATE UNIQUE INDEX [IX] ON [t] ([a]) INCLUDE ([b]) WHERE [a] IS NOT NULL AND [b] > N'x' WITH (ONLINE = ON)");
}

#[test]
fn the_filter_of_an_index_compares_columns_with_constants() {
    let index = CreateIndex::new("IX", "t")
        .column("a")
        .filter(Expr::col("kind").is_in([1, 2]).and(Expr::col("state").ne("gone")))
        .filter(Expr::col("active"))
        .filter(Expr::col("moved").gt(chrono::NaiveDate::from_ymd_opt(2024, 1, 31).unwrap()));
    check!(index, @"CREATE INDEX [IX] ON [t] ([a]) WHERE [kind] IN (1, 2) AND [state] <> N'gone' AND [active] = 1 AND [moved] > CAST('2024-01-31' AS date)");
}

#[test]
fn create_index_unless_it_exists_asks_first() {
    check!(CreateIndex::new("IX's", ("dbo", "t")).column("a").if_not_exists(), @"IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'[dbo].[t]') AND name = N'IX''s') CREATE INDEX [IX's] ON [dbo].[t] ([a])");
    check!(CreateIndex::new("IX", "#t").column("a").if_not_exists(), @"IF NOT EXISTS (SELECT 1 FROM tempdb.sys.indexes WHERE object_id = OBJECT_ID(N'tempdb..[#t]') AND name = N'IX') CREATE INDEX [IX] ON [#t] ([a])");
    check!(CreateIndex::new("IX", ("d", "dbo", "t")).column("a").if_not_exists(), @"IF NOT EXISTS (SELECT 1 FROM [d].sys.indexes WHERE object_id = OBJECT_ID(N'[d].[dbo].[t]') AND name = N'IX') CREATE INDEX [IX] ON [d].[dbo].[t] ([a])");
}

#[test]
fn drop_index() {
    check!(DropIndex::new("IX", ("dbo", "t")), @"DROP INDEX [IX] ON [dbo].[t]");
    check!(DropIndex::new("IX", "t").if_exists(), @"DROP INDEX IF EXISTS [IX] ON [t]");
}
