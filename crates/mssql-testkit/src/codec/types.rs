//! TYPE_INFO: how a column's or parameter's type is written on the wire (MS-TDS 2.2.5.4 to 2.2.5.6).

use bytes::{BufMut, BytesMut};

use super::reader::{Decoded, Reader, malformed};
use crate::value::{Collation, Length, SqlType};

/// How the value after a type is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// No length: the type tells it. The value cannot be NULL.
    Fixed,
    /// One byte of length; zero is NULL.
    Byte,
    /// Two bytes of length; 0xffff is NULL.
    Short,
    /// Chunks, as `max` types have them.
    Chunks,
    /// Four bytes of length, as the old `text` types have them; in rows after a text pointer.
    Long,
    /// Four bytes of length, then the type of the value: sql_variant.
    Variant,
}

/// A type as a client wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WireType {
    pub(crate) ty: SqlType,
    pub(crate) framing: Framing,
    pub(crate) utf8: bool,
}

const MAX_LENGTH: u16 = 0xffff;

/// Writes a type; types that have a form without NULL use it when the column is NOT NULL.
pub(crate) fn encode(out: &mut BytesMut, ty: SqlType, nullable: bool, collation: Collation) {
    let sized = |out: &mut BytesMut, fixed: u8, variable: u8, width: u8| {
        if nullable {
            out.put_slice(&[variable, width]);
        } else {
            out.put_u8(fixed);
        }
    };
    let text = |out: &mut BytesMut, id: u8, bytes: u16| {
        out.put_u8(id);
        out.put_u16_le(bytes);
        out.put_slice(&collation.wire());
    };
    let limited = |length: Length, width: u16| match length {
        Length::Limited(n) => n.max(1) * width,
        Length::Max => MAX_LENGTH,
    };
    match ty {
        SqlType::Bit => sized(out, 0x32, 0x68, 1),
        SqlType::TinyInt => sized(out, 0x30, 0x26, 1),
        SqlType::SmallInt => sized(out, 0x34, 0x26, 2),
        SqlType::Int => sized(out, 0x38, 0x26, 4),
        SqlType::BigInt => sized(out, 0x7f, 0x26, 8),
        SqlType::Real => sized(out, 0x3b, 0x6d, 4),
        SqlType::Float => sized(out, 0x3e, 0x6d, 8),
        SqlType::SmallMoney => sized(out, 0x7a, 0x6e, 4),
        SqlType::Money => sized(out, 0x3c, 0x6e, 8),
        SqlType::SmallDateTime => sized(out, 0x3a, 0x6f, 4),
        SqlType::DateTime => sized(out, 0x3d, 0x6f, 8),
        SqlType::Decimal { precision, scale } => {
            out.put_slice(&[0x6a, decimal_width(precision), precision, scale])
        }
        SqlType::UniqueIdentifier => out.put_slice(&[0x24, 16]),
        SqlType::Date => out.put_u8(0x28),
        SqlType::Time(scale) => out.put_slice(&[0x29, scale]),
        SqlType::DateTime2(scale) => out.put_slice(&[0x2a, scale]),
        SqlType::DateTimeOffset(scale) => out.put_slice(&[0x2b, scale]),
        SqlType::Char(n) => text(out, 0xaf, n),
        SqlType::NChar(n) => text(out, 0xef, n * 2),
        SqlType::VarChar(n) => text(out, 0xa7, limited(n, 1)),
        SqlType::NVarChar(n) => text(out, 0xe7, limited(n, 2)),
        SqlType::Binary(n) => {
            out.put_u8(0xad);
            out.put_u16_le(n);
        }
        SqlType::VarBinary(n) => {
            out.put_u8(0xa5);
            out.put_u16_le(limited(n, 1));
        }
        SqlType::Variant => {
            out.put_u8(0x62);
            out.put_u32_le(8009);
        }
    }
}

/// How a value of this type is framed when [`encode`] wrote the type.
pub(crate) fn framing(ty: SqlType, nullable: bool) -> Framing {
    match ty {
        SqlType::VarChar(Length::Max) | SqlType::NVarChar(Length::Max) | SqlType::VarBinary(Length::Max) => {
            Framing::Chunks
        }
        SqlType::Variant => Framing::Variant,
        _ if ty.is_text() || ty.is_binary() => Framing::Short,
        SqlType::Decimal { .. }
        | SqlType::UniqueIdentifier
        | SqlType::Date
        | SqlType::Time(_)
        | SqlType::DateTime2(_)
        | SqlType::DateTimeOffset(_) => Framing::Byte,
        _ if nullable => Framing::Byte,
        _ => Framing::Fixed,
    }
}

/// Bytes of a decimal on the wire, sign included.
pub(crate) fn decimal_width(precision: u8) -> u8 {
    match precision {
        0..=9 => 5,
        10..=19 => 9,
        20..=28 => 13,
        _ => 17,
    }
}

