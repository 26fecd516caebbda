//! SELECT.

use sea_query::{
    Alias, Asterisk, CommonTableExpression, Condition, Expr, ExprTrait, Frame, FrameType, Func, IntoIden,
    IntoTableRef, JoinType, Order, Query, SelectInto, SelectStatement, TableRef, UnionType, Value, Values,
    WindowStatement, WithClause,
};
use sea_query_mssql::{MssqlExtension, MssqlStatement, TableHint};

fn numbers() -> SelectStatement {
    Query::select().column("n").from("numbers").to_owned()
}

#[test]
fn a_select_names_everything_in_brackets() {
    let select = Query::select()
        .column(("s", "ID"))
        .expr_as(Expr::col(("s", "NAME")), "na]me")
        .from_as(("crm", "dbo", "STAGE"), "s")
        .and_where(Expr::col(("s", "SORT")).gt(5))
        .and_where(Expr::col(("s", "NAME")).ne("O'Neill"))
        .to_owned();
    check!(select, @"SELECT [s].[ID], [s].[NAME] AS [na]]me] FROM [crm].[dbo].[STAGE] AS [s] WHERE [s].[SORT] > 5 AND [s].[NAME] <> N'O''Neill'");
}

#[test]
fn all_columns_of_one_table_or_all() {
    check!(Query::select().column(Asterisk).from("t").to_owned(), @"SELECT * FROM [t]");
    check!(Query::select().column(("t", Asterisk)).from("t").to_owned(), @"SELECT [t].* FROM [t]");
    check!(Query::select().distinct().column("a").from("t").to_owned(), @"SELECT DISTINCT [a] FROM [t]");
}

#[test]
fn conditions_keep_their_grouping() {
    let select = Query::select()
        .column("n")
        .from("numbers")
        .cond_where(
            Condition::any()
                .add(
                    Condition::all()
                        .add(Expr::col("n").gte(1))
                        .add(Expr::col("n").lt(10)),
                )
                .add(
                    Condition::all()
                        .not()
                        .add(Expr::col("n").eq(100))
                        .add(Expr::col("m").is_null()),
                ),
        )
        .to_owned();
    check!(select, @"SELECT [n] FROM [numbers] WHERE ([n] >= 1 AND [n] < 10) OR (NOT ([n] = 100 AND [m] IS NULL))");
    let nothing_asked = Query::select()
        .column("n")
        .from("numbers")
        .cond_where(Condition::all())
        .to_owned();
    check!(nothing_asked, @"SELECT [n] FROM [numbers] WHERE 1 = 1");
    let nothing_allowed = Query::select()
        .column("n")
        .from("numbers")
        .cond_where(Condition::any())
        .to_owned();
    check!(nothing_allowed, @"SELECT [n] FROM [numbers] WHERE 1 = 0");
}

#[test]
fn joins() {
    let on = || Expr::col(("a", "id")).equals(("b", "id"));
    let select = Query::select()
        .column(("a", "id"))
        .from("a")
        .inner_join("b", on())
        .left_join("c", on())
        .right_join("d", on())
        .full_outer_join("e", on())
        .cross_join("f")
        .join_as(JoinType::Join, "g", "h", Condition::all())
        .join_subquery(JoinType::LeftJoin, numbers(), "i", on())
        .to_owned();
    check!(select, @"SELECT [a].[id] FROM [a] INNER JOIN [b] ON [a].[id] = [b].[id] LEFT JOIN [c] ON [a].[id] = [b].[id] RIGHT JOIN [d] ON [a].[id] = [b].[id] FULL OUTER JOIN [e] ON [a].[id] = [b].[id] CROSS JOIN [f] JOIN [g] AS [h] ON 1 = 1 LEFT JOIN (SELECT [n] FROM [numbers]) AS [i] ON [a].[id] = [b].[id]");
}

#[test]
fn a_lateral_join_is_an_apply() {
    let last = Query::select()
        .column("moved")
        .from("history")
        .and_where(Expr::col(("history", "deal")).equals(("d", "id")))
        .order_by("moved", Order::Desc)
        .limit(1)
        .to_owned();
    let select = Query::select()
        .column(("h", "moved"))
        .from_as("deal", "d")
        .join_lateral(JoinType::InnerJoin, last.clone(), "h", Condition::all())
        .join_lateral(JoinType::LeftJoin, last, "g", Expr::val(true))
        .to_owned();
    check!(select, @"SELECT [h].[moved] FROM [deal] AS [d] CROSS APPLY (SELECT TOP (1) [moved] FROM [history] WHERE [history].[deal] = [d].[id] ORDER BY [moved] DESC) AS [h] OUTER APPLY (SELECT TOP (1) [moved] FROM [history] WHERE [history].[deal] = [d].[id] ORDER BY [moved] DESC) AS [g]");
}

