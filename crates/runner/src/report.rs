//! The report of a verification: one file for programs, one for people.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chrono::{DateTime, NaiveDateTime, Utc};
use exchange::{Environment, Finding, Sample, Verification};
use serde::Serialize;
use tempfile::NamedTempFile;

use crate::exit::Usage;
use crate::output::number;

/// The number of this form of report. It grows when a key changes its meaning or goes; new keys may come at any time.
const FORMAT: u32 = 1;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// Portal and tables are equal.
    Equal,
    /// They differ.
    Different,
    /// The comparison did not reach its end.
    Unfinished,
}

/// What was asked for.
#[derive(Debug, Serialize)]
pub(crate) struct Asked {
    pub(crate) since: Option<NaiveDateTime>,
    pub(crate) pipelines: Vec<i64>,
    pub(crate) sample: Option<Sample>,
    pub(crate) repair: bool,
}

/// A report. `docs/verify.md` documents its keys.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    format: u32,
    version: &'static str,
    pub(crate) portal: String,
    pub(crate) target: String,
    pub(crate) environment: Environment,
    pub(crate) timezone: String,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) seconds: f64,
    pub(crate) result: Outcome,
    pub(crate) asked: Asked,
    pub(crate) tables: Vec<Verification>,
}

impl Report {
    /// A report with no table yet.
    pub(crate) fn new(context: &exchange::Context, asked: Asked) -> Self {
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION"),
            portal: context.portal_name.clone(),
            target: context.store.target(),
            environment: context.environment,
            timezone: context.timezone.name().to_owned(),
            started_at: context.clock.now(),
            seconds: 0.0,
            result: Outcome::Equal,
            asked,
            tables: Vec::new(),
        }
    }

    /// Adds what was found in a table.
    pub(crate) fn add(&mut self, table: Verification) {
        let outcome = if table.unfinished.is_some() {
            Outcome::Unfinished
        } else if table.is_true() {
            Outcome::Equal
        } else {
            Outcome::Different
        };
        self.result = match (self.result, outcome) {
            (Outcome::Unfinished, _) | (_, Outcome::Unfinished) => Outcome::Unfinished,
            (Outcome::Different, _) | (_, Outcome::Different) => Outcome::Different,
            _ => Outcome::Equal,
        };
        self.tables.push(table);
    }

    /// The report for people: text that reads as Markdown, too.
    fn text(&self) -> String {
        let mut text = format!(
            "# Verification of {}, environment {}\n\n",
            self.target, self.environment
        );
        text.push_str(&match self.result {
            Outcome::Equal => "Portal and tables are equal.\n\n".to_owned(),
            Outcome::Different => "Portal and tables differ.\n\n".to_owned(),
            Outcome::Unfinished => {
                "The comparison did not reach its end: what follows is a part.\n\n".to_owned()
            }
        });
        let begun = self.started_at.format("%Y-%m-%d %H:%M:%S UTC");
        let mut line = |line: String| {
            text.push_str("- ");
            text.push_str(&line);
            text.push('\n');
        };
        line(format!("portal {}", self.portal));
        line(format!("begun {begun}, took {:.1} s", self.seconds));
        if let Some(since) = self.asked.since {
            line(format!("only moves since {since} ({})", self.timezone));
        }
        if !self.asked.pipelines.is_empty() {
            let pipelines: Vec<String> = self.asked.pipelines.iter().map(i64::to_string).collect();
            line(format!("only pipelines {}", pipelines.join(", ")));
        }
        if let Some(sample) = self.asked.sample {
            line(format!(
                "only a sample of the history: {}, seed {}",
                sample.portion, sample.seed
            ));
        }
        for table in &self.tables {
            text.push_str(&format!("\n## {}\n\n{}\n", table.table, describe(table)));
            for sentence in table.advice() {
                text.push_str(&format!("\nTo do: {sentence}\n"));
            }
        }
        text
    }
}

