//! Functions on dates and times.

use chrono::{DateTime, Datelike, Duration, FixedOffset, Months, NaiveDate, NaiveDateTime, Timelike};

use super::super::binder::Typed;
use super::{Builtin, Call, bigint, builtin, int};
use crate::errors::{self, SqlError, SqlResult};
use crate::value::{Conversion, SqlType, Value, convert, parse_date_time, round_fraction, to_date_time};

pub(super) const BUILTINS: &[Builtin] = &[
    builtin("GETDATE", 0, 0, datetime, |c| now(c, SqlType::DateTime)),
    builtin("GETUTCDATE", 0, 0, datetime, |c| now(c, SqlType::DateTime)),
    builtin("CURRENT_TIMESTAMP", 0, 0, datetime, |c| now(c, SqlType::DateTime)),
    builtin("SYSDATETIME", 0, 0, datetime2, |c| now(c, SqlType::DateTime2(7))),
    builtin("SYSUTCDATETIME", 0, 0, datetime2, |c| {
        now(c, SqlType::DateTime2(7))
    }),
    builtin(
        "SYSDATETIMEOFFSET",
        0,
        0,
        |_| Ok(SqlType::DateTimeOffset(7)),
        |c| now(c, SqlType::DateTimeOffset(7)),
    ),
    builtin("DATEADD", 3, 3, date_add_type, date_add),
    builtin("DATEDIFF", 3, 3, int, date_diff),
    builtin("DATEDIFF_BIG", 3, 3, bigint, date_diff),
    builtin("DATEPART", 2, 2, int, |c| {
        date_part(c, c.text(0)?.as_deref().unwrap_or_default(), 1)
    }),
    builtin("YEAR", 1, 1, int, |c| date_part(c, "year", 0)),
    builtin("MONTH", 1, 1, int, |c| date_part(c, "month", 0)),
    builtin("DAY", 1, 1, int, |c| date_part(c, "day", 0)),
    builtin("EOMONTH", 1, 1, |_| Ok(SqlType::Date), end_of_month),
    builtin("DATEFROMPARTS", 3, 3, |_| Ok(SqlType::Date), date_from_parts),
    builtin("ISDATE", 1, 1, int, is_date),
    builtin(
        "SWITCHOFFSET",
        2,
        2,
        |_| Ok(SqlType::DateTimeOffset(7)),
        switch_offset,
    ),
    builtin(
        "TODATETIMEOFFSET",
        2,
        2,
        |_| Ok(SqlType::DateTimeOffset(7)),
        to_offset,
    ),
];

fn datetime(_: &[Typed]) -> SqlResult<SqlType> {
    Ok(SqlType::DateTime)
}

fn datetime2(_: &[Typed]) -> SqlResult<SqlType> {
    Ok(SqlType::DateTime2(7))
}

/// The server runs in UTC.
fn now(call: &Call<'_>, ty: SqlType) -> SqlResult<Value> {
    let at = Value::Offset(call.env.now.fixed_offset());
    convert(&at, SqlType::DateTimeOffset(7), ty, Conversion::Implicit)
}

fn date_add_type(arguments: &[Typed]) -> SqlResult<SqlType> {
    Ok(match arguments.get(2).map(|a| a.ty) {
        Some(ty) if ty.is_temporal() => ty,
        _ => SqlType::DateTime,
    })
}

/// The argument as a date and time; texts are read as datetime2.
fn moment(call: &Call<'_>, at: usize) -> SqlResult<Option<Value>> {
    let Some(ty) = call.types.get(at) else {
        return Ok(None);
    };
    let value = match call.value(at) {
        Value::Null => return Ok(None),
        value if ty.is_temporal() => value.clone(),
        value if ty.is_text() => convert(value, *ty, SqlType::DateTime2(7), Conversion::Implicit)?,
        value => convert(value, *ty, SqlType::DateTime, Conversion::Implicit)?,
    };
    Ok(Some(value))
}

fn unknown_part(part: &str, function: &str) -> SqlError {
    SqlError::new(155, format!("'{part}' is not a recognized {function} option.")).with_class(15)
}

/// One name for every spelling of a part.
fn part_name(part: &str) -> Option<&'static str> {
    Some(match part {
        "year" | "yy" | "yyyy" => "year",
        "quarter" | "qq" | "q" => "quarter",
        "month" | "mm" | "m" => "month",
        "dayofyear" | "dy" | "y" => "dayofyear",
        "day" | "dd" | "d" => "day",
        "week" | "wk" | "ww" => "week",
        "weekday" | "dw" => "weekday",
        "hour" | "hh" => "hour",
        "minute" | "mi" | "n" => "minute",
        "second" | "ss" | "s" => "second",
        "millisecond" | "ms" => "millisecond",
        "microsecond" | "mcs" => "microsecond",
        "nanosecond" | "ns" => "nanosecond",
        "tzoffset" | "tz" => "tzoffset",
        _ => return None,
    })
}

