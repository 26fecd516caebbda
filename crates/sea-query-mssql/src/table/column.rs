//! Column definitions.

use sea_query::{ColumnDef, ColumnSpec, Expr, SqlWriter};

use crate::error::{Error, Written};
use crate::types::can_be_identity;
use crate::writer::Writer;

impl<W: SqlWriter> Writer<'_, W> {
    /// Writes a column as CREATE TABLE and ALTER TABLE ADD define it.
    ///
    /// NULL or NOT NULL is always said, since what goes without saying depends on the session's settings: a column is
    /// nullable unless it says otherwise or is the primary key.
    pub(crate) fn column_definition(&mut self, column: &ColumnDef) -> Written {
        let spec = column.get_column_spec();
        check(spec)?;
        self.name(&column.get_column_name())?;
        if spec.generated.is_some() {
            return self.computed_column(column, spec);
        }
        let Some(column_type) = column.get_column_type() else {
            return Err(Error::incomplete("a column definition", "it has no type"));
        };
        self.push(" ")?;
        self.column_type(column_type)?;
        if spec.auto_increment {
            if !can_be_identity(column_type) {
                return Err(Error::invalid(
                    "IDENTITY",
                    "the column must be an integer, or a decimal without decimals",
                ));
            }
            self.push(" IDENTITY(1,1)")?;
        }
        self.nullability(spec)?;
        if let Some(default) = &spec.default {
            self.push(" DEFAULT ")?;
            self.default_value(default)?;
        }
        self.column_constraints(spec)?;
        if let Some(extra) = &spec.extra {
            self.push(" ")?;
            self.push(extra)?;
        }
        Ok(())
    }

    /// Writes ` NULL` or ` NOT NULL`.
    pub(crate) fn nullability(&mut self, spec: &ColumnSpec) -> Written {
        let key = spec.primary_key || spec.auto_increment;
        match spec.nullable {
            Some(true) if key => Err(Error::invalid(
                "a nullable primary key or IDENTITY",
                "both are NOT NULL",
            )),
            Some(true) => self.push(" NULL"),
            None if !key => self.push(" NULL"),
            _ => self.push(" NOT NULL"),
        }
    }

    fn column_constraints(&mut self, spec: &ColumnSpec) -> Written {
        if spec.primary_key {
            self.push(" PRIMARY KEY")?;
        }
        if spec.unique && !spec.primary_key {
            self.push(" UNIQUE")?;
        }
        if let Some(check) = &spec.check {
            self.push(" ")?;
            self.check_constraint(check)?;
        }
        Ok(())
    }

    pub(crate) fn default_value(&mut self, default: &Expr) -> Written {
        match default {
            Expr::Value(_) | Expr::Constant(_) => self.value_expr(default),
            _ => self.bracketed(|w| w.value_expr(default)),
        }
    }

    /// A computed column has no type of its own, so the expression is cast to the type that was given.
    fn computed_column(&mut self, column: &ColumnDef, spec: &ColumnSpec) -> Written {
        let Some(generated) = &spec.generated else {
            return Ok(());
        };
        if spec.default.is_some() || spec.auto_increment {
            return Err(Error::invalid(
                "a computed column",
                "it has no DEFAULT and no IDENTITY",
            ));
        }
        let not_null = spec.nullable == Some(false);
        if !generated.stored && (not_null || spec.primary_key || spec.check.is_some()) {
            return Err(Error::invalid(
                "a constraint on a computed column",
                "only a stored one can be NOT NULL, a primary key or checked",
            ));
        }
        self.push(" AS (")?;
        match column.get_column_type() {
            Some(column_type) => {
                self.push("CAST(")?;
                self.value_expr(&generated.expr)?;
                self.push(" AS ")?;
                self.column_type(column_type)?;
                self.push(")")?;
            }
            None => self.value_expr(&generated.expr)?,
        }
        self.push(if generated.stored { ") PERSISTED" } else { ")" })?;
        if not_null || (generated.stored && spec.primary_key) {
            self.push(" NOT NULL")?;
        }
        self.column_constraints(spec)?;
        match &spec.extra {
            Some(extra) => {
                self.push(" ")?;
                self.push(extra)
            }
            None => Ok(()),
        }
    }
}

fn check(spec: &ColumnSpec) -> Written {
    if spec.comment.is_some() {
        return Err(Error::unsupported(
            "a comment on a column",
            "call sp_addextendedproperty",
        ));
    }
    if spec.using.is_some() {
        return Err(Error::unsupported(
            "USING on a column",
            "convert the values with an UPDATE",
        ));
    }
    if spec.auto_increment && spec.default.is_some() {
        return Err(Error::invalid("an IDENTITY column", "it has no DEFAULT"));
    }
    Ok(())
}
