//! sqlparser's SQL Server dialect, with one rule added: words that T-SQL reserves are no aliases.
//!
//! Without it `DELETE t COMMIT`, which needs no semicolon in T-SQL, would read COMMIT as the alias of `t`.

use std::any::TypeId;

use sqlparser::ast::{GranteesType, Statement};
use sqlparser::dialect::{Dialect, MsSqlDialect};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};

/// T-SQL as this server reads it.
#[derive(Debug)]
pub(crate) struct TSql(pub(crate) MsSqlDialect);

/// Reserved words that can follow a table or an expression, and that sqlparser would take for an alias.
const RESERVED: [&str; 20] = [
    "BEGIN",
    "BREAK",
    "COMMIT",
    "CONTINUE",
    "DECLARE",
    "EXEC",
    "EXECUTE",
    "GO",
    "IF",
    "OPTION",
    "PRINT",
    "RAISERROR",
    "RETURN",
    "ROLLBACK",
    "SAVE",
    "SET",
    "THROW",
    "USE",
    "WAITFOR",
    "WHILE",
];

fn reserved(keyword: &Keyword, parser: &Parser<'_>) -> bool {
    // The word itself is asked for as a keyword, or stands before the parser's position.
    let word = format!("{keyword:?}");
    let current = parser.get_current_token().to_string().to_ascii_uppercase();
    RESERVED.contains(&word.as_str())
        || (*keyword == Keyword::NoKeyword && RESERVED.contains(&current.as_str()))
}

impl Dialect for TSql {
    fn dialect(&self) -> TypeId {
        self.0.dialect()
    }

    fn is_select_item_alias(&self, explicit: bool, keyword: &Keyword, parser: &mut Parser<'_>) -> bool {
        (explicit || !reserved(keyword, parser)) && self.0.is_select_item_alias(explicit, keyword, parser)
    }

    fn is_table_factor_alias(&self, explicit: bool, keyword: &Keyword, parser: &mut Parser<'_>) -> bool {
        (explicit || !reserved(keyword, parser)) && self.0.is_table_factor_alias(explicit, keyword, parser)
    }

    // Everything below is the SQL Server dialect as it is.

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        self.0.is_delimited_identifier_start(ch)
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        self.0.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        self.0.is_identifier_part(ch)
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        self.0.identifier_quote_style(identifier)
    }

    fn convert_type_before_value(&self) -> bool {
        self.0.convert_type_before_value()
    }

    fn supports_outer_join_operator(&self) -> bool {
        self.0.supports_outer_join_operator()
    }

    fn supports_dollar_as_money_prefix(&self) -> bool {
        self.0.supports_dollar_as_money_prefix()
    }

    fn supports_eq_alias_assignment(&self) -> bool {
        self.0.supports_eq_alias_assignment()
    }

    fn supports_try_convert(&self) -> bool {
        self.0.supports_try_convert()
    }

    fn supports_boolean_literals(&self) -> bool {
        self.0.supports_boolean_literals()
    }

    fn supports_named_fn_args_with_expr_name(&self) -> bool {
        self.0.supports_named_fn_args_with_expr_name()
    }

    fn supports_named_fn_args_with_rarrow_operator(&self) -> bool {
        self.0.supports_named_fn_args_with_rarrow_operator()
    }

    fn supports_nested_comments(&self) -> bool {
        self.0.supports_nested_comments()
    }

    fn supports_object_name_double_dot_notation(&self) -> bool {
        self.0.supports_object_name_double_dot_notation()
    }

    fn get_reserved_grantees_types(&self) -> &[GranteesType] {
        self.0.get_reserved_grantees_types()
    }

    fn is_table_factor(&self, keyword: &Keyword, parser: &mut Parser<'_>) -> bool {
        self.0.is_table_factor(keyword, parser)
    }

    fn parse_statement(&self, parser: &mut Parser<'_>) -> Option<Result<Statement, ParserError>> {
        self.0.parse_statement(parser)
    }

    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        self.0.get_next_precedence(parser)
    }
}
