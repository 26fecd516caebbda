//! A server and clients for one test.

use mssql_testkit::{Options, TestServer};
use tiberius::{AuthMethod, Client, Config, EncryptionLevel, Row};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

pub(crate) type Sql = Client<Compat<TcpStream>>;

pub(crate) fn server() -> TestServer {
    TestServer::start(Options::default()).expect("the server starts")
}

pub(crate) fn config(server: &TestServer) -> Config {
    let mut config = Config::new();
    config.host("127.0.0.1");
    config.port(server.address().port());
    config.authentication(AuthMethod::sql_server("sa", "Passw0rd!"));
    config.database("test");
    config.encryption(EncryptionLevel::NotSupported);
    config
}

pub(crate) async fn connect_with(config: Config) -> tiberius::Result<Sql> {
    let socket = TcpStream::connect(config.get_addr()).await?;
    socket.set_nodelay(true)?;
    Client::connect(config, socket.compat_write()).await
}

pub(crate) async fn connect(server: &TestServer) -> Sql {
    connect_with(config(server)).await.expect("the login succeeds")
}

/// Runs a batch and gives the rows of its last result.
pub(crate) async fn rows(sql: &mut Sql, batch: &str) -> tiberius::Result<Vec<Row>> {
    let mut all = sql.simple_query(batch).await?.into_results().await?;
    Ok(all.pop().unwrap_or_default())
}

pub(crate) async fn run(sql: &mut Sql, batch: &str) {
    rows(sql, batch).await.unwrap_or_else(|e| panic!("{batch}: {e}"));
}

/// The one number a query gives.
pub(crate) async fn int(sql: &mut Sql, batch: &str) -> i32 {
    let rows = rows(sql, batch).await.unwrap_or_else(|e| panic!("{batch}: {e}"));
    rows[0].get(0).expect("not NULL")
}

/// The one text a query gives.
pub(crate) async fn text(sql: &mut Sql, batch: &str) -> String {
    let rows = rows(sql, batch).await.unwrap_or_else(|e| panic!("{batch}: {e}"));
    rows[0].get::<&str, _>(0).expect("not NULL").to_owned()
}

/// The number of the error a batch ends with.
pub(crate) async fn error(sql: &mut Sql, batch: &str) -> u32 {
    match rows(sql, batch).await {
        Ok(_) => panic!("no error: {batch}"),
        Err(error) => error.code().unwrap_or_else(|| panic!("{batch}: {error}")),
    }
}
