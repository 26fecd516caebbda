//! Statements that run only if a query finds something, or nothing.

use sea_query::{SelectStatement, SqlWriter};

use crate::error::Written;
use crate::query::Place;
use crate::statement::{MssqlStatement, Render};
use crate::writer::Writer;

/// `IF [NOT] EXISTS (SELECT …) BEGIN … END`.
///
/// Between the question and the statement others may change the answer; a lock or a unique index decides then.
#[derive(Debug, Clone)]
pub struct Guarded<S> {
    query: SelectStatement,
    negated: bool,
    statement: S,
}

impl<S: MssqlStatement> Guarded<S> {
    /// Runs the statement if the query finds a row.
    pub fn if_exists(query: SelectStatement, statement: S) -> Self {
        Self {
            query,
            negated: false,
            statement,
        }
    }

    /// Runs the statement if the query finds no row.
    pub fn if_not_exists(query: SelectStatement, statement: S) -> Self {
        Self {
            query,
            negated: true,
            statement,
        }
    }
}

#[expect(
    private_interfaces,
    reason = "the trait is sealed: nobody outside can name its writer"
)]
impl<S: MssqlStatement> Render for Guarded<S> {
    fn render<W: SqlWriter>(&self, writer: &mut Writer<'_, W>) -> Written {
        writer.push(if self.negated {
            "IF NOT EXISTS ("
        } else {
            "IF EXISTS ("
        })?;
        writer.select(&self.query, Place::Nested)?;
        writer.push(") BEGIN ")?;
        self.statement.render(writer)?;
        writer.push(" END")
    }
}

impl<S: MssqlStatement> MssqlStatement for Guarded<S> {}
