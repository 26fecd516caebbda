//! Rights: which are needed, and the statements that give them.

use store::{Error, ErrorKind, Step};
use tiberius::ColumnData;

use crate::failure::Failure;
use crate::quote;
use crate::session::Session;

/// What a call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// To see and to read a table.
    Read,
    /// To upsert and to deactivate rows.
    Write,
    /// To delete rows.
    Delete,
    /// To make tables, columns and indexes.
    Migrate,
    /// To make views.
    View,
}

/// The statements that give what is needed.
pub(crate) fn grant(need: Need, schema: &str, table: &str, user: &str) -> String {
    let user = quote::name(user);
    let object = quote::table(schema, table);
    let schema = quote::name(schema);
    match need {
        Need::Read => format!("GRANT SELECT ON {object} TO {user};"),
        Need::Write => format!("GRANT SELECT, INSERT, UPDATE ON {object} TO {user};"),
        Need::Delete => format!("GRANT SELECT, DELETE ON {object} TO {user};"),
        Need::Migrate => format!(
            "GRANT CREATE TABLE TO {user}; GRANT ALTER, SELECT, INSERT, UPDATE ON SCHEMA::{schema} TO {user};"
        ),
        Need::View => {
            format!("GRANT CREATE VIEW TO {user}; GRANT ALTER, SELECT ON SCHEMA::{schema} TO {user};")
        }
    }
}

/// Asks beforehand, so that a migration does not stop half way. A null is no answer: then the statement itself will tell.
const QUESTION: &str = "SELECT CASE WHEN SCHEMA_ID(@P1) IS NULL THEN 0 ELSE 1 END, \
HAS_PERMS_BY_NAME(DB_NAME(), N'DATABASE', N'CREATE TABLE'), HAS_PERMS_BY_NAME(@P2, N'SCHEMA', N'ALTER'), \
HAS_PERMS_BY_NAME(@P3, N'OBJECT', N'ALTER');";

/// Checks that the steps may be carried out.
pub(crate) async fn check(
    session: &mut Session,
    schema: &str,
    table: &str,
    steps: &[Step],
) -> Result<(), Failure> {
    let text = |text: String| ColumnData::String(Some(text.into()));
    let parameters = [
        text(schema.to_owned()),
        text(quote::name(schema)),
        text(quote::table(schema, table)),
    ];
    let answers = session.query(QUESTION, parameters).await?;
    let Some(row) = answers.first().and_then(|answer| answer.first()) else {
        return Err(Failure::bug("the server did not tell about rights"));
    };
    let user = session.user.clone();
    let refused = |place| Ok::<_, Failure>(row.try_get::<i32, _>(place)? == Some(0));
    if refused(0)? {
        let text = format!(
            "the database has no schema {schema}; create it (CREATE SCHEMA {};) or name another one in the target",
            quote::name(schema)
        );
        return Err(Error::new(ErrorKind::Operator, text).into());
    }
    let creates = steps.iter().any(|step| matches!(step, Step::CreateTable));
    let missing = if creates {
        match (refused(1)?, refused(2)?) {
            (true, _) => Some("CREATE TABLE in the database"),
            (_, true) => Some("ALTER on the schema"),
            _ => None,
        }
    } else {
        refused(3)?.then_some("ALTER on the table")
    };
    match missing {
        None => Ok(()),
        Some(right) => Err(Error::new(
            ErrorKind::Operator,
            format!(
                "cannot migrate table {table}: the right {right} is missing; let an owner of the database run: {}",
                grant(Need::Migrate, schema, table, &user)
            ),
        )
        .into()),
    }
}

/// Asks beforehand, as the server tells of a missing right only by number.
const VIEW_QUESTION: &str = "SELECT HAS_PERMS_BY_NAME(DB_NAME(), N'DATABASE', N'CREATE VIEW'), \
HAS_PERMS_BY_NAME(@P1, N'SCHEMA', N'ALTER'), HAS_PERMS_BY_NAME(@P2, N'OBJECT', N'ALTER');";

/// Checks that a view may be made, or made anew.
pub(crate) async fn check_view(
    session: &mut Session,
    schema: &str,
    view: &str,
    creates: bool,
) -> Result<(), Failure> {
    let text = |text: String| ColumnData::String(Some(text.into()));
    let parameters = [text(quote::name(schema)), text(quote::table(schema, view))];
    let answers = session.query(VIEW_QUESTION, parameters).await?;
    let Some(row) = answers.first().and_then(|answer| answer.first()) else {
        return Err(Failure::bug("the server did not tell about rights"));
    };
    let user = session.user.clone();
    let refused = |place| Ok::<_, Failure>(row.try_get::<i32, _>(place)? == Some(0));
    let missing = match (creates, refused(0)?, refused(1)?, refused(2)?) {
        (true, true, ..) => "CREATE VIEW in the database",
        (true, _, true, _) => "ALTER on the schema",
        (false, _, _, true) => "ALTER on the view",
        _ => return Ok(()),
    };
    Err(Error::new(
        ErrorKind::Operator,
        format!(
            "view {view} is not made: the right {missing} is missing; let an owner of the database run: {} The tables work \
             without it",
            grant(Need::View, schema, view, &user)
        ),
    )
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_name_table_schema_and_user() {
        assert_eq!(
            grant(Need::Write, "dbo", "T", "DOMAIN\\user"),
            "GRANT SELECT, INSERT, UPDATE ON [dbo].[T] TO [DOMAIN\\user];"
        );
        assert_eq!(
            grant(Need::Migrate, "sales", "T", "u"),
            "GRANT CREATE TABLE TO [u]; GRANT ALTER, SELECT, INSERT, UPDATE ON SCHEMA::[sales] TO [u];"
        );
        assert_eq!(
            grant(Need::View, "sales", "V", "u"),
            "GRANT CREATE VIEW TO [u]; GRANT ALTER, SELECT ON SCHEMA::[sales] TO [u];"
        );
    }
}
