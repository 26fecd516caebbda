//! Tokens of a server's answer (MS-TDS 2.2.7).

use bytes::{BufMut, BytesMut};

use super::{types, values};
use crate::errors::SqlError;
use crate::value::{Collation, SqlType, Value};

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) ty: SqlType,
    pub(crate) collation: Collation,
    pub(crate) nullable: bool,
    pub(crate) identity: bool,
    /// The column is one of a table's, not an expression.
    pub(crate) of_table: bool,
}

/// Bits of the status of a DONE token.
pub(crate) mod done {
    pub(crate) const MORE: u16 = 0x01;
    pub(crate) const ERROR: u16 = 0x02;
    pub(crate) const COUNT: u16 = 0x10;
    pub(crate) const ATTENTION: u16 = 0x20;
}

/// Which of the three DONE tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DoneKind {
    /// After a statement of a batch.
    Batch,
    /// After a statement inside a procedure.
    InProc,
    /// At the end of a procedure.
    Proc,
}

/// What changed in the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EnvChange {
    Database { new: String, old: String },
    PacketSize { new: usize, old: usize },
    Collation,
    Began(u64),
    Committed(u64),
    RolledBack(u64),
    Reset,
}

fn put_b_varchar(out: &mut BytesMut, text: &str) {
    let units: Vec<u16> = text.encode_utf16().take(255).collect();
    out.put_u8(u8::try_from(units.len()).unwrap_or(u8::MAX));
    for unit in units {
        out.put_u16_le(unit);
    }
}

fn put_us_varchar(out: &mut BytesMut, text: &str) {
    let units: Vec<u16> = text.encode_utf16().take(8000).collect();
    out.put_u16_le(u16::try_from(units.len()).unwrap_or(u16::MAX));
    for unit in units {
        out.put_u16_le(unit);
    }
}

/// Writes a token whose body has its length in two bytes before it.
fn with_length(out: &mut BytesMut, token: u8, body: &BytesMut) {
    out.put_u8(token);
    out.put_u16_le(u16::try_from(body.len()).unwrap_or(u16::MAX));
    out.put_slice(body);
}

/// ERROR, or INFO when the severity is 10 or less.
pub(crate) fn message(out: &mut BytesMut, error: &SqlError, server: &str) {
    let mut body = BytesMut::new();
    body.put_i32_le(error.number);
    body.put_u8(error.state);
    body.put_u8(error.class);
    put_us_varchar(&mut body, &error.message);
    put_b_varchar(&mut body, server);
    put_b_varchar(&mut body, &error.procedure);
    body.put_u32_le(error.line);
    with_length(out, if error.class > 10 { 0xaa } else { 0xab }, &body);
}

pub(crate) fn login_ack(out: &mut BytesMut, tds_version: u32, version: (u8, u8, u16)) {
    let mut body = BytesMut::new();
    body.put_u8(1);
    body.put_u32(tds_version);
    put_b_varchar(&mut body, "Microsoft SQL Server");
    body.put_slice(&[version.0, version.1]);
    body.put_u16(version.2);
    with_length(out, 0xad, &body);
}

pub(crate) fn env_change(out: &mut BytesMut, change: &EnvChange) {
    let mut body = BytesMut::new();
    match change {
        EnvChange::Database { new, old } => {
            body.put_u8(1);
            put_b_varchar(&mut body, new);
            put_b_varchar(&mut body, old);
        }
        EnvChange::PacketSize { new, old } => {
            body.put_u8(4);
            put_b_varchar(&mut body, &new.to_string());
            put_b_varchar(&mut body, &old.to_string());
        }
        EnvChange::Collation => {
            body.put_u8(7);
            body.put_u8(5);
            body.put_slice(&Collation::CaseInsensitive.wire());
            body.put_u8(0);
        }
        EnvChange::Began(descriptor) => {
            body.put_slice(&[8, 8]);
            body.put_u64_le(*descriptor);
            body.put_u8(0);
        }
        EnvChange::Committed(descriptor) => {
            body.put_slice(&[9, 0, 8]);
            body.put_u64_le(*descriptor);
        }
        EnvChange::RolledBack(descriptor) => {
            body.put_slice(&[10, 0, 8]);
            body.put_u64_le(*descriptor);
        }
        EnvChange::Reset => body.put_slice(&[18, 0, 0]),
    }
    with_length(out, 0xe3, &body);
}

pub(crate) fn columns(out: &mut BytesMut, columns: &[Column]) {
    out.put_u8(0x81);
    out.put_u16_le(u16::try_from(columns.len()).unwrap_or(u16::MAX));
    for column in columns {
        out.put_u32_le(0);
        let mut flags = u16::from(column.nullable);
        if column.collation != Collation::CaseInsensitive {
            flags |= 0x02;
        }
        if column.identity {
            flags |= 0x10;
        } else if column.of_table {
            // Whether it may be updated is not known.
            flags |= 0x08;
        }
        out.put_u16_le(flags);
        types::encode(out, column.ty, column.nullable, column.collation);
        put_b_varchar(out, &column.name);
    }
}

/// One row; with many NULLs as NBCROW, which leaves them out.
pub(crate) fn row(out: &mut BytesMut, columns: &[Column], values: &[Value]) {
    let nulls = values.iter().filter(|v| v.is_null()).count();
    if nulls * 2 > columns.len() && columns.len() > 1 {
        out.put_u8(0xd2);
        let mut bitmap = vec![0u8; columns.len().div_ceil(8)];
        for (i, _) in values.iter().enumerate().filter(|(_, v)| v.is_null()) {
            bitmap[i / 8] |= 1 << (i % 8);
        }
        out.put_slice(&bitmap);
        for (column, value) in columns.iter().zip(values).filter(|(_, v)| !v.is_null()) {
            values::encode(out, value, column.ty, column.nullable);
        }
    } else {
        out.put_u8(0xd1);
        for (column, value) in columns.iter().zip(values) {
            values::encode(out, value, column.ty, column.nullable);
        }
    }
}

pub(crate) fn done(out: &mut BytesMut, kind: DoneKind, status: u16, command: u16, count: u64) {
    out.put_u8(match kind {
        DoneKind::Batch => 0xfd,
        DoneKind::Proc => 0xfe,
        DoneKind::InProc => 0xff,
    });
    out.put_u16_le(status);
    out.put_u16_le(command);
    out.put_u64_le(count);
}

pub(crate) fn return_status(out: &mut BytesMut, status: i32) {
    out.put_u8(0x79);
    out.put_i32_le(status);
}

/// The value of an output parameter.
pub(crate) fn return_value(out: &mut BytesMut, ordinal: u16, name: &str, ty: SqlType, value: &Value) {
    out.put_u8(0xac);
    out.put_u16_le(ordinal);
    put_b_varchar(out, name);
    out.put_u8(1);
    out.put_u32_le(0);
    out.put_u16_le(1);
    types::encode(out, ty, true, Collation::CaseInsensitive);
    values::encode(out, value, ty, true);
}
