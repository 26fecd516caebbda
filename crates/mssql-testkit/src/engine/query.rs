//! Running a bound query: sources, joins, filter, groups, windows, items, order.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::aggregates::{aggregate, window_values};
use super::bound::{
    Body, Expr, From, Grouping, JoinKind, JoinNode, Node, OrderKey, Query, Select, SetOperator, SlotKind, Top,
};
use super::catalog::Row;
use super::eval::{Env, Frame, eval, test};
use super::state::table;
use super::views;
use crate::errors::{self, SqlError, SqlResult};
use crate::value::{Collation, Conversion, Key, SqlType, Value, compare, convert, key};

/// Rows of all sources of a query, side by side.
pub(crate) type Tuple = Vec<Row>;

/// Runs a query.
pub(crate) fn run(e: &Env<'_>, query: &Query, parent: Option<&Frame<'_>>) -> SqlResult<Vec<Row>> {
    run_limited(e, query, parent, None)
}

/// Runs a query whose caller needs no more than `limit` rows.
pub(crate) fn run_limited(
    e: &Env<'_>,
    query: &Query,
    parent: Option<&Frame<'_>>,
    limit: Option<usize>,
) -> SqlResult<Vec<Row>> {
    let mut rows = match &query.body {
        Body::Select(select) => {
            let limit = if query.order.is_empty() && query.offset.is_none() {
                limit
            } else {
                None
            };
            run_select(e, select, query, parent, limit)?
        }
        Body::Values(list) => {
            let frame = Frame::on(&[], 0, parent);
            let mut out = Vec::with_capacity(list.len());
            for row in list {
                out.push(
                    row.iter()
                        .map(|x| eval(Some(e), x, &frame))
                        .collect::<SqlResult<Row>>()?,
                );
            }
            out
        }
        Body::Set {
            operator,
            all,
            left,
            right,
        } => {
            let left = run(e, left, parent)?;
            let right = run(e, right, parent)?;
            let collations: Vec<Collation> = query.columns.iter().map(|c| c.collation).collect();
            let mut rows = combine(*operator, *all, left, right, &collations);
            sort(e, &mut rows, &query.order, parent)?;
            rows
        }
    };
    let frame = Frame::on(&[], 0, parent);
    if let Some(offset) = &query.offset {
        let skip = row_count(&eval(Some(e), offset, &frame)?, "OFFSET", 10742, 0)?;
        rows.drain(..skip.min(rows.len()));
    }
    if let Some(fetch) = &query.fetch {
        rows.truncate(row_count(&eval(Some(e), fetch, &frame)?, "FETCH", 10744, 1)?);
    }
    Ok(rows)
}

fn row_count(value: &Value, clause: &str, number: i32, least: i64) -> SqlResult<usize> {
    match value {
        Value::Int(n) if *n >= least => Ok(usize::try_from(*n).unwrap_or(usize::MAX)),
        _ => {
            let least = if least == 0 {
                "non-negative"
            } else {
                "greater then zero"
            };
            Err(SqlError::new(
                number,
                format!("The number of rows provided for a {clause} clause must be {least}."),
            ))
        }
    }
}

fn row_key(row: &[Value], collations: &[Collation]) -> Vec<Key> {
    row.iter().zip(collations).map(|(v, c)| key(v, *c)).collect()
}

fn combine(
    operator: SetOperator,
    all: bool,
    left: Vec<Row>,
    right: Vec<Row>,
    collations: &[Collation],
) -> Vec<Row> {
    if operator == SetOperator::Union && all {
        return left.into_iter().chain(right).collect();
    }
    let mut seen: HashSet<Vec<Key>> = HashSet::new();
    match operator {
        SetOperator::Union => left
            .into_iter()
            .chain(right)
            .filter(|row| seen.insert(row_key(row, collations)))
            .collect(),
        SetOperator::Except | SetOperator::Intersect => {
            let wanted = operator == SetOperator::Intersect;
            let right: HashSet<Vec<Key>> = right.iter().map(|row| row_key(row, collations)).collect();
            left.into_iter()
                .filter(|row| {
                    let keys = row_key(row, collations);
                    right.contains(&keys) == wanted && seen.insert(keys)
                })
                .collect()
        }
    }
}

