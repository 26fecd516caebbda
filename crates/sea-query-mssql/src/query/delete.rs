//! DELETE.

use sea_query::{DeleteStatement, SqlWriter, TableRef};

use super::count_of;
use super::output::RowImage;
use crate::error::{Error, Written};
use crate::parts::DeleteParts;
use crate::writer::Writer;

impl<W: SqlWriter> Writer<'_, W> {
    pub(crate) fn delete(&mut self, delete: &DeleteStatement) -> Written {
        let parts = DeleteParts::of(delete);
        let Some(table) = &parts.table else {
            return Err(Error::incomplete("DELETE", "it names no table"));
        };
        let TableRef::Table(name, alias) = table else {
            return Err(Error::invalid(
                "DELETE from a subquery or function",
                "only a table can be named here",
            ));
        };
        if parts.ordered {
            return Err(Error::unsupported(
                "ORDER BY in DELETE",
                "delete the rows that a subquery with TOP selects",
            ));
        }
        if let Some(with) = &parts.with {
            self.with_clause(with)?;
        }
        self.push("DELETE ")?;
        if let Some(limit) = &parts.limit {
            self.top(count_of(limit)?)?;
        }
        match alias {
            // T-SQL names the alias first and says in a second FROM what it stands for.
            Some(alias) => self.iden(alias)?,
            None => {
                self.push("FROM ")?;
                self.table_name(name)?;
                self.table_hints(&name.1)?;
            }
        }
        if let Some(returning) = &parts.returning {
            self.output(returning, RowImage::Deleted, false)?;
        }
        if alias.is_some() {
            self.push(" FROM ")?;
            self.table_ref(table)?;
        }
        self.condition(&parts.filter, " WHERE ")
    }
}
