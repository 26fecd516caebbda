//! What the tests share: a workplace for each test, the program in it, a portal, a target.

mod database;
mod disk;
mod events;
mod mssql;
mod portal;
mod process;
pub(crate) mod visitor;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub(crate) use database::{Column, Database, Move, SqliteFile, read_sqlite, targets};
pub(crate) use disk::SmallDisk;
pub(crate) use events::{event, free_port, keys_of_events, post};
pub(crate) use mssql::Proxied;
pub(crate) use portal::Portal;
pub(crate) use process::{Ended, Process, wait_until};
pub(crate) use visitor::{Answered, Visitor, ask};

/// The program with none of the settings of whoever runs the tests.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stage-exchange"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("STAGE_EXCHANGE_") {
            command.env_remove(name);
        }
    }
    command
}

/// A folder to work in, with its configuration as variables.
pub(crate) struct Workplace {
    folder: tempfile::TempDir,
    variables: BTreeMap<String, String>,
}

impl Workplace {
    /// One with nothing configured.
    pub(crate) fn empty() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            // Tests run side by side: nobody gets a fixed port.
            variables: BTreeMap::from([("STAGE_EXCHANGE_WEB__LISTEN".to_owned(), "127.0.0.1:0".to_owned())]),
        }
    }

    /// One for this portal and target, in environment TEST, without limits of speed.
    pub(crate) fn new(portal: &Portal, database: &dyn Database) -> Self {
        Self::empty()
            .with("ENVIRONMENT", "TEST")
            .with("PORTAL__WEBHOOK_URL", portal.webhook())
            .with("PORTAL__REQUESTS_PER_SECOND", "0")
            .with("TARGET__URL", &database.url())
    }

    /// The same with the variable `STAGE_EXCHANGE_{name}`.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables
            .insert(format!("STAGE_EXCHANGE_{name}"), value.to_owned());
        self
    }

    /// The same without it.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.variables.remove(&format!("STAGE_EXCHANGE_{name}"));
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and the folders above it.
    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).expect("a folder in the workplace");
        }
        std::fs::write(path, content).expect("a file in the workplace");
    }

    /// Where the state is when nothing else is configured.
    pub(crate) fn state(&self) -> PathBuf {
        self.path("stage-exchange-data/state.sqlite")
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Process {
        self.start_in(self.folder.path(), arguments)
    }

    pub(crate) fn start_in(&self, folder: &Path, arguments: &[&str]) -> Process {
        let mut command = program();
        command.args(arguments).current_dir(folder).envs(&self.variables);
        Process::start(command)
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        let mut command = program();
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .envs(&self.variables);
        Process::start_with_input(command, input).finish()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).finish()
    }

    /// Runs the program with something else in the place of its standard output.
    pub(crate) fn run_into(&self, stdout: impl Into<Stdio>, arguments: &[&str]) -> Output {
        program()
            .args(arguments)
            .current_dir(self.folder.path())
            .envs(&self.variables)
            .stdin(Stdio::null())
            .stdout(stdout)
            .output()
            .expect("the program")
    }

    /// Starts the program through another one, which is given the program and its arguments to run in its place.
    pub(crate) fn start_through(&self, wrapper: &[String], arguments: &[&str]) -> Process {
        let (first, others) = wrapper.split_first().expect("a program to go through");
        let inner = program();
        let mut command = Command::new(first);
        for name in inner
            .get_envs()
            .filter(|(_, value)| value.is_none())
            .map(|(name, _)| name)
        {
            command.env_remove(name);
        }
        command
            .args(others)
            .arg(inner.get_program())
            .args(arguments)
            .current_dir(self.folder.path())
            .envs(&self.variables);
        Process::start(command)
    }

    /// Everything that the program has written into the folder, and what configured it there.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        files(self.folder.path())
    }
}

/// All files of a folder, and of those in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Compares two tables by their keys and then row by row, so that a failure shows the rows in question and not everything.
#[track_caller]
pub(crate) fn assert_same<T: PartialEq + Debug>(found: &BTreeMap<i64, T>, wanted: &BTreeMap<i64, T>) {
    let missing: Vec<_> = wanted
        .keys()
        .filter(|key| !found.contains_key(key))
        .take(10)
        .collect();
    let extra: Vec<_> = found
        .keys()
        .filter(|key| !wanted.contains_key(key))
        .take(10)
        .collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "missing: {missing:?}, not in the portal: {extra:?}"
    );
    for (key, row) in wanted {
        assert_eq!(&found[key], row, "row {key}");
    }
}
