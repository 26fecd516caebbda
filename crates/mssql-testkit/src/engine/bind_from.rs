//! Binding of FROM: tables, views, subqueries, joins, hints, and which index a table is read through.

use sqlparser::ast::{self, JoinConstraint, JoinOperator, TableFactor, TableWithJoins};

use super::bind_expr::first_words;
use super::binder::{Binder, Scope, Source, name_parts, shown_name};
use super::bound::{Comparison, Expr, From, JoinKind, JoinNode, Node, Predicate, Seek, Slot, SlotKind};
use super::catalog::{Table, TableKey, same_name};
use super::locks::{Mode, Resource};
use super::state::{Session, State, table};
use super::views;
use crate::codec::token::Column;
use crate::errors::{self, SqlError, SqlResult};
use crate::options::Permission;
use crate::value::Collation;

/// What table hints ask for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Hints {
    pub(crate) update: bool,
    pub(crate) exclusive: bool,
    pub(crate) no_lock: bool,
}

/// Reads table hints; an unknown one is error 321.
pub(crate) fn read_hints(hints: &[ast::Expr]) -> SqlResult<Hints> {
    let mut out = Hints::default();
    for hint in hints {
        match hint.to_string().to_uppercase().as_str() {
            "UPDLOCK" | "HOLDLOCK" | "SERIALIZABLE" | "REPEATABLEREAD" => out.update = true,
            "XLOCK" | "TABLOCKX" => out.exclusive = true,
            "NOLOCK" | "READUNCOMMITTED" => out.no_lock = true,
            "TABLOCK" | "ROWLOCK" | "PAGLOCK" | "READCOMMITTED" | "READCOMMITTEDLOCK" | "FORCESEEK"
            | "FORCESCAN" => {}
            other if other.starts_with("INDEX") => {}
            other => {
                return Err(SqlError::new(
                    321,
                    format!(
                        "\"{other}\" is not a recognized table hints option. If it is intended as a parameter to a \
                         table-valued function or to the CHANGETABLE function, ensure that your database \
                         compatibility mode is set to 90."
                    ),
                )
                .with_class(15));
            }
        }
    }
    Ok(out)
}

/// Columns of a table as results show them.
pub(crate) fn table_columns(table: &Table) -> Vec<Column> {
    table
        .columns
        .iter()
        .map(|c| Column {
            name: c.name.clone(),
            ty: c.ty,
            collation: c.collation,
            nullable: c.nullable,
            identity: c.identity.is_some(),
            of_table: true,
        })
        .collect()
}

