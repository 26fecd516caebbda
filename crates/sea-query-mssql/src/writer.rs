//! The writer every part of a statement goes through: text, names, parameters.
//!
//! The modules of this crate add methods to it, one statement or clause each. They return an error where T-SQL has no
//! words for a part; what was written until then is thrown away.

use sea_query::{DatabaseName, DynIden, SchemaName, SqlWriter, TableName, TableRef, Value, WindowStatement};

use crate::builder::MssqlQueryBuilder;
use crate::error::{Error, Written};
use crate::identifier::{check_table, is_temporary, write_identifier};
use crate::literal::{write_literal, write_text};
use crate::query::output::RowImage;
use crate::statement::Options;

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Values {
    /// Handed to the SQL writer, which makes parameters or literals of them.
    Pushed,
    /// Always literals: T-SQL takes no parameters in a DDL statement.
    Inline,
}

/// Writes T-SQL into a SQL writer of sea-query.
pub(crate) struct Writer<'w, W> {
    sql: &'w mut W,
    values: Values,
    /// What was said about the statement beyond sea-query's own parts.
    pub(crate) options: Options,
    /// In an OUTPUT clause: which image of the row an unqualified column belongs to.
    pub(crate) row_image: Option<RowImage>,
    /// The named window of the SELECT that is being written.
    pub(crate) window: Option<(DynIden, WindowStatement)>,
    /// Was a WITH clause written for this statement? There can be only one.
    pub(crate) has_with: bool,
}

impl<'w, W: SqlWriter> Writer<'w, W> {
    pub(crate) fn new(sql: &'w mut W, values: Values) -> Self {
        Self {
            sql,
            values,
            options: Options::default(),
            row_image: None,
            window: None,
            has_with: false,
        }
    }

    /// Writes text as it is.
    pub(crate) fn push(&mut self, text: &str) -> Written {
        self.sql.write_str(text)?;
        Ok(())
    }

    /// Writes each item, with a comma between two.
    pub(crate) fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> Written,
    ) -> Written {
        for (position, item) in items.into_iter().enumerate() {
            if position > 0 {
                self.push(", ")?;
            }
            write(self, item)?;
        }
        Ok(())
    }

    /// Runs a part of the statement in which values must be literals.
    pub(crate) fn inline(&mut self, write: impl FnOnce(&mut Self) -> Written) -> Written {
        let outer = std::mem::replace(&mut self.values, Values::Inline);
        let written = write(self);
        self.values = outer;
        written
    }

    /// Writes a value as a parameter, or as a literal where parameters are not allowed.
    pub(crate) fn value(&mut self, value: &Value) -> Written {
        match self.values {
            Values::Pushed => {
                self.sql.push_param(value.clone(), &MssqlQueryBuilder);
                Ok(())
            }
            Values::Inline => self.literal(value),
        }
    }

    /// Writes a value as a literal.
    pub(crate) fn literal(&mut self, value: &Value) -> Written {
        write_literal(self.sql, value)
    }

    /// Writes text as an `N'…'` literal.
    pub(crate) fn text_literal(&mut self, text: &str) -> Written {
        write_text(self.sql, text)
    }

    /// Writes a name in brackets.
    pub(crate) fn iden(&mut self, name: &DynIden) -> Written {
        self.name(&name.inner())
    }

    /// Writes a name in brackets.
    pub(crate) fn name(&mut self, name: &str) -> Written {
        write_identifier(self.sql, name)
    }

    /// Writes a bracketed list of column names: ` ([a], [b])`.
    pub(crate) fn column_list<'i>(&mut self, names: impl IntoIterator<Item = &'i DynIden>) -> Written {
        self.push(" (")?;
        self.list(names, |w, name| w.iden(name))?;
        self.push(")")
    }

    /// Writes `[database].[schema].[table]` as far as given.
    pub(crate) fn table_name(&mut self, table: &TableName) -> Written {
        let text = table_text(table)?;
        self.push(&text)
    }

    /// Writes the table a DDL statement or an INSERT names: no alias, no subquery.
    pub(crate) fn plain_table(&mut self, table: &TableRef) -> Written {
        self.table_name(plain_table(table)?)
    }
}

/// The table behind a reference that must be a bare table.
pub(crate) fn plain_table(table: &TableRef) -> Result<&TableName, Error> {
    match table {
        TableRef::Table(name, None) => Ok(name),
        TableRef::Table(_, Some(_)) => Err(Error::invalid(
            "a table with an alias here",
            "the table is named without an alias",
        )),
        _ => Err(Error::invalid(
            "a subquery or function in place of a table",
            "only a table can be named here",
        )),
    }
}

/// `[database].[schema].[table]` as far as given.
pub(crate) fn table_text(table: &TableName) -> Result<String, Error> {
    let mut text = String::new();
    let TableName(schema, name) = table;
    if let Some(SchemaName(database, schema)) = schema {
        if let Some(DatabaseName(database)) = database {
            write_identifier(&mut text, &database.inner())?;
            text.push('.');
        }
        write_identifier(&mut text, &schema.inner())?;
        text.push('.');
    }
    check_table(&name.inner())?;
    write_identifier(&mut text, &name.inner())?;
    Ok(text)
}

/// The name under which the metadata functions (`OBJECT_ID`, `COL_LENGTH`) find a table: temporary tables live in
/// tempdb, whatever the current database is.
pub(crate) fn object_text(table: &TableName) -> Result<String, Error> {
    let text = table_text(table)?;
    let TableName(schema, name) = table;
    Ok(if schema.is_none() && is_temporary(&name.inner()) {
        format!("tempdb..{text}")
    } else {
        text
    })
}

/// The catalog that knows a table: empty, or `[database].` with a dot.
pub(crate) fn catalog_text(table: &TableName) -> Result<String, Error> {
    let TableName(schema, name) = table;
    match schema {
        Some(SchemaName(Some(DatabaseName(database)), _)) => {
            let mut text = String::new();
            write_identifier(&mut text, &database.inner())?;
            text.push('.');
            Ok(text)
        }
        None if is_temporary(&name.inner()) => Ok("tempdb.".to_owned()),
        _ => Ok(String::new()),
    }
}
