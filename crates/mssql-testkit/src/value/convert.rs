//! Conversions between types, implicit and explicit, with SQL Server's errors.

use super::{Decimal, Length, SqlType, Value, datetime, decode_cp1252, encode_cp1252, utf16_len};
use crate::errors::{self, SqlError, SqlResult};

/// How a conversion was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conversion {
    /// By an operator, an assignment or an INSERT: some pairs of types are refused.
    Implicit,
    /// By CAST or CONVERT, with a style (0 is the default).
    Explicit(i64),
}

/// Converts `value` of type `from` to `to`. Text that is too long is cut, as CAST does.
pub(crate) fn convert(value: &Value, from: SqlType, to: SqlType, how: Conversion) -> SqlResult<Value> {
    check_allowed(from, to, how)?;
    if value.is_null() {
        return Ok(Value::Null);
    }
    match to {
        SqlType::Variant => Ok(value.clone()),
        SqlType::Char(_) | SqlType::VarChar(_) | SqlType::NChar(_) | SqlType::NVarChar(_) => {
            to_text(value, from, to, how)
        }
        SqlType::Binary(_) | SqlType::VarBinary(_) => to_binary(value, from, to, how),
        SqlType::Bit | SqlType::TinyInt | SqlType::SmallInt | SqlType::Int | SqlType::BigInt => {
            to_integer(value, from, to)
        }
        SqlType::Real | SqlType::Float => to_float(value, from, to),
        SqlType::Decimal { .. } | SqlType::Money | SqlType::SmallMoney => to_decimal(value, from, to),
        SqlType::Date
        | SqlType::Time(_)
        | SqlType::SmallDateTime
        | SqlType::DateTime
        | SqlType::DateTime2(_)
        | SqlType::DateTimeOffset(_) => to_temporal(value, from, to),
        SqlType::UniqueIdentifier => to_guid(value, from),
    }
}

/// Converts for storing in a column. Text or binary data that is too long gives `Ok(None)`: the caller names
/// the table and column in error 2628 (8152 on older servers).
pub(crate) fn coerce_for_column(value: &Value, from: SqlType, to: SqlType) -> SqlResult<Option<Value>> {
    let fits = match (value, to.length()) {
        (Value::Text(text), Some(Length::Limited(n))) if to.is_text() => {
            let limit = usize::from(n);
            let trimmed = text.trim_end_matches(' ');
            if to.is_unicode() {
                utf16_len(trimmed) <= limit
            } else {
                encode_cp1252(trimmed).len() <= limit
            }
        }
        (Value::Bytes(bytes), Some(Length::Limited(n))) if to.is_binary() => {
            let end = bytes.iter().rposition(|b| *b != 0).map_or(0, |i| i + 1);
            end <= usize::from(n)
        }
        _ => true,
    };
    if !fits {
        return Ok(None);
    }
    convert(value, from, to, Conversion::Implicit).map(Some)
}

fn check_allowed(from: SqlType, to: SqlType, how: Conversion) -> SqlResult<()> {
    let implicit = how == Conversion::Implicit;
    let (a, b) = (from.name(), to.name());
    if from == SqlType::Variant {
        return if implicit && to != SqlType::Variant {
            Err(errors::no_implicit(a, b))
        } else {
            Ok(())
        };
    }
    let refused =
        (from.is_temporal() && to.is_number() && !matches!(from, SqlType::DateTime | SqlType::SmallDateTime))
            || (from.is_number()
                && to.is_temporal()
                && !matches!(to, SqlType::DateTime | SqlType::SmallDateTime))
            || (from == SqlType::UniqueIdentifier && (to.is_number() || to.is_temporal()))
            || (to == SqlType::UniqueIdentifier && (from.is_number() || from.is_temporal()))
            || matches!(
                (from, to),
                (SqlType::Date, SqlType::Time(_)) | (SqlType::Time(_), SqlType::Date)
            );
    if refused {
        return Err(if implicit {
            errors::clash(a, b)
        } else {
            SqlError::new(
                529,
                format!("Explicit conversion from data type {a} to {b} is not allowed."),
            )
        });
    }
    let needs_convert = (from.is_text() && to.is_binary())
        || (from.is_binary() && (matches!(to, SqlType::Real | SqlType::Float) || to.is_temporal()))
        || (matches!(from, SqlType::DateTime | SqlType::SmallDateTime) && (to.is_number() || to.is_binary()));
    if implicit && needs_convert {
        return Err(errors::no_implicit(a, b));
    }
    Ok(())
}