fn sort(e: &Env<'_>, rows: &mut Vec<Row>, order: &[OrderKey], parent: Option<&Frame<'_>>) -> SqlResult<()> {
    if order.is_empty() {
        return Ok(());
    }
    let mut keyed = Vec::with_capacity(rows.len());
    for row in rows.drain(..) {
        let frame = Frame::on(std::slice::from_ref(&row), 0, parent);
        let keys = order
            .iter()
            .map(|k| eval(Some(e), &k.expr, &frame))
            .collect::<SqlResult<Vec<_>>>()?;
        keyed.push((keys, row));
    }
    keyed.sort_by(|(a, _), (b, _)| compare_keys(a, b, order));
    rows.extend(keyed.into_iter().map(|(_, row)| row));
    Ok(())
}

/// Order of two rows by their ORDER BY values.
pub(super) fn compare_keys(a: &[Value], b: &[Value], order: &[OrderKey]) -> std::cmp::Ordering {
    for ((a, b), by) in a.iter().zip(b).zip(order) {
        let mut found = compare(a, b, by.collation);
        if let (Value::Text(a), Value::Text(b)) = (a, b)
            && by.collation == Collation::Binary
        {
            found = a
                .trim_end_matches(' ')
                .encode_utf16()
                .cmp(b.trim_end_matches(' ').encode_utf16());
        }
        if by.descending {
            found = found.reverse();
        }
        if found.is_ne() {
            return found;
        }
    }
    std::cmp::Ordering::Equal
}

/// A row on its way through a SELECT.
pub(super) struct Unit {
    pub(super) tuple: Tuple,
    pub(super) aggregates: Vec<Value>,
    pub(super) windows: Vec<Value>,
}

impl Unit {
    pub(super) fn frame<'a>(&'a self, parent: Option<&'a Frame<'a>>) -> Frame<'a> {
        Frame {
            rows: &self.tuple,
            base: 0,
            aggregates: &self.aggregates,
            windows: &self.windows,
            parent,
        }
    }
}

/// Rows of FROM that pass WHERE.
pub(crate) fn filtered(
    e: &Env<'_>,
    from: Option<&From>,
    filter: Option<&super::bound::Predicate>,
    parent: Option<&Frame<'_>>,
    limit: Option<usize>,
) -> SqlResult<Vec<Tuple>> {
    let tuples = match from {
        Some(from) => node_tuples(e, from, &from.root, parent)?,
        None => vec![Vec::new()],
    };
    let Some(filter) = filter else { return Ok(tuples) };
    let mut out = Vec::new();
    for tuple in tuples {
        if test(Some(e), filter, &Frame::on(&tuple, 0, parent))? == Some(true) {
            out.push(tuple);
            if limit.is_some_and(|n| out.len() >= n) {
                break;
            }
        }
    }
    Ok(out)
}

