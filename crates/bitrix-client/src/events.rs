//! Events that a portal sends to an outgoing webhook, read from their form-encoded bodies.
//!
//! An event is a hint: a portal sends it once, in no promised order, and tells little more than what was touched. So
//! reading is tolerant: fields that are missing, more than expected or in another order are fine, and an identifier
//! that is none stands for no identifier. Only what cannot be an event at all is an error.

use percent_encoding::percent_decode;
use secrecy::SecretString;

/// More fields than any event has; PHP itself stops reading at this many.
pub const MAX_EVENT_FIELDS: usize = 1000;

/// The longest code of an event, in bytes.
const MAX_CODE: usize = 100;

/// An event of an outgoing webhook.
///
/// `Debug` does not show the token.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct OutgoingEvent {
    /// `event` in upper case, as portals spell it: `ONCRMDEALUPDATE`. Printable ASCII, 1 to 100 bytes.
    pub event: String,
    /// The object that the event is about, from 1 on: `data[FIELDS][ID]`, else `data[FIELDS_AFTER][ID]`. `None` when
    /// neither is a number of that kind.
    pub object_id: Option<i64>,
    /// `event_handler_id`: which of the portal's webhooks has sent it.
    pub handler_id: Option<i64>,
    /// `ts`: when the portal has sent it, in seconds of Unix time.
    pub ts: Option<i64>,
    /// `auth[domain]`: the portal's host, as it claims.
    pub domain: Option<String>,
    /// `auth[member_id]`: the portal's identifier with the vendor, as it claims.
    pub member_id: Option<String>,
    /// `auth[application_token]`: the only proof of origin. Compare it in constant time.
    pub application_token: Option<SecretString>,
}

/// Why a body is not an event. No variant carries any part of the body: it holds the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// A field is not UTF-8 once decoded.
    #[error("reading an event: a field is not UTF-8")]
    NotUtf8,
    /// There are more fields than [`MAX_EVENT_FIELDS`].
    #[error("reading an event: there are more than {MAX_EVENT_FIELDS} fields")]
    TooManyFields,
    /// There is no `event`, or it is empty.
    #[error("reading an event: the field `event` is missing")]
    NoCode,
    /// The code is longer than 100 bytes, or has characters other than printable ASCII.
    #[error("reading an event: the field `event` is not a code")]
    BadCode,
}

impl OutgoingEvent {
    /// Reads the body of a request, `application/x-www-form-urlencoded` with PHP's brackets for nesting.
    ///
    /// The last of several fields with the same name counts, as in PHP; a stray `%` stands for itself. The caller bounds the
    /// length of the body.
    ///
    /// # Errors
    /// When the body cannot be an event; see [`EventError`].
    pub fn parse(body: &[u8]) -> Result<Self, EventError> {
        let mut read = Self::default();
        let mut id_after = None;
        let fields = body.split(|byte| *byte == b'&').filter(|field| !field.is_empty());
        for (index, field) in fields.enumerate() {
            if index == MAX_EVENT_FIELDS {
                return Err(EventError::TooManyFields);
            }
            let end = field.iter().position(|byte| *byte == b'=');
            let (name, value) = match end {
                Some(end) => (&field[..end], &field[end + 1..]),
                None => (field, &field[field.len()..]),
            };
            let (name, value) = (decode(name)?, decode(value)?);
            match path(&name).as_slice() {
                ["event"] => read.event = value.trim().to_ascii_uppercase(),
                ["event_handler_id"] => read.handler_id = number(&value),
                ["ts"] => read.ts = number(&value),
                ["data", "FIELDS", "ID"] => read.object_id = identifier(&value),
                ["data", "FIELDS_AFTER", "ID"] => id_after = identifier(&value),
                ["auth", "domain"] => read.domain = text(&value),
                ["auth", "member_id"] => read.member_id = text(&value),
                ["auth", "application_token"] => {
                    read.application_token = text(&value).map(SecretString::from);
                }
                _ => {}
            }
        }
        read.object_id = read.object_id.or(id_after);
        match read.event.as_bytes() {
            [] => Err(EventError::NoCode),
            code if code.len() > MAX_CODE || !code.iter().all(u8::is_ascii_graphic) => {
                Err(EventError::BadCode)
            }
            _ => Ok(read),
        }
    }
}

/// Undoes the form's encoding of one name or value.
fn decode(text: &[u8]) -> Result<String, EventError> {
    let spaced: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    let bytes: Vec<u8> = percent_decode(&spaced).collect();
    String::from_utf8(bytes).map_err(|_| EventError::NotUtf8)
}

/// The parts of a nested name: `data[FIELDS][ID]` has three. A name whose brackets are not in order is one part, and
/// what is nested deeper than any field of interest is cut short, so it matches none.
fn path(name: &str) -> Vec<&str> {
    const DEEPEST: usize = 4;
    let Some((first, rest)) = name.split_once('[') else {
        return vec![name];
    };
    let Some(inner) = rest.strip_suffix(']') else {
        return vec![name];
    };
    let nested = inner.split("][").take(DEEPEST);
    std::iter::once(first).chain(nested).collect()
}

fn number(value: &str) -> Option<i64> {
    value.trim().parse().ok()
}

/// Objects of a portal are numbered from 1 on.
fn identifier(value: &str) -> Option<i64> {
    number(value).filter(|id| *id > 0)
}

fn text(value: &str) -> Option<String> {
    Some(value.trim())
        .filter(|value| !value.is_empty())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests;
