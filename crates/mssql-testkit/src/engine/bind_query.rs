//! Binding of queries: SELECT, set operations, VALUES, ORDER BY, TOP and OFFSET.

use sqlparser::ast::{
    self, Distinct, GroupByExpr, OrderByKind, SelectItem, SelectItemQualifiedWildcardKind, SetExpr,
    SetQuantifier, TopQuantity,
};

use super::bind_call::descending;
use super::bind_expr::{first_words, unify, unify_for_comparison};
use super::bind_from::plan_seeks;
use super::binder::{Binder, Scope, Source, Strength, Typed};
use super::bound::{Body, Expr, Grouping, OrderKey, Predicate, Query, Select, SetOperator, Top};
use super::catalog::same_name;
use crate::codec::token::Column;
use crate::errors::{self, SqlError, SqlResult};
use crate::value::{SqlType, Value};

/// A bound SELECT with what its ORDER BY may refer to.
struct BoundSelect {
    select: Select,
    columns: Vec<Column>,
    order: Vec<OrderKey>,
}

impl Binder<'_> {
    pub(crate) fn query(&mut self, query: &ast::Query) -> SqlResult<Query> {
        if !query.locks.is_empty()
            || query.for_clause.is_some()
            || query.settings.is_some()
            || query.format_clause.is_some()
            || !query.pipe_operators.is_empty()
        {
            return Err(errors::unsupported(first_words(&query.to_string())));
        }
        let known = self.ctes.len();
        if let Some(with) = &query.with {
            if with.recursive {
                return Err(errors::syntax("RECURSIVE"));
            }
            self.ctes.extend(with.cte_tables.iter().cloned());
        }
        let bound = self.query_body(query);
        self.ctes.truncate(known);
        bound
    }

    fn query_body(&mut self, query: &ast::Query) -> SqlResult<Query> {
        let empty = Vec::new();
        let order_by = match &query.order_by {
            None => &empty,
            Some(order) => match (&order.kind, &order.interpolate) {
                (OrderByKind::Expressions(list), None) => list,
                _ => return Err(errors::syntax("ORDER")),
            },
        };
        let (offset, fetch) = limits(query)?;
        if offset.is_some() && order_by.is_empty() {
            return Err(errors::syntax("OFFSET"));
        }
        if fetch.is_some() && offset.is_none() {
            return Err(
                SqlError::new(153, "Invalid usage of the option NEXT in the FETCH statement.").with_class(15),
            );
        }
        let mut out = match query.body.as_ref() {
            SetExpr::Select(select) => {
                let bound = self.select(select, order_by)?;
                Query {
                    body: Body::Select(Box::new(bound.select)),
                    columns: bound.columns,
                    order: bound.order,
                    offset: None,
                    fetch: None,
                }
            }
            other => {
                let mut out = self.set_expr(other)?;
                out.order = self.order_of_columns(&out.columns, order_by)?;
                out
            }
        };
        let ((offset, fetch), _) = self.scoped(Scope::default(), |b| {
            let mut count = |expr: Option<&ast::Expr>| match expr {
                Some(expr) => b.expr(expr)?.to(SqlType::BigInt).map(Some),
                None => Ok(None),
            };
            Ok((count(offset)?, count(fetch)?))
        })?;
        out.offset = offset;
        out.fetch = fetch;
        Ok(out)
    }

    fn set_expr(&mut self, body: &SetExpr) -> SqlResult<Query> {
        match body {
            SetExpr::Select(select) => {
                let bound = self.select(select, &[])?;
                Ok(plain(Body::Select(Box::new(bound.select)), bound.columns))
            }
            SetExpr::Query(query) => self.query(query),
            SetExpr::Values(values) => self.values(values),
            SetExpr::SetOperation {
                left,
                op,
                set_quantifier,
                right,
            } => {
                let operator = match op {
                    ast::SetOperator::Union => SetOperator::Union,
                    ast::SetOperator::Except => SetOperator::Except,
                    ast::SetOperator::Intersect => SetOperator::Intersect,
                    ast::SetOperator::Minus => return Err(errors::syntax("MINUS")),
                };
                let all = match set_quantifier {
                    SetQuantifier::None => false,
                    SetQuantifier::All if operator == SetOperator::Union => true,
                    other => return Err(errors::syntax(&other.to_string())),
                };
                let mut left = self.set_expr(left)?;
                let mut right = self.set_expr(right)?;
                if left.columns.len() != right.columns.len() {
                    return Err(SqlError::new(
                        205,
                        "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number \
                         of expressions in their target lists.",
                    ));
                }
                let columns = left
                    .columns
                    .iter()
                    .zip(&right.columns)
                    .enumerate()
                    .map(|(at, (a, b))| {
                        let unified = unify_for_comparison(vec![as_typed(&left, at), as_typed(&right, at)])?;
                        Ok(Column {
                            ty: unified.shape.ty,
                            collation: unified.shape.collation,
                            nullable: a.nullable || b.nullable,
                            identity: false,
                            ..a.clone()
                        })
                    })
                    .collect::<SqlResult<Vec<_>>>()?;
                let types: Vec<SqlType> = columns.iter().map(|c| c.ty).collect();
                convert_columns(&mut left, &types)?;
                convert_columns(&mut right, &types)?;
                Ok(plain(
                    Body::Set {
                        operator,
                        all,
                        left: Box::new(left),
                        right: Box::new(right),
                    },
                    columns,
                ))
            }
            other => Err(errors::unsupported(first_words(&other.to_string()))),
        }
    }

    fn values(&mut self, values: &ast::Values) -> SqlResult<Query> {
        if values.explicit_row || values.value_keyword {
            return Err(errors::syntax("ROW"));
        }
        if values.rows.len() > 1000 {
            return Err(SqlError::new(
                10738,
                "The number of row value expressions in the INSERT statement exceeds the maximum allowed number of \
                 1000 row values.",
            )
            .with_class(15));
        }
        let mut columns: Vec<Vec<Typed>> = Vec::new();
        let (count, _) = self.scoped(Scope::default(), |b| {
            let mut width = None;
            for row in &values.rows {
                let list: Vec<&ast::Expr> = row.content.iter().collect();
                if *width.get_or_insert(list.len()) != list.len() {
                    return Err(SqlError::new(
                        10709,
                        "The number of columns for each row in a table value constructor must be the same.",
                    ));
                }
                columns.resize_with(list.len(), Vec::new);
                for (at, expr) in list.into_iter().enumerate() {
                    columns[at].push(b.expr(expr)?);
                }
            }
            Ok(values.rows.len())
        })?;
        let mut shapes = Vec::new();
        let mut rows: Vec<Vec<Expr>> = vec![Vec::new(); count];
        for column in columns {
            let unified = unify(column)?;
            shapes.push(unified.shape.with(Expr::Const(Value::Null)).column(String::new()));
            for (row, expr) in rows.iter_mut().zip(unified.list) {
                row.push(expr);
            }
        }
        Ok(plain(Body::Values(rows), shapes))
    }

    /// ORDER BY after a set operation: names and numbers of its columns.
    fn order_of_columns(
        &mut self,
        columns: &[Column],
        order_by: &[ast::OrderByExpr],
    ) -> SqlResult<Vec<OrderKey>> {
        order_by
            .iter()
            .map(|by| {
                let at = match &by.expr {
                    ast::Expr::Identifier(name) => columns.iter().position(|c| same_name(&c.name, &name.value)),
                    other => ordinal(other, columns.len())?,
                };
                let Some(at) = at else {
                    return Err(SqlError::new(
                        104,
                        "ORDER BY items must appear in the select list if the statement contains a UNION, INTERSECT \
                         or EXCEPT operator.",
                    ));
                };
                Ok(OrderKey {
                    expr: Expr::Column { depth: 0, source: 0, column: at },
                    descending: descending(by)?,
                    collation: columns[at].collation,
                })
            })
            .collect()
    }

    fn select(&mut self, select: &ast::Select, order_by: &[ast::OrderByExpr]) -> SqlResult<BoundSelect> {
        refuse_foreign_clauses(select)?;
        if select.into.is_some() {
            return Err(errors::unsupported("SELECT INTO in this place"));
        }
        let (mut from, sources) = self.from(&select.from)?;
        self.bind_joins(from.as_mut(), &sources, &select.from)?;
        let scope = Scope::of(sources);
        let keys = group_keys(select)?;
        let ((mut bound, grouped), scope) = self.scoped(scope, |b| {
            let filter = match &select.selection {
                Some(filter) => Some(b.predicate(filter)?),
                None => None,
            };
            let mut groups = Vec::new();
            for expr in keys {
                let one = b.expr(expr)?;
                groups.push((one.expr, one.collation));
            }
            if let Some(scope) = b.scopes.last_mut() {
                scope.aggregates = Some(Vec::new());
                scope.windows = Some(Vec::new());
            }
            let (items, columns, assign) = b.items(&select.projection)?;
            let having = match &select.having {
                Some(having) => Some(b.predicate(having)?),
                None => None,
            };
            let order = b.order(order_by, &items, &columns)?;
            let distinct = match &select.distinct {
                None | Some(Distinct::All) => false,
                Some(Distinct::Distinct) => true,
                Some(Distinct::On(_)) => return Err(errors::syntax("ON")),
            };
            if distinct && order.iter().any(|key| !items.contains(&key.expr)) {
                return Err(SqlError::new(
                    145,
                    "ORDER BY items must appear in the select list if SELECT DISTINCT is specified.",
                )
                .with_class(15));
            }
            let select = Select {
                from: None,
                filter,
                grouping: None,
                windows: Vec::new(),
                items,
                assign,
                distinct,
                top: None,
            };
            Ok((
                BoundSelect {
                    select,
                    columns,
                    order,
                },
                (groups, having),
            ))
        })?;
        let (groups, having) = grouped;
        let aggregates = scope.aggregates.unwrap_or_default();
        bound.select.windows = scope.windows.unwrap_or_default();
        if !groups.is_empty() || !aggregates.is_empty() || having.is_some() {
            let grouping = Grouping {
                keys: groups,
                aggregates,
                having,
            };
            check_grouped(&grouping, &bound, &scope.sources)?;
            bound.select.grouping = Some(grouping);
        }
        if let (Some(from), Some(filter)) = (&mut from, &bound.select.filter) {
            plan_seeks(self.state, self.session, from, filter);
        }
        bound.select.from = from;
        bound.select.top = self.top(select)?;
        Ok(bound)
    }

    fn top(&mut self, select: &ast::Select) -> SqlResult<Option<Top>> {
        let Some(top) = &select.top else { return Ok(None) };
        let count = match &top.quantity {
            None => return Err(errors::syntax("TOP")),
            Some(TopQuantity::Constant(n)) => Expr::Const(Value::Int(i64::try_from(*n).unwrap_or(i64::MAX))),
            Some(TopQuantity::Expr(expr)) => {
                let (count, _) = self.scoped(Scope::default(), |b| b.expr(expr)?.to(SqlType::BigInt))?;
                count
            }
        };
        Ok(Some(Top {
            count,
            percent: top.percent,
            with_ties: top.with_ties,
        }))
    }

    #[expect(
        clippy::type_complexity,
        reason = "three lists of one length, taken apart at once by the caller"
    )]
    fn items(
        &mut self,
        projection: &[SelectItem],
    ) -> SqlResult<(Vec<Expr>, Vec<Column>, Vec<(String, SqlType)>)> {
        let (mut items, mut columns, mut assign) = (Vec::new(), Vec::new(), Vec::new());
        for item in projection {
            match item {
                SelectItem::ExprWithAlias { expr, alias }
                    if alias.quote_style.is_none() && alias.value.starts_with('@') =>
                {
                    let name = alias.value.to_lowercase();
                    let ty = self
                        .session
                        .variables
                        .get(&name)
                        .ok_or_else(|| errors::undeclared(&alias.value))?
                        .ty;
                    let value = self.expr(expr)?;
                    items.push(value.to(ty)?);
                    assign.push((name, ty));
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let one = self.expr(expr)?;
                    columns.push(one.column(alias.value.clone()));
                    items.push(one.expr);
                }
                SelectItem::UnnamedExpr(expr) => {
                    let one = self.expr(expr)?;
                    columns.push(one.column(implied_name(expr)));
                    items.push(one.expr);
                }
                SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options)
                    if options.opt_ilike.is_some()
                        || options.opt_exclude.is_some()
                        || options.opt_except.is_some()
                        || options.opt_replace.is_some()
                        || options.opt_rename.is_some()
                        || options.opt_alias.is_some() =>
                {
                    return Err(errors::syntax("*"));
                }
                SelectItem::Wildcard(_) => self.wildcard(None, &mut items, &mut columns)?,
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    let name = super::binder::name_parts(name)?;
                    let last = name.last().map(|p| p.value.clone()).unwrap_or_default();
                    self.wildcard(Some(&last), &mut items, &mut columns)?;
                }
                other => return Err(errors::unsupported(first_words(&other.to_string()))),
            }
        }
        if !assign.is_empty() && !columns.is_empty() {
            return Err(SqlError::new(
                141,
                "A SELECT statement that assigns a value to a variable must not be combined with data-retrieval \
                 operations.",
            )
            .with_class(15));
        }
        Ok((items, columns, assign))
    }

    pub(super) fn wildcard(
        &mut self,
        alias: Option<&str>,
        items: &mut Vec<Expr>,
        columns: &mut Vec<Column>,
    ) -> SqlResult<()> {
        let Some(scope) = self.scopes.last() else {
            return Err(errors::syntax("*"));
        };
        let before = columns.len();
        for number in scope.visible.clone() {
            let source = &scope.sources[number];
            if alias.is_some_and(|alias| !same_name(&source.alias, alias)) {
                continue;
            }
            for (position, column) in source.columns.iter().enumerate() {
                items.push(Expr::Column {
                    depth: 0,
                    source: number,
                    column: position,
                });
                columns.push(column.clone());
            }
        }
        if columns.len() == before {
            return Err(match alias {
                Some(alias) => SqlError::new(107, format!("The column prefix '{alias}' does not match with a table name or alias name used in the query.")).with_class(15),
                None => SqlError::new(263, "Must specify table to select from."),
            });
        }
        Ok(())
    }

    fn order(
        &mut self,
        order_by: &[ast::OrderByExpr],
        items: &[Expr],
        columns: &[Column],
    ) -> SqlResult<Vec<OrderKey>> {
        let mut out = Vec::new();
        for by in order_by {
            // A name of the select list goes before a column of the tables.
            let named = match &by.expr {
                ast::Expr::Identifier(name) => columns.iter().position(|c| same_name(&c.name, &name.value)),
                other => ordinal(other, columns.len())?,
            };
            out.push(match named {
                Some(at) => OrderKey {
                    expr: items[at].clone(),
                    descending: descending(by)?,
                    collation: columns[at].collation,
                },
                None => self.order_key(by)?,
            });
        }
        Ok(out)
    }
}