fn run_select(
    e: &Env<'_>,
    select: &Select,
    query: &Query,
    parent: Option<&Frame<'_>>,
    limit: Option<usize>,
) -> SqlResult<Vec<Row>> {
    let order = &query.order;
    let collations: Vec<Collation> = query.columns.iter().map(|c| c.collation).collect();
    let plain =
        select.grouping.is_none() && select.windows.is_empty() && !select.distinct && select.top.is_none();
    let tuples = filtered(
        e,
        select.from.as_ref(),
        select.filter.as_ref(),
        parent,
        limit.filter(|_| plain),
    )?;
    let mut units = match &select.grouping {
        Some(grouping) => group(e, grouping, tuples, parent)?,
        None => tuples
            .into_iter()
            .map(|tuple| Unit {
                tuple,
                aggregates: Vec::new(),
                windows: Vec::new(),
            })
            .collect(),
    };
    for window in &select.windows {
        let values = window_values(e, window, &units, parent)?;
        for (unit, value) in units.iter_mut().zip(values) {
            unit.windows.push(value);
        }
    }
    let mut out: Vec<(Vec<Value>, Row)> = Vec::with_capacity(units.len());
    let mut seen = HashSet::new();
    for unit in &units {
        let frame = unit.frame(parent);
        let row = select
            .items
            .iter()
            .map(|item| eval(Some(e), item, &frame))
            .collect::<SqlResult<Row>>()?;
        if select.distinct && !seen.insert(row_key(&row, &collations)) {
            continue;
        }
        let keys = order
            .iter()
            .map(|k| eval(Some(e), &k.expr, &frame))
            .collect::<SqlResult<Vec<_>>>()?;
        out.push((keys, row));
    }
    if !order.is_empty() {
        out.sort_by(|(a, _), (b, _)| compare_keys(a, b, order));
    }
    if let Some(top) = &select.top {
        cut_to_top(e, top, &mut out, order, parent)?;
    }
    Ok(out.into_iter().map(|(_, row)| row).collect())
}

fn cut_to_top(
    e: &Env<'_>,
    top: &Top,
    rows: &mut Vec<(Vec<Value>, Row)>,
    order: &[OrderKey],
    parent: Option<&Frame<'_>>,
) -> SqlResult<()> {
    let value = eval(Some(e), &top.count, &Frame::on(&[], 0, parent))?;
    let mut count = if top.percent {
        let percent = match convert(&value, SqlType::Float, SqlType::Float, Conversion::Implicit)? {
            Value::Float(f) if (0.0..=100.0).contains(&f) => f,
            _ => return Err(SqlError::new(1031, "Percent values must be between 0 and 100.")),
        };
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a count of rows, between zero and that count"
        )]
        {
            (rows.len() as f64 * percent / 100.0).ceil() as usize
        }
    } else {
        row_count(&value, "TOP", 1060, 0)?
    };
    if top.with_ties {
        while count > 0
            && count < rows.len()
            && compare_keys(&rows[count - 1].0, &rows[count].0, order).is_eq()
        {
            count += 1;
        }
    }
    rows.truncate(count);
    Ok(())
}

fn group(
    e: &Env<'_>,
    grouping: &Grouping,
    tuples: Vec<Tuple>,
    parent: Option<&Frame<'_>>,
) -> SqlResult<Vec<Unit>> {
    let mut positions: HashMap<Vec<Key>, usize> = HashMap::new();
    let mut groups: Vec<Vec<Tuple>> = Vec::new();
    for tuple in tuples {
        let frame = Frame::on(&tuple, 0, parent);
        let mut keys = Vec::with_capacity(grouping.keys.len());
        for (expr, collation) in &grouping.keys {
            keys.push(key(&eval(Some(e), expr, &frame)?, *collation));
        }
        let at = *positions.entry(keys).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[at].push(tuple);
    }
    if groups.is_empty() && grouping.keys.is_empty() {
        groups.push(Vec::new());
    }
    let mut out = Vec::with_capacity(groups.len());
    for tuples in groups {
        let frames: Vec<Frame<'_>> = tuples.iter().map(|t| Frame::on(t, 0, parent)).collect();
        let mut aggregates = Vec::with_capacity(grouping.aggregates.len());
        for one in &grouping.aggregates {
            aggregates.push(aggregate(e, one, &frames)?);
        }
        let tuple = tuples.first().cloned().unwrap_or_default();
        let unit = Unit {
            tuple,
            aggregates,
            windows: Vec::new(),
        };
        let keep = match &grouping.having {
            Some(having) => test(Some(e), having, &unit.frame(parent))? == Some(true),
            None => true,
        };
        if keep {
            out.push(unit);
        }
    }
    Ok(out)
}

// Sources and joins.