impl Binder<'_> {
    /// Binds the sources of a FROM. Conditions of joins follow in [`Binder::bind_joins`].
    pub(crate) fn from(&mut self, list: &[TableWithJoins]) -> SqlResult<(Option<From>, Vec<Source>)> {
        let mut slots = Vec::new();
        let mut sources: Vec<Source> = Vec::new();
        let mut root: Option<Node> = None;
        for item in list {
            let node = self.joined(item, &mut slots, &mut sources)?;
            root = Some(match root {
                None => node,
                Some(left) => comma(left, node),
            });
        }
        for (at, source) in sources.iter().enumerate() {
            if !source.alias.is_empty() && sources[..at].iter().any(|s| same_name(&s.alias, &source.alias)) {
                return Err(SqlError::new(
                    1011,
                    format!(
                        "The correlation name '{}' is specified multiple times in a FROM clause.",
                        source.alias
                    ),
                ));
            }
        }
        Ok((root.map(|root| From { slots, root }), sources))
    }

    fn joined(
        &mut self,
        item: &TableWithJoins,
        slots: &mut Vec<Slot>,
        sources: &mut Vec<Source>,
    ) -> SqlResult<Node> {
        let mut node = self.factor(&item.relation, slots, sources)?;
        for one in &item.joins {
            let (kind, _) = join_kind(&one.join_operator)?;
            let right = self.factor(&one.relation, slots, sources)?;
            // The side that may have no row gives NULLs, whatever its columns say.
            if matches!(kind, JoinKind::Left | JoinKind::Full) {
                may_be_null(sources, right.slots());
            }
            if matches!(kind, JoinKind::Right | JoinKind::Full) {
                may_be_null(sources, node.slots());
            }
            node = join(node, right, kind);
        }
        Ok(node)
    }

    fn factor(
        &mut self,
        factor: &TableFactor,
        slots: &mut Vec<Slot>,
        sources: &mut Vec<Source>,
    ) -> SqlResult<Node> {
        let (kind, source) = match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                with_hints,
                version: None,
                sample: None,
                partitions,
                json_path: None,
                ..
            } if partitions.is_empty() => self.named(name, alias.as_ref(), with_hints)?,
            TableFactor::Derived {
                lateral: false,
                subquery,
                alias,
                sample: None,
            } => {
                let Some(alias) = alias else {
                    return Err(errors::syntax(")"));
                };
                self.derived(subquery, alias)?
            }
            TableFactor::NestedJoin {
                table_with_joins,
                alias: None,
            } => {
                return self.joined(table_with_joins, slots, sources);
            }
            other => return Err(errors::unsupported(first_words(&other.to_string()))),
        };
        slots.push(Slot {
            kind,
            width: source.columns.len(),
            seek: None,
        });
        sources.push(source);
        Ok(Node::Leaf(slots.len() - 1))
    }

    fn derived(&mut self, query: &ast::Query, alias: &ast::TableAlias) -> SqlResult<(SlotKind, Source)> {
        let bound = self.query(query)?;
        let mut columns = bound.columns.clone();
        rename(&mut columns, alias)?;
        if let Some(at) = columns.iter().position(|c| c.name.is_empty()) {
            return Err(SqlError::new(
                8155,
                format!(
                    "No column name was specified for column {} of '{}'.",
                    at + 1,
                    alias.name.value
                ),
            ));
        }
        Ok((
            SlotKind::Query(Box::new(bound)),
            Source {
                alias: alias.name.value.clone(),
                columns,
            },
        ))
    }

    fn named(
        &mut self,
        name: &ast::ObjectName,
        alias: Option<&ast::TableAlias>,
        hints: &[ast::Expr],
    ) -> SqlResult<(SlotKind, Source)> {
        let parts = name_parts(name)?;
        let shown = match alias {
            Some(alias) if !alias.columns.is_empty() => return Err(errors::syntax("(")),
            Some(alias) => alias.name.value.clone(),
            None => parts.last().map(|p| p.value.clone()).unwrap_or_default(),
        };
        if let [single] = parts.as_slice()
            && let Some(at) = self
                .ctes
                .iter()
                .rposition(|c| same_name(&c.alias.name.value, &single.value))
        {
            return self.cte(at, shown);
        }
        if let Some((view, database)) = views::find(&parts, self.session) {
            let resource = Resource::Catalog(database.to_lowercase());
            self.accesses.push(super::binder::Access {
                resource,
                mode: Mode::Shared,
                keep: false,
            });
            return Ok((
                SlotKind::View { view, database },
                Source {
                    alias: shown,
                    columns: view.columns(),
                },
            ));
        }
        let key = self.table_key(name)?;
        self.reads_temporary |= matches!(key, TableKey::Temp(_));
        if let Some(view) = table(self.state, self.session, &key).and_then(|table| table.view.clone()) {
            self.require(&key, Permission::Select, "SELECT")?;
            self.touch(&key, Mode::Shared, false);
            read_hints(hints)?;
            let bound = self.nested_query(&view.query)?;
            let columns = bound.columns.clone();
            return Ok((
                SlotKind::Query(Box::new(bound)),
                Source {
                    alias: shown,
                    columns,
                },
            ));
        }
        let columns = self.table(&key, name).map(table_columns)?;
        self.require(&key, Permission::Select, "SELECT")?;
        self.read(&key, read_hints(hints)?);
        Ok((
            SlotKind::Table { key, numbered: false },
            Source {
                alias: shown,
                columns,
            },
        ))
    }

    /// Binds the query of a view, which sees no names but its own and may not sort.
    pub(crate) fn nested_query(&mut self, query: &ast::Query) -> SqlResult<super::bound::Query> {
        if query.order_by.is_some() && !is_limited(query) {
            return Err(SqlError::new(
                1033,
                "The ORDER BY clause is invalid in views, inline functions, derived tables, subqueries, and common table \
                 expressions, unless TOP, OFFSET or FOR XML is also specified.",
            )
            .with_class(15));
        }
        let scopes = std::mem::take(&mut self.scopes);
        let ctes = std::mem::take(&mut self.ctes);
        let bound = self.query(query);
        self.scopes = scopes;
        self.ctes = ctes;
        bound
    }

    /// The table, or error 208 (1087 for a table variable). A view is none.
    pub(crate) fn table(&self, key: &TableKey, name: &ast::ObjectName) -> SqlResult<&Table> {
        if table(self.state, self.session, key).is_some_and(|found| found.view.is_some()) {
            return Err(errors::unsupported("INSERT, UPDATE or DELETE through a view"));
        }
        table(self.state, self.session, key).ok_or_else(|| match shown_name(name) {
            shown if shown.starts_with('@') => {
                SqlError::new(1087, format!("Must declare the table variable \"{shown}\".")).with_class(15)
            }
            shown => errors::invalid_object(&shown),
        })
    }

    /// Notes a table that is read, with its hints.
    pub(crate) fn read(&mut self, key: &TableKey, hints: Hints) {
        let settings = self.session.settings;
        if hints.exclusive {
            self.touch(key, Mode::Exclusive, true);
        } else if hints.update || settings.keep_read_locks {
            self.touch(key, Mode::Update, true);
        } else if !hints.no_lock && !settings.read_uncommitted {
            self.touch(key, Mode::Shared, false);
        }
    }

    fn cte(&mut self, at: usize, shown: String) -> SqlResult<(SlotKind, Source)> {
        // A common table expression sees those before it, and this server knows no recursion.
        let cte = self.ctes[at].clone();
        let later = self.ctes.split_off(at);
        let bound = self.query(&cte.query);
        self.ctes.extend(later);
        let bound = bound?;
        let mut columns = bound.columns.clone();
        rename(&mut columns, &cte.alias)?;
        Ok((
            SlotKind::Query(Box::new(bound)),
            Source {
                alias: shown,
                columns,
            },
        ))
    }

    /// Binds the conditions of the joins, each with the sources it may name.
    pub(crate) fn bind_joins(
        &mut self,
        from: Option<&mut From>,
        sources: &[Source],
        list: &[TableWithJoins],
    ) -> SqlResult<()> {
        let Some(from) = from else { return Ok(()) };
        let mut conditions = Vec::new();
        for item in list {
            collect_conditions(item, &mut conditions)?;
        }
        let scope = Scope::of(sources.to_vec());
        let root = &mut from.root;
        let mut next = conditions.into_iter();
        self.scoped(scope, |b| b.bind_node(root, &mut next))?;
        Ok(())
    }

    /// Walks the joins in the order [`collect_conditions`] lists their conditions: inner ones first.
    fn bind_node<'c>(
        &mut self,
        node: &mut Node,
        conditions: &mut impl Iterator<Item = Option<&'c ast::Expr>>,
    ) -> SqlResult<()> {
        let Node::Join(join) = node else { return Ok(()) };
        self.bind_node(&mut join.left, conditions)?;
        self.bind_node(&mut join.right, conditions)?;
        if join.comma {
            return Ok(());
        }
        let range = join.left.slots().start..join.right.slots().end;
        if let Some(Some(condition)) = conditions.next() {
            if let Some(scope) = self.scopes.last_mut() {
                scope.visible = range;
            }
            let on = self.predicate(condition)?;
            join.equal = equalities(&on, &join.left, &join.right);
            join.on = Some(on);
        }
        Ok(())
    }
}

