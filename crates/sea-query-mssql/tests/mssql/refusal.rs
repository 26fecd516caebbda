//! What T-SQL cannot say is an error that says what to do instead.

use chrono::{FixedOffset, NaiveDate, NaiveTime, TimeZone};
use sea_query::extension::sqlite::SqliteExpr;
use sea_query::{
    Alias, Asterisk, BinOper, CaseStatement, ColumnDef, ColumnType, CommonTableExpression, Condition, Cycle,
    Expr, ExprTrait, ForeignKey, ForeignKeyAction, Frame, FrameType, Func, Index, InsertStatement,
    IntoTableRef, JoinType, LockType, NullOrdering, OnConflict, Order, Query, Search, SearchOrder,
    SelectInto, SelectIntoTableModifier, SelectStatement, StringLen, Table, TableCreateStatement, TypeRef,
    UnionType, Values, WindowStatement, WithClause, WithQuery,
};
use sea_query_mssql::{
    AlterTable, CreateIndex, DeleteFrom, Error, ErrorKind, MAX_IDENTIFIER, MAX_INSERT_ROWS, MAX_PARAMETERS,
    MssqlExtension, MssqlStatement, MssqlType, Rename, TableHint, UpdateFrom,
};

/// Compares the error of a statement with a snapshot.
macro_rules! refuse {
    ($statement:expr, @$expected:literal) => {
        insta::assert_snapshot!(crate::check::refused(&$statement), @$expected)
    };
}

fn numbers() -> SelectStatement {
    Query::select().column("n").from("numbers").to_owned()
}

fn value(expr: impl Into<Expr>) -> SelectStatement {
    Query::select().expr(expr.into()).from("t").to_owned()
}

fn predicate(expr: Expr) -> SelectStatement {
    numbers().and_where(expr).to_owned()
}

fn insert() -> InsertStatement {
    Query::insert()
        .into_table("t")
        .columns(["a"])
        .values_panic([1.into()])
        .to_owned()
}

fn table(column: &mut ColumnDef) -> TableCreateStatement {
    Table::create().table("t").col(column).to_owned()
}

fn n() -> Expr {
    Expr::col("n")
}

#[test]
fn selects() {
    refuse!(Query::select().from("t").to_owned(), @"cannot write SELECT: it has no columns");
    refuse!(numbers().distinct_on(["n"]).to_owned(), @"cannot write DISTINCT ON as T-SQL: number the rows with ROW_NUMBER() and keep the first");
    refuse!(numbers().lock(LockType::Update).to_owned(), @"cannot write FOR UPDATE and FOR SHARE as T-SQL: use table hints such as UPDLOCK and HOLDLOCK");
    refuse!(numbers().order_by_with_nulls("n", Order::Asc, NullOrdering::Last).to_owned(), @"cannot write NULLS FIRST or NULLS LAST as T-SQL: SQL Server sorts NULL as the lowest value; sort by a CASE that tells nulls apart before");
    refuse!(numbers().order_by_with_nulls("n", Order::Field(Values(vec![1.into()])), NullOrdering::First).to_owned(), @"cannot write NULLS FIRST or NULLS LAST as T-SQL: SQL Server sorts NULL as the lowest value; sort by a CASE that tells nulls apart before");
    refuse!(numbers().order_by("n", Order::Field(Values(vec![]))).to_owned(), @"cannot write ORDER BY: the list of values to sort by is empty");
    refuse!(numbers().order_by_expr(1.into(), Order::Asc).to_owned(), @"cannot write ORDER BY a constant as T-SQL: sort by a column or an expression");
    refuse!(
        numbers().into_table(SelectInto::table("x").modifier(SelectIntoTableModifier::Temporary)).to_owned(),
        @"cannot write SELECT INTO with TEMPORARY or UNLOGGED as T-SQL: give the table a name that starts with # to make it temporary"
    );
}

