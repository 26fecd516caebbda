//! CREATE TABLE.

use sea_query::{Check, DynIden, IndexColumn, IndexCreateStatement, SqlWriter, TableCreateStatement};

use crate::error::{Error, Written};
use crate::parts::{CheckParts, CreateTableParts, IndexColumnParts, TableIndexParts};
use crate::statement::statements;
use crate::writer::{Writer, object_text, plain_table};

statements! {
    TableCreateStatement => |create, w| w.inline(|w| w.create_table(create));
}

impl<W: SqlWriter> Writer<'_, W> {
    /// IF NOT EXISTS becomes a guard: `IF OBJECT_ID(N'[t]', N'U') IS NULL CREATE TABLE [t] …`.
    fn create_table(&mut self, create: &TableCreateStatement) -> Written {
        let parts = CreateTableParts::of(create);
        let Some(table) = create.get_table_name() else {
            return Err(Error::incomplete("CREATE TABLE", "it names no table"));
        };
        check(create, &parts)?;
        if parts.if_not_exists {
            self.push("IF OBJECT_ID(")?;
            self.text_literal(&object_text(plain_table(table)?)?)?;
            self.push(", N'U') IS NULL ")?;
        }
        self.push("CREATE TABLE ")?;
        self.plain_table(table)?;
        self.push(" (")?;
        self.list(create.get_columns(), |w, column| w.column_definition(column))?;
        for index in create.get_indexes() {
            self.push(", ")?;
            self.table_index(index)?;
        }
        for foreign_key in create.get_foreign_key_create_stmts() {
            self.push(", ")?;
            self.foreign_key(foreign_key.get_foreign_key())?;
        }
        for check in &parts.checks {
            self.push(", ")?;
            self.check_constraint(check)?;
        }
        self.push(")")?;
        if let Some(extra) = create.get_extra() {
            self.push(" ")?;
            self.push(extra)?;
        }
        Ok(())
    }

    fn table_index(&mut self, index: &IndexCreateStatement) -> Written {
        let parts = TableIndexParts::of(index);
        if parts.filtered {
            return Err(Error::unsupported(
                "a filtered index inside of CREATE TABLE",
                "use CreateIndex",
            ));
        }
        if index.is_nulls_not_distinct() {
            return Err(nulls_not_distinct());
        }
        let name = index.get_index_spec().get_name();
        match (index.is_primary_key() || index.is_unique_key(), name) {
            (true, Some(name)) => self.constraint_name(name)?,
            (true, None) => {}
            (false, Some(name)) => {
                self.push("INDEX ")?;
                self.name(name)?;
            }
            (false, None) => {
                return Err(Error::incomplete(
                    "an index inside of CREATE TABLE",
                    "it has no name",
                ));
            }
        }
        if index.is_primary_key() {
            self.push("PRIMARY KEY")?;
        } else if index.is_unique_key() {
            self.push("UNIQUE")?;
        }
        self.index_columns(&parts.columns)
    }

    /// Writes `CONSTRAINT [name] `.
    pub(crate) fn constraint_name(&mut self, name: &str) -> Written {
        self.push("CONSTRAINT ")?;
        self.name(name)?;
        self.push(" ")
    }

    /// Writes ` ([a], [b] DESC)`.
    pub(crate) fn index_columns(&mut self, columns: &[IndexColumn]) -> Written {
        if columns.is_empty() {
            return Err(Error::incomplete("an index or key", "it has no columns"));
        }
        self.push(" (")?;
        self.list(columns, |w, column| {
            let parts = IndexColumnParts::of(column);
            if parts.foreign {
                return Err(Error::unsupported(
                    "a length prefix or operator class in an index",
                    "index a computed column of the shortened text",
                ));
            }
            let Some(name) = &parts.name else {
                return Err(Error::unsupported(
                    "an index on an expression",
                    "index a computed column",
                ));
            };
            w.iden(name)?;
            w.push(if parts.descending { " DESC" } else { "" })
        })?;
        self.push(")")
    }

    pub(crate) fn check_constraint(&mut self, check: &Check) -> Written {
        let CheckParts { name, expr } = CheckParts::of(check);
        let Some(expr) = expr else {
            return Err(Error::incomplete("CHECK", "it has no condition"));
        };
        if let Some(name) = &name {
            self.constraint_name(&DynIden::inner(name))?;
        }
        self.push("CHECK (")?;
        self.predicate(&expr)?;
        self.push(")")
    }
}

pub(crate) fn nulls_not_distinct() -> Error {
    Error::unsupported(
        "NULLS NOT DISTINCT",
        "leave it out: a unique index of SQL Server takes one NULL only; filter it by IS NOT NULL to take more",
    )
}

fn check(create: &TableCreateStatement, parts: &CreateTableParts) -> Written {
    if parts.temporary {
        return Err(Error::unsupported(
            "TEMPORARY",
            "give the table a name that starts with #",
        ));
    }
    if let Some(foreign) = parts.foreign {
        return Err(Error::unsupported(
            foreign,
            "set up filegroups, partition schemes and collations in T-SQL",
        ));
    }
    if create.get_comment().is_some() {
        return Err(Error::unsupported(
            "a comment on a table",
            "call sp_addextendedproperty",
        ));
    }
    if create.get_columns().is_empty() {
        return Err(Error::incomplete("CREATE TABLE", "it has no columns"));
    }
    Ok(())
}
