//! Values on the wire, in rows, parameters and bulk loads (MS-TDS 2.2.5.5).

use bytes::{BufMut, BytesMut};
use chrono::{DateTime, Datelike, Duration, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use super::reader::{Decoded, Reader, malformed, narrow, utf16};
use super::types::{Framing, WireType, decimal_width, framing};
use crate::value::{Collation, Decimal, SqlType, Value, encode_cp1252, utf16_len};

/// Writes a value of a column whose type [`super::types::encode`] wrote.
pub(crate) fn encode(out: &mut BytesMut, value: &Value, ty: SqlType, nullable: bool) {
    let framing = framing(ty, nullable);
    match (framing, value) {
        (Framing::Byte, Value::Null) => out.put_u8(0),
        (Framing::Short, Value::Null) => out.put_u16_le(u16::MAX),
        (Framing::Chunks, Value::Null) => out.put_u64_le(u64::MAX),
        (Framing::Variant, Value::Null) => out.put_u32_le(0),
        (Framing::Variant, _) => encode_variant(out, value),
        (Framing::Byte, _) => {
            let mut body = BytesMut::new();
            encode_body(&mut body, value, ty);
            out.put_u8(u8::try_from(body.len()).unwrap_or(u8::MAX));
            out.put_slice(&body);
        }
        (Framing::Short, _) => {
            let mut body = BytesMut::new();
            encode_body(&mut body, value, ty);
            out.put_u16_le(u16::try_from(body.len()).unwrap_or(u16::MAX - 1));
            out.put_slice(&body);
        }
        (Framing::Chunks, _) => {
            let mut body = BytesMut::new();
            encode_body(&mut body, value, ty);
            out.put_u64_le(body.len() as u64);
            if !body.is_empty() {
                out.put_u32_le(u32::try_from(body.len()).unwrap_or(u32::MAX));
                out.put_slice(&body);
            }
            out.put_u32_le(0);
        }
        (Framing::Fixed | Framing::Long, _) => encode_body(out, value, ty),
    }
}

/// A sql_variant: length of everything after it, type, number of properties, properties, value.
fn encode_variant(out: &mut BytesMut, value: &Value) {
    let mut body = BytesMut::new();
    match value {
        Value::Int(n) => match i32::try_from(*n) {
            Ok(n) => {
                body.put_slice(&[0x38, 0]);
                body.put_i32_le(n);
            }
            Err(_) => {
                body.put_slice(&[0x7f, 0]);
                body.put_i64_le(*n);
            }
        },
        Value::Bit(b) => body.put_slice(&[0x32, 0, u8::from(*b)]),
        other => {
            let text = if let Value::Text(t) = other {
                t.to_string()
            } else {
                format!("{other:?}")
            };
            body.put_slice(&[0xe7, 7]);
            body.put_slice(&Collation::CaseInsensitive.wire());
            body.put_u16_le(u16::try_from(utf16_len(&text).max(1) * 2).unwrap_or(8000));
            put_utf16(&mut body, &text);
        }
    }
    out.put_u32_le(u32::try_from(body.len()).unwrap_or(u32::MAX));
    out.put_slice(&body);
}

pub(super) fn put_utf16(out: &mut BytesMut, text: &str) {
    for unit in text.encode_utf16() {
        out.put_u16_le(unit);
    }
}

/// The bytes of the value alone. A value that does not belong to its type cannot come from the engine; it is
/// written as zeros, so that the stream stays in step.
fn encode_body(out: &mut BytesMut, value: &Value, ty: SqlType) {
    match (ty, value) {
        (SqlType::NVarChar(_) | SqlType::NChar(_), Value::Text(t)) => put_utf16(out, t),
        (SqlType::VarChar(_) | SqlType::Char(_), Value::Text(t)) => out.put_slice(&encode_cp1252(t)),
        (_, Value::Bytes(b)) => out.put_slice(b),
        (_, Value::Guid(g)) => out.put_slice(g),
        (SqlType::Bit, Value::Bit(b)) => out.put_u8(u8::from(*b)),
        (SqlType::Real, Value::Float(f)) => {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a real is single precision; the engine rounded it"
            )]
            out.put_f32_le(*f as f32);
        }
        (_, Value::Float(f)) => out.put_f64_le(*f),
        (_, Value::Int(n)) => {
            let width = usize::try_from(ty.dimensions().0).unwrap_or(8).min(8);
            out.put_slice(&n.to_le_bytes()[..width]);
        }
        (SqlType::Decimal { precision, scale }, Value::Decimal(d)) => {
            let exact = d.rescale(scale).unwrap_or(*d);
            out.put_u8(u8::from(exact.mantissa >= 0));
            let width = usize::from(decimal_width(precision)) - 1;
            out.put_slice(&exact.mantissa.unsigned_abs().to_le_bytes()[..width]);
        }
        (SqlType::SmallMoney, Value::Decimal(d)) => {
            out.put_i32_le(
                d.rescale(4)
                    .and_then(|d| i32::try_from(d.mantissa).ok())
                    .unwrap_or(0),
            );
        }
        (SqlType::Money, Value::Decimal(d)) => {
            let units = d
                .rescale(4)
                .and_then(|d| i64::try_from(d.mantissa).ok())
                .unwrap_or(0);
            // The high half goes first.
            let [a, b, c, d, e, f, g, h] = units.to_le_bytes();
            out.put_slice(&[e, f, g, h, a, b, c, d]);
        }
        (_, Value::Date(date)) => put_date(out, *date),
        (SqlType::Time(scale), Value::Time(time)) => put_time(out, *time, scale),
        (SqlType::DateTime2(scale), Value::DateTime(at)) => {
            put_time(out, at.time(), scale);
            put_date(out, at.date());
        }
        (SqlType::DateTimeOffset(scale), Value::Offset(at)) => {
            put_time(out, at.naive_utc().time(), scale);
            put_date(out, at.naive_utc().date());
            out.put_i16_le(i16::try_from(at.offset().local_minus_utc() / 60).unwrap_or(0));
        }
        (SqlType::DateTime, Value::DateTime(at)) => {
            let days = at.date().signed_duration_since(day_zero_1900()).num_days();
            out.put_i32_le(i32::try_from(days).unwrap_or(0));
            let nanos =
                i64::from(at.time().num_seconds_from_midnight()) * 1_000_000_000 + i64::from(at.nanosecond());
            out.put_u32_le(u32::try_from((nanos * 3 + 5_000_000) / 10_000_000).unwrap_or(0));
        }
        (SqlType::SmallDateTime, Value::DateTime(at)) => {
            let days = at.date().signed_duration_since(day_zero_1900()).num_days();
            out.put_u16_le(u16::try_from(days).unwrap_or(0));
            out.put_u16_le(u16::try_from(at.time().num_seconds_from_midnight() / 60).unwrap_or(0));
        }
        _ => out.put_bytes(0, usize::try_from(ty.dimensions().0).unwrap_or(0)),
    }
}

