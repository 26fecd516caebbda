//! WITH: common table expressions.
//!
//! T-SQL has no RECURSIVE: an expression that reads itself is recursive. The server wants the statement before a WITH
//! to end with `;`, which matters where statements are put together to a batch.

use sea_query::{CommonTableExpression, SqlWriter, SubQueryStatement, Value, WithClause, WithQuery};

use super::select::Place;
use crate::error::{Error, Written};
use crate::parts::{CteBody, CteParts, WithParts, WithQueryParts};
use crate::writer::Writer;

impl<W: SqlWriter> Writer<'_, W> {
    pub(crate) fn with_query(&mut self, query: &WithQuery) -> Written {
        let parts = WithQueryParts::of(query);
        let (Some(with), Some(statement)) = (parts.with, parts.statement) else {
            return Err(Error::incomplete("WITH", "no statement follows it"));
        };
        self.with_clause(&with)?;
        self.any_statement(&statement)
    }

    /// Writes the clause and a space.
    pub(crate) fn with_clause(&mut self, with: &WithClause) -> Written {
        let parts = WithParts::of(with);
        if parts.ctes.is_empty() {
            return Err(Error::incomplete("WITH", "it has no common table expressions"));
        }
        if parts.search_or_cycle {
            return Err(Error::unsupported(
                "SEARCH and CYCLE",
                "carry the path in a column of the expression",
            ));
        }
        if std::mem::replace(&mut self.has_with, true) {
            return Err(Error::unsupported(
                "two WITH clauses for one statement",
                "put all expressions into one",
            ));
        }
        self.push("WITH ")?;
        self.list(&parts.ctes, |w, cte| w.cte(cte))?;
        self.push(" ")
    }

    pub(crate) fn cte(&mut self, cte: &CommonTableExpression) -> Written {
        let parts = CteParts::of(cte);
        let Some(name) = &parts.name else {
            return Err(Error::incomplete("a common table expression", "it has no name"));
        };
        if parts.materialization {
            return Err(Error::unsupported(
                "MATERIALIZED",
                "select into a temporary table first",
            ));
        }
        self.iden(name)?;
        if !parts.columns.is_empty() {
            self.column_list(&parts.columns)?;
        }
        self.push(" AS (")?;
        match &parts.body {
            CteBody::Statement(statement) => match statement.as_ref() {
                SubQueryStatement::SelectStatement(select) => self.select(select, Place::Nested)?,
                SubQueryStatement::WithStatement(_) => {
                    return Err(Error::unsupported(
                        "WITH inside of a statement",
                        "put the WITH clause before the whole statement",
                    ));
                }
                _ => {
                    return Err(Error::unsupported(
                        "INSERT, UPDATE or DELETE in a common table expression",
                        "run it before, with OUTPUT … INTO a temporary table",
                    ));
                }
            },
            CteBody::Rows(rows) => {
                if parts.columns.is_empty() {
                    return Err(Error::incomplete(
                        "a common table expression of VALUES",
                        "it needs column names",
                    ));
                }
                let rows: Vec<Vec<Value>> = rows.iter().map(|row| row.0.clone()).collect();
                self.push("SELECT * FROM (")?;
                self.values_rows(&rows)?;
                self.push(") AS [rows]")?;
                self.column_list(&parts.columns)?;
            }
        }
        self.push(")")
    }
}
