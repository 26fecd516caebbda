//! Values and types of SQL Server, as the engine computes with them and the codec sends them.

mod compare;
mod convert;
mod datetime;
mod decimal;
mod key;
mod text;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};

pub(crate) use compare::compare;
pub(crate) use convert::{Conversion, coerce_for_column, convert, unhex};
pub(crate) use datetime::{parse_date_time, round_fraction, to_date_time};
pub use decimal::Decimal;
pub(crate) use key::{Key, key};
pub(crate) use text::{Collation, decode_cp1252, encode_cp1252, fold, utf16_len};

/// One value. Its exact SQL type (width, precision) is told by the column or expression it came from.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// NULL of any type.
    Null,
    /// `bit`
    Bit(bool),
    /// `tinyint`, `smallint`, `int`, `bigint`
    Int(i64),
    /// `real`, `float`
    Float(f64),
    /// `decimal`, `numeric`, `money`, `smallmoney`
    Decimal(Decimal),
    /// `char`, `varchar`, `nchar`, `nvarchar`
    Text(Arc<str>),
    /// `binary`, `varbinary`
    Bytes(Arc<[u8]>),
    /// `date`
    Date(NaiveDate),
    /// `time`
    Time(NaiveTime),
    /// `datetime`, `smalldatetime`, `datetime2`
    DateTime(NaiveDateTime),
    /// `datetimeoffset`
    Offset(DateTime<FixedOffset>),
    /// `uniqueidentifier`, in the byte order of the wire
    Guid([u8; 16]),
}

impl Value {
    /// A text value.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// Whether this is NULL.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

/// Length of a variable-length type: a number of characters or bytes, or `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    Limited(u16),
    Max,
}

impl Length {
    /// The limit as a number, with `max` as two gigabytes.
    pub(crate) fn limit(self) -> usize {
        match self {
            Self::Limited(n) => usize::from(n),
            Self::Max => 0x7fff_fffe,
        }
    }

    fn wider(self, other: Self) -> Self {
        match (self, other) {
            (Self::Limited(a), Self::Limited(b)) => Self::Limited(a.max(b)),
            _ => Self::Max,
        }
    }
}

/// A SQL Server data type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SqlType {
    Bit,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    Real,
    Float,
    Decimal { precision: u8, scale: u8 },
    SmallMoney,
    Money,
    Char(u16),
    VarChar(Length),
    NChar(u16),
    NVarChar(Length),
    Binary(u16),
    VarBinary(Length),
    Date,
    Time(u8),
    SmallDateTime,
    DateTime,
    DateTime2(u8),
    DateTimeOffset(u8),
    UniqueIdentifier,
    Variant,
}

impl SqlType {
    pub(crate) const fn nvarchar(length: u16) -> Self {
        Self::NVarChar(Length::Limited(length))
    }

    pub(crate) const fn varchar(length: u16) -> Self {
        Self::VarChar(Length::Limited(length))
    }

