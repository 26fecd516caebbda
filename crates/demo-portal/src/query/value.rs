//! Values of fields: comparing them as the portal's database does, writing them as its methods do.

use std::cmp::Ordering;

use crate::clock::Zone;
use crate::json::Json;
use crate::options::NumberStyle;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer,
    Text,
    Moment,
    Day,
}

/// A value as it lies in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// `null`.
    Null,
    /// `""` where another value could stand.
    Empty,
    Integer(i64),
    /// Whole units of money, written with two decimals by the older methods.
    Money(i64),
    Text(&'a str),
    /// Unix time in seconds.
    Moment(i64),
    /// Days since 1970-01-01.
    Day(i32),
    /// A value the same for all rows, as JSON.
    Json(&'static str),
}

impl Value<'_> {
    /// The order of a sorted list: missing values first, texts without regard to case.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(left), Self::Text(right)) => folded(left).cmp(folded(right)),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(&self) -> i64 {
        match self {
            Self::Null | Self::Empty | Self::Text(_) | Self::Json(_) => i64::MIN,
            Self::Integer(value) | Self::Money(value) | Self::Moment(value) => *value,
            Self::Day(day) => i64::from(*day),
        }
    }
}

/// The letters of a text without regard to case, as MySQL's usual collation compares them.
pub(super) fn folded(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().flat_map(char::to_lowercase)
}

/// How a method writes a date without a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Midnight {
    /// Midnight of the portal's zone.
    Local,
    /// Midnight of UTC shown in the portal's zone (`2024-08-30T02:00:00+02:00`), as the older methods do.
    Utc,
}

/// How a method writes its values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    pub(crate) numbers: NumberStyle,
    pub(crate) midnight: Midnight,
    pub(crate) zone: Zone,
}

const DAY: i64 = 86_400;

/// Writes a value as JSON.
pub(crate) fn write_value(json: &mut Json, value: Value<'_>, format: Format) {
    match value {
        Value::Null => json.raw("null"),
        Value::Empty => json.raw("\"\""),
        Value::Integer(number) | Value::Money(number) if format.numbers == NumberStyle::Numbers => {
            json.integer(number);
        }
        Value::Integer(number) => {
            json.raw("\"");
            json.integer(number);
            json.raw("\"");
        }
        Value::Money(number) => {
            json.raw("\"");
            json.integer(number);
            json.raw(".00\"");
        }
        Value::Text(text) => json.string(text),
        Value::Moment(moment) => json.date_time(moment, format.zone.offset_at(moment)),
        Value::Day(day) => {
            let utc = i64::from(day) * DAY;
            let offset = format.zone.offset_at(utc);
            // West of Greenwich the midnight of UTC lies in the day before.
            let moment = if format.midnight == Midnight::Utc && offset >= 0 {
                utc
            } else {
                format.zone.to_moment(utc)
            };
            json.date_time(moment, format.zone.offset_at(moment));
        }
        Value::Json(text) => json.raw(text),
    }
}
