//! SQL Server as a target: our test server, and the real one that `STAGE_EXCHANGE_TEST_MSSQL` names, a database for each test.

use std::hash::{BuildHasher, Hasher, RandomState};

use mssql_testkit::{FaultProxy, Options, TestServer};
use store_mssql::MssqlTarget;
use tokio::runtime::Runtime;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

use super::database::{Cell, Column, Database};

type Client = tiberius::Client<Compat<tokio::net::TcpStream>>;

/// A database on a SQL Server, and how it came to be.
pub(crate) struct SqlServer {
    url: String,
    runtime: Runtime,
    origin: Origin,
}

enum Origin {
    /// A server of this test's own, in this process.
    Own { server: TestServer },
    /// A database of this test's own on the server that was asked for.
    Asked { name: String, server: String },
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

impl SqlServer {
    /// A test server of its own.
    pub(crate) fn own() -> Self {
        Self::with(Options::default())
    }

    fn with(options: Options) -> Self {
        let server = TestServer::start(options).expect("a test server");
        Self {
            url: server.url("test"),
            runtime: runtime(),
            origin: Origin::Own { server },
        }
    }

    /// A new database on the server that was asked for, if one was. A server that was asked for and is missing fails the test.
    pub(crate) fn asked_for() -> Option<Self> {
        let server = std::env::var("STAGE_EXCHANGE_TEST_MSSQL").ok()?;
        let name = format!("se_{:016x}", RandomState::new().build_hasher().finish());
        let runtime = runtime();
        runtime.block_on(run(&server, &format!("CREATE DATABASE {name}")));
        Some(Self {
            url: with_database(&server, &name),
            runtime,
            origin: Origin::Asked { name, server },
        })
    }
}

/// Our test server, which the program reaches through a proxy that breaks connections, and the tests directly.
pub(crate) struct Proxied {
    server: SqlServer,
    proxy: FaultProxy,
    url: String,
}

impl Proxied {
    /// A server and a proxy of its own. Nothing but the login is encrypted, so that the proxy can listen.
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    /// The same with this password of its login.
    pub(crate) fn with_password(password: &str) -> Self {
        Self::with(Options {
            password: password.to_owned(),
            ..Options::default()
        })
    }

    fn with(options: Options) -> Self {
        let server = SqlServer::with(options);
        let Origin::Own { server: own } = &server.origin else {
            panic!("a server of one's own is one's own");
        };
        let proxy = FaultProxy::start(own.address()).expect("a proxy");
        let url = server
            .url
            .replace(&own.address().to_string(), &proxy.address().to_string());
        Self { server, proxy, url }
    }

    pub(crate) fn proxy(&self) -> &FaultProxy {
        &self.proxy
    }
}

impl Database for Proxied {
    fn url(&self) -> String {
        self.url.clone()
    }

    fn read(&self, table: &str, columns: &[Column]) -> Option<Vec<Vec<Cell>>> {
        self.server.read(table, columns)
    }

    fn count(&self, table: &str) -> usize {
        self.server.count(table)
    }

    fn execute(&self, sql: &str) -> u64 {
        self.server.execute(sql)
    }
}

/// The same URL with another database.
fn with_database(url: &str, name: &str) -> String {
    let (scheme, rest) = url
        .split_once("://")
        .expect("STAGE_EXCHANGE_TEST_MSSQL is an mssql:// URL");
    let (address, options) = rest.split_once('?').unwrap_or((rest, ""));
    let host = address.split('/').next().unwrap_or(address);
    format!("{scheme}://{host}/{name}?{options}")
}

async fn connect(url: &str) -> Client {
    let target = MssqlTarget::parse(url).expect("the URL of the target");
    let config = target.driver_config().await.expect("the settings of the driver");
    let stream = tokio::net::TcpStream::connect(config.get_addr())
        .await
        .expect("the server that was asked for");
    tiberius::Client::connect(config, stream.compat_write())
        .await
        .expect("the server lets us in")
}

async fn run(url: &str, sql: &str) -> u64 {
    let mut client = connect(url).await;
    let done = client
        .execute(sql, &[])
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    done.rows_affected().iter().sum()
}

impl Drop for SqlServer {
    fn drop(&mut self) {
        // The database of a test that failed stays, for whoever looks into it.
        if let Origin::Asked { name, server } = &self.origin
            && !std::thread::panicking()
        {
            self.runtime
                .block_on(run(server, &format!("DROP DATABASE {name}")));
        }
    }
}

impl Database for SqlServer {
    fn url(&self) -> String {
        self.url.clone()
    }

    fn read(&self, table: &str, columns: &[Column]) -> Option<Vec<Vec<Cell>>> {
        let list: Vec<String> = columns
            .iter()
            .map(|column| match column {
                Column::Text(name) => (*name).to_owned(),
                Column::Number(name) => format!("CAST({name} AS nvarchar(40))"),
                Column::Time(name) => format!("CONVERT(nvarchar(19), {name}, 120)"),
                Column::Day(name) => format!("CONVERT(nvarchar(10), {name}, 120)"),
            })
            .collect();
        let there = format!("SELECT CAST(OBJECT_ID(N'{table}', N'U') AS nvarchar(40))");
        let sql = format!("SELECT {} FROM {table} ORDER BY EXTERNAL_ID", list.join(", "));
        self.runtime.block_on(async {
            let mut client = connect(&self.url).await;
            rows(&mut client, &there).await[0][0].as_ref()?;
            Some(rows(&mut client, &sql).await)
        })
    }

    fn count(&self, table: &str) -> usize {
        // Dynamic, since a statement about a table that is not there does not compile.
        let sql = format!(
            "IF OBJECT_ID(N'{table}', N'U') IS NULL SELECT N'0' \
             ELSE EXEC(N'SELECT CAST(COUNT(*) AS nvarchar(20)) FROM {table}')"
        );
        self.runtime.block_on(async {
            let mut client = connect(&self.url).await;
            let count = rows(&mut client, &sql).await.swap_remove(0).swap_remove(0);
            count.expect("a count").parse().expect("a number")
        })
    }

    fn execute(&self, sql: &str) -> u64 {
        self.runtime.block_on(run(&self.url, sql))
    }
}

async fn rows(client: &mut Client, sql: &str) -> Vec<Vec<Cell>> {
    let answer = client
        .simple_query(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    let rows = answer
        .into_first_result()
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.into_iter()
        .map(|row| {
            (0..row.len())
                .map(|at| row.get::<&str, _>(at).map(str::to_owned))
                .collect()
        })
        .collect()
}
