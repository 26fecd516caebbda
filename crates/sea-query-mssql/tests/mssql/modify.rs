//! INSERT, UPDATE and DELETE.

use sea_query::{
    Asterisk, CommonTableExpression, Expr, ExprTrait, Func, InsertStatement, IntoTableRef, Query,
    SelectStatement, UnionType, WithClause,
};
use sea_query_mssql::{DeleteFrom, Guarded, MssqlExtension, TableHint, UpdateFrom};

fn stage() -> InsertStatement {
    Query::insert()
        .into_table(("dbo", "STAGE"))
        .columns(["ID", "NAME"])
        .values_panic([1.into(), "Новая 🙂".into()])
        .to_owned()
}

fn matched() -> SelectStatement {
    Query::select()
        .from_as("STAGE", "t")
        .inner_join(
            "#new".into_table_ref().alias("s"),
            Expr::col(("s", "ID")).equals(("t", "ID")),
        )
        .to_owned()
}

#[test]
fn insert_of_rows() {
    check!(stage(), @"INSERT INTO [dbo].[STAGE] ([ID], [NAME]) VALUES (1, N'Новая 🙂')");
    check!(stage().values_panic([2.into(), Option::<String>::None.into()]).to_owned(), @"INSERT INTO [dbo].[STAGE] ([ID], [NAME]) VALUES (1, N'Новая 🙂'), (2, NULL)");
    check!(
        Query::insert().into_table("t").columns(["a"]).values_panic([Expr::keyword_default()]).to_owned(),
        @"INSERT INTO [t] ([a]) VALUES (DEFAULT)"
    );
    check!(Query::insert().into_table("t").or_default_values().returning_col("id").to_owned(), gap("DEFAULT VALUES" => "VALUES (1)"), @"INSERT INTO [t] OUTPUT INSERTED.[id] DEFAULT VALUES");
}

#[test]
fn insert_returns_by_output() {
    check!(stage().returning_col("ID").to_owned(), @"INSERT INTO [dbo].[STAGE] ([ID], [NAME]) OUTPUT INSERTED.[ID] VALUES (1, N'Новая 🙂')");
    check!(stage().returning_all().to_owned(), @"INSERT INTO [dbo].[STAGE] ([ID], [NAME]) OUTPUT INSERTED.* VALUES (1, N'Новая 🙂')");
    check!(
        stage().returning(Query::returning().columns([("inserted", "ID"), ("INSERTED", "NAME")])).to_owned(),
        @"INSERT INTO [dbo].[STAGE] ([ID], [NAME]) OUTPUT INSERTED.[ID], INSERTED.[NAME] VALUES (1, N'Новая 🙂')"
    );
    check!(
        stage().returning(Query::returning().exprs([Expr::col("ID").add(1), Func::upper(Expr::col("NAME")).into()])).to_owned(),
        @"INSERT INTO [dbo].[STAGE] ([ID], [NAME]) OUTPUT INSERTED.[ID] + 1, UPPER(INSERTED.[NAME]) VALUES (1, N'Новая 🙂')"
    );
    check!(stage().returning_col("ID").to_owned().output_into("#ids", ["ID"]), @"INSERT INTO [dbo].[STAGE] ([ID], [NAME]) OUTPUT INSERTED.[ID] INTO [#ids] ([ID]) VALUES (1, N'Новая 🙂')");
}

#[test]
fn insert_of_what_a_select_finds() {
    let known = Query::select()
        .expr(Expr::val(1))
        .from_as("STAGE", "t")
        .and_where(Expr::col(("t", "ID")).equals(("s", "ID")))
        .to_owned();
    let new = Query::select()
        .columns([("s", "ID"), ("s", "NAME")])
        .from_as("#new", "s")
        .and_where(Expr::not_exists(known))
        .to_owned();
    let insert = Query::insert()
        .into_table("STAGE")
        .columns(["ID", "NAME"])
        .select_from(new)
        .unwrap()
        .returning_col("ID")
        .to_owned();
    check!(insert.clone(), @"INSERT INTO [STAGE] ([ID], [NAME]) OUTPUT INSERTED.[ID] SELECT [s].[ID], [s].[NAME] FROM [#new] AS [s] WHERE NOT EXISTS (SELECT 1 FROM [STAGE] AS [t] WHERE [t].[ID] = [s].[ID])");
    check!(insert.hint("t", [TableHint::UpdLock, TableHint::Serializable]), @"INSERT INTO [STAGE] ([ID], [NAME]) OUTPUT INSERTED.[ID] SELECT [s].[ID], [s].[NAME] FROM [#new] AS [s] WHERE NOT EXISTS (SELECT 1 FROM [STAGE] AS [t] WITH (UPDLOCK, SERIALIZABLE) WHERE [t].[ID] = [s].[ID])");
}