fn node_tuples(e: &Env<'_>, from: &From, node: &Node, parent: Option<&Frame<'_>>) -> SqlResult<Vec<Tuple>> {
    match node {
        Node::Leaf(at) => Ok(slot_rows(e, from, *at, parent)?
            .into_iter()
            .map(|row| vec![row])
            .collect()),
        Node::Join(join) => join_tuples(e, from, join, parent),
    }
}

fn slot_rows(e: &Env<'_>, from: &From, at: usize, parent: Option<&Frame<'_>>) -> SqlResult<Vec<Row>> {
    let slot = &from.slots[at];
    match &slot.kind {
        SlotKind::Query(query) => run(e, query, parent),
        SlotKind::View { view, database } => views::rows(e, *view, database),
        SlotKind::Table {
            key: table_key,
            numbered,
        } => {
            let table = table(e.state, e.session, table_key)
                .ok_or_else(|| errors::invalid_object("(dropped table)"))?;
            let index = slot.seek.as_ref().and_then(|seek| {
                table
                    .indexes
                    .iter()
                    .find(|i| i.id == seek.index)
                    .map(|i| (seek, i))
            });
            let Some((seek, index)) = index else {
                return Ok(table
                    .rows
                    .iter()
                    .map(|(number, row)| with_number(*numbered, *number, row))
                    .collect());
            };
            let frame = Frame::on(&[], 0, parent);
            let mut prefix = Vec::with_capacity(seek.keys.len());
            for (expr, collation) in &seek.keys {
                prefix.push(key(&eval(Some(e), expr, &frame)?, *collation));
            }
            Ok(index
                .seek(&prefix)
                .filter_map(|number| {
                    table
                        .rows
                        .get(&number)
                        .map(|row| with_number(*numbered, number, row))
                })
                .collect())
        }
    }
}

fn nulls(from: &From, slots: std::ops::Range<usize>) -> Tuple {
    slots
        .map(|at| vec![Value::Null; from.slots[at].width].into())
        .collect()
}

/// The table on one side of a join whose column an equality compares and an index starts with: its slot, the number
/// of the index, and which of the equalities it is.
fn indexed_column(e: &Env<'_>, from: &From, join: &JoinNode, of_left: bool) -> Option<(usize, i32, usize)> {
    let Node::Leaf(at) = (if of_left { &join.left } else { &join.right }) else {
        return None;
    };
    let SlotKind::Table { key: table_key, .. } = &from.slots[*at].kind else {
        return None;
    };
    let table = table(e.state, e.session, table_key)?;
    join.equal
        .iter()
        .enumerate()
        .find_map(|(number, (left, right, collation))| {
            let Expr::Column {
                depth: 0,
                source,
                column,
            } = (if of_left { left } else { right })
            else {
                return None;
            };
            let leads = |index: &&super::catalog::Index| {
                index.filter.is_none()
                    && index.keys.first().is_some_and(|(first, _)| first == column)
                    && (!table.columns[*column].ty.is_text()
                        || table.columns[*column].collation == *collation)
            };
            let index = table.indexes.iter().find(leads)?;
            (source == at).then_some((*at, index.id, number))
        })
}

/// Rows of one side of a join: all of them, or those an index finds for the rows of the other side when those are few.
fn pointed_at(
    e: &Env<'_>,
    from: &From,
    join: &JoinNode,
    of_left: bool,
    other: &[Tuple],
    parent: Option<&Frame<'_>>,
) -> SqlResult<Vec<Tuple>> {
    let all = || node_tuples(e, from, if of_left { &join.left } else { &join.right }, parent);
    let Some((at, index, equality)) = indexed_column(e, from, join, of_left) else {
        return all();
    };
    let SlotKind::Table {
        key: table_key,
        numbered,
    } = &from.slots[at].kind
    else {
        return all();
    };
    let Some(table) = table(e.state, e.session, table_key) else {
        return all();
    };
    let Some(index) = table.indexes.iter().find(|i| i.id == index) else {
        return all();
    };
    if other.len() * 4 > table.rows.size() {
        return all();
    }
    let (left, right, collation) = &join.equal[equality];
    let base = if of_left {
        join.right.slots().start
    } else {
        join.left.slots().start
    };
    let mut numbers = BTreeSet::new();
    for tuple in other {
        let value = eval(
            Some(e),
            if of_left { right } else { left },
            &Frame::on(tuple, base, parent),
        )?;
        if !value.is_null() {
            numbers.extend(index.seek(&[key(&value, *collation)]));
        }
    }
    let rows = numbers
        .into_iter()
        .filter_map(|n| table.rows.get(&n).map(|row| vec![with_number(*numbered, n, row)]));
    Ok(rows.collect())
}

