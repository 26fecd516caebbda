//! CREATE, ALTER and DROP, and INSERT BULK, which lists columns as a definition does.

use sqlparser::ast::{Expr, Ident};
use sqlparser::tokenizer::Token;

use super::parser::StatementParser;
use super::syntax::{
    AlterTable, BulkTarget, ColumnDefinition, ConstraintDefinition, ConstraintKind, CreateIndex, CreateTable,
    CreateView, Statement, TableElement,
};
use crate::errors::{self, SqlError, SqlResult};

impl StatementParser {
    pub(super) fn definition(&mut self) -> SqlResult<Statement> {
        let what = (self.peek(0), self.peek(1));
        match (what.0.as_str(), what.1.as_str()) {
            ("CREATE", "TABLE") => {
                self.words(&["CREATE", "TABLE"]);
                let name = self.name()?;
                let elements = self.table_elements()?;
                self.storage()?;
                Ok(Statement::CreateTable(CreateTable { name, elements }))
            }
            ("CREATE", "UNIQUE" | "CLUSTERED" | "NONCLUSTERED" | "INDEX") => self.create_index(),
            ("CREATE", "SCHEMA") => {
                self.words(&["CREATE", "SCHEMA"]);
                Ok(Statement::CreateSchema(self.ident()?))
            }
            ("CREATE", "DATABASE") => {
                self.words(&["CREATE", "DATABASE"]);
                Ok(Statement::CreateDatabase(self.ident()?))
            }
            ("CREATE", "VIEW" | "OR") | ("ALTER", "VIEW") => self.create_view(),
            ("DROP", "VIEW") => {
                self.words(&["DROP", "VIEW"]);
                let if_exists = self.words(&["IF", "EXISTS"]);
                Ok(Statement::DropView {
                    if_exists,
                    names: self.list(Self::name)?,
                })
            }
            ("ALTER", "TABLE") => self.alter_table(),
            ("DROP", "TABLE") => {
                self.words(&["DROP", "TABLE"]);
                let if_exists = self.words(&["IF", "EXISTS"]);
                Ok(Statement::DropTable {
                    if_exists,
                    names: self.list(Self::name)?,
                })
            }
            ("DROP", "INDEX") => {
                self.words(&["DROP", "INDEX"]);
                let if_exists = self.words(&["IF", "EXISTS"]);
                let name = self.ident()?;
                self.expect("ON")?;
                Ok(Statement::DropIndex {
                    if_exists,
                    name,
                    table: self.name()?,
                })
            }
            ("DROP", "DATABASE") => {
                self.words(&["DROP", "DATABASE"]);
                let if_exists = self.words(&["IF", "EXISTS"]);
                Ok(Statement::DropDatabase {
                    if_exists,
                    name: self.ident()?,
                })
            }
            (verb, "") => {
                self.p.advance_token();
                Err(if self.at_end() {
                    errors::syntax(verb)
                } else {
                    self.unexpected()
                })
            }
            (verb, kind) => Err(errors::unsupported(format_args!("{verb} {kind}"))),
        }
    }

    /// ON filegroup and WITH (…) after a table: only what does not change what the table holds.
    fn storage(&mut self) -> SqlResult<()> {
        if self.word("ON") {
            self.ident_or_primary()?;
        }
        if self.peek(0) == "WITH" && self.p.peek_nth_token_ref(1).token == Token::LParen {
            self.index_options()?;
        }
        Ok(())
    }

    fn ident_or_primary(&mut self) -> SqlResult<()> {
        if self.word("PRIMARY") {
            return Ok(());
        }
        self.ident().map(drop)
    }

    pub(super) fn table_elements(&mut self) -> SqlResult<Vec<TableElement>> {
        self.in_parens(|p| p.list(Self::table_element))
    }