#[test]
fn pages_without_an_order() {
    refuse!(numbers().offset(5).to_owned(), @"cannot write an offset: T-SQL pages through rows in the order of an ORDER BY only");
    refuse!(numbers().offset(5).limit(5).to_owned(), @"cannot write an offset: T-SQL pages through rows in the order of an ORDER BY only");
    refuse!(numbers().union(UnionType::All, numbers()).limit(5).to_owned(), @"cannot write a limit or offset on a UNION: T-SQL pages through rows in the order of an ORDER BY only");
    refuse!(numbers().union(UnionType::All, numbers()).limit(0).to_owned(), @"cannot write a limit of 0 on a UNION as T-SQL: FETCH takes at least one row");
    refuse!(numbers().limit(u64::MAX).to_owned(), @"cannot write a limit or offset: the number of rows must fit into a bigint");
}

#[test]
fn order_where_it_means_nothing() {
    let ordered = || numbers().order_by("n", Order::Asc).to_owned();
    refuse!(predicate(n().in_subquery(ordered())), @"cannot write ORDER BY in a subquery without a limit or offset as T-SQL: sort the outermost statement");
    refuse!(Query::select().column("n").from_subquery(ordered(), "q").to_owned(), @"cannot write ORDER BY in a subquery without a limit or offset as T-SQL: sort the outermost statement");
    refuse!(numbers().union(UnionType::All, ordered().limit(1).to_owned()).to_owned(), @"cannot write ORDER BY in a side of a UNION, EXCEPT or INTERSECT as T-SQL: wrap that side into a derived table");
}

#[test]
fn joins() {
    let on = || n().eq(1);
    refuse!(numbers().straight_join("b", on()).to_owned(), @"cannot write STRAIGHT_JOIN as T-SQL: use an inner join");
    refuse!(numbers().join_subquery(JoinType::CrossJoin, numbers(), "b", on()).to_owned(), @"cannot write a condition on a cross join: a cross join has none; use an inner join");
    refuse!(numbers().join_lateral(JoinType::LeftJoin, numbers(), "b", on()).to_owned(), @"cannot write a condition on a lateral join as T-SQL: join on Condition::all() and put the condition into the subquery");
    refuse!(numbers().join_lateral(JoinType::RightJoin, numbers(), "b", Condition::all()).to_owned(), @"cannot write this kind of lateral join as T-SQL: T-SQL applies from the left only");
}

#[test]
fn common_table_expressions() {
    let cte = || {
        CommonTableExpression::new()
            .query(numbers())
            .table_name("c")
            .to_owned()
    };
    let with = || WithClause::new().cte(cte()).to_owned();
    refuse!(WithQuery::new(), @"cannot write WITH: no statement follows it");
    refuse!(WithQuery::new().cte(cte()).to_owned(), @"cannot write WITH: no statement follows it");
    refuse!(WithClause::new().query(numbers()), @"cannot write WITH: it has no common table expressions");
    refuse!(WithClause::from(CommonTableExpression::new().query(numbers()).to_owned()).query(numbers()), @"cannot write a common table expression: it has no name");
    refuse!(WithClause::from(cte().materialized(false).to_owned()).query(numbers()), @"cannot write MATERIALIZED as T-SQL: select into a temporary table first");
    refuse!(WithClause::from(cte().query(insert()).to_owned()).query(numbers()), @"cannot write INSERT, UPDATE or DELETE in a common table expression as T-SQL: run it before, with OUTPUT … INTO a temporary table");
    refuse!(WithClause::from(cte().values(vec![Values(vec![1.into()])]).to_owned()).query(numbers()), @"cannot write a common table expression of VALUES: it needs column names");
    refuse!(with().query(numbers().with_cte(cte()).to_owned()), @"cannot write two WITH clauses for one statement as T-SQL: put all expressions into one");
    refuse!(predicate(n().in_subquery(numbers().with_cte(cte()).to_owned())), @"cannot write WITH inside of a statement as T-SQL: put the WITH clause before the whole statement");
    refuse!(predicate(n().eq(Expr::from(with().query(numbers())))), @"cannot write WITH inside of a statement as T-SQL: put the WITH clause before the whole statement");
    let search =
        Search::new_from_order_and_expr(SearchOrder::BREADTH, sea_query::SelectExprTrait::alias(n(), "a"));
    refuse!(with().recursive(true).search(search).to_owned().query(numbers()), @"cannot write SEARCH and CYCLE as T-SQL: carry the path in a column of the expression");
    refuse!(with().cycle(Cycle::new_from_expr_set_using(n(), "a", "b")).to_owned().query(numbers()), @"cannot write SEARCH and CYCLE as T-SQL: carry the path in a column of the expression");
}

