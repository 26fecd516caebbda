//! How the program ends.

use std::process::ExitCode;

use crate::config::ConfigFailure;
use crate::printing::{self, tell};

/// Done, and all is well.
pub(crate) const DONE: u8 = 0;
/// Something failed, or something was found to be wrong.
pub(crate) const FAILED: u8 = 1;
/// Wrong usage or configuration.
pub(crate) const USAGE: u8 = 2;

/// What the user asked for cannot be: a word on the command line is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

pub(crate) fn code(result: anyhow::Result<u8>) -> ExitCode {
    match result {
        Ok(code) => match printing::unwritten() {
            None => ExitCode::from(code),
            Some(error) => {
                failed(&anyhow::Error::from(error).context("cannot write the results to standard output"))
            }
        },
        Err(error) => failed(&error),
    }
}

/// Prints an error with all its causes, and gives the exit code that belongs to it.
pub(crate) fn failed(error: &anyhow::Error) -> ExitCode {
    tell!("error: {}", chain(error));
    let wrong_use = error.is::<ConfigFailure>() || error.is::<Usage>();
    ExitCode::from(if wrong_use { USAGE } else { FAILED })
}

/// An error and its causes on one line. A cause that the text above it ends with already is not said twice.
pub(crate) fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let next = cause.to_string();
        if text.is_empty() {
            text = next;
        } else if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
    }
    text
}
