//! Opening connections, and what each is set to.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::failure::Failure;
use store::{Error, ErrorKind};

/// How long to wait for another program's lock.
pub(crate) const LOCK_PATIENCE: Duration = Duration::from_secs(30);

/// What the connection that writes may keep of the file, and of rows that are sorted for an index.
const WRITER_CACHE_KIB: i64 = 4 * 1024;

/// What the connection that reads may keep: it reads what was just written, or walks a table once.
const READER_CACHE_KIB: i64 = 512;

/// Pages of the write-ahead log after which it is copied into the file: about one step of rows.
const CHECKPOINT_PAGES: i64 = 4000;

/// More than the statements of a few tables.
const CACHED_STATEMENTS: usize = 64;

/// The connection that writes, the one that reads, and the one that answers questions.
pub(crate) fn open(path: &Path, patience: Duration) -> Result<[Connection; 3], Failure> {
    // SQLite takes these for databases of their own, one for each connection, that vanish when it is closed.
    if path.as_os_str().is_empty() || path == Path::new(":memory:") {
        return Err(Error::new(
            ErrorKind::Operator,
            "the path of the database names no file; rows must outlive the program, so give it one",
        )
        .into());
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| {
            Error::new(
                ErrorKind::Operator,
                format!(
                    "the folder {} for the database cannot be made; check the path and its rights",
                    folder.display()
                ),
            )
            .with_source(error)
        })?;
    }
    let writer = connect(path, patience)?;
    if writer.is_readonly("main")? {
        return Err(Error::new(
            ErrorKind::Operator,
            format!(
                "the database {} may only be read; give this program the right to write it",
                path.display()
            ),
        )
        .into());
    }
    // Where a write-ahead log is impossible, on some network drives, SQLite keeps its older journal. That is
    // slower, and just as safe.
    let journal: String = writer.query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0))?;
    if journal != "wal" {
        tracing::warn!(
            database = %path.display(),
            journal,
            "no write-ahead log can be kept here; writing will be slower"
        );
    }
    prepare(&writer, WRITER_CACHE_KIB)?;
    writer.pragma_update(None, "synchronous", "FULL")?;
    writer.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    let reader = || {
        let reader = connect(path, patience)?;
        prepare(&reader, READER_CACHE_KIB)?;
        reader.pragma_update(None, "query_only", true)?;
        Ok::<_, Failure>(reader)
    };
    Ok([writer, reader()?, reader()?])
}

/// A database that lives as long as its connection.
pub(crate) fn open_in_memory() -> Result<Connection, Failure> {
    let connection = Connection::open_in_memory()?;
    prepare(&connection, WRITER_CACHE_KIB)?;
    Ok(connection)
}

fn connect(path: &Path, patience: Duration) -> Result<Connection, Failure> {
    // No URIs: a file may be called `file:x`. No mutex: a connection is owned by one thread at a time.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(patience)?;
    Ok(connection)
}

fn prepare(connection: &Connection, cache_kib: i64) -> Result<(), Failure> {
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    Ok(())
}
