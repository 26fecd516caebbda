//! What came out: as a table, as Markdown, as JSON.

use std::fmt::Write as _;

use anyhow::Error;
use serde_json::{Value, json};

use super::figure::Figure;
use super::machine::Machine;

/// What a scenario found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) figures: Vec<Figure>,
    /// What the figures were computed from.
    pub(crate) facts: serde_json::Map<String, Value>,
}

impl Findings {
    pub(crate) fn add(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    pub(crate) fn fact(&mut self, name: impl Into<String>, fact: impl Into<Value>) {
        self.facts.insert(name.into(), fact.into());
    }
}

/// A scenario that was run.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) seconds: f64,
    pub(crate) found: Result<Findings, Error>,
}

/// A whole run.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) quick: bool,
    pub(crate) entries: Vec<Entry>,
}

const HEAD: [&str; 5] = ["scenario", "figure", "measured", "expected", ""];

impl Report {
    /// The names of scenarios that failed.
    pub(crate) fn failed(&self) -> Vec<&'static str> {
        let failed = self.entries.iter().filter(|entry| entry.found.is_err());
        failed.map(|entry| entry.name).collect()
    }

    /// The figures that are not as expected.
    pub(crate) fn unmet(&self) -> Vec<String> {
        self.figures()
            .filter(|(_, figure)| figure.is_met() == Some(false))
            .map(|(name, figure)| format!("{name}: {}", figure.what))
            .collect()
    }

    pub(crate) fn figures(&self) -> impl Iterator<Item = (&'static str, &Figure)> {
        self.entries
            .iter()
            .filter_map(|entry| entry.found.as_ref().ok().map(|found| (entry.name, found)))
            .flat_map(|(name, found)| found.figures.iter().map(move |figure| (name, figure)))
    }

    /// What a reader must know before the figures.
    fn caveats(&self) -> Vec<&'static str> {
        let mut caveats = Vec::new();
        if self.quick {
            caveats.push("--quick: sizes too small for the targets to mean much.");
        }
        if !self.machine.is_quiet() {
            caveats.push("The machine was busy before the run: figures are preliminary.");
        }
        caveats
    }

    fn lines(&self) -> Vec<[String; 5]> {
        let mut lines = Vec::new();
        for entry in &self.entries {
            match &entry.found {
                Ok(found) => lines.extend(found.figures.iter().map(|figure| {
                    [
                        entry.name.to_owned(),
                        figure.what.clone(),
                        figure.written(),
                        figure.target_written(),
                        figure.verdict().to_owned(),
                    ]
                })),
                Err(_) => lines.push([
                    entry.name.to_owned(),
                    "did not run to its end".to_owned(),
                    String::new(),
                    String::new(),
                    "failed".to_owned(),
                ]),
            }
        }
        lines
    }

    /// The table for a terminal.
    pub(crate) fn text(&self) -> String {
        let lines = self.lines();
        let head = HEAD.map(str::to_owned);
        let width = |column: usize| {
            let cells = lines
                .iter()
                .chain([&head])
                .map(|line| line[column].chars().count());
            cells.max().unwrap_or(0)
        };
        let widths = [width(0), width(1), width(2), width(3), width(4)];
        let mut text = format!("{}\n", self.machine.written());
        for caveat in self.caveats() {
            text.push_str(caveat);
            text.push('\n');
        }
        text.push('\n');
        for line in [&head].into_iter().chain(&lines) {
            let [scenario, what, measured, expected, verdict] = line;
            let [first, second, third, fourth, _] = widths;
            let row = format!(
                "{scenario:<first$}  {what:<second$}  {measured:>third$}  {expected:<fourth$}  {verdict}"
            );
            text.push_str(row.trim_end());
            text.push('\n');
        }
        text
    }

    /// The table for documentation.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("{}.\n", self.machine.written());
        for caveat in self.caveats() {
            text.push_str(caveat);
            text.push('\n');
        }
        text.push_str("\n| scenario | figure | measured | expected | |\n|---|---|---:|---|---|\n");
        for line in self.lines() {
            // Writing to a string cannot fail.
            writeln!(
                text,
                "| {} |",
                line.map(|cell| cell.replace('|', "\\|")).join(" | ")
            )
            .ok();
        }
        text
    }

    pub(crate) fn to_json(&self) -> Value {
        let entries: Vec<Value> = self
            .entries
            .iter()
            .map(|entry| match &entry.found {
                Ok(found) => json!({
                    "scenario": entry.name,
                    "seconds": entry.seconds,
                    "figures": found.figures.iter().map(Figure::to_json).collect::<Vec<_>>(),
                    "facts": found.facts,
                }),
                Err(error) => json!({
                    "scenario": entry.name,
                    "seconds": entry.seconds,
                    "error": format!("{error:#}"),
                }),
            })
            .collect();
        json!({
            "machine": self.machine.to_json(),
            "quick": self.quick,
            "machine_was_quiet": self.machine.is_quiet(),
            "scenarios": entries,
        })
    }
}