fn date_add(call: &Call<'_>) -> SqlResult<Value> {
    let (Some(part), Some(count), Some(value)) = (call.text(0)?, call.int(1)?, moment(call, 2)?) else {
        return Ok(Value::Null);
    };
    let Some(at) = to_date_time(&value) else {
        return Ok(Value::Null);
    };
    let months = |n: i64| -> Option<NaiveDateTime> {
        let size = Months::new(u32::try_from(n.unsigned_abs()).ok()?);
        if n < 0 {
            at.checked_sub_months(size)
        } else {
            at.checked_add_months(size)
        }
    };
    let shift = |d: Option<Duration>| d.and_then(|d| at.checked_add_signed(d));
    let out = match part_name(&part).ok_or_else(|| unknown_part(&part, "dateadd"))? {
        "year" => count.checked_mul(12).and_then(months),
        "quarter" => count.checked_mul(3).and_then(months),
        "month" => months(count),
        "day" | "dayofyear" | "weekday" => shift(Duration::try_days(count)),
        "week" => shift(Duration::try_weeks(count)),
        "hour" => shift(Duration::try_hours(count)),
        "minute" => shift(Duration::try_minutes(count)),
        "second" => shift(Duration::try_seconds(count)),
        "millisecond" => shift(Duration::try_milliseconds(count)),
        "microsecond" => shift(Some(Duration::microseconds(count))),
        "nanosecond" => shift(Some(Duration::nanoseconds(count))),
        _ => return Err(unknown_part(&part, "dateadd")),
    };
    let in_range = out.filter(|at| (1..=9999).contains(&at.year()));
    let out = in_range
        .ok_or_else(|| SqlError::new(517, "Adding a value to a 'datetime' column caused an overflow."))?;
    let shifted = match value {
        Value::Offset(old) => out
            .and_local_timezone(*old.offset())
            .single()
            .map_or(Value::Null, Value::Offset),
        _ => Value::DateTime(out),
    };
    let from = if matches!(shifted, Value::Offset(_)) {
        SqlType::DateTimeOffset(7)
    } else {
        SqlType::DateTime2(7)
    };
    convert(&shifted, from, call.ty, Conversion::Explicit(0))
}

/// The number of boundaries between two moments.
fn date_diff(call: &Call<'_>) -> SqlResult<Value> {
    let (Some(part), Some(a), Some(b)) = (call.text(0)?, moment(call, 1)?, moment(call, 2)?) else {
        return Ok(Value::Null);
    };
    let utc = |v: &Value| match v {
        Value::Offset(at) => Some(at.naive_utc()),
        other => to_date_time(other),
    };
    let (Some(a), Some(b)) = (utc(&a), utc(&b)) else {
        return Ok(Value::Null);
    };
    let days = b.date().signed_duration_since(a.date()).num_days();
    let seconds = |at: NaiveDateTime| i64::from(at.num_seconds_from_midnight());
    let nanos = |at: NaiveDateTime| seconds(at) * 1_000_000_000 + i64::from(at.nanosecond());
    let scaled = |per_day: i64, a: i64, b: i64| days.checked_mul(per_day).and_then(|d| d.checked_add(b - a));
    let months = i64::from(b.year() - a.year()) * 12 + i64::from(b.month()) - i64::from(a.month());
    let quarter = |at: NaiveDateTime| i64::from(at.year()) * 4 + i64::from((at.month() - 1) / 3);
    let sunday = |at: NaiveDateTime| i64::from(at.num_days_from_ce()).div_euclid(7);
    let out = match part_name(&part).ok_or_else(|| unknown_part(&part, "datediff"))? {
        "year" => Some(i64::from(b.year() - a.year())),
        "quarter" => Some(quarter(b) - quarter(a)),
        "month" => Some(months),
        "day" | "dayofyear" | "weekday" => Some(days),
        "week" => Some(sunday(b) - sunday(a)),
        "hour" => scaled(24, i64::from(a.hour()), i64::from(b.hour())),
        "minute" => scaled(1440, seconds(a) / 60, seconds(b) / 60),
        "second" => scaled(86_400, seconds(a), seconds(b)),
        "millisecond" => scaled(86_400_000, nanos(a) / 1_000_000, nanos(b) / 1_000_000),
        "microsecond" => scaled(86_400_000_000, nanos(a) / 1000, nanos(b) / 1000),
        "nanosecond" => scaled(86_400_000_000_000, nanos(a), nanos(b)),
        _ => return Err(unknown_part(&part, "datediff")),
    };
    let overflow = || {
        SqlError::new(
            535,
            "The datediff function resulted in an overflow. The number of dateparts separating two date/time \
             instances is too large. Try to use datediff with a less precise datepart.",
        )
    };
    let n = out.ok_or_else(overflow)?;
    if call.ty == SqlType::Int && i32::try_from(n).is_err() {
        return Err(overflow());
    }
    Ok(Value::Int(n))
}

