//! A TDS server for tests, with databases in memory, and a TCP proxy that breaks connections on request.
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
