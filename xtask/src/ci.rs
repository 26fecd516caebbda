//! `cargo xtask ci`: what has to hold beside the tests.

use anyhow::Result;

use crate::process::{self, cargo};
use crate::{check_deps, check_docs, licences};

pub(crate) fn run() -> Result<()> {
    process::run(cargo().args(["fmt", "--all", "--check"]))?;
    check_deps::run()?;
    licences::run()?;
    check_docs::run()?;
    process::run(cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "--deny",
        "warnings",
    ]))?;
    process::run(
        cargo()
            .args(["doc", "--workspace", "--no-deps", "--locked"])
            .env("RUSTDOCFLAGS", "--deny warnings"),
    )
}