/// A row as a source gives it, with its number where a change needs it.
fn with_number(numbered: bool, number: u64, row: &Row) -> Row {
    if !numbered {
        return row.clone();
    }
    let number = Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    row.iter().cloned().chain([number]).collect()
}

fn join_tuples(
    e: &Env<'_>,
    from: &From,
    join: &JoinNode,
    parent: Option<&Frame<'_>>,
) -> SqlResult<Vec<Tuple>> {
    let base = join.left.slots().start;
    let right_base = join.right.slots().start;
    // The side that can be read through an index is read after the other one, and only where that one points.
    let (left, right) = if join.kind == JoinKind::Inner && indexed_column(e, from, join, true).is_some() {
        let right = node_tuples(e, from, &join.right, parent)?;
        (pointed_at(e, from, join, true, &right, parent)?, right)
    } else {
        let left = node_tuples(e, from, &join.left, parent)?;
        let right = if matches!(join.kind, JoinKind::Inner | JoinKind::Left) {
            pointed_at(e, from, join, false, &left, parent)?
        } else {
            node_tuples(e, from, &join.right, parent)?
        };
        (left, right)
    };
    let side_key = |tuple: &Tuple, base: usize, of_left: bool| -> SqlResult<Option<Vec<Key>>> {
        let frame = Frame::on(tuple, base, parent);
        let mut keys = Vec::with_capacity(join.equal.len());
        for (a, b, collation) in &join.equal {
            match key(&eval(Some(e), if of_left { a } else { b }, &frame)?, *collation) {
                Key::Null => return Ok(None),
                found => keys.push(found),
            }
        }
        Ok(Some(keys))
    };
    let everything: Vec<usize> = (0..right.len()).collect();
    let mut buckets: HashMap<Vec<Key>, Vec<usize>> = HashMap::new();
    if !join.equal.is_empty() {
        for (at, tuple) in right.iter().enumerate() {
            if let Some(keys) = side_key(tuple, right_base, false)? {
                buckets.entry(keys).or_default().push(at);
            }
        }
    }
    let mut matched_right = vec![false; right.len()];
    let mut out = Vec::new();
    for tuple in left {
        let candidates: &[usize] = if join.equal.is_empty() {
            &everything
        } else {
            match side_key(&tuple, base, true)? {
                Some(keys) => buckets.get(&keys).map_or(&[], Vec::as_slice),
                None => &[],
            }
        };
        let mut matched = false;
        for at in candidates {
            let joined: Tuple = tuple.iter().chain(&right[*at]).cloned().collect();
            let holds = match &join.on {
                Some(on) => test(Some(e), on, &Frame::on(&joined, base, parent))? == Some(true),
                None => true,
            };
            if holds {
                matched = true;
                matched_right[*at] = true;
                out.push(joined);
            }
        }
        if !matched && matches!(join.kind, JoinKind::Left | JoinKind::Full) {
            out.push(tuple.into_iter().chain(nulls(from, join.right.slots())).collect());
        }
    }
    if matches!(join.kind, JoinKind::Right | JoinKind::Full) {
        for (tuple, _) in right
            .into_iter()
            .zip(matched_right)
            .filter(|(_, matched)| !matched)
        {
            out.push(nulls(from, join.left.slots()).into_iter().chain(tuple).collect());
        }
    }
    Ok(out)
}
