//! PRELOGIN: the server's version and whether the connection is encrypted (MS-TDS 2.2.6.5).

use super::reader::{Decoded, Reader, malformed};

const VERSION: u8 = 0;
const ENCRYPTION: u8 = 1;
const INSTANCE: u8 = 2;
const THREAD: u8 = 3;
const MARS: u8 = 4;
const TERMINATOR: u8 = 0xff;

/// What one side says of encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// Only the login packet is encrypted.
    Off,
    /// Everything is encrypted.
    On,
    /// Nothing can be encrypted.
    NotSupported,
    /// Everything must be encrypted.
    Required,
}

impl Encryption {
    fn byte(self) -> u8 {
        match self {
            Self::Off => 0,
            Self::On => 1,
            Self::NotSupported => 2,
            Self::Required => 3,
        }
    }
}

/// Reads what the client says of encryption; a client that says nothing cannot encrypt.
pub(crate) fn client_encryption(data: &[u8]) -> Decoded<Encryption> {
    let mut options = Reader::new(data);
    loop {
        let token = options.u8()?;
        if token == TERMINATOR {
            return Ok(Encryption::NotSupported);
        }
        let offset = usize::from(options.u16_be()?);
        let length = usize::from(options.u16_be()?);
        let Some(value) = data.get(offset..offset + length) else {
            return malformed("a PRELOGIN option points outside the message");
        };
        if token == ENCRYPTION {
            return match value {
                [0, ..] => Ok(Encryption::Off),
                [1, ..] => Ok(Encryption::On),
                [2, ..] => Ok(Encryption::NotSupported),
                [3, ..] => Ok(Encryption::Required),
                _ => malformed("a PRELOGIN says something unknown of encryption"),
            };
        }
    }
}

/// The server's answer.
pub(crate) fn answer(version: (u8, u8, u16), encryption: Encryption) -> Vec<u8> {
    let [build_high, build_low] = version.2.to_be_bytes();
    let options: [(u8, Vec<u8>); 5] = [
        (VERSION, vec![version.0, version.1, build_high, build_low, 0, 0]),
        (ENCRYPTION, vec![encryption.byte()]),
        (INSTANCE, vec![0]),
        (THREAD, Vec::new()),
        (MARS, vec![0]),
    ];
    let mut head = Vec::new();
    let mut body = Vec::new();
    let start = options.len() * 5 + 1;
    for (token, value) in options {
        head.push(token);
        head.extend(
            u16::try_from(start + body.len())
                .unwrap_or(u16::MAX)
                .to_be_bytes(),
        );
        head.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        body.extend(value);
    }
    head.push(TERMINATOR);
    head.extend(body);
    head
}
