//! Expressions, literals and functions.

use chrono::{FixedOffset, NaiveDate, TimeZone, Utc};
use sea_query::{
    Alias, BinOper, CaseStatement, Expr, ExprTrait, Func, Keyword, LikeExpr, Query, SelectStatement, Value,
};

fn value(expr: impl Into<Expr>) -> SelectStatement {
    Query::select().expr(expr.into()).from("t").to_owned()
}

fn predicate(expr: Expr) -> SelectStatement {
    Query::select().column("a").from("t").and_where(expr).to_owned()
}

fn a() -> Expr {
    Expr::col("a")
}

#[test]
fn numbers_and_text_are_literals() {
    check!(value(Expr::val(-7)), @"SELECT -7 FROM [t]");
    check!(value(Expr::val(u64::MAX)), @"SELECT 18446744073709551615 FROM [t]");
    check!(value(Expr::val(true)), @"SELECT 1 FROM [t]");
    check!(value(Expr::val(1.5)), @"SELECT 1.5e0 FROM [t]");
    check!(value(Expr::val(1e300)), @"SELECT 1e300 FROM [t]");
    check!(value(Expr::val(0.1_f32)), @"SELECT 1e-1 FROM [t]");
    check!(value(Expr::val("O'Neill \\ \"ok\"\n🙂")), @r#"
SELECT N'O''Neill \ "ok"
🙂' FROM [t]
"#);
    check!(value(Expr::val('ж')), @"SELECT N'ж' FROM [t]");
    check!(value(Expr::val(vec![0_u8, 255, 16])), @"SELECT 0x00FF10 FROM [t]");
    check!(value(Expr::val(Option::<i32>::None)), @"SELECT NULL FROM [t]");
}

#[test]
fn a_backslash_at_the_end_of_a_line_does_not_join_the_lines() {
    check!(value(Expr::val("a\\\nb\\\r\nc")), @r#"
SELECT (CAST(N'a\' AS nvarchar(max)) + N'
b\' + N'
c') FROM [t]
"#);
}

#[test]
fn dates_and_times_are_literals_of_their_type() {
    let day = NaiveDate::from_ymd_opt(2024, 2, 29).unwrap();
    let moment = day.and_hms_nano_opt(23, 59, 58, 123_456_799).unwrap();
    check!(value(Expr::val(day)), @"SELECT CAST('2024-02-29' AS date) FROM [t]");
    check!(value(Expr::val(moment)), @"SELECT CAST('2024-02-29T23:59:58.1234567' AS datetime2(7)) FROM [t]");
    check!(value(Expr::val(moment.time())), @"SELECT CAST('23:59:58.1234567' AS time(7)) FROM [t]");
    check!(value(Expr::val(Utc.from_utc_datetime(&moment))), @"SELECT CAST('2024-02-29T23:59:58.1234567+00:00' AS datetimeoffset(7)) FROM [t]");
    let west = FixedOffset::west_opt(3 * 3600 + 30 * 60).unwrap();
    check!(value(Expr::val(west.from_utc_datetime(&moment))), @"SELECT CAST('2024-02-29T20:29:58.1234567-03:30' AS datetimeoffset(7)) FROM [t]");
}

#[test]
fn arithmetic_keeps_its_grouping() {
    check!(value(a().add(1).mul(2).sub(a().div(3).modulo(4))), @"SELECT (([a] + 1) * 2) - (([a] / 3) % 4) FROM [t]");
    check!(value(a().add(1).add(2).add(3)), @"SELECT [a] + 1 + 2 + 3 FROM [t]");
    check!(value(a().sub(1).sub(2)), @"SELECT ([a] - 1) - 2 FROM [t]");
    check!(predicate(a().bit_and(4).eq(4)), @"SELECT [a] FROM [t] WHERE ([a] & 4) = 4");
    check!(predicate(a().add(1).gt(a().mul(2))), @"SELECT [a] FROM [t] WHERE [a] + 1 > [a] * 2");
}

#[test]
fn comparisons() {
    check!(predicate(a().between(1, 9).and(a().not_between(3, 4))), @"SELECT [a] FROM [t] WHERE [a] BETWEEN 1 AND 9 AND [a] NOT BETWEEN 3 AND 4");
    check!(predicate(a().is_in([1, 2, 3]).or(a().is_not_in(["x"]))), @"SELECT [a] FROM [t] WHERE [a] IN (1, 2, 3) OR [a] NOT IN (N'x')");
    check!(predicate(a().is_in(Vec::<i32>::new())), @"SELECT [a] FROM [t] WHERE 1 = 0");
    check!(predicate(a().is_not_in(Vec::<i32>::new())), @"SELECT [a] FROM [t] WHERE 1 = 1");
    check!(predicate(a().in_subquery(value(a()))), @"SELECT [a] FROM [t] WHERE [a] IN (SELECT [a] FROM [t])");
    check!(predicate(a().is_null().and(a().is_not_null())), @"SELECT [a] FROM [t] WHERE [a] IS NULL AND [a] IS NOT NULL");
    check!(predicate(a().like("x%").or(a().not_like(LikeExpr::new("50|%").escape('|')))), @"SELECT [a] FROM [t] WHERE [a] LIKE N'x%' OR [a] NOT LIKE N'50|%' ESCAPE N'|'");
    check!(predicate(a().gt(Expr::any(value(a()))).and(a().lte(Expr::all(value(a()))))), @"SELECT [a] FROM [t] WHERE [a] > ANY (SELECT [a] FROM [t]) AND [a] <= ALL (SELECT [a] FROM [t])");
    check!(predicate(a().eq(1).or(a().eq(2)).and(a().eq(3))), @"SELECT [a] FROM [t] WHERE ([a] = 1 OR [a] = 2) AND [a] = 3");
    check!(predicate(a().eq(1).or(a().eq(2)).not()), @"SELECT [a] FROM [t] WHERE NOT ([a] = 1 OR [a] = 2)");
    check!(predicate(a().binary(BinOper::Custom("!="), 3)), @"SELECT [a] FROM [t] WHERE [a] <> 3");
}

#[test]
fn a_value_is_a_predicate_when_it_is_one() {
    check!(predicate(a()), @"SELECT [a] FROM [t] WHERE [a] = 1");
    check!(predicate(a().and(a().not())), @"SELECT [a] FROM [t] WHERE [a] = 1 AND (NOT ([a] = 1))");
    check!(predicate(Expr::val(true)), @"SELECT [a] FROM [t] WHERE 1 = 1");
    check!(predicate(Expr::val(false).or(Expr::val(Option::<bool>::None))), @"SELECT [a] FROM [t] WHERE 1 = 0 OR 1 = NULL");
    check!(predicate(a().eq(true)), @"SELECT [a] FROM [t] WHERE [a] = 1");
    check!(predicate(CaseStatement::new().case(a().gt(1), a()).finally(false).into()), @"SELECT [a] FROM [t] WHERE (CASE WHEN [a] > 1 THEN [a] ELSE 0 END) = 1");
    check!(predicate(Func::cust("CONTAINS").args([a(), "x".into()]).into()), @"SELECT [a] FROM [t] WHERE CONTAINS([a], N'x')");
}

#[test]
fn a_predicate_is_a_bit_where_a_value_is_wanted() {
    check!(value(Expr::exists(value(a()))), @"SELECT CAST(CASE WHEN EXISTS (SELECT [a] FROM [t]) THEN 1 ELSE 0 END AS bit) FROM [t]");
    check!(value(a().is_null()), @"SELECT CAST(CASE WHEN [a] IS NULL THEN 1 ELSE 0 END AS bit) FROM [t]");
    check!(value(a().gt(1)), @"SELECT CAST(CASE WHEN [a] > 1 THEN 1 WHEN NOT ([a] > 1) THEN 0 END AS bit) FROM [t]");
    check!(value(a().gt(1).and(a().is_null()).not()), @"SELECT CAST(CASE WHEN NOT ([a] > 1 AND [a] IS NULL) THEN 1 WHEN NOT (NOT ([a] > 1 AND [a] IS NULL)) THEN 0 END AS bit) FROM [t]");
    check!(predicate(a().eq(Expr::col("b").gt(2))), @"SELECT [a] FROM [t] WHERE [a] = CAST(CASE WHEN [b] > 2 THEN 1 WHEN NOT ([b] > 2) THEN 0 END AS bit)");
    check!(value(CaseStatement::new().case(a().gt(1), a().gt(2))), @"SELECT CASE WHEN [a] > 1 THEN CAST(CASE WHEN [a] > 2 THEN 1 WHEN NOT ([a] > 2) THEN 0 END AS bit) END FROM [t]");
}

#[test]
fn case() {
    check!(value(CaseStatement::new().case(a().lt(1), "low").case(a().lt(2), "mid").finally("high")), @"SELECT CASE WHEN [a] < 1 THEN N'low' WHEN [a] < 2 THEN N'mid' ELSE N'high' END FROM [t]");
}

#[test]
fn functions_with_other_names() {
    check!(value(Func::char_length(a())), @"SELECT (LEN(CAST([a] AS nvarchar(max)) + N'.') - 1) FROM [t]");
    check!(value(a().if_null(0)), @"SELECT COALESCE([a], 0) FROM [t]");
    check!(value(Func::coalesce([a(), Expr::col("b"), 0.into()])), @"SELECT COALESCE([a], [b], 0) FROM [t]");
    check!(value(Func::coalesce([a()])), @"SELECT [a] FROM [t]");
    check!(value(Func::greatest([a(), 2.into()])), @"SELECT (SELECT MAX([value]) FROM (VALUES ([a]), (2)) AS [list] ([value])) FROM [t]");
    check!(value(Func::least([a(), 2.into()])), @"SELECT (SELECT MIN([value]) FROM (VALUES ([a]), (2)) AS [list] ([value])) FROM [t]");
    check!(value(Func::random()), @"SELECT RAND(CHECKSUM(NEWID())) FROM [t]");
    check!(value(Func::round(a())), @"SELECT ROUND([a], 0) FROM [t]");
    check!(value(Func::round_with_precision(a(), 2)), @"SELECT ROUND([a], 2) FROM [t]");
    check!(value(Func::abs(Func::lower(Func::upper(a())))), @"SELECT ABS(LOWER(UPPER([a]))) FROM [t]");
    check!(value(Func::cust("NOW")), @"SELECT SYSDATETIME() FROM [t]");
    check!(value(Func::cust("SWITCHOFFSET").args([a(), "+00:00".into()])), @"SELECT SWITCHOFFSET([a], N'+00:00') FROM [t]");
}

#[test]
fn keywords_of_time() {
    check!(value(Expr::current_timestamp()), @"SELECT SYSDATETIME() FROM [t]");
    check!(value(Expr::current_date()), @"SELECT CAST(SYSDATETIME() AS date) FROM [t]");
    check!(value(Expr::current_time()), @"SELECT CAST(SYSDATETIME() AS time) FROM [t]");
    check!(value(Keyword::Null), @"SELECT NULL FROM [t]");
}

#[test]
fn casts() {
    check!(value(a().cast_as("nvarchar(20)")), @"SELECT CAST([a] AS nvarchar(20)) FROM [t]");
    check!(value(Func::cast_as_quoted(a(), ("dbo", Alias::new("Phone")))), @"SELECT CAST([a] AS [dbo].[Phone]) FROM [t]");
    check!(value(a().gt(1).cast_as("int")), @"SELECT CAST(CAST(CASE WHEN [a] > 1 THEN 1 WHEN NOT ([a] > 1) THEN 0 END AS bit) AS int) FROM [t]");
}

#[test]
fn other_operators_of_sql_server() {
    check!(value(a().binary(BinOper::Custom("||"), "x")), @"SELECT CAST([a] AS nvarchar(max)) + CAST(N'x' AS nvarchar(max)) FROM [t]");
    check!(value(a().binary(BinOper::Custom("^"), 3)), @"SELECT [a] ^ 3 FROM [t]");
    check!(value(a().binary(BinOper::Custom("COLLATE"), Expr::cust("Latin1_General_BIN2"))), @"SELECT [a] COLLATE Latin1_General_BIN2 FROM [t]");
    check!(value(a().binary(BinOper::Custom("AT TIME ZONE"), "UTC")), @"SELECT [a] AT TIME ZONE N'UTC' FROM [t]");
}

#[test]
fn text_of_the_caller_has_its_places_filled_in() {
    check!(value(Expr::cust("DATEADD(day, 1, [a])")), @"SELECT DATEADD(day, 1, [a]) FROM [t]");
    check!(value(Expr::cust_with_values("DATEADD(day, @P2, @P1)", ["2024-01-01", "x"])), @"SELECT DATEADD(day, N'x', N'2024-01-01') FROM [t]");
    check!(value(Expr::cust_with_exprs("IIF(? > ?, N'?', [?]) /* ? */", [a(), Expr::val(1)])), @"SELECT IIF([a] > 1, N'?', [?]) /* ? */ FROM [t]");
    check!(value(Expr::cust_with_expr("@@ROWCOUNT + @P1", a().add(1))), @"SELECT @@ROWCOUNT + ([a] + 1) FROM [t]");
}

#[test]
fn values_are_parameters_in_the_order_in_which_they_stand() {
    let statement = predicate(
        a().gt(1)
            .and(Expr::cust_with_values("b IN (@P2, @P1)", [3, 2]))
            .and(a().lt(4)),
    );
    let (sql, values) = sea_query_mssql::MssqlStatement::build_mssql(&statement).unwrap();
    insta::assert_snapshot!(sql, @"SELECT [a] FROM [t] WHERE [a] > @P1 AND (b IN (@P2, @P3)) AND [a] < @P4");
    assert_eq!(values.0, [1, 2, 3, 4].map(Value::from));
}