/// Reads a type.
pub(crate) fn decode(from: &mut Reader<'_>) -> Decoded<WireType> {
    let id = from.u8()?;
    let plain = |ty, framing| {
        Ok(WireType {
            ty,
            framing,
            utf8: false,
        })
    };
    match id {
        // A NULL without a type: what it is compared with or stored in decides.
        0x1f => plain(SqlType::nvarchar(1), Framing::Fixed),
        0x30 => plain(SqlType::TinyInt, Framing::Fixed),
        0x32 => plain(SqlType::Bit, Framing::Fixed),
        0x34 => plain(SqlType::SmallInt, Framing::Fixed),
        0x38 => plain(SqlType::Int, Framing::Fixed),
        0x7f => plain(SqlType::BigInt, Framing::Fixed),
        0x3b => plain(SqlType::Real, Framing::Fixed),
        0x3e => plain(SqlType::Float, Framing::Fixed),
        0x3c => plain(SqlType::Money, Framing::Fixed),
        0x7a => plain(SqlType::SmallMoney, Framing::Fixed),
        0x3d => plain(SqlType::DateTime, Framing::Fixed),
        0x3a => plain(SqlType::SmallDateTime, Framing::Fixed),
        0x28 => plain(SqlType::Date, Framing::Byte),
        0x29..=0x2b => {
            let scale = from.u8()?;
            if scale > 7 {
                return malformed(format!("a time has a scale of {scale}"));
            }
            plain(
                match id {
                    0x29 => SqlType::Time(scale),
                    0x2a => SqlType::DateTime2(scale),
                    _ => SqlType::DateTimeOffset(scale),
                },
                Framing::Byte,
            )
        }
        0x24 | 0x26 | 0x68 | 0x6d | 0x6e | 0x6f => {
            let width = from.u8()?;
            let ty = match (id, width) {
                (0x24, 16) => SqlType::UniqueIdentifier,
                (0x26, 1) => SqlType::TinyInt,
                (0x26, 2) => SqlType::SmallInt,
                (0x26, 4) => SqlType::Int,
                (0x26, 8) => SqlType::BigInt,
                (0x68, 1) => SqlType::Bit,
                (0x6d, 4) => SqlType::Real,
                (0x6d, 8) => SqlType::Float,
                (0x6e, 4) => SqlType::SmallMoney,
                (0x6e, 8) => SqlType::Money,
                (0x6f, 4) => SqlType::SmallDateTime,
                (0x6f, 8) => SqlType::DateTime,
                _ => return malformed(format!("type {id:#x} has no width of {width} bytes")),
            };
            plain(ty, Framing::Byte)
        }
        0x6a | 0x6c | 0x37 | 0x3f => {
            let [_width, precision, scale] = from.array()?;
            if precision == 0 || precision > 38 || scale > precision {
                return malformed(format!("decimal({precision},{scale}) does not exist"));
            }
            plain(SqlType::Decimal { precision, scale }, Framing::Byte)
        }
        0xa7 | 0xaf | 0xe7 | 0xef => {
            let bytes = from.u16()?;
            let utf8 = is_utf8(from.array()?);
            let length = |width: u16| {
                if bytes == MAX_LENGTH {
                    Length::Max
                } else {
                    Length::Limited(bytes / width)
                }
            };
            let ty = match id {
                0xa7 => SqlType::VarChar(length(1)),
                0xe7 => SqlType::NVarChar(length(2)),
                0xaf => SqlType::Char(bytes),
                _ => SqlType::NChar(bytes / 2),
            };
            let framing = if bytes == MAX_LENGTH {
                Framing::Chunks
            } else {
                Framing::Short
            };
            Ok(WireType { ty, framing, utf8 })
        }
        0xa5 | 0xad => {
            let bytes = from.u16()?;
            match (id, bytes) {
                (0xa5, MAX_LENGTH) => plain(SqlType::VarBinary(Length::Max), Framing::Chunks),
                (0xa5, _) => plain(SqlType::VarBinary(Length::Limited(bytes)), Framing::Short),
                _ => plain(SqlType::Binary(bytes), Framing::Short),
            }
        }
        0x23 | 0x63 => {
            from.u32()?;
            let utf8 = is_utf8(from.array()?);
            let ty = if id == 0x23 {
                SqlType::VarChar(Length::Max)
            } else {
                SqlType::NVarChar(Length::Max)
            };
            Ok(WireType {
                ty,
                framing: Framing::Long,
                utf8,
            })
        }
        0x22 => {
            from.u32()?;
            plain(SqlType::VarBinary(Length::Max), Framing::Long)
        }
        _ => malformed(format!("type {id:#x} is not known to this server")),
    }
}

fn is_utf8(collation: [u8; 5]) -> bool {
    u32::from_le_bytes([collation[0], collation[1], collation[2], collation[3]]) & (1 << 26) != 0
}