/// The position an ORDER BY number means.
fn ordinal(expr: &ast::Expr, count: usize) -> SqlResult<Option<usize>> {
    let ast::Expr::Value(value) = expr else {
        return Ok(None);
    };
    let ast::Value::Number(text, _) = &value.value else {
        return Ok(None);
    };
    match text.parse::<usize>() {
        Ok(n) if (1..=count).contains(&n) => Ok(Some(n - 1)),
        _ => Err(SqlError::new(
            108,
            format!(
                "The ORDER BY position number {text} is out of range of the number of items in the select list."
            ),
        )),
    }
}

fn plain(body: Body, columns: Vec<Column>) -> Query {
    Query {
        body,
        columns,
        order: Vec::new(),
        offset: None,
        fetch: None,
    }
}

/// A column of a query as an operand of a set operation.
fn as_typed(query: &Query, at: usize) -> Typed {
    let column = &query.columns[at];
    let mut out = Typed::new(Expr::Const(Value::Null), column.ty, column.nullable);
    out.collation = column.collation;
    out.strength = if column.of_table {
        Strength::Implicit
    } else {
        Strength::Default
    };
    out.untyped = query.is_bare_null(at);
    out
}

impl Query {
    /// Whether a column is nothing but NULL literals, which take any type.
    pub(crate) fn is_bare_null(&self, at: usize) -> bool {
        let null = Expr::Const(Value::Null);
        match &self.body {
            Body::Select(select) => select.items.get(at) == Some(&null),
            Body::Values(rows) => rows.iter().all(|row| row.get(at) == Some(&null)),
            Body::Set { left, right, .. } => left.is_bare_null(at) && right.is_bare_null(at),
        }
    }
}

