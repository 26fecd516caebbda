//! ALTER TABLE.
//!
//! sea-query shows nobody what is in a `TableAlterStatement`, so this crate has its own. One statement does one thing:
//! that is all T-SQL's grammar allows across ADD, ALTER COLUMN and DROP.

use sea_query::{
    Check, ColumnDef, DynIden, IntoColumnDef, IntoIden, IntoTableRef, SqlWriter, TableForeignKey, TableRef,
};

use crate::error::{Error, Written};
use crate::statement::statements;
use crate::writer::{Writer, object_text, plain_table};

/// One change of a table.
///
/// ```
/// use sea_query::ColumnDef;
/// use sea_query_mssql::{AlterTable, MssqlStatement};
///
/// let add = AlterTable::add_column("ORDERS", ColumnDef::new("STATE").string_len(16).not_null().default("new"));
/// assert_eq!(add.to_mssql()?, "ALTER TABLE [ORDERS] ADD [STATE] nvarchar(16) NOT NULL DEFAULT N'new'");
/// # Ok::<(), sea_query_mssql::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct AlterTable {
    table: TableRef,
    change: Change,
}

#[derive(Debug, Clone)]
enum Change {
    AddColumn {
        column: ColumnDef,
        if_not_exists: bool,
    },
    AlterColumn(ColumnDef),
    AddDefault {
        column: DynIden,
        name: Option<DynIden>,
        value: sea_query::Expr,
    },
    AddKey {
        name: DynIden,
        columns: Vec<DynIden>,
        primary: bool,
    },
    AddCheck(Check),
    AddForeignKey(TableForeignKey),
    DropColumn {
        name: DynIden,
        if_exists: bool,
    },
    DropConstraint {
        name: DynIden,
        if_exists: bool,
    },
}

impl AlterTable {
    /// Adds a column.
    pub fn add_column(table: impl IntoTableRef, column: impl IntoColumnDef) -> Self {
        Self::of(
            table,
            Change::AddColumn {
                column: column.into_column_def(),
                if_not_exists: false,
            },
        )
    }

    /// Adds a column unless the table has one of that name.
    pub fn add_column_if_not_exists(table: impl IntoTableRef, column: impl IntoColumnDef) -> Self {
        Self::of(
            table,
            Change::AddColumn {
                column: column.into_column_def(),
                if_not_exists: true,
            },
        )
    }

    /// Changes the type and nullability of a column. The definition must have no other parts, and must say NULL or
    /// NOT NULL.
    pub fn alter_column(table: impl IntoTableRef, column: impl IntoColumnDef) -> Self {
        Self::of(table, Change::AlterColumn(column.into_column_def()))
    }

    /// Gives a column a default for rows to come.
    pub fn add_default(
        table: impl IntoTableRef,
        column: impl IntoIden,
        value: impl Into<sea_query::Expr>,
    ) -> Self {
        Self::of(
            table,
            Change::AddDefault {
                column: column.into_iden(),
                name: None,
                value: value.into(),
            },
        )
    }

    /// Adds a primary key.
    pub fn add_primary_key<C: IntoIden>(
        table: impl IntoTableRef,
        name: impl IntoIden,
        columns: impl IntoIterator<Item = C>,
    ) -> Self {
        Self::add_key(table, name, columns, true)
    }

    /// Adds a UNIQUE constraint.
    pub fn add_unique<C: IntoIden>(
        table: impl IntoTableRef,
        name: impl IntoIden,
        columns: impl IntoIterator<Item = C>,
    ) -> Self {
        Self::add_key(table, name, columns, false)
    }

    /// Adds a CHECK constraint.
    pub fn add_check(table: impl IntoTableRef, check: impl Into<Check>) -> Self {
        Self::of(table, Change::AddCheck(check.into()))
    }

    /// Adds a foreign key. Its own table, if it names one, does not matter here.
    pub fn add_foreign_key(table: impl IntoTableRef, foreign_key: &TableForeignKey) -> Self {
        Self::of(table, Change::AddForeignKey(foreign_key.clone()))
    }

    /// Drops a column.
    pub fn drop_column(table: impl IntoTableRef, name: impl IntoIden) -> Self {
        Self::of(
            table,
            Change::DropColumn {
                name: name.into_iden(),
                if_exists: false,
            },
        )
    }

    /// Drops a column if the table has it.
    pub fn drop_column_if_exists(table: impl IntoTableRef, name: impl IntoIden) -> Self {
        Self::of(
            table,
            Change::DropColumn {
                name: name.into_iden(),
                if_exists: true,
            },
        )
    }

