//! What a table is: its columns with their types and the rule by which each is kept up to date, its indexes, and its
//! rows. Columns and statements are of sea-query's types, so that one map serves every dialect.
//!
//! A [`TableMap`] is to a table here what `getMap()` is to a table class in the portal's own framework: the one place that
//! says which columns there are. Stores create the table from it, planners compare it with what a database has, and
//! exchanges make their [`Row`]s against it.
//!
//! A mirrored table always has
//! * one [`Role::Identity`] column, numbered by the database,
//! * one [`Role::Key`] column: the row's ID in the source, unique, by which rows are found again,
//! * any number of [`Role::Content`] columns, each with an [`UpdateRule`],
//! * optionally [`Role::InsertedAt`] and [`Role::UpdatedAt`], which the store sets.
//!
//! The pure functions [`merge`] and [`difference`] define what an upsert must do and what a check after it must find; every
//! store is held to them.
//!
//! # Example
//!
//! ```
//! use table_map::{merge, Column, Index, Row, TableMap, UpdateRule, Value};
//!
//! let map = TableMap::builder("STAGES")
//!     .column(Column::identity("ID"))
//!     .column(Column::key("EXTERNAL_ID"))
//!     .column(Column::text("NAME", 255).rule(UpdateRule::FirstKnown))
//!     .column(Column::integer("SORT"))
//!     .column(Column::updated_at("DATE_UPDATE"))
//!     .index(Index::unique(["EXTERNAL_ID"]))
//!     .build()?;
//!
//! let stored = Row::new(&map, vec![7_i64.into(), "New".into(), 10_i32.into()])?;
//! let incoming = Row::new(&map, vec![7_i64.into(), "Renamed".into(), 20_i32.into()])?;
//! let merged = merge(&map, &stored, &incoming).expect("SORT differs");
//! assert_eq!(merged.get(&map, "NAME"), Some(&Value::from("New")), "the first known name stays");
//! assert_eq!(merged.get(&map, "SORT"), Some(&Value::from(20_i32)));
//! # Ok::<(), table_map::Error>(())
//! ```

mod column;
mod error;
mod index;
mod map;
mod merge;
mod query;
mod row;
mod statements;
mod value;

#[cfg(test)]
mod tests;

pub use column::{Column, Ranking, Role, UpdateRule};
pub use error::{Error, ErrorKind};
pub use index::Index;
pub use map::{TableMap, TableMapBuilder};
pub use merge::{Difference, Strictness, difference, merge};
pub use query::{Answer, Dialect, Query, ViewMap};
pub use row::Row;
/// A column's type. A map's columns are of `Integer`, `BigInteger`, `Char`, `String`, `Date` or `DateTime`.
pub use sea_query::{ColumnType, StringLen};
/// The text of a cell.
pub use smol_str::SmolStr;
pub use value::Value;
