//! What is said to people, line by line, on the two standard streams.
//!
//! Who reads a stream may stop before all is said (`stage-exchange migrate --plan | head`): the work and its exit code do not depend on it, and
//! `println!` would end the program in the middle of both. So what nobody reads any more is dropped. Results that cannot be written for another
//! reason, as to a full disk, are a failure of the command: see [`unwritten`].

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};
use std::sync::{Mutex, PoisonError};

/// Why a line of results could not be written.
static UNWRITTEN: Mutex<Option<io::Error>> = Mutex::new(None);

/// A line of results: as `println!`.
macro_rules! say {
    ($($words:tt)*) => {
        $crate::printing::result(format_args!($($words)*))
    };
}

/// A line beside the results: as `eprintln!`.
macro_rules! tell {
    ($($words:tt)*) => {
        $crate::printing::aside(format_args!($($words)*))
    };
}

pub(crate) use {say, tell};

pub(crate) fn result(words: Arguments<'_>) {
    if let Err(error) = writeln!(Results(io::stdout().lock()), "{words}") {
        let mut unwritten = UNWRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
        unwritten.get_or_insert(error);
    }
}

pub(crate) fn aside(words: Arguments<'_>) {
    // There is nowhere else to say that it cannot be said.
    writeln!(io::stderr().lock(), "{words}").ok();
}

/// Why some of the results could not be written, if there is such a reason.
pub(crate) fn unwritten() -> Option<io::Error> {
    let mut unwritten = UNWRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
    unwritten.take()
}

/// Standard output, for what writes by itself.
pub(crate) fn results() -> impl Write {
    Results(io::stdout().lock())
}

/// Drops what nobody reads any more.
struct Results<W>(W);

impl<W: Write> Write for Results<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(bytes.len()),
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.flush() {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            flushed => flushed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Stream(ErrorKind);

    impl Write for Stream {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn what_nobody_reads_is_dropped_and_what_cannot_be_written_is_an_error() {
        let mut unread = Results(Stream(ErrorKind::BrokenPipe));
        writeln!(unread, "a line").unwrap();
        unread.flush().unwrap();
        let mut full = Results(Stream(ErrorKind::StorageFull));
        assert_eq!(
            writeln!(full, "a line").unwrap_err().kind(),
            ErrorKind::StorageFull
        );
        full.flush().unwrap_err();
    }
}
