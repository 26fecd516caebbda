//! Names of types, as sqlparser read them, to types.

use sqlparser::ast::DataType;

use crate::errors::{SqlError, SqlResult, unsupported};
use crate::value::{Length, SqlType};

/// The type a statement names. `default_length` is what a text without a length has: 1 in a declaration, 30 in a
/// CAST.
pub(crate) fn type_of(parsed: &DataType, default_length: u16) -> SqlResult<SqlType> {
    // sqlparser has many spellings of one type; how it writes them is simpler to read than its enum.
    let text = parsed.to_string().to_uppercase();
    let (name, arguments) = match text.split_once('(') {
        Some((name, rest)) => (name.trim().to_owned(), rest.trim_end_matches(')').to_owned()),
        None => (text.trim().to_owned(), String::new()),
    };
    let name = name.replace(['[', ']'], "");
    let arguments: Vec<&str> = arguments
        .split(',')
        .map(str::trim)
        .filter(|a| !a.is_empty())
        .collect();
    let number = |at: usize| arguments.get(at).and_then(|a| a.parse::<u16>().ok());
    let length = |most: u16| -> SqlResult<Length> {
        match arguments.first() {
            None => Ok(Length::Limited(default_length)),
            Some(&"MAX") => Ok(Length::Max),
            Some(text) => match text.parse::<u16>() {
                Ok(n) if (1..=most).contains(&n) => Ok(Length::Limited(n)),
                _ => Err(too_long(&name, text, most)),
            },
        }
    };
    let fixed = |most: u16| -> SqlResult<u16> {
        match length(most)? {
            Length::Limited(n) => Ok(n),
            Length::Max => Err(crate::errors::syntax("max")),
        }
    };
    let scale = || -> SqlResult<u8> {
        match number(0) {
            None if arguments.is_empty() => Ok(7),
            Some(n @ 0..=7) => Ok(u8::try_from(n).unwrap_or(7)),
            _ => Err(SqlError::new(
                1002,
                format!("Line 1: Specified scale {} is invalid.", arguments.join(",")),
            )),
        }
    };
    Ok(match name.as_str() {
        "BIT" => SqlType::Bit,
        "TINYINT" => SqlType::TinyInt,
        "SMALLINT" => SqlType::SmallInt,
        "INT" | "INTEGER" => SqlType::Int,
        "BIGINT" => SqlType::BigInt,
        "REAL" => SqlType::Real,
        "FLOAT" | "DOUBLE PRECISION" => match number(0) {
            Some(1..=24) => SqlType::Real,
            _ => SqlType::Float,
        },
        "DECIMAL" | "NUMERIC" | "DEC" => {
            let precision = number(0).unwrap_or(18);
            let scale = number(1).unwrap_or(0);
            if !(1..=38).contains(&precision) || scale > precision {
                return Err(SqlError::new(
                    2750,
                    format!(
                        "Column or parameter: Specified column precision {precision} is greater than the maximum precision of 38."
                    ),
                ));
            }
            SqlType::Decimal {
                precision: u8::try_from(precision).unwrap_or(38),
                scale: u8::try_from(scale).unwrap_or(0),
            }
        }
        "MONEY" => SqlType::Money,
        "SMALLMONEY" => SqlType::SmallMoney,
        "CHAR" | "CHARACTER" => SqlType::Char(fixed(8000)?),
        "VARCHAR" | "CHARACTER VARYING" | "CHAR VARYING" => SqlType::VarChar(length(8000)?),
        "NCHAR" => SqlType::NChar(fixed(4000)?),
        "NVARCHAR" => SqlType::NVarChar(length(4000)?),
        "SYSNAME" => SqlType::nvarchar(128),
        "BINARY" => SqlType::Binary(fixed(8000)?),
        "VARBINARY" => SqlType::VarBinary(length(8000)?),
        "DATE" => SqlType::Date,
        "TIME" => SqlType::Time(scale()?),
        "SMALLDATETIME" => SqlType::SmallDateTime,
        "DATETIME" => SqlType::DateTime,
        "DATETIME2" => SqlType::DateTime2(scale()?),
        "DATETIMEOFFSET" => SqlType::DateTimeOffset(scale()?),
        "UNIQUEIDENTIFIER" => SqlType::UniqueIdentifier,
        "SQL_VARIANT" => SqlType::Variant,
        "TEXT" | "NTEXT" | "IMAGE" | "XML" | "TIMESTAMP" | "ROWVERSION" | "GEOGRAPHY" | "GEOMETRY"
        | "HIERARCHYID" => {
            return Err(unsupported(format_args!("type {name}")));
        }
        _ => {
            return Err(SqlError::new(
                2715,
                format!(
                    "Column, parameter, or variable #1: Cannot find data type {}.",
                    parsed.to_string().to_lowercase()
                ),
            )
            .with_state(6));
        }
    })
}

fn too_long(name: &str, length: &str, most: u16) -> SqlError {
    SqlError::new(
        131,
        format!(
            "The size ({length}) given to the type '{}' exceeds the maximum allowed for any data type ({most}).",
            name.to_lowercase()
        ),
    )
    .with_class(15)
}
