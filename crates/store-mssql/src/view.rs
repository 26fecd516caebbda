//! Views, and the answers to questions.

use std::time::Duration;

use store::{Error, ErrorKind, FoundView, Mark, ViewPlan, ViewStep, views};
use table_map::{Answer, Query, ViewMap};
use tiberius::ColumnData;

use crate::failure::Failure;
use crate::session::Session;
use crate::{dialect, migrate, quote, read, rights};

/// The answer to a question.
pub(crate) async fn ask(session: &mut Session, schema: &str, query: &Query) -> Result<Answer, Failure> {
    let text = dialect::select(schema, query).map_err(|error| unwritable(query.subject(), error))?;
    let answers = session.batch(&format!("{text};")).await?;
    answers
        .into_iter()
        .flatten()
        .map(|row| {
            query
                .columns()
                .iter()
                .zip(row)
                .map(|(column, cell)| {
                    read::loose_value(column, cell).ok_or_else(|| {
                        let text = format!(
                            "cannot ask for {}: column {} holds something that is no value of its type",
                            query.subject(),
                            column.name()
                        );
                        Error::new(ErrorKind::Data, text).into()
                    })
                })
                .collect()
        })
        .collect()
}

/// Kind and definition of what has a name. A definition is null for whoever may not see it.
const QUESTION: &str = "SELECT RTRIM(o.type), o.type_desc, CAST(m.definition AS nvarchar(max)) FROM sys.objects AS o \
LEFT JOIN sys.sql_modules AS m ON m.object_id = o.object_id WHERE o.object_id = OBJECT_ID(@P1);";

/// What the database has under the view's name.
pub(crate) async fn inspect(
    session: &mut Session,
    schema: &str,
    view: &ViewMap,
) -> Result<FoundView, Failure> {
    let name = ColumnData::String(Some(quote::table(schema, view.name()).into()));
    let answers = session.query(QUESTION, [name]).await?;
    let Some(row) = answers.first().and_then(|answer| answer.first()) else {
        return Ok(FoundView::Nothing);
    };
    let kind = row.try_get::<&str, _>(0)?.unwrap_or_default();
    let described = row.try_get::<&str, _>(1)?.unwrap_or_default();
    let definition = row.try_get::<&str, _>(2)?;
    Ok(match (kind.trim(), definition) {
        ("V", Some(stored)) => mark(schema, view)?.judge(stored),
        ("V", None) => FoundView::Hidden,
        ("U", _) => FoundView::Other("a table".to_owned()),
        _ => FoundView::Other(format!("an object of the kind {described}")),
    })
}

/// The batches of a plan. CREATE VIEW and ALTER VIEW want a batch of their own, which EXEC makes, so that a guard can stand before
/// them. ALTER keeps the rights that were granted on the view.
pub(crate) fn statements(schema: &str, plan: &ViewPlan) -> Result<Vec<String>, sea_query_mssql::Error> {
    if plan.step().is_none() {
        return Ok(Vec::new());
    }
    let view = plan.view();
    let name = quote::table(schema, view.name());
    let select = dialect::select(schema, view.query())?;
    let definition = format!("VIEW {name} AS {} {select};", Mark::of(&select));
    Ok(vec![format!(
        "IF OBJECT_ID({}, N'V') IS NULL EXEC ({}) ELSE EXEC ({});",
        quote::literal(&name),
        quote::literal(&format!("CREATE {definition}")),
        quote::literal(&format!("ALTER {definition}"))
    )])
}

/// Carries a plan out, under the lock that keeps migrations apart.
pub(crate) async fn apply(
    session: &mut Session,
    schema: &str,
    plan: &ViewPlan,
    lock_timeout: Duration,
) -> Result<(), Failure> {
    if plan.step().is_none() {
        return Ok(());
    }
    let view = plan.view();
    migrate::lock(session, schema, view.name(), lock_timeout).await?;
    let found = inspect(session, schema, view).await?;
    let now =
        views::plan_view(view, &found).map_err(|clash| Error::new(ErrorKind::Operator, clash.to_string()))?;
    if let Some(step) = now.step() {
        rights::check_view(session, schema, view.name(), step == ViewStep::Create).await?;
    }
    for statement in statements(schema, &now).map_err(|error| unwritable(view.name(), error))? {
        tracing::info!(view = view.name(), "migrating");
        session.batch(&statement).await?;
    }
    migrate::unlock(session, schema, view.name()).await
}

fn mark(schema: &str, view: &ViewMap) -> Result<Mark, Failure> {
    let select = dialect::select(schema, view.query()).map_err(|error| unwritable(view.name(), error))?;
    Ok(Mark::of(&select))
}

/// A question that T-SQL cannot say.
pub(crate) fn unwritable(subject: &str, error: sea_query_mssql::Error) -> Error {
    Error::new(ErrorKind::Bug, format!("{subject} cannot be said in T-SQL")).with_source(error)
}