fn join(left: Node, right: Node, kind: JoinKind) -> Node {
    Node::Join(Box::new(JoinNode {
        left,
        right,
        kind,
        comma: false,
        on: None,
        equal: Vec::new(),
    }))
}

fn may_be_null(sources: &mut [Source], range: std::ops::Range<usize>) {
    for column in sources
        .iter_mut()
        .skip(range.start)
        .take(range.len())
        .flat_map(|s| &mut s.columns)
    {
        column.nullable = true;
    }
}

fn comma(left: Node, right: Node) -> Node {
    let kind = JoinKind::Inner;
    Node::Join(Box::new(JoinNode {
        left,
        right,
        kind,
        comma: true,
        on: None,
        equal: Vec::new(),
    }))
}

fn rename(columns: &mut [Column], alias: &ast::TableAlias) -> SqlResult<()> {
    if alias.columns.is_empty() {
        return Ok(());
    }
    if alias.columns.len() != columns.len() {
        let number = if alias.columns.len() > columns.len() {
            8158
        } else {
            8159
        };
        return Err(SqlError::new(
            number,
            format!(
                "'{}' has another number of columns than were specified in the column list.",
                alias.name.value
            ),
        ));
    }
    for (column, name) in columns.iter_mut().zip(&alias.columns) {
        column.name = name.name.value.clone();
    }
    Ok(())
}

fn join_kind(operator: &JoinOperator) -> SqlResult<(JoinKind, Option<&ast::Expr>)> {
    let (kind, constraint) = match operator {
        JoinOperator::Join(c) | JoinOperator::Inner(c) => (JoinKind::Inner, c),
        JoinOperator::Left(c) | JoinOperator::LeftOuter(c) => (JoinKind::Left, c),
        JoinOperator::Right(c) | JoinOperator::RightOuter(c) => (JoinKind::Right, c),
        JoinOperator::FullOuter(c) => (JoinKind::Full, c),
        JoinOperator::CrossJoin(JoinConstraint::None) => return Ok((JoinKind::Inner, None)),
        JoinOperator::CrossApply | JoinOperator::OuterApply => return Err(errors::unsupported("APPLY")),
        other => return Err(errors::unsupported(first_words(&format!("{other:?}")))),
    };
    match constraint {
        JoinConstraint::On(on) => Ok((kind, Some(on))),
        JoinConstraint::None => Err(errors::syntax("JOIN")),
        _ => Err(errors::syntax("USING")),
    }
}

