//! INSERT, UPDATE, DELETE, TRUNCATE and the rows of a bulk load.

use std::collections::HashSet;

use sqlparser::ast::{self, Ident, TableFactor, TableWithJoins};

use super::bind_from::{plan_seeks, read_hints, table_columns};
use super::binder::{Binder, Scope, Source, name_parts, shown_name};
use super::bound::{Expr, From, Node, Predicate, Query, Slot, SlotKind};
use super::catalog::{Row, Table, TableKey, same_name};
use super::eval::{Env, Frame, eval};
use super::locks::Mode;
use super::query;
use super::state::table;
use super::syntax::{Delete, Insert, Output, Update};
use crate::codec::token::Column;
use crate::errors::{self, SqlError, SqlResult};
use crate::options::Permission;
use crate::value::{SqlType, Value, coerce_for_column};

/// A change of rows, bound and ready.
pub(crate) struct Change {
    pub(crate) key: TableKey,
    kind: ChangeKind,
    output: Option<BoundOutput>,
}

enum ChangeKind {
    Insert {
        columns: Vec<usize>,
        source: Option<Query>,
        defaults: Vec<Option<Expr>>,
    },
    Update {
        from: From,
        filter: Option<Predicate>,
        set: Vec<(usize, SqlType, Expr)>,
        target: usize,
        top: Option<Expr>,
    },
    Delete {
        from: From,
        filter: Option<Predicate>,
        target: usize,
        top: Option<Expr>,
    },
}

struct BoundOutput {
    items: Vec<Expr>,
    columns: Vec<Column>,
    into: Option<(TableKey, Vec<usize>)>,
}

/// What a change leads to, computed before anything is changed.
pub(crate) struct Effect {
    pub(crate) key: TableKey,
    /// The table after the change.
    pub(crate) table: Table,
    pub(crate) affected: usize,
    /// The result of OUTPUT, when it goes to the client.
    pub(crate) output: Option<(Vec<Column>, Vec<Row>)>,
    /// The table OUTPUT … INTO changes, after the change.
    pub(crate) into: Option<(TableKey, Table)>,
    /// The last identity value, for SCOPE_IDENTITY().
    pub(crate) identity: Option<i64>,
}

