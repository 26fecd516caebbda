//! UPDATE.

use sea_query::{DynIden, Expr, SqlWriter, TableRef, UpdateStatement};

use super::count_of;
use super::output::RowImage;
use crate::error::{Error, Written};
use crate::parts::UpdateParts;
use crate::writer::Writer;

impl<W: SqlWriter> Writer<'_, W> {
    /// A table with an alias, or with other tables to read from, is named in the FROM clause too: there T-SQL gives
    /// an alias to what it updates.
    pub(crate) fn update(&mut self, update: &UpdateStatement) -> Written {
        let parts = UpdateParts::of(update);
        let Some(table) = &parts.table else {
            return Err(Error::incomplete("UPDATE", "it names no table"));
        };
        let TableRef::Table(name, alias) = table else {
            return Err(Error::invalid(
                "UPDATE of a subquery or function",
                "only a table can be named here",
            ));
        };
        if parts.ordered {
            return Err(Error::unsupported(
                "ORDER BY in UPDATE",
                "update the rows that a subquery with TOP selects",
            ));
        }
        if let Some(with) = &parts.with {
            self.with_clause(with)?;
        }
        let reads = alias.is_some() || !parts.from.is_empty();
        self.push("UPDATE ")?;
        if let Some(limit) = &parts.limit {
            self.top(count_of(limit)?)?;
        }
        match alias {
            Some(alias) => self.iden(alias)?,
            None => self.table_name(name)?,
        }
        if !reads {
            self.table_hints(&name.1)?;
        }
        self.set(update.get_values())?;
        if let Some(returning) = &parts.returning {
            self.output(returning, RowImage::Inserted, !parts.from.is_empty())?;
        }
        if reads {
            self.push(" FROM ")?;
            self.table_ref(table)?;
            for other in &parts.from {
                self.push(", ")?;
                self.table_ref(other)?;
            }
        }
        self.condition(&parts.filter, " WHERE ")
    }

    pub(crate) fn set(&mut self, values: &[(DynIden, Box<Expr>)]) -> Written {
        if values.is_empty() {
            return Err(Error::incomplete("UPDATE", "it sets no columns"));
        }
        self.push(" SET ")?;
        self.list(values, |w, (column, value)| {
            w.iden(column)?;
            w.push(" = ")?;
            w.value_expr(value)
        })
    }
}
