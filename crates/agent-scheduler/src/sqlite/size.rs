//! The bounds of what one record may hold, so that no bug of an agent can make the state grow without end.

use std::io;

use serde::Serialize;

use super::QUEUE;
use crate::Error;
use crate::record::{MAX_KEY_BYTES, MAX_VALUE_BYTES};
use crate::store::QueueRequest;

/// Refuses a value whose JSON is longer than [`MAX_VALUE_BYTES`].
pub(super) fn check_value(operation: &'static str, value: &impl Serialize) -> Result<(), Error> {
    let mut counter = Counter(0);
    // It refuses beyond the bound; what cannot be written as JSON at all is refused where it is written.
    match serde_json::to_writer(&mut counter, value) {
        Err(error) if error.is_io() => Err(Error::TooLarge {
            operation,
            most: MAX_VALUE_BYTES,
        }),
        _ => Ok(()),
    }
}

/// Refuses a piece of work whose name, key or input is beyond its bound.
pub(super) fn check_request(request: &QueueRequest) -> Result<(), Error> {
    check_key(QUEUE, &request.name)?;
    check_key(QUEUE, &request.key)?;
    check_value(QUEUE, &request.input)
}

/// Refuses a name or key that is longer than [`MAX_KEY_BYTES`].
pub(super) fn check_key(operation: &'static str, word: &str) -> Result<(), Error> {
    if word.len() > MAX_KEY_BYTES {
        return Err(Error::TooLarge {
            operation,
            most: MAX_KEY_BYTES,
        });
    }
    Ok(())
}

/// Counts what is written, up to the bound.
struct Counter(usize);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        if self.0 > MAX_VALUE_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
