//! Starts a test server, prints its URL, and runs until Ctrl-C.
//!
//! `cargo run -p mssql-testkit --example serve -- [port]`

use mssql_testkit::{Options, TestServer};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::args().nth(1).map_or(Ok(0), |text| text.parse())?;
    let server = TestServer::start(Options {
        port,
        ..Options::default()
    })?;
    println!("{}", server.url("test"));
    tokio::signal::ctrl_c().await?;
    server.stop();
    Ok(())
}
