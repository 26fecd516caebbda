//! CREATE SCHEMA, CREATE DATABASE and DROP DATABASE.

use super::catalog::{Database, same_name};
use super::state::{Session, State};
use super::syntax::Statement;
use crate::errors::{self, SqlError, SqlResult};

/// Creates a schema or a database, or drops a database; these are not undone by a rollback here.
pub(crate) fn change_databases(state: &mut State, session: &Session, statement: &Statement) -> SqlResult<()> {
    match statement {
        Statement::CreateSchema(name) => {
            let Some(database) = state.databases.get_mut(&session.database.to_lowercase()) else {
                return Ok(());
            };
            if database.schemas.iter().any(|s| same_name(s, &name.value)) {
                return Err(errors::exists_already(&name.value));
            }
            database.schemas.insert(name.value.clone());
        }
        Statement::CreateDatabase(name) => {
            if state.database(&name.value).is_some() {
                return Err(SqlError::new(
                    1801,
                    format!(
                        "Database '{}' already exists. Choose a different database name.",
                        name.value
                    ),
                )
                .with_state(3));
            }
            let id = state.databases.values().map(|d| d.id).max().unwrap_or(0) + 1;
            state
                .databases
                .insert(name.value.to_lowercase(), Database::new(id, name.value.clone()));
        }
        Statement::DropDatabase { if_exists, name } => {
            let removed = state.databases.remove(&name.value.to_lowercase());
            if removed.is_none() && !if_exists {
                return Err(SqlError::new(
                    3701,
                    format!(
                        "Cannot drop the database '{}', because it does not exist or you do not have permission.",
                        name.value
                    ),
                ));
            }
        }
        _ => {}
    }
    Ok(())
}