/// The text a value has without regard to the length of the target.
fn plain_text(value: &Value, from: SqlType, style: i64) -> SqlResult<String> {
    Ok(match value {
        Value::Null => String::new(),
        Value::Bit(b) => String::from(if *b { "1" } else { "0" }),
        Value::Int(n) => n.to_string(),
        Value::Float(f) => float_text(*f, style),
        Value::Decimal(d) if matches!(from, SqlType::Money | SqlType::SmallMoney) && style == 0 => {
            d.rescale(2).unwrap_or(*d).to_string()
        }
        Value::Decimal(d) => d.to_string(),
        Value::Text(t) => t.to_string(),
        Value::Bytes(b) if style == 1 => format!("0x{}", hex(b)),
        Value::Bytes(b) if style == 2 => hex(b),
        Value::Bytes(b) => decode_cp1252(b),
        Value::Guid(g) => guid_text(g),
        Value::Date(_) | Value::Time(_) | Value::DateTime(_) | Value::Offset(_) => {
            datetime::format_style(value, from, style).ok_or_else(|| {
                SqlError::new(
                    281,
                    format!(
                        "{style} is not a valid style number when converting from {} to a character string.",
                        from.name()
                    ),
                )
            })?
        }
    })
}

fn float_text(f: f64, style: i64) -> String {
    if style == 2 || style == 3 {
        return format!("{f:.16e}");
    }
    // Six significant digits at most, as the default style writes them.
    let magnitude = f.abs();
    if magnitude != 0.0 && !(1e-4..1e6).contains(&magnitude) {
        let text = format!("{f:.5e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
        let exponent: i32 = exponent.parse().unwrap_or(0);
        return format!(
            "{mantissa}e{}{:03}",
            if exponent < 0 { '-' } else { '+' },
            exponent.abs()
        );
    }
    // Digits before the point leave fewer for after it.
    let before = format!("{:.0}", magnitude.trunc()).len();
    let digits = 6usize.saturating_sub(before);
    let text = format!("{f:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

fn to_text(value: &Value, from: SqlType, to: SqlType, how: Conversion) -> SqlResult<Value> {
    let style = match how {
        Conversion::Explicit(style) => style,
        Conversion::Implicit => 0,
    };
    let mut text = match value {
        // Bytes become the UTF-16 code units of an nvarchar.
        Value::Bytes(b) if to.is_unicode() && style == 0 => {
            let units: Vec<u16> = b
                .chunks(2)
                .map(|c| u16::from_le_bytes([c[0], c.get(1).copied().unwrap_or(0)]))
                .collect();
            String::from_utf16_lossy(&units)
        }
        _ => plain_text(value, from, style)?,
    };
    if !to.is_unicode() && !text.is_ascii() {
        text = decode_cp1252(&encode_cp1252(&text));
    }
    let limit = to.length().map_or(usize::MAX, Length::limit);
    let length = if to.is_unicode() {
        utf16_len(&text)
    } else {
        text.chars().count()
    };
    if length > limit {
        if from.is_number() {
            if from.is_integer() && !to.is_unicode() {
                return Ok(Value::text("*"));
            }
            return Err(errors::overflow(
                if from.is_integer() {
                    "expression"
                } else {
                    "numeric"
                },
                to.name(),
            ));
        }
        text = cut(&text, limit, to.is_unicode());
    } else if let SqlType::Char(n) | SqlType::NChar(n) = to {
        text.extend(std::iter::repeat_n(' ', usize::from(n) - length));
    }
    Ok(Value::text(text))
}

/// The first `limit` UTF-16 units or characters; half of a surrogate pair is left out.
fn cut(text: &str, limit: usize, unicode: bool) -> String {
    let mut used = 0;
    text.chars()
        .take_while(|c| {
            used += if unicode { c.len_utf16() } else { 1 };
            used <= limit
        })
        .collect()
}

fn to_binary(value: &Value, from: SqlType, to: SqlType, how: Conversion) -> SqlResult<Value> {
    let style = if let Conversion::Explicit(style) = how {
        style
    } else {
        0
    };
    let mut bytes: Vec<u8> = match value {
        Value::Bytes(b) => b.to_vec(),
        Value::Text(t) if style == 1 || style == 2 => {
            let digits = if style == 1 {
                t.strip_prefix("0x").unwrap_or("?")
            } else {
                t
            };
            unhex(digits).ok_or_else(|| errors::conversion_of_type(from.name(), to.name()))?
        }
        Value::Text(t) if from.is_unicode() => t.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        Value::Text(t) => encode_cp1252(t),
        Value::Bit(b) => vec![u8::from(*b)],
        Value::Int(n) => {
            let width = usize::try_from(from.dimensions().0).unwrap_or(8).clamp(1, 8);
            n.to_be_bytes()[8 - width..].to_vec()
        }
        Value::Float(f) => f.to_be_bytes().to_vec(),
        Value::Guid(g) => g.to_vec(),
        Value::Null
        | Value::Decimal(_)
        | Value::Date(_)
        | Value::Time(_)
        | Value::DateTime(_)
        | Value::Offset(_) => {
            return Err(errors::unsupported(format_args!(
                "CONVERT {} TO {}",
                from.name(),
                to.name()
            )));
        }
    };
    let limit = to.length().map_or(usize::MAX, Length::limit);
    if bytes.len() > limit {
        if matches!(value, Value::Int(_)) {
            bytes.drain(..bytes.len() - limit);
        }
        bytes.truncate(limit);
    }
    if let SqlType::Binary(n) = to {
        bytes.resize(usize::from(n), 0);
    }
    Ok(Value::Bytes(bytes.into()))
}

fn to_integer(value: &Value, from: SqlType, to: SqlType) -> SqlResult<Value> {
    // Anything but zero is a one, however small.
    match value {
        Value::Decimal(d) if to == SqlType::Bit => return Ok(Value::Bit(d.mantissa != 0)),
        Value::Float(f) if to == SqlType::Bit => return Ok(Value::Bit(*f != 0.0)),
        _ => {}
    }
    let wide: i128 = match value {
        Value::Bit(b) => i128::from(*b),
        Value::Int(n) => i128::from(*n),
        Value::Decimal(d) if matches!(from, SqlType::Money | SqlType::SmallMoney) => {
            d.rescale(0).map_or(0, |d| d.mantissa)
        }
        Value::Decimal(d) => d.truncate(),
        Value::Float(f) => {
            if !f.is_finite() || f.abs() >= 9.3e18 {
                return Err(errors::overflow("float", to.name()));
            }
            #[expect(
                clippy::cast_possible_truncation,
                reason = "larger values were refused just above"
            )]
            {
                f.trunc() as i128
            }
        }
        Value::Text(t) => {
            let trimmed = t.trim();
            match (to, trimmed.to_ascii_lowercase().as_str()) {
                (SqlType::Bit, "true") => 1,
                (SqlType::Bit, "false") => 0,
                (_, "") => 0,
                (SqlType::BigInt, _) => trimmed
                    .parse()
                    .map_err(|_| errors::conversion_of_type(from.name(), to.name()))?,
                _ => trimmed
                    .parse()
                    .map_err(|_| errors::conversion(from.name(), t, to.name()))?,
            }
        }
        Value::Bytes(b) => {
            let tail = &b[b.len().saturating_sub(8)..];
            let wide = tail.iter().fold(0u64, |n, byte| n << 8 | u64::from(*byte));
            if to == SqlType::BigInt {
                i128::from(wide.cast_signed())
            } else {
                let [.., a, b, c, d] = wide.to_be_bytes();
                i128::from(i32::from_be_bytes([a, b, c, d]))
            }
        }
        Value::DateTime(at) => {
            let days = at.date().signed_duration_since(datetime_zero()).num_days();
            let noon = at.time() >= chrono::NaiveTime::from_hms_opt(12, 0, 0).unwrap_or_default();
            i128::from(days + i64::from(noon))
        }
        Value::Null | Value::Date(_) | Value::Time(_) | Value::Offset(_) | Value::Guid(_) => {
            return Err(errors::clash(from.name(), to.name()));
        }
    };
    if to == SqlType::Bit {
        return Ok(Value::Bit(wide != 0));
    }
    let (low, high) = match to {
        SqlType::TinyInt => (0, i128::from(u8::MAX)),
        SqlType::SmallInt => (i128::from(i16::MIN), i128::from(i16::MAX)),
        SqlType::Int => (i128::from(i32::MIN), i128::from(i32::MAX)),
        _ => (i128::from(i64::MIN), i128::from(i64::MAX)),
    };
    match i64::try_from(wide) {
        Ok(n) if (low..=high).contains(&wide) => Ok(Value::Int(n)),
        _ if from.is_text() => {
            let kind = match to {
                SqlType::TinyInt => "INT1",
                SqlType::SmallInt => "INT2",
                _ => "int",
            };
            let number = if to == SqlType::Int || to == SqlType::BigInt {
                248
            } else {
                244
            };
            Err(SqlError::new(
                number,
                format!(
                    "The conversion of the {} value '{wide}' overflowed an {kind} column.",
                    from.name()
                ),
            ))
        }
        _ if matches!(to, SqlType::TinyInt | SqlType::SmallInt) && from.is_integer() => Err(SqlError::new(
            220,
            format!(
                "Arithmetic overflow error for data type {}, value = {wide}.",
                to.name()
            ),
        )),
        _ => Err(errors::overflow("expression", to.name())),
    }
}

fn datetime_zero() -> chrono::NaiveDate {
    chrono::NaiveDate::from_ymd_opt(1900, 1, 1).unwrap_or_default()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a float holds what it can of a bigint, as in SQL Server"
)]
fn to_float(value: &Value, from: SqlType, to: SqlType) -> SqlResult<Value> {
    let wide = match value {
        Value::Bit(b) => f64::from(u8::from(*b)),
        Value::Int(n) => *n as f64,
        Value::Decimal(d) => d.to_f64(),
        Value::Float(f) => *f,
        Value::Text(t) => t
            .trim()
            .parse()
            .map_err(|_| errors::conversion_of_type(from.name(), to.name()))?,
        _ => return Err(errors::clash(from.name(), to.name())),
    };
    if to == SqlType::Real {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "real is single precision; an overflow is caught below"
        )]
        let narrow = wide as f32;
        if narrow.is_infinite() && wide.is_finite() {
            return Err(errors::overflow("float", "real"));
        }
        return Ok(Value::Float(f64::from(narrow)));
    }
    Ok(Value::Float(wide))
}

