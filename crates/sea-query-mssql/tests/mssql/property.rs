//! What holds for any name, any text and any expression.

use proptest::prelude::*;
use sea_query::{Alias, CaseStatement, Condition, Expr, ExprTrait, Func, Order, Query, Value};
use sea_query_mssql::{MssqlQueryBuilder, MssqlStatement};
use sqlparser::ast::{BinaryOperator, Expr as Ast, SelectItem, SetExpr, Statement, Value as AstValue};
use sqlparser::dialect::MsSqlDialect;
use sqlparser::tokenizer::{Token, Tokenizer};

use crate::check::{accepted, parameters, parse};

/// The only column of a SELECT, as the independent parser read it.
fn selected(sql: &str) -> SelectItem {
    let Statement::Query(query) = parse(sql) else {
        panic!("a query: {sql}")
    };
    let SetExpr::Select(select) = *query.body else {
        panic!("a select: {sql}")
    };
    assert_eq!(select.projection.len(), 1, "{sql}");
    select.projection.into_iter().next().expect("one column")
}

/// The text that a literal, or a sum of literals, stands for.
fn text_of(expr: &Ast) -> String {
    match expr {
        Ast::Value(value) => match &value.value {
            AstValue::NationalStringLiteral(text) => {
                assert!(
                    !text.contains("\\\n") && !text.contains("\\\r"),
                    "SQL Server would join these lines"
                );
                text.clone()
            }
            other => panic!("text: {other}"),
        },
        Ast::Nested(inner) | Ast::Cast { expr: inner, .. } => text_of(inner),
        Ast::BinaryOp {
            left,
            op: BinaryOperator::Plus,
            right,
        } => text_of(left) + &text_of(right),
        other => panic!("text: {other}"),
    }
}

/// Text with many of the characters that quoting is about.
fn awkward() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => any::<char>().prop_map(String::from),
        2 => prop::sample::select(vec!["'", "''", "]", "]]", "[", "\"", "\\", "\\\n", "\\\r\n", "\n", "--", "/*", "*/", "@P1", "?", ";", "N'"])
            .prop_map(String::from),
        1 => "[a-zA-Z_ ]{1,8}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// A column, a value, or an operation on them, of the kinds sea-query can express.
fn expression() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        "[a-z]{1,4}".prop_map(|name| Expr::col(Alias::new(name))),
        any::<i32>().prop_map(Expr::val),
        any::<bool>().prop_map(Expr::val),
        awkward().prop_map(Expr::val),
        Just(Expr::val(Option::<i64>::None)),
        Just(Expr::null()),
        Just(Expr::cust("SYSDATETIME()")),
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            (pair.clone(), 0..16_usize).prop_map(|((a, b), operation)| match operation {
                0 => a.add(b),
                1 => a.sub(b),
                2 => a.mul(b),
                3 => a.bit_and(b),
                4 => a.eq(b),
                5 => a.ne(b),
                6 => a.lt(b),
                7 => a.gte(b),
                8 => a.and(b),
                9 => a.or(b),
                10 => a.is_in([b.clone(), b]),
                11 => a.if_null(b),
                12 => a.between(b.clone(), b),
                13 => Func::greatest([a, b]).into(),
                14 => CaseStatement::new().case(a, b).into(),
                _ => Expr::cust_with_exprs("IIF(@P2 > @P1, ?, '?')", [a, b]),
            }),
            inner.clone().prop_map(|a| a.not()),
            inner.clone().prop_map(|a| a.is_null()),
            inner.clone().prop_map(|a| Func::char_length(a).into()),
            inner.prop_map(|a| Expr::exists(Query::select().expr(a).from("t").to_owned())),
        ]
    })
}

proptest! {
    #[test]
    fn any_name_comes_back(name in awkward().prop_filter("a name", |name| {
        !name.is_empty() && !name.contains('\0') && name.encode_utf16().count() <= 128
    })) {
        let select = Query::select().column(Alias::new(&name)).from("t").to_owned();
        match selected(&accepted(&select, &[])) {
            SelectItem::UnnamedExpr(Ast::Identifier(found)) => prop_assert_eq!(found.value, name),
            other => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn any_text_comes_back(text in awkward()) {
        let select = Query::select().expr(Expr::val(&text)).to_owned();
        match selected(&accepted(&select, &[])) {
            SelectItem::UnnamedExpr(found) => prop_assert_eq!(text_of(&found), text),
            other => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn any_bytes_come_back(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let sql = Query::select().expr(Expr::val(bytes.clone())).to_owned().to_mssql().unwrap();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        prop_assert_eq!(sql, format!("SELECT 0x{hex}"));
    }

    #[test]
    fn any_float_comes_back(number in any::<f64>().prop_filter("finite", |number| number.is_finite())) {
        let sql = Query::select().expr(Expr::val(number)).to_owned().to_mssql().unwrap();
        let literal = sql.trim_start_matches("SELECT ");
        prop_assert!(literal.contains('e'), "a decimal, not a float: {}", literal);
        prop_assert_eq!(literal.parse::<f64>().unwrap().to_bits(), number.to_bits());
    }

    #[test]
    fn any_expression_is_parsed_as_a_value_and_as_a_predicate(value in expression(), predicate in expression()) {
        let select = Query::select()
            .expr_as(value.clone(), "v")
            .from("t")
            .cond_where(Condition::any().add(predicate).add(value.clone()))
            .order_by_expr(Expr::cust_with_expr("LEN(?)", value), Order::Asc)
            .to_owned();
        let sql = accepted(&select, &[]);
        prop_assert_eq!(select.to_string(MssqlQueryBuilder), sql);
    }

    #[test]
    fn parameters_and_values_agree(predicate in expression()) {
        let select = Query::select().column("a").from("t").and_where(predicate).to_owned();
        let (sql, values) = select.build_mssql().unwrap();
        prop_assert_eq!(parameters(&sql).len(), values.0.len());

        // Put in its place, each value makes the statement with literals.
        let mut literals = values.0.iter().map(literal);
        let tokens = Tokenizer::new(&MsSqlDialect {}, &sql).tokenize().unwrap();
        let filled: String = tokens
            .into_iter()
            .map(|token| match token {
                Token::Placeholder(_) => literals.next().unwrap(),
                Token::Word(word) if word.value.starts_with("@P") && word.quote_style.is_none() => literals.next().unwrap(),
                other => other.to_string(),
            })
            .collect();
        prop_assert_eq!(filled, select.to_mssql().unwrap());
    }
}

fn literal(value: &Value) -> String {
    let sql = Query::select()
        .expr(Expr::val(value.clone()))
        .to_owned()
        .to_mssql()
        .expect("a value of a statement that was written");
    sql.trim_start_matches("SELECT ").to_owned()
}
