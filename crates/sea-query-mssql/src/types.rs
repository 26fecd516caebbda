//! Column types.
//!
//! | sea-query | SQL Server |
//! |---|---|
//! | `Char(n)`, `String(n)`, `String`, `Text` | `nchar(n)`, `nvarchar(n)`, `nvarchar(max)`, `nvarchar(max)` |
//! | `TinyInteger`, `SmallInteger`, `Integer`, `BigInteger` | `smallint` (T-SQL's `tinyint` has no sign), `smallint`, `int`, `bigint` |
//! | `TinyUnsigned`, `SmallUnsigned`, `Unsigned`, `BigUnsigned` | `tinyint`, `int`, `bigint`, `decimal(20, 0)` |
//! | `Float`, `Double`, `Decimal(p, s)`, `Money`, `Money(p, s)` | `real`, `float`, `decimal(p, s)`, `money`, `decimal(p, s)` |
//! | `DateTime`, `Timestamp`, `TimestampWithTimeZone` | `datetime2(7)`, `datetime2(7)`, `datetimeoffset(7)` |
//! | `Date`, `Time` | `date`, `time(7)` |
//! | `Binary(n)`, `VarBinary(n)`, `VarBinary`, `Blob` | `binary(n)`, `varbinary(n)`, `varbinary(max)`, `varbinary(max)` |
//! | `Boolean`, `Bit`, `Uuid`, `Json`, `JsonBinary` | `bit`, `bit`, `uniqueidentifier`, `nvarchar(max)`, `nvarchar(max)` |
//! | `Custom` | as it is written, such as `nvarchar(64) COLLATE Latin1_General_BIN2` |
//!
//! All others are an error. [`MssqlType`] has types that sea-query does not.

use sea_query::{Alias, ColumnType, SqlWriter, StringLen};

use crate::error::{Error, Written};
use crate::writer::Writer;

/// The most characters of an `nvarchar(n)` or `nchar(n)`, in UTF-16 code units.
pub const MAX_UNICODE_LENGTH: u32 = 4_000;

/// The most bytes of a `varbinary(n)`, `binary(n)`, `varchar(n)` or `char(n)`.
pub const MAX_BYTE_LENGTH: u32 = 8_000;

/// Types of SQL Server that sea-query has no word for: `MssqlType::DateTime2(3).into_column_type()?`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MssqlType {
    /// `datetime2(scale)`, scale from 0 to 7 decimals of a second.
    DateTime2(u8),
    /// `datetimeoffset(scale)`, scale from 0 to 7.
    DateTimeOffset(u8),
    /// `time(scale)`, scale from 0 to 7.
    Time(u8),
    /// The old `datetime`: from 1753 on, in steps of 3.33 ms.
    DateTime,
    /// `varchar(n)`, in the code page of its collation; up to 8,000 bytes.
    VarChar(u32),
    /// `varchar(max)`.
    VarCharMax,
    /// `char(n)`, in the code page of its collation; up to 8,000 bytes.
    Char(u32),
    /// `smallmoney`.
    SmallMoney,
    /// `rowversion`, a number the server changes with every change of the row.
    RowVersion,
    /// `xml`.
    Xml,
}

impl MssqlType {
    /// The type for a column definition of sea-query.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the length or scale is out of the type's range.
    pub fn into_column_type(self) -> Result<ColumnType, Error> {
        let text = match self {
            Self::DateTime2(scale) => format!("datetime2({})", checked_scale(scale)?),
            Self::DateTimeOffset(scale) => format!("datetimeoffset({})", checked_scale(scale)?),
            Self::Time(scale) => format!("time({})", checked_scale(scale)?),
            Self::DateTime => "datetime".to_owned(),
            Self::VarChar(length) => format!("varchar({})", checked_length(length, MAX_BYTE_LENGTH)?),
            Self::VarCharMax => "varchar(max)".to_owned(),
            Self::Char(length) => format!("char({})", checked_length(length, MAX_BYTE_LENGTH)?),
            Self::SmallMoney => "smallmoney".to_owned(),
            Self::RowVersion => "rowversion".to_owned(),
            Self::Xml => "xml".to_owned(),
        };
        Ok(ColumnType::custom(Alias::new(text)))
    }
}

impl<W: SqlWriter> Writer<'_, W> {
    pub(crate) fn column_type(&mut self, column_type: &ColumnType) -> Written {
        let text = type_text(column_type)?;
        self.push(&text)
    }
}

