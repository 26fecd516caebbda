//! Functions on numbers.

use super::super::binder::Typed;
use super::{Builtin, Call, builtin, first, int};
use crate::errors::{self, SqlError, SqlResult};
use crate::value::{Conversion, Decimal, SqlType, Value, convert};

pub(super) const BUILTINS: &[Builtin] = &[
    builtin("ABS", 1, 1, numeric, abs),
    builtin("CEILING", 1, 1, whole, |c| whole_part(c, true)),
    builtin("FLOOR", 1, 1, whole, |c| whole_part(c, false)),
    builtin("ROUND", 2, 2, numeric, round),
    builtin("SIGN", 1, 1, numeric, sign),
    builtin("POWER", 2, 2, first, power),
    builtin(
        "SQRT",
        1,
        1,
        |_| Ok(SqlType::Float),
        |c| Ok(c.float(0)?.map_or(Value::Null, |f| Value::Float(f.sqrt()))),
    ),
    builtin("ISNUMERIC", 1, 1, int, is_numeric),
];

fn numeric(arguments: &[Typed]) -> SqlResult<SqlType> {
    match arguments.first().map(|a| a.ty) {
        Some(ty) if ty.is_number() && ty != SqlType::Bit => Ok(ty),
        Some(ty) if ty.is_text() => Ok(SqlType::Float),
        Some(ty) => Err(SqlError::new(
            8116,
            format!(
                "Argument data type {} is invalid for argument 1 of the function.",
                ty.name()
            ),
        )),
        None => Ok(SqlType::Int),
    }
}

fn whole(arguments: &[Typed]) -> SqlResult<SqlType> {
    Ok(match numeric(arguments)? {
        SqlType::Decimal { precision, .. } => SqlType::Decimal { precision, scale: 0 },
        other => other,
    })
}

/// The argument in the type of the result.
fn argument(call: &Call<'_>) -> SqlResult<Value> {
    let from = call.types.first().copied().unwrap_or(SqlType::Int);
    let to = match (from, call.ty) {
        (SqlType::Decimal { .. }, SqlType::Decimal { .. }) => from,
        (_, to) => to,
    };
    convert(call.value(0), from, to, Conversion::Explicit(0))
}

fn abs(call: &Call<'_>) -> SqlResult<Value> {
    Ok(match argument(call)? {
        Value::Int(n) => {
            let magnitude = Value::Int(
                n.checked_abs()
                    .ok_or_else(|| errors::overflow("expression", call.ty.name()))?,
            );
            convert(&magnitude, SqlType::BigInt, call.ty, Conversion::Implicit)?
        }
        Value::Float(f) => Value::Float(f.abs()),
        Value::Decimal(d) => Value::Decimal(Decimal {
            mantissa: d.mantissa.abs(),
            ..d
        }),
        other => other,
    })
}

fn whole_part(call: &Call<'_>, up: bool) -> SqlResult<Value> {
    Ok(match argument(call)? {
        Value::Float(f) => Value::Float(if up { f.ceil() } else { f.floor() }),
        Value::Decimal(d) => {
            let cut = d.truncate();
            let exact = Decimal {
                mantissa: cut,
                scale: 0,
            }
            .compare(d)
            .is_eq();
            let shift = if exact {
                0
            } else {
                i128::from(up && d.mantissa > 0) - i128::from(!up && d.mantissa < 0)
            };
            let whole = Value::Decimal(Decimal {
                mantissa: cut + shift,
                scale: 0,
            });
            convert(
                &whole,
                SqlType::Decimal {
                    precision: 38,
                    scale: 0,
                },
                call.ty,
                Conversion::Implicit,
            )?
        }
        other => other,
    })
}

fn round(call: &Call<'_>) -> SqlResult<Value> {
    let Some(digits) = call.int(1)? else {
        return Ok(Value::Null);
    };
    Ok(match argument(call)? {
        Value::Float(f) => {
            let factor = 10f64.powi(i32::try_from(digits).unwrap_or(0));
            Value::Float((f * factor).round() / factor)
        }
        Value::Decimal(d) => {
            let rounded = match u8::try_from(digits) {
                Ok(digits) if digits >= d.scale => Some(d),
                Ok(digits) => d.rescale(digits).and_then(|r| r.rescale(d.scale)),
                Err(_) => return Err(errors::unsupported("ROUND to a negative number of digits")),
            };
            Value::Decimal(rounded.ok_or_else(|| errors::overflow("expression", "numeric"))?)
        }
        Value::Int(_) if digits < 0 => {
            return Err(errors::unsupported("ROUND to a negative number of digits"));
        }
        other => other,
    })
}

fn sign(call: &Call<'_>) -> SqlResult<Value> {
    let sign = |n: i128| i64::try_from(n.signum()).unwrap_or(0);
    Ok(match argument(call)? {
        Value::Int(n) => Value::Int(n.signum()),
        Value::Float(f) => Value::Float(if f == 0.0 { 0.0 } else { f.signum() }),
        Value::Decimal(d) => {
            let value = Value::Int(sign(d.mantissa));
            convert(&value, SqlType::Int, call.ty, Conversion::Implicit)?
        }
        other => other,
    })
}

fn power(call: &Call<'_>) -> SqlResult<Value> {
    let (Some(base), Some(exponent)) = (call.float(0)?, call.float(1)?) else {
        return Ok(Value::Null);
    };
    convert(
        &Value::Float(base.powf(exponent)),
        SqlType::Float,
        call.ty,
        Conversion::Implicit,
    )
}

fn is_numeric(call: &Call<'_>) -> SqlResult<Value> {
    let ty = call.types.first().copied().unwrap_or(SqlType::Int);
    let yes = match call.value(0) {
        Value::Null => false,
        Value::Text(text) => Decimal::parse(text).is_some() || text.trim().parse::<f64>().is_ok(),
        _ => ty.is_number(),
    };
    Ok(Value::Int(i64::from(yes)))
}
