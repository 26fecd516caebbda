//! A store in Microsoft SQL Server.

mod catalog;
mod ddl;
mod dml;
mod error;
mod facts;
mod failure;
mod keys;
mod migrate;
mod mssql_store;
mod numbers;
mod options;
mod pool;
mod quote;
mod read;
mod rights;
mod session;
mod stage;
mod target;
mod wire;
mod write;

pub use error::{Error, TargetErrorKind};
pub use mssql_store::MssqlStore;
pub use options::MssqlOptions;
pub use target::MssqlTarget;
