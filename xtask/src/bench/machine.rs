//! What the machine is, and what the system says of a running process.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::process::{output, root};

/// Ticks of a second in `/proc/<pid>/stat`: Linux shows all programs this many, whatever its own are.
const TICKS: u64 = 100;

/// Processors kept busy by others above which figures are called preliminary.
const QUIET: f64 = 0.3;

/// The machine, for the head of a report.
#[derive(Debug)]
pub(crate) struct Machine {
    processor: String,
    processors: usize,
    memory_gib: f64,
    system: String,
    compiler: String,
    commit: String,
    /// Processes that wanted a processor in the minute before.
    load: f64,
}

impl Machine {
    pub(crate) fn look() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let line = |command: &mut Command| {
            output(command).map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
        };
        let value = |text: &str, key: &str| {
            text.lines()
                .find(|line| line.starts_with(key))
                .and_then(|line| line.split_once(':'))
                .map(|(_, value)| value.trim().to_owned())
        };
        let kib = value(&read("/proc/meminfo"), "MemTotal")
            .and_then(|text| text.split(' ').next()?.parse::<f64>().ok())
            .unwrap_or(0.0);
        let load = read("/proc/loadavg");
        Self {
            processor: value(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown".to_owned()),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gib: kib / 1024.0 / 1024.0,
            system: format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()),
            compiler: line(Command::new("rustc").arg("--version")),
            commit: line(
                Command::new("git")
                    .args(["describe", "--always", "--dirty"])
                    .current_dir(root()),
            ),
            load: load
                .split(' ')
                .next()
                .and_then(|text| text.parse().ok())
                .unwrap_or(0.0),
        }
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.load <= QUIET
    }

    /// One line for people.
    pub(crate) fn written(&self) -> String {
        format!(
            "{} ({} processors), {:.0} GiB, {}, {}, commit {}, load before {:.2}",
            self.processor,
            self.processors,
            self.memory_gib,
            self.system,
            self.compiler,
            self.commit,
            self.load
        )
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "processor": self.processor,
            "processors": self.processors,
            "memory_gib": self.memory_gib,
            "system": self.system,
            "compiler": self.compiler,
            "commit": self.commit,
            "load_before": self.load,
        })
    }
}

/// What a running process has used of processors so far, in steps of 10 ms.
pub(crate) fn cpu_of(process: u32) -> Result<Duration> {
    let path = format!("/proc/{process}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("cannot read {path}: is this Linux?"))?;
    let ticks = ticks(&stat).with_context(|| format!("{path} is not as expected"))?;
    Ok(Duration::from_millis(ticks * 1000 / TICKS))
}

/// The sum of user and system time in `/proc/<pid>/stat`.
fn ticks(stat: &str) -> Option<u64> {
    // The name in brackets may hold anything. Behind it come the state, ten numbers, and the two that are meant.
    let (_, behind) = stat.rsplit_once(") ")?;
    let mut numbers = behind.split(' ').skip(11).map(str::parse::<u64>);
    Some(numbers.next()?.ok()? + numbers.next()?.ok()?)
}

/// The memory of a running process that is resident now, in bytes.
pub(crate) fn resident_of(process: u32) -> Result<u64> {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}: is this Linux?"))?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|text| text.trim().split(' ').next()?.parse::<u64>().ok());
    Ok(kib.with_context(|| format!("{path} names no VmRSS"))? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_time_is_read_behind_a_name_that_holds_brackets_and_spaces() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 250 31 0 0 20 0 1 0 9 1 1";
        assert_eq!(ticks(stat), Some(281));
        assert_eq!(ticks("7 (a) S 1"), None);
    }
}
