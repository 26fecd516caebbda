//! Batches to statements. sqlparser reads the tokens, the queries and the expressions; the order of T-SQL's
//! statements, which need no semicolons, is read here, and definitions in [`super::parser_ddl`].

use sqlparser::ast::{Cte, Expr, Ident, ObjectName};
use sqlparser::dialect::MsSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::dialect::TSql;
use super::syntax::{Argument, Batch, Declaration, Declared, Execute, Located, Statement};
use super::type_names::type_of;
use super::words::{is_reserved, starts_statement};
use crate::errors::{self, SqlError, SqlResult};
use crate::value::SqlType;

const DIALECT: TSql = TSql(MsSqlDialect {});

/// Parses a batch; nothing of it runs when any part is wrong.
pub(crate) fn parse(sql: &str) -> SqlResult<Batch> {
    let mut parser = StatementParser::new(sql)?;
    let statements = parser.statements(&[])?;
    Ok(Batch { statements })
}

/// Parses the declaration of parameters, as sp_executesql takes it.
pub(crate) fn parse_parameters(text: &str) -> SqlResult<Vec<(String, SqlType, bool)>> {
    let mut parser = StatementParser::new(text)?;
    let mut out = Vec::new();
    while !parser.at_end() {
        let name = parser.variable()?;
        parser.word("AS");
        let ty = parser.data_type()?;
        if parser.token(&Token::Eq) {
            return Err(errors::unsupported("default of a parameter"));
        }
        let output = parser.word("OUTPUT") || parser.word("OUT");
        out.push((name, ty, output));
        if !parser.token(&Token::Comma) {
            break;
        }
    }
    parser.expect_end()?;
    Ok(out)
}

/// Parses one expression that stands alone.
pub(crate) fn parse_expression(text: &str) -> SqlResult<Expr> {
    let mut parser = StatementParser::new(text)?;
    let expr = parser.expr()?;
    parser.expect_end()?;
    Ok(expr)
}

pub(super) struct StatementParser {
    pub(super) p: Parser<'static>,
    tokens: Vec<TokenWithSpan>,
}

impl StatementParser {
    fn new(sql: &str) -> SqlResult<Self> {
        let tokens = Tokenizer::new(&DIALECT, sql)
            .tokenize_with_location()
            .map_err(|e| {
                let mut error = SqlError::new(
                    105,
                    format!(
                        "Unclosed quotation mark after the character string: {}.",
                        e.message
                    ),
                );
                error.line = line(e.location.line);
                error
            })?;
        Ok(Self {
            p: Parser::new(&DIALECT).with_tokens_with_locations(tokens.clone()),
            tokens,
        })
    }

    // Looking at tokens.

    /// Whether nothing but blanks and comments stands before the next token.
    pub(super) fn is_first_of_batch(&self) -> bool {
        let first = self
            .tokens
            .iter()
            .find(|t| !matches!(t.token, Token::Whitespace(_)));
        first.is_some_and(|t| t.span.start == self.p.peek_token_ref().span.start)
    }

    /// The whole batch, with its comments.
    pub(super) fn batch_text(&self) -> String {
        self.tokens.iter().map(|t| t.token.to_string()).collect()
    }

    pub(super) fn at_end(&self) -> bool {
        matches!(self.p.peek_token_ref().token, Token::EOF)
    }