#[test]
fn insert_with_common_table_expressions() {
    let cte = CommonTableExpression::new()
        .query(Query::select().column("a").from("source").to_owned())
        .table_name("c")
        .to_owned();
    let insert = Query::insert()
        .into_table("t")
        .columns(["a"])
        .select_from(Query::select().column("a").from("c").to_owned())
        .unwrap()
        .to_owned();
    check!(insert.clone().with_cte(cte.clone()).to_owned(), @"WITH [c] AS (SELECT [a] FROM [source]) INSERT INTO [t] ([a]) SELECT [a] FROM [c]");
    check!(insert.with(WithClause::from(cte)), @"WITH [c] AS (SELECT [a] FROM [source]) INSERT INTO [t] ([a]) SELECT [a] FROM [c]");
}

#[test]
fn update_of_one_table() {
    let update = Query::update()
        .table("STAGE")
        .value("NAME", "x")
        .value("SORT", Expr::col("SORT").add(10))
        .and_where(Expr::col("ID").eq(1))
        .to_owned();
    check!(update, @"UPDATE [STAGE] SET [NAME] = N'x', [SORT] = [SORT] + 10 WHERE [ID] = 1");
    check!(update.clone().limit(5).to_owned(), @"UPDATE TOP (5) [STAGE] SET [NAME] = N'x', [SORT] = [SORT] + 10 WHERE [ID] = 1");
    check!(update.clone().returning_col("ID").to_owned(), @"UPDATE [STAGE] SET [NAME] = N'x', [SORT] = [SORT] + 10 OUTPUT INSERTED.[ID] WHERE [ID] = 1");
    check!(
        update.clone().returning(Query::returning().columns([("deleted", "NAME"), ("inserted", "NAME")])).to_owned(),
        @"UPDATE [STAGE] SET [NAME] = N'x', [SORT] = [SORT] + 10 OUTPUT DELETED.[NAME], INSERTED.[NAME] WHERE [ID] = 1"
    );
    check!(update.hint("STAGE", [TableHint::HoldLock]), @"UPDATE [STAGE] WITH (HOLDLOCK) SET [NAME] = N'x', [SORT] = [SORT] + 10 WHERE [ID] = 1");
}

#[test]
fn update_that_reads_other_tables() {
    let update = Query::update()
        .table("STAGE".into_table_ref().alias("t"))
        .from("#new".into_table_ref().alias("s"))
        .value("NAME", Expr::col(("s", "NAME")))
        .and_where(Expr::col(("s", "ID")).equals(("t", "ID")))
        .returning(Query::returning().columns([("inserted", "ID"), ("s", "ROW")]))
        .to_owned();
    check!(update, @"UPDATE [t] SET [NAME] = [s].[NAME] OUTPUT INSERTED.[ID], [s].[ROW] FROM [STAGE] AS [t], [#new] AS [s] WHERE [s].[ID] = [t].[ID]");
    let unaliased = Query::update()
        .table("STAGE")
        .from("#new")
        .value("NAME", Expr::col(("#new", "NAME")))
        .and_where(Expr::col(("#new", "ID")).equals(("STAGE", "ID")))
        .to_owned();
    check!(unaliased, @"UPDATE [STAGE] SET [NAME] = [#new].[NAME] FROM [STAGE], [#new] WHERE [#new].[ID] = [STAGE].[ID]");
}

#[test]
fn update_of_a_table_among_joined_ones() {
    let old = Query::select().columns([("t", "NAME"), ("t", "SORT")]).to_owned();
    let new = Query::select()
        .columns([("s", "NAME"), ("s", "SORT")])
        .union(UnionType::Except, old)
        .to_owned();
    let rows = matched().and_where(Expr::exists(new)).to_owned();
    let update = UpdateFrom::new("t")
        .value("NAME", Expr::col(("s", "NAME")))
        .value("SORT", Expr::col(("s", "SORT")))
        .rows(rows)
        .returning(Query::returning().column("ID"))
        .hint("t", [TableHint::UpdLock, TableHint::Serializable]);
    check!(update, @"UPDATE [t] SET [NAME] = [s].[NAME], [SORT] = [s].[SORT] OUTPUT INSERTED.[ID] FROM [STAGE] AS [t] WITH (UPDLOCK, SERIALIZABLE) INNER JOIN [#new] AS [s] ON [s].[ID] = [t].[ID] WHERE EXISTS (SELECT [s].[NAME], [s].[SORT] EXCEPT SELECT [t].[NAME], [t].[SORT])");
}

