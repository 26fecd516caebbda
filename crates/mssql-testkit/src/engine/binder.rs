//! What binding knows: the scopes of names, and the tables a statement will touch.

use sqlparser::ast::{Cte, Ident, ObjectName, ObjectNamePart};

use super::bound::{Aggregate, Expr, Window};
use super::catalog::{TableKey, same_name};
use super::locks::{Mode, Resource};
use super::state::{Session, State};
use crate::codec::token::Column;
use crate::errors::{self, SqlError, SqlResult};
use crate::options::Permission;
use crate::value::{Collation, Conversion, SqlType, Value, convert};

/// How firmly an expression holds its collation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strength {
    /// A literal, a variable, a computed text.
    Default,
    /// A column.
    Implicit,
    /// Columns of different collations joined into one text: it may be stored, and not compared.
    Conflict,
    /// COLLATE.
    Explicit,
}

/// A bound expression and what is known of it.
#[derive(Debug, Clone)]
pub(crate) struct Typed {
    pub(crate) expr: Expr,
    pub(crate) ty: SqlType,
    pub(crate) collation: Collation,
    pub(crate) strength: Strength,
    pub(crate) nullable: bool,
    /// A bare NULL, which has no type of its own.
    pub(crate) untyped: bool,
    pub(crate) identity: bool,
    pub(crate) of_table: bool,
}

impl Typed {
    pub(crate) fn new(expr: Expr, ty: SqlType, nullable: bool) -> Self {
        Self {
            expr,
            ty,
            collation: Collation::CaseInsensitive,
            strength: Strength::Default,
            nullable,
            untyped: false,
            identity: false,
            of_table: false,
        }
    }

    pub(crate) fn constant(value: Value, ty: SqlType) -> Self {
        let nullable = value.is_null();
        Self::new(Expr::Const(value), ty, nullable)
    }

    /// The expression converted to a type, implicitly; refused when T-SQL refuses the pair.
    pub(crate) fn to(self, ty: SqlType) -> SqlResult<Expr> {
        if self.ty == ty || self.untyped {
            return Ok(self.expr);
        }
        convert(&Value::Null, self.ty, ty, Conversion::Implicit)?;
        Ok(Expr::Convert {
            inner: Box::new(self.expr),
            from: self.ty,
            to: ty,
            how: Conversion::Implicit,
            or_null: false,
        })
    }

    pub(crate) fn column(&self, name: String) -> Column {
        Column {
            name,
            ty: self.ty,
            collation: self.collation,
            nullable: self.nullable,
            identity: self.identity,
            of_table: self.of_table,
        }
    }
}

/// A source of rows as names see it.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) alias: String,
    pub(crate) columns: Vec<Column>,
}

/// The names of one query.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    pub(crate) sources: Vec<Source>,
    /// Sources that may be named: in an ON, those of the join.
    pub(crate) visible: std::ops::Range<usize>,
    /// Aggregates found so far; `None` where none may stand.
    pub(crate) aggregates: Option<Vec<Aggregate>>,
    /// Window functions found so far; `None` where none may stand.
    pub(crate) windows: Option<Vec<Window>>,
}

impl Scope {
    pub(crate) fn of(sources: Vec<Source>) -> Self {
        let visible = 0..sources.len();
        Self {
            sources,
            visible,
            aggregates: None,
            windows: None,
        }
    }
}

/// A lock a statement needs before it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) resource: Resource,
    pub(crate) mode: Mode,
    /// Kept to the end of the transaction; otherwise it is enough that it could be granted.
    pub(crate) keep: bool,
}

pub(crate) struct Binder<'a> {
    pub(crate) state: &'a State,
    pub(crate) session: &'a Session,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) ctes: Vec<Cte>,
    pub(crate) accesses: Vec<Access>,
    /// The outermost scope a column was found in since it was last reset.
    pub(crate) reached: usize,
    pub(crate) next_id: usize,
    /// Whether a temporary table or a table variable was named.
    pub(crate) reads_temporary: bool,
}

impl<'a> Binder<'a> {
    pub(crate) fn new(state: &'a State, session: &'a Session) -> Self {
        Self {
            state,
            session,
            scopes: Vec::new(),
            ctes: Vec::new(),
            accesses: Vec::new(),
            reached: usize::MAX,
            next_id: 0,
            reads_temporary: false,
        }
    }

    pub(crate) fn id(&mut self) -> usize {
        self.next_id += 1;
        self.next_id
    }