/// One line about a table, and one for each kind of finding.
pub(crate) fn describe(result: &Verification) -> String {
    let verdict = match &result.unfinished {
        Some(_) => "NOT compared to the end",
        None if result.is_true() => "true",
        None => "NOT true",
    };
    let mut text = format!(
        "{} is {verdict}: {} rows in the portal, {} in the table",
        result.table,
        number(result.portal),
        number(result.stored)
    );
    let mut add = |name: &str, finding: &Finding| {
        if finding.count == 0 {
            return;
        }
        text.push_str(&format!(
            "\n  {} {name}, such as EXTERNAL_ID {}",
            number(finding.count),
            keys(&finding.examples)
        ));
        let columns: Vec<String> = finding
            .columns
            .iter()
            .map(|(column, found)| format!("{column} {} times", number(found.count)))
            .collect();
        if !columns.is_empty() {
            text.push_str(&format!(" (in {})", columns.join(", ")));
        }
    };
    add("missing", &result.missing);
    add("different", &result.different);
    add("extra: the portal does not have them", &result.extra);
    add(
        "too many: there is another row with the same key",
        &result.duplicate,
    );
    add("kept though the portal has them no more", &result.kept);
    if result.outside > 0 {
        text.push_str(&format!(
            "\n  {} rows of other pipelines or times were left out",
            number(result.outside)
        ));
    }
    if let Some(mended) = &result.mended {
        text.push_str(&format!(
            "\n  mended: {} missing rows, {} different rows, {} that were active and are gone",
            number(mended.written.inserted),
            number(mended.written.changed),
            number(mended.deactivated)
        ));
    }
    if let Some(reason) = &result.unfinished {
        text.push_str(&format!("\n  unfinished: {reason}"));
    }
    text
}

fn keys(examples: &[i64]) -> String {
    let keys: Vec<String> = examples.iter().take(5).map(i64::to_string).collect();
    keys.join(", ")
}

/// Where a report goes.
#[derive(Debug)]
pub(crate) struct ReportFiles {
    for_programs: PathBuf,
    for_people: PathBuf,
}

impl ReportFiles {
    /// The files that `--report FILE` names: a name that ends in `.txt` or `.md` is the one for people, any other the one for
    /// programs. Made sure of before hours are spent: that they can be written.
    pub(crate) fn named(file: &Path) -> Result<Self, Usage> {
        let extension = file.extension().and_then(|extension| extension.to_str());
        let (for_programs, for_people) = match extension {
            Some("txt" | "md") => (file.with_extension("json"), file.to_path_buf()),
            Some("json") => (file.to_path_buf(), file.with_extension("txt")),
            _ => {
                let mut name = file.as_os_str().to_owned();
                name.push(".txt");
                (file.to_path_buf(), PathBuf::from(name))
            }
        };
        let files = Self {
            for_programs,
            for_people,
        };
        for path in [&files.for_programs, &files.for_people] {
            let wrong = |why: String| {
                Usage(format!(
                    "the report {} cannot be written: {why}; give --report another path",
                    path.display()
                ))
            };
            if path.is_dir() || path.file_name().is_none() {
                return Err(wrong("it names a folder".to_owned()));
            }
            draft(path).map_err(|error| wrong(error.to_string()))?;
        }
        Ok(files)
    }

    /// Writes both files, each whole or not at all.
    pub(crate) fn write(&self, report: &Report) -> anyhow::Result<()> {
        let mut json = serde_json::to_vec_pretty(report).context("cannot put the report together")?;
        json.push(b'\n');
        replace(&self.for_programs, &json)?;
        replace(&self.for_people, report.text().as_bytes())
    }

    /// Both paths, for people.
    pub(crate) fn shown(&self) -> String {
        format!(
            "{} and {}",
            self.for_programs.display(),
            self.for_people.display()
        )
    }
}

/// A new file in the folder of `path`.
fn draft(path: &Path) -> std::io::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    tempfile::Builder::new()
        .prefix(".stage-exchange-report-")
        .tempfile_in(folder)
}

fn replace(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = draft(path)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write the report {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_named_by_either_of_its_files() {
        let folder = tempfile::tempdir().unwrap();
        let named = |name: &str| {
            let files = ReportFiles::named(&folder.path().join(name)).unwrap();
            let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
            (name(&files.for_programs), name(&files.for_people))
        };
        let both = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        assert_eq!(named("a.json"), both("a.json", "a.txt"));
        assert_eq!(named("a.md"), both("a.json", "a.md"));
        assert_eq!(named("a.txt"), both("a.json", "a.txt"));
        assert_eq!(named("a"), both("a", "a.txt"));
        assert_eq!(named("a.2024"), both("a.2024", "a.2024.txt"));
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            0,
            "nothing is left"
        );
    }

    #[test]
    fn a_report_that_cannot_be_written_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = folder.path().join("missing").join("a.json");
        for path in [nowhere.as_path(), folder.path()] {
            let error = ReportFiles::named(path).unwrap_err();
            assert!(error.to_string().contains("cannot be written"), "{error}");
        }
    }
}