impl Binder<'_> {
    pub(crate) fn insert(&mut self, insert: &Insert) -> SqlResult<Change> {
        self.ctes.extend(insert.with.iter().cloned());
        read_hints(&insert.hints)?;
        let key = self.table_key(&insert.table)?;
        let target = self.table(&key, &insert.table)?.clone();
        self.require(&key, Permission::Insert, "INSERT")?;
        self.touch(&key, Mode::Exclusive, true);
        let columns = insert_columns(&target, &insert.columns)?;
        let source = match &insert.source {
            None => None,
            Some(query) => {
                let bound = self.query(&with_defaults(query, &target, &columns))?;
                if bound.columns.is_empty() && !columns.is_empty() {
                    return Err(errors::syntax("@"));
                }
                if bound.columns.len() != columns.len() {
                    return Err(if insert.columns.is_empty() {
                        SqlError::new(
                            213,
                            "Column name or number of supplied values does not match table definition.",
                        )
                    } else if bound.columns.len() < columns.len() {
                        SqlError::new(109, "There are more columns in the INSERT statement than values specified in the VALUES clause. The number of values in the VALUES clause must match the number of columns specified in the INSERT statement.").with_class(15)
                    } else {
                        SqlError::new(110, "There are fewer columns in the INSERT statement than values specified in the VALUES clause. The number of values in the VALUES clause must match the number of columns specified in the INSERT statement.").with_class(15)
                    });
                }
                for (number, (column, at)) in bound.columns.iter().zip(&columns).enumerate() {
                    if bound.is_bare_null(number) {
                        continue;
                    }
                    let to = target.columns[*at].ty;
                    crate::value::convert(&Value::Null, column.ty, to, crate::value::Conversion::Implicit)?;
                }
                Some(bound)
            }
        };
        let defaults = self.defaults(&target)?;
        let output = self.output(insert.output.as_ref(), &target, &[], &[])?;
        Ok(Change {
            key,
            kind: ChangeKind::Insert {
                columns,
                source,
                defaults,
            },
            output,
        })
    }

    /// The default of each column, bound and converted to its type.
    pub(crate) fn defaults(&mut self, target: &Table) -> SqlResult<Vec<Option<Expr>>> {
        let (list, _) = self.scoped(Scope::default(), |b| {
            target
                .columns
                .iter()
                .map(|column| match &column.default {
                    Some(default) => b.expr(&default.expression)?.to(column.ty).map(Some),
                    None => Ok(None),
                })
                .collect::<SqlResult<Vec<_>>>()
        })?;
        Ok(list)
    }

    pub(crate) fn update(&mut self, update: &Update) -> SqlResult<Change> {
        self.ctes.extend(update.with.iter().cloned());
        let (key, target, target_slot, mut from, sources) =
            self.change_sources(&update.target, &update.hints, &update.from)?;
        self.require(&key, Permission::Update, "UPDATE")?;
        self.touch(&key, Mode::Exclusive, true);
        let ((filter, set), _) = self.scoped(Scope::of(sources.clone()), |b| {
            let filter = update.filter.as_ref().map(|f| b.predicate(f)).transpose()?;
            let mut set = Vec::new();
            for (name, value) in &update.set {
                let parts = name_parts(name)?;
                let column = parts.last().map(|p| p.value.clone()).unwrap_or_default();
                let at = target
                    .column(&column)
                    .ok_or_else(|| errors::invalid_column(&column))?;
                if target.columns[at].identity.is_some() {
                    return Err(SqlError::new(
                        8102,
                        format!("Cannot update identity column '{column}'."),
                    ));
                }
                if set.iter().any(|(other, _, _)| *other == at) {
                    return Err(SqlError::new(
                        264,
                        format!("The column name '{column}' is specified more than once in the SET clause."),
                    ));
                }
                let (ty, expr) = match value {
                    value if is_default(value) => {
                        let default = b.defaults(&target)?.swap_remove(at);
                        (target.columns[at].ty, default.unwrap_or(Expr::Const(Value::Null)))
                    }
                    value => {
                        let bound = b.expr(value)?;
                        let to = target.columns[at].ty;
                        if bound.untyped {
                            (to, bound.expr)
                        } else {
                            crate::value::convert(
                                &Value::Null,
                                bound.ty,
                                to,
                                crate::value::Conversion::Implicit,
                            )?;
                            (bound.ty, bound.expr)
                        }
                    }
                };
                set.push((at, ty, expr));
            }
            Ok((filter, set))
        })?;
        if let Some(filter) = &filter {
            plan_seeks(self.state, self.session, &mut from, filter);
        }
        let top = self.change_top(update.top.as_ref())?;
        let output = self.output(update.output.as_ref(), &target, &sources, &[true, true])?;
        Ok(Change {
            key,
            kind: ChangeKind::Update {
                from,
                filter,
                set,
                target: target_slot,
                top,
            },
            output,
        })
    }

    pub(crate) fn delete(&mut self, delete: &Delete) -> SqlResult<Change> {
        self.ctes.extend(delete.with.iter().cloned());
        let (key, target, target_slot, mut from, sources) =
            self.change_sources(&delete.target, &delete.hints, &delete.from)?;
        self.require(&key, Permission::Delete, "DELETE")?;
        self.touch(&key, Mode::Exclusive, true);
        let (filter, _) = self.scoped(Scope::of(sources.clone()), |b| {
            delete.filter.as_ref().map(|f| b.predicate(f)).transpose()
        })?;
        if let Some(filter) = &filter {
            plan_seeks(self.state, self.session, &mut from, filter);
        }
        let top = self.change_top(delete.top.as_ref())?;
        let output = self.output(delete.output.as_ref(), &target, &sources, &[true, false])?;
        Ok(Change {
            key,
            kind: ChangeKind::Delete {
                from,
                filter,
                target: target_slot,
                top,
            },
            output,
        })
    }

    fn change_top(&mut self, top: Option<&ast::Expr>) -> SqlResult<Option<Expr>> {
        let Some(top) = top else { return Ok(None) };
        let (bound, _) = self.scoped(Scope::default(), |b| b.expr(top)?.to(SqlType::BigInt))?;
        Ok(Some(bound))
    }

    /// The target of an UPDATE or DELETE and the sources around it. The target is named by its alias in FROM, or
    /// by its own name.
    fn change_sources(
        &mut self,
        name: &ast::ObjectName,
        hints: &[ast::Expr],
        list: &[TableWithJoins],
    ) -> SqlResult<(TableKey, Table, usize, From, Vec<Source>)> {
        let hints = read_hints(hints)?;
        let (mut from, mut sources) = match self.from(list)? {
            (Some(from), sources) => {
                let mut from = Some(from);
                self.bind_joins(from.as_mut(), &sources, list)?;
                (from, sources)
            }
            none => none,
        };
        let found = match &from {
            None => None,
            Some(from) => self.find_target(name, from, &sources)?,
        };
        let (key, at) = match found {
            Some(found) => found,
            None if list.iter().any(has_alias(name)) => {
                return Err(errors::unsupported("UPDATE or DELETE of a subquery"));
            }
            None => {
                if let Ok([single]) = <[Ident; 1]>::try_from(name_parts(name)?)
                    && self
                        .ctes
                        .iter()
                        .any(|c| same_name(&c.alias.name.value, &single.value))
                {
                    return Err(errors::unsupported(
                        "UPDATE or DELETE of a common table expression",
                    ));
                }
                let key = self.table_key(name)?;
                let columns = self.table(&key, name).map(table_columns)?;
                let alias = name_parts(name)?
                    .last()
                    .map(|p| p.value.clone())
                    .unwrap_or_default();
                let slot = Slot {
                    kind: SlotKind::Table {
                        key: key.clone(),
                        numbered: false,
                    },
                    width: columns.len(),
                    seek: None,
                };
                sources.push(Source { alias, columns });
                let at = sources.len() - 1;
                from = Some(match from.take() {
                    None => From {
                        slots: vec![slot],
                        root: Node::Leaf(0),
                    },
                    Some(_) => return Err(errors::invalid_object(&shown_name(name))),
                });
                (key, at)
            }
        };
        self.read(&key, hints);
        let Some(mut from) = from else {
            return Err(errors::invalid_object(&shown_name(name)));
        };
        if let Some(slot) = from.slots.get_mut(at) {
            slot.kind = SlotKind::Table {
                key: key.clone(),
                numbered: true,
            };
            slot.width += 1;
        }
        let table = self.table(&key, name)?.clone();
        Ok((key, table, at, from, sources))
    }

    fn find_target(
        &self,
        name: &ast::ObjectName,
        from: &From,
        sources: &[Source],
    ) -> SqlResult<Option<(TableKey, usize)>> {
        let parts = name_parts(name)?;
        let key_of = |at: usize| match &from.slots[at].kind {
            SlotKind::Table { key, .. } => Some(key.clone()),
            _ => None,
        };
        if let [single] = parts.as_slice()
            && let Some(at) = sources.iter().position(|s| same_name(&s.alias, &single.value))
        {
            return Ok(key_of(at).map(|key| (key, at)));
        }
        let wanted = self.table_key(name)?;
        let matching: Vec<usize> = (0..from.slots.len())
            .filter(|at| key_of(*at).as_ref() == Some(&wanted))
            .collect();
        match matching.as_slice() {
            [at] => Ok(Some((wanted, *at))),
            [] => Ok(None),
            _ => Err(SqlError::new(
                8154,
                format!("The table '{}' is ambiguous.", shown_name(name)),
            )),
        }
    }

    /// OUTPUT: `deleted` and `inserted` are sources 0 and 1, the sources of the statement come after them.
    fn output(
        &mut self,
        output: Option<&Output>,
        target: &Table,
        sources: &[Source],
        shows: &[bool],
    ) -> SqlResult<Option<BoundOutput>> {
        let Some(output) = output else { return Ok(None) };
        let image = |alias: &str, visible: bool| Source {
            alias: alias.to_owned(),
            columns: if visible {
                as_expressions(table_columns(target))
            } else {
                Vec::new()
            },
        };
        let (old, new) = match shows {
            [old, new] => (*old, *new),
            _ => (false, true),
        };
        let mut all = vec![image("deleted", old), image("inserted", new)];
        all.extend(sources.iter().cloned());
        let ((items, columns), _) = self.scoped(Scope::of(all), |b| {
            let (mut items, mut columns) = (Vec::new(), Vec::new());
            for item in &output.items {
                match item {
                    ast::SelectItem::QualifiedWildcard(
                        ast::SelectItemQualifiedWildcardKind::ObjectName(name),
                        _,
                    ) => {
                        b.wildcard(Some(&shown_name(name)), &mut items, &mut columns)?;
                    }
                    ast::SelectItem::UnnamedExpr(expr) => {
                        let one = b.expr(expr)?;
                        let name = match expr {
                            ast::Expr::CompoundIdentifier(parts) => parts.last().map(|p| p.value.clone()),
                            _ => None,
                        };
                        columns.push(one.column(name.unwrap_or_default()));
                        items.push(one.expr);
                    }
                    ast::SelectItem::ExprWithAlias { expr, alias } => {
                        let one = b.expr(expr)?;
                        columns.push(one.column(alias.value.clone()));
                        items.push(one.expr);
                    }
                    other => return Err(errors::syntax(&other.to_string())),
                }
            }
            Ok((items, columns))
        })?;
        let into = match &output.into {
            None => None,
            Some((name, list)) => {
                let key = self.table_key(name)?;
                let table = self.table(&key, name)?.clone();
                let positions = insert_columns(&table, list)?;
                if positions.len() != items.len() {
                    return Err(SqlError::new(
                        213,
                        "Column name or number of supplied values does not match table definition.",
                    ));
                }
                self.require(&key, Permission::Insert, "INSERT")?;
                self.touch(&key, Mode::Exclusive, true);
                Some((key, positions))
            }
        };
        Ok(Some(BoundOutput { items, columns, into }))
    }
}

