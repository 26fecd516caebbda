//! CREATE, ALTER and DROP. Each gives the tables as they will be; the runner puts them in place.

use std::sync::Arc;

use sqlparser::ast::{Expr as AstExpr, Ident, ObjectName};

use super::bind_from::table_columns;
use super::binder::{Access, Binder, Scope, Source, shown_name};
use super::bound::Predicate;
use super::catalog::{Check, DefaultValue, Identity, IndexKind, Table, TableColumn, TableKey, same_name};
use super::ddl_drop::{drop_column, drop_constraint};
use super::dml::full_row;
use super::eval::{Env, Frame, eval};
use super::locks::{Mode, Resource};
use super::state::{Session, State, table};
use super::syntax::{
    AlterTable, ColumnDefinition, ConstraintDefinition, ConstraintKind, Statement, TableElement,
};
use crate::errors::{self, SqlError, SqlResult};
use crate::options::{Options, Permission};
use crate::value::{Collation, SqlType, Value, utf16_len};

/// A table in its new state; `None` when it goes.
pub(crate) type TableChange = (TableKey, Option<Table>);

/// What a definition needs to look things up. `ids` are fresh object ids, one for each thing that may need one.
pub(crate) struct Definer<'a> {
    pub(crate) state: &'a State,
    pub(crate) session: &'a Session,
    pub(crate) options: &'a Options,
    pub(crate) now: chrono::DateTime<chrono::Utc>,
    pub(crate) ids: Vec<i32>,
}

/// How many object ids a statement may use.
pub(crate) fn ids_needed(statement: &Statement) -> usize {
    match statement {
        Statement::CreateTable(create) => create.elements.len() + 1,
        Statement::AlterTable(_, AlterTable::Add(elements)) => elements.len(),
        Statement::CreateView(_) => 1,
        _ => 0,
    }
}