#[test]
fn values_and_functions_are_tables() {
    let values = Query::select()
        .column(Asterisk)
        .from_values([(1, "a"), (2, "b")], "v")
        .to_owned();
    check!(values, @"SELECT * FROM (VALUES (1, N'a'), (2, N'b')) AS [v] ([column1], [column2])");
    let json = Func::cust("OPENJSON").arg("[1,2]");
    check!(Query::select().column("value").from_function(json, "j").to_owned(), @"SELECT [value] FROM OPENJSON(N'[1,2]') AS [j]");
    check!(Query::select().column("n").from_subquery(numbers(), "q").to_owned(), @"SELECT [n] FROM (SELECT [n] FROM [numbers]) AS [q]");
}

#[test]
fn groups_and_having() {
    let select = Query::select()
        .column("stage")
        .expr_as(Expr::col("id").count(), "deals")
        .expr(Expr::col("id").count_distinct())
        .from("history")
        .group_by_col("stage")
        .and_having(Expr::col("id").count().gt(3))
        .order_by_expr(Expr::col("id").max(), Order::Desc)
        .to_owned();
    check!(select, @"SELECT [stage], COUNT([id]) AS [deals], COUNT(DISTINCT [id]) FROM [history] GROUP BY [stage] HAVING COUNT([id]) > 3 ORDER BY MAX([id]) DESC");
}

#[test]
fn a_limit_is_top() {
    check!(numbers().limit(3).to_owned(), @"SELECT TOP (3) [n] FROM [numbers]");
    check!(numbers().distinct().order_by("n", Order::Asc).limit(3).to_owned(), @"SELECT DISTINCT TOP (3) [n] FROM [numbers] ORDER BY [n] ASC");
    check!(numbers().limit(3).offset(0).to_owned(), @"SELECT TOP (3) [n] FROM [numbers]");
}

#[test]
fn an_offset_is_offset_and_fetch() {
    check!(numbers().order_by("n", Order::Asc).limit(10).offset(20).to_owned(), gap("NEXT @P2" => "NEXT 2"), @"SELECT [n] FROM [numbers] ORDER BY [n] ASC OFFSET 20 ROWS FETCH NEXT 10 ROWS ONLY");
    check!(numbers().order_by("n", Order::Desc).offset(20).to_owned(), @"SELECT [n] FROM [numbers] ORDER BY [n] DESC OFFSET 20 ROWS");
    check!(numbers().limit(0).offset(20).to_owned(), @"SELECT TOP (0) [n] FROM [numbers]");
    let (sql, values) = numbers()
        .order_by("n", Order::Asc)
        .limit(10)
        .offset(20)
        .to_owned()
        .build_mssql()
        .unwrap();
    assert!(sql.ends_with("OFFSET @P1 ROWS FETCH NEXT @P2 ROWS ONLY"), "{sql}");
    assert_eq!(
        values,
        Values(vec![Value::BigInt(Some(20)), Value::BigInt(Some(10))])
    );
}

#[test]
fn order_by_a_list_of_values() {
    let select = numbers()
        .order_by("n", Order::Field(Values(vec![3.into(), 1.into()])))
        .to_owned();
    check!(select, @"SELECT [n] FROM [numbers] ORDER BY CASE WHEN [n] = 3 THEN 0 WHEN [n] = 1 THEN 1 ELSE 2 END");
}

#[test]
fn set_operations() {
    let select = numbers()
        .union(UnionType::All, numbers())
        .union(UnionType::Distinct, numbers().limit(1).to_owned())
        .union(
            UnionType::Except,
            numbers().union(UnionType::Intersect, numbers()).to_owned(),
        )
        .order_by("n", Order::Asc)
        .to_owned();
    check!(select, @"SELECT [n] FROM [numbers] UNION ALL SELECT [n] FROM [numbers] UNION SELECT TOP (1) [n] FROM [numbers] EXCEPT (SELECT [n] FROM [numbers] INTERSECT SELECT [n] FROM [numbers]) ORDER BY [n] ASC");
    check!(
        numbers().union(UnionType::All, numbers()).order_by("n", Order::Asc).limit(5).to_owned(),
        gap("NEXT @P2" => "NEXT 2"), @"SELECT [n] FROM [numbers] UNION ALL SELECT [n] FROM [numbers] ORDER BY [n] ASC OFFSET 0 ROWS FETCH NEXT 5 ROWS ONLY"
    );
}

#[test]
fn rows_are_compared_with_nulls_by_except() {
    let other = Query::select().column(("t", "a")).column(("t", "b")).to_owned();
    let differs = Query::select()
        .column(("s", "a"))
        .column(("s", "b"))
        .union(UnionType::Except, other)
        .to_owned();
    let select = Query::select()
        .column(("t", "id"))
        .from_as("target", "t")
        .inner_join(
            "source".into_table_ref().alias("s"),
            Expr::col(("s", "id")).equals(("t", "id")),
        )
        .and_where(Expr::exists(differs))
        .to_owned();
    check!(select, @"SELECT [t].[id] FROM [target] AS [t] INNER JOIN [source] AS [s] ON [s].[id] = [t].[id] WHERE EXISTS (SELECT [s].[a], [s].[b] EXCEPT SELECT [t].[a], [t].[b])");
}

