//! What can go wrong with the state and with running on it.

use std::path::PathBuf;
use std::sync::Arc;

/// An error of this crate. Messages name the operation and what to do next; causes are behind
/// [`source`](std::error::Error::source).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The directory of the state cannot be made.
    #[error("cannot create the directory {}; create it or choose another state.path", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The state file cannot be created.
    #[error("cannot create the state {}; give this user the right to write there or choose another state.path", path.display())]
    Create {
        /// The state file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The state exists, but this user may not write it.
    #[error("the state {} is not writable; check its owner, its rights and those of its directory", path.display())]
    NotWritable {
        /// The state file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// The state cannot be opened, for another reason than rights.
    #[error("cannot open the state {}; is it a file on a local disk?", path.display())]
    Open {
        /// The state file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// The file is no database, or a damaged one.
    #[error("the state {} is damaged or no database; move it away to start anew, or restore it from a backup", path.display())]
    Damaged {
        /// The state file.
        path: PathBuf,
        /// What was found, when there is more than SQLite's own word.
        detail: Option<String>,
        /// SQLite's own word.
        #[source]
        source: Option<Arc<rusqlite::Error>>,
    },
    /// The file is a database of another program.
    #[error("{} is the database of another program; choose another state.path", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer version of this program has written the state.
    #[error(
        "the state {} has schema version {found}, this program knows up to {known}; use the newer program that wrote it",
        path.display()
    )]
    NewerSchema {
        /// The state file.
        path: PathBuf,
        /// The version found.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// Another process kept the state locked for longer than the busy time-out.
    #[error("cannot {operation}: the state {} is in use by another process for too long; try again", path.display())]
    Busy {
        /// The state file.
        path: PathBuf,
        /// What was to be done.
        operation: &'static str,
        /// SQLite's own word.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// The disk is full.
    #[error("cannot {operation}: no space left for the state {}; free some on its disk", path.display())]
    Full {
        /// The state file.
        path: PathBuf,
        /// What was to be done.
        operation: &'static str,
        /// SQLite's own word.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// The disk refused to read or write.
    #[error(
        "cannot {operation}: the disk of the state {} does not work as it must; check it, its quota, and the file size this process \
         may write",
        path.display()
    )]
    Disk {
        /// The state file.
        path: PathBuf,
        /// What was to be done.
        operation: &'static str,
        /// SQLite's own word.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// An operation on the open state failed.
    #[error("cannot {operation} in the state {}", path.display())]
    Sqlite {
        /// The state file.
        path: PathBuf,
        /// What was to be done.
        operation: &'static str,
        /// SQLite's own word.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// A value in the state does not read back.
    #[error(
        "cannot {operation}: the state {} holds a value that cannot be read; was it changed by hand? Restore it from a backup, or \
         move it away to start anew",
        path.display()
    )]
    Unreadable {
        /// The state file.
        path: PathBuf,
        /// What was to be done.
        operation: &'static str,
        /// Which column, and why.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// A value, a name or a key is longer than the state takes.
    #[error(
        "cannot {operation}: a value of it is larger than {most} bytes, which no agent's input and no setting needs; it is refused"
    )]
    TooLarge {
        /// What was to be done.
        operation: &'static str,
        /// The most that is taken.
        most: usize,
    },
    /// The program is ending, or a bug broke the operation off.
    #[error("cannot {operation}: the work on the state was broken off")]
    BrokenOff {
        /// What was to be done.
        operation: &'static str,
    },
    /// Another process runs agents on this state.
    #[error(
        "another process{} runs agents on the state {}; stop it first, or let it do the work",
        pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default(),
        path.display()
    )]
    InUse {
        /// The state file.
        path: PathBuf,
        /// The other process, when it has written its number.
        pid: Option<u32>,
    },
    /// The lock file cannot be used.
    #[error("cannot lock {}; check the rights of its directory, and that it is on a local disk", path.display())]
    LockFile {
        /// The lock file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The lock that was handed over belongs to another state.
    #[error("the worker lock is for {}, not for the state {}", lock.display(), state.display())]
    WrongLock {
        /// What the lock guards.
        lock: PathBuf,
        /// The state to run on.
        state: PathBuf,
    },
    /// The activation no longer holds its lease: what it wanted to save was refused.
    #[error("the lease of agent {name} is lost; its work goes on from the last checkpoint")]
    LeaseLost {
        /// The agent.
        name: String,
        /// Its key.
        key: String,
    },
    /// There is no such record.
    #[error("no agent {name}{} is queued", if key.is_empty() { String::new() } else { format!(" with key {key}") })]
    NoSuchAgent {
        /// The agent.
        name: String,
        /// Its key.
        key: String,
    },
    /// The agent is not registered with this scheduler, so it would never run here.
    #[error("agent {name} is not registered in this process")]
    NotRegistered {
        /// The agent.
        name: String,
    },
    /// Two agents of one name were registered.
    #[error("two agents are registered under the name {name}")]
    RegisteredTwice {
        /// The name.
        name: String,
    },
    /// A setting of the scheduler makes no sense.
    #[error("cannot build the scheduler: {what}")]
    Setting {
        /// Which, and why.
        what: &'static str,
    },
    /// This scheduler runs already.
    #[error("this scheduler runs already")]
    Running,
}

/// What to do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Passes by itself: repeat.
    Passing,
    /// Somebody has to see to rights, space or the file.
    Operator,
    /// The file is damaged, foreign, or from a newer program.
    Unusable,
    /// Another process works on this state.
    InUse,
    /// The lease is lost: give up what was being done.
    LeaseLost,
    /// There is no such agent.
    NotFound,
    /// The caller's mistake.
    Usage,
}

impl Error {
    /// What to do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Busy { .. } | Self::Sqlite { .. } | Self::BrokenOff { .. } => ErrorKind::Passing,
            Self::Directory { .. }
            | Self::Create { .. }
            | Self::NotWritable { .. }
            | Self::Open { .. }
            | Self::Full { .. }
            | Self::Disk { .. }
            | Self::LockFile { .. } => ErrorKind::Operator,
            Self::Damaged { .. }
            | Self::Foreign { .. }
            | Self::NewerSchema { .. }
            | Self::Unreadable { .. } => ErrorKind::Unusable,
            Self::InUse { .. } => ErrorKind::InUse,
            Self::LeaseLost { .. } => ErrorKind::LeaseLost,
            Self::NoSuchAgent { .. } => ErrorKind::NotFound,
            Self::NotRegistered { .. }
            | Self::RegisteredTwice { .. }
            | Self::WrongLock { .. }
            | Self::Setting { .. }
            | Self::TooLarge { .. }
            | Self::Running => ErrorKind::Usage,
        }
    }
}
