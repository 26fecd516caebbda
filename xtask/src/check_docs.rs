//! The names of tests in the documents: each must be the name of a function somewhere. A promise whose test was renamed or removed is found
//! here.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::process::root;

/// Documents that name tests.
const DOCUMENTS: &[&str] = &["ARCHITECTURE.md", "docs/guarantees.md"];

/// Where tests are.
const FOLDERS: &[&str] = &["crates", "tests", "xtask"];

pub(crate) fn run() -> Result<()> {
    let root = root();
    let mut functions = BTreeSet::new();
    for folder in FOLDERS {
        gather(&root.join(folder), &mut functions)?;
    }
    let (mut named, mut unknown) = (0, Vec::new());
    for document in DOCUMENTS {
        let path = root.join(document);
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let names = tests_named_in(&text);
        if names.is_empty() {
            bail!("{document} names no test: is this check looking for the right thing?");
        }
        named += names.len();
        unknown.extend(
            names
                .into_iter()
                .filter(|name| !functions.contains(*name))
                .map(|name| format!("{document}: {name}")),
        );
    }
    if !unknown.is_empty() {
        bail!(
            "these tests are named and are not there:\n  {}",
            unknown.join("\n  ")
        );
    }
    eprintln!("the {named} tests that the documents name are there");
    Ok(())
}

/// Adds the names of all functions in the sources of a folder.
fn gather(folder: &Path, functions: &mut BTreeSet<String>) -> Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            gather(&path, functions)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text =
                std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            functions.extend(functions_in(&text).map(str::to_owned));
        }
    }
    Ok(())
}

fn functions_in(source: &str) -> impl Iterator<Item = &str> {
    source.lines().filter_map(|line| {
        let line = line.trim_start();
        let line = line
            .strip_prefix("pub(crate) ")
            .or(line.strip_prefix("pub "))
            .unwrap_or(line);
        let line = line.strip_prefix("async ").unwrap_or(line);
        line.strip_prefix("fn ")?.split(['(', '<']).next()
    })
}

/// What stands between backticks and is written as a test's name is: four words or more.
fn tests_named_in(text: &str) -> BTreeSet<&str> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| name.matches('_').count() >= 3)
        .filter(|name| {
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        })
        .filter(|name| !name.starts_with("stage_exchange_"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tests_are_told_from_other_words() {
        let text =
            "`a_row_that_is_lost`, `verify`, `operating_reset_at`, a_b_c_d, `fn x_y_z_w()`, `what_is_it_1`";
        let names: Vec<_> = tests_named_in(text).into_iter().collect();
        assert_eq!(names, ["a_row_that_is_lost", "what_is_it_1"]);
    }

    #[test]
    fn functions_are_found_however_they_begin() {
        let source =
            "fn a() {}\n    async fn b_c(x: u8) {}\npub(crate) async fn d<T>() {}\n// fn e() is none";
        let found: Vec<_> = functions_in(source).collect();
        assert_eq!(found, ["a", "b_c", "d"]);
    }

    #[test]
    fn every_test_that_the_documents_name_is_there() {
        run().unwrap();
    }
}
