//! Dates and times: reading text, writing text, and rounding to what a type can hold.

use chrono::{DateTime, Datelike, Duration, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use super::{SqlType, Value};

/// What a text held: a date, a time of day, an offset, each or not.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Parsed {
    pub(crate) date: Option<NaiveDate>,
    pub(crate) time: Option<NaiveTime>,
    pub(crate) offset: Option<FixedOffset>,
}

/// Reads `yyyy-mm-dd`, `yyyymmdd`, `hh:mm[:ss[.fffffff]]`, both joined by a space or `T`, and `Z` or `±hh:mm` after.
pub(crate) fn parse_date_time(text: &str) -> Option<Parsed> {
    let mut rest = text.trim();
    let mut out = Parsed::default();
    if rest.is_empty() {
        return Some(Parsed {
            date: NaiveDate::from_ymd_opt(1900, 1, 1),
            time: None,
            offset: None,
        });
    }
    if !rest.split(' ').next().is_some_and(|first| first.contains(':'))
        || rest.contains('-') && rest.contains('T')
    {
        let (date, tail) = split_date(rest)?;
        out.date = Some(date);
        rest = tail;
        if let Some(tail) = rest.strip_prefix(['T', ' ']) {
            rest = tail.trim_start();
        }
    }
    if rest.is_empty() {
        return Some(out);
    }
    if let Some(clock) = rest.strip_suffix('Z') {
        out.offset = FixedOffset::east_opt(0);
        rest = clock;
    } else if let Some(at) = rest.rfind(['+', '-']) {
        let (clock, zone) = rest.split_at(at);
        out.offset = Some(parse_offset(zone)?);
        rest = clock.trim_end();
    }
    out.time = Some(parse_clock(rest)?);
    Some(out)
}

fn split_date(text: &str) -> Option<(NaiveDate, &str)> {
    let number = |part: &str| -> Option<u32> {
        (!part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
            .then(|| part.parse().ok())
            .flatten()
    };
    let end = text.find(['T', ' ']).unwrap_or(text.len());
    let (date, rest) = text.split_at(end);
    let (y, m, d) = if date.contains(['-', '/', '.']) {
        let mut parts = date.split(['-', '/', '.']);
        let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        // Year first, or month first as the language us_english has it.
        if a.len() == 4 { (a, b, c) } else { (c, a, b) }
    } else if date.len() == 8 && date.is_ascii() {
        (date.get(0..4)?, date.get(4..6)?, date.get(6..8)?)
    } else {
        return None;
    };
    let year = i32::try_from(number(y)?).ok()?;
    if !(1..=9999).contains(&year) {
        return None;
    }
    Some((NaiveDate::from_ymd_opt(year, number(m)?, number(d)?)?, rest))
}

fn parse_offset(text: &str) -> Option<FixedOffset> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let (hours, minutes) = digits.split_once(':')?;
    let seconds = (hours.parse::<i32>().ok()? * 60 + minutes.parse::<i32>().ok()?) * 60;
    if seconds > 14 * 3600 {
        return None;
    }
    FixedOffset::east_opt(sign * seconds)
}

fn parse_clock(text: &str) -> Option<NaiveTime> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = clock.split(':');
    let hour = parts.next()?.parse().ok()?;
    let minute = parts.next()?.parse().ok()?;
    let second = parts.next().map_or(Some(0), |s| s.parse().ok())?;
    if parts.next().is_some() || fraction.len() > 7 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanos: u32 = if fraction.is_empty() {
        0
    } else {
        format!("{fraction:0<9}").parse().ok()?
    };
    NaiveTime::from_hms_nano_opt(hour, minute, second, nanos)
}

/// A date and time rounded to `scale` digits after the second; `None` when that leaves the year 9999.
pub(crate) fn round_fraction(value: NaiveDateTime, scale: u8) -> Option<NaiveDateTime> {
    let step = 10i64.pow(9 - u32::from(scale.min(7)));
    let nanos = i64::from(value.nanosecond());
    let rounded = (nanos + step / 2) / step * step;
    let out = value.checked_add_signed(Duration::nanoseconds(rounded - nanos))?;
    (out.year() <= 9999).then_some(out)
}

/// A `datetime`: ticks of 1/300 second, kept in memory as milliseconds (.000, .003, .007), from 1753 on.
fn round_datetime(value: NaiveDateTime) -> Option<NaiveDateTime> {
    let nanos = i64::from(value.nanosecond());
    let ticks = (nanos * 3 + 5_000_000) / 10_000_000;
    let millis = (ticks * 10 + 1) / 3;
    let out = value.checked_add_signed(Duration::nanoseconds(millis * 1_000_000 - nanos))?;
    (1753..=9999).contains(&out.year()).then_some(out)
}

fn round_smalldatetime(value: NaiveDateTime) -> Option<NaiveDateTime> {
    // 29.998 seconds and less go down, 29.999 and more go up.
    let millis = i64::from(value.second()) * 1000 + i64::from(value.nanosecond()) / 1_000_000;
    let whole = value.with_second(0)?.with_nanosecond(0)?;
    let out = if millis >= 29_999 {
        whole.checked_add_signed(Duration::minutes(1))?
    } else {
        whole
    };
    let first = NaiveDate::from_ymd_opt(1900, 1, 1)?;
    let last = NaiveDate::from_ymd_opt(2079, 6, 6)?;
    (first..=last).contains(&out.date()).then_some(out)
}

