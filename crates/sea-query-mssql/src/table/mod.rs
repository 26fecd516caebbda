//! CREATE TABLE, ALTER TABLE, DROP TABLE, TRUNCATE TABLE and renaming.

mod alter;
mod column;
mod create;
mod drop;
mod rename;

pub use alter::AlterTable;
pub use rename::Rename;
