//! Evaluation of expressions and conditions.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use chrono::{DateTime, Utc};

use super::bound::{Arithmetic, Comparison, Expr, Predicate, Subquery};
use super::catalog::Row;
use super::query;
use super::state::{Session, State};
use crate::errors::{self, SqlError, SqlResult};
use crate::options::Options;
use crate::value::{Collation, Conversion, Decimal, Key, SqlType, Value, compare, convert, fold, key};

/// What an expression can see besides rows.
pub(crate) struct Env<'a> {
    pub(crate) state: &'a State,
    pub(crate) session: &'a Session,
    pub(crate) options: &'a Options,
    pub(crate) now: DateTime<Utc>,
    /// Results of queries inside expressions that do not change from row to row.
    cache: RefCell<HashMap<usize, Rc<Vec<Row>>>>,
    /// The same, and lists of constants, as sets for IN.
    sets: RefCell<HashMap<usize, Rc<Members>>>,
}

/// The right side of an IN.
#[derive(Debug, Default)]
struct Members {
    keys: HashSet<Key>,
    has_null: bool,
}

impl<'a> Env<'a> {
    pub(crate) fn new(
        state: &'a State,
        session: &'a Session,
        options: &'a Options,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            state,
            session,
            options,
            now,
            cache: RefCell::default(),
            sets: RefCell::default(),
        }
    }
}

/// The rows an expression is evaluated on, and those of the queries around.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) rows: &'a [Row],
    /// Number of the source that `rows` starts with.
    pub(crate) base: usize,
    pub(crate) aggregates: &'a [Value],
    pub(crate) windows: &'a [Value],
    pub(crate) parent: Option<&'a Frame<'a>>,
}

impl<'a> Frame<'a> {
    pub(crate) const EMPTY: Frame<'static> = Frame {
        rows: &[],
        base: 0,
        aggregates: &[],
        windows: &[],
        parent: None,
    };

    pub(crate) fn on(rows: &'a [Row], base: usize, parent: Option<&'a Frame<'a>>) -> Self {
        Self {
            rows,
            base,
            aggregates: &[],
            windows: &[],
            parent,
        }
    }

    fn column(&self, depth: usize, source: usize, column: usize) -> Option<&Value> {
        let mut frame = self;
        for _ in 0..depth {
            frame = frame.parent?;
        }
        frame.rows.get(source.checked_sub(frame.base)?)?.get(column)
    }
}

/// A condition that sees one row of one table and nothing else.
pub(super) fn predicate_on_row(predicate: &Predicate, row: &Row) -> SqlResult<Option<bool>> {
    test(None, predicate, &Frame::on(std::slice::from_ref(row), 0, None))
}

fn env<'e, 'a>(env: Option<&'e Env<'a>>) -> SqlResult<&'e Env<'a>> {
    env.ok_or_else(|| {
        SqlError::new(
            1046,
            "Subqueries and variables are not allowed in this context. Only scalar expressions are allowed.",
        )
    })
}