/// Columns of `inserted` and `deleted` are no columns of a table to a client.
fn as_expressions(mut columns: Vec<Column>) -> Vec<Column> {
    for column in &mut columns {
        column.of_table = false;
        column.identity = false;
    }
    columns
}

fn has_alias(name: &ast::ObjectName) -> impl Fn(&TableWithJoins) -> bool {
    let shown = shown_name(name);
    move |item| {
        let of = |factor: &TableFactor| match factor {
            TableFactor::Derived {
                alias: Some(alias), ..
            } => same_name(&alias.name.value, &shown),
            _ => false,
        };
        of(&item.relation) || item.joins.iter().any(|j| of(&j.relation))
    }
}

/// The source of an INSERT with each DEFAULT of its VALUES replaced by what stands for it.
fn with_defaults(query: &ast::Query, target: &Table, columns: &[usize]) -> ast::Query {
    let mut query = query.clone();
    if let ast::SetExpr::Values(values) = query.body.as_mut() {
        for row in &mut values.rows {
            for (value, at) in row
                .content
                .iter_mut()
                .zip(columns)
                .filter(|(value, _)| is_default(value))
            {
                let default = target.columns[*at].default.as_ref();
                *value = default.map_or_else(|| ast::Expr::value(ast::Value::Null), |d| d.expression.clone());
            }
        }
    }
    query
}

