//! What a test server is told when it starts.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

/// Whether connections are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encrypt {
    /// The server has no certificate: a client that insists on encryption is refused.
    Off,
    /// As a fresh SQL Server: the client decides; a client that can, encrypts at least its login.
    #[default]
    Optional,
    /// A client that cannot encrypt is refused.
    On,
}

/// A right the server's login may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Permission {
    /// CREATE TABLE in the database (error 262).
    CreateTable,
    /// CREATE VIEW in the database (error 262).
    CreateView,
    /// ALTER on tables: columns and indexes (error 1088 or 229).
    Alter,
    /// SELECT (error 229).
    Select,
    /// INSERT (error 229).
    Insert,
    /// UPDATE (error 229).
    Update,
    /// DELETE (error 229).
    Delete,
}

/// The edition a server claims to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Edition {
    /// `EngineEdition` 2: no online index builds (error 1712).
    #[default]
    Standard,
    /// `EngineEdition` 3.
    Enterprise,
    /// `EngineEdition` 4: no online index builds either.
    Express,
    /// `EngineEdition` 5, Azure SQL Database.
    Azure,
}

impl Edition {
    pub(crate) fn engine_edition(self) -> i64 {
        match self {
            Self::Standard => 2,
            Self::Enterprise => 3,
            Self::Express => 4,
            Self::Azure => 5,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Standard => "Standard Edition (64-bit)",
            Self::Enterprise => "Enterprise Edition (64-bit)",
            Self::Express => "Express Edition (64-bit)",
            Self::Azure => "SQL Azure",
        }
    }

    pub(crate) fn builds_online(self) -> bool {
        matches!(self, Self::Enterprise | Self::Azure)
    }
}

/// The server's own clock.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// How a [`TestServer`](crate::TestServer) starts. Use [`Options::default`] and change what matters.
#[derive(Clone)]
pub struct Options {
    /// The one login. Anything else gets error 18456.
    pub user: String,
    /// Its password.
    pub password: String,
    /// Databases there are besides the system's. Others get error 4060.
    pub databases: Vec<String>,
    /// Whether connections are encrypted.
    pub encrypt: Encrypt,
    /// Major and minor version and build: `(13, 0, 5026)` is SQL Server 2016 SP2, `(15, 0, 2000)` 2019.
    pub version: (u8, u8, u16),
    /// The edition.
    pub edition: Edition,
    /// The largest packet the server agrees to, 512 to 32,767 bytes.
    pub max_packet: usize,
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Rights the login lacks.
    pub denied: Vec<Permission>,
    /// What SYSUTCDATETIME() says.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            user: "sa".to_owned(),
            password: "Passw0rd!".to_owned(),
            databases: vec!["test".to_owned()],
            encrypt: Encrypt::default(),
            version: (13, 0, 5026),
            edition: Edition::default(),
            max_packet: 32_767,
            port: 0,
            denied: Vec::new(),
            clock: Arc::new(wall_clock),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("user", &self.user)
            .field("databases", &self.databases)
            .field("encrypt", &self.encrypt)
            .field("version", &self.version)
            .field("edition", &self.edition)
            .field("max_packet", &self.max_packet)
            .field("denied", &self.denied)
            .finish_non_exhaustive()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a database server has a clock of its own; a test may replace it"
)]
fn wall_clock() -> DateTime<Utc> {
    Utc::now()
}