/// The value of an expression.
pub(crate) fn eval(e: Option<&Env<'_>>, expr: &Expr, frame: &Frame<'_>) -> SqlResult<Value> {
    match expr {
        Expr::Const(value) => Ok(value.clone()),
        Expr::Column {
            depth,
            source,
            column,
        } => Ok(frame
            .column(*depth, *source, *column)
            .cloned()
            .unwrap_or(Value::Null)),
        Expr::Variable(name) => Ok(env(e)?
            .session
            .variables
            .get(name)
            .map_or(Value::Null, |v| v.value.clone())),
        Expr::Convert {
            inner,
            from,
            to,
            how,
            or_null,
        } => {
            let value = eval(e, inner, frame)?;
            match convert(&value, *from, *to, *how) {
                Err(error) if *or_null && error.number != 529 => Ok(Value::Null),
                other => other,
            }
        }
        Expr::Arithmetic {
            operator,
            left,
            right,
            ty,
        } => arithmetic(*operator, &eval(e, left, frame)?, &eval(e, right, frame)?, *ty),
        Expr::Join { left, right, ty } => {
            let joined = match (eval(e, left, frame)?, eval(e, right, frame)?) {
                (Value::Text(a), Value::Text(b)) => Value::text(format!("{a}{b}")),
                (Value::Bytes(a), Value::Bytes(b)) => Value::Bytes([&a[..], &b[..]].concat().into()),
                _ => return Ok(Value::Null),
            };
            convert(&joined, *ty, *ty, Conversion::Implicit)
        }
        Expr::Case { branches, otherwise } => {
            for (condition, value) in branches {
                if test(e, condition, frame)? == Some(true) {
                    return eval(e, value, frame);
                }
            }
            eval(e, otherwise, frame)
        }
        Expr::Coalesce(list) => {
            for one in list {
                let value = eval(e, one, frame)?;
                if !value.is_null() {
                    return Ok(value);
                }
            }
            Ok(Value::Null)
        }
        Expr::Scalar(subquery) => {
            let rows = subquery_rows(env(e)?, subquery, frame, None)?;
            match rows.as_slice() {
                [] => Ok(Value::Null),
                [row] => Ok(row.first().cloned().unwrap_or(Value::Null)),
                _ => Err(SqlError::new(
                    512,
                    "Subquery returned more than 1 value. This is not permitted when the subquery follows =, !=, <, \
                     <= , >, >= or when the subquery is used as an expression.",
                )),
            }
        }
        Expr::Call {
            builtin,
            arguments,
            types,
            ty,
        } => {
            let mut values = Vec::with_capacity(arguments.len());
            for argument in arguments {
                values.push(eval(e, argument, frame)?);
            }
            (builtin.eval)(&super::functions::Call {
                env: env(e)?,
                values: &values,
                types,
                ty: *ty,
            })
        }
        Expr::Aggregate(at) => Ok(frame.aggregates.get(*at).cloned().unwrap_or(Value::Null)),
        Expr::Window(at) => Ok(frame.windows.get(*at).cloned().unwrap_or(Value::Null)),
    }
}

