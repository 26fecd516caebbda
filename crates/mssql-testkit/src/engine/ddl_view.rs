//! CREATE, ALTER and DROP VIEW.

use std::sync::Arc;

use sqlparser::ast::ObjectName;

use super::binder::{name_parts, shown_name};
use super::catalog::{Table, TableColumn, TableKey, ViewDefinition, same_name};
use super::ddl::{Definer, TableChange, check_name, no_database};
use super::state::table;
use super::syntax::CreateView;
use crate::errors::{self, SqlError, SqlResult};
use crate::options::Permission;

impl Definer<'_> {
    pub(super) fn create_view(&mut self, create: &CreateView) -> SqlResult<TableChange> {
        let key = self.binder().table_key(&create.name)?;
        let shown = name_parts(&create.name)?
            .last()
            .map(|part| part.value.clone())
            .unwrap_or_default();
        check_name(&shown)?;
        let TableKey::Base {
            database,
            schema: wanted,
            ..
        } = &key
        else {
            return Err(on_temporary());
        };
        if *database != self.session.database.to_lowercase() {
            return Err(SqlError::new(
                166,
                "'CREATE/ALTER VIEW' does not allow specifying the database name as a prefix to the object name.",
            )
            .with_class(15));
        }
        let database = self
            .state
            .database(database)
            .ok_or_else(|| no_database(database))?;
        let found = table(self.state, self.session, &key);
        let id = match found {
            None if create.creates => {
                if !self.session.may(Permission::CreateView) {
                    return Err(errors::denied_in_database("CREATE VIEW", &database.name));
                }
                None
            }
            None => return Err(errors::invalid_object(&shown_name(&create.name))),
            Some(_) if !create.alters => return Err(errors::exists_already(&shown)),
            Some(found) if found.view.is_none() => {
                return Err(SqlError::new(
                    2010,
                    format!("Cannot perform alter on '{shown}' because it is an incompatible object type."),
                ));
            }
            Some(found) => {
                self.may_alter(&key, found)?;
                Some(found.id)
            }
        };
        let schema = database
            .schemas
            .iter()
            .find(|schema| same_name(schema, wanted))
            .cloned()
            .ok_or_else(|| {
                SqlError::new(
                    2760,
                    format!(
                        "The specified schema name \"{wanted}\" either does not exist or you do not have permission to \
                         use it."
                    ),
                )
            })?;
        let columns = self.columns_of_view(create, &shown)?;
        let id = id.unwrap_or_else(|| self.id());
        let mut view = Table::new(id, schema, shown, columns);
        view.view = Some(Arc::new(ViewDefinition {
            text: create.text.clone(),
            query: create.query.clone(),
        }));
        Ok((key, Some(view)))
    }

    fn columns_of_view(&self, create: &CreateView, view: &str) -> SqlResult<Vec<TableColumn>> {
        let mut binder = self.binder();
        let bound = binder.nested_query(&create.query)?;
        if binder.reads_temporary {
            return Err(on_temporary());
        }
        let mut columns: Vec<TableColumn> = Vec::new();
        for (at, column) in bound.columns.into_iter().enumerate() {
            if column.name.is_empty() {
                return Err(SqlError::new(
                    4511,
                    format!(
                        "Create View or Function failed because no column name was specified for column {}.",
                        at + 1
                    ),
                ));
            }
            if columns.iter().any(|other| same_name(&other.name, &column.name)) {
                return Err(SqlError::new(
                    4506,
                    format!(
                        "Column names in each view or function must be unique. Column name '{}' in view or function \
                         '{view}' is specified more than once.",
                        column.name
                    ),
                ));
            }
            columns.push(TableColumn {
                name: column.name,
                ty: column.ty,
                collation: column.collation,
                nullable: column.nullable,
                identity: None,
                default: None,
            });
        }
        Ok(columns)
    }

    pub(super) fn drop_view(&self, name: &ObjectName, if_exists: bool) -> SqlResult<Option<TableChange>> {
        let key = self.binder().table_key(name)?;
        match table(self.state, self.session, &key) {
            Some(found) if found.view.is_none() => {
                Err(wrong_kind("VIEW", &shown_name(name), "table", "TABLE"))
            }
            Some(found) => {
                self.may_alter(&key, found)?;
                Ok(Some((key, None)))
            }
            None if if_exists => Ok(None),
            None => Err(SqlError::new(
                3701,
                format!(
                    "Cannot drop the view '{}', because it does not exist or you do not have permission.",
                    shown_name(name)
                ),
            )
            .with_state(5)),
        }
    }
}

/// DROP of the wrong kind.
pub(super) fn wrong_kind(dropped: &str, name: &str, is: &str, instead: &str) -> SqlError {
    SqlError::new(
        3705,
        format!("Cannot use DROP {dropped} with '{name}' because '{name}' is a {is}. Use DROP {instead}."),
    )
}

fn on_temporary() -> SqlError {
    SqlError::new(
        4508,
        "Views or functions are not allowed on temporary tables. Table names that begin with '#' denote temporary tables.",
    )
}
