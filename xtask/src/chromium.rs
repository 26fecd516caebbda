//! The browser of the panel's tests: Chromium and its WebDriver.

use std::process::Command;

use anyhow::Result;

use crate::process::{output, run};

/// Debian's packages.
const PACKAGES: [&str; 2] = ["chromium", "chromium-driver"];

/// Installs the browser when it is missing, where that is ours to do: as root on Debian. Elsewhere it says what to install; the
/// tests that need it fail then.
pub(crate) fn ensure() {
    if std::env::var_os("STAGE_EXCHANGE_TEST_CHROMEDRIVER").is_some() || is_there() {
        return;
    }
    if let Err(error) = install() {
        eprintln!(
            "note: the tests of the admin panel will fail: Chromium and its WebDriver (chromedriver) are missing, and could not be \
             installed: {error:#}. On Debian: apt-get install {}. Elsewhere name the driver in STAGE_EXCHANGE_TEST_CHROMEDRIVER",
            PACKAGES.join(" ")
        );
    }
}

fn is_there() -> bool {
    output(Command::new("chromedriver").arg("--version")).is_ok()
}

fn install() -> Result<()> {
    let is_root = output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    anyhow::ensure!(is_root, "not root, so nothing is installed");
    run(Command::new("apt-get").args(["update", "-qq"]))?;
    run(Command::new("apt-get")
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(PACKAGES)
        .env("DEBIAN_FRONTEND", "noninteractive"))
}
