//! Programs run as processes of their own: to their end, with what they used, or in the background until dropped.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use wait4::Wait4;

use super::time::now;

/// The last lines of a failed program's log that are shown.
const LOG_LINES: usize = 12;

/// A program that a measurement starts: no setting of the caller's reaches it, and what it says goes to a log.
pub(crate) fn program(path: &Path, folder: &Path) -> Command {
    let mut command = Command::new(path);
    // Relative paths of the program, and a ./config, are those of the measurement.
    command.current_dir(folder).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("STAGE_EXCHANGE_") {
            command.env_remove(name);
        }
    }
    command
}

/// What a program that ended has used, and what it printed.
#[derive(Debug)]
pub(crate) struct Ended {
    /// From its start to its end.
    pub(crate) wall: Duration,
    /// Of processors, its own children included.
    pub(crate) cpu: Duration,
    /// The most memory that was resident at once, in bytes.
    pub(crate) peak_bytes: u64,
    pub(crate) stdout: String,
}

/// Runs a program to its end.
///
/// # Errors
/// When it cannot be started or fails; the error shows the end of its log.
pub(crate) fn run(command: &mut Command, log: &Path) -> Result<Ended> {
    let name = name_of(command);
    command.stdout(Stdio::piped()).stderr(new_log(log)?);
    let started = now();
    let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
    let mut stdout = String::new();
    let read = child
        .stdout
        .take()
        .map_or(Ok(0), |mut pipe| pipe.read_to_string(&mut stdout));
    let used = child.wait4().with_context(|| format!("cannot wait for {name}"))?;
    let wall = started.elapsed();
    read.with_context(|| format!("{name} printed no UTF-8"))?;
    if !used.status.success() {
        bail!("{name} failed: {}{}", used.status, end_of(log));
    }
    Ok(Ended {
        wall,
        cpu: used.rusage.utime + used.rusage.stime,
        peak_bytes: used.rusage.maxrss,
        stdout,
    })
}

/// A program in the background. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Background {
    name: String,
    log: PathBuf,
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Background {
    pub(crate) fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let name = name_of(command);
        command.stdout(Stdio::piped()).stderr(new_log(log)?);
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let stdout = child.stdout.take().context("a pipe that was asked for")?;
        Ok(Self {
            name,
            log: log.to_owned(),
            child,
            stdout: BufReader::new(stdout),
        })
    }

    /// Waits for its next line; an error when it ends instead.
    pub(crate) fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let read = self.stdout.read_line(&mut line);
        if read.with_context(|| format!("{} cannot be heard", self.name))? == 0 {
            bail!("{} ended early{}", self.name, end_of(&self.log));
        }
        Ok(line.trim_end().to_owned())
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// When it does not; the error shows the end of its log.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended early: {status}{}", self.name, end_of(&self.log)),
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Both fail only for a process that has ended.
        if self.child.kill().is_ok() {
            self.child.wait().ok();
        }
    }
}

fn name_of(command: &Command) -> String {
    let program = Path::new(command.get_program());
    program
        .file_name()
        .unwrap_or(command.get_program())
        .to_string_lossy()
        .into_owned()
}

fn new_log(path: &Path) -> Result<File> {
    File::create(path).with_context(|| format!("cannot write {}", path.display()))
}

fn end_of(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(LOG_LINES);
    lines
        .iter()
        .skip(from)
        .fold(String::new(), |text, line| text + "\n  " + line)
}