/// Any date or time as a date and time, with 1900-01-01 and midnight where one part is missing.
pub(crate) fn to_date_time(value: &Value) -> Option<NaiveDateTime> {
    match value {
        Value::Date(date) => Some(date.and_time(NaiveTime::MIN)),
        Value::Time(time) => Some(NaiveDate::from_ymd_opt(1900, 1, 1)?.and_time(*time)),
        Value::DateTime(at) => Some(*at),
        Value::Offset(at) => Some(at.naive_local()),
        _ => None,
    }
}

/// Converts one temporal value to another temporal type; `None` is an overflow.
pub(super) fn convert_temporal(value: &Value, ty: SqlType) -> Option<Value> {
    let at = to_date_time(value)?;
    Some(match ty {
        SqlType::Date => Value::Date(at.date()),
        SqlType::Time(scale) => Value::Time(round_fraction(at, scale)?.time()),
        SqlType::SmallDateTime => Value::DateTime(round_smalldatetime(at)?),
        SqlType::DateTime => Value::DateTime(round_datetime(at)?),
        SqlType::DateTime2(scale) => Value::DateTime(round_fraction(at, scale)?),
        SqlType::DateTimeOffset(scale) => {
            let offset = match value {
                Value::Offset(at) => *at.offset(),
                _ => FixedOffset::east_opt(0)?,
            };
            Value::Offset(round_fraction(at, scale)?.and_local_timezone(offset).single()?)
        }
        _ => return None,
    })
}

/// Converts a parsed text to a temporal type; `None` is a failed conversion.
pub(super) fn from_parsed(parsed: Parsed, ty: SqlType) -> Option<Value> {
    let date = parsed.date.or(NaiveDate::from_ymd_opt(1900, 1, 1))?;
    let at = date.and_time(parsed.time.unwrap_or(NaiveTime::MIN));
    match (ty, parsed.offset) {
        (SqlType::DateTimeOffset(_), Some(offset)) => {
            convert_temporal(&Value::Offset(at.and_local_timezone(offset).single()?), ty)
        }
        // The old types do not read an offset.
        (SqlType::DateTime | SqlType::SmallDateTime, Some(offset)) if offset.local_minus_utc() != 0 => None,
        _ => convert_temporal(&Value::DateTime(at), ty),
    }
}

fn fraction(nanos: u32, scale: u8) -> String {
    if scale == 0 {
        return String::new();
    }
    let digits = format!("{nanos:09}");
    format!(".{}", digits.get(..usize::from(scale.min(9))).unwrap_or_default())
}

/// The text of a temporal value of type `ty`, as CONVERT writes it in a style; `None` for an unknown style.
pub(super) fn format_style(value: &Value, ty: SqlType, style: i64) -> Option<String> {
    let at = to_date_time(value)?;
    let scale = match ty {
        SqlType::Time(s) | SqlType::DateTime2(s) | SqlType::DateTimeOffset(s) => s,
        SqlType::DateTime => 3,
        _ => 0,
    };
    let nanos = at.nanosecond();
    let clock = |sep: &str| format!("{}{sep}{}", at.format("%H:%M:%S"), fraction(nanos, scale));
    let offset = match value {
        Value::Offset(at) => format!(" {}", at.format("%:z")),
        _ => String::new(),
    };
    Some(match (style, ty) {
        (0 | 100, SqlType::Date) | (23, _) => at.format("%Y-%m-%d").to_string(),
        (0 | 100, SqlType::Time(_)) => clock(""),
        (0 | 100, SqlType::DateTime | SqlType::SmallDateTime) => {
            format!("{} {}", at.format("%b %e %Y"), at.format("%l:%M%p"))
        }
        (0 | 100 | 121 | 21 | 25, SqlType::DateTime2(_) | SqlType::DateTimeOffset(_))
        | (121 | 21 | 25, SqlType::DateTime | SqlType::SmallDateTime) => {
            format!("{} {}{offset}", at.format("%Y-%m-%d"), clock(""))
        }
        (121 | 21 | 25 | 120 | 20, SqlType::Date) => at.format("%Y-%m-%d").to_string(),
        (121 | 21 | 25, SqlType::Time(_)) => clock(""),
        (120 | 20, SqlType::Time(_)) => at.format("%H:%M:%S").to_string(),
        (120 | 20, _) => at.format("%Y-%m-%d %H:%M:%S").to_string(),
        (126 | 127, SqlType::Date) => at.format("%Y-%m-%d").to_string(),
        (126 | 127, SqlType::Time(_)) => clock(""),
        (126 | 127, _) => {
            // Milliseconds of zero are left out in this style.
            let part = if nanos == 0 {
                String::new()
            } else {
                fraction(nanos, scale)
            };
            let zone = match value {
                Value::Offset(at) => at.format("%:z").to_string(),
                _ => String::new(),
            };
            format!("{}{part}{zone}", at.format("%Y-%m-%dT%H:%M:%S"))
        }
        (112, _) => at.format("%Y%m%d").to_string(),
        (108, _) => at.format("%H:%M:%S").to_string(),
        (101, _) => at.format("%m/%d/%Y").to_string(),
        (103, _) => at.format("%d/%m/%Y").to_string(),
        (104, _) => at.format("%d.%m.%Y").to_string(),
        _ => return None,
    })
}

/// A point in time for an offset value, for comparing.
pub(super) fn instant(value: &Value) -> Option<NaiveDateTime> {
    match value {
        Value::Offset(at) => Some(DateTime::naive_utc(at)),
        other => to_date_time(other),
    }
}