/// Whether an expression is the word DEFAULT.
fn is_default(expr: &ast::Expr) -> bool {
    matches!(expr, ast::Expr::Identifier(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("DEFAULT"))
}

/// The columns an INSERT gives values for.
fn insert_columns(target: &Table, list: &[Ident]) -> SqlResult<Vec<usize>> {
    if list.is_empty() {
        return Ok((0..target.columns.len())
            .filter(|at| target.columns[*at].identity.is_none())
            .collect());
    }
    let mut out = Vec::new();
    for name in list {
        let at = target
            .column(&name.value)
            .ok_or_else(|| errors::invalid_column(&name.value))?;
        if out.contains(&at) {
            return Err(SqlError::new(
                264,
                format!(
                    "The column name '{}' is specified more than once in the SET clause or column list of an INSERT.",
                    name.value
                ),
            ));
        }
        if target.columns[at].identity.is_some() {
            return Err(SqlError::new(
                544,
                format!(
                    "Cannot insert explicit value for identity column in table '{}' when IDENTITY_INSERT is set to OFF.",
                    target.name
                ),
            ));
        }
        out.push(at);
    }
    Ok(out)
}

impl Change {
    /// Computes the change without making it.
    pub(crate) fn effect(&self, e: &Env<'_>) -> SqlResult<Effect> {
        let mut after = table(e.state, e.session, &self.key)
            .cloned()
            .ok_or_else(|| errors::invalid_object("(dropped)"))?;
        let mut images: Vec<[Option<Row>; 2]> = Vec::new();
        let mut tuples: Vec<query::Tuple> = Vec::new();
        let mut identity = None;
        let affected = match &self.kind {
            ChangeKind::Insert {
                columns,
                source,
                defaults,
            } => {
                let (types, rows): (Vec<SqlType>, Vec<Row>) = match source {
                    Some(source) => (
                        source.columns.iter().map(|c| c.ty).collect(),
                        query::run(e, source, None)?,
                    ),
                    None => (Vec::new(), vec![Row::from(Vec::new())]),
                };
                let columns: &[usize] = if source.is_some() { columns } else { &[] };
                for values in &rows {
                    let row = full_row(e, &mut after, columns, &types, values, defaults)?;
                    identity = after.last_identity.or(identity);
                    let row = Row::from(row);
                    after.insert(row.clone())?;
                    images.push([None, Some(row)]);
                }
                rows.len()
            }
            ChangeKind::Update {
                from,
                filter,
                set,
                target,
                top,
            } => {
                let found = self.targets(e, from, filter.as_ref(), *target, top.as_ref())?;
                let mut changed = Vec::with_capacity(found.len());
                for (number, old, tuple) in found {
                    let frame = Frame::on(&tuple, 0, None);
                    let mut new: Vec<Value> = old.to_vec();
                    for (at, ty, expr) in set {
                        new[*at] = for_column(e, &after, *at, &eval(Some(e), expr, &frame)?, *ty, "UPDATE")?;
                    }
                    let new = Row::from(new);
                    changed.push((number, new.clone()));
                    images.push([Some(old), Some(new)]);
                    tuples.push(tuple);
                }
                after.replace(&changed)?;
                changed.len()
            }
            ChangeKind::Delete {
                from,
                filter,
                target,
                top,
            } => {
                let found = self.targets(e, from, filter.as_ref(), *target, top.as_ref())?;
                let count = found.len();
                for (number, old, tuple) in found {
                    after.delete(number);
                    images.push([Some(old), None]);
                    tuples.push(tuple);
                }
                count
            }
        };
        let (output, into) = self.run_output(e, &images, &tuples)?;
        Ok(Effect {
            key: self.key.clone(),
            table: after,
            affected,
            output,
            into,
            identity,
        })
    }

    /// The rows to change, each once, with the rows they were joined with.
    fn targets(
        &self,
        e: &Env<'_>,
        from: &From,
        filter: Option<&Predicate>,
        target: usize,
        top: Option<&Expr>,
    ) -> SqlResult<Vec<(u64, Row, query::Tuple)>> {
        let mut seen = HashSet::new();
        let mut out = Vec::new();
        let limit = match top {
            None => usize::MAX,
            Some(top) => match eval(Some(e), top, &Frame::EMPTY)? {
                Value::Int(n) => usize::try_from(n).unwrap_or(0),
                _ => 0,
            },
        };
        for tuple in query::filtered(e, Some(from), filter, None, None)? {
            if out.len() >= limit {
                break;
            }
            // An outer join may have no row of the target here.
            let Some((Value::Int(number), values)) = tuple.get(target).and_then(|r| r.split_last()) else {
                continue;
            };
            let number = u64::try_from(*number).unwrap_or(0);
            if seen.insert(number) {
                out.push((number, Row::from(values.to_vec()), tuple));
            }
        }
        Ok(out)
    }

    #[expect(
        clippy::type_complexity,
        reason = "what goes to the client and what goes to a table"
    )]
    fn run_output(
        &self,
        e: &Env<'_>,
        images: &[[Option<Row>; 2]],
        tuples: &[query::Tuple],
    ) -> SqlResult<(Option<(Vec<Column>, Vec<Row>)>, Option<(TableKey, Table)>)> {
        let Some(output) = &self.output else {
            return Ok((None, None));
        };
        let none = Row::from(Vec::new());
        let mut rows = Vec::with_capacity(images.len());
        for (at, [old, new]) in images.iter().enumerate() {
            let mut tuple = vec![
                old.clone().unwrap_or_else(|| none.clone()),
                new.clone().unwrap_or_else(|| none.clone()),
            ];
            tuple.extend(tuples.get(at).into_iter().flatten().cloned());
            let frame = Frame::on(&tuple, 0, None);
            rows.push(
                output
                    .items
                    .iter()
                    .map(|item| eval(Some(e), item, &frame))
                    .collect::<SqlResult<Row>>()?,
            );
        }
        let Some((key, positions)) = &output.into else {
            return Ok((Some((output.columns.clone(), rows)), None));
        };
        let mut table = table(e.state, e.session, key)
            .cloned()
            .ok_or_else(|| errors::invalid_object("(dropped)"))?;
        let types: Vec<SqlType> = output.columns.iter().map(|c| c.ty).collect();
        let defaults = Binder::new(e.state, e.session).defaults(&table)?;
        for values in &rows {
            let row = full_row(e, &mut table, positions, &types, values, &defaults)?;
            table.insert(Row::from(row))?;
        }
        Ok((None, Some((key.clone(), table))))
    }
}

