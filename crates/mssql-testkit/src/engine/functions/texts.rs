//! Functions on text.

use super::super::binder::Typed;
use super::{Builtin, Call, builtin, int, number};
use crate::errors::{SqlError, SqlResult};
use crate::value::{Collation, Length, SqlType, Value, decode_cp1252, encode_cp1252, fold, utf16_len};

pub(super) const BUILTINS: &[Builtin] = &[
    builtin("LEN", 1, 1, length_type, len),
    builtin("DATALENGTH", 1, 1, length_type, data_length),
    builtin("SUBSTRING", 3, 3, variable, substring),
    builtin("LEFT", 2, 2, variable, left),
    builtin("RIGHT", 2, 2, variable, right),
    builtin("UPPER", 1, 1, variable, |c| map(c, |t| t.to_uppercase())),
    builtin("LOWER", 1, 1, variable, |c| map(c, |t| t.to_lowercase())),
    builtin("LTRIM", 1, 1, variable, |c| {
        map(c, |t| t.trim_start_matches(' ').to_owned())
    }),
    builtin("RTRIM", 1, 1, variable, |c| {
        map(c, |t| t.trim_end_matches(' ').to_owned())
    }),
    builtin("TRIM", 1, 1, variable, |c| {
        map(c, |t| t.trim_matches(' ').to_owned())
    }),
    builtin("REVERSE", 1, 1, variable, |c| {
        map(c, |t| t.chars().rev().collect())
    }),
    builtin("REPLACE", 3, 3, long_text, replace),
    builtin("REPLICATE", 2, 2, long_text, replicate),
    builtin("SPACE", 1, 1, |_| Ok(SqlType::varchar(8000)), space),
    builtin("STUFF", 4, 4, long_text, stuff),
    builtin("CONCAT", 2, 254, concat_type, concat),
    builtin("CONCAT_WS", 3, 254, concat_type, concat_ws),
    builtin("CHARINDEX", 2, 3, int, char_index),
    builtin("QUOTENAME", 1, 2, |_| Ok(SqlType::nvarchar(258)), quote_name),
    builtin("CHAR", 1, 1, |_| Ok(SqlType::Char(1)), char_of),
    builtin("NCHAR", 1, 1, |_| Ok(SqlType::NChar(1)), nchar_of),
    builtin("ASCII", 1, 1, int, ascii),
    builtin("UNICODE", 1, 1, int, unicode),
];

/// LEN and DATALENGTH are bigint for `max` types.
fn length_type(arguments: &[Typed]) -> SqlResult<SqlType> {
    let max = arguments
        .first()
        .is_some_and(|a| a.ty.length() == Some(Length::Max));
    Ok(if max { SqlType::BigInt } else { SqlType::Int })
}

/// A text of the first argument's kind and length, variable in length.
fn variable(arguments: &[Typed]) -> SqlResult<SqlType> {
    Ok(match arguments.first().map(|a| a.ty) {
        Some(SqlType::NChar(n)) => SqlType::nvarchar(n),
        Some(SqlType::Char(n)) => SqlType::varchar(n),
        Some(SqlType::Binary(n)) => SqlType::VarBinary(Length::Limited(n)),
        Some(ty) if ty.is_text() || ty.is_binary() => ty,
        _ => SqlType::varchar(8000),
    })
}

fn long_text(arguments: &[Typed]) -> SqlResult<SqlType> {
    let max = arguments
        .first()
        .is_some_and(|a| a.ty.length() == Some(Length::Max));
    let unicode = arguments.iter().any(|a| a.ty.is_unicode());
    Ok(match (unicode, max) {
        (true, true) => SqlType::NVarChar(Length::Max),
        (true, false) => SqlType::nvarchar(4000),
        (false, true) => SqlType::VarChar(Length::Max),
        (false, false) => SqlType::varchar(8000),
    })
}

fn concat_type(arguments: &[Typed]) -> SqlResult<SqlType> {
    let unicode = arguments.iter().any(|a| a.ty.is_unicode());
    let max = arguments.iter().any(|a| a.ty.length() == Some(Length::Max));
    Ok(match (unicode, max) {
        (true, true) => SqlType::NVarChar(Length::Max),
        (true, false) => SqlType::nvarchar(4000),
        (false, true) => SqlType::VarChar(Length::Max),
        (false, false) => SqlType::varchar(8000),
    })
}

