//! `cargo xtask test`: every test of every crate.

use anyhow::Result;

use crate::chromium;
use crate::process;
use crate::python;

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    chromium::ensure();
    let mut command = process::cargo();
    command.args(["test", "--workspace"]).args(arguments);
    if let Some(python) = python::with_tds_clients()? {
        command.env("STAGE_EXCHANGE_TEST_PYTHON", python);
    }
    if std::env::var_os("STAGE_EXCHANGE_TEST_MSSQL").is_some() {
        eprintln!(
            "tests of SQL Server run over our own test server and over the one in STAGE_EXCHANGE_TEST_MSSQL"
        );
    } else {
        eprintln!(
            "tests of SQL Server run over our own test server; STAGE_EXCHANGE_TEST_MSSQL may name a real one"
        );
    }
    process::run(&mut command)
}
