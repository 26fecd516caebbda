//! A reader over the bytes of one message that never reads past their end.

use crate::value::decode_cp1252;

/// The message is shorter than what it announces, or says something TDS has no meaning for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("broken TDS message: {0}")]
pub(crate) struct Malformed(pub(crate) String);

pub(crate) type Decoded<T> = Result<T, Malformed>;

pub(crate) fn malformed<T>(why: impl Into<String>) -> Decoded<T> {
    Err(Malformed(why.into()))
}

#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Decoded<&'a [u8]> {
        match self.rest.split_at_checked(count) {
            Some((head, tail)) => {
                self.rest = tail;
                Ok(head)
            }
            None => malformed(format!(
                "{count} bytes were announced and {} are there",
                self.rest.len()
            )),
        }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Decoded<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.bytes(N)?);
        Ok(out)
    }

    pub(crate) fn u8(&mut self) -> Decoded<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Decoded<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u16_be(&mut self) -> Decoded<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Decoded<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn i32(&mut self) -> Decoded<i32> {
        self.array().map(i32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Decoded<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// `units` UTF-16 code units.
    pub(crate) fn utf16(&mut self, units: usize) -> Decoded<String> {
        Ok(utf16(self.bytes(units * 2)?))
    }

    /// Text with its length in code units in one byte.
    pub(crate) fn b_varchar(&mut self) -> Decoded<String> {
        let units = self.u8()?;
        self.utf16(usize::from(units))
    }

    /// Text with its length in code units in two bytes.
    pub(crate) fn us_varchar(&mut self) -> Decoded<String> {
        let units = self.u16()?;
        self.utf16(usize::from(units))
    }

    /// Skips the ALL_HEADERS block that starts a batch, an RPC or a transaction request.
    pub(crate) fn all_headers(&mut self) -> Decoded<()> {
        let total = self.clone().u32()?;
        if total < 4 {
            return malformed("the length of ALL_HEADERS is below 4");
        }
        self.bytes(usize::try_from(total).unwrap_or(usize::MAX))?;
        Ok(())
    }

    pub(crate) fn remaining(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }
}

/// UTF-16 bytes as text; a half surrogate pair becomes U+FFFD.
pub(crate) fn utf16(bytes: &[u8]) -> String {
    let units = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// Bytes of a `char` or `varchar`, as text.
pub(crate) fn narrow(bytes: &[u8], utf8: bool) -> String {
    if utf8 {
        String::from_utf8_lossy(bytes).into_owned()
    } else {
        decode_cp1252(bytes)
    }
}
