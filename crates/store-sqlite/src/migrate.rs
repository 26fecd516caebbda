//! Carrying out a migration plan.

use rusqlite::{Connection, ErrorCode};
use sea_query::SqliteQueryBuilder;
use store::{Error, ErrorKind, Plan, Step, planner};
use table_map::{Index, TableMap};

use crate::failure::Failure;
use crate::{shape, write};

/// The statement of each step.
pub(crate) fn statements(plan: &Plan) -> Result<Vec<String>, Failure> {
    plan.steps()
        .iter()
        .map(|step| statement(plan.map(), step))
        .collect()
}

/// Carries the plan out, each step in a transaction of its own.
///
/// Inside the transaction the table is inspected and planned for again. A step that is no longer in that plan was done by someone
/// else meanwhile.
pub(crate) fn apply(connection: &mut Connection, plan: &Plan) -> Result<(), Failure> {
    let map = plan.map();
    for step in plan.steps() {
        let text = statement(map, step)?;
        let transaction = write::begin(connection)?;
        let shape = shape::inspect(&transaction, map)?;
        let fresh = planner::plan(map, shape.as_ref())
            .map_err(|clashes| Error::new(ErrorKind::Schema, clashes.to_string()))?;
        if fresh.steps().contains(step) {
            transaction
                .execute_batch(&text)
                .map_err(|error| explain(error, map, step))?;
            transaction.commit()?;
            tracing::info!(table = map.name(), sql = text, "migrated");
        }
    }
    Ok(())
}

fn statement(map: &TableMap, step: &Step) -> Result<String, Failure> {
    match step {
        Step::CreateTable => Ok(map.create_table().to_string(SqliteQueryBuilder)),
        Step::AddColumn(column) => Ok(map.add_column(column).to_string(SqliteQueryBuilder)),
        Step::CreateIndex(index) => Ok(map.create_index(index).to_string(SqliteQueryBuilder)),
        other => Err(Error::new(
            ErrorKind::Bug,
            format!(
                "a migration of table {} has a step that SQLite's store does not know: {other:?}",
                map.name()
            ),
        )
        .into()),
    }
}

fn explain(error: rusqlite::Error, map: &TableMap, step: &Step) -> Failure {
    match step {
        Step::CreateIndex(index) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
            duplicates(map, index).with_source(error).into()
        }
        Step::CreateIndex(index) if error.to_string().contains("already exists") => {
            name_taken(map, index).with_source(error).into()
        }
        _ => error.into(),
    }
}

fn duplicates(map: &TableMap, index: &Index) -> Error {
    Error::new(
        ErrorKind::Data,
        format!(
            "the unique index on {} of table {} cannot be made: some of its values stand in several rows; merge the \
             duplicates, then migrate again",
            index.columns().join(", "),
            map.name()
        ),
    )
}

/// The planner goes by columns; a name can still be taken by an index on others, or on some rows only.
fn name_taken(map: &TableMap, index: &Index) -> Error {
    Error::new(
        ErrorKind::Operator,
        format!(
            "the index on {} of table {} cannot be made: something else is called {}; rename or drop that",
            index.columns().join(", "),
            map.name(),
            index.name_on(map.name())
        ),
    )
}
