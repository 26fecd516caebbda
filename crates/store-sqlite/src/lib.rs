//! A [store](store::Store) in an embedded SQLite file.
//!
//! Made for trying things out, for small installations and for the demo: one file, nothing to set up, and any SQLite client reads
//! it. The rules of upserting are [`table_map::merge`]'s, run in this process inside one write transaction.
//!
//! How it keeps the store's contract:
//! * Three connections to one file: one writes, one reads and one answers questions, both with `query_only`. So what is read back is
//!   what was committed, reading never waits for writing (write-ahead log), and neither waits for a question about all rows.
//! * `synchronous=FULL`: a commit is on the disk before `Ok`, because a cursor moves on the strength of it.
//! * Work runs on threads for blocking work and owns its connection while it runs, in the order in which it was asked for. A call whose
//!   future is dropped either never starts or runs to its end, so no transaction is ever left open.
//! * Another program's write lock is waited for, for 30 seconds, then the error is a passing one.
//!
//! Values are stored as other clients expect them: whole numbers as integers, dates as `2024-05-01`, dates with times as
//! `2024-05-01 09:00:00`, with a fraction (`.250000`) only where there is one.
//!
//! # Example
//!
//! ```
//! use store::{Store, planner};
//! use store_sqlite::SqliteStore;
//! use table_map::{Column, Index, Row, TableMap};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let map = TableMap::builder("STAGES")
//!     .column(Column::identity("ID"))
//!     .column(Column::key("EXTERNAL_ID"))
//!     .column(Column::text("NAME", 255))
//!     .index(Index::unique(["EXTERNAL_ID"]))
//!     .build()?;
//! let store = SqliteStore::in_memory()?;
//! let plan = planner::plan(&map, store.inspect(&map).await?.as_ref())?;
//! store.apply(&plan).await?;
//!
//! let rows = [Row::new(&map, vec![7_i64.into(), "New".into()])?];
//! let done = store.upsert(&map, &rows, chrono::NaiveDateTime::MIN).await?;
//! assert_eq!(done.inserted, [7]);
//! assert_eq!(store.read_back(&map, &[7, 8]).await?, rows);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cell;
mod connection;
mod dialect;
mod failure;
mod instant;
mod migrate;
mod read;
mod shape;
mod sql;
mod sqlite_store;
mod view;
mod worker;
mod write;

#[cfg(test)]
mod tests;

pub use sqlite_store::SqliteStore;