#[test]
fn windows() {
    let mut unordered = WindowStatement::partition_by("a");
    unordered.frame_start(FrameType::Rows, Frame::CurrentRow);
    refuse!(Query::select().expr_window(n().sum(), unordered).from("t").to_owned(), @"cannot write a window frame: T-SQL frames need an ORDER BY in the window");
    let mut ranged = WindowStatement::new();
    ranged
        .order_by("a", Order::Asc)
        .frame_start(FrameType::Range, Frame::Preceding(3));
    refuse!(Query::select().expr_window(n().sum(), ranged).from("t").to_owned(), @"cannot write RANGE with a distance as T-SQL: use ROWS, or UNBOUNDED and CURRENT ROW");
    let mut endless = WindowStatement::new();
    endless
        .order_by("a", Order::Asc)
        .frame_start(FrameType::Rows, Frame::Following(3));
    refuse!(Query::select().expr_window(n().sum(), endless).from("t").to_owned(), @"cannot write a window frame: a frame that starts later needs an end");
    refuse!(Query::select().expr_window_name(n().sum(), "w").from("t").to_owned(), @"cannot write OVER: the SELECT has no window of that name");
}

#[test]
fn inserts() {
    refuse!(insert().on_conflict(OnConflict::column("a").do_nothing().to_owned()).to_owned(), @"cannot write ON CONFLICT and ON DUPLICATE KEY as T-SQL: update the rows that exist, then insert those that do not");
    refuse!(insert().replace().to_owned(), @"cannot write REPLACE INTO as T-SQL: update the rows that exist, then insert those that do not");
    refuse!(Query::insert().into_table("t").to_owned(), @"cannot write INSERT: it has no rows");
    refuse!(Query::insert().columns(["a"]).values_panic([1.into()]).to_owned(), @"cannot write INSERT: it names no table");
    refuse!(Query::insert().into_table("t").or_default_values_many(2).to_owned(), @"cannot write several rows of DEFAULT VALUES as T-SQL: insert them one by one");
    refuse!(insert().into_table("t".into_table_ref().alias("a")).to_owned(), @"cannot write a table with an alias here: the table is named without an alias");
    refuse!(insert().columns(["a", "b"]).to_owned(), @"cannot write INSERT: every row needs one value for each column");
    refuse!(insert().returning_col(("t", "a")).to_owned(), @"cannot write a column of another table in OUTPUT: it returns columns of inserted and deleted, and of tables in the statement's FROM");
    refuse!(insert().returning(Query::returning().columns(Vec::<Alias>::new())).to_owned(), @"cannot write OUTPUT: it has no columns");
    refuse!(insert().returning(Query::returning().expr(Expr::from(numbers()))).to_owned(), @"cannot write a subquery in OUTPUT as T-SQL: select it in a statement of its own");
}

#[test]
fn updates_and_deletes() {
    let update = || Query::update().table("t").value("a", 1).to_owned();
    refuse!(Query::update().table("t").to_owned(), @"cannot write UPDATE: it sets no columns");
    refuse!(Query::update().value("a", 1).to_owned(), @"cannot write UPDATE: it names no table");
    refuse!(update().order_by("a", Order::Asc).to_owned(), @"cannot write ORDER BY in UPDATE as T-SQL: update the rows that a subquery with TOP selects");
    refuse!(Query::delete(), @"cannot write DELETE: it names no table");
    refuse!(Query::delete().from_table("t").order_by("a", Order::Asc).limit(1).to_owned(), @"cannot write ORDER BY in DELETE as T-SQL: delete the rows that a subquery with TOP selects");
    refuse!(UpdateFrom::new("t").value("a", 1).rows(numbers()), @"cannot write the rows of an UPDATE or DELETE: only FROM, joins, WHERE, a limit and WITH say which rows");
    refuse!(UpdateFrom::new("t").value("a", 1).rows(Query::select().from("u").to_owned()), @"cannot write UPDATE or DELETE: the rows come from no table of the target's name or alias");
    refuse!(UpdateFrom::new("t").rows(Query::select().from("t").to_owned()), @"cannot write UPDATE: it sets no columns");
    refuse!(DeleteFrom::new("t"), @"cannot write UPDATE or DELETE: the rows come from no table of the target's name or alias");
}

