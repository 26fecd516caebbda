//! The programs that take part, as users would build them.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process::{cargo, output, run};

/// Where the built programs are.
#[derive(Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Builds the program and these examples, given as package and name. Each is built on its own: together they would get the
    /// features that only one of them asks of shared crates.
    pub(crate) fn build(examples: &[(&str, &str)]) -> Result<Self> {
        run(cargo().args(["build", "--release", "-p", "runner", "--bin", "stage-exchange"]))?;
        for (package, example) in examples {
            run(cargo().args(["build", "--release", "-p", package, "--example", example]))?;
        }
        Self::built()
    }

    /// The programs as they were built last.
    pub(crate) fn built() -> Result<Self> {
        let metadata = output(cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
        let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata printed no JSON")?;
        let target = metadata["target_directory"]
            .as_str()
            .context("cargo metadata names no target directory")?;
        Ok(Self {
            folder: PathBuf::from(target).join("release"),
        })
    }

    /// `stage-exchange`.
    pub(crate) fn stage_exchange(&self) -> PathBuf {
        self.folder.join(name("stage-exchange"))
    }

    /// An example.
    pub(crate) fn example(&self, example: &str) -> PathBuf {
        self.folder.join("examples").join(name(example))
    }
}

fn name(program: &str) -> String {
    format!("{program}{}", std::env::consts::EXE_SUFFIX)
}
