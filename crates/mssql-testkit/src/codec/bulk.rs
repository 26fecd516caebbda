//! The data of a bulk load: COLMETADATA, ROW and DONE tokens sent by the client (MS-TDS 2.2.6.1).

use super::reader::{Decoded, Reader, malformed};
use super::types::{self, Framing, WireType};
use super::values;
use crate::value::Value;

/// The columns and rows of a bulk load.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BulkData {
    pub(crate) columns: Vec<(String, WireType)>,
    pub(crate) rows: Vec<Vec<Value>>,
}

const COLMETADATA: u8 = 0x81;
const ROW: u8 = 0xd1;
const NBCROW: u8 = 0xd2;
const DONE: u8 = 0xfd;

pub(crate) fn decode(data: &[u8]) -> Decoded<BulkData> {
    let mut from = Reader::new(data);
    if from.u8()? != COLMETADATA {
        return malformed("a bulk load does not start with COLMETADATA");
    }
    let count = from.u16()?;
    let mut columns = Vec::new();
    for _ in 0..count {
        from.u32()?;
        from.u16()?;
        let wire = types::decode(&mut from)?;
        if wire.framing == Framing::Long {
            // The table the old text types point into.
            let parts = from.u8()?;
            for _ in 0..parts {
                from.us_varchar()?;
            }
        }
        columns.push((from.b_varchar()?, wire));
    }
    let mut rows = Vec::new();
    loop {
        if from.is_empty() {
            // FreeTDS leaves the DONE out when it sent no row.
            return Ok(BulkData { columns, rows });
        }
        match from.u8()? {
            ROW => rows.push(row(&mut from, &columns, None)?),
            NBCROW => {
                let bitmap = from.bytes(columns.len().div_ceil(8))?;
                rows.push(row(&mut from, &columns, Some(bitmap))?);
            }
            DONE => return Ok(BulkData { columns, rows }),
            other => return malformed(format!("a bulk load holds token {other:#x}")),
        }
    }
}

fn row(from: &mut Reader<'_>, columns: &[(String, WireType)], nulls: Option<&[u8]>) -> Decoded<Vec<Value>> {
    columns
        .iter()
        .enumerate()
        .map(|(i, (_, wire))| {
            if nulls.is_some_and(|bitmap| bitmap[i / 8] & (1 << (i % 8)) != 0) {
                return Ok(Value::Null);
            }
            if wire.framing == Framing::Long {
                match from.u8()? {
                    0 => return Ok(Value::Null),
                    pointer => from.bytes(usize::from(pointer) + 8)?,
                };
            }
            values::decode(from, *wire)
        })
        .collect()
}
