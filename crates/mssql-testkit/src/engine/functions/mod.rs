//! Built-in functions: a table of names, arities, result types and bodies.

mod dates;
mod metadata;
mod numbers;
mod session;
mod texts;

use super::binder::Typed;
use super::eval::Env;
use crate::errors::SqlResult;
use crate::value::{Conversion, SqlType, Value, convert};

/// One built-in function.
pub(crate) struct Builtin {
    pub(crate) name: &'static str,
    /// Fewest and most arguments.
    pub(crate) least: usize,
    pub(crate) most: usize,
    pub(crate) returns: fn(&[Typed]) -> SqlResult<SqlType>,
    pub(crate) eval: fn(&Call<'_>) -> SqlResult<Value>,
}

impl std::fmt::Debug for Builtin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Builtin {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// A call with its arguments evaluated.
pub(crate) struct Call<'a> {
    pub(crate) env: &'a Env<'a>,
    pub(crate) values: &'a [Value],
    pub(crate) types: &'a [SqlType],
    pub(crate) ty: SqlType,
}

impl Call<'_> {
    fn value(&self, at: usize) -> &Value {
        self.values.get(at).unwrap_or(&Value::Null)
    }

    /// The argument as text; `None` for NULL.
    fn text(&self, at: usize) -> SqlResult<Option<String>> {
        let Some(ty) = self.types.get(at) else {
            return Ok(None);
        };
        let to = SqlType::NVarChar(crate::value::Length::Max);
        Ok(match convert(self.value(at), *ty, to, Conversion::Explicit(0))? {
            Value::Text(text) => Some(text.to_string()),
            _ => None,
        })
    }

    /// The argument as a whole number; `None` for NULL.
    fn int(&self, at: usize) -> SqlResult<Option<i64>> {
        let Some(ty) = self.types.get(at) else {
            return Ok(None);
        };
        Ok(
            match convert(self.value(at), *ty, SqlType::BigInt, Conversion::Explicit(0))? {
                Value::Int(n) => Some(n),
                _ => None,
            },
        )
    }

    fn float(&self, at: usize) -> SqlResult<Option<f64>> {
        let Some(ty) = self.types.get(at) else {
            return Ok(None);
        };
        Ok(
            match convert(self.value(at), *ty, SqlType::Float, Conversion::Explicit(0))? {
                Value::Float(f) => Some(f),
                _ => None,
            },
        )
    }
}

/// The function of that name, in upper case.
pub(crate) fn find(name: &str) -> Option<&'static Builtin> {
    [
        texts::BUILTINS,
        numbers::BUILTINS,
        dates::BUILTINS,
        metadata::BUILTINS,
        session::BUILTINS,
    ]
    .into_iter()
    .flatten()
    .find(|b| b.name == name)
}

const fn builtin(
    name: &'static str,
    least: usize,
    most: usize,
    returns: fn(&[Typed]) -> SqlResult<SqlType>,
    eval: fn(&Call<'_>) -> SqlResult<Value>,
) -> Builtin {
    Builtin {
        name,
        least,
        most,
        returns,
        eval,
    }
}

fn int(_: &[Typed]) -> SqlResult<SqlType> {
    Ok(SqlType::Int)
}

fn bigint(_: &[Typed]) -> SqlResult<SqlType> {
    Ok(SqlType::BigInt)
}

fn name128(_: &[Typed]) -> SqlResult<SqlType> {
    Ok(SqlType::nvarchar(128))
}

/// The type of the first argument.
fn first(arguments: &[Typed]) -> SqlResult<SqlType> {
    Ok(arguments.first().map_or(SqlType::Int, |a| a.ty))
}

fn number(n: usize) -> Value {
    Value::Int(i64::try_from(n).unwrap_or(i64::MAX))
}
