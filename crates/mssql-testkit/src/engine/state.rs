//! The state of the server and of each session.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use super::catalog::{Database, Table, TableKey};
use super::locks::Locks;
use super::syntax::Batch;
use crate::options::{Options, Permission};
use crate::value::{SqlType, Value};

/// An error that the next matching statement will meet.
#[derive(Debug, Clone)]
pub(crate) struct Injection {
    pub(crate) number: i32,
    pub(crate) text: String,
}

/// What all sessions share.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) databases: BTreeMap<String, Database>,
    pub(crate) locks: Locks,
    pub(crate) injections: Vec<Injection>,
    /// Text of every batch and call, for tests that ask what was sent.
    pub(crate) log: Vec<String>,
    next_object: i32,
    next_session: u16,
    next_transaction: u64,
}

impl State {
    pub(crate) fn database(&self, name: &str) -> Option<&Database> {
        self.databases.get(&name.to_lowercase())
    }

    pub(crate) fn next_object_id(&mut self) -> i32 {
        // Object ids of a fresh server start far up and go on in steps of 16.
        self.next_object += 16;
        self.next_object
    }

    pub(crate) fn next_transaction(&mut self) -> u64 {
        self.next_transaction += 1;
        self.next_transaction
    }
}

/// The server behind all connections.
pub(crate) struct World {
    pub(crate) options: Options,
    state: Mutex<State>,
    /// Told whenever locks were released.
    pub(crate) released: Notify,
}

impl World {
    pub(crate) fn new(options: Options) -> Self {
        let mut databases = BTreeMap::new();
        let system = ["master", "tempdb", "model", "msdb"].map(str::to_owned);
        for (id, name) in (1..).zip(system.into_iter().chain(options.databases.iter().cloned())) {
            databases.insert(name.to_lowercase(), Database::new(id, name));
        }
        let state = State {
            databases,
            locks: Locks::default(),
            injections: Vec::new(),
            log: Vec::new(),
            next_object: 581_577_110,
            next_session: 50,
            next_transaction: 0,
        };
        Self {
            options,
            state: Mutex::new(state),
            released: Notify::new(),
        }
    }

    /// The shared state. A panic elsewhere does not make it unusable: each change is a whole one.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        (self.options.clock)()
    }

    /// Opens a session. The database was checked by the login.
    pub(crate) fn open_session(&self, login: &str, database: &str, host: &str, application: &str) -> Session {
        let mut state = self.state();
        state.next_session += 1;
        let database = state
            .database(database)
            .map_or_else(|| database.to_owned(), |d| d.name.clone());
        Session {
            id: state.next_session,
            login: login.to_owned(),
            database,
            host: host.to_owned(),
            application: application.to_owned(),
            temp: BTreeMap::new(),
            transaction: None,
            settings: Settings::default(),
            variables: HashMap::new(),
            row_count: 0,
            last_error: 0,
            identity: None,
            prepared: HashMap::new(),
            next_handle: 0,
            denied: self.options.denied.clone(),
            caught: Vec::new(),
            nesting: 0,
        }
    }

    /// Ends a session: its transaction is rolled back, its locks and temporary tables go.
    pub(crate) fn close_session(&self, session: &mut Session) {
        let mut state = self.state();
        super::transaction::roll_back(&mut state, session);
        state.locks.end_session(session.id);
        drop(state);
        self.released.notify_waiters();
    }
}

/// SET options of a session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) xact_abort: bool,
    pub(crate) no_count: bool,
    pub(crate) implicit_transactions: bool,
    /// Queries tell their columns and no rows; nothing else runs.
    pub(crate) format_only: bool,
    /// Milliseconds; -1 waits for ever.
    pub(crate) lock_timeout: i64,
    pub(crate) read_uncommitted: bool,
    /// SERIALIZABLE and REPEATABLE READ: what was read stays locked.
    pub(crate) keep_read_locks: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            xact_abort: false,
            no_count: false,
            implicit_transactions: false,
            format_only: false,
            lock_timeout: -1,
            read_uncommitted: false,
            keep_read_locks: false,
        }
    }
}

/// A declared variable or a parameter.
#[derive(Debug, Clone)]
pub(crate) struct Variable {
    pub(crate) ty: SqlType,
    pub(crate) value: Value,
}

/// An open transaction.
#[derive(Debug)]
pub(crate) struct Transaction {
    pub(crate) descriptor: u64,
    /// `@@TRANCOUNT`
    pub(crate) depth: u32,
    /// Tables as they were before each change, oldest first; `None` when the table was not there.
    pub(crate) undo: Vec<(TableKey, Option<Table>)>,
    /// Savepoints and the length of `undo` when they were set.
    pub(crate) savepoints: Vec<(String, usize)>,
    /// An error made it uncommittable: XACT_STATE() is -1.
    pub(crate) doomed: bool,
}

/// A prepared statement: its parameters and its parsed text.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    pub(crate) parameters: Vec<(String, SqlType, bool)>,
    pub(crate) batch: Arc<Batch>,
}

/// One connection's session.
#[derive(Debug)]
pub(crate) struct Session {
    /// `@@SPID`
    pub(crate) id: u16,
    pub(crate) login: String,
    pub(crate) database: String,
    pub(crate) host: String,
    pub(crate) application: String,
    pub(crate) temp: BTreeMap<String, Table>,
    pub(crate) transaction: Option<Transaction>,
    pub(crate) settings: Settings,
    /// Of the running batch, by name in lower case with the `@`.
    pub(crate) variables: HashMap<String, Variable>,
    pub(crate) row_count: i64,
    pub(crate) last_error: i32,
    /// SCOPE_IDENTITY()
    pub(crate) identity: Option<i64>,
    pub(crate) prepared: HashMap<i32, Prepared>,
    pub(crate) next_handle: i32,
    pub(crate) denied: Vec<Permission>,
    /// Errors of the CATCH blocks that are running, innermost last.
    pub(crate) caught: Vec<crate::errors::SqlError>,
    /// Depth of EXEC and sp_executesql.
    pub(crate) nesting: u32,
}

impl Session {
    pub(crate) fn depth(&self) -> u32 {
        self.transaction.as_ref().map_or(0, |t| t.depth)
    }

    pub(crate) fn may(&self, permission: Permission) -> bool {
        !self.denied.contains(&permission)
    }
}

/// Looks a table up in the database or among the session's temporary tables.
pub(crate) fn table<'a>(state: &'a State, session: &'a Session, key: &TableKey) -> Option<&'a Table> {
    match key {
        TableKey::Base {
            database,
            schema,
            name,
        } => state
            .databases
            .get(database)?
            .tables
            .get(&(schema.clone(), name.clone())),
        TableKey::Temp(name) => session.temp.get(name),
    }
}

/// Puts a table in its place, or takes it away.
pub(crate) fn put_table(state: &mut State, session: &mut Session, key: &TableKey, table: Option<Table>) {
    match key {
        TableKey::Base {
            database,
            schema,
            name,
        } => {
            let Some(database) = state.databases.get_mut(database) else {
                return;
            };
            let at = (schema.clone(), name.clone());
            match table {
                Some(table) => database.tables.insert(at, table),
                None => database.tables.remove(&at),
            };
        }
        TableKey::Temp(name) => {
            match table {
                Some(table) => session.temp.insert(name.clone(), table),
                None => session.temp.remove(name),
            };
        }
    }
}
