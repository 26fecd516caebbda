//! Transactions: begin, commit, roll back, savepoints, and the undo of a failed statement.

use super::catalog::{Table, TableKey};
use super::state::{Session, State, Transaction, put_table, table};
use crate::codec::token::EnvChange;
use crate::errors::{self, SqlError, SqlResult};

/// BEGIN TRANSACTION. Only the outermost one opens a transaction.
pub(crate) fn begin(state: &mut State, session: &mut Session) -> Option<EnvChange> {
    if let Some(open) = &mut session.transaction {
        open.depth += 1;
        return None;
    }
    let descriptor = state.next_transaction();
    session.transaction = Some(Transaction {
        descriptor,
        depth: 1,
        undo: Vec::new(),
        savepoints: Vec::new(),
        doomed: false,
    });
    Some(EnvChange::Began(descriptor))
}

/// COMMIT. Only the outermost one commits.
pub(crate) fn commit(state: &mut State, session: &mut Session) -> SqlResult<Option<EnvChange>> {
    let Some(open) = &mut session.transaction else {
        return Err(SqlError::new(
            3902,
            "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.",
        ));
    };
    if open.doomed {
        return Err(errors::doomed());
    }
    open.depth -= 1;
    if open.depth > 0 {
        return Ok(None);
    }
    let descriptor = open.descriptor;
    session.transaction = None;
    state.locks.end_transaction(session.id);
    Ok(Some(EnvChange::Committed(descriptor)))
}

/// Rolls the whole transaction back, if there is one.
pub(crate) fn roll_back(state: &mut State, session: &mut Session) -> Option<EnvChange> {
    let open = session.transaction.take()?;
    undo(state, session, open.undo);
    state.locks.end_transaction(session.id);
    Some(EnvChange::RolledBack(open.descriptor))
}

/// ROLLBACK, whole or to a savepoint.
pub(crate) fn roll_back_to(
    state: &mut State,
    session: &mut Session,
    name: Option<&str>,
) -> SqlResult<Option<EnvChange>> {
    let Some(open) = &mut session.transaction else {
        return Err(SqlError::new(
            3903,
            "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.",
        ));
    };
    let Some(name) = name else {
        return Ok(roll_back(state, session));
    };
    let Some(at) = open
        .savepoints
        .iter()
        .rposition(|(n, _)| n.eq_ignore_ascii_case(name))
    else {
        return Err(SqlError::new(
            6401,
            format!("Cannot roll back {name}. No transaction or savepoint of that name was found."),
        ));
    };
    if open.doomed {
        return Err(SqlError::new(
            3931,
            "The current transaction cannot be committed and cannot be rolled back to a savepoint. Roll back the \
             entire transaction.",
        ));
    }
    let mark = open.savepoints[at].1;
    open.savepoints.truncate(at + 1);
    let later = open.undo.split_off(mark);
    undo(state, session, later);
    Ok(None)
}

/// SAVE TRANSACTION.
pub(crate) fn save(session: &mut Session, name: &str) -> SqlResult<()> {
    let Some(open) = &mut session.transaction else {
        return Err(SqlError::new(
            628,
            "Cannot issue SAVE TRANSACTION when there is no active transaction.",
        ));
    };
    if open.doomed {
        return Err(errors::doomed());
    }
    open.savepoints.push((name.to_owned(), open.undo.len()));
    Ok(())
}

/// Puts tables back as they were, newest change first. Identity values that were given out stay used.
fn undo(state: &mut State, session: &mut Session, changes: Vec<(TableKey, Option<Table>)>) {
    for (key, before) in changes.into_iter().rev() {
        let used = table(state, session, &key).map(|t| (t.next_identity, t.last_identity));
        let before = before.map(|mut before| {
            if let Some((next, last)) = used {
                before.next_identity = next;
                before.last_identity = last;
            }
            before
        });
        put_table(state, session, &key, before);
    }
}

/// Notes a table as it is before a statement changes it, when a transaction may want it back.
pub(crate) fn remember(state: &State, session: &mut Session, key: &TableKey) {
    if session.transaction.is_none() {
        return;
    }
    let before = table(state, session, key).cloned();
    if let Some(open) = &mut session.transaction {
        open.undo.push((key.clone(), before));
    }
}
