//! Carrying a plan out.

use std::time::Duration;

use store::{Error, ErrorKind, Plan, Step, planner};
use tiberius::ColumnData;

use crate::facts::Names;
use crate::failure::Failure;
use crate::numbers::Meaning;
use crate::session::Session;
use crate::{catalog, ddl, quote, rights};

/// One migration of a table at a time, in the whole database. The lock belongs to the session, not to a transaction, so that each
/// step is committed by itself; a session that ends gives it back.
const LOCK: &str = "DECLARE @granted int; EXEC @granted = sp_getapplock @Resource = @P1, @LockMode = N'Exclusive', \
@LockOwner = N'Session', @LockTimeout = @P2; SELECT @granted;";

const UNLOCK: &str = "EXEC sp_releaseapplock @Resource = @P1, @LockOwner = N'Session';";

/// Carries out what is still to do of a plan.
pub(crate) async fn apply(
    session: &mut Session,
    schema: &str,
    plan: &Plan,
    lock_timeout: Duration,
) -> Result<(), Failure> {
    if plan.is_empty() {
        return Ok(());
    }
    let table = plan.map().name();
    lock(session, schema, table, lock_timeout).await?;

    let found = catalog::inspect(session, schema, table).await?;
    let shape = found.map(|found| found.shape());
    let now = planner::plan(plan.map(), shape.as_ref()).map_err(|clashes| {
        Error::new(
            ErrorKind::Data,
            format!("cannot migrate table {table}: it has changed"),
        )
        .with_source(clashes)
    })?;
    let whole = plan.steps().contains(&Step::CreateTable);
    let steps: Vec<Step> = now
        .steps()
        .iter()
        .filter(|step| whole || plan.steps().contains(step))
        .cloned()
        .collect();
    if !steps.is_empty() {
        rights::check(session, schema, table, &steps).await?;
    }
    for step in &steps {
        let statement = ddl::statement(schema, plan.map(), step)?;
        tracing::info!(table, step = name_of(step), "migrating");
        if let Err(failure) = session.batch(&statement).await {
            return Err(explain(session, failure, schema, table, step).await);
        }
    }
    unlock(session, schema, table).await
}

/// Waits until nobody else migrates the table or view. A session that ends gives the lock back.
pub(crate) async fn lock(
    session: &mut Session,
    schema: &str,
    name: &str,
    timeout: Duration,
) -> Result<(), Failure> {
    let resource = resource(schema, name);
    let wait = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    let parameters = [
        ColumnData::String(Some(resource.as_str().into())),
        ColumnData::I32(Some(wait)),
    ];
    let answers = session.query(LOCK, parameters).await?;
    let granted = crate::read::one_number(answers)?;
    Ok(refuse_unless_granted(granted, name)?)
}

/// Gives the lock back.
pub(crate) async fn unlock(session: &mut Session, schema: &str, name: &str) -> Result<(), Failure> {
    let resource = resource(schema, name);
    let parameters = [ColumnData::String(Some(resource.as_str().into()))];
    session.query(UNLOCK, parameters).await?;
    Ok(())
}

/// At most 255 characters, so a long name is cut; two tables that share a lock only wait for each other.
fn resource(schema: &str, table: &str) -> String {
    format!("stage-exchange migrate {schema}.{table}")
        .chars()
        .take(255)
        .collect()
}

/// Return codes of `sp_getapplock`, from its documentation.
fn refuse_unless_granted(code: i64, table: &str) -> Result<(), Error> {
    let passing = ErrorKind::Passing { retry_after: None };
    let (kind, why) = match code {
        0 | 1 => return Ok(()),
        -1 => (passing, "another runner is migrating it"),
        -2 => (passing, "waiting for another runner was cancelled"),
        -3 => (passing, "waiting for another runner ended in a deadlock"),
        _ => (ErrorKind::Bug, "the server refused the lock"),
    };
    Err(Error::new(kind, format!("cannot migrate {table}: {why}")))
}

fn name_of(step: &Step) -> String {
    match step {
        Step::CreateTable => "create table".to_owned(),
        Step::AddColumn(column) => format!("add column {}", column.name()),
        Step::CreateIndex(index) => format!("create index on {}", index.columns().join(", ")),
        _ => "unknown step".to_owned(),
    }
}

/// How many duplicates an error names.
const NAMED: usize = 10;

/// A unique index that cannot be made has one reason that a person can do something about.
async fn explain(session: &mut Session, failure: Failure, schema: &str, table: &str, step: &Step) -> Failure {
    let (Some(Meaning::Duplicate), Step::CreateIndex(index)) = (failure.meaning(), step) else {
        return failure;
    };
    let columns = index.columns().join(", ");
    let mut text = format!(
        "cannot make the unique index on {columns} of table {table}: some values stand in several rows"
    );
    if let [column] = index.columns() {
        let names = Names {
            table: quote::table(schema, table),
            key: quote::name(column),
            identity: String::new(),
        };
        let limit = u32::try_from(NAMED + 1).unwrap_or(u32::MAX);
        // Only numbers are named: they are keys. When asking fails too, the rest of the message still holds.
        let found = crate::read::duplicates(session, &names, limit).await;
        if let Ok(keys) = found {
            let named: Vec<String> = keys.iter().take(NAMED).map(i64::to_string).collect();
            let more = if keys.len() > NAMED { " and more" } else { "" };
            text.push_str(&format!(" ({}{more})", named.join(", ")));
        }
    }
    text.push_str("; merge the duplicates (the oldest row of each stays), then migrate again");
    Failure::Told(Error::new(ErrorKind::Data, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_return_code_of_the_lock_is_told_apart() {
        assert!(refuse_unless_granted(0, "T").is_ok());
        assert!(refuse_unless_granted(1, "T").is_ok());
        for code in [-1, -2, -3] {
            let error = refuse_unless_granted(code, "T").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Passing { retry_after: None }, "{code}");
        }
        assert_eq!(
            refuse_unless_granted(-999, "T").unwrap_err().kind(),
            ErrorKind::Bug
        );
    }
}
