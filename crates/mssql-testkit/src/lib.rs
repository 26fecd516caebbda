//! A TDS server for tests, with databases in memory, and a TCP proxy that breaks connections on request.
//!
//! [`TestServer`] speaks the protocol of Microsoft SQL Server (TDS 7.4 with TLS, batches, RPC, bulk load, attention)
//! and runs T-SQL on tables in memory: with types, constraints, transactions, locks and the server's own error
//! numbers. It is strict on purpose: what it does not know is refused with error 40510 that names the construct (102
//! when it is no T-SQL), and nothing is accepted only because a client of ours sends it. [`FaultProxy`] goes between
//! a client and any server.
//!
//! It is a test tool: nothing is written to disk, locks are per table, and there is no optimizer.
//!
//! ```
//! use mssql_testkit::{Fault, FaultProxy, Options, TestServer, Value};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = TestServer::start(Options::default())?;
//! let proxy = FaultProxy::start(server.address())?;
//! proxy.set(Fault::None);
//! println!("connect to {} or, through the proxy, to {}", server.url("test"), proxy.address());
//!
//! let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! let found = runtime.block_on(server.query(
//!     "test",
//!     "CREATE TABLE t (a int NOT NULL); INSERT INTO t VALUES (1), (2); SELECT SUM(a) AS total FROM t",
//! ))?;
//! assert_eq!(found.rows, [[Value::Int(3)]]);
//! # Ok(())
//! # }
//! ```
//!
//! # Where it is not SQL Server
//!
//! - A lock covers a whole table, so it blocks more than the real server's row locks do; a circle of waiting sessions
//!   is a deadlock (error 1205) as there.
//! - CREATE and DROP DATABASE and CREATE SCHEMA are not undone by a rollback.
//! - Collations are the case-insensitive and case-sensitive Latin1 ones and the binary ones; texts of other alphabets
//!   sort by code point.
//! - No MERGE, cursors, indexed or updatable views, triggers, foreign keys, computed columns, APPLY, recursion, JSON or XML.

mod background;
mod codec;
mod engine;
mod error;
mod errors;
mod options;
mod proxy;
mod server;
mod session;
mod tls;
mod value;

pub use error::{Error, ErrorKind};
pub use errors::SqlError;
pub use options::{Clock, Edition, Encrypt, Options, Permission};
pub use proxy::{Direction, Fault, FaultProxy};
pub use server::{Rows, TestServer};
pub use value::{Decimal, Value};
