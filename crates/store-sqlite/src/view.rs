//! Views, and the answers to questions.

use rusqlite::{Connection, OptionalExtension};
use store::{Error, ErrorKind, FoundView, Mark, ViewPlan, ViewStep, views};
use table_map::{Answer, Query, ViewMap};

use crate::failure::Failure;
use crate::{cell, dialect, sql, write};

/// The answer to a question.
pub(crate) fn ask(connection: &Connection, query: &Query) -> Result<Answer, Failure> {
    let mut statement = connection.prepare_cached(&dialect::select(query))?;
    let mut rows = statement.query([])?;
    let mut answer = Answer::new();
    while let Some(row) = rows.next()? {
        let mut values = Vec::with_capacity(query.columns().len());
        for (place, column) in query.columns().iter().enumerate() {
            let value = cell::read(column, row.get_ref(place)?).ok_or_else(|| {
                Error::new(
                    ErrorKind::Data,
                    format!(
                        "asking for {}: column {} holds something that is no value of its type; another program put it \
                         there, correct it by hand",
                        query.subject(),
                        column.name()
                    ),
                )
            })?;
            values.push(value);
        }
        answer.push(values);
    }
    Ok(answer)
}

/// What the database has under the view's name.
pub(crate) fn inspect(connection: &Connection, view: &ViewMap) -> Result<FoundView, Failure> {
    let found: Option<(String, String)> = connection
        .prepare_cached(
            "SELECT type, coalesce(sql, '') FROM sqlite_schema \
             WHERE type IN ('table', 'view', 'index') AND name = ?1 COLLATE NOCASE",
        )?
        .query_row([view.name()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(match found {
        None => FoundView::Nothing,
        Some((kind, stored)) if kind == "view" => mark(view).judge(&stored),
        Some((kind, _)) => FoundView::Other(format!("{} {kind}", if kind == "index" { "an" } else { "a" })),
    })
}

/// The statements of a plan.
pub(crate) fn statements(plan: &ViewPlan) -> Vec<String> {
    let name = sql::quote(plan.view().name());
    let create = format!(
        "CREATE VIEW {name} AS {} {}",
        mark(plan.view()),
        dialect::select(plan.view().query())
    );
    match plan.step() {
        None => Vec::new(),
        Some(ViewStep::Replace) => vec![format!("DROP VIEW IF EXISTS {name}"), create],
        Some(_) => vec![create],
    }
}

/// Carries a plan out in one transaction, in which it is planned for again: another may have done the work meanwhile.
pub(crate) fn apply(connection: &mut Connection, plan: &ViewPlan) -> Result<(), Failure> {
    if plan.step().is_none() {
        return Ok(());
    }
    let transaction = write::begin(connection)?;
    let found = inspect(&transaction, plan.view())?;
    let fresh = views::plan_view(plan.view(), &found)
        .map_err(|clash| Error::new(ErrorKind::Operator, clash.to_string()))?;
    for statement in statements(&fresh) {
        transaction.execute_batch(&statement)?;
        tracing::info!(view = plan.view().name(), sql = statement, "migrated");
    }
    transaction.commit()?;
    Ok(())
}

fn mark(view: &ViewMap) -> Mark {
    Mark::of(&dialect::select(view.query()))
}