#[test]
fn extensions_that_reach_nothing() {
    refuse!(numbers().hint("other", [TableHint::UpdLock]), @"cannot write a table hint: the statement reads no table of that name or alias");
    refuse!(insert().output_into("#ids", ["a"]), @"cannot write OUTPUT … INTO: the statement returns no columns");
}

#[test]
fn operators() {
    refuse!(value(n().left_shift(1)), @"cannot write << and >> as T-SQL: multiply or divide by a power of two");
    refuse!(value(n().glob("*")), @"cannot write this operator as T-SQL: use an operator of T-SQL, or write the expression with Expr::cust");
    refuse!(value(n().get_json_field("a")), @"cannot write this operator as T-SQL: use an operator of T-SQL, or write the expression with Expr::cust");
    refuse!(predicate(n().binary(BinOper::Custom("ILIKE"), "x")), @"cannot write this operator as T-SQL: use an operator of T-SQL, or write the expression with Expr::cust");
    refuse!(predicate(n().binary(BinOper::Custom("REGEXP"), "x")), @"cannot write this operator as T-SQL: use an operator of T-SQL, or write the expression with Expr::cust");
    refuse!(predicate(n().is(true)), @"cannot write IS with anything but NULL as T-SQL: compare with = and ask for IS NULL");
    refuse!(predicate(n().binary(BinOper::Between, 1)), @"cannot write BETWEEN: it needs two bounds");
    refuse!(predicate(Expr::tuple([n(), n()]).in_tuples([(1, 2)])), @"cannot write a row of values as one value as T-SQL: compare the columns one by one, or use EXISTS");
    refuse!(predicate(Expr::tuple([n(), n()]).eq(Expr::from(numbers()))), @"cannot write a row of values as one value as T-SQL: compare the columns one by one, or use EXISTS");
    refuse!(value(n().as_enum("mood")), @"cannot write a cast to an enum type as T-SQL: store the name as text");
    refuse!(value(n().binary(BinOper::As, Expr::cust("int"))), @"cannot write AS outside of CAST as T-SQL: use Func::cast_as");
    refuse!(value(Expr::from(insert())), @"cannot write INSERT, UPDATE or DELETE as a subquery as T-SQL: use OUTPUT … INTO");
    refuse!(value(CaseStatement::new().finally(1)), @"cannot write CASE: it has no WHEN");
    refuse!(value(Expr::cust_with_values("f(?, ?)", [1])), @"cannot write a custom expression: it has more places than values");
    refuse!(value(Expr::cust_with_values("f(@P3)", [1, 2])), @"cannot write a custom expression: it has more places than values");
    refuse!(value(Expr::cust_with_values("f(@P2)", [1, 2])), @"cannot write a custom expression: it has more values than places");
}

#[test]
fn functions() {
    refuse!(value(Func::md5(n())), @"cannot write MD5 as T-SQL: call HASHBYTES, whose result depends on how the text is encoded");
    refuse!(value(Func::bit_and(n())), @"cannot write BIT_AND and BIT_OR as T-SQL: aggregate the bits one by one with MIN or MAX");
    refuse!(value(Func::count(n()).filter(n().gt(1))), @"cannot write FILTER on an aggregate as T-SQL: aggregate a CASE without ELSE");
    refuse!(value(Func::cast_as_quoted(n(), TypeRef::from("text[]"))), @"cannot write arrays as T-SQL: use a table, or JSON text with OPENJSON");
    refuse!(value(Func::greatest([])), @"cannot write GREATEST or LEAST: it has no values");
    refuse!(value(Func::coalesce(Vec::<Expr>::new())), @"cannot write COALESCE: it has no values");
}

