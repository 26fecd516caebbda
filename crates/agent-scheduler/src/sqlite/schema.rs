//! The schema of the state file and how it came to be.
//!
//! Each step moves the schema one version on. A step that was released is never changed; a new one is added. All steps
//! that are missing run in one transaction, so that a file is never between two versions.

use rusqlite::{Connection, OptionalExtension};

/// Marks the file as ours: "StEx" in ASCII.
const APPLICATION_ID: i32 = 0x5374_4578;

pub(super) const STEPS: &[&str] = &[
    // 1: agents, their runs, settings. Times are milliseconds since 1970 UTC, inputs and values are JSON.
    "CREATE TABLE agent_names (
        name      TEXT NOT NULL PRIMARY KEY,
        priority  TEXT NOT NULL DEFAULT 'normal' CHECK (priority IN ('background', 'normal', 'urgent')),
        paused_at INTEGER
    ) WITHOUT ROWID;
    CREATE TABLE agents (
        id                 INTEGER PRIMARY KEY,
        name               TEXT NOT NULL,
        key                TEXT NOT NULL,
        state              TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'parked', 'done')),
        input              TEXT NOT NULL,
        due_at             INTEGER NOT NULL,
        not_before         INTEGER,
        interval_ms        INTEGER,
        lease_until        INTEGER,
        lease_owner        TEXT,
        attempts           INTEGER NOT NULL,
        permanent_failures INTEGER NOT NULL,
        last_error         TEXT,
        last_error_kind    TEXT,
        last_started_at    INTEGER,
        last_finished_at   INTEGER,
        last_success_at    INTEGER,
        progress           TEXT,
        created_at         INTEGER NOT NULL,
        updated_at         INTEGER NOT NULL,
        run_again          INTEGER NOT NULL,
        run_again_at       INTEGER,
        run_again_input    TEXT,
        run                INTEGER NOT NULL,
        UNIQUE (name, key)
    );
    CREATE INDEX agents_due ON agents (name, due_at, run, id) WHERE state = 'waiting';
    CREATE INDEX agents_running ON agents (lease_owner) WHERE state = 'running';
    CREATE INDEX agents_done ON agents (name, last_finished_at) WHERE state = 'done';
    CREATE INDEX agents_updated ON agents (updated_at);
    CREATE TABLE runs (
        run         INTEGER PRIMARY KEY AUTOINCREMENT,
        name        TEXT NOT NULL,
        key         TEXT NOT NULL,
        attempt     INTEGER NOT NULL,
        started_at  INTEGER NOT NULL,
        finished_at INTEGER,
        ending      TEXT,
        error       TEXT
    );
    CREATE INDEX runs_agent ON runs (name, key, run);
    CREATE TABLE settings (
        key        TEXT NOT NULL PRIMARY KEY,
        value      TEXT NOT NULL,
        updated_at INTEGER NOT NULL
    ) WITHOUT ROWID;",
    // 2: activations that gather. Those of one run are found by its owner and number.
    "DROP INDEX agents_running;
    CREATE INDEX agents_running ON agents (lease_owner, run) WHERE state = 'running';
    ALTER TABLE runs ADD COLUMN gathered INTEGER NOT NULL DEFAULT 0;",
    // 3: what people changed. Values are JSON; numbers are never given again, so that the oldest can be told.
    "CREATE TABLE changes (
        id      INTEGER PRIMARY KEY AUTOINCREMENT,
        at      INTEGER NOT NULL,
        what    TEXT NOT NULL,
        before  TEXT NOT NULL,
        after   TEXT NOT NULL,
        by_whom TEXT NOT NULL
    );",
];

/// The newest version known here: the number of steps.
#[allow(
    clippy::cast_possible_truncation,
    reason = "a program does not have four thousand million steps"
)]
pub(super) const KNOWN: u32 = STEPS.len() as u32;

/// What a file holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Our schema in this version; 0 for an empty file.
    Version(u32),
    /// Something else.
    Foreign,
}

/// Looks at a file without changing it.
pub(super) fn find(connection: &Connection) -> rusqlite::Result<Found> {
    let id: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (id, tables) {
        (0, 0) => Ok(Found::Version(0)),
        (APPLICATION_ID, _) => version(connection).map(Found::Version),
        _ => Ok(Found::Foreign),
    }
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    let table: Option<i64> = connection
        .query_row(
            "SELECT 1 FROM sqlite_schema WHERE name = 'schema_version'",
            [],
            |row| row.get(0),
        )
        .optional()?;
    if table.is_none() {
        return Ok(0);
    }
    connection.query_row(
        "SELECT coalesce(max(version), 0) FROM schema_version",
        [],
        |row| row.get(0),
    )
}

/// Applies the missing steps. Several processes may do this at once; the first does it.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    if find(connection)? == Found::Version(KNOWN) {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let from = version(&transaction)?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL PRIMARY KEY) WITHOUT ROWID",
    )?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    for (version, step) in (1_u32..).zip(STEPS) {
        if version > from {
            transaction.execute_batch(step)?;
            transaction.execute("INSERT INTO schema_version (version) VALUES (?1)", [version])?;
        }
    }
    transaction.commit()
}
