//! One logged-in connection, and how to open it.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use secrecy::ExposeSecret;
use socket2::{SockRef, TcpKeepalive};
use store::{Error, ErrorKind};
use tiberius::{
    AuthMethod, Client, ColumnData, Config, EncryptionLevel, IntoSql, Query, Row, SqlBrowser,
    SqlBulkCopyOption, TokenRow,
};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::failure::Failure;
use crate::target::{Encryption, Login, MssqlTarget, Trust};
use crate::wire::{Pulse, Wire};

/// How often a server may send us on to another one. Azure SQL does it once.
const REDIRECTIONS: usize = 3;

/// When an address does not answer, the next one is tried after this time without giving up the first.
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);

/// Silence after which the network is asked whether the other side is still there. Azure's gateway forgets a connection after
/// 30 minutes, many firewalls after less.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Options that every statement here relies on. The driver has no way to reset a connection, so they are set once and never
/// changed: the ANSI ones are what filtered indexes, indexed views and computed columns ask of a writer, `XACT_ABORT` makes
/// every error end its transaction, `LOCK_TIMEOUT` makes waiting for a lock end in error 1222.
const SET_UP: &str = "SET NOCOUNT ON; SET XACT_ABORT ON; SET ANSI_NULLS ON; SET ANSI_PADDING ON; SET ANSI_WARNINGS ON; \
SET ARITHABORT ON; SET CONCAT_NULL_YIELDS_NULL ON; SET QUOTED_IDENTIFIER ON; SET NUMERIC_ROUNDABORT OFF; \
SET IMPLICIT_TRANSACTIONS OFF; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCK_TIMEOUT 30000; \
SELECT USER_NAME();";

/// A logged-in connection. Used by one call at a time; thrown away when a call did not end well.
#[derive(Debug)]
pub(crate) struct Session {
    client: Client<Wire>,
    pulse: Pulse,
    /// Whom the database takes us for: the grantee of rights.
    pub(crate) user: String,
    timeout: Option<Duration>,
}

/// A parameter of a statement.
#[derive(Debug)]
pub(crate) struct Parameter<'a>(pub(crate) ColumnData<'a>);

impl<'a> IntoSql<'a> for Parameter<'a> {
    fn into_sql(self) -> ColumnData<'a> {
        self.0
    }
}

impl Session {
    /// Connects and logs in, within the target's time for that.
    pub(crate) async fn open(target: &MssqlTarget) -> Result<Self, Failure> {
        let begun = Instant::now();
        let mut at = Address::of(target);
        for _ in 0..=REDIRECTIONS {
            match Self::open_at(target, &at, begun).await {
                Err(Failure::Driver(tiberius::error::Error::Routing { host, port })) => {
                    tracing::debug!(%host, port, "the server sends us on");
                    at = Address {
                        host: host.split('\\').next().unwrap_or_default().to_owned(),
                        port,
                        instance: None,
                    };
                }
                done => return done,
            }
        }
        Err(tiberius::error::Error::Protocol("the server sends us on and on".into()).into())
    }

    async fn open_at(target: &MssqlTarget, at: &Address, begun: Instant) -> Result<Self, Failure> {
        let left = |limit: Option<Duration>| limit.map(|limit| limit.saturating_sub(begun.elapsed()));
        let limit = target.connect_timeout;
        let mut config = config(target, at).await?;
        let stream = within("connecting", limit, left(limit), connect(target, at, &config)).await?;
        stream.set_nodelay(true).map_err(tiberius::error::Error::from)?;
        let keep_alive = TcpKeepalive::new()
            .with_time(KEEP_ALIVE)
            .with_interval(KEEP_ALIVE / 3);
        SockRef::from(&stream)
            .set_tcp_keepalive(&keep_alive)
            .map_err(tiberius::error::Error::from)?;
        let (wire, pulse) = Wire::share(stream);
        // All clocks are ours, so that each is named when it runs out.
        config.handshake_timeout(None);
        config.command_timeout(None);
        let login = async {
            let client = Client::connect(config, wire).await?;
            let mut session = Self {
                client,
                pulse,
                user: String::new(),
                timeout: None,
            };
            if let Some(row) = session.batch(SET_UP).await?.into_iter().flatten().next() {
                session.user = row.try_get::<&str, _>(0)?.unwrap_or_default().to_owned();
            }
            Ok(session)
        };
        let mut session = within("logging in", limit, left(limit), login).await?;
        session.timeout = target.command_timeout;
        Ok(session)
    }

    /// Whether the connection, idle until now, is still open as far as this machine knows.
    pub(crate) fn is_open(&self) -> bool {
        self.pulse.beats()
    }

    /// Gives every following statement this time, `None` for as long as it takes.
    pub(crate) fn set_timeout(&mut self, timeout: Option<Duration>) {
        self.timeout = timeout;
    }

    /// Runs a batch; gives the rows of each of its results.
    pub(crate) async fn batch(&mut self, text: &str) -> Result<Vec<Vec<Row>>, Failure> {
        let limit = self.timeout;
        let client = &mut self.client;
        within("the server's answer", limit, limit, async move {
            Ok(client.simple_query(text).await?.into_results().await?)
        })
        .await
    }