/// The name a column has without an alias.
fn implied_name(expr: &ast::Expr) -> String {
    match expr {
        ast::Expr::Identifier(name) if !name.value.starts_with('@') || name.quote_style.is_some() => {
            name.value.clone()
        }
        ast::Expr::CompoundIdentifier(parts) => parts.last().map(|p| p.value.clone()).unwrap_or_default(),
        ast::Expr::Nested(inner) => implied_name(inner),
        ast::Expr::Collate { expr, .. } => implied_name(expr),
        _ => String::new(),
    }
}

/// OFFSET and FETCH; LIMIT is not T-SQL.
fn limits(query: &ast::Query) -> SqlResult<(Option<&ast::Expr>, Option<&ast::Expr>)> {
    let offset = match &query.limit_clause {
        None => None,
        Some(ast::LimitClause::LimitOffset {
            limit: None,
            offset,
            limit_by,
        }) if limit_by.is_empty() => match offset {
            Some(offset) if offset.rows == ast::OffsetRows::None => return Err(errors::syntax("OFFSET")),
            other => other.as_ref().map(|o| &o.value),
        },
        Some(_) => return Err(errors::syntax("LIMIT")),
    };
    let fetch = match &query.fetch {
        None => None,
        Some(fetch) if fetch.with_ties || fetch.percent => return Err(errors::syntax("FETCH")),
        Some(fetch) => fetch.quantity.as_ref(),
    };
    Ok((offset, fetch))
}