    fn table_element(&mut self) -> SqlResult<TableElement> {
        match self.peek(0).as_str() {
            "CONSTRAINT" | "PRIMARY" | "UNIQUE" | "CHECK" | "FOREIGN" | "DEFAULT" => {
                let name = self.constraint_name()?;
                Ok(TableElement::Constraint(self.constraint(name, None)?))
            }
            "INDEX" => {
                self.expect("INDEX")?;
                let name = Some(self.ident()?);
                let unique = self.word("UNIQUE");
                self.clustered(false);
                let columns = self.key_columns()?;
                Ok(TableElement::Constraint(ConstraintDefinition {
                    name,
                    kind: ConstraintKind::Index { unique, columns },
                }))
            }
            _ => self.column_definition().map(TableElement::Column),
        }
    }

    fn constraint_name(&mut self) -> SqlResult<Option<Ident>> {
        if self.word("CONSTRAINT") {
            self.ident().map(Some)
        } else {
            Ok(None)
        }
    }

    /// A constraint; in a column definition its column is given.
    fn constraint(&mut self, name: Option<Ident>, column: Option<&Ident>) -> SqlResult<ConstraintDefinition> {
        let primary = self.words(&["PRIMARY", "KEY"]);
        let kind = if primary || self.word("UNIQUE") {
            let clustered = self.clustered(primary);
            let columns = match column {
                Some(column) if self.p.peek_token_ref().token != Token::LParen => {
                    vec![(column.clone(), false)]
                }
                _ => self.key_columns()?,
            };
            self.storage()?;
            if primary {
                ConstraintKind::PrimaryKey { clustered, columns }
            } else {
                ConstraintKind::Unique { clustered, columns }
            }
        } else if self.word("CHECK") {
            ConstraintKind::Check(self.in_parens(Self::expr)?)
        } else if column.is_none() && self.word("DEFAULT") {
            let expression = self.default_expression()?;
            self.expect("FOR")?;
            ConstraintKind::Default {
                expression,
                column: self.ident()?,
            }
        } else if matches!(self.peek(0).as_str(), "FOREIGN" | "REFERENCES") {
            return Err(errors::unsupported("FOREIGN KEY"));
        } else {
            return Err(self.unexpected());
        };
        Ok(ConstraintDefinition { name, kind })
    }

    /// CLUSTERED or NONCLUSTERED, with what stands for neither.
    fn clustered(&mut self, default: bool) -> bool {
        if self.word("CLUSTERED") {
            true
        } else if self.word("NONCLUSTERED") {
            false
        } else {
            default
        }
    }

    fn key_columns(&mut self) -> SqlResult<Vec<(Ident, bool)>> {
        self.in_parens(|p| {
            p.list(|p| {
                let name = p.ident()?;
                let descending = p.word("DESC");
                if !descending {
                    p.word("ASC");
                }
                Ok((name, descending))
            })
        })
    }

    /// A default: a literal, a call, or anything in parentheses.
    fn default_expression(&mut self) -> SqlResult<Expr> {
        let result = self.p.parse_prefix();
        self.lift(result)
    }

    fn column_definition(&mut self) -> SqlResult<ColumnDefinition> {
        let name = self.ident()?;
        if self.peek(0) == "AS" {
            return Err(errors::unsupported("computed column"));
        }
        let ty = self.data_type()?;
        let mut out = ColumnDefinition {
            name,
            ty,
            collation: None,
            identity: None,
            nullable: None,
            default: None,
            constraints: Vec::new(),
        };
        loop {
            if self.word("COLLATE") {
                out.collation = Some(self.ident()?.value);
            } else if self.word("IDENTITY") {
                out.identity = Some(self.identity()?);
            } else if self.words(&["NOT", "NULL"]) {
                out.nullable = Some(false);
            } else if self.word("NULL") {
                out.nullable = Some(true);
            } else if matches!(
                self.peek(0).as_str(),
                "CONSTRAINT" | "DEFAULT" | "PRIMARY" | "UNIQUE" | "CHECK" | "REFERENCES" | "FOREIGN"
            ) {
                let name = self.constraint_name()?;
                if self.word("DEFAULT") {
                    out.default = Some((name, self.default_expression()?));
                } else {
                    let column = out.name.clone();
                    out.constraints.push(self.constraint(name, Some(&column))?);
                }
            } else {
                return Ok(out);
            }
        }
    }