fn to_decimal(value: &Value, from: SqlType, to: SqlType) -> SqlResult<Value> {
    let exact = match value {
        Value::Bit(b) => Decimal::from(i64::from(*b)),
        Value::Int(n) => Decimal::from(*n),
        Value::Decimal(d) => *d,
        Value::Float(f) => {
            let text = format!("{f:.15}");
            Decimal::parse(&text)
                .or_else(|| Decimal::parse(&format!("{f:.0}")))
                .ok_or_else(|| errors::overflow("float", to.name()))?
        }
        Value::Text(t) => {
            Decimal::parse(t).ok_or_else(|| errors::conversion_of_type(from.name(), numeric_name(to)))?
        }
        _ => return Err(errors::clash(from.name(), to.name())),
    };
    let (precision, scale) = match to {
        SqlType::Decimal { precision, scale } => (precision, scale),
        SqlType::SmallMoney => (10, 4),
        _ => (19, 4),
    };
    exact
        .rescale(scale)
        .filter(|d| d.precision() <= precision.max(scale) && fits_money(*d, to))
        .map(Value::Decimal)
        .ok_or_else(|| {
            let name = if from.is_integer() {
                "int"
            } else if matches!(value, Value::Decimal(_)) {
                "numeric"
            } else {
                from.name()
            };
            errors::overflow(name, numeric_name(to)).with_state(8)
        })
}