/// The text in UTF-16 code units, which is what positions count.
fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn from_units(units: &[u16]) -> Value {
    Value::text(String::from_utf16_lossy(units))
}

fn map(call: &Call<'_>, f: impl Fn(&str) -> String) -> SqlResult<Value> {
    Ok(call.text(0)?.map_or(Value::Null, |t| Value::text(f(&t))))
}

fn len(call: &Call<'_>) -> SqlResult<Value> {
    if let Value::Bytes(bytes) = call.value(0) {
        return Ok(number(bytes.len()));
    }
    Ok(call
        .text(0)?
        .map_or(Value::Null, |t| number(utf16_len(t.trim_end_matches(' ')))))
}

fn data_length(call: &Call<'_>) -> SqlResult<Value> {
    let ty = call.types.first().copied().unwrap_or(SqlType::Int);
    Ok(match call.value(0) {
        Value::Null => Value::Null,
        Value::Bytes(bytes) => number(bytes.len()),
        Value::Text(text) if ty.is_unicode() => number(utf16_len(text) * 2),
        Value::Text(text) => number(encode_cp1252(text).len()),
        _ => Value::Int(ty.dimensions().0),
    })
}

fn negative(name: &str) -> SqlError {
    SqlError::new(
        537,
        format!("Invalid length parameter passed to the {name} function."),
    )
}

fn substring(call: &Call<'_>) -> SqlResult<Value> {
    let (Some(start), Some(length)) = (call.int(1)?, call.int(2)?) else {
        return Ok(Value::Null);
    };
    if length < 0 {
        return Err(negative("SUBSTRING"));
    }
    // Positions count from 1 and may lie before the text.
    let end = start.saturating_add(length).max(1) - 1;
    let start = start.max(1) - 1;
    let range = |n: usize| {
        let at = |p: i64| usize::try_from(p).unwrap_or(usize::MAX).min(n);
        at(start)..at(end).max(at(start))
    };
    if let Value::Bytes(bytes) = call.value(0) {
        return Ok(Value::Bytes(bytes[range(bytes.len())].into()));
    }
    Ok(call.text(0)?.map_or(Value::Null, |t| {
        let units = units(&t);
        from_units(&units[range(units.len())])
    }))
}

fn left(call: &Call<'_>) -> SqlResult<Value> {
    let (Some(text), Some(n)) = (call.text(0)?, call.int(1)?) else {
        return Ok(Value::Null);
    };
    let units = units(&text);
    let n = usize::try_from(n).map_err(|_| negative("left"))?.min(units.len());
    Ok(from_units(&units[..n]))
}

fn right(call: &Call<'_>) -> SqlResult<Value> {
    let (Some(text), Some(n)) = (call.text(0)?, call.int(1)?) else {
        return Ok(Value::Null);
    };
    let units = units(&text);
    let n = usize::try_from(n)
        .map_err(|_| negative("right"))?
        .min(units.len());
    Ok(from_units(&units[units.len() - n..]))
}

fn replace(call: &Call<'_>) -> SqlResult<Value> {
    let (Some(text), Some(from), Some(to)) = (call.text(0)?, call.text(1)?, call.text(2)?) else {
        return Ok(Value::Null);
    };
    if from.is_empty() {
        return Ok(Value::text(text));
    }
    // Found without regard to case, as the default collation has it.
    let wanted: Vec<String> = from.chars().map(folded).collect();
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    while at < chars.len() {
        let window = &chars[at..(at + wanted.len()).min(chars.len())];
        if window.len() == wanted.len() && window.iter().zip(&wanted).all(|(a, b)| folded(*a) == *b) {
            out.push_str(&to);
            at += wanted.len();
        } else {
            out.push(chars[at]);
            at += 1;
        }
    }
    Ok(Value::text(out))
}

fn folded(c: char) -> String {
    if c == ' ' {
        " ".to_owned()
    } else {
        fold(Collation::CaseInsensitive, c.encode_utf8(&mut [0; 4]))
    }
}

fn replicate(call: &Call<'_>) -> SqlResult<Value> {
    let (Some(text), Some(n)) = (call.text(0)?, call.int(1)?) else {
        return Ok(Value::Null);
    };
    let Ok(times) = usize::try_from(n) else {
        return Ok(Value::Null);
    };
    let limit = call.ty.length().map_or(8000, Length::limit).min(16 << 20);
    let units = units(&text);
    let out: Vec<u16> = units
        .iter()
        .copied()
        .cycle()
        .take(units.len().saturating_mul(times).min(limit))
        .collect();
    Ok(from_units(&out))
}

