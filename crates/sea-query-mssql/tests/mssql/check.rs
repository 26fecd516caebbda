//! The one helper of these tests.

use sea_query::Values;
use sea_query_mssql::{Error, MssqlStatement};
use sqlparser::ast::Statement;
use sqlparser::dialect::MsSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

/// Compares a statement with a snapshot, after the independent parser has taken it, with literals and with parameters.
///
/// `gap("…" => "…")` is for T-SQL that the parser does not know: what stands in for it when the parser reads it. All
/// else of the statement is parsed still, and a gap that is none any more fails the test.
macro_rules! check {
    ($statement:expr, $(gap($unknown:literal => $known:literal),)+ @$expected:literal) => {
        insta::assert_snapshot!(crate::check::accepted(&$statement, &[$(($unknown, $known)),+]), @$expected)
    };
    ($statement:expr, @$expected:literal) => {
        insta::assert_snapshot!(crate::check::accepted(&$statement, &[]), @$expected)
    };
}

/// The text of a statement, which must be T-SQL to the independent parser.
#[track_caller]
pub(crate) fn accepted(statement: &impl MssqlStatement, gaps: &[(&str, &str)]) -> String {
    let text = statement.to_mssql().expect("the statement can be written");
    let (with_parameters, values) = statement.build_mssql().expect("the statement can be written");
    assert_eq!(
        parameters(&with_parameters),
        numbered(&values),
        "{with_parameters}"
    );
    let mut filled = false;
    for sql in [&text, &with_parameters] {
        if gaps.is_empty() || Parser::parse_sql(&MsSqlDialect {}, sql).is_ok() {
            parse(sql);
        } else {
            filled = true;
            parse(
                &gaps
                    .iter()
                    .fold(sql.clone(), |sql, (unknown, known)| sql.replace(unknown, known)),
            );
        }
    }
    assert!(filled || gaps.is_empty(), "the parser knows this by now: {text}");
    text
}

/// The error of a statement that cannot be written, which must be the same with literals and with parameters.
#[track_caller]
pub(crate) fn refused(statement: &impl MssqlStatement) -> String {
    let error: Error = statement.to_mssql().expect_err("T-SQL cannot say this");
    assert_eq!(statement.build_mssql().expect_err("T-SQL cannot say this"), error);
    error.to_string()
}

/// Parses one statement of T-SQL with the independent parser.
#[track_caller]
pub(crate) fn parse(sql: &str) -> Statement {
    let mut statements = match Parser::parse_sql(&MsSqlDialect {}, sql) {
        Ok(statements) => statements,
        Err(error) => panic!("{error}\n{sql}"),
    };
    assert_eq!(statements.len(), 1, "one statement: {sql}");
    statements.remove(0)
}

/// The parameters of a statement in the order in which they stand.
pub(crate) fn parameters(sql: &str) -> Vec<String> {
    let tokens = Tokenizer::new(&MsSqlDialect {}, sql)
        .tokenize()
        .expect("the text has tokens");
    tokens
        .into_iter()
        .filter_map(|token| match token {
            Token::Word(word) if word.quote_style.is_none() && word.value.starts_with("@P") => {
                Some(word.value)
            }
            Token::Placeholder(name) => Some(name),
            _ => None,
        })
        .collect()
}

fn numbered(values: &Values) -> Vec<String> {
    (1..=values.0.len()).map(|number| format!("@P{number}")).collect()
}