/// A whole row out of the values given for some columns: identity, defaults, NULL checks.
pub(crate) fn full_row(
    e: &Env<'_>,
    target: &mut Table,
    positions: &[usize],
    types: &[SqlType],
    values: &[Value],
    defaults: &[Option<Expr>],
) -> SqlResult<Vec<Value>> {
    let columns = target.columns.clone();
    let mut row = Vec::with_capacity(columns.len());
    for (at, column) in columns.iter().enumerate() {
        let given = positions.iter().position(|p| *p == at);
        let value = match (given, column.identity) {
            (Some(given), _) => for_column(e, target, at, &values[given], types[given], "INSERT")?,
            (None, Some(identity)) => {
                let next = target.next_identity;
                target.next_identity += identity.increment;
                target.last_identity = Some(next);
                crate::value::convert(
                    &Value::Int(next),
                    SqlType::BigInt,
                    column.ty,
                    crate::value::Conversion::Implicit,
                )
                .map_err(|_| errors::overflow("IDENTITY", column.ty.name()).with_state(1))?
            }
            (None, None) => {
                let value = match &defaults[at] {
                    Some(default) => eval(Some(e), default, &Frame::EMPTY)?,
                    None => Value::Null,
                };
                for_column(e, target, at, &value, column.ty, "INSERT")?
            }
        };
        row.push(value);
    }
    Ok(row)
}

