//! Opening the state file: the file itself, the connection's settings, and what to say when that fails.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::schema;
use crate::Error;

/// How long an operation waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a fresh file is tried to be turned to WAL while other processes open it too.
const WAL_TRIES: usize = 20;

/// The write-ahead log is cut back to this many bytes after a checkpoint.
const WAL_LIMIT: i64 = 4 << 20;

/// How much a commit may lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Nothing: it is on the disk.
    Full,
    /// The last ones, when the power fails. For tests that count runs, not crashes.
    #[cfg(test)]
    Off,
}

/// Opens run one at a time in a process: closing the descriptor that created the file would drop the POSIX locks that
/// another connection of this process holds on it.
static OPENING: Mutex<()> = Mutex::new(());

/// The connection that writes and the one that reads.
pub(super) fn open(path: &Path, durability: Durability) -> Result<(Connection, Connection), Error> {
    let _alone = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
    create_file(path)?;
    let mut writer = connect(path)?;
    prepare(&mut writer, durability).map_err(|error| match error {
        Prepare::Sqlite(source) => opening(path, source),
        Prepare::Foreign => Error::Foreign {
            path: path.to_path_buf(),
        },
        Prepare::Newer(found) => Error::NewerSchema {
            path: path.to_path_buf(),
            found,
            known: schema::KNOWN,
        },
        Prepare::Damaged(detail) => Error::Damaged {
            path: path.to_path_buf(),
            detail: Some(detail),
            source: None,
        },
    })?;
    let reader = connect(path)?;
    reader
        .execute_batch("PRAGMA query_only = ON")
        .map_err(|source| opening(path, source))?;
    Ok((writer, reader))
}

/// The connection of a state in memory.
pub(super) fn in_memory(path: &Path) -> Result<Connection, Error> {
    let open = || {
        let mut connection = Connection::open_in_memory()?;
        keep_plans(&connection)?;
        schema::migrate(&mut connection)?;
        Ok(connection)
    };
    open().map_err(|source| opening(path, source))
}

/// Makes the directory and the file when they are missing, for this user alone. A file that exists is not touched, except
/// that nobody else may read it from now on.
fn create_file(path: &Path) -> Result<(), Error> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(parent).map_err(|source| Error::Directory {
            path: parent.to_path_buf(),
            source,
        })?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            keep_private(path);
            // Whoever made the file may still be filling it; whoever emptied it should know what that means.
            if path
                .metadata()
                .is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0)
            {
                tracing::warn!(path = %path.display(), "the state was empty: agents start anew");
            }
            Ok(())
        }
        Err(source) => Err(Error::Create {
            path: path.to_path_buf(),
            source,
        }),
    }
}

#[cfg(unix)]
fn keep_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(metadata) = path.metadata() else { return };
    if !metadata.is_file() || metadata.permissions().mode() & 0o077 == 0 {
        return;
    }
    let private = std::fs::Permissions::from_mode(metadata.permissions().mode() & 0o700);
    if let Err(error) = std::fs::set_permissions(path, private) {
        tracing::warn!(path = %path.display(), %error, "other users of this machine may read the state");
    }
}

#[cfg(not(unix))]
fn keep_private(_: &Path) {}

fn connect(path: &Path) -> Result<Connection, Error> {
    let connect = || {
        // No SQLITE_OPEN_URI: a path is a path, whatever is in it.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        keep_plans(&connection)?;
        Ok(connection)
    };
    connect().map_err(|source| opening(path, source))
}

/// Statements are prepared once. Without the stability guarantee SQLite would compile one anew for every value that is bound
/// where a partial index has a constant, which is most of what a claim costs.
fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(64);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

enum Prepare {
    Sqlite(rusqlite::Error),
    Foreign,
    Newer(u32),
    Damaged(String),
}

impl From<rusqlite::Error> for Prepare {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Looks before it changes anything: a file that is not ours, damaged or too new stays as it is.
fn prepare(connection: &mut Connection, durability: Durability) -> Result<(), Prepare> {
    connection.execute_batch(match durability {
        Durability::Full => "PRAGMA synchronous = FULL",
        #[cfg(test)]
        Durability::Off => "PRAGMA synchronous = OFF",
    })?;
    match schema::find(connection)? {
        schema::Found::Foreign => return Err(Prepare::Foreign),
        schema::Found::Version(found) if found > schema::KNOWN => return Err(Prepare::Newer(found)),
        schema::Found::Version(_) => {}
    }
    let word: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if word != "ok" {
        return Err(Prepare::Damaged(word));
    }
    to_wal(connection)?;
    connection.pragma_update(None, "journal_size_limit", WAL_LIMIT)?;
    schema::migrate(connection)?;
    Ok(())
}

/// SQLite does not wait when two connections turn a fresh file to WAL at once; an empty write transaction does.
fn to_wal(connection: &Connection) -> rusqlite::Result<()> {
    let mut tries = 0;
    loop {
        let turned = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
        match turned {
            Ok(_) => return Ok(()),
            Err(error) if code(&error) == Some(ErrorCode::DatabaseBusy) && tries < WAL_TRIES => {
                tries += 1;
                connection.execute_batch("BEGIN IMMEDIATE; COMMIT")?;
            }
            Err(error) => return Err(error),
        }
    }
}

fn code(error: &rusqlite::Error) -> Option<ErrorCode> {
    error.sqlite_error_code()
}

/// What an error while opening means.
fn opening(path: &Path, source: rusqlite::Error) -> Error {
    let path: PathBuf = path.to_path_buf();
    let source = Arc::new(source);
    match code(&source) {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Error::Damaged {
            path,
            detail: None,
            source: Some(source),
        },
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Error::NotWritable { path, source },
        // The file is there, but what belongs beside it cannot be made.
        Some(ErrorCode::CannotOpen) if path.is_file() => Error::NotWritable { path, source },
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure,
        ) => operating(&path, "open the state", source),
        _ => Error::Open { path, source },
    }
}

/// What an error of an operation on the open state means.
pub(super) fn operating(path: &Path, operation: &'static str, source: Arc<rusqlite::Error>) -> Error {
    let path = path.to_path_buf();
    if matches!(
        *source,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
    ) {
        return Error::Unreadable {
            path,
            operation,
            source,
        };
    }
    match code(&source) {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Error::Damaged {
            path,
            detail: None,
            source: Some(source),
        },
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            Error::NotWritable { path, source }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Busy {
            path,
            operation,
            source,
        },
        Some(ErrorCode::DiskFull) => Error::Full {
            path,
            operation,
            source,
        },
        Some(ErrorCode::SystemIoFailure) => Error::Disk {
            path,
            operation,
            source,
        },
        _ => Error::Sqlite {
            path,
            operation,
            source,
        },
    }
}
