//! ALTER TABLE … DROP: columns and constraints.

use std::sync::Arc;

use sqlparser::ast::Ident;

use super::catalog::{IndexKind, Table, same_name};
use crate::errors::{self, SqlError, SqlResult};

pub(super) fn drop_column(table: &mut Table, name: &Ident) -> SqlResult<()> {
    let at = table.column(&name.value).ok_or_else(|| {
        SqlError::new(
            4924,
            format!(
                "ALTER TABLE DROP COLUMN failed because column '{}' does not exist in table '{}'.",
                name.value, table.name
            ),
        )
    })?;
    let index = table
        .indexes
        .iter()
        .find(|i| i.keys.iter().any(|(c, _)| *c == at) || i.include.contains(&at));
    let holder = index
        .map(|i| i.name.clone())
        .or_else(|| table.columns[at].default.as_ref().map(|d| d.constraint.clone()));
    if let Some(holder) = holder {
        return Err(SqlError::new(
            5074,
            format!("The object '{holder}' is dependent on column '{}'.", name.value),
        ));
    }
    if !table.checks.is_empty() || table.indexes.iter().any(|i| i.filter.is_some()) {
        return Err(errors::unsupported(
            "DROP COLUMN of a table with CHECK constraints or filtered indexes",
        ));
    }
    Arc::make_mut(&mut table.columns).remove(at);
    let rows: Vec<_> = table
        .rows
        .iter()
        .map(|(number, row)| {
            let mut row = row.to_vec();
            row.remove(at);
            (*number, row.into())
        })
        .collect();
    for (number, row) in rows {
        table.rows.insert_mut(number, row);
    }
    let shift = |column: &mut usize| *column -= usize::from(*column > at);
    for index in &mut table.indexes {
        index.keys.iter_mut().for_each(|(column, _)| shift(column));
        index.include.iter_mut().for_each(shift);
    }
    Ok(())
}

pub(super) fn drop_constraint(table: &mut Table, name: &Ident) -> SqlResult<()> {
    if let Some(at) = table.index_named(&name.value)
        && matches!(
            table.indexes[at].kind,
            IndexKind::PrimaryKey | IndexKind::UniqueConstraint
        )
    {
        table.indexes.remove(at);
        return Ok(());
    }
    if let Some(at) = table.checks.iter().position(|c| same_name(&c.name, &name.value)) {
        table.checks.remove(at);
        return Ok(());
    }
    let columns = Arc::make_mut(&mut table.columns);
    let with_default = columns.iter_mut().find(|c| {
        c.default
            .as_ref()
            .is_some_and(|d| same_name(&d.constraint, &name.value))
    });
    match with_default {
        Some(column) => {
            column.default = None;
            Ok(())
        }
        None => Err(SqlError::new(
            3728,
            format!("'{}' is not a constraint.", name.value),
        )),
    }
}
