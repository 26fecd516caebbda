//! OUTPUT, T-SQL's word for RETURNING.

use sea_query::{ColumnName, ColumnRef, ReturningClause, SqlWriter, TableName};

use crate::error::{Error, Written};
use crate::writer::Writer;

/// The image of a row that OUTPUT returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowImage {
    /// The row after the change: INSERT and UPDATE.
    Inserted,
    /// The row before the change: DELETE.
    Deleted,
}

impl RowImage {
    fn prefix(self) -> &'static str {
        match self {
            Self::Inserted => "INSERTED.",
            Self::Deleted => "DELETED.",
        }
    }

    fn named(table: &TableName) -> Option<Self> {
        match table {
            TableName(None, name) if name.inner().eq_ignore_ascii_case("inserted") => Some(Self::Inserted),
            TableName(None, name) if name.inner().eq_ignore_ascii_case("deleted") => Some(Self::Deleted),
            _ => None,
        }
    }
}

impl<W: SqlWriter> Writer<'_, W> {
    /// Writes the OUTPUT clause. Columns without a table are those of `image`; `inserted` and `deleted` name the
    /// images themselves. Other tables can be named in a statement that has a FROM.
    pub(crate) fn output(&mut self, returning: &ReturningClause, image: RowImage, has_from: bool) -> Written {
        self.push(" OUTPUT ")?;
        let outer = self.row_image.replace(image);
        let written = match returning {
            ReturningClause::All => self.column_ref(&ColumnRef::Asterisk(None)),
            ReturningClause::Columns(columns) if columns.is_empty() => {
                Err(Error::incomplete("OUTPUT", "it has no columns"))
            }
            ReturningClause::Exprs(exprs) if exprs.is_empty() => {
                Err(Error::incomplete("OUTPUT", "it has no columns"))
            }
            ReturningClause::Columns(columns) => self.list(columns, |w, column| {
                if !has_from {
                    check_image(column)?;
                }
                w.column_ref(column)
            }),
            ReturningClause::Exprs(exprs) => self.list(exprs, |w, expr| w.value_expr(expr)),
        };
        self.row_image = outer;
        written?;
        self.output_into()
    }

    fn output_into(&mut self) -> Written {
        let Some(into) = &mut self.options.output_into else {
            return Ok(());
        };
        into.written = true;
        let into = into.clone();
        self.push(" INTO ")?;
        self.plain_table(&into.table)?;
        if into.columns.is_empty() {
            Ok(())
        } else {
            self.column_list(&into.columns)
        }
    }

    /// Writes a column, which in an OUTPUT clause belongs to an image of the row.
    pub(crate) fn column_ref(&mut self, column: &ColumnRef) -> Written {
        let table = match column {
            ColumnRef::Column(ColumnName(table, _)) | ColumnRef::Asterisk(table) => table.as_ref(),
            _ => {
                return Err(Error::unsupported(
                    "this kind of column reference",
                    "name the column",
                ));
            }
        };
        match (self.row_image, table) {
            (Some(image), None) => self.push(image.prefix())?,
            (Some(_), Some(table)) if RowImage::named(table).is_some() => {
                self.push(RowImage::named(table).map_or("", RowImage::prefix))?;
            }
            (_, Some(table)) => {
                self.table_name(table)?;
                self.push(".")?;
            }
            (None, None) => {}
        }
        match column {
            ColumnRef::Column(ColumnName(_, name)) => self.iden(name),
            _ => self.push("*"),
        }
    }
}

fn check_image(column: &ColumnRef) -> Written {
    match column {
        ColumnRef::Column(ColumnName(Some(table), _)) | ColumnRef::Asterisk(Some(table))
            if RowImage::named(table).is_none() =>
        {
            Err(Error::invalid(
                "a column of another table in OUTPUT",
                "it returns columns of inserted and deleted, and of tables in the statement's FROM",
            ))
        }
        _ => Ok(()),
    }
}