#[test]
fn common_table_expressions() {
    let cte = CommonTableExpression::new()
        .query(numbers())
        .table_name("small")
        .column("n")
        .to_owned();
    let rows = CommonTableExpression::new()
        .values(vec![
            Values(vec![1.into(), "a".into()]),
            Values(vec![2.into(), "b".into()]),
        ])
        .table_name("pairs")
        .columns(["id", "name"])
        .to_owned();
    let with = WithClause::new().cte(cte.clone()).cte(rows).to_owned();
    check!(with.query(Query::select().column("n").from("small").to_owned()), @"WITH [small] ([n]) AS (SELECT [n] FROM [numbers]), [pairs] ([id], [name]) AS (SELECT * FROM (VALUES (1, N'a'), (2, N'b')) AS [rows] ([id], [name])) SELECT [n] FROM [small]");
    check!(Query::select().column("n").from("small").with_cte(cte).to_owned(), @"WITH [small] ([n]) AS (SELECT [n] FROM [numbers]) SELECT [n] FROM [small]");
}

#[test]
fn a_recursive_expression_needs_no_keyword() {
    let next = Query::select()
        .expr(Expr::col("n").add(1))
        .from("counted")
        .and_where(Expr::col("n").lt(9))
        .to_owned();
    let counted = Query::select()
        .expr_as(Expr::val(1), "n")
        .union(UnionType::All, next)
        .to_owned();
    let cte = CommonTableExpression::new()
        .query(counted)
        .table_name("counted")
        .column("n")
        .to_owned();
    let with = WithClause::new().recursive(true).cte(cte).to_owned();
    check!(with.query(Query::select().column("n").from("counted").to_owned()), @"WITH [counted] ([n]) AS (SELECT 1 AS [n] UNION ALL SELECT [n] + 1 FROM [counted] WHERE [n] < 9) SELECT [n] FROM [counted]");
}

#[test]
fn window_functions() {
    let mut window = WindowStatement::partition_by("deal");
    window.order_by("moved", Order::Asc).order_by("id", Order::Desc);
    let mut running = window.clone();
    running.frame_between(FrameType::Rows, Frame::Preceding(2), Frame::CurrentRow);
    let mut ranged = WindowStatement::new();
    ranged
        .order_by("id", Order::Asc)
        .frame_start(FrameType::Range, Frame::UnboundedPreceding);
    let select = Query::select()
        .expr_window_as(Func::cust("ROW_NUMBER"), window, "nth")
        .expr_window(Expr::col("amount").sum(), running)
        .expr_window(Expr::col("amount").sum(), ranged)
        .expr_window(Expr::col("amount").avg(), WindowStatement::new())
        .from("history")
        .to_owned();
    check!(select, @"SELECT ROW_NUMBER() OVER (PARTITION BY [deal] ORDER BY [moved] ASC, [id] DESC) AS [nth], SUM([amount]) OVER (PARTITION BY [deal] ORDER BY [moved] ASC, [id] DESC ROWS BETWEEN 2 PRECEDING AND CURRENT ROW), SUM([amount]) OVER (ORDER BY [id] ASC RANGE UNBOUNDED PRECEDING), AVG([amount]) OVER () FROM [history]");
}

#[test]
fn a_named_window_is_written_out() {
    let select = Query::select()
        .expr_window_name_as(Func::cust("RANK"), "w", "rank")
        .from("history")
        .window(
            "w",
            WindowStatement::partition_by("deal")
                .order_by("moved", Order::Asc)
                .to_owned(),
        )
        .to_owned();
    check!(select, @"SELECT RANK() OVER (PARTITION BY [deal] ORDER BY [moved] ASC) AS [rank] FROM [history]");
}

#[test]
fn select_into_makes_a_table() {
    check!(numbers().into_table(SelectInto::table("#copy")).to_owned(), @"SELECT [n] INTO [#copy] FROM [numbers]");
}

#[test]
fn table_hints_go_to_the_table_of_that_alias() {
    let select = Query::select()
        .column(("t", "id"))
        .from_as("target", "t")
        .inner_join("source", Expr::col(("source", "id")).equals(("t", "id")))
        .to_owned()
        .hint("t", [TableHint::UpdLock, TableHint::Serializable])
        .hint("source", [TableHint::NoLock]);
    check!(select, @"SELECT [t].[id] FROM [target] AS [t] WITH (UPDLOCK, SERIALIZABLE) INNER JOIN [source] WITH (NOLOCK) ON [source].[id] = [t].[id]");
}

#[test]
fn names_of_all_kinds() {
    let table: TableRef = Alias::new("a.b]c").into_table_ref();
    let select = Query::select()
        .column("select".into_iden())
        .column("Стадия 🙂")
        .from(table)
        .to_owned();
    check!(select, @"SELECT [select], [Стадия 🙂] FROM [a.b]]c]");
}