fn day_zero_1900() -> NaiveDate {
    NaiveDate::from_ymd_opt(1900, 1, 1).unwrap_or_default()
}

fn put_date(out: &mut BytesMut, date: NaiveDate) {
    let days = u32::try_from(date.num_days_from_ce() - 1).unwrap_or(0);
    out.put_slice(&days.to_le_bytes()[..3]);
}

fn time_width(scale: u8) -> usize {
    match scale {
        0..=2 => 3,
        3..=4 => 4,
        _ => 5,
    }
}

fn put_time(out: &mut BytesMut, time: NaiveTime, scale: u8) {
    let nanos = u64::from(time.num_seconds_from_midnight()) * 1_000_000_000 + u64::from(time.nanosecond());
    let units = nanos / 10u64.pow(9 - u32::from(scale));
    out.put_slice(&units.to_le_bytes()[..time_width(scale)]);
}

/// Reads a value of a type a client wrote.
pub(crate) fn decode(from: &mut Reader<'_>, wire: WireType) -> Decoded<Value> {
    match wire.framing {
        Framing::Fixed => {
            if wire.ty.is_text() {
                return Ok(Value::Null);
            }
            let width = usize::try_from(wire.ty.dimensions().0).unwrap_or(0);
            decode_body(from.bytes(width)?, wire)
        }
        Framing::Byte => match from.u8()? {
            0 => Ok(Value::Null),
            n => decode_body(from.bytes(usize::from(n))?, wire),
        },
        Framing::Short => match from.u16()? {
            u16::MAX => Ok(Value::Null),
            n => decode_body(from.bytes(usize::from(n))?, wire),
        },
        Framing::Long => match from.u32()? {
            u32::MAX => Ok(Value::Null),
            n => decode_body(from.bytes(usize::try_from(n).unwrap_or(usize::MAX))?, wire),
        },
        Framing::Chunks => {
            if from.u64()? == u64::MAX {
                return Ok(Value::Null);
            }
            let mut whole = Vec::new();
            loop {
                match from.u32()? {
                    0 => return decode_body(&whole, wire),
                    n => whole.extend_from_slice(from.bytes(usize::try_from(n).unwrap_or(usize::MAX))?),
                }
            }
        }
        Framing::Variant => malformed("a client sent a sql_variant, which this server does not read"),
    }
}