/// Whether a condition is true; `None` is UNKNOWN.
pub(crate) fn test(e: Option<&Env<'_>>, predicate: &Predicate, frame: &Frame<'_>) -> SqlResult<Option<bool>> {
    Ok(match predicate {
        Predicate::Compare {
            operator,
            left,
            right,
            collation,
        } => {
            let (left, right) = (eval(e, left, frame)?, eval(e, right, frame)?);
            if left.is_null() || right.is_null() {
                return Ok(None);
            }
            let order = compare(&left, &right, *collation);
            Some(match operator {
                Comparison::Equal => order == Ordering::Equal,
                Comparison::NotEqual => order != Ordering::Equal,
                Comparison::Less => order == Ordering::Less,
                Comparison::LessOrEqual => order != Ordering::Greater,
                Comparison::Greater => order == Ordering::Greater,
                Comparison::GreaterOrEqual => order != Ordering::Less,
            })
        }
        Predicate::And(left, right) => match test(e, left, frame)? {
            Some(false) => Some(false),
            left => match (left, test(e, right, frame)?) {
                (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
        },
        Predicate::Or(left, right) => match test(e, left, frame)? {
            Some(true) => Some(true),
            left => match (left, test(e, right, frame)?) {
                (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
        },
        Predicate::Not(inner) => test(e, inner, frame)?.map(|b| !b),
        Predicate::IsNull(inner) => Some(eval(e, inner, frame)?.is_null()),
        Predicate::Like {
            text,
            pattern,
            escape,
            collation,
        } => {
            let escape = match escape {
                Some(escape) => Some(eval(e, escape, frame)?),
                None => None,
            };
            match (eval(e, text, frame)?, eval(e, pattern, frame)?) {
                (Value::Text(text), Value::Text(pattern)) => {
                    let escape = match escape {
                        Some(Value::Text(t)) => t.chars().next(),
                        _ => None,
                    };
                    Some(like(&text, &pattern, escape, *collation))
                }
                _ => None,
            }
        }
        Predicate::InList {
            id,
            needle,
            list,
            constant,
            collation,
        } => {
            let needle = eval(e, needle, frame)?;
            let build = || -> SqlResult<Members> {
                let mut members = Members::default();
                for one in list {
                    let value = eval(e, one, frame)?;
                    members.add(&value, *collation);
                }
                Ok(members)
            };
            match e {
                Some(e) if *constant => {
                    let known = e.sets.borrow().get(id).cloned();
                    let members = match known {
                        Some(members) => members,
                        None => {
                            let members = Rc::new(build()?);
                            e.sets.borrow_mut().insert(*id, members.clone());
                            members
                        }
                    };
                    members.holds(&needle, *collation)
                }
                _ => build()?.holds(&needle, *collation),
            }
        }
        Predicate::InQuery {
            needle,
            query,
            collation,
        } => {
            let e = env(e)?;
            let needle = eval(Some(e), needle, frame)?;
            let known = if query.correlated {
                None
            } else {
                e.sets.borrow().get(&query.id).cloned()
            };
            let members = match known {
                Some(members) => members,
                None => {
                    let mut members = Members::default();
                    for row in subquery_rows(e, query, frame, None)?.iter() {
                        members.add(row.first().unwrap_or(&Value::Null), *collation);
                    }
                    let members = Rc::new(members);
                    if !query.correlated {
                        e.sets.borrow_mut().insert(query.id, members.clone());
                    }
                    members
                }
            };
            members.holds(&needle, *collation)
        }
        Predicate::Exists(query) => Some(!subquery_rows(env(e)?, query, frame, Some(1))?.is_empty()),
    })
}

impl Members {
    fn add(&mut self, value: &Value, collation: Collation) {
        if value.is_null() {
            self.has_null = true;
        } else {
            self.keys.insert(key(value, collation));
        }
    }

    fn holds(&self, needle: &Value, collation: Collation) -> Option<bool> {
        if self.keys.is_empty() && !self.has_null {
            return Some(false);
        }
        if needle.is_null() {
            return None;
        }
        if self.keys.contains(&key(needle, collation)) {
            return Some(true);
        }
        if self.has_null { None } else { Some(false) }
    }
}

fn subquery_rows(
    e: &Env<'_>,
    subquery: &Subquery,
    frame: &Frame<'_>,
    limit: Option<usize>,
) -> SqlResult<Rc<Vec<Row>>> {
    if subquery.correlated {
        return query::run_limited(e, &subquery.query, Some(frame), limit).map(Rc::new);
    }
    if let Some(rows) = e.cache.borrow().get(&subquery.id) {
        return Ok(rows.clone());
    }
    let rows = Rc::new(query::run_limited(e, &subquery.query, Some(frame), limit)?);
    e.cache.borrow_mut().insert(subquery.id, rows.clone());
    Ok(rows)
}

fn divide_by_zero() -> SqlError {
    SqlError::new(8134, "Divide by zero error encountered.")
}

/// An operator on two values that were brought to the type of the result.
pub(super) fn arithmetic(operator: Arithmetic, left: &Value, right: &Value, ty: SqlType) -> SqlResult<Value> {
    let overflow = || errors::overflow("expression", ty.name());
    match (left, right) {
        (Value::Null, _) | (_, Value::Null) => Ok(Value::Null),
        (Value::Int(a), Value::Int(b)) => {
            if *b == 0 && matches!(operator, Arithmetic::Divide | Arithmetic::Modulo) {
                return Err(divide_by_zero());
            }
            let wide = match operator {
                Arithmetic::Add => a.checked_add(*b),
                Arithmetic::Subtract => a.checked_sub(*b),
                Arithmetic::Multiply => a.checked_mul(*b),
                Arithmetic::Divide => a.checked_div(*b),
                Arithmetic::Modulo => a.checked_rem(*b),
                Arithmetic::BitAnd => Some(a & b),
                Arithmetic::BitOr => Some(a | b),
                Arithmetic::BitXor => Some(a ^ b),
            };
            let value = Value::Int(wide.ok_or_else(overflow)?);
            convert(&value, SqlType::BigInt, ty, Conversion::Implicit).map_err(|_| overflow())
        }
        (Value::Bit(a), Value::Bit(b)) => match operator {
            Arithmetic::BitAnd => Ok(Value::Bit(a & b)),
            Arithmetic::BitOr => Ok(Value::Bit(a | b)),
            Arithmetic::BitXor => Ok(Value::Bit(a ^ b)),
            _ => Err(operand_type("bit", "add")),
        },
        (Value::Float(a), Value::Float(b)) => {
            let value = match operator {
                Arithmetic::Add => a + b,
                Arithmetic::Subtract => a - b,
                Arithmetic::Multiply => a * b,
                Arithmetic::Divide if *b == 0.0 => return Err(divide_by_zero()),
                Arithmetic::Divide => a / b,
                _ => return Err(operand_type("float", "modulo")),
            };
            if value.is_finite() {
                Ok(Value::Float(value))
            } else {
                Err(overflow())
            }
        }
        (Value::Decimal(a), Value::Decimal(b)) => decimal_arithmetic(operator, *a, *b, ty),
        (Value::DateTime(_), Value::DateTime(_)) => datetime_arithmetic(operator, left, right),
        _ => Err(operand_type(ty.name(), "add")),
    }
}

fn operand_type(ty: &str, operator: &str) -> SqlError {
    SqlError::new(
        8117,
        format!("Operand data type {ty} is invalid for {operator} operator."),
    )
}

fn decimal_arithmetic(operator: Arithmetic, a: Decimal, b: Decimal, ty: SqlType) -> SqlResult<Value> {
    let scale = match ty {
        SqlType::Decimal { scale, .. } => scale,
        _ => 4,
    };
    let result = match operator {
        Arithmetic::Add => a.add(b),
        Arithmetic::Subtract => a.add(b.negate()),
        Arithmetic::Multiply => a.multiply(b),
        Arithmetic::Divide | Arithmetic::Modulo if b.mantissa == 0 => return Err(divide_by_zero()),
        Arithmetic::Divide => a.divide(b, scale),
        Arithmetic::Modulo => a.remainder(b),
        _ => return Err(operand_type("numeric", "bitwise")),
    };
    let value = result.ok_or_else(|| errors::overflow("expression", "numeric"))?;
    convert(&Value::Decimal(value), ty, ty, Conversion::Implicit)
}

/// `datetime` plus a number of days, the number having been converted to a datetime since 1900-01-01.
fn datetime_arithmetic(operator: Arithmetic, left: &Value, right: &Value) -> SqlResult<Value> {
    let zero = chrono::NaiveDate::from_ymd_opt(1900, 1, 1)
        .unwrap_or_default()
        .and_time(chrono::NaiveTime::MIN);
    let (Value::DateTime(a), Value::DateTime(b)) = (left, right) else {
        return Ok(Value::Null);
    };
    let shift = b.signed_duration_since(zero);
    let out = match operator {
        Arithmetic::Add => a.checked_add_signed(shift),
        Arithmetic::Subtract => a.checked_sub_signed(shift),
        _ => return Err(operand_type("datetime", "multiply")),
    };
    out.map(Value::DateTime)
        .ok_or_else(|| errors::overflow("expression", "datetime"))
}

/// LIKE with `%`, `_`, `[a-z]`, `[^a-z]`.
fn like(text: &str, pattern: &str, escape: Option<char>, collation: Collation) -> bool {
    // Each character is folded alone: LIKE does not ignore spaces at the end of the pattern.
    let one = |c: char| -> String {
        if c == ' ' {
            " ".to_owned()
        } else {
            fold(collation, c.encode_utf8(&mut [0; 4]))
        }
    };
    let text: Vec<String> = text.chars().map(one).collect();
    let pattern: Vec<char> = pattern.chars().collect();
    matches_from(&text, &pattern, escape, &one)
}

fn matches_from(
    text: &[String],
    pattern: &[char],
    escape: Option<char>,
    one: &dyn Fn(char) -> String,
) -> bool {
    let Some((first, rest)) = pattern.split_first() else {
        // Spaces at the end of the text do not matter.
        return text.iter().all(|c| c == " ");
    };
    if Some(*first) == escape {
        let Some((literal, rest)) = rest.split_first() else {
            return false;
        };
        return text.first().is_some_and(|c| *c == one(*literal))
            && matches_from(&text[1..], rest, escape, one);
    }
    match first {
        '%' => (0..=text.len()).any(|skip| matches_from(&text[skip..], rest, escape, one)),
        '_' => !text.is_empty() && matches_from(&text[1..], rest, escape, one),
        '[' => {
            let Some(end) = rest.iter().skip(1).position(|c| *c == ']').map(|i| i + 1) else {
                return false;
            };
            let (set, negated) = match rest[..end].split_first() {
                Some(('^', set)) => (set, true),
                _ => (&rest[..end], false),
            };
            let Some(c) = text.first() else { return false };
            in_set(c, set, one) != negated && matches_from(&text[1..], &rest[end + 1..], escape, one)
        }
        other => {
            text.first().is_some_and(|c| *c == one(*other)) && matches_from(&text[1..], rest, escape, one)
        }
    }
}

fn in_set(c: &String, set: &[char], one: &dyn Fn(char) -> String) -> bool {
    let mut at = 0;
    while at < set.len() {
        if at + 2 < set.len() && set[at + 1] == '-' {
            if one(set[at]) <= *c && *c <= one(set[at + 2]) {
                return true;
            }
            at += 3;
        } else {
            if one(set[at]) == *c {
                return true;
            }
            at += 1;
        }
    }
    false
}