    fn expect_end(&self) -> SqlResult<()> {
        if self.at_end() {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// The unquoted word that stands `ahead` tokens before the parser, in upper case.
    pub(super) fn peek(&self, ahead: usize) -> String {
        match &self.p.peek_nth_token_ref(ahead).token {
            Token::Word(w) if w.quote_style.is_none() => w.value.to_ascii_uppercase(),
            _ => String::new(),
        }
    }

    pub(super) fn word(&mut self, word: &str) -> bool {
        let found = self.peek(0) == word;
        if found {
            self.p.advance_token();
        }
        found
    }

    /// All words in a row, or none of them.
    pub(super) fn words(&mut self, words: &[&str]) -> bool {
        let found = words.iter().enumerate().all(|(i, word)| self.peek(i) == *word);
        if found {
            for _ in words {
                self.p.advance_token();
            }
        }
        found
    }

    pub(super) fn expect(&mut self, word: &str) -> SqlResult<()> {
        if self.word(word) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    pub(super) fn token(&mut self, token: &Token) -> bool {
        self.p.consume_token(token)
    }

    pub(super) fn expect_token(&mut self, token: &Token) -> SqlResult<()> {
        if self.token(token) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// 102, or 156 for a reserved word, at the next token.
    pub(super) fn unexpected(&self) -> SqlError {
        let next = self.p.peek_token_ref();
        match next.token {
            Token::EOF => self.wrong_token(&self.p.get_current_token().clone()),
            _ => self.wrong_token(next),
        }
    }

    fn wrong_token(&self, token: &TokenWithSpan) -> SqlError {
        let mut error = match &token.token {
            Token::Word(w) if w.quote_style.is_none() && is_reserved(w.keyword) => SqlError::new(
                156,
                format!(
                    "Incorrect syntax near the keyword '{}'.",
                    w.value.to_ascii_uppercase()
                ),
            ),
            other => errors::syntax(&other.to_string()),
        };
        error.line = line(token.span.start.line);
        error
    }

    /// An error of sqlparser, at the token it names; its own position may have gone on.
    pub(super) fn lift<T>(&self, result: Result<T, ParserError>) -> SqlResult<T> {
        result.map_err(|error| {
            let text = error.to_string();
            let place = text
                .rsplit_once("at Line: ")
                .and_then(|(_, place)| place.split_once(", Column: "));
            let place = place.and_then(|(l, c)| Some((l.parse::<u64>().ok()?, c.parse::<u64>().ok()?)));
            let named = self
                .tokens
                .iter()
                .find(|t| Some((t.span.start.line, t.span.start.column)) == place);
            match named {
                Some(token) => self.wrong_token(token),
                None => self.unexpected(),
            }
        })
    }

    // Parts of statements.

    pub(super) fn expr(&mut self) -> SqlResult<Expr> {
        let result = self.p.parse_expr();
        self.lift(result)
    }

    pub(super) fn name(&mut self) -> SqlResult<ObjectName> {
        let result = self.p.parse_object_name(false);
        self.lift(result)
    }

    pub(super) fn ident(&mut self) -> SqlResult<Ident> {
        match &self.p.peek_token_ref().token {
            Token::Word(w) if w.quote_style.is_some() || !is_reserved(w.keyword) => {
                let result = self.p.parse_identifier();
                self.lift(result)
            }
            _ => Err(self.unexpected()),
        }
    }

    pub(super) fn data_type(&mut self) -> SqlResult<SqlType> {
        let result = self.p.parse_data_type();
        let parsed = self.lift(result)?;
        type_of(&parsed, 1)
    }

    fn variable(&mut self) -> SqlResult<String> {
        let ident = self.ident()?;
        if ident.quote_style.is_none() && ident.value.starts_with('@') {
            Ok(ident.value.to_lowercase())
        } else {
            Err(errors::syntax(&ident.value))
        }
    }

    pub(super) fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> SqlResult<T>) -> SqlResult<Vec<T>> {
        let mut out = vec![one(self)?];
        while self.token(&Token::Comma) {
            out.push(one(self)?);
        }
        Ok(out)
    }

    pub(super) fn in_parens<T>(&mut self, one: impl FnOnce(&mut Self) -> SqlResult<T>) -> SqlResult<T> {
        self.expect_token(&Token::LParen)?;
        let out = one(self)?;
        self.expect_token(&Token::RParen)?;
        Ok(out)
    }

    pub(super) fn next_is(&self, token: &Token) -> bool {
        self.p.peek_token_ref().token == *token
    }

    // Statements.

    /// Statements up to the end or one of the words, which stays unread.
    fn statements(&mut self, until: &[&str]) -> SqlResult<Vec<Located>> {
        let mut out = Vec::new();
        loop {
            while self.token(&Token::SemiColon) {}
            if self.at_end() || until.contains(&self.peek(0).as_str()) {
                return Ok(out);
            }
            out.push(self.located()?);
        }
    }

    fn located(&mut self) -> SqlResult<Located> {
        let span = self.p.peek_token_ref().span;
        let line = line(span.start.line);
        let start = self
            .tokens
            .iter()
            .position(|t| t.span.start == span.start)
            .unwrap_or(0);
        let statement = self.statement()?;
        let end = self.p.peek_token_ref().span.start;
        let stop = if self.at_end() {
            self.tokens.len()
        } else {
            self.tokens
                .iter()
                .position(|t| t.span.start == end)
                .unwrap_or(self.tokens.len())
        };
        let text = self
            .tokens
            .get(start..stop.max(start))
            .unwrap_or_default()
            .iter()
            .map(|t| t.token.to_string())
            .collect();
        Ok(Located {
            line,
            text,
            statement,
        })
    }

    fn statement(&mut self) -> SqlResult<Statement> {
        match self.peek(0).as_str() {
            "SELECT" => self.query(),
            "WITH" => self.with(),
            "INSERT" if self.peek(1) == "BULK" => self.insert_bulk(),
            "INSERT" => self.insert(Vec::new()),
            "UPDATE" => self.update(Vec::new()),
            "DELETE" => self.delete(Vec::new()),
            "BEGIN" => self.begin(),
            "IF" => self.if_statement(),
            "WHILE" => {
                self.expect("WHILE")?;
                let condition = Box::new(self.expr()?);
                Ok(Statement::While {
                    condition,
                    body: Box::new(self.located()?),
                })
            }
            "BREAK" => self.just("BREAK", Statement::Break),
            "CONTINUE" => self.just("CONTINUE", Statement::Continue),
            "RETURN" => {
                self.expect("RETURN")?;
                let bare = self.at_end()
                    || self.next_is(&Token::SemiColon)
                    || (!self.peek(0).is_empty() && !self.peek(0).starts_with('@'));
                Ok(Statement::Return(if bare {
                    None
                } else {
                    Some(Box::new(self.expr()?))
                }))
            }
            "DECLARE" => self.declare(),
            "SET" => self.set(),
            "PRINT" => {
                self.expect("PRINT")?;
                Ok(Statement::Print(Box::new(self.expr()?)))
            }
            "RAISERROR" => {
                self.expect("RAISERROR")?;
                let arguments = self.in_parens(|p| p.list(Self::expr))?;
                if self.word("WITH") {
                    self.list(Self::ident)?;
                }
                Ok(Statement::RaiseError { arguments })
            }
            "THROW" => {
                self.expect("THROW")?;
                if self.at_end() || self.next_is(&Token::SemiColon) || self.peek(0) == "END" {
                    return Ok(Statement::Throw(None));
                }
                let number = self.expr()?;
                self.expect_token(&Token::Comma)?;
                let message = self.expr()?;
                self.expect_token(&Token::Comma)?;
                Ok(Statement::Throw(Some(Box::new((number, message, self.expr()?)))))
            }
            "COMMIT" => {
                self.expect("COMMIT")?;
                self.transaction_word();
                self.transaction_name();
                Ok(Statement::Commit)
            }
            "ROLLBACK" => {
                self.expect("ROLLBACK")?;
                self.transaction_word();
                Ok(Statement::Rollback(self.transaction_name()))
            }
            "SAVE" => {
                self.expect("SAVE")?;
                self.transaction_word();
                self.transaction_name()
                    .map(Statement::Save)
                    .ok_or_else(|| self.unexpected())
            }
            "USE" => {
                self.expect("USE")?;
                Ok(Statement::Use(self.ident()?))
            }
            "WAITFOR" => {
                self.expect("WAITFOR")?;
                self.expect("DELAY")?;
                Ok(Statement::WaitFor(Box::new(self.expr()?)))
            }
            "EXEC" | "EXECUTE" => self.execute(),
            "TRUNCATE" => {
                self.expect("TRUNCATE")?;
                self.expect("TABLE")?;
                Ok(Statement::Truncate(self.name()?))
            }
            "CREATE" | "ALTER" | "DROP" => self.definition(),
            "MERGE" | "GRANT" | "DENY" | "REVOKE" | "BACKUP" | "RESTORE" | "DBCC" | "KILL" | "OPEN"
            | "FETCH" | "CLOSE" | "DEALLOCATE" | "GOTO" => Err(errors::unsupported(self.peek(0))),
            _ => Err(self.unexpected()),
        }
    }

    fn just(&mut self, word: &str, statement: Statement) -> SqlResult<Statement> {
        self.expect(word)?;
        Ok(statement)
    }

    fn query(&mut self) -> SqlResult<Statement> {
        let result = self.p.parse_query();
        let query = self.lift(result)?;
        self.query_options()?;
        Ok(Statement::Query(query))
    }

    /// OPTION (…): hints to an optimizer this server does not have.
    pub(super) fn query_options(&mut self) -> SqlResult<()> {
        const KNOWN: [&str; 12] = [
            "RECOMPILE",
            "MAXDOP",
            "LOOP",
            "HASH",
            "MERGE",
            "JOIN",
            "FORCE",
            "ORDER",
            "FAST",
            "OPTIMIZE",
            "FOR",
            "UNKNOWN",
        ];
        if !self.word("OPTION") {
            return Ok(());
        }
        self.in_parens(|p| {
            while !p.next_is(&Token::RParen) && !p.at_end() {
                let word = p.peek(0);
                if !word.is_empty() && !KNOWN.contains(&word.as_str()) {
                    return Err(errors::unsupported(format_args!("OPTION ({word})")));
                }
                p.p.advance_token();
            }
            Ok(())
        })
    }

    fn with(&mut self) -> SqlResult<Statement> {
        let mut ahead = Self {
            p: Parser::new(&DIALECT).with_tokens_with_locations(self.rest()),
            tokens: Vec::new(),
        };
        ahead.expect("WITH")?;
        let cte = |p: &mut Self| -> SqlResult<Cte> {
            let result = p.p.parse_cte();
            p.lift(result)
        };
        let list = ahead.list(cte)?;
        match ahead.peek(0).as_str() {
            "SELECT" => self.query(),
            verb @ ("INSERT" | "UPDATE" | "DELETE") => {
                self.expect("WITH")?;
                self.list(cte)?;
                match verb {
                    "INSERT" => self.insert(list),
                    "UPDATE" => self.update(list),
                    _ => self.delete(list),
                }
            }
            _ => Err(ahead.unexpected()),
        }
    }

    /// The tokens that were not read yet.
    fn rest(&self) -> Vec<TokenWithSpan> {
        let start = self.p.peek_token_ref().span.start;
        let at = self
            .tokens
            .iter()
            .position(|t| t.span.start == start)
            .unwrap_or(self.tokens.len());
        self.tokens.get(at..).unwrap_or_default().to_vec()
    }

    fn begin(&mut self) -> SqlResult<Statement> {
        self.expect("BEGIN")?;
        if matches!(self.peek(0).as_str(), "TRAN" | "TRANSACTION") {
            self.transaction_word();
            self.transaction_name();
            return Ok(Statement::Begin);
        }
        if self.word("TRY") {
            let body = self.statements(&["END"])?;
            if !self.words(&["END", "TRY"]) {
                return Err(self.unexpected());
            }
            while self.token(&Token::SemiColon) {}
            if !self.words(&["BEGIN", "CATCH"]) {
                return Err(self.unexpected());
            }
            let handler = self.statements(&["END"])?;
            if !self.words(&["END", "CATCH"]) {
                return Err(self.unexpected());
            }
            return Ok(Statement::Try { body, handler });
        }
        let body = self.statements(&["END"])?;
        self.expect("END")?;
        if body.is_empty() {
            return Err(errors::syntax("END"));
        }
        Ok(Statement::Block(body))
    }

    fn if_statement(&mut self) -> SqlResult<Statement> {
        self.expect("IF")?;
        let condition = Box::new(self.expr()?);
        let then = Box::new(self.located()?);
        let semicolon = self.next_is(&Token::SemiColon);
        if semicolon && self.peek(1) == "ELSE" {
            self.token(&Token::SemiColon);
        }
        let otherwise = if self.word("ELSE") {
            Some(Box::new(self.located()?))
        } else {
            None
        };
        Ok(Statement::If {
            condition,
            then,
            otherwise,
        })
    }

    fn declare(&mut self) -> SqlResult<Statement> {
        self.expect("DECLARE")?;
        if self.peek(1) == "CURSOR" {
            return Err(errors::unsupported("CURSOR"));
        }
        let list = self.list(|p| {
            let name = p.variable()?;
            p.word("AS");
            if p.word("TABLE") {
                return Ok(Declaration {
                    name,
                    kind: Declared::Table(p.table_elements()?),
                });
            }
            let ty = p.data_type()?;
            let value = if p.token(&Token::Eq) {
                Some(Box::new(p.expr()?))
            } else {
                None
            };
            Ok(Declaration {
                name,
                kind: Declared::Scalar(ty, value),
            })
        })?;
        Ok(Statement::Declare(list))
    }

    fn set(&mut self) -> SqlResult<Statement> {
        self.expect("SET")?;
        if self.peek(0).starts_with('@') {
            let name = self.variable()?;
            let value = Box::new(self.assigned(&name)?);
            return Ok(Statement::SetVariable { name, value });
        }
        // Options: one or more words, then ON, OFF, a number or words.
        let mut words = Vec::new();
        while !self.at_end() && !self.next_is(&Token::SemiColon) {
            let done = words.len() > 1 && matches!(words.last().map(String::as_str), Some("ON" | "OFF"));
            if done || (!words.is_empty() && starts_statement(&self.peek(0)) && self.peek(0) != "READ") {
                break;
            }
            words.push(self.p.next_token().token.to_string().to_uppercase());
            if words.len() >= 2 && words.last().is_some_and(|w| w.parse::<i64>().is_ok()) {
                break;
            }
        }
        let value_at = match words.first().map(String::as_str) {
            Some("TRANSACTION") => 3,
            Some("IDENTITY_INSERT" | "STATISTICS") => words.len().saturating_sub(1),
            Some(_) => 1,
            None => return Err(self.unexpected()),
        };
        if value_at >= words.len() {
            return Err(self.unexpected());
        }
        let value = words.split_off(value_at).join(" ");
        Ok(Statement::SetOption {
            name: words.join(" "),
            value,
        })
    }

    fn transaction_word(&mut self) {
        if !self.word("TRAN") && !self.word("TRANSACTION") {
            self.word("WORK");
        }
    }

    /// The name after BEGIN TRAN, SAVE TRAN and so on.
    fn transaction_name(&mut self) -> Option<String> {
        match &self.p.peek_token_ref().token {
            Token::Word(w)
                if w.quote_style.is_some()
                    || (w.keyword == Keyword::NoKeyword && !starts_statement(&self.peek(0))) =>
            {
                let name = w.value.clone();
                self.p.advance_token();
                Some(name)
            }
            _ => None,
        }
    }

    fn execute(&mut self) -> SqlResult<Statement> {
        self.p.advance_token();
        if self.next_is(&Token::LParen) {
            return self
                .in_parens(Self::expr)
                .map(|text| Statement::ExecuteText(Box::new(text)));
        }
        let status = if self.peek(0).starts_with('@') {
            let name = self.variable()?;
            self.expect_token(&Token::Eq)?;
            Some(name)
        } else {
            None
        };
        let procedure = self.name()?;
        let mut arguments = Vec::new();
        if !self.at_end() && !self.next_is(&Token::SemiColon) && !starts_statement(&self.peek(0)) {
            arguments = self.list(|p| {
                let named = p.peek(0).starts_with('@') && p.p.peek_nth_token_ref(1).token == Token::Eq;
                let name = if named { Some(p.variable()?) } else { None };
                if named {
                    p.expect_token(&Token::Eq)?;
                }
                // A bare word is a text here: EXEC sp_x Exclusive.
                let value = p.expr()?;
                let output = p.word("OUTPUT") || p.word("OUT");
                Ok(Argument { name, value, output })
            })?;
        }
        Ok(Statement::Execute(Execute {
            status,
            procedure,
            arguments,
        }))
    }
}

fn line(line: u64) -> u32 {
    u32::try_from(line).unwrap_or(1).max(1)
}
