//! SQLite's errors, sorted into the store's kinds. This is the only place that knows SQLite's codes.

use rusqlite::ErrorCode;
use store::{Error, ErrorKind};

/// What can stop a piece of work before it is known to the caller by name.
#[derive(Debug)]
pub(crate) enum Failure {
    /// SQLite refused.
    Database(rusqlite::Error),
    /// Already in the store's words.
    Told(Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Told(error)
    }
}

impl Failure {
    /// The store's error. `target` and `doing` say where and what: `writing 20 rows to table STAGES`.
    pub(crate) fn into_error(self, target: &str, doing: &str) -> Error {
        match self {
            Self::Told(error) => error,
            Self::Database(error) => {
                let (kind, advice) = classify(&error);
                Error::new(kind, format!("{doing} in {target} failed: {advice}")).with_source(error)
            }
        }
    }
}

const PASSING: ErrorKind = ErrorKind::Passing { retry_after: None };

fn classify(error: &rusqlite::Error) -> (ErrorKind, &'static str) {
    let Some(code) = error.sqlite_error_code() else {
        return match error {
            rusqlite::Error::InvalidPath(_) | rusqlite::Error::NulError(_) => {
                (ErrorKind::Operator, "the path is none that a file can have")
            }
            _ => (ErrorKind::Bug, "the database was not used as it must be"),
        };
    };
    match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => {
            (PASSING, "another program holds the database locked")
        }
        ErrorCode::OperationInterrupted | ErrorCode::OperationAborted | ErrorCode::SchemaChanged => {
            (PASSING, "it was interrupted")
        }
        ErrorCode::DiskFull => (ErrorKind::Operator, "the disk is full; make room"),
        ErrorCode::ReadOnly => (
            ErrorKind::Operator,
            "the database may only be read; give this program the right to write the file and its folder",
        ),
        ErrorCode::CannotOpen => (
            ErrorKind::Operator,
            "the file cannot be opened; check that its path is a file and that this program may read and write it",
        ),
        ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied => {
            (ErrorKind::Operator, "this program has not the right")
        }
        ErrorCode::NotADatabase => (
            ErrorKind::Operator,
            "the file is no SQLite database; name another file or move this one away",
        ),
        ErrorCode::DatabaseCorrupt => (
            ErrorKind::Operator,
            "the file is damaged; restore it from a copy, or move it away to have it filled anew",
        ),
        ErrorCode::SystemIoFailure | ErrorCode::NoLargeFileSupport => (
            ErrorKind::Operator,
            "the disk does not work as it must; check it, its quota, and the file size this program may write",
        ),
        ErrorCode::OutOfMemory => (ErrorKind::Operator, "there is not enough memory"),
        ErrorCode::ConstraintViolation => (
            ErrorKind::Data,
            "a rule of the table forbids it, such as a unique index or a CHECK",
        ),
        ErrorCode::TypeMismatch | ErrorCode::TooBig => {
            (ErrorKind::Data, "a value is none that its column can hold")
        }
        ErrorCode::Unknown if is_about_schema(error) => (
            ErrorKind::Schema,
            "the table or one of its columns is not there; migrate first",
        ),
        _ => (ErrorKind::Bug, "the database was not used as it must be"),
    }
}

/// SQLite has one code for every statement it cannot compile, so its words must tell a missing table from a typing error.
fn is_about_schema(error: &rusqlite::Error) -> bool {
    let text = match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.as_str(),
        rusqlite::Error::SqliteFailure(_, Some(text)) => text.as_str(),
        _ => return false,
    };
    ["no such table", "no such column", "has no column named"]
        .iter()
        .any(|words| text.contains(words))
}