impl Definer<'_> {
    pub(super) fn id(&mut self) -> i32 {
        self.ids.pop().unwrap_or_default()
    }

    pub(super) fn binder(&self) -> Binder<'_> {
        Binder::new(self.state, self.session)
    }

    fn env(&self) -> Env<'_> {
        Env::new(self.state, self.session, self.options, self.now)
    }

    /// The locks and the changes of a definition.
    pub(crate) fn plan(&mut self, statement: &Statement) -> SqlResult<(Vec<Access>, Vec<TableChange>)> {
        let changes = match statement {
            Statement::CreateTable(create) => vec![self.create_table(&create.name, &create.elements)?],
            Statement::AlterTable(name, change) => vec![self.alter_table(name, change)?],
            Statement::CreateIndex(create) => vec![self.create_index(create)?],
            Statement::DropTable { if_exists, names } => {
                let mut out = Vec::new();
                for name in names {
                    out.extend(self.drop_table(name, *if_exists)?);
                }
                out
            }
            Statement::DropIndex {
                if_exists,
                name,
                table,
            } => self.drop_index(name, table, *if_exists)?.into_iter().collect(),
            Statement::Truncate(name) => vec![self.truncate(name)?],
            Statement::CreateView(create) => vec![self.create_view(create)?],
            Statement::DropView { if_exists, names } => {
                let mut out = Vec::new();
                for name in names {
                    out.extend(self.drop_view(name, *if_exists)?);
                }
                out
            }
            _ => Vec::new(),
        };
        let mut accesses = Vec::new();
        for (key, _) in &changes {
            if let TableKey::Base { database, .. } = key {
                let lock = |resource| Access {
                    resource,
                    mode: Mode::Exclusive,
                    keep: true,
                };
                accesses.push(lock(Resource::Table(key.clone())));
                accesses.push(lock(Resource::Catalog(database.clone())));
            }
        }
        Ok((accesses, changes))
    }

    pub(super) fn existing(
        &self,
        name: &ObjectName,
        missing: impl Fn(&str) -> SqlError,
    ) -> SqlResult<(TableKey, Table)> {
        let key = self.binder().table_key(name)?;
        match table(self.state, self.session, &key) {
            Some(table) if table.view.is_some() => {
                Err(errors::unsupported("a definition on a view as on a table"))
            }
            Some(table) => Ok((key, table.clone())),
            None => Err(missing(&shown_name(name))),
        }
    }

    pub(super) fn may_alter(&self, key: &TableKey, table: &Table) -> SqlResult<()> {
        if matches!(key, TableKey::Base { .. }) && !self.session.may(Permission::Alter) {
            return Err(not_found_or_denied(1088, &table.name));
        }
        Ok(())
    }

    fn create_table(&mut self, name: &ObjectName, elements: &[TableElement]) -> SqlResult<TableChange> {
        let key = self.binder().table_key(name)?;
        let shown = super::binder::name_parts(name)?
            .last()
            .map(|p| p.value.clone())
            .unwrap_or_default();
        check_name(&shown)?;
        let mut schema = "dbo".to_owned();
        if let TableKey::Base {
            database,
            schema: wanted,
            ..
        } = &key
        {
            let database = self
                .state
                .database(database)
                .ok_or_else(|| no_database(database))?;
            if !self.session.may(Permission::CreateTable) {
                return Err(errors::denied_in_database("CREATE TABLE", &database.name));
            }
            schema = database.schemas.iter().find(|s| same_name(s, wanted)).cloned().ok_or_else(|| {
                SqlError::new(2760, format!("The specified schema name \"{wanted}\" either does not exist or you do not have permission to use it."))
            })?;
        }
        if table(self.state, self.session, &key).is_some() {
            return Err(errors::exists_already(&shown));
        }
        let id = self.id();
        let mut table = Table::new(id, schema, shown, Vec::new());
        self.add_elements(&mut table, elements, true)?;
        if table.columns.is_empty() {
            return Err(errors::syntax(")"));
        }
        if let Some(identity) = table.columns.iter().find_map(|c| c.identity) {
            table.next_identity = identity.seed;
        }
        Ok((key, Some(table)))
    }

    /// Columns first, then what refers to them.
    fn add_elements(&mut self, table: &mut Table, elements: &[TableElement], fresh: bool) -> SqlResult<()> {
        let mut constraints: Vec<&ConstraintDefinition> = Vec::new();
        let primary: Vec<&Ident> = elements
            .iter()
            .filter_map(|e| match e {
                TableElement::Constraint(ConstraintDefinition {
                    kind: ConstraintKind::PrimaryKey { columns, .. },
                    ..
                }) => Some(columns),
                _ => None,
            })
            .flatten()
            .map(|(name, _)| name)
            .collect();
        for element in elements {
            match element {
                TableElement::Column(column) => {
                    let in_key = fresh
                        && (primary.iter().any(|p| same_name(&p.value, &column.name.value))
                            || column
                                .constraints
                                .iter()
                                .any(|c| matches!(c.kind, ConstraintKind::PrimaryKey { .. })));
                    self.add_column(table, column, in_key)?;
                    constraints.extend(&column.constraints);
                }
                TableElement::Constraint(constraint) => constraints.push(constraint),
            }
        }
        for constraint in constraints {
            self.add_constraint(table, constraint)?;
        }
        Ok(())
    }

    fn add_column(&mut self, table: &mut Table, column: &ColumnDefinition, in_key: bool) -> SqlResult<()> {
        let name = &column.name.value;
        check_name(name)?;
        if table.column(name).is_some() {
            return Err(SqlError::new(
                2705,
                format!("Column names in each table must be unique. Column name '{name}' in table '{}' is specified more than once.", table.name),
            )
            .with_state(4));
        }
        if in_key && column.nullable == Some(true) {
            return Err(SqlError::new(
                8111,
                format!(
                    "Cannot define PRIMARY KEY constraint on nullable column in table '{}'.",
                    table.name
                ),
            ));
        }
        if column.identity.is_some() && table.columns.iter().any(|c| c.identity.is_some()) {
            return Err(SqlError::new(
                2744,
                format!(
                    "Multiple identity columns specified for table '{}'. Only one identity column per table is allowed.",
                    table.name
                ),
            ));
        }
        let identity = match column.identity {
            Some((seed, increment))
                if column.ty.is_integer() && column.ty != SqlType::Bit && increment != 0 =>
            {
                Some(Identity { seed, increment })
            }
            Some(_) => {
                return Err(SqlError::new(
                    2749,
                    format!(
                        "Identity column '{name}' must be of data type int, bigint, smallint, tinyint, or decimal or numeric with a scale of 0, unencrypted, and constrained to be nonnullable."
                    ),
                ));
            }
            None => None,
        };
        let default = match &column.default {
            None => None,
            Some((constraint, expression)) => {
                Some(self.default_value(table, name, constraint.as_ref(), expression)?)
            }
        };
        let definition = TableColumn {
            name: name.clone(),
            ty: column.ty,
            collation: named_collation(column.collation.as_deref())?,
            nullable: identity.is_none() && !in_key && column.nullable.unwrap_or(true),
            identity,
            default,
        };
        self.fill_new_column(table, definition)
    }

    fn default_value(
        &mut self,
        table: &Table,
        column: &str,
        constraint: Option<&Ident>,
        expression: &AstExpr,
    ) -> SqlResult<DefaultValue> {
        let object_id = self.id();
        let cut = |text: &str, n: usize| text.chars().take(n).collect::<String>();
        let constraint = constraint.map_or_else(
            || format!("DF__{}__{}__{object_id:08X}", cut(&table.name, 9), cut(column, 5)),
            |c| c.value.clone(),
        );
        // A default that cannot be bound is refused now, not at the first INSERT.
        let mut binder = self.binder();
        binder.scoped(Scope::default(), |b| b.expr(expression))?;
        Ok(DefaultValue {
            constraint,
            object_id,
            expression: expression.clone(),
        })
    }

    /// Adds a column to the rows that are there.
    fn fill_new_column(&self, table: &mut Table, column: TableColumn) -> SqlResult<()> {
        let has_rows = table.rows.size() > 0;
        if has_rows && !column.nullable && column.default.is_none() && column.identity.is_none() {
            return Err(SqlError::new(
                4901,
                format!(
                    "ALTER TABLE only allows columns to be added that can contain nulls, or have a DEFAULT definition \
                     specified, or the column being added is an identity or timestamp column, or alternatively if \
                     none of the previous conditions are satisfied the table must be empty to allow addition of this \
                     column. Column '{}' cannot be added to non-empty table '{}' because it does not satisfy these \
                     conditions.",
                    column.name, table.name
                ),
            ));
        }
        let env = self.env();
        let mut next = column.identity.map_or(1, |i| i.seed);
        let mut rows = Vec::new();
        for (number, row) in &table.rows {
            let value = match (column.identity, &column.default) {
                (Some(identity), _) => {
                    let value = Value::Int(next);
                    table.last_identity = Some(next);
                    next += identity.increment;
                    value
                }
                // A default fills old rows only where NULL cannot.
                (None, Some(default)) if !column.nullable => {
                    let mut binder = self.binder();
                    let (expr, _) =
                        binder.scoped(Scope::default(), |b| b.expr(&default.expression)?.to(column.ty))?;
                    eval(Some(&env), &expr, &Frame::EMPTY)?
                }
                _ => Value::Null,
            };
            rows.push((*number, row.iter().cloned().chain([value]).collect()));
        }
        if column.identity.is_some() {
            table.next_identity = next;
        }
        Arc::make_mut(&mut table.columns).push(column);
        for (number, row) in rows {
            table.rows.insert_mut(number, row);
        }
        Ok(())
    }

    fn add_constraint(&mut self, table: &mut Table, constraint: &ConstraintDefinition) -> SqlResult<()> {
        let name = constraint.name.as_ref().map(|n| n.value.clone());
        if let Some(name) = &name {
            check_name(name)?;
            if self.constraint_exists(table, name) {
                return Err(errors::exists_already(name));
            }
        }
        match &constraint.kind {
            ConstraintKind::PrimaryKey { clustered, columns } => {
                if table.indexes.iter().any(|i| i.kind == IndexKind::PrimaryKey) {
                    return Err(SqlError::new(
                        1779,
                        format!("Table '{}' already has a primary key defined on it.", table.name),
                    ));
                }
                let name = name.unwrap_or_else(|| format!("PK__{}__{:08X}", table.name, table.id));
                for (column, _) in columns {
                    let at = table
                        .column(&column.value)
                        .ok_or_else(|| no_key_column(&column.value))?;
                    if table.columns[at].nullable {
                        return Err(SqlError::new(
                            8111,
                            format!(
                                "Cannot define PRIMARY KEY constraint on nullable column in table '{}'.",
                                table.name
                            ),
                        ));
                    }
                }
                self.add_index(table, name, IndexKind::PrimaryKey, *clustered, columns, &[], None)
            }
            ConstraintKind::Unique { clustered, columns } => {
                let name = name
                    .unwrap_or_else(|| format!("UQ__{}__{:08X}", table.name, table.id + table.next_index));
                self.add_index(
                    table,
                    name,
                    IndexKind::UniqueConstraint,
                    *clustered,
                    columns,
                    &[],
                    None,
                )
            }
            ConstraintKind::Index { unique, columns } => {
                let kind = if *unique {
                    IndexKind::Unique
                } else {
                    IndexKind::Plain
                };
                self.add_index(table, name.unwrap_or_default(), kind, false, columns, &[], None)
            }
            ConstraintKind::Check(expr) => {
                let predicate = self.table_predicate(table, expr)?;
                let name = name.unwrap_or_else(|| {
                    format!(
                        "CK__{}__{:08X}",
                        table.name,
                        table.id + i32::try_from(table.checks.len()).unwrap_or(0)
                    )
                });
                if table.rows.values().any(|row| predicate.is_false_for_row(row)) {
                    return Err(SqlError::new(
                        547,
                        format!("The ALTER TABLE statement conflicted with the CHECK constraint \"{name}\"."),
                    ));
                }
                table.checks.push(Check {
                    name,
                    predicate: Arc::new(predicate),
                });
                Ok(())
            }
            ConstraintKind::Default { expression, column } => {
                let at = table
                    .column(&column.value)
                    .ok_or_else(|| no_key_column(&column.value))?;
                if table.columns[at].default.is_some() {
                    return Err(SqlError::new(1781, "Column already has a DEFAULT bound to it."));
                }
                let default =
                    self.default_value(table, &column.value, constraint.name.as_ref(), expression)?;
                Arc::make_mut(&mut table.columns)[at].default = Some(default);
                Ok(())
            }
        }
    }

    fn constraint_exists(&self, table: &Table, name: &str) -> bool {
        let here = |t: &Table| {
            t.indexes.iter().any(|i| {
                matches!(i.kind, IndexKind::PrimaryKey | IndexKind::UniqueConstraint)
                    && same_name(&i.name, name)
            }) || t.checks.iter().any(|c| same_name(&c.name, name))
                || t.columns
                    .iter()
                    .filter_map(|c| c.default.as_ref())
                    .any(|d| same_name(&d.constraint, name))
        };
        let database = self.state.database(&self.session.database);
        here(table)
            || (!table.name.starts_with('#')
                && database.is_some_and(|d| d.tables.values().any(|t| here(t) || same_name(&t.name, name))))
    }

    /// Binds a condition over the columns of one table.
    pub(super) fn table_predicate(&self, table: &Table, expr: &AstExpr) -> SqlResult<Predicate> {
        let source = Source {
            alias: table.name.clone(),
            columns: table_columns(table),
        };
        let mut binder = self.binder();
        let (predicate, _) = binder.scoped(Scope::of(vec![source]), |b| b.predicate(expr))?;
        Ok(predicate)
    }

    fn alter_table(&mut self, name: &ObjectName, change: &AlterTable) -> SqlResult<TableChange> {
        let (key, mut table) = self.existing(name, |name| not_found_or_denied(4902, name))?;
        self.may_alter(&key, &table)?;
        match change {
            AlterTable::Add(elements) => self.add_elements(&mut table, elements, false)?,
            AlterTable::AlterColumn {
                name,
                ty,
                collation,
                nullable,
            } => {
                self.alter_column(&mut table, name, *ty, collation.as_deref(), *nullable)?;
            }
            AlterTable::DropColumn(names) => {
                for name in names {
                    drop_column(&mut table, name)?;
                }
            }
            AlterTable::DropConstraint(names) => {
                for name in names {
                    drop_constraint(&mut table, name)?;
                }
            }
        }
        Ok((key, Some(table)))
    }

    fn alter_column(
        &self,
        table: &mut Table,
        name: &Ident,
        ty: SqlType,
        collation: Option<&str>,
        nullable: Option<bool>,
    ) -> SqlResult<()> {
        let at = table.column(&name.value).ok_or_else(|| {
            SqlError::new(
                4924,
                format!(
                    "ALTER TABLE ALTER COLUMN failed because column '{}' does not exist in table '{}'.",
                    name.value, table.name
                ),
            )
        })?;
        let old = table.columns[at].clone();
        if let Some(index) = table
            .indexes
            .iter()
            .find(|i| i.keys.iter().any(|(c, _)| *c == at) && (i.is_unique() || old.ty != ty))
        {
            return Err(SqlError::new(
                5074,
                format!(
                    "The index '{}' is dependent on column '{}'.",
                    index.name, name.value
                ),
            ));
        }
        let nullable = nullable.unwrap_or(true);
        let mut rows = Vec::new();
        for (number, row) in &table.rows {
            let mut row = row.to_vec();
            if row[at].is_null() && !nullable {
                return Err(SqlError::new(515, format!("Cannot insert the value NULL into column '{}', table '{}'; column does not allow nulls. UPDATE fails.", name.value, table.name)).with_state(2));
            }
            row[at] = match crate::value::coerce_for_column(&row[at], old.ty, ty)? {
                Some(value) => value,
                None => {
                    return Err(
                        SqlError::new(8152, "String or binary data would be truncated.").with_state(30)
                    );
                }
            };
            rows.push((*number, row.into()));
        }
        let columns = Arc::make_mut(&mut table.columns);
        columns[at] = TableColumn {
            ty,
            nullable,
            collation: match collation {
                Some(name) => named_collation(Some(name))?,
                None => Collation::CaseInsensitive,
            },
            ..old
        };
        table.replace(&rows)
    }

    fn drop_table(&self, name: &ObjectName, if_exists: bool) -> SqlResult<Option<TableChange>> {
        let key = self.binder().table_key(name)?;
        if table(self.state, self.session, &key).is_some_and(|found| found.view.is_some()) {
            return Err(super::ddl_view::wrong_kind(
                "TABLE",
                &shown_name(name),
                "view",
                "VIEW",
            ));
        }
        match self.existing(name, |name| {
            SqlError::new(
                3701,
                format!(
                    "Cannot drop the table '{name}', because it does not exist or you do not have permission."
                ),
            )
            .with_state(5)
        }) {
            Ok((key, table)) => {
                self.may_alter(&key, &table)?;
                Ok(Some((key, None)))
            }
            Err(_) if if_exists => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn truncate(&self, name: &ObjectName) -> SqlResult<TableChange> {
        let (key, mut table) = self.existing(name, |name| SqlError::new(4701, format!("Cannot find the object \"{name}\" because it does not exist or you do not have permissions.")))?;
        self.may_alter(&key, &table)?;
        table.rows = rpds::RedBlackTreeMapSync::new_sync();
        for index in &mut table.indexes {
            index.entries = rpds::RedBlackTreeMapSync::new_sync();
        }
        table.next_identity = table
            .columns
            .iter()
            .find_map(|c| c.identity)
            .map_or(1, |i| i.seed);
        table.last_identity = None;
        Ok((key, Some(table)))
    }

    /// SELECT INTO: a new table with the columns and rows of a query.
    pub(crate) fn table_of(
        &mut self,
        name: &ObjectName,
        columns: &[crate::codec::token::Column],
        rows: &[super::catalog::Row],
    ) -> SqlResult<TableChange> {
        let elements: Vec<TableElement> = columns
            .iter()
            .map(|c| {
                TableElement::Column(ColumnDefinition {
                    name: Ident::new(c.name.clone()),
                    ty: c.ty,
                    collation: Some(c.collation.name().to_owned()),
                    identity: None,
                    nullable: Some(c.nullable),
                    default: None,
                    constraints: Vec::new(),
                })
            })
            .collect();
        if let Some(at) = columns.iter().position(|c| c.name.is_empty()) {
            return Err(SqlError::new(1038, format!("An object or column name is missing or empty. For SELECT INTO statements, verify each column has a name. Column {} has none.", at + 1)).with_class(15));
        }
        let (key, table) = self.create_table(name, &elements)?;
        let Some(mut table) = table else {
            return Err(errors::syntax("INTO"));
        };
        let env = self.env();
        let positions: Vec<usize> = (0..columns.len()).collect();
        let types: Vec<SqlType> = columns.iter().map(|c| c.ty).collect();
        let defaults = vec![None; columns.len()];
        for row in rows {
            let row = full_row(&env, &mut table, &positions, &types, row, &defaults)?;
            table.insert(row.into())?;
        }
        Ok((key, Some(table)))
    }
}

fn named_collation(name: Option<&str>) -> SqlResult<Collation> {
    match name {
        None => Ok(Collation::CaseInsensitive),
        Some(name) => {
            Collation::named(name).ok_or_else(|| SqlError::new(448, format!("Invalid collation '{name}'.")))
        }
    }
}

pub(super) fn check_name(name: &str) -> SqlResult<()> {
    if utf16_len(name) > 128 {
        let start: String = name.chars().take(128).collect();
        return Err(SqlError::new(
            103,
            format!("The identifier that starts with '{start}' is too long. Maximum length is 128."),
        )
        .with_class(15));
    }
    if name.is_empty() {
        return Err(SqlError::new(1038, "An object or column name is missing or empty.").with_class(15));
    }
    Ok(())
}

pub(super) fn no_database(name: &str) -> SqlError {
    SqlError::new(
        911,
        format!("Database '{name}' does not exist. Make sure that the name is entered correctly."),
    )
}

pub(super) fn no_key_column(name: &str) -> SqlError {
    SqlError::new(
        1911,
        format!("Column name '{name}' does not exist in the target table or view."),
    )
}

pub(super) fn not_found_or_denied(number: i32, name: &str) -> SqlError {
    SqlError::new(
        number,
        format!(
            "Cannot find the object \"{name}\" because it does not exist or you do not have permissions."
        ),
    )
}
