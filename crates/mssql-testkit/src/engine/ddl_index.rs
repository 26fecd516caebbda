//! CREATE INDEX and DROP INDEX, and the indexes behind constraints.

use std::sync::Arc;

use sqlparser::ast::{Expr as AstExpr, Ident, ObjectName};

use super::catalog::{Index, IndexKind, Table};
use super::ddl::{Definer, TableChange, check_name, no_key_column, not_found_or_denied};
use super::syntax::CreateIndex;
use crate::errors::{SqlError, SqlResult};

impl Definer<'_> {
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of an index, each from another clause"
    )]
    pub(super) fn add_index(
        &self,
        table: &mut Table,
        name: String,
        kind: IndexKind,
        clustered: bool,
        columns: &[(Ident, bool)],
        include: &[Ident],
        filter: Option<&AstExpr>,
    ) -> SqlResult<()> {
        if table.index_named(&name).is_some() {
            return Err(SqlError::new(
                1913,
                format!(
                    "The operation failed because an index or statistics with name '{name}' already exists on table '{}'.",
                    table.name
                ),
            ));
        }
        if clustered && table.indexes.iter().any(|i| i.clustered) {
            return Err(SqlError::new(
                1902,
                format!(
                    "Cannot create more than one clustered index on table '{}'. Drop the existing clustered index before creating another.",
                    table.name
                ),
            ));
        }
        let find = |name: &Ident| {
            table
                .column(&name.value)
                .ok_or_else(|| no_key_column(&name.value))
        };
        let mut keys: Vec<(usize, bool)> = Vec::new();
        for (column, descending) in columns {
            let at = find(column)?;
            if keys.iter().any(|(other, _)| *other == at) {
                return Err(SqlError::new(
                    1909,
                    format!(
                        "Cannot use duplicate column names in index. Column name '{}' listed more than once.",
                        column.value
                    ),
                ));
            }
            let ty = table.columns[at].ty;
            if ty.length() == Some(crate::value::Length::Max) {
                return Err(SqlError::new(
                    1919,
                    format!(
                        "Column '{}' in table '{}' is of a type that is invalid for use as a key column in an index.",
                        column.value, table.name
                    ),
                ));
            }
            keys.push((at, *descending));
        }
        let include = include.iter().map(find).collect::<SqlResult<Vec<_>>>()?;
        let filter = match filter {
            None => None,
            Some(expr) => Some((expr.to_string(), Arc::new(self.table_predicate(table, expr)?))),
        };
        let id = if clustered { 1 } else { table.next_index };
        if !clustered {
            table.next_index += 1;
        }
        table.add_index(Index {
            id,
            name,
            kind,
            clustered,
            keys,
            include,
            filter,
            entries: rpds::RedBlackTreeMapSync::new_sync(),
        })
    }

    pub(super) fn create_index(&mut self, create: &CreateIndex) -> SqlResult<TableChange> {
        let (key, mut table) = self.existing(&create.table, |name| not_found_or_denied(1088, name))?;
        self.may_alter(&key, &table)?;
        check_name(&create.name.value)?;
        if create.online && !self.options.edition.builds_online() {
            return Err(SqlError::new(
                1712,
                "Online index operations can only be performed in Enterprise edition of SQL Server.",
            ));
        }
        let kind = if create.unique {
            IndexKind::Unique
        } else {
            IndexKind::Plain
        };
        self.add_index(
            &mut table,
            create.name.value.clone(),
            kind,
            create.clustered,
            &create.columns,
            &create.include,
            create.filter.as_ref(),
        )?;
        Ok((key, Some(table)))
    }

    pub(super) fn drop_index(
        &self,
        name: &Ident,
        table: &ObjectName,
        if_exists: bool,
    ) -> SqlResult<Option<TableChange>> {
        let missing = |table: &str| {
            SqlError::new(3701, format!("Cannot drop the index '{table}.{}', because it does not exist or you do not have permission.", name.value)).with_state(7)
        };
        let (key, mut found) = match self.existing(table, missing) {
            Ok(found) => found,
            Err(_) if if_exists => return Ok(None),
            Err(error) => return Err(error),
        };
        self.may_alter(&key, &found)?;
        match found.index_named(&name.value) {
            Some(at)
                if matches!(
                    found.indexes[at].kind,
                    IndexKind::PrimaryKey | IndexKind::UniqueConstraint
                ) =>
            {
                Err(SqlError::new(
                    3723,
                    format!(
                        "An explicit DROP INDEX is not allowed on index '{}.{}'. It is being used for a constraint enforcement.",
                        found.name, name.value
                    ),
                ))
            }
            Some(at) => {
                found.indexes.remove(at);
                Ok(Some((key, Some(found))))
            }
            None if if_exists => Ok(None),
            None => Err(missing(&found.name)),
        }
    }
}
