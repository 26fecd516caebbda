//! The server a test starts.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::background::{Background, listen};
use crate::engine::parser;
use crate::engine::run::Executor;
use crate::engine::sink::{Event, Sink};
use crate::engine::state::{Injection, World};
use crate::error::{Error, ErrorKind};
use crate::errors::SqlError;
use crate::options::{Encrypt, Options};
use crate::session;
use crate::tls::Handshake;
use crate::value::Value;

/// A TDS server on 127.0.0.1 with databases in memory. It stops when it is dropped.
pub struct TestServer {
    world: Arc<World>,
    handshake: Arc<Handshake>,
    address: SocketAddr,
    background: Background,
}

/// The rows of a [`TestServer::query`].
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Rows {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows, in order.
    pub rows: Vec<Vec<Value>>,
}

impl std::fmt::Debug for TestServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestServer")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl TestServer {
    /// Starts a server on a thread of its own; it listens when this returns.
    ///
    /// # Errors
    /// When the port is taken or the system has no thread or randomness to give.
    pub fn start(options: Options) -> Result<Self, Error> {
        let (listener, address) = listen(options.port)?;
        let handshake = Arc::new(Handshake::new()?);
        let world = Arc::new(World::new(options));
        let background = Background::start("mssql-testkit")?;
        let listener = {
            let _inside = background.handle().enter();
            TcpListener::from_std(listener).map_err(|e| Error::new(ErrorKind::Listen, e))?
        };
        background
            .handle()
            .spawn(accept(listener, world.clone(), handshake.clone()));
        Ok(Self {
            world,
            handshake,
            address,
            background,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A connection URL for one of its databases.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let options = &self.world.options;
        let encrypt = match options.encrypt {
            Encrypt::Off | Encrypt::Optional => "encrypt=off",
            Encrypt::On => "encrypt=on&trust_certificate=true",
        };
        format!(
            "mssql://{}:{}@{}/{database}?{encrypt}",
            escaped(&options.user),
            escaped(&options.password),
            self.address
        )
    }

    /// The server's self-signed certificate as PEM, for a client that is given a CA file.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        self.handshake.pem()
    }

    /// Runs a batch in a session of its own and gives the last result it had.
    ///
    /// # Errors
    /// The first error of the batch.
    pub async fn query(&self, database: &str, sql: &str) -> Result<Rows, SqlError> {
        let world = self.world.clone();
        let (database, sql) = (database.to_owned(), sql.to_owned());
        let task = self
            .background
            .handle()
            .spawn(async move { run(&world, &database, &sql).await });
        match task.await {
            Ok(result) => result,
            Err(_) => {
                Err(SqlError::new(596, "The test server stopped while it ran this batch.").with_class(21))
            }
        }
    }

    /// Lets the next statement whose text contains `text` fail with an error of that number. 1205 rolls the
    /// transaction back, numbers such as 40613 also close the connection. For a bulk load the text is
    /// `INSERT BULK` and the name of its table.
    pub fn fail_next(&self, number: i32, text: &str) {
        self.world.state().injections.push(Injection {
            number,
            text: text.to_owned(),
        });
    }

    /// How many errors asked for with [`TestServer::fail_next`] did not strike yet.
    #[must_use]
    pub fn failures_left(&self) -> usize {
        self.world.state().injections.len()
    }

    /// The text of every batch and parameterised statement clients sent so far.
    #[must_use]
    pub fn statements(&self) -> Vec<String> {
        self.world.state().log.clone()
    }

    /// Stops listening and cuts all connections.
    pub fn stop(self) {
        drop(self);
    }
}

/// Percent-encodes what may not stand in the user part of a URL.
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'!' => {
                char::from(b).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

async fn accept(listener: TcpListener, world: Arc<World>, handshake: Arc<Handshake>) {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                tokio::spawn(session::serve(world.clone(), handshake.clone(), socket));
            }
            Err(error) => tracing::warn!(%error, "the test server could not accept a connection"),
        }
    }
}

async fn run(world: &World, database: &str, sql: &str) -> Result<Rows, SqlError> {
    let batch = parser::parse(sql)?;
    let mut session = world.open_session(&world.options.user, database, "", "mssql-testkit");
    session.denied.clear();
    let mut sink = Sink::Memory(Vec::new());
    // Errors are among the events.
    let _outcome = Executor::new(world, &mut session, &mut sink).batch(&batch).await;
    world.close_session(&mut session);
    let Sink::Memory(events) = sink else {
        return Ok(Rows::default());
    };
    let mut out = Rows::default();
    for event in events {
        match event {
            Event::Message(error) if error.class > 10 => return Err(error),
            Event::Columns(columns) => {
                out = Rows {
                    columns: columns.into_iter().map(|c| c.name).collect(),
                    rows: Vec::new(),
                };
            }
            Event::Rows(rows) => out.rows = rows.iter().map(|r| r.to_vec()).collect(),
            _ => {}
        }
    }
    Ok(out)
}