    fn identity(&mut self) -> SqlResult<(i64, i64)> {
        if self.p.peek_token_ref().token != Token::LParen {
            return Ok((1, 1));
        }
        self.in_parens(|p| {
            let seed = p.integer()?;
            p.expect_token(&Token::Comma)?;
            Ok((seed, p.integer()?))
        })
    }

    fn integer(&mut self) -> SqlResult<i64> {
        let negative = self.token(&Token::Minus);
        match &self.p.peek_token_ref().token {
            Token::Number(text, _) => match text.parse::<i64>() {
                Ok(n) => {
                    self.p.advance_token();
                    Ok(if negative { -n } else { n })
                }
                Err(_) => Err(self.unexpected()),
            },
            _ => Err(self.unexpected()),
        }
    }

    /// WITH (name = value, …) of an index; tells whether ONLINE = ON is among them.
    fn index_options(&mut self) -> SqlResult<bool> {
        const KNOWN: [&str; 11] = [
            "PAD_INDEX",
            "FILLFACTOR",
            "SORT_IN_TEMPDB",
            "IGNORE_DUP_KEY",
            "STATISTICS_NORECOMPUTE",
            "DROP_EXISTING",
            "ONLINE",
            "ALLOW_ROW_LOCKS",
            "ALLOW_PAGE_LOCKS",
            "MAXDOP",
            "DATA_COMPRESSION",
        ];
        self.expect("WITH")?;
        let options = self.in_parens(|p| {
            p.list(|p| {
                let name = p.peek(0);
                if !KNOWN.contains(&name.as_str()) {
                    return Err(errors::unsupported(format_args!("index option {name}")));
                }
                p.p.advance_token();
                p.expect_token(&Token::Eq)?;
                let value = p.p.next_token().token.to_string().to_uppercase();
                if name == "ONLINE" && p.p.peek_token_ref().token == Token::LParen {
                    return Err(errors::unsupported("WAIT_AT_LOW_PRIORITY"));
                }
                if matches!(name.as_str(), "IGNORE_DUP_KEY" | "DROP_EXISTING") && value == "ON" {
                    return Err(errors::unsupported(format_args!("index option {name} = ON")));
                }
                Ok((name, value))
            })
        })?;
        Ok(options
            .iter()
            .any(|(name, value)| name == "ONLINE" && value == "ON"))
    }

    fn create_index(&mut self) -> SqlResult<Statement> {
        self.expect("CREATE")?;
        let unique = self.word("UNIQUE");
        let clustered = self.clustered(false);
        self.expect("INDEX")?;
        let name = self.ident()?;
        self.expect("ON")?;
        let table = self.name()?;
        let columns = self.key_columns()?;
        let include = if self.word("INCLUDE") {
            self.in_parens(|p| p.list(Self::ident))?
        } else {
            Vec::new()
        };
        let filter = if self.word("WHERE") {
            Some(self.expr()?)
        } else {
            None
        };
        let online = if self.peek(0) == "WITH" {
            self.index_options()?
        } else {
            false
        };
        if self.word("ON") {
            self.ident_or_primary()?;
        }
        Ok(Statement::CreateIndex(Box::new(CreateIndex {
            name,
            table,
            unique,
            clustered,
            columns,
            include,
            filter,
            online,
        })))
    }

