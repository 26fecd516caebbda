//! SELECT, INSERT, UPDATE and DELETE.

mod delete;
mod from;
mod insert;
pub(crate) mod output;
pub(crate) mod select;
mod table_ref;
mod update;
mod window;
mod with;

pub use from::{DeleteFrom, UpdateFrom};
pub(crate) use select::Place;

use sea_query::{SqlWriter, SubQueryStatement, Value};

use crate::error::{Error, Written};
use crate::writer::Writer;

/// The most rows of one `INSERT … VALUES` (SQL Server's error 10738).
pub const MAX_INSERT_ROWS: usize = 1_000;

impl<W: SqlWriter> Writer<'_, W> {
    /// Writes a statement that stands on its own.
    pub(crate) fn any_statement(&mut self, statement: &SubQueryStatement) -> Written {
        match statement {
            SubQueryStatement::SelectStatement(select) => self.select_statement(select),
            SubQueryStatement::InsertStatement(insert) => self.insert(insert),
            SubQueryStatement::UpdateStatement(update) => self.update(update),
            SubQueryStatement::DeleteStatement(delete) => self.delete(delete),
            SubQueryStatement::WithStatement(with) => self.with_query(with),
        }
    }

    /// Writes ` TOP (n)`.
    pub(crate) fn top(&mut self, rows: u64) -> Written {
        self.push("TOP (")?;
        self.row_count(rows)?;
        self.push(") ")
    }

    /// Writes a number of rows, as a `bigint`: no driver has an unsigned type to bind.
    pub(crate) fn row_count(&mut self, rows: u64) -> Written {
        let rows = i64::try_from(rows)
            .map_err(|_| Error::invalid("a limit or offset", "the number of rows must fit into a bigint"))?;
        self.value(&Value::BigInt(Some(rows)))
    }
}

/// The number in a limit or an offset. sea-query takes them as `u64`.
pub(crate) fn count_of(value: &Value) -> Result<u64, Error> {
    match value {
        Value::BigUnsigned(Some(count)) => Ok(*count),
        _ => Err(Error::invalid("a limit or offset", "it must be a number of rows")),
    }
}