/// A value in the type of a column, or the error that names the column.
fn for_column(
    e: &Env<'_>,
    target: &Table,
    at: usize,
    value: &Value,
    from: SqlType,
    verb: &str,
) -> SqlResult<Value> {
    let column = &target.columns[at];
    if value.is_null() {
        if column.nullable {
            return Ok(Value::Null);
        }
        return Err(SqlError::new(
            515,
            format!(
                "Cannot insert the value NULL into column '{}', table '{}.{}.{}'; column does not allow nulls. {verb} fails.",
                column.name, e.session.database, target.schema, target.name
            ),
        )
        .with_state(2));
    }
    match coerce_for_column(value, from, column.ty)? {
        Some(value) => Ok(value),
        None if e.options.version.0 >= 15 => Err(SqlError::new(
            2628,
            format!(
                "String or binary data would be truncated in table '{}.{}.{}', column '{}'. Truncated value: '{}'.",
                e.session.database,
                target.schema,
                target.name,
                column.name,
                shown_cut(value, column.ty)
            ),
        )),
        None => Err(SqlError::new(8152, "String or binary data would be truncated.").with_state(30)),
    }
}

/// What fits of a value that is too long, as the error shows it.
fn shown_cut(value: &Value, ty: SqlType) -> String {
    let limit = ty.length().map_or(0, crate::value::Length::limit).min(128);
    match value {
        Value::Text(text) => text.chars().take(limit).collect(),
        _ => String::new(),
    }
}