#[test]
fn values_that_sql_server_does_not_have() {
    let error = |expr: Expr| value(expr).to_mssql().unwrap_err().to_string();
    insta::assert_snapshot!(error(Expr::val(f64::NAN)), @"cannot write a float that is infinite or not a number: SQL Server's float has no such values");
    insta::assert_snapshot!(error(Expr::val(f32::INFINITY)), @"cannot write a float that is infinite or not a number: SQL Server's float has no such values");
    insta::assert_snapshot!(error(Expr::val(NaiveDate::from_ymd_opt(0, 1, 1).unwrap())), @"cannot write a date: SQL Server's years go from 1 to 9999");
    insta::assert_snapshot!(error(Expr::val(NaiveDate::from_ymd_opt(10_000, 1, 1).unwrap())), @"cannot write a date: SQL Server's years go from 1 to 9999");
    insta::assert_snapshot!(error(Expr::val(NaiveDate::from_ymd_opt(-44, 3, 15).unwrap())), @"cannot write a date: SQL Server's years go from 1 to 9999");
    let leap = NaiveTime::from_hms_milli_opt(23, 59, 59, 1_500).unwrap();
    insta::assert_snapshot!(error(Expr::val(leap)), @"cannot write a leap second: SQL Server's seconds go from 0 to 59");
    let noon = NaiveDate::from_ymd_opt(1900, 1, 1)
        .unwrap()
        .and_hms_opt(12, 0, 0)
        .unwrap();
    let far = FixedOffset::east_opt(15 * 3600).unwrap().from_utc_datetime(&noon);
    insta::assert_snapshot!(error(Expr::val(far)), @"cannot write a time offset: datetimeoffset takes whole minutes of at most 14 hours");
    let odd = FixedOffset::east_opt(1_172).unwrap().from_utc_datetime(&noon);
    insta::assert_snapshot!(error(Expr::val(odd)), @"cannot write a time offset: datetimeoffset takes whole minutes of at most 14 hours");
}

#[test]
fn tables() {
    refuse!(Table::create().table("t").to_owned(), @"cannot write CREATE TABLE: it has no columns");
    refuse!(Table::create().col(ColumnDef::new("a").integer()).to_owned(), @"cannot write CREATE TABLE: it names no table");
    refuse!(table(&mut ColumnDef::new("a")), @"cannot write a column definition: it has no type");
    let one = || table(ColumnDef::new("a").integer());
    refuse!(one().temporary().to_owned(), @"cannot write TEMPORARY as T-SQL: give the table a name that starts with #");
    refuse!(one().engine("InnoDB").to_owned(), @"cannot write table options (engine, collation, character set) as T-SQL: set up filegroups, partition schemes and collations in T-SQL");
    refuse!(one().comment("what it is for").to_owned(), @"cannot write a comment on a table as T-SQL: call sp_addextendedproperty");
    refuse!(one().partition_by_range(["a"]).to_owned(), @"cannot write PARTITION BY in CREATE TABLE as T-SQL: set up filegroups, partition schemes and collations in T-SQL");
    refuse!(one().partition_of("u").to_owned(), @"cannot write PARTITION OF in CREATE TABLE as T-SQL: set up filegroups, partition schemes and collations in T-SQL");
    refuse!(one().table("t".into_table_ref().alias("a")).to_owned(), @"cannot write a table with an alias here: the table is named without an alias");
    refuse!(one().index(Index::create().col("a")).to_owned(), @"cannot write an index inside of CREATE TABLE: it has no name");
    refuse!(one().index(Index::create().unique().name("u")).to_owned(), @"cannot write an index or key: it has no columns");
    refuse!(one().index(Index::create().unique().name("u").col(("a", 10))).to_owned(), @"cannot write a length prefix or operator class in an index as T-SQL: index a computed column of the shortened text");
    refuse!(one().index(Index::create().unique().name("u").col(Func::lower(n()))).to_owned(), @"cannot write an index on an expression as T-SQL: index a computed column");
    refuse!(one().index(Index::create().unique().name("u").col("a").nulls_not_distinct()).to_owned(), @"cannot write NULLS NOT DISTINCT as T-SQL: leave it out: a unique index of SQL Server takes one NULL only; filter it by IS NOT NULL to take more");
    refuse!(
        one().foreign_key(ForeignKey::create().from("t", "a").to("u", "b").on_delete(ForeignKeyAction::Restrict)).to_owned(),
        @"cannot write RESTRICT on a foreign key as T-SQL: NO ACTION does the same in SQL Server"
    );
    refuse!(one().foreign_key(ForeignKey::create().from("t", ("a", "b")).to("u", "b")).to_owned(), @"cannot write a foreign key: it needs as many columns as it references");
    refuse!(Table::drop().table("t").cascade().to_owned(), @"cannot write RESTRICT or CASCADE as T-SQL: drop the foreign keys to the table first");
    refuse!(Table::drop(), @"cannot write DROP TABLE: it names no table");
    refuse!(Table::truncate(), @"cannot write TRUNCATE TABLE: it names no table");
}

