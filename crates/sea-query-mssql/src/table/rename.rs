//! Renaming, which T-SQL leaves to the procedure `sp_rename`.

use sea_query::{DynIden, IntoIden, IntoTableRef, SqlWriter, TableRef};

use crate::error::{Error, Written};
use crate::identifier::write_identifier;
use crate::statement::statements;
use crate::writer::{Writer, plain_table, table_text};

/// `EXEC sp_rename N'[dbo].[OLD]', N'NEW', N'OBJECT'`.
///
/// What reads the old name, such as a view or a procedure, is not changed by the server.
#[derive(Debug, Clone)]
pub struct Rename {
    table: TableRef,
    part: Option<(DynIden, &'static str)>,
    new_name: DynIden,
}

impl Rename {
    /// Renames a table; it stays in its schema.
    pub fn table(table: impl IntoTableRef, new_name: impl IntoIden) -> Self {
        Self {
            table: table.into_table_ref(),
            part: None,
            new_name: new_name.into_iden(),
        }
    }

    /// Renames a column of a table.
    pub fn column(table: impl IntoTableRef, name: impl IntoIden, new_name: impl IntoIden) -> Self {
        let part = Some((name.into_iden(), "COLUMN"));
        Self {
            table: table.into_table_ref(),
            part,
            new_name: new_name.into_iden(),
        }
    }

    /// Renames an index of a table.
    pub fn index(table: impl IntoTableRef, name: impl IntoIden, new_name: impl IntoIden) -> Self {
        let part = Some((name.into_iden(), "INDEX"));
        Self {
            table: table.into_table_ref(),
            part,
            new_name: new_name.into_iden(),
        }
    }
}

statements! {
    Rename => |rename, w| {
        let mut old_name = table_text(plain_table(&rename.table)?)?;
        if let Some((part, _)) = &rename.part {
            old_name.push('.');
            write_identifier(&mut old_name, &part.inner())?;
        }
        // Checked as an identifier, but passed as it is: the procedure would take brackets for part of the name.
        write_identifier(&mut String::new(), &rename.new_name.inner())?;
        w.push("EXEC sp_rename ")?;
        w.argument(&old_name)?;
        w.push(", ")?;
        w.argument(&rename.new_name.inner())?;
        let kind = rename.part.as_ref().map_or("OBJECT", |(_, kind)| kind);
        w.push(&format!(", N'{kind}'"))
    };
}

impl<W: SqlWriter> Writer<'_, W> {
    /// An argument of a procedure is a literal and cannot be an expression, which a name of several lines may need.
    fn argument(&mut self, text: &str) -> Written {
        if text.contains(['\n', '\r']) {
            return Err(Error::invalid(
                "sp_rename",
                "the names must not contain line breaks",
            ));
        }
        self.text_literal(text)
    }
}