fn date_part(call: &Call<'_>, part: &str, argument: usize) -> SqlResult<Value> {
    let Some(value) = moment(call, argument)? else {
        return Ok(Value::Null);
    };
    let Some(at) = to_date_time(&value) else {
        return Ok(Value::Null);
    };
    let n = match part_name(part).ok_or_else(|| unknown_part(part, "datepart"))? {
        "year" => i64::from(at.year()),
        "quarter" => i64::from((at.month() - 1) / 3 + 1),
        "month" => i64::from(at.month()),
        "dayofyear" => i64::from(at.ordinal()),
        "day" => i64::from(at.day()),
        // The week starts on Sunday, as DATEFIRST 7 has it.
        "weekday" => i64::from(at.weekday().num_days_from_sunday() + 1),
        "hour" => i64::from(at.hour()),
        "minute" => i64::from(at.minute()),
        "second" => i64::from(at.second()),
        "millisecond" => i64::from(at.nanosecond() / 1_000_000),
        "microsecond" => i64::from(at.nanosecond() / 1000),
        "nanosecond" => i64::from(at.nanosecond()),
        "tzoffset" => match value {
            Value::Offset(at) => i64::from(at.offset().local_minus_utc() / 60),
            _ => 0,
        },
        _ => return Err(errors::unsupported(format_args!("DATEPART({part})"))),
    };
    Ok(Value::Int(n))
}

fn end_of_month(call: &Call<'_>) -> SqlResult<Value> {
    let at = moment(call, 0)?.as_ref().and_then(to_date_time);
    let first = at.and_then(|at| at.date().with_day(1));
    let last = first
        .and_then(|d| d.checked_add_months(Months::new(1)))
        .and_then(|d| d.pred_opt());
    Ok(last.map_or(Value::Null, Value::Date))
}

fn date_from_parts(call: &Call<'_>) -> SqlResult<Value> {
    let (Some(y), Some(m), Some(d)) = (call.int(0)?, call.int(1)?, call.int(2)?) else {
        return Ok(Value::Null);
    };
    let part = |n: i64| u32::try_from(n).ok();
    i32::try_from(y)
        .ok()
        .filter(|y| (1..=9999).contains(y))
        .and_then(|y| NaiveDate::from_ymd_opt(y, part(m)?, part(d)?))
        .map(Value::Date)
        .ok_or_else(|| {
            SqlError::new(
                289,
                "Cannot construct data type date, some of the arguments have values which are not valid.",
            )
        })
}

fn is_date(call: &Call<'_>) -> SqlResult<Value> {
    let yes = call
        .text(0)?
        .and_then(|t| parse_date_time(&t))
        .and_then(|p| p.date)
        .is_some_and(|d| d.year() >= 1753);
    Ok(Value::Int(i64::from(yes)))
}

/// An offset given as `±hh:mm` or in minutes.
fn offset(call: &Call<'_>, at: usize) -> SqlResult<Option<FixedOffset>> {
    let minutes = match call.value(at) {
        Value::Null => return Ok(None),
        Value::Int(n) => Some(*n),
        _ => {
            let text = call.text(at)?.unwrap_or_default();
            let sign = if text.starts_with('-') { -1 } else { 1 };
            text.trim_start_matches(['+', '-'])
                .split_once(':')
                .and_then(|(h, m)| Some(sign * (h.parse::<i64>().ok()? * 60 + m.parse::<i64>().ok()?)))
        }
    };
    minutes
        .filter(|m| m.abs() <= 14 * 60)
        .and_then(|m| FixedOffset::east_opt(i32::try_from(m * 60).ok()?))
        .map(Some)
        .ok_or_else(|| SqlError::new(9812, "The timezone provided to builtin function is invalid."))
}

fn switch_offset(call: &Call<'_>) -> SqlResult<Value> {
    let (Some(value), Some(offset)) = (moment(call, 0)?, offset(call, 1)?) else {
        return Ok(Value::Null);
    };
    Ok(match value {
        Value::Offset(at) => Value::Offset(at.with_timezone(&offset)),
        other => to_date_time(&other).map_or(Value::Null, |at| {
            Value::Offset(DateTime::from_naive_utc_and_offset(at, offset))
        }),
    })
}

fn to_offset(call: &Call<'_>) -> SqlResult<Value> {
    let (Some(value), Some(offset)) = (moment(call, 0)?, offset(call, 1)?) else {
        return Ok(Value::Null);
    };
    let local = to_date_time(&value).and_then(|at| round_fraction(at, 7));
    Ok(local
        .and_then(|at| at.and_local_timezone(offset).single())
        .map_or(Value::Null, Value::Offset))
}