    /// Drops a constraint of any kind: a key, a foreign key, a check or a default.
    pub fn drop_constraint(table: impl IntoTableRef, name: impl IntoIden) -> Self {
        Self::of(
            table,
            Change::DropConstraint {
                name: name.into_iden(),
                if_exists: false,
            },
        )
    }

    /// Drops a constraint of any kind if the table has it.
    pub fn drop_constraint_if_exists(table: impl IntoTableRef, name: impl IntoIden) -> Self {
        Self::of(
            table,
            Change::DropConstraint {
                name: name.into_iden(),
                if_exists: true,
            },
        )
    }

    /// Names the constraint that [`Self::add_default`] makes; the server makes a name up otherwise.
    #[must_use]
    pub fn named(mut self, constraint: impl IntoIden) -> Self {
        if let Change::AddDefault { name, .. } = &mut self.change {
            *name = Some(constraint.into_iden());
        }
        self
    }

    fn add_key<C: IntoIden>(
        table: impl IntoTableRef,
        name: impl IntoIden,
        columns: impl IntoIterator<Item = C>,
        primary: bool,
    ) -> Self {
        let columns = columns.into_iter().map(IntoIden::into_iden).collect();
        Self::of(
            table,
            Change::AddKey {
                name: name.into_iden(),
                columns,
                primary,
            },
        )
    }

    fn of(table: impl IntoTableRef, change: Change) -> Self {
        Self {
            table: table.into_table_ref(),
            change,
        }
    }
}

statements! {
    AlterTable => |alter, w| w.inline(|w| w.alter_table(alter));
}

impl<W: SqlWriter> Writer<'_, W> {
    fn alter_table(&mut self, alter: &AlterTable) -> Written {
        let table = plain_table(&alter.table)?;
        if let Change::AddColumn {
            column,
            if_not_exists: true,
        } = &alter.change
        {
            self.push("IF COL_LENGTH(")?;
            self.text_literal(&object_text(table)?)?;
            self.push(", ")?;
            self.text_literal(&column.get_column_name())?;
            self.push(") IS NULL ")?;
        }
        self.push("ALTER TABLE ")?;
        self.table_name(table)?;
        match &alter.change {
            Change::AddColumn { column, .. } => {
                self.push(" ADD ")?;
                self.column_definition(column)
            }
            Change::AlterColumn(column) => self.alter_column(column),
            Change::AddDefault { column, name, value } => {
                self.push(" ADD ")?;
                if let Some(name) = name {
                    self.constraint_name(&name.inner())?;
                }
                self.push("DEFAULT ")?;
                self.default_value(value)?;
                self.push(" FOR ")?;
                self.iden(column)
            }
            Change::AddKey {
                name,
                columns,
                primary,
            } => {
                if columns.is_empty() {
                    return Err(Error::incomplete("an index or key", "it has no columns"));
                }
                self.push(" ADD ")?;
                self.constraint_name(&name.inner())?;
                self.push(if *primary { "PRIMARY KEY" } else { "UNIQUE" })?;
                self.column_list(columns)
            }
            Change::AddCheck(check) => {
                self.push(" ADD ")?;
                self.check_constraint(check)
            }
            Change::AddForeignKey(foreign_key) => {
                self.push(" ADD ")?;
                self.foreign_key(foreign_key)
            }
            Change::DropColumn { name, if_exists } => {
                self.push(if *if_exists {
                    " DROP COLUMN IF EXISTS "
                } else {
                    " DROP COLUMN "
                })?;
                self.iden(name)
            }
            Change::DropConstraint { name, if_exists } => {
                self.push(if *if_exists {
                    " DROP CONSTRAINT IF EXISTS "
                } else {
                    " DROP CONSTRAINT "
                })?;
                self.iden(name)
            }
        }
    }

    fn alter_column(&mut self, column: &ColumnDef) -> Written {
        let spec = column.get_column_spec();
        let other = spec.default.is_some()
            || spec.auto_increment
            || spec.unique
            || spec.primary_key
            || spec.check.is_some()
            || spec.generated.is_some()
            || spec.extra.is_some()
            || spec.comment.is_some()
            || spec.using.is_some();
        if other {
            return Err(Error::unsupported(
                "ALTER COLUMN of anything but type and nullability",
                "add or drop the constraint in a statement of its own",
            ));
        }
        let (Some(column_type), Some(_)) = (column.get_column_type(), spec.nullable) else {
            return Err(Error::incomplete(
                "ALTER COLUMN",
                "it needs a type, and NULL or NOT NULL",
            ));
        };
        self.push(" ALTER COLUMN ")?;
        self.name(&column.get_column_name())?;
        self.push(" ")?;
        self.column_type(column_type)?;
        self.nullability(spec)
    }
}
