//! Values as T-SQL literals.

use std::fmt;

use sea_query::value::prelude::chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone};
use sea_query::{OptionEnum, Value};

use crate::error::{Error, Written};

/// Writes a value as a literal of its own type.
///
/// Dates and times are cast to the type that holds them exactly: a bare string of seven decimals would fail where the
/// other side is an old `datetime`.
pub(crate) fn write_literal(out: &mut impl fmt::Write, value: &Value) -> Written {
    if *value == value.as_null() {
        out.write_str("NULL")?;
        return Ok(());
    }
    match value {
        Value::Bool(Some(v)) => out.write_char(if *v { '1' } else { '0' })?,
        Value::TinyInt(Some(v)) => write!(out, "{v}")?,
        Value::SmallInt(Some(v)) => write!(out, "{v}")?,
        Value::Int(Some(v)) => write!(out, "{v}")?,
        Value::BigInt(Some(v)) => write!(out, "{v}")?,
        Value::TinyUnsigned(Some(v)) => write!(out, "{v}")?,
        Value::SmallUnsigned(Some(v)) => write!(out, "{v}")?,
        Value::Unsigned(Some(v)) => write!(out, "{v}")?,
        Value::BigUnsigned(Some(v)) => write!(out, "{v}")?,
        Value::Float(Some(v)) => write_float(out, f64::from(*v), format_args!("{v:e}"))?,
        Value::Double(Some(v)) => write_float(out, *v, format_args!("{v:e}"))?,
        Value::String(Some(v)) => write_text(out, v)?,
        Value::Enum(OptionEnum::Some(v)) => write_text(out, &v.value)?,
        Value::Char(Some(v)) => write_text(out, v.encode_utf8(&mut [0; 4]))?,
        Value::Bytes(Some(v)) => write_bytes(out, v)?,
        Value::ChronoDate(Some(v)) => write!(out, "CAST('{}' AS date)", date(v)?)?,
        Value::ChronoTime(Some(v)) => write!(out, "CAST('{}' AS time(7))", time(v)?)?,
        Value::ChronoDateTime(Some(v)) => write!(out, "CAST('{}' AS datetime2(7))", date_time(v)?)?,
        Value::ChronoDateTimeUtc(Some(v)) => write_date_time_offset(out, v)?,
        Value::ChronoDateTimeLocal(Some(v)) => write_date_time_offset(out, v)?,
        Value::ChronoDateTimeWithTimeZone(Some(v)) => write_date_time_offset(out, v)?,
        // Types that other features of sea-query add.
        _ => {
            return Err(Error::unsupported(
                "a value of this type as a literal",
                "bind it as a parameter",
            ));
        }
    }
    Ok(())
}

/// A float literal has an exponent: `1.5` alone would be a `decimal`.
fn write_float(out: &mut impl fmt::Write, value: f64, text: fmt::Arguments<'_>) -> Written {
    if !value.is_finite() {
        return Err(Error::invalid(
            "a float that is infinite or not a number",
            "SQL Server's float has no such values",
        ));
    }
    out.write_fmt(text)?;
    Ok(())
}

/// Writes text as `N'…'`, which keeps every character (`'…'` would go through the database's code page).
///
/// Only `'` is doubled. One trap is left: a backslash at the end of a line makes SQL Server join the next line to it,
/// inside a literal too, so the literal is cut there and put together by `+`.
pub(crate) fn write_text(out: &mut impl fmt::Write, text: &str) -> Written {
    let joins_lines = text.contains("\\\n") || text.contains("\\\r");
    out.write_str(if joins_lines { "(CAST(N'" } else { "N'" })?;
    let mut cut = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\'' {
            out.write_char('\'')?;
        }
        out.write_char(character)?;
        if character == '\\' && matches!(characters.peek(), Some('\n' | '\r')) {
            // Without the cast `+` would end at 4,000 characters.
            out.write_str(if cut { "' + N'" } else { "' AS nvarchar(max)) + N'" })?;
            cut = true;
        }
    }
    out.write_str(if joins_lines { "')" } else { "'" })?;
    Ok(())
}

/// Writes bytes as `0x…`.
pub(crate) fn write_bytes(out: &mut impl fmt::Write, bytes: &[u8]) -> Written {
    out.write_str("0x")?;
    for byte in bytes {
        write!(out, "{byte:02X}")?;
    }
    Ok(())
}

fn write_date_time_offset<Z: TimeZone>(out: &mut impl fmt::Write, value: &DateTime<Z>) -> Written {
    let offset = value.offset().fix().local_minus_utc();
    if offset % 60 != 0 || offset.abs() > 14 * 3600 {
        return Err(Error::invalid(
            "a time offset",
            "datetimeoffset takes whole minutes of at most 14 hours",
        ));
    }
    date(&value.naive_utc().date())?;
    let local = date_time(&value.naive_local())?;
    let sign = if offset < 0 { '-' } else { '+' };
    let minutes = offset.abs() / 60;
    write!(
        out,
        "CAST('{local}{sign}{:02}:{:02}' AS datetimeoffset(7))",
        minutes / 60,
        minutes % 60
    )?;
    Ok(())
}

fn date_time(value: &NaiveDateTime) -> Result<String, Error> {
    Ok(format!("{}T{}", date(&value.date())?, time(&value.time())?))
}

fn date(value: &NaiveDate) -> Result<String, Error> {
    let text = value.format("%Y-%m-%d").to_string();
    // Years of more than four digits or below zero are written with a sign.
    let in_range = text.starts_with(|first: char| first.is_ascii_digit()) && !text.starts_with("0000");
    if in_range {
        Ok(text)
    } else {
        Err(Error::invalid("a date", "SQL Server's years go from 1 to 9999"))
    }
}

/// Hours to 100 nanoseconds, SQL Server's finest step; what is finer is cut off, never rounded into the next second.
fn time(value: &NaiveTime) -> Result<String, Error> {
    let text = value.format("%H:%M:%S%.9f").to_string();
    if value.format("%S").to_string() == "60" {
        return Err(Error::invalid(
            "a leap second",
            "SQL Server's seconds go from 0 to 59",
        ));
    }
    Ok(text.chars().take("hh:mm:ss.fffffff".len()).collect())
}