    /// The name in `sys.types`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bit => "bit",
            Self::TinyInt => "tinyint",
            Self::SmallInt => "smallint",
            Self::Int => "int",
            Self::BigInt => "bigint",
            Self::Real => "real",
            Self::Float => "float",
            Self::Decimal { .. } => "decimal",
            Self::SmallMoney => "smallmoney",
            Self::Money => "money",
            Self::Char(_) => "char",
            Self::VarChar(_) => "varchar",
            Self::NChar(_) => "nchar",
            Self::NVarChar(_) => "nvarchar",
            Self::Binary(_) => "binary",
            Self::VarBinary(_) => "varbinary",
            Self::Date => "date",
            Self::Time(_) => "time",
            Self::SmallDateTime => "smalldatetime",
            Self::DateTime => "datetime",
            Self::DateTime2(_) => "datetime2",
            Self::DateTimeOffset(_) => "datetimeoffset",
            Self::UniqueIdentifier => "uniqueidentifier",
            Self::Variant => "sql_variant",
        }
    }

    /// `system_type_id` and `user_type_id` in `sys.types`.
    pub(crate) fn system_id(self) -> u8 {
        match self {
            Self::Bit => 104,
            Self::TinyInt => 48,
            Self::SmallInt => 52,
            Self::Int => 56,
            Self::BigInt => 127,
            Self::Real => 59,
            Self::Float => 62,
            Self::Decimal { .. } => 106,
            Self::SmallMoney => 122,
            Self::Money => 60,
            Self::Char(_) => 175,
            Self::VarChar(_) => 167,
            Self::NChar(_) => 239,
            Self::NVarChar(_) => 231,
            Self::Binary(_) => 173,
            Self::VarBinary(_) => 165,
            Self::Date => 40,
            Self::Time(_) => 41,
            Self::SmallDateTime => 58,
            Self::DateTime => 61,
            Self::DateTime2(_) => 42,
            Self::DateTimeOffset(_) => 43,
            Self::UniqueIdentifier => 36,
            Self::Variant => 98,
        }
    }

    /// `max_length`, `precision` and `scale` of `sys.columns`.
    pub(crate) fn dimensions(self) -> (i64, i64, i64) {
        let bytes = |length: Length, width: i64| match length {
            Length::Limited(n) => i64::from(n) * width,
            Length::Max => -1,
        };
        match self {
            Self::Bit => (1, 1, 0),
            Self::TinyInt => (1, 3, 0),
            Self::SmallInt => (2, 5, 0),
            Self::Int => (4, 10, 0),
            Self::BigInt => (8, 19, 0),
            Self::Real => (4, 24, 0),
            Self::Float => (8, 53, 0),
            Self::Decimal { precision, scale } => (
                i64::from(decimal::wire_width(precision)),
                i64::from(precision),
                i64::from(scale),
            ),
            Self::SmallMoney => (4, 10, 4),
            Self::Money => (8, 19, 4),
            Self::Char(n) | Self::Binary(n) => (i64::from(n), 0, 0),
            Self::NChar(n) => (i64::from(n) * 2, 0, 0),
            Self::VarChar(n) | Self::VarBinary(n) => (bytes(n, 1), 0, 0),
            Self::NVarChar(n) => (bytes(n, 2), 0, 0),
            Self::Date => (3, 10, 0),
            Self::Time(s) => (
                3 + fraction_bytes(s),
                if s == 0 { 8 } else { 9 + i64::from(s) },
                i64::from(s),
            ),
            Self::SmallDateTime => (4, 16, 0),
            Self::DateTime => (8, 23, 3),
            Self::DateTime2(s) => (
                6 + fraction_bytes(s),
                if s == 0 { 19 } else { 20 + i64::from(s) },
                i64::from(s),
            ),
            Self::DateTimeOffset(s) => (
                8 + fraction_bytes(s),
                if s == 0 { 26 } else { 27 + i64::from(s) },
                i64::from(s),
            ),
            Self::UniqueIdentifier => (16, 0, 0),
            Self::Variant => (8016, 0, 0),
        }
    }

    pub(crate) fn is_text(self) -> bool {
        matches!(
            self,
            Self::Char(_) | Self::VarChar(_) | Self::NChar(_) | Self::NVarChar(_)
        )
    }

    pub(crate) fn is_unicode(self) -> bool {
        matches!(self, Self::NChar(_) | Self::NVarChar(_))
    }

    pub(crate) fn is_binary(self) -> bool {
        matches!(self, Self::Binary(_) | Self::VarBinary(_))
    }

    pub(crate) fn is_integer(self) -> bool {
        matches!(
            self,
            Self::Bit | Self::TinyInt | Self::SmallInt | Self::Int | Self::BigInt
        )
    }

    pub(crate) fn is_number(self) -> bool {
        self.is_integer()
            || matches!(
                self,
                Self::Real | Self::Float | Self::Decimal { .. } | Self::SmallMoney | Self::Money
            )
    }

    pub(crate) fn is_temporal(self) -> bool {
        matches!(
            self,
            Self::Date
                | Self::Time(_)
                | Self::SmallDateTime
                | Self::DateTime
                | Self::DateTime2(_)
                | Self::DateTimeOffset(_)
        )
    }

    /// Length in characters of a text, or bytes of a binary type.
    pub(crate) fn length(self) -> Option<Length> {
        match self {
            Self::Char(n) | Self::NChar(n) | Self::Binary(n) => Some(Length::Limited(n)),
            Self::VarChar(n) | Self::NVarChar(n) | Self::VarBinary(n) => Some(n),
            _ => None,
        }
    }

    /// Data type precedence: of two operands, the one with the lower rank is converted to the other's type.
    fn rank(self) -> u8 {
        match self {
            Self::Binary(_) => 0,
            Self::VarBinary(_) => 1,
            Self::Char(_) => 2,
            Self::VarChar(_) => 3,
            Self::NChar(_) => 4,
            Self::NVarChar(_) => 5,
            Self::UniqueIdentifier => 6,
            Self::Bit => 7,
            Self::TinyInt => 8,
            Self::SmallInt => 9,
            Self::Int => 10,
            Self::BigInt => 11,
            Self::SmallMoney => 12,
            Self::Money => 13,
            Self::Decimal { .. } => 14,
            Self::Real => 15,
            Self::Float => 16,
            Self::Time(_) => 17,
            Self::Date => 18,
            Self::SmallDateTime => 19,
            Self::DateTime => 20,
            Self::DateTime2(_) => 21,
            Self::DateTimeOffset(_) => 22,
            Self::Variant => 23,
        }
    }

    /// The common type of two operands, as CASE, COALESCE, UNION and comparisons need it.
    pub(crate) fn common(self, other: Self) -> Self {
        let (low, high) = if self.rank() <= other.rank() {
            (self, other)
        } else {
            (other, self)
        };
        match (low, high) {
            (Self::Decimal { .. }, Self::Decimal { .. }) => decimal::wider(low, high),
            (_, Self::Decimal { .. }) if low.is_integer() => decimal::wider(
                Self::Decimal {
                    precision: decimal::digits_of_integer(low),
                    scale: 0,
                },
                high,
            ),
            (Self::Time(a), Self::Time(b)) => Self::Time(a.max(b)),
            (Self::DateTime2(a), Self::DateTime2(b)) => Self::DateTime2(a.max(b)),
            (Self::DateTimeOffset(a), Self::DateTimeOffset(b)) => Self::DateTimeOffset(a.max(b)),
            (Self::Char(a), Self::Char(b)) if a != b => Self::Char(a.max(b)),
            (Self::NChar(a), Self::NChar(b)) if a != b => Self::NChar(a.max(b)),
            (Self::Binary(a), Self::Binary(b)) => Self::Binary(a.max(b)),
            (_, Self::VarChar(b)) => Self::VarChar(b.wider(low.length().unwrap_or(b))),
            (_, Self::NChar(b)) if low.is_text() => {
                let wide = Length::Limited(b).wider(low.length().unwrap_or(Length::Limited(b)));
                if matches!(low, Self::Char(_)) {
                    Self::NChar(u16::try_from(wide.limit()).unwrap_or(4000))
                } else {
                    Self::NVarChar(wide)
                }
            }
            (_, Self::NVarChar(b)) if low.is_text() => Self::NVarChar(b.wider(match low.length() {
                Some(Length::Limited(n)) => Length::Limited(n.min(4000)),
                Some(Length::Max) => Length::Max,
                None => b,
            })),
            (_, Self::VarBinary(b)) => Self::VarBinary(b.wider(low.length().unwrap_or(b))),
            _ => high,
        }
    }
}

fn fraction_bytes(scale: u8) -> i64 {
    match scale {
        0..=2 => 0,
        3..=4 => 1,
        _ => 2,
    }
}

impl std::fmt::Display for SqlType {
    /// The type as it is written in T-SQL.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.name();
        match self {
            Self::Decimal { precision, scale } => write!(f, "{name}({precision},{scale})"),
            Self::Time(s) | Self::DateTime2(s) | Self::DateTimeOffset(s) => write!(f, "{name}({s})"),
            _ => match self.length() {
                Some(Length::Limited(n)) => write!(f, "{name}({n})"),
                Some(Length::Max) => write!(f, "{name}(max)"),
                None => f.write_str(name),
            },
        }
    }
}
