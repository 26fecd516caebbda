//! The map as sea-query statements, for any dialect.

use sea_query::{
    Alias, ColumnDef, Index as SeaIndex, IndexCreateStatement, Table, TableAlterStatement,
    TableCreateStatement,
};

use crate::{Column, Index, Role, TableMap};

impl TableMap {
    /// `CREATE TABLE` with all columns and the primary key, without the indexes.
    pub fn create_table(&self) -> TableCreateStatement {
        let mut statement = Table::create();
        statement.table(Alias::new(self.name()));
        for column in self.columns() {
            statement.col(definition(column, column.is_nullable()));
        }
        statement
    }

    /// `ALTER TABLE … ADD` for a column that the table lacks. It allows nulls whatever the map says, since the rows that are
    /// already there have no value for it.
    pub fn add_column(&self, column: &Column) -> TableAlterStatement {
        let mut statement = Table::alter();
        statement
            .table(Alias::new(self.name()))
            .add_column(definition(column, true));
        statement
    }

    /// `CREATE [UNIQUE] INDEX`, named by [`Index::name_on`].
    pub fn create_index(&self, index: &Index) -> IndexCreateStatement {
        let mut statement = SeaIndex::create();
        statement
            .name(index.name_on(self.name()))
            .table(Alias::new(self.name()));
        for column in index.columns() {
            statement.col(Alias::new(*column));
        }
        if index.is_unique() {
            statement.unique();
        }
        statement
    }
}

fn definition(column: &Column, nullable: bool) -> ColumnDef {
    let mut definition = ColumnDef::new_with_type(Alias::new(column.name()), column.column_type().clone());
    match column.role() {
        Role::Identity => {
            definition.not_null().auto_increment().primary_key();
        }
        _ if nullable => {
            definition.null();
        }
        _ => {
            definition.not_null();
        }
    }
    definition
}
