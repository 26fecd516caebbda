//! Independent TDS clients for the tests: pymssql and python-tds, in a virtual environment under `target/`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::{output, root, run};

const CLIENTS: [&str; 2] = ["pymssql>=2.3,<3", "python-tds>=1.15,<2"];

/// A Python that has both clients, made when missing. `None`, with the reason said, where that is not possible; in CI that is
/// an error, since nobody would read the reason there.
pub(crate) fn with_tds_clients() -> Result<Option<PathBuf>> {
    if let Some(given) = std::env::var_os("STAGE_EXCHANGE_TEST_PYTHON") {
        return Ok(Some(given.into()));
    }
    match environment() {
        Ok(python) => Ok(Some(python)),
        Err(error) if std::env::var_os("CI").is_some() => Err(error),
        Err(error) => {
            eprintln!("note: the tests with Python's TDS clients are skipped: {error:#}");
            Ok(None)
        }
    }
}

fn environment() -> Result<PathBuf> {
    let folder = root().join("target").join("python");
    let python = folder.join("bin").join("python");
    let has_both =
        |python: &PathBuf| output(Command::new(python).args(["-c", "import pymssql, pytds"])).is_ok();
    if has_both(&python) {
        return Ok(python);
    }
    let make = || {
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder))
    };
    if make().is_err() {
        install_python()
            .context("python3 with its module venv is needed (Debian: apt-get install python3-venv)")?;
        make()?;
    }
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(CLIENTS))
    .context("pymssql and python-tds cannot be installed from PyPI")?;
    Ok(python)
}

/// Installs Python where that is ours to do: as root on Debian.
fn install_python() -> Result<()> {
    let is_root = output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    anyhow::ensure!(is_root, "not root, so nothing is installed");
    run(Command::new("apt-get").args(["update", "-qq"]))?;
    run(Command::new("apt-get").args(["install", "-y", "-qq", "python3-venv"]))
}