fn type_text(column_type: &ColumnType) -> Result<String, Error> {
    let fixed = match column_type {
        ColumnType::Char(length) => {
            return Ok(format!(
                "nchar({})",
                checked_length(length.unwrap_or(1), MAX_UNICODE_LENGTH)?
            ));
        }
        ColumnType::String(StringLen::N(length)) => {
            return Ok(format!(
                "nvarchar({})",
                checked_length(*length, MAX_UNICODE_LENGTH)?
            ));
        }
        ColumnType::Binary(length) => {
            return Ok(format!("binary({})", checked_length(*length, MAX_BYTE_LENGTH)?));
        }
        ColumnType::VarBinary(StringLen::N(length)) => {
            return Ok(format!(
                "varbinary({})",
                checked_length(*length, MAX_BYTE_LENGTH)?
            ));
        }
        ColumnType::Decimal(Some((precision, scale))) | ColumnType::Money(Some((precision, scale))) => {
            return decimal(*precision, *scale);
        }
        ColumnType::Decimal(None) => {
            return Err(Error::invalid(
                "a decimal without precision and scale",
                "SQL Server would keep no decimals; say decimal_len(precision, scale)",
            ));
        }
        ColumnType::Custom(text) => return Ok(text.inner().into_owned()),
        ColumnType::String(_) | ColumnType::Text | ColumnType::Json | ColumnType::JsonBinary => {
            "nvarchar(max)"
        }
        ColumnType::VarBinary(_) | ColumnType::Blob => "varbinary(max)",
        ColumnType::TinyUnsigned => "tinyint",
        ColumnType::TinyInteger | ColumnType::SmallInteger => "smallint",
        ColumnType::SmallUnsigned | ColumnType::Integer => "int",
        ColumnType::Unsigned | ColumnType::BigInteger => "bigint",
        ColumnType::BigUnsigned => "decimal(20, 0)",
        ColumnType::Float => "real",
        ColumnType::Double => "float",
        ColumnType::DateTime | ColumnType::Timestamp => "datetime2(7)",
        ColumnType::TimestampWithTimeZone => "datetimeoffset(7)",
        ColumnType::Time => "time(7)",
        ColumnType::Date => "date",
        ColumnType::Boolean | ColumnType::Bit(None | Some(1)) => "bit",
        ColumnType::Money(None) => "money",
        ColumnType::Uuid => "uniqueidentifier",
        ColumnType::Bit(_) | ColumnType::VarBit(_) => {
            return Err(Error::unsupported(
                "a string of bits",
                "use varbinary, or a bit column for each",
            ));
        }
        ColumnType::Enum { .. } => {
            return Err(Error::unsupported(
                "an enum type",
                "use nvarchar(n) with a CHECK constraint",
            ));
        }
        ColumnType::Array(_) => {
            return Err(Error::unsupported(
                "an array type",
                "use a table of its own, or JSON text",
            ));
        }
        ColumnType::Year => return Err(Error::unsupported("the type year", "use smallint")),
        _ => {
            return Err(Error::unsupported(
                "this column type",
                "use ColumnType::custom with a type of SQL Server",
            ));
        }
    };
    Ok(fixed.to_owned())
}

fn decimal(precision: u32, scale: u32) -> Result<String, Error> {
    if (1..=38).contains(&precision) && scale <= precision {
        Ok(format!("decimal({precision}, {scale})"))
    } else {
        Err(Error::invalid(
            "a decimal",
            "its precision goes from 1 to 38, its scale from 0 to the precision",
        ))
    }
}

fn checked_length(length: u32, limit: u32) -> Result<u32, Error> {
    if (1..=limit).contains(&length) {
        Ok(length)
    } else if limit == MAX_UNICODE_LENGTH {
        Err(Error::invalid(
            "the length of a text column",
            "it goes from 1 to 4000; use text() for nvarchar(max)",
        ))
    } else {
        Err(Error::invalid(
            "the length of a column",
            "it goes from 1 to 8000; leave it out for varbinary(max)",
        ))
    }
}

fn checked_scale(scale: u8) -> Result<u8, Error> {
    if scale <= 7 {
        Ok(scale)
    } else {
        Err(Error::invalid(
            "the scale of a time",
            "it goes from 0 to 7 decimals",
        ))
    }
}

/// Can a column of this type be an IDENTITY column?
pub(crate) fn can_be_identity(column_type: &ColumnType) -> bool {
    match column_type {
        ColumnType::TinyInteger
        | ColumnType::SmallInteger
        | ColumnType::Integer
        | ColumnType::BigInteger
        | ColumnType::TinyUnsigned
        | ColumnType::SmallUnsigned
        | ColumnType::Unsigned
        | ColumnType::BigUnsigned
        // What a custom type is only the server knows.
        | ColumnType::Custom(_) => true,
        ColumnType::Decimal(Some((_, scale))) => *scale == 0,
        _ => false,
    }
}
