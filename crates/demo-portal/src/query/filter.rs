//! Filters: prefixes before field names, lists of values, nested maps with `logic`.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate, NaiveDateTime};

use super::value::folded;
use super::{Kind, Names, Table, Value};
use crate::clock::Zone;
use crate::error_answer::ApiError;
use crate::params::{Param, intval};

/// A filter, ready to be asked about rows.
#[derive(Debug)]
pub(crate) enum Filter<K> {
    All(Vec<Filter<K>>),
    Any(Vec<Filter<K>>),
    One(Condition<K>),
}

/// One condition on one field.
#[derive(Debug)]
pub(crate) struct Condition<K> {
    pub(crate) key: K,
    pub(crate) operator: Operator,
    /// At least one, except for an empty list.
    pub(crate) operands: Vec<Operand>,
}

/// What a prefix means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    In,
    NotIn,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Between,
    Contains,
    ContainsNot,
    Like,
    LikeNot,
}

/// A value to compare with, of the kind the field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operand {
    /// An empty value where a date should be: no bound from below, nothing from above, equal to missing.
    Blank,
    Number(i64),
    /// Folded for comparing without regard to case.
    Text(String),
}

/// Prefixes, longer ones before those they begin with.
const PREFIXES: [(&str, Operator); 19] = [
    ("!=%", Operator::LikeNot),
    ("!%=", Operator::LikeNot),
    ("=%", Operator::Like),
    ("%=", Operator::Like),
    ("><", Operator::Between),
    (">=", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("!@", Operator::NotIn),
    ("!=", Operator::NotIn),
    ("!%", Operator::ContainsNot),
    ("<>", Operator::NotIn),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("@", Operator::In),
    ("=", Operator::In),
    ("!", Operator::NotIn),
    ("%", Operator::Contains),
    ("?", Operator::Contains),
    ("", Operator::In),
];

fn split_prefix(key: &str) -> (Operator, &str) {
    let found = PREFIXES
        .iter()
        .find_map(|(prefix, operator)| Some((*operator, key.strip_prefix(prefix)?)));
    found.unwrap_or((Operator::In, key))
}

impl<K: Copy + PartialEq + 'static> Filter<K> {
    /// Reads a filter for a table. No filter at all lets every row through.
    pub(crate) fn parse<'a, T: Table<'a, Key = K>>(
        table: T,
        filter: Option<&Param>,
        zone: Zone,
    ) -> Result<Self, ApiError> {
        let entries = filter.map(Param::entries).unwrap_or_default();
        let mut parts = Vec::with_capacity(entries.len());
        let mut any = false;
        for (key, value) in entries {
            if key.eq_ignore_ascii_case("logic") {
                any = value.text().is_some_and(|logic| logic.eq_ignore_ascii_case("or"));
            } else if !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit()) {
                parts.push(Self::parse(table, Some(value), zone)?);
            } else if let Some(condition) = parse_condition(table, key, value, zone)? {
                parts.push(Self::One(condition));
            }
        }
        Ok(if any { Self::Any(parts) } else { Self::All(parts) })
    }

    /// Whether a row meets it.
    pub(crate) fn matches<'a, T: Table<'a, Key = K>>(&self, table: T, row: &'a T::Row) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(table, row)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(table, row)),
            Self::One(condition) => condition.holds(table.value(row, condition.key)),
        }
    }

    /// Conditions every row must meet.
    pub(crate) fn required(&self) -> impl Iterator<Item = &Condition<K>> {
        let parts = match self {
            Self::All(parts) => parts.as_slice(),
            Self::Any(_) | Self::One(_) => std::slice::from_ref(self),
        };
        parts.iter().filter_map(|part| {
            if let Self::One(condition) = part {
                Some(condition)
            } else {
                None
            }
        })
    }
}

fn parse_condition<'a, T: Table<'a>>(
    table: T,
    key: &str,
    value: &Param,
    zone: Zone,
) -> Result<Option<Condition<T::Key>>, ApiError> {
    let (operator, name) = split_prefix(key);
    let Some(field) = table.field(name) else {
        return match T::NAMES {
            Names::ExactOrIgnored => Ok(None),
            Names::ExactOrUnknown => Err(ApiError::unknown_field(name)),
            Names::AnyCaseOrRefused => Err(ApiError::not_allowed_in("filter", name)),
        };
    };
    // A pattern is text whatever the field holds.
    let kind = match operator {
        Operator::Contains | Operator::ContainsNot | Operator::Like | Operator::LikeNot => Kind::Text,
        _ => field.kind,
    };
    let texts: Vec<&str> = match value {
        Param::Text(text) => vec![text],
        Param::Map(entries) => entries.iter().filter_map(|(_, entry)| entry.text()).collect(),
    };
    let operands = texts.into_iter().map(|text| operand(kind, text, zone)).collect();
    Ok(Some(Condition {
        key: field.key,
        operator,
        operands,
    }))
}

