//! A [store](store::Store) in Microsoft SQL Server 2016 and later and Azure SQL, over tiberius.
//!
//! How it keeps the store's contract:
//! * **Connections.** Encrypted and validated unless the [target](MssqlTarget) says otherwise. A few are kept in a pool; a call
//!   takes one out and gives it back only when it ended well, so a cancelled, failed or timed-out call takes its connection with
//!   it. One that died while it lay idle is noticed before it is used.
//! * **Upserts** are set-based, without MERGE: the step is loaded in bulk into a heap of the session (`#stage`), then one transaction
//!   updates the rows that differ and inserts those that are new. Key ranges are locked (`UPDLOCK, SERIALIZABLE`), and
//!   every comparison is binary, so that it decides as [`table_map::merge`] does whatever the collation.
//! * **Tables of other programs** are written as they are: what a column is is asked from the catalog and kept; what it cannot
//!   hold is refused with the row's key; what it rounds is compared as rounded.
//! * **Reading back** reads the table itself, never what the upsert left behind.
//! * **Migrations** are single batches with guards of their own, that a DBA can run by hand. [`apply`](store::Store::apply)
//!   runs them under `sp_getapplock`, and looks again at the table once it has the lock.
//! * **Errors** are sorted by their numbers in one table, with the source of each.
//!
//! # Example
//!
//! ```
//! use store::{Store, planner};
//! use store_mssql::{MssqlOptions, MssqlStore, MssqlTarget};
//! use table_map::{Column, Index, TableMap};
//!
//! let map = TableMap::builder("STAGES")
//!     .column(Column::identity("ID"))
//!     .column(Column::key("EXTERNAL_ID"))
//!     .index(Index::unique(["EXTERNAL_ID"]))
//!     .build()?;
//! let target = MssqlTarget::parse("mssql://loader:p%40ss@db.example.com/crm?schema=sales")?;
//! let store = MssqlStore::new(target, MssqlOptions::default());
//! assert_eq!(store.target(), "mssql://db.example.com:1433/crm");
//!
//! // What a DBA would have to run on an empty database; nothing is connected for this.
//! let batches = store.statements(&planner::plan(&map, None)?)?;
//! assert_eq!(
//!     batches[0],
//!     "IF OBJECT_ID(N'[sales].[STAGES]', N'U') IS NULL CREATE TABLE [sales].[STAGES] \
//!      ([ID] int IDENTITY(1,1) NOT NULL PRIMARY KEY, [EXTERNAL_ID] bigint NOT NULL);"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod catalog;
mod ddl;
mod dialect;
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
mod view;
mod wire;
mod write;

#[cfg(test)]
mod tests;

pub use error::{Error, TargetErrorKind};
pub use mssql_store::MssqlStore;
pub use options::MssqlOptions;
pub use target::MssqlTarget;