fn numeric_name(ty: SqlType) -> &'static str {
    if matches!(ty, SqlType::Decimal { .. }) {
        "numeric"
    } else {
        ty.name()
    }
}

fn fits_money(value: Decimal, ty: SqlType) -> bool {
    match ty {
        SqlType::Money => i64::try_from(value.mantissa).is_ok(),
        SqlType::SmallMoney => i32::try_from(value.mantissa).is_ok(),
        _ => true,
    }
}

fn to_temporal(value: &Value, from: SqlType, to: SqlType) -> SqlResult<Value> {
    match value {
        Value::Text(text) => {
            let parsed = datetime::parse_date_time(text).ok_or_else(errors::date_conversion)?;
            datetime::from_parsed(parsed, to).ok_or_else(|| match to {
                SqlType::DateTime | SqlType::SmallDateTime => errors::date_range(from.name(), to.name()),
                _ => errors::date_conversion(),
            })
        }
        Value::Int(n) => {
            let at = chrono::Duration::try_days(*n)
                .and_then(|days| datetime_zero().checked_add_signed(days))
                .map(Value::Date);
            at.and_then(|at| datetime::convert_temporal(&at, to))
                .ok_or_else(|| errors::overflow("expression", to.name()))
        }
        Value::Date(_) | Value::Time(_) | Value::DateTime(_) | Value::Offset(_) => {
            datetime::convert_temporal(value, to).ok_or_else(|| errors::date_range(from.name(), to.name()))
        }
        _ => Err(errors::clash(from.name(), to.name())),
    }
}

