//! The statements of a plan.
//!
//! Each is a batch of its own that any client can run, and that does nothing when its work is done already. An index is looked
//! for by its columns, not by its name: an equal one under another name is as good.

use sea_query::{Alias, ColumnDef};
use sea_query_mssql::{AlterTable, CreateIndex, MssqlStatement};
use store::{Plan, Step};
use table_map::{Column, Index, TableMap};

use crate::quote;

/// Editions that build indexes while others work on the table: Enterprise (with Developer and Evaluation), Azure SQL Database,
/// Azure SQL Managed Instance ("SERVERPROPERTY", EngineEdition; "Perform index operations online").
const ONLINE_EDITIONS: &str = "3, 5, 8";

/// The batches of a plan, in the order of its steps.
pub(crate) fn statements(schema: &str, plan: &Plan) -> Result<Vec<String>, sea_query_mssql::Error> {
    plan.steps()
        .iter()
        .map(|step| statement(schema, plan.map(), step))
        .collect()
}

/// The batch of one step.
pub(crate) fn statement(schema: &str, map: &TableMap, step: &Step) -> Result<String, sea_query_mssql::Error> {
    match step {
        Step::CreateTable => create_table(schema, map),
        Step::AddColumn(column) => add_column(schema, map, column),
        Step::CreateIndex(index) => create_index(schema, map, index),
        // The contract may get more kinds of steps; a plan with one must not look as if it were done.
        _ => Err(sea_query_mssql::Error::Unsupported {
            construct: "a migration step of this kind",
            instead: "use a newer version of this store",
        }),
    }
}

fn object(schema: &str, map: &TableMap) -> String {
    quote::literal(&quote::table(schema, map.name()))
}

fn names(schema: &str, map: &TableMap) -> (Alias, Alias) {
    (Alias::new(schema), Alias::new(map.name()))
}

fn create_table(schema: &str, map: &TableMap) -> Result<String, sea_query_mssql::Error> {
    let create = map.create_table().table(names(schema, map)).to_mssql()?;
    Ok(format!(
        "IF OBJECT_ID({}, N'U') IS NULL {create};",
        object(schema, map)
    ))
}

/// Nullable whatever the map says, since the rows that are there already have no value for it.
fn add_column(schema: &str, map: &TableMap, column: &Column) -> Result<String, sea_query_mssql::Error> {
    let mut definition = ColumnDef::new_with_type(Alias::new(column.name()), column.column_type().clone());
    definition.null();
    let add = AlterTable::add_column(names(schema, map), definition).to_mssql()?;
    Ok(format!(
        "IF COL_LENGTH({}, {}) IS NULL {add};",
        object(schema, map),
        quote::literal(column.name())
    ))
}

fn create_index(schema: &str, map: &TableMap, index: &Index) -> Result<String, sea_query_mssql::Error> {
    let mut create = CreateIndex::new(Alias::new(index.name_on(map.name())), names(schema, map));
    for column in index.columns() {
        create = create.column(Alias::new(*column));
    }
    if index.is_unique() {
        create = create.unique();
    }
    let plain = create.to_mssql()?;
    let online = create.online().to_mssql()?;
    Ok(format!(
        "IF NOT EXISTS ({}) IF CAST(SERVERPROPERTY(N'EngineEdition') AS int) IN ({ONLINE_EDITIONS}) EXEC ({}) ELSE EXEC ({});",
        equal_index(&object(schema, map), index),
        quote::literal(&online),
        quote::literal(&plain)
    ))
}

/// An index with these key columns: exactly these and unique, or at least these first ones.
fn equal_index(object: &str, index: &Index) -> String {
    let keys = "SELECT 1 FROM sys.index_columns AS ic INNER JOIN sys.columns AS c \
                ON c.object_id = ic.object_id AND c.column_id = ic.column_id \
                WHERE ic.object_id = i.object_id AND ic.index_id = i.index_id";
    let mut query = format!(
        "SELECT 1 FROM sys.indexes AS i WHERE i.object_id = OBJECT_ID({object}, N'U') AND i.has_filter = 0 AND i.is_disabled = 0 \
         AND i.is_hypothetical = 0"
    );
    for (place, column) in (1..).zip(index.columns()) {
        query.push_str(&format!(
            " AND EXISTS ({keys} AND ic.key_ordinal = {place} AND c.name = {})",
            quote::literal(column)
        ));
    }
    if index.is_unique() {
        query.push_str(&format!(
            " AND i.is_unique = 1 AND NOT EXISTS ({keys} AND ic.key_ordinal > {})",
            index.columns().len()
        ));
    }
    query
}

#[cfg(test)]
mod tests;