#[test]
fn columns() {
    refuse!(table(ColumnDef::new("a").text().auto_increment()), @"cannot write IDENTITY: the column must be an integer, or a decimal without decimals");
    refuse!(table(ColumnDef::new("a").integer().null().primary_key()), @"cannot write a nullable primary key or IDENTITY: both are NOT NULL");
    refuse!(table(ColumnDef::new("a").integer().auto_increment().default(1)), @"cannot write an IDENTITY column: it has no DEFAULT");
    refuse!(table(ColumnDef::new("a").integer().comment("x")), @"cannot write a comment on a column as T-SQL: call sp_addextendedproperty");
    refuse!(table(ColumnDef::new("a").integer().generated(n(), false).not_null()), @"cannot write a constraint on a computed column: only a stored one can be NOT NULL, a primary key or checked");
    refuse!(AlterTable::alter_column("t", ColumnDef::new("a").integer()), @"cannot write ALTER COLUMN: it needs a type, and NULL or NOT NULL");
    refuse!(AlterTable::alter_column("t", ColumnDef::new("a").integer().null().default(1)), @"cannot write ALTER COLUMN of anything but type and nullability as T-SQL: add or drop the constraint in a statement of its own");
    refuse!(AlterTable::add_unique("t", "u", Vec::<Alias>::new()), @"cannot write an index or key: it has no columns");
}