fn group_keys(select: &ast::Select) -> SqlResult<&[ast::Expr]> {
    match &select.group_by {
        GroupByExpr::Expressions(list, modifiers) if modifiers.is_empty() => Ok(list),
        _ => Err(errors::unsupported("GROUP BY with a modifier")),
    }
}

/// Clauses of other dialects that sqlparser reads in a SELECT.
pub(super) fn refuse_foreign_clauses(select: &ast::Select) -> SqlResult<()> {
    let foreign = !select.lateral_views.is_empty()
        || select.prewhere.is_some()
        || !select.connect_by.is_empty()
        || !select.cluster_by.is_empty()
        || !select.distribute_by.is_empty()
        || !select.sort_by.is_empty()
        || !select.named_window.is_empty()
        || select.qualify.is_some()
        || select.value_table_mode.is_some()
        || select.exclude.is_some()
        || !select.optimizer_hints.is_empty()
        || select.flavor != ast::SelectFlavor::Standard;
    if foreign || select.projection.is_empty() {
        return Err(errors::unsupported(first_words(&select.to_string())));
    }
    Ok(())
}

/// Brings the columns of a query to other types.
pub(super) fn convert_columns(query: &mut Query, types: &[SqlType]) -> SqlResult<()> {
    let from: Vec<SqlType> = query.columns.iter().map(|c| c.ty).collect();
    let wrap = |expr: Expr, from: SqlType, to: SqlType| -> SqlResult<Expr> {
        if from == to || matches!(expr, Expr::Const(Value::Null)) {
            return Ok(expr);
        }
        Typed::new(expr, from, true).to(to)
    };
    match &mut query.body {
        Body::Select(select) => {
            for (at, item) in select.items.iter_mut().enumerate() {
                *item = wrap(
                    std::mem::replace(item, Expr::Const(Value::Null)),
                    from[at],
                    types[at],
                )?;
            }
        }
        Body::Values(rows) => {
            for row in rows {
                for (at, item) in row.iter_mut().enumerate() {
                    *item = wrap(
                        std::mem::replace(item, Expr::Const(Value::Null)),
                        from[at],
                        types[at],
                    )?;
                }
            }
        }
        Body::Set { left, right, .. } => {
            convert_columns(left, types)?;
            convert_columns(right, types)?;
        }
    }
    for (column, ty) in query.columns.iter_mut().zip(types) {
        column.ty = *ty;
    }
    Ok(())
}

