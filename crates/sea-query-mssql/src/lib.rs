//! A SQL Server dialect for [sea-query](sea_query): T-SQL for SQL Server 2016 and later and Azure SQL.
//!
//! ```
//! use sea_query::{Expr, ExprTrait, Order, Query};
//! use sea_query_mssql::MssqlStatement;
//!
//! let query = Query::select()
//!     .columns(["ID", "NAME"])
//!     .from(("dbo", "STAGE"))
//!     .and_where(Expr::col("ACTIVE").eq("Y"))
//!     .order_by("SORT", Order::Asc)
//!     .limit(10)
//!     .to_owned();
//! assert_eq!(
//!     query.to_mssql()?,
//!     "SELECT TOP (10) [ID], [NAME] FROM [dbo].[STAGE] WHERE [ACTIVE] = N'Y' ORDER BY [SORT] ASC"
//! );
//! let (sql, values) = query.build_mssql()?;
//! assert_eq!(
//!     sql,
//!     "SELECT TOP (@P1) [ID], [NAME] FROM [dbo].[STAGE] WHERE [ACTIVE] = @P2 ORDER BY [SORT] ASC"
//! );
//! assert_eq!(values.0.len(), 2);
//! # Ok::<(), sea_query_mssql::Error>(())
//! ```
//!
//! # Two ways in
//! [`MssqlStatement`] can fail, and does where T-SQL cannot say what a statement says. [`MssqlQueryBuilder`] is for
//! code that wants a query builder of sea-query, whose methods cannot fail: there the text ends in a mark that no
//! version of SQL Server parses, so a wrong statement is refused as a whole by the server.
//!
//! # What is written how
//! - Names stand in brackets; parameters are `@P1`, `@P2`; text is `N'…'`. An identifier is at most 128 characters.
//! - A limit is `TOP (n)`. With an offset it is `OFFSET … FETCH`, which needs an ORDER BY: without one it is an error.
//! - RETURNING is OUTPUT. Columns without a table are those of the row as it is now (`INSERTED`), for a DELETE as it
//!   was (`DELETED`); `("deleted", "NAME")` in an UPDATE is the old value. [`MssqlExtension::output_into`] sends the
//!   rows to a table, as it must where the target has triggers.
//! - A lateral join is CROSS or OUTER APPLY. [`MssqlExtension::hint`] adds table hints.
//! - T-SQL has no booleans: a predicate that is used as a value becomes a `bit`, a value that is used as a predicate
//!   is compared with 1.
//! - A window that is named in a WINDOW clause is written out where it is used.
//! - `LIKE` takes `[` for a wildcard in T-SQL; patterns are not changed.
//! - IF NOT EXISTS becomes a guard before the statement; [`Guarded`] puts any query before any statement.
//!
//! # Builders of this crate
//! Where sea-query has no place for what T-SQL needs, or shows its parts to nobody: [`AlterTable`], [`CreateIndex`],
//! [`DropIndex`], [`Rename`], [`UpdateFrom`], [`DeleteFrom`].

mod builder;
mod error;
mod expr;
mod foreign_key;
mod guard;
mod hint;
mod identifier;
mod index;
mod literal;
mod parts;
mod query;
mod statement;
mod table;
mod types;
mod writer;

pub use builder::MssqlQueryBuilder;
pub use error::{Error, ErrorKind};
pub use guard::Guarded;
pub use hint::TableHint;
pub use identifier::MAX_IDENTIFIER;
pub use index::{CreateIndex, DropIndex};
pub use query::{DeleteFrom, MAX_INSERT_ROWS, UpdateFrom};
pub use statement::{Extended, MAX_PARAMETERS, MssqlExtension, MssqlStatement};
pub use table::{AlterTable, Rename};
pub use types::{MAX_BYTE_LENGTH, MAX_UNICODE_LENGTH, MssqlType};