fn integer(bytes: &[u8]) -> Decoded<i64> {
    Ok(match *bytes {
        // A tinyint has no sign.
        [a] => i64::from(a),
        [a, b] => i64::from(i16::from_le_bytes([a, b])),
        [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
        [a, b, c, d, e, f, g, h] => i64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => return malformed(format!("an integer has {} bytes", bytes.len())),
    })
}

fn decode_body(bytes: &[u8], wire: WireType) -> Decoded<Value> {
    let mut body = Reader::new(bytes);
    Ok(match wire.ty {
        SqlType::Bit => Value::Bit(body.u8()? != 0),
        SqlType::TinyInt | SqlType::SmallInt | SqlType::Int | SqlType::BigInt => Value::Int(integer(bytes)?),
        SqlType::Real => Value::Float(f64::from(f32::from_le_bytes(body.array()?))),
        SqlType::Float => Value::Float(f64::from_le_bytes(body.array()?)),
        SqlType::SmallMoney => Value::Decimal(exact(i128::from(body.i32()?), 4)?),
        SqlType::Money => {
            let [e, f, g, h, a, b, c, d] = body.array()?;
            Value::Decimal(exact(
                i128::from(i64::from_le_bytes([a, b, c, d, e, f, g, h])),
                4,
            )?)
        }
        SqlType::Decimal { scale, .. } => {
            let positive = body.u8()? != 0;
            let digits = body.remaining();
            let mut wide = [0u8; 16];
            if digits.len() > wide.len() {
                return malformed("a decimal has more than 16 bytes");
            }
            wide[..digits.len()].copy_from_slice(digits);
            let Ok(magnitude) = i128::try_from(u128::from_le_bytes(wide)) else {
                return malformed("a decimal has more than 38 digits");
            };
            Value::Decimal(exact(if positive { magnitude } else { -magnitude }, scale)?)
        }
        SqlType::NVarChar(_) | SqlType::NChar(_) => Value::text(utf16(bytes)),
        SqlType::VarChar(_) | SqlType::Char(_) => Value::text(narrow(bytes, wire.utf8)),
        SqlType::Binary(_) | SqlType::VarBinary(_) => Value::Bytes(bytes.into()),
        SqlType::UniqueIdentifier => Value::Guid(body.array()?),
        SqlType::Date => Value::Date(date(&mut body)?),
        SqlType::Time(scale) => Value::Time(time(&mut body, scale)?),
        SqlType::DateTime2(scale) => {
            let time = time(&mut body, scale)?;
            Value::DateTime(date(&mut body)?.and_time(time))
        }
        SqlType::DateTimeOffset(scale) => {
            let time = time(&mut body, scale)?;
            let utc = date(&mut body)?.and_time(time);
            let minutes = i16::from_le_bytes(body.array()?);
            match FixedOffset::east_opt(i32::from(minutes) * 60) {
                Some(offset) => Value::Offset(DateTime::from_naive_utc_and_offset(utc, offset)),
                None => return malformed(format!("an offset of {minutes} minutes does not exist")),
            }
        }
        SqlType::DateTime => {
            let days = i64::from(body.i32()?);
            let ticks = i64::from(body.u32()?);
            let millis = (ticks * 10 + 1) / 3;
            Value::DateTime(since_1900(days, Duration::milliseconds(millis))?)
        }
        SqlType::SmallDateTime => {
            let days = i64::from(body.u16()?);
            let minutes = i64::from(body.u16()?);
            Value::DateTime(since_1900(days, Duration::minutes(minutes))?)
        }
        SqlType::Variant => return malformed("a client sent a sql_variant, which this server does not read"),
    })
}

fn exact(mantissa: i128, scale: u8) -> Decoded<Decimal> {
    Decimal::new(mantissa, scale).map_or_else(|| malformed("a decimal has more than 38 digits"), Ok)
}

fn since_1900(days: i64, time: Duration) -> Decoded<NaiveDateTime> {
    Duration::try_days(days)
        .and_then(|days| day_zero_1900().and_time(NaiveTime::MIN).checked_add_signed(days))
        .and_then(|at| at.checked_add_signed(time))
        .map_or_else(|| malformed("a datetime lies outside the calendar"), Ok)
}

fn date(body: &mut Reader<'_>) -> Decoded<NaiveDate> {
    let [a, b, c] = body.array()?;
    let days = i32::from_le_bytes([a, b, c, 0]);
    match NaiveDate::from_num_days_from_ce_opt(days + 1) {
        Some(date) if date.year() <= 9999 => Ok(date),
        _ => malformed("a date lies after the year 9999"),
    }
}

fn time(body: &mut Reader<'_>, scale: u8) -> Decoded<NaiveTime> {
    let mut wide = [0u8; 8];
    let width = time_width(scale);
    wide[..width].copy_from_slice(body.bytes(width)?);
    let nanos = u64::from_le_bytes(wide).checked_mul(10u64.pow(9 - u32::from(scale)));
    let parts = nanos.map(|n| (n / 1_000_000_000, n % 1_000_000_000));
    parts
        .and_then(|(seconds, nanos)| {
            NaiveTime::from_num_seconds_from_midnight_opt(
                u32::try_from(seconds).ok()?,
                u32::try_from(nanos).ok()?,
            )
        })
        .map_or_else(|| malformed("a time of day lies after midnight"), Ok)
}