fn space(call: &Call<'_>) -> SqlResult<Value> {
    Ok(match call.int(0)? {
        Some(n) => usize::try_from(n).map_or(Value::Null, |n| Value::text(" ".repeat(n.min(8000)))),
        None => Value::Null,
    })
}

fn stuff(call: &Call<'_>) -> SqlResult<Value> {
    let (Some(text), Some(start), Some(length)) = (call.text(0)?, call.int(1)?, call.int(2)?) else {
        return Ok(Value::Null);
    };
    let units = units(&text);
    let (Ok(start), Ok(length)) = (usize::try_from(start - 1), usize::try_from(length)) else {
        return Ok(Value::Null);
    };
    if start >= units.len() {
        return Ok(Value::Null);
    }
    let end = start.saturating_add(length).min(units.len());
    let middle = call.text(3)?.unwrap_or_default();
    let out: Vec<u16> = units[..start]
        .iter()
        .copied()
        .chain(middle.encode_utf16())
        .chain(units[end..].iter().copied())
        .collect();
    Ok(from_units(&out))
}

fn concat(call: &Call<'_>) -> SqlResult<Value> {
    let mut out = String::new();
    for at in 0..call.values.len() {
        out.push_str(&call.text(at)?.unwrap_or_default());
    }
    Ok(Value::text(out))
}

fn concat_ws(call: &Call<'_>) -> SqlResult<Value> {
    let separator = call.text(0)?.unwrap_or_default();
    let mut parts = Vec::new();
    for at in 1..call.values.len() {
        parts.extend(call.text(at)?);
    }
    Ok(Value::text(parts.join(&separator)))
}

fn char_index(call: &Call<'_>) -> SqlResult<Value> {
    let (Some(wanted), Some(text)) = (call.text(0)?, call.text(1)?) else {
        return Ok(Value::Null);
    };
    let start = usize::try_from(call.int(2)?.unwrap_or(1).max(1) - 1).unwrap_or(0);
    let fold_units = |t: &str| -> Vec<u16> { t.to_lowercase().encode_utf16().collect() };
    let (wanted, text) = (fold_units(&wanted), fold_units(&text));
    if wanted.is_empty() {
        return Ok(Value::Int(0));
    }
    let found = (start..text.len()).find(|at| text[*at..].starts_with(&wanted));
    Ok(number(found.map_or(0, |at| at + 1)))
}

fn quote_name(call: &Call<'_>) -> SqlResult<Value> {
    let Some(name) = call.text(0)? else {
        return Ok(Value::Null);
    };
    if utf16_len(&name) > 128 {
        return Ok(Value::Null);
    }
    let quote = call.text(1)?.unwrap_or_else(|| "[".to_owned());
    Ok(match quote.as_str() {
        "[" | "]" | "[]" => Value::text(format!("[{}]", name.replace(']', "]]"))),
        "'" => Value::text(format!("'{}'", name.replace('\'', "''"))),
        "\"" => Value::text(format!("\"{}\"", name.replace('"', "\"\""))),
        _ => Value::Null,
    })
}

fn char_of(call: &Call<'_>) -> SqlResult<Value> {
    let byte = call.int(0)?.and_then(|n| u8::try_from(n).ok());
    Ok(byte.map_or(Value::Null, |b| Value::text(decode_cp1252(&[b]))))
}

fn nchar_of(call: &Call<'_>) -> SqlResult<Value> {
    let unit = call.int(0)?.and_then(|n| u16::try_from(n).ok());
    Ok(unit.map_or(Value::Null, |u| from_units(&[u])))
}

fn ascii(call: &Call<'_>) -> SqlResult<Value> {
    let text = call.text(0)?;
    Ok(text
        .and_then(|t| encode_cp1252(&t).first().copied())
        .map_or(Value::Null, |b| Value::Int(i64::from(b))))
}

fn unicode(call: &Call<'_>) -> SqlResult<Value> {
    let text = call.text(0)?;
    Ok(text
        .and_then(|t| t.encode_utf16().next())
        .map_or(Value::Null, |u| Value::Int(i64::from(u))))
}