/// Conditions of all joins of a FROM item, inner ones first; `None` for a cross join.
fn collect_conditions<'c>(item: &'c TableWithJoins, out: &mut Vec<Option<&'c ast::Expr>>) -> SqlResult<()> {
    let nested = |factor: &'c TableFactor, out: &mut Vec<Option<&'c ast::Expr>>| match factor {
        TableFactor::NestedJoin { table_with_joins, .. } => collect_conditions(table_with_joins, out),
        _ => Ok(()),
    };
    nested(&item.relation, out)?;
    for one in &item.joins {
        nested(&one.relation, out)?;
        out.push(join_kind(&one.join_operator)?.1);
    }
    Ok(())
}

fn is_limited(query: &ast::Query) -> bool {
    let top = matches!(query.body.as_ref(), ast::SetExpr::Select(select) if select.top.is_some());
    top || query.fetch.is_some() || query.limit_clause.is_some()
}

/// Which side of a join an expression depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    None,
    Within,
    Other,
}

/// Whether all columns of this query in `expr` are of the sources in `range`.
fn side(expr: &Expr, range: &std::ops::Range<usize>) -> Side {
    let both = |a: Side, b: Side| match (a, b) {
        (Side::Other, _) | (_, Side::Other) => Side::Other,
        (Side::Within, _) | (_, Side::Within) => Side::Within,
        _ => Side::None,
    };
    match expr {
        Expr::Column { depth: 0, source, .. } => {
            if range.contains(source) {
                Side::Within
            } else {
                Side::Other
            }
        }
        Expr::Const(_) | Expr::Variable(_) | Expr::Column { .. } => Side::None,
        Expr::Convert { inner, .. } => side(inner, range),
        Expr::Arithmetic { left, right, .. } | Expr::Join { left, right, .. } => {
            both(side(left, range), side(right, range))
        }
        Expr::Coalesce(list) => list.iter().map(|e| side(e, range)).fold(Side::None, both),
        Expr::Call { arguments, .. } => arguments.iter().map(|e| side(e, range)).fold(Side::None, both),
        // What is harder to see through is not used.
        Expr::Case { .. } | Expr::Scalar(_) | Expr::Aggregate(_) | Expr::Window(_) => Side::Other,
    }
}

/// Equalities of a join's condition with one side on the left and the other on the right.
fn equalities(on: &Predicate, left: &Node, right: &Node) -> Vec<(Expr, Expr, Collation)> {
    let (left, right) = (left.slots(), right.slots());
    on.conjuncts()
        .into_iter()
        .filter_map(|conjunct| match conjunct {
            Predicate::Compare {
                operator: Comparison::Equal,
                left: a,
                right: b,
                collation,
            } => {
                if side(a, &left) == Side::Within && side(b, &right) == Side::Within {
                    Some((a.clone(), b.clone(), *collation))
                } else if side(b, &left) == Side::Within && side(a, &right) == Side::Within {
                    Some((b.clone(), a.clone(), *collation))
                } else {
                    None
                }
            }
            _ => None,
        })
        .collect()
}

/// Chooses an index for tables whose key columns a WHERE compares with something known beforehand.
pub(crate) fn plan_seeks(state: &State, session: &Session, from: &mut From, filter: &Predicate) {
    let conjuncts = filter.conjuncts();
    for (at, slot) in from.slots.iter_mut().enumerate() {
        let SlotKind::Table { key, .. } = &slot.kind else {
            continue;
        };
        let Some(table) = table(state, session, key) else {
            continue;
        };
        let value_of = |column: usize| -> Option<(Expr, Collation)> {
            let is_column = |e: &Expr| {
                *e == Expr::Column {
                    depth: 0,
                    source: at,
                    column,
                }
            };
            conjuncts.iter().find_map(|conjunct| match conjunct {
                Predicate::Compare {
                    operator: Comparison::Equal,
                    left,
                    right,
                    collation,
                } => {
                    let other = if is_column(left) {
                        right
                    } else if is_column(right) {
                        left
                    } else {
                        return None;
                    };
                    let fits = side(other, &(0..0)) == Side::None
                        && (*collation == table.columns[column].collation
                            || !table.columns[column].ty.is_text());
                    fits.then(|| (other.clone(), *collation))
                }
                _ => None,
            })
        };
        let best = table
            .indexes
            .iter()
            .filter(|index| index.filter.is_none())
            .map(|index| {
                let keys: Vec<_> = index
                    .keys
                    .iter()
                    .map_while(|(column, _)| value_of(*column))
                    .collect();
                Seek {
                    index: index.id,
                    keys,
                }
            })
            .max_by_key(|seek| seek.keys.len());
        slot.seek = best.filter(|seek| !seek.keys.is_empty());
    }
}