fn operand(kind: Kind, text: &str, zone: Zone) -> Operand {
    match kind {
        Kind::Integer => Operand::Number(intval(text)),
        Kind::Text => Operand::Text(folded(text).collect()),
        Kind::Moment => parse_moment(text, zone).map_or(Operand::Blank, Operand::Number),
        Kind::Day => parse_day(text).map_or(Operand::Blank, Operand::Number),
    }
}

/// A moment in any of the forms clients send: with an offset, or in the portal's zone; a date is its midnight.
fn parse_moment(text: &str, zone: Zone) -> Option<i64> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.timestamp());
    }
    let forms = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S"];
    let local = forms
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let local = local.map(|local| local.and_utc().timestamp());
    local
        .or_else(|| parse_day(text).map(|day| day * 86_400))
        .map(|local| zone.to_moment(local))
}

/// The calendar day a text begins with.
fn parse_day(text: &str) -> Option<i64> {
    let date = text.get(..10)?;
    let day = ["%Y-%m-%d", "%d.%m.%Y"]
        .iter()
        .find_map(|form| NaiveDate::parse_from_str(date, form).ok())?;
    Some(day.signed_duration_since(NaiveDate::default()).num_days())
}

impl<K> Condition<K> {
    fn holds(&self, value: Value<'_>) -> bool {
        let compare = |place: usize| self.operands.get(place).and_then(|operand| order(value, operand));
        match self.operator {
            Operator::In => self.is_in(value),
            Operator::NotIn => !self.is_in(value),
            Operator::Greater => compare(0).is_some_and(Ordering::is_gt),
            Operator::GreaterOrEqual => compare(0).is_some_and(Ordering::is_ge),
            Operator::Less => compare(0).is_some_and(Ordering::is_lt),
            Operator::LessOrEqual => compare(0).is_some_and(Ordering::is_le),
            Operator::Between => {
                compare(0).is_some_and(Ordering::is_ge) && compare(1).is_some_and(Ordering::is_le)
            }
            Operator::Contains => self.contained_in(value, |text, part| text.contains(part)),
            Operator::ContainsNot => !self.contained_in(value, |text, part| text.contains(part)),
            Operator::Like => self.contained_in(value, like),
            Operator::LikeNot => !self.contained_in(value, like),
        }
    }

    fn is_in(&self, value: Value<'_>) -> bool {
        self.operands.iter().any(|operand| match (value, operand) {
            (Value::Null | Value::Empty, Operand::Text(text)) => text.is_empty(),
            (Value::Null | Value::Empty, Operand::Blank) => true,
            (_, Operand::Blank) => false,
            _ => order(value, operand) == Some(Ordering::Equal),
        })
    }

    fn contained_in(&self, value: Value<'_>, test: impl Fn(&str, &str) -> bool) -> bool {
        let text: String = match value {
            Value::Text(text) => folded(text).collect(),
            Value::Integer(number) | Value::Money(number) => number.to_string(),
            _ => return false,
        };
        let mut parts = self.operands.iter();
        parts.any(|operand| matches!(operand, Operand::Text(part) if test(&text, part)))
    }
}

/// How a value compares with an operand; missing values compare with nothing.
fn order(value: Value<'_>, operand: &Operand) -> Option<Ordering> {
    match (value, operand) {
        (Value::Null | Value::Empty | Value::Json(_), _) => None,
        (_, Operand::Blank) => Some(Ordering::Greater),
        (Value::Text(text), Operand::Text(other)) => Some(folded(text).cmp(other.chars())),
        (Value::Integer(number) | Value::Money(number) | Value::Moment(number), Operand::Number(other)) => {
            Some(number.cmp(other))
        }
        (Value::Day(day), Operand::Number(other)) => Some(i64::from(day).cmp(other)),
        _ => None,
    }
}

/// SQL's LIKE with `%` for any run of letters.
fn like(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('%');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}