    /// Runs a statement with parameters `@P1`, `@P2`, …; gives the rows of each of its results.
    pub(crate) async fn query<'a>(
        &mut self,
        text: &'a str,
        parameters: impl IntoIterator<Item = ColumnData<'a>>,
    ) -> Result<Vec<Vec<Row>>, Failure> {
        let mut query = Query::new(text);
        query.bind_iter(parameters.into_iter().map(Parameter));
        let limit = self.timeout;
        let client = &mut self.client;
        within("the server's answer", limit, limit, async move {
            Ok(query.query(client).await?.into_results().await?)
        })
        .await
    }

    /// Loads rows in bulk into a table of this session. The names are written as they are, so they must be quoted.
    pub(crate) async fn load<'a>(
        &'a mut self,
        table: &'a str,
        columns: &'a [&'a str],
        rows: impl Iterator<Item = TokenRow<'a>>,
    ) -> Result<(), Failure> {
        let limit = self.timeout;
        let client = &mut self.client;
        within("the bulk load", limit, limit, async move {
            let mut load = client
                .bulk_insert_with_options(table, columns, SqlBulkCopyOption::TableLock.into(), &[])
                .await?;
            for row in rows {
                load.send(row).await?;
            }
            load.finalize().await?;
            Ok(())
        })
        .await
    }
}

/// Ends a wait that takes longer than `left`; `limit` is what it is called in the error.
async fn within<T>(
    waiting_for: &'static str,
    limit: Option<Duration>,
    left: Option<Duration>,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match left {
        None => work.await,
        Some(left) => timeout(left, work).await.unwrap_or(Err(Failure::TimedOut {
            waiting_for,
            after: limit.unwrap_or(left),
        })),
    }
}

struct Address {
    host: String,
    port: u16,
    instance: Option<String>,
}

impl Address {
    fn of(target: &MssqlTarget) -> Self {
        Self {
            host: target.host.clone(),
            port: target.port_or_default(),
            instance: target.instance.clone(),
        }
    }
}

async fn connect(target: &MssqlTarget, at: &Address, config: &Config) -> Result<TcpStream, Failure> {
    if at.instance.is_some() {
        return Ok(TcpStream::connect_named(config).await?);
    }
    let addresses = tokio::net::lookup_host((at.host.as_str(), at.port))
        .await
        .map_err(tiberius::error::Error::from)?;
    let apart = if target.try_all_addresses {
        Duration::ZERO
    } else {
        NEXT_ADDRESS_AFTER
    };
    let mut attempts: FuturesUnordered<_> = (0..)
        .zip(addresses)
        .map(|(place, address)| async move {
            sleep(apart * place).await;
            TcpStream::connect(address).await
        })
        .collect();
    let mut refusal = None;
    while let Some(attempt) = attempts.next().await {
        match attempt {
            Ok(stream) => return Ok(stream),
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    let refusal = refusal.unwrap_or_else(|| std::io::Error::other("the host has no address"));
    Err(tiberius::error::Error::from(refusal).into())
}

/// The driver's configuration for a target.
pub(crate) async fn driver_config(target: &MssqlTarget) -> Result<Config, Error> {
    config(target, &Address::of(target)).await
}

async fn config(target: &MssqlTarget, at: &Address) -> Result<Config, Error> {
    let mut config = Config::new();
    config.host(&at.host);
    match &at.instance {
        // The port of the browser service is the driver's default here.
        Some(instance) => config.instance_name(instance),
        None => config.port(at.port),
    }
    config.database(&target.database);
    config.application_name(&target.application);
    config.packet_size(target.packet_size);
    config.multi_subnet_failover(target.try_all_addresses);
    if let Some(name) = &target.certificate_host {
        config.hostname_in_certificate(name);
    }
    config.encryption(match target.encryption {
        Encryption::On => EncryptionLevel::Required,
        Encryption::Off => EncryptionLevel::Off,
        Encryption::Strict => EncryptionLevel::Strict,
    });
    match &target.trust {
        // Without encryption the server's certificate, mostly one it made itself, only covers the login. As Microsoft's
        // drivers do, it is taken as it is.
        Trust::System if target.encryption == Encryption::Off => config.trust_cert(),
        Trust::System => {}
        Trust::File(path) => {
            let authorities = tokio::fs::read(path)
                .await
                .map_err(|error| unreadable("ca_file", path, error))?;
            config.trust_cert_ca_bundle(authorities);
        }
        Trust::Any => config.trust_cert(),
    }
    config.authentication(match &target.login {
        Login::Password { user, password } => AuthMethod::sql_server(user, password.expose_secret()),
        Login::Token(token) => AuthMethod::aad_token(token.expose_secret()),
        Login::TokenFile(path) => {
            let token = tokio::fs::read_to_string(path)
                .await
                .map_err(|error| unreadable("token_file", path, error))?;
            AuthMethod::aad_token(token.trim())
        }
    });
    Ok(config)
}

fn unreadable(part: &str, path: &Path, error: std::io::Error) -> Error {
    Error::new(
        ErrorKind::Operator,
        format!("cannot read the file {} that {part} names", path.display()),
    )
    .with_source(error)
}
