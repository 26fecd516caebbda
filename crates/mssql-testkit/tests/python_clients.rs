//! Two Python clients against the test server: pymssql (FreeTDS) and python-tds, which share no code with tiberius.

use std::path::Path;
use std::process::Command;

use mssql_testkit::{Options, TestServer};

const PYTHON: &str = "STAGE_EXCHANGE_TEST_PYTHON";

#[test]
fn pymssql_and_python_tds_log_in_query_and_load() {
    let Some(python) = std::env::var_os(PYTHON) else {
        println!("skipped: {PYTHON} does not name a Python that has pymssql and python-tds");
        return;
    };
    let server = TestServer::start(Options::default()).expect("the server starts");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python_clients.py");
    let output = Command::new(&python)
        .arg(script)
        .arg(server.address().port().to_string())
        .output()
        .unwrap_or_else(|e| panic!("{PYTHON} names {}, which does not run: {e}", python.display()));
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "the clients failed:\n{said}\n{complained}"
    );
    assert!(
        said.trim_end().ends_with("both clients are content"),
        "the script ended early:\n{said}\n{complained}"
    );
}