    /// The definition of a view is a batch of its own.
    fn create_view(&mut self) -> SqlResult<Statement> {
        let first = self.is_first_of_batch();
        let text = self.batch_text();
        let creates = self.word("CREATE");
        let alters = if creates {
            self.words(&["OR", "ALTER"])
        } else {
            self.expect("ALTER")?;
            true
        };
        if self.peek(0) != "VIEW" {
            return Err(errors::unsupported(format_args!(
                "CREATE OR ALTER {}",
                self.peek(0)
            )));
        }
        if !first {
            return Err(
                SqlError::new(111, "'CREATE VIEW' must be the first statement in a query batch.")
                    .with_class(15),
            );
        }
        self.expect("VIEW")?;
        let name = self.name()?;
        if self.next_is(&Token::LParen) {
            return Err(errors::unsupported("column list of a view"));
        }
        if self.peek(0) == "WITH" {
            return Err(errors::unsupported("WITH of a view"));
        }
        self.expect("AS")?;
        let result = self.p.parse_query();
        let query = *self.lift(result)?;
        while self.token(&Token::SemiColon) {}
        if !self.at_end() {
            return Err(self.unexpected());
        }
        Ok(Statement::CreateView(Box::new(CreateView {
            name,
            creates,
            alters,
            query,
            text,
        })))
    }

    fn alter_table(&mut self) -> SqlResult<Statement> {
        self.words(&["ALTER", "TABLE"]);
        let table = self.name()?;
        if self.word("WITH") && !self.word("CHECK") {
            return Err(errors::unsupported("WITH NOCHECK"));
        }
        let change = if self.word("ADD") {
            AlterTable::Add(self.list(Self::table_element)?)
        } else if self.words(&["ALTER", "COLUMN"]) {
            let name = self.ident()?;
            let ty = self.data_type()?;
            let collation = if self.word("COLLATE") {
                Some(self.ident()?.value)
            } else {
                None
            };
            let nullable = if self.words(&["NOT", "NULL"]) {
                Some(false)
            } else {
                self.word("NULL").then_some(true)
            };
            AlterTable::AlterColumn {
                name,
                ty,
                collation,
                nullable,
            }
        } else if self.words(&["DROP", "COLUMN"]) {
            AlterTable::DropColumn(self.list(Self::ident)?)
        } else if self.word("DROP") {
            self.word("CONSTRAINT");
            AlterTable::DropConstraint(self.list(Self::ident)?)
        } else {
            return Err(errors::unsupported(format_args!("ALTER TABLE {}", self.peek(0))));
        };
        Ok(Statement::AlterTable(table, change))
    }

    pub(super) fn insert_bulk(&mut self) -> SqlResult<Statement> {
        self.words(&["INSERT", "BULK"]);
        let table = self.name()?;
        let mut columns = Vec::new();
        if self.p.peek_token_ref().token == Token::LParen {
            columns = self.in_parens(|p| {
                p.list(|p| {
                    // python-tds does not quote the names here, so that a reserved word may stand as one.
                    let result = p.p.parse_identifier();
                    let name = p.lift(result)?;
                    let result = p.p.parse_data_type();
                    p.lift(result)?;
                    if p.word("COLLATE") {
                        p.ident()?;
                    }
                    if !p.words(&["NOT", "NULL"]) {
                        p.word("NULL");
                    }
                    Ok(name)
                })
            })?;
        }
        let mut options = Vec::new();
        if self.word("WITH") {
            options = self.in_parens(|p| {
                p.list(|p| {
                    let word = p.peek(0);
                    p.p.advance_token();
                    match word.as_str() {
                        "CHECK_CONSTRAINTS" | "KEEP_NULLS" | "TABLOCK" | "FIRE_TRIGGERS" => {}
                        "ORDER" => {
                            p.key_columns()?;
                        }
                        "ROWS_PER_BATCH" | "KILOBYTES_PER_BATCH" => {
                            p.expect_token(&Token::Eq)?;
                            p.integer()?;
                        }
                        _ => return Err(errors::unsupported(format_args!("INSERT BULK WITH ({word})"))),
                    }
                    Ok(word)
                })
            })?;
        }
        let keep_nulls = options.iter().any(|o| o == "KEEP_NULLS");
        Ok(Statement::InsertBulk(BulkTarget {
            table,
            columns,
            keep_nulls,
        }))
    }
}
