//! The query builder for sea-query's own methods, which cannot fail.

use sea_query::{
    ColumnDef, ColumnType, Cond, Expr, ExprTrait, ForeignKey, Index, LockType, Order, Query, QueryBuilder,
    SqlWriterValues, Table, TableBuilder,
};
use sea_query_mssql::{MssqlQueryBuilder, MssqlStatement};
use sqlparser::dialect::MsSqlDialect;
use sqlparser::parser::Parser;

/// A text for a statement that T-SQL cannot say must be one that nobody can run by mistake.
#[track_caller]
fn unparsable(sql: &str) {
    assert!(sql.contains("!!!"), "{sql}");
    assert!(Parser::parse_sql(&MsSqlDialect {}, sql).is_err(), "{sql}");
}

#[test]
fn writes_what_the_fallible_methods_write() {
    let select = Query::select()
        .column("a")
        .from("t")
        .and_where(Expr::col("a").gt(3))
        .order_by("a", Order::Asc)
        .limit(10)
        .offset(5)
        .to_owned();
    assert_eq!(select.to_string(MssqlQueryBuilder), select.to_mssql().unwrap());
    assert_eq!(select.build(MssqlQueryBuilder), select.build_mssql().unwrap());
    assert_eq!(
        select.build_any(&MssqlQueryBuilder),
        select.build_mssql().unwrap()
    );

    let insert = Query::insert()
        .into_table("t")
        .columns(["a"])
        .values_panic(["x".into()])
        .returning_all()
        .to_owned();
    assert_eq!(insert.build(MssqlQueryBuilder), insert.build_mssql().unwrap());
    let update = Query::update()
        .table("t")
        .value("a", 1)
        .and_where(Expr::col("b").eq(2))
        .to_owned();
    assert_eq!(update.build(MssqlQueryBuilder), update.build_mssql().unwrap());
    let delete = Query::delete().from_table("t").cond_where(Cond::all()).to_owned();
    assert_eq!(delete.build(MssqlQueryBuilder), delete.build_mssql().unwrap());

    let create = Table::create()
        .table("t")
        .if_not_exists()
        .col(ColumnDef::new("a").integer().default(1))
        .to_owned();
    assert_eq!(create.to_string(MssqlQueryBuilder), create.to_mssql().unwrap());
    let key = ForeignKey::create().from("t", "a").to("u", "b").to_owned();
    assert_eq!(key.to_string(MssqlQueryBuilder), key.to_mssql().unwrap());
    let drop = Table::drop().table("t").to_owned();
    assert_eq!(drop.to_string(MssqlQueryBuilder), drop.to_mssql().unwrap());
    let truncate = Table::truncate().table("t").to_owned();
    assert_eq!(
        truncate.to_string(MssqlQueryBuilder),
        truncate.to_mssql().unwrap()
    );
}

#[test]
fn what_cannot_be_said_cannot_be_run() {
    let t = Query::select().column("a").from("t").to_owned();
    unparsable(&t.clone().lock(LockType::Update).to_string(MssqlQueryBuilder));
    unparsable(&t.clone().offset(1).to_string(MssqlQueryBuilder));
    unparsable(
        &t.clone()
            .and_where(Expr::col("a").is(true))
            .build(MssqlQueryBuilder)
            .0,
    );
    unparsable(&t.clone().expr(Expr::val(f64::NAN)).to_string(MssqlQueryBuilder));
    unparsable(&Query::insert().into_table("t").to_string(MssqlQueryBuilder));
    unparsable(&Table::create().table("t").to_string(MssqlQueryBuilder));
}

#[test]
fn statements_that_sea_query_shows_to_nobody_name_the_builder_to_use() {
    let alter = Table::alter()
        .table("t")
        .add_column(ColumnDef::new("a").integer())
        .to_string(MssqlQueryBuilder);
    unparsable(&alter);
    assert!(alter.contains("sea_query_mssql::AlterTable"), "{alter}");
    let rename = Table::rename().table("t", "u").to_string(MssqlQueryBuilder);
    unparsable(&rename);
    assert!(rename.contains("sea_query_mssql::Rename"), "{rename}");
    let index = Index::create()
        .name("i")
        .table("t")
        .col("a")
        .to_string(MssqlQueryBuilder);
    unparsable(&index);
    assert!(index.contains("sea_query_mssql::CreateIndex"), "{index}");
    let drop = Index::drop().name("i").table("t").to_string(MssqlQueryBuilder);
    unparsable(&drop);
    assert!(drop.contains("sea_query_mssql::DropIndex"), "{drop}");
    let key = ForeignKey::drop()
        .name("fk")
        .table("t")
        .to_string(MssqlQueryBuilder);
    unparsable(&key);
    assert!(
        key.contains("sea_query_mssql::AlterTable::drop_constraint"),
        "{key}"
    );
}

#[test]
fn parts_can_be_written_alone() {
    let mut sql = String::new();
    MssqlQueryBuilder.prepare_expr(&Expr::col("a").add(1), &mut sql);
    assert_eq!(sql, "[a] + 1");
    let mut sql = String::new();
    MssqlQueryBuilder.prepare_column_type(&ColumnType::Text, &mut sql);
    assert_eq!(sql, "nvarchar(max)");
    assert_eq!(MssqlQueryBuilder.value_to_string(&"it's".into()), "N'it''s'");
}

#[test]
fn raw_parameters_go_on_counting() {
    let (placeholder, numbered) = MssqlQueryBuilder.placeholder();
    let mut sql = SqlWriterValues::new(placeholder, numbered);
    let t = Query::select()
        .column("a")
        .from("t")
        .and_where(Expr::col("a").eq(1))
        .to_owned();
    t.build_collect_any_into(&MssqlQueryBuilder, &mut sql);
    t.build_collect_any_into(&MssqlQueryBuilder, &mut sql);
    let (text, values) = sql.into_parts();
    assert!(text.contains("@P1") && text.contains("@P2"), "{text}");
    assert_eq!(values.0.len(), 2);
}