    /// Runs `f` with one more scope.
    pub(crate) fn scoped<T>(
        &mut self,
        scope: Scope,
        f: impl FnOnce(&mut Self) -> SqlResult<T>,
    ) -> SqlResult<(T, Scope)> {
        self.scopes.push(scope);
        let out = f(self);
        let scope = self.scopes.pop().unwrap_or_default();
        Ok((out?, scope))
    }

    /// Finds a column by its one or more names, from the innermost query outwards.
    pub(crate) fn column(&mut self, parts: &[Ident]) -> SqlResult<Typed> {
        let Some((name, qualifier)) = parts.split_last() else {
            return Err(errors::invalid_column(""));
        };
        let qualifier = qualifier.last();
        for (at, scope) in self.scopes.iter().enumerate().rev() {
            let mut found = None;
            for number in scope.visible.clone() {
                let source = &scope.sources[number];
                if qualifier.is_some_and(|q| !same_name(&source.alias, &q.value)) {
                    continue;
                }
                for (position, column) in source.columns.iter().enumerate() {
                    if !same_name(&column.name, &name.value) {
                        continue;
                    }
                    if found.is_some() {
                        return Err(SqlError::new(
                            209,
                            format!("Ambiguous column name '{}'.", name.value),
                        ));
                    }
                    found = Some((number, position, column));
                }
            }
            if let Some((source, position, column)) = found {
                let depth = self.scopes.len() - 1 - at;
                self.reached = self.reached.min(at);
                return Ok(Typed {
                    expr: Expr::Column {
                        depth,
                        source,
                        column: position,
                    },
                    ty: column.ty,
                    collation: column.collation,
                    strength: Strength::Implicit,
                    nullable: column.nullable,
                    untyped: false,
                    identity: column.identity,
                    of_table: column.of_table,
                });
            }
        }
        let known = qualifier.is_none_or(|q| {
            self.scopes
                .iter()
                .any(|s| s.sources.iter().any(|source| same_name(&source.alias, &q.value)))
        });
        if known {
            return Err(errors::invalid_column(&name.value));
        }
        let whole: Vec<&str> = parts.iter().map(|p| p.value.as_str()).collect();
        Err(SqlError::new(
            4104,
            format!(
                "The multi-part identifier \"{}\" could not be bound.",
                whole.join(".")
            ),
        ))
    }

    /// The table a name means: a temporary one, or one of a database.
    pub(crate) fn table_key(&self, name: &ObjectName) -> SqlResult<TableKey> {
        let parts = name_parts(name)?;
        let last = parts.last().map(|p| p.value.as_str()).unwrap_or_default();
        if last.starts_with('#') || last.starts_with('@') {
            if last.starts_with("##") {
                return Err(errors::unsupported("global temporary table"));
            }
            return Ok(TableKey::Temp(last.to_lowercase()));
        }
        let (database, schema) = match parts.as_slice() {
            [database, schema, _] => (Some(database.value.as_str()), Some(schema.value.as_str())),
            [schema, _] => (None, Some(schema.value.as_str())),
            [_] => (None, None),
            _ => return Err(errors::unsupported("four-part name")),
        };
        let database = database.unwrap_or(&self.session.database);
        let schema = schema.filter(|s| !s.is_empty()).unwrap_or("dbo");
        Ok(TableKey::Base {
            database: database.to_lowercase(),
            schema: schema.to_lowercase(),
            name: last.to_lowercase(),
        })
    }

    /// Notes that a table is read or written, and that the session may.
    pub(crate) fn touch(&mut self, key: &TableKey, mode: Mode, keep: bool) {
        if let TableKey::Base { .. } = key {
            self.accesses.push(Access {
                resource: Resource::Table(key.clone()),
                mode,
                keep,
            });
        }
    }

    pub(crate) fn require(&self, key: &TableKey, permission: Permission, action: &str) -> SqlResult<()> {
        if let TableKey::Base { database, name, .. } = key
            && !self.session.may(permission)
        {
            return Err(errors::denied(action, name, database));
        }
        Ok(())
    }
}

/// The identifiers of a name.
pub(crate) fn name_parts(name: &ObjectName) -> SqlResult<Vec<Ident>> {
    name.0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) => Ok(ident.clone()),
            ObjectNamePart::Function(_) => Err(errors::unsupported("IDENTIFIER()")),
        })
        .collect()
}

/// A name as error messages show it.
pub(crate) fn shown_name(name: &ObjectName) -> String {
    name_parts(name).map_or_else(
        |_| name.to_string(),
        |parts| {
            parts
                .iter()
                .map(|p| p.value.as_str())
                .collect::<Vec<_>>()
                .join(".")
        },
    )
}
