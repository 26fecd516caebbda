//! RPC requests: a procedure by name or number, and its parameters (MS-TDS 2.2.6.6).

use super::reader::{Decoded, Reader};
use super::types::{self, WireType};
use super::values;
use crate::value::Value;

/// The procedure a client calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Procedure {
    Named(String),
    /// A well-known procedure: 10 is sp_executesql.
    Numbered(u16),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parameter {
    /// With its `@`; empty when the parameter is positional.
    pub(crate) name: String,
    pub(crate) output: bool,
    pub(crate) wire: WireType,
    pub(crate) value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) procedure: Procedure,
    pub(crate) parameters: Vec<Parameter>,
}

const BY_REFERENCE: u8 = 1;
/// Between two calls in one request: 0x80 up to TDS 7.1, 0xff since 7.2; 0xfe means "do not run it".
const NEXT_CALL: [u8; 2] = [0x80, 0xff];

/// Reads all calls of a request.
pub(crate) fn decode(data: &[u8]) -> Decoded<Vec<Call>> {
    let mut from = Reader::new(data);
    from.all_headers()?;
    let mut calls = Vec::new();
    while !from.is_empty() {
        calls.push(call(&mut from)?);
    }
    Ok(calls)
}

fn call(from: &mut Reader<'_>) -> Decoded<Call> {
    let length = from.u16()?;
    let procedure = if length == u16::MAX {
        Procedure::Numbered(from.u16()?)
    } else {
        Procedure::Named(from.utf16(usize::from(length))?)
    };
    from.u16()?;
    let mut parameters = Vec::new();
    while !from.is_empty() {
        let ahead = from.clone().u8()?;
        if NEXT_CALL.contains(&ahead) {
            from.u8()?;
            break;
        }
        let mut name = from.b_varchar()?;
        if !name.is_empty() && !name.starts_with('@') {
            name.insert(0, '@');
        }
        let output = from.u8()? & BY_REFERENCE != 0;
        let wire = types::decode(from)?;
        let value = values::decode(from, wire)?;
        parameters.push(Parameter {
            name,
            output,
            wire,
            value,
        });
    }
    Ok(Call {
        procedure,
        parameters,
    })
}
