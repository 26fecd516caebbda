//! DROP TABLE and TRUNCATE TABLE.

use sea_query::{TableDropStatement, TableTruncateStatement};

use crate::error::Error;
use crate::parts::{DropTableParts, truncated_table};
use crate::statement::statements;

statements! {
    TableDropStatement => |drop, w| {
        let parts = DropTableParts::of(drop);
        if parts.options {
            return Err(Error::unsupported("RESTRICT or CASCADE", "drop the foreign keys to the table first"));
        }
        if parts.tables.is_empty() {
            return Err(Error::incomplete("DROP TABLE", "it names no table"));
        }
        w.push(if parts.if_exists { "DROP TABLE IF EXISTS " } else { "DROP TABLE " })?;
        w.list(&parts.tables, |w, table| w.plain_table(table))
    };
    TableTruncateStatement => |truncate, w| {
        let Some(table) = truncated_table(truncate) else {
            return Err(Error::incomplete("TRUNCATE TABLE", "it names no table"));
        };
        w.push("TRUNCATE TABLE ")?;
        w.plain_table(&table)
    };
}