fn to_guid(value: &Value, from: SqlType) -> SqlResult<Value> {
    match value {
        Value::Guid(g) => Ok(Value::Guid(*g)),
        Value::Text(t) => parse_guid(t).map(Value::Guid).ok_or_else(|| {
            SqlError::new(
                8169,
                "Conversion failed when converting from a character string to uniqueidentifier.",
            )
            .with_state(2)
        }),
        Value::Bytes(b) => {
            let mut out = [0; 16];
            for (to, from) in out.iter_mut().zip(b.iter()) {
                *to = *from;
            }
            Ok(Value::Guid(out))
        }
        _ => Err(errors::clash(from.name(), "uniqueidentifier")),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02X}")).collect()
}

/// Bytes of an even number of hexadecimal digits.
pub(crate) fn unhex(digits: &str) -> Option<Vec<u8>> {
    let nibble = |b: u8| char::from(b).to_digit(16).and_then(|n| u8::try_from(n).ok());
    let raw = digits.as_bytes();
    if !raw.len().is_multiple_of(2) {
        return None;
    }
    raw.chunks_exact(2)
        .map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?))
        .collect()
}

/// The order of the wire's bytes in the text: the first three groups are little-endian.
const GUID_ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

fn guid_text(wire: &[u8; 16]) -> String {
    let mut out = String::with_capacity(36);
    for (i, at) in GUID_ORDER.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        out.push_str(&format!("{:02X}", wire[*at]));
    }
    out
}

fn parse_guid(text: &str) -> Option<[u8; 16]> {
    let inner = text.trim().trim_start_matches('{').trim_end_matches('}');
    let groups: Vec<usize> = inner.split('-').map(str::len).collect();
    if groups != [8, 4, 4, 4, 12] {
        return None;
    }
    let bytes = unhex(&inner.replace('-', ""))?;
    let mut wire = [0; 16];
    for (from, at) in bytes.iter().zip(GUID_ORDER) {
        wire[at] = *from;
    }
    Some(wire)
}