/// Columns outside of aggregates must be in GROUP BY (error 8120).
fn check_grouped(grouping: &Grouping, bound: &BoundSelect, sources: &[Source]) -> SqlResult<()> {
    let check = |expr: &Expr, clause: &str| -> SqlResult<()> {
        match ungrouped(expr, grouping) {
            None => Ok(()),
            Some((source, column)) => {
                let source = &sources[source];
                let name = source.columns.get(column).map_or("", |c| c.name.as_str());
                Err(SqlError::new(
                    8120,
                    format!(
                        "Column '{}.{name}' is invalid in the {clause} because it is not contained in either an \
                         aggregate function or the GROUP BY clause.",
                        source.alias
                    ),
                ))
            }
        }
    };
    for item in &bound.select.items {
        check(item, "select list")?;
    }
    for key in &bound.order {
        check(&key.expr, "ORDER BY clause")?;
    }
    if let Some(having) = &grouping.having {
        for expr in expressions_of(having) {
            check(expr, "HAVING clause")?;
        }
    }
    Ok(())
}

fn ungrouped(expr: &Expr, grouping: &Grouping) -> Option<(usize, usize)> {
    if grouping.keys.iter().any(|(key, _)| key == expr) {
        return None;
    }
    match expr {
        Expr::Column {
            depth: 0,
            source,
            column,
        } => Some((*source, *column)),
        Expr::Convert { inner, .. } => ungrouped(inner, grouping),
        Expr::Arithmetic { left, right, .. } | Expr::Join { left, right, .. } => {
            ungrouped(left, grouping).or_else(|| ungrouped(right, grouping))
        }
        Expr::Case { branches, otherwise } => branches
            .iter()
            .find_map(|(condition, value)| {
                expressions_of(condition)
                    .into_iter()
                    .find_map(|e| ungrouped(e, grouping))
                    .or_else(|| ungrouped(value, grouping))
            })
            .or_else(|| ungrouped(otherwise, grouping)),
        Expr::Coalesce(list) => list.iter().find_map(|e| ungrouped(e, grouping)),
        Expr::Call { arguments, .. } => arguments.iter().find_map(|e| ungrouped(e, grouping)),
        _ => None,
    }
}

/// The expressions directly below a condition.
pub(super) fn expressions_of(predicate: &Predicate) -> Vec<&Expr> {
    match predicate {
        Predicate::Compare { left, right, .. } => vec![left, right],
        Predicate::And(left, right) | Predicate::Or(left, right) => {
            let mut out = expressions_of(left);
            out.extend(expressions_of(right));
            out
        }
        Predicate::Not(inner) => expressions_of(inner),
        Predicate::IsNull(inner) => vec![inner],
        Predicate::Like { text, pattern, .. } => vec![text, pattern],
        Predicate::InList { needle, list, .. } => std::iter::once(needle).chain(list).collect(),
        Predicate::InQuery { needle, .. } => vec![needle],
        Predicate::Exists(_) => Vec::new(),
    }
}