#[test]
fn column_types() {
    let types = [
        ColumnType::Decimal(None),
        ColumnType::Decimal(Some((39, 0))),
        ColumnType::Decimal(Some((5, 6))),
        ColumnType::String(StringLen::N(4_001)),
        ColumnType::String(StringLen::N(0)),
        ColumnType::var_binary(8_001),
        ColumnType::Bit(Some(8)),
        ColumnType::Year,
        ColumnType::Interval(None, None),
        ColumnType::Array(sea_query::RcOrArc::new(ColumnType::Integer)),
        ColumnType::Enum {
            name: "mood".into(),
            variants: vec!["ok".into()],
        },
        ColumnType::Inet,
    ];
    let errors = types
        .map(|column_type| crate::check::refused(&table(&mut ColumnDef::new_with_type("a", column_type))));
    insta::assert_snapshot!(errors.join("\n"), @r#"
cannot write a decimal without precision and scale: SQL Server would keep no decimals; say decimal_len(precision, scale)
cannot write a decimal: its precision goes from 1 to 38, its scale from 0 to the precision
cannot write a decimal: its precision goes from 1 to 38, its scale from 0 to the precision
cannot write the length of a text column: it goes from 1 to 4000; use text() for nvarchar(max)
cannot write the length of a text column: it goes from 1 to 4000; use text() for nvarchar(max)
cannot write the length of a column: it goes from 1 to 8000; leave it out for varbinary(max)
cannot write a string of bits as T-SQL: use varbinary, or a bit column for each
cannot write the type year as T-SQL: use smallint
cannot write this column type as T-SQL: use ColumnType::custom with a type of SQL Server
cannot write an array type as T-SQL: use a table of its own, or JSON text
cannot write an enum type as T-SQL: use nvarchar(n) with a CHECK constraint
cannot write this column type as T-SQL: use ColumnType::custom with a type of SQL Server
"#);
    insta::assert_snapshot!(MssqlType::DateTime2(8).into_column_type().unwrap_err(), @"cannot write the scale of a time: it goes from 0 to 7 decimals");
    insta::assert_snapshot!(MssqlType::VarChar(8_001).into_column_type().unwrap_err(), @"cannot write the length of a column: it goes from 1 to 8000; leave it out for varbinary(max)");
}

#[test]
fn indexes() {
    refuse!(CreateIndex::new("ix", "t"), @"cannot write an index or key: it has no columns");
    refuse!(CreateIndex::new("ix", "t").column(("a", 10)), @"cannot write a length prefix or operator class in an index as T-SQL: index a computed column of the shortened text");
    refuse!(CreateIndex::new("ix", "t").clustered().column("a").include("b"), @"cannot write INCLUDE in a clustered index: it has all columns anyway");
    refuse!(CreateIndex::new("ix", "t").clustered().column("a").filter(n().eq(1)), @"cannot write WHERE in a clustered index: it has all rows");
    let filtered = |filter: Expr| CreateIndex::new("ix", "t").column("a").filter(filter);
    refuse!(filtered(n().eq(1).or(n().eq(2))), @"cannot write this filter of an index as T-SQL: compare columns of the table with constants, and join the comparisons by AND");
    refuse!(filtered(n().like("x%")), @"cannot write this filter of an index as T-SQL: compare columns of the table with constants, and join the comparisons by AND");
    refuse!(filtered(n().eq(Expr::col("m"))), @"cannot write this filter of an index as T-SQL: compare columns of the table with constants, and join the comparisons by AND");
    refuse!(filtered(Expr::col(("t", "n")).eq(1)), @"cannot write this filter of an index as T-SQL: compare columns of the table with constants, and join the comparisons by AND");
    refuse!(filtered(n().not()), @"cannot write this filter of an index as T-SQL: compare columns of the table with constants, and join the comparisons by AND");
    refuse!(CreateIndex::new("ix", "t".into_table_ref().alias("a")).column("a"), @"cannot write a table with an alias here: the table is named without an alias");
}

#[test]
fn identifiers() {
    let named = |name: &str| Query::select().column(Alias::new(name)).from("t").to_owned();
    refuse!(named(""), @r#"cannot use "" as an identifier: it is empty"#);
    refuse!(named("a\0b"), @r#"cannot use "a\0b" as an identifier: it contains a NUL character"#);
    assert!(named(&"я".repeat(MAX_IDENTIFIER)).to_mssql().is_ok());
    refuse!(named(&"я".repeat(MAX_IDENTIFIER + 1)), @r#"cannot use "яяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяяя" as an identifier: it is longer than 128 characters"#);
    // An emoji is two of the server's characters.
    refuse!(named(&"🙂".repeat(65)), @r#"cannot use "🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂🙂" as an identifier: it is longer than 128 characters"#);
    let from = |name: String| Query::select().column(Asterisk).from(Alias::new(name)).to_owned();
    assert!(from(format!("#{}", "a".repeat(115))).to_mssql().is_ok());
    refuse!(from(format!("#{}", "a".repeat(116))), @r##"cannot use "#aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" as an identifier: the name of a temporary table may have at most 116 characters"##);
    refuse!(Rename::table("t", "a\nb"), @"cannot write sp_rename: the names must not contain line breaks");
}

#[test]
fn statements_that_are_too_big() {
    let row = |_| [Expr::val(1)];
    let full = Query::insert()
        .into_table("t")
        .columns(["a"])
        .values_from_panic((0..MAX_INSERT_ROWS).map(row))
        .to_owned();
    assert!(full.build_mssql().is_ok());
    let over = Query::insert()
        .into_table("t")
        .columns(["a"])
        .values_from_panic((0..=MAX_INSERT_ROWS).map(row))
        .to_owned();
    refuse!(over, @"cannot write 1001 rows in VALUES, SQL Server takes at most 1000: split the statement");
    assert_eq!(over.to_mssql().unwrap_err().kind(), ErrorKind::TooBig);

    let some = |count: usize| predicate(n().is_in(vec![1; count]));
    assert_eq!(
        some(MAX_PARAMETERS).build_mssql().unwrap().1.0.len(),
        MAX_PARAMETERS
    );
    let error = some(MAX_PARAMETERS + 1).build_mssql().unwrap_err();
    assert_eq!(
        error,
        Error::Limit {
            what: "parameters",
            actual: MAX_PARAMETERS + 1,
            limit: MAX_PARAMETERS
        }
    );
    assert!(some(MAX_PARAMETERS + 1).to_mssql().is_ok());
}

#[test]
fn kinds_tell_what_can_be_done() {
    let kind = |statement: &SelectStatement| statement.to_mssql().unwrap_err().kind();
    assert_eq!(
        kind(&numbers().lock(LockType::Share).to_owned()),
        ErrorKind::Unsupported
    );
    assert_eq!(kind(&numbers().offset(1).to_owned()), ErrorKind::Invalid);
    assert_eq!(
        kind(&numbers().from(Alias::new("")).to_owned()),
        ErrorKind::Invalid
    );
}
