//! A store in Microsoft SQL Server.
mod error;
mod failure;
mod numbers;
mod pool;
mod session;
mod target;
mod wire;

pub use error::{Error, TargetErrorKind};
pub use target::MssqlTarget;