#[test]
fn update_with_common_table_expressions() {
    let cte = CommonTableExpression::new()
        .query(Query::select().column("ID").from("#new").to_owned())
        .table_name("n")
        .to_owned();
    let update = Query::update()
        .table("STAGE")
        .value("SORT", 1)
        .with_cte(cte.clone())
        .to_owned();
    check!(update, @"WITH [n] AS (SELECT [ID] FROM [#new]) UPDATE [STAGE] SET [SORT] = 1");
    let rows = matched()
        .inner_join("n", Expr::col(("n", "ID")).equals(("t", "ID")))
        .with_cte(cte)
        .limit(10)
        .to_owned();
    check!(UpdateFrom::new("t").value("SORT", 1).rows(rows), @"WITH [n] AS (SELECT [ID] FROM [#new]) UPDATE TOP (10) [t] SET [SORT] = 1 FROM [STAGE] AS [t] INNER JOIN [#new] AS [s] ON [s].[ID] = [t].[ID] INNER JOIN [n] ON [n].[ID] = [t].[ID]");
}

#[test]
fn delete() {
    let delete = Query::delete()
        .from_table(("dbo", "STAGE"))
        .and_where(Expr::col("ID").lt(9))
        .to_owned();
    check!(delete, @"DELETE FROM [dbo].[STAGE] WHERE [ID] < 9");
    check!(delete.clone().limit(100).to_owned(), gap("TOP (100) " => ""), gap("TOP (@P1) " => ""), @"DELETE TOP (100) FROM [dbo].[STAGE] WHERE [ID] < 9");
    check!(delete.clone().returning_col("ID").to_owned(), @"DELETE FROM [dbo].[STAGE] OUTPUT DELETED.[ID] WHERE [ID] < 9");
    check!(delete.clone().returning_all().to_owned().output_into("#gone", Vec::<String>::new()), @"DELETE FROM [dbo].[STAGE] OUTPUT DELETED.* INTO [#gone] WHERE [ID] < 9");
    check!(delete.hint("STAGE", [TableHint::RowLock, TableHint::ReadPast]), @"DELETE FROM [dbo].[STAGE] WITH (ROWLOCK, READPAST) WHERE [ID] < 9");
}

#[test]
fn delete_of_a_table_with_an_alias() {
    let delete = Query::delete()
        .from_table("STAGE".into_table_ref().alias("t"))
        .and_where(Expr::col(("t", "ID")).eq(1))
        .to_owned();
    check!(delete, @"DELETE [t] FROM [STAGE] AS [t] WHERE [t].[ID] = 1");
    check!(DeleteFrom::new("t").rows(matched()).returning(Query::returning().column(("s", "ID"))), gap(" OUTPUT [s].[ID]" => ""), @"DELETE [t] OUTPUT [s].[ID] FROM [STAGE] AS [t] INNER JOIN [#new] AS [s] ON [s].[ID] = [t].[ID]");
    check!(DeleteFrom::new("t").rows(matched().limit(7).to_owned()).returning(Query::returning().all()), gap("TOP (7) " => ""), gap("TOP (@P1) " => ""), gap(" OUTPUT DELETED.*" => ""), @"DELETE TOP (7) [t] OUTPUT DELETED.* FROM [STAGE] AS [t] INNER JOIN [#new] AS [s] ON [s].[ID] = [t].[ID]");
}

#[test]
fn a_statement_runs_only_if_a_query_finds_something() {
    let found = Query::select()
        .column(Asterisk)
        .from("STAGE")
        .and_where(Expr::col("ID").eq(1))
        .to_owned();
    check!(Guarded::if_not_exists(found.clone(), stage()), @"IF NOT EXISTS (SELECT * FROM [STAGE] WHERE [ID] = 1) BEGIN INSERT INTO [dbo].[STAGE] ([ID], [NAME]) VALUES (1, N'Новая 🙂') END");
    check!(Guarded::if_exists(found, Query::delete().from_table("STAGE").to_owned()), @"IF EXISTS (SELECT * FROM [STAGE] WHERE [ID] = 1) BEGIN DELETE FROM [STAGE] END");
}
