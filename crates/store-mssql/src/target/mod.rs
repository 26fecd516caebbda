//! Where the database is and how to log in: read from a URL or from an ADO.NET connection string, into the same thing.

mod ado;
mod draft;
mod part;
mod url;
mod value;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use crate::Error;

/// Where a SQL Server database is, and how to log in to it.
///
/// Made by [`parse`](Self::parse). It can be shown: [`Display`](fmt::Display) gives `mssql://host:1433/database`, and
/// neither it nor [`Debug`] ever gives a password or a token.
#[derive(Debug, Clone)]
pub struct MssqlTarget {
    pub(crate) host: String,
    /// `None` for a named instance whose port the server's browser service tells.
    pub(crate) port: Option<u16>,
    pub(crate) instance: Option<String>,
    pub(crate) database: String,
    pub(crate) login: Login,
    pub(crate) encryption: Encryption,
    pub(crate) trust: Trust,
    pub(crate) certificate_host: Option<String>,
    pub(crate) schema: String,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) command_timeout: Option<Duration>,
    pub(crate) application: String,
    pub(crate) packet_size: u32,
    pub(crate) try_all_addresses: bool,
}

/// How to log in.
#[derive(Debug, Clone)]
pub(crate) enum Login {
    /// A SQL Server login.
    Password { user: String, password: SecretString },
    /// A Microsoft Entra access token.
    Token(SecretString),
    /// A file with an Entra access token, read anew for each connection since tokens expire.
    TokenFile(PathBuf),
}

/// What travels encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// Everything.
    On,
    /// Only the login, when the server can, and without validation of its certificate.
    Off,
    /// Everything, with TLS before the first word (TDS 8.0; SQL Server 2022 and Azure SQL).
    Strict,
}

/// Which server certificates are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Those of the machine's trust store.
    System,
    /// Also those signed by the authorities in this file.
    File(PathBuf),
    /// Any.
    Any,
}

impl MssqlTarget {
    /// Reads a target from a URL or an ADO.NET connection string.
    ///
    /// ```text
    /// mssql://user:password@host:1433/database?encrypt=on&schema=dbo
    /// mssql://user:password@host\instance/database
    /// Server=tcp:host,1433;Database=name;User Id=user;Password='secret';Encrypt=true
    /// ```
    ///
    /// In a URL every part is percent-decoded. In a connection string ADO.NET's quoting rules hold. Options are the same in
    /// both, whatever their case and with or without spaces and `_`:
    ///
    /// | option | values | when left out |
    /// |---|---|---|
    /// | `encrypt` | `on`, `off` (the login only, unvalidated), `strict` | `on` |
    /// | `trust_certificate` | `true` accepts any certificate | `false` |
    /// | `ca_file` | a PEM or DER file with more authorities to trust (a self-signed server certificate only if it is not marked `CA:TRUE`) | the system's |
    /// | `hostname_in_certificate` | the name the certificate is for | the host |
    /// | `schema` | where the tables are | `dbo` |
    /// | `instance` | a named instance; its port is asked from the server's browser service | none |
    /// | `connect_timeout` | `15s`, `1m`, a number of seconds; `0` waits for ever | `15s` |
    /// | `command_timeout` | the same, for one statement (migrations have their own) | `5m` |
    /// | `access_token`, `token_file` | a Microsoft Entra token instead of user and password | none |
    /// | `application_name` | the name the server's monitors show | `stage-exchange` |
    /// | `packet_size` | 512 to 32767 bytes | `16000` |
    /// | `multi_subnet_failover` | `true` tries all of the host's addresses at once | `false` |
    ///
    /// ADO.NET's synonyms (`Data Source`, `Initial Catalog`, `Uid`, `Pwd`, …) are known, and its keywords that only steer
    /// ADO.NET itself (`Pooling`, `Persist Security Info`, …) are passed over.
    ///
    /// # Errors
    /// When a part is unknown, wrong, doubled or missing. The error names the part, never a value.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        match url::after_scheme(text) {
            Some(rest) => url::parse(rest)?.finish(),
            None if text.is_empty() => Err(Error::Form {
                problem: "it is empty",
            }),
            None if has_scheme(text) => Err(Error::Form {
                problem: "a URL must begin with mssql://",
            }),
            None => ado::parse(text)?.finish(),
        }
    }

    /// The schema that the tables are in.
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// The driver's configuration for this target, for a connection of one's own beside the store's.
    ///
    /// # Errors
    /// When a file that the target names cannot be read.
    pub async fn driver_config(&self) -> Result<tiberius::Config, store::Error> {
        crate::session::driver_config(self).await
    }

    /// The port that is connected to when the browser service is not asked.
    pub(crate) fn port_or_default(&self) -> u16 {
        self.port.unwrap_or(DEFAULT_PORT)
    }
}

/// The port of SQL Server's default instance.
const DEFAULT_PORT: u16 = 1433;

fn has_scheme(text: &str) -> bool {
    text.split_once("://")
        .is_some_and(|(scheme, _)| !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric()))
}

impl fmt::Display for MssqlTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("mssql://")?;
        if self.host.contains(':') {
            write!(f, "[{}]", self.host)?;
        } else {
            f.write_str(&self.host)?;
        }
        match (&self.instance, self.port) {
            (Some(instance), None) => write!(f, "\\{instance}")?,
            (_, port) => write!(f, ":{}", port.unwrap_or(DEFAULT_PORT))?,
        }
        write!(f, "/{}", self.database)
    }
}
