//! INSERT, UPDATE and DELETE, and the clauses they share.

use sqlparser::ast::{Cte, Expr, SelectItem, TableWithJoins};
use sqlparser::tokenizer::Token;

use super::parser::{StatementParser, parse_expression};
use super::syntax::{Delete, Insert, Output, Statement, Update};
use crate::errors::{self, SqlResult};

impl StatementParser {
    pub(super) fn hints(&mut self) -> SqlResult<Vec<Expr>> {
        if self.peek(0) == "WITH" && self.p.peek_nth_token_ref(1).token == Token::LParen {
            self.expect("WITH")?;
            return self.in_parens(|p| p.list(Self::expr));
        }
        Ok(Vec::new())
    }

    fn output(&mut self) -> SqlResult<Option<Output>> {
        if !self.word("OUTPUT") {
            return Ok(None);
        }
        let items = self.list(|p| -> SqlResult<SelectItem> {
            let result = p.p.parse_select_item();
            p.lift(result)
        })?;
        let into = if self.word("INTO") {
            let name = self.name()?;
            let columns = if self.next_is(&Token::LParen) {
                self.in_parens(|p| p.list(Self::ident))?
            } else {
                Vec::new()
            };
            Some((name, columns))
        } else {
            None
        };
        Ok(Some(Output { items, into }))
    }

    fn top(&mut self) -> SqlResult<Option<Expr>> {
        if !self.word("TOP") {
            return Ok(None);
        }
        self.in_parens(Self::expr).map(Some)
    }

    pub(super) fn insert(&mut self, with: Vec<Cte>) -> SqlResult<Statement> {
        self.expect("INSERT")?;
        self.word("INTO");
        let table = self.name()?;
        let hints = self.hints()?;
        let columns = if self.next_is(&Token::LParen) && self.peek(1) != "SELECT" {
            self.in_parens(|p| p.list(Self::ident))?
        } else {
            Vec::new()
        };
        let output = self.output()?;
        let source = if self.words(&["DEFAULT", "VALUES"]) {
            None
        } else {
            if matches!(self.peek(0).as_str(), "EXEC" | "EXECUTE") {
                return Err(errors::unsupported("INSERT EXEC"));
            }
            let result = self.p.parse_query();
            let query = self.lift(result)?;
            self.query_options()?;
            Some(query)
        };
        Ok(Statement::Insert(Box::new(Insert {
            with,
            table,
            hints,
            columns,
            output,
            source,
        })))
    }

    fn from(&mut self) -> SqlResult<Vec<TableWithJoins>> {
        if !self.word("FROM") {
            return Ok(Vec::new());
        }
        self.list(|p| {
            let result = p.p.parse_table_and_joins();
            p.lift(result)
        })
    }

    fn filter(&mut self) -> SqlResult<Option<Expr>> {
        let filter = if self.word("WHERE") {
            Some(self.expr()?)
        } else {
            None
        };
        self.query_options()?;
        Ok(filter)
    }

    pub(super) fn update(&mut self, with: Vec<Cte>) -> SqlResult<Statement> {
        self.expect("UPDATE")?;
        if self.peek(0) == "STATISTICS" {
            return Err(errors::unsupported("UPDATE STATISTICS"));
        }
        let top = self.top()?;
        let target = self.name()?;
        let hints = self.hints()?;
        self.expect("SET")?;
        let set = self.list(|p| {
            let column = p.name()?;
            let value = p.assigned(&column.to_string())?;
            Ok((column, value))
        })?;
        let output = self.output()?;
        let from = self.from()?;
        let filter = self.filter()?;
        Ok(Statement::Update(Box::new(Update {
            with,
            top,
            target,
            hints,
            set,
            output,
            from,
            filter,
        })))
    }

    pub(super) fn delete(&mut self, with: Vec<Cte>) -> SqlResult<Statement> {
        self.expect("DELETE")?;
        let top = self.top()?;
        self.word("FROM");
        let target = self.name()?;
        let hints = self.hints()?;
        let output = self.output()?;
        let from = self.from()?;
        let filter = self.filter()?;
        Ok(Statement::Delete(Box::new(Delete {
            with,
            top,
            target,
            hints,
            output,
            from,
            filter,
        })))
    }

    /// The right side of `= value` or `+= value` and its like.
    pub(super) fn assigned(&mut self, target: &str) -> SqlResult<Expr> {
        let operator = match &self.p.peek_token_ref().token {
            Token::Plus => Some('+'),
            Token::Minus => Some('-'),
            Token::Mul => Some('*'),
            Token::Div => Some('/'),
            _ => None,
        };
        if operator.is_some() {
            self.p.advance_token();
        }
        self.expect_token(&Token::Eq)?;
        let value = self.expr()?;
        match operator {
            None => Ok(value),
            Some(operator) => parse_expression(&format!("{target} {operator} ({value})")),
        }
    }
}
