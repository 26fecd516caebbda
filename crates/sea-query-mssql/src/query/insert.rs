//! INSERT.

use sea_query::{InsertStatement, SqlWriter, TableRef};

use super::MAX_INSERT_ROWS;
use super::output::RowImage;
use super::select::Place;
use crate::error::{Error, Written};
use crate::parts::{InsertParts, InsertRows};
use crate::writer::Writer;

impl<W: SqlWriter> Writer<'_, W> {
    pub(crate) fn insert(&mut self, insert: &InsertStatement) -> Written {
        let parts = InsertParts::of(insert);
        check(&parts)?;
        let Some(table) = &parts.table else {
            return Err(Error::incomplete("INSERT", "it names no table"));
        };
        if let Some(with) = &parts.with {
            self.with_clause(with)?;
        }
        self.push("INSERT INTO ")?;
        self.plain_table(table)?;
        if let TableRef::Table(name, _) = table {
            self.table_hints(&name.1)?;
        }
        if !parts.columns.is_empty() {
            self.column_list(&parts.columns)?;
        }
        if let Some(returning) = &parts.returning {
            self.output(returning, RowImage::Inserted, false)?;
        }
        match &parts.rows {
            InsertRows::Missing => Err(Error::incomplete("INSERT", "it has no rows")),
            InsertRows::Defaults(_) => self.push(" DEFAULT VALUES"),
            InsertRows::Select(select) => {
                self.push(" ")?;
                self.select(select, Place::Inserted)
            }
            InsertRows::Values(rows) => {
                self.push(" VALUES ")?;
                self.list(rows, |w, row| {
                    w.push("(")?;
                    w.list(row, |w, value| w.value_expr(value))?;
                    w.push(")")
                })
            }
        }
    }
}

fn check(parts: &InsertParts) -> Written {
    if parts.replace {
        return Err(Error::unsupported(
            "REPLACE INTO",
            "update the rows that exist, then insert those that do not",
        ));
    }
    if parts.conflict {
        return Err(Error::unsupported(
            "ON CONFLICT and ON DUPLICATE KEY",
            "update the rows that exist, then insert those that do not",
        ));
    }
    match &parts.rows {
        InsertRows::Defaults(count) if *count != 1 => Err(Error::unsupported(
            "several rows of DEFAULT VALUES",
            "insert them one by one",
        )),
        InsertRows::Values(rows) if rows.len() > MAX_INSERT_ROWS => Err(Error::Limit {
            what: "rows in VALUES",
            actual: rows.len(),
            limit: MAX_INSERT_ROWS,
        }),
        InsertRows::Values(rows) if rows.iter().any(|row| row.len() != parts.columns.len()) => Err(
            Error::invalid("INSERT", "every row needs one value for each column"),
        ),
        _ => Ok(()),
    }
}
