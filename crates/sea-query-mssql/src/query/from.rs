//! UPDATE and DELETE of one table among several that are joined.
//!
//! sea-query's own statements have no joins, so these take their FROM, joins and WHERE from a SELECT.

use sea_query::{DynIden, Expr, IntoIden, ReturningClause, SelectStatement, SqlWriter, TableRef};

use super::count_of;
use super::output::RowImage;
use crate::error::{Error, Written};
use crate::parts::SelectParts;
use crate::statement::statements;
use crate::writer::Writer;

/// `UPDATE [t] SET … OUTPUT … FROM … JOIN … WHERE …`.
///
/// ```
/// use sea_query::{Expr, ExprTrait, Query};
/// use sea_query_mssql::{MssqlStatement, UpdateFrom};
///
/// let rows = Query::select()
///     .from_as("ORDERS", "t")
///     .inner_join("#new", Expr::col(("#new", "ID")).equals(("t", "ID")))
///     .to_owned();
/// let update = UpdateFrom::new("t").value("STATE", Expr::col(("#new", "STATE"))).rows(rows);
/// assert_eq!(
///     update.to_mssql()?,
///     "UPDATE [t] SET [STATE] = [#new].[STATE] FROM [ORDERS] AS [t] INNER JOIN [#new] ON [#new].[ID] = [t].[ID]"
/// );
/// # Ok::<(), sea_query_mssql::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct UpdateFrom {
    target: DynIden,
    values: Vec<(DynIden, Box<Expr>)>,
    rows: SelectStatement,
    returning: Option<ReturningClause>,
}

impl UpdateFrom {
    /// Updates the table that [`Self::rows`] knows by this alias or, if it has none, by this name.
    pub fn new<T: IntoIden>(target: T) -> Self {
        Self {
            target: target.into_iden(),
            values: Vec::new(),
            rows: SelectStatement::new(),
            returning: None,
        }
    }

    /// Sets a column of the target.
    #[must_use]
    pub fn value<C: IntoIden>(mut self, column: C, value: impl Into<Expr>) -> Self {
        self.values.push((column.into_iden(), Box::new(value.into())));
        self
    }

    /// Says which rows: the FROM, joins, WHERE, limit (as TOP) and WITH of a SELECT. Any other part is an error.
    #[must_use]
    pub fn rows(mut self, rows: SelectStatement) -> Self {
        self.rows = rows;
        self
    }

    /// Returns columns of the changed rows; see the crate's documentation on OUTPUT.
    #[must_use]
    pub fn returning(mut self, returning: ReturningClause) -> Self {
        self.returning = Some(returning);
        self
    }
}

/// `DELETE [t] OUTPUT … FROM … JOIN … WHERE …`.
#[derive(Debug, Clone)]
pub struct DeleteFrom {
    target: DynIden,
    rows: SelectStatement,
    returning: Option<ReturningClause>,
}

impl DeleteFrom {
    /// Deletes from the table that [`Self::rows`] knows by this alias or, if it has none, by this name.
    pub fn new<T: IntoIden>(target: T) -> Self {
        Self {
            target: target.into_iden(),
            rows: SelectStatement::new(),
            returning: None,
        }
    }

    /// Says which rows: the FROM, joins, WHERE, limit (as TOP) and WITH of a SELECT. Any other part is an error.
    #[must_use]
    pub fn rows(mut self, rows: SelectStatement) -> Self {
        self.rows = rows;
        self
    }

    /// Returns columns of the deleted rows; see the crate's documentation on OUTPUT.
    #[must_use]
    pub fn returning(mut self, returning: ReturningClause) -> Self {
        self.returning = Some(returning);
        self
    }
}

statements! {
    UpdateFrom => |update, w| {
        let rows = rows_of(&update.rows, &update.target)?;
        w.verb("UPDATE ", &rows, &update.target)?;
        w.set(&update.values)?;
        w.changed_rows(update.returning.as_ref(), RowImage::Inserted, &rows)
    };
    DeleteFrom => |delete, w| {
        let rows = rows_of(&delete.rows, &delete.target)?;
        w.verb("DELETE ", &rows, &delete.target)?;
        w.changed_rows(delete.returning.as_ref(), RowImage::Deleted, &rows)
    };
}

impl<W: SqlWriter> Writer<'_, W> {
    fn verb(&mut self, verb: &str, rows: &SelectParts, target: &DynIden) -> Written {
        if let Some(with) = &rows.with {
            self.with_clause(with)?;
        }
        self.push(verb)?;
        if let Some(limit) = &rows.limit {
            self.top(count_of(limit)?)?;
        }
        self.iden(target)
    }

    fn changed_rows(
        &mut self,
        returning: Option<&ReturningClause>,
        image: RowImage,
        rows: &SelectParts,
    ) -> Written {
        if let Some(returning) = returning {
            self.output(returning, image, true)?;
        }
        self.push(" FROM ")?;
        self.list(&rows.from, |w, table| w.table_ref(table))?;
        for join in &rows.joins {
            self.join(join)?;
        }
        self.condition(&rows.filter, " WHERE ")
    }
}

/// Checks that a SELECT has the parts that say which rows, and no others.
fn rows_of(select: &SelectStatement, target: &DynIden) -> Result<SelectParts, Error> {
    let rows = SelectParts::of(select);
    let other = rows.distinct.is_some()
        || !rows.columns.is_empty()
        || rows.into.is_some()
        || !rows.groups.is_empty()
        || !rows.having.is_empty()
        || !rows.unions.is_empty()
        || !rows.orders.is_empty()
        || rows.offset.is_some()
        || rows.locked
        || rows.window.is_some();
    if other {
        return Err(Error::invalid(
            "the rows of an UPDATE or DELETE",
            "only FROM, joins, WHERE, a limit and WITH say which rows",
        ));
    }
    let mut tables = rows
        .from
        .iter()
        .chain(rows.joins.iter().map(|join| join.table.as_ref()));
    let found = tables.any(|table| match table {
        TableRef::Table(_, Some(alias)) => alias == target,
        TableRef::Table(name, None) => name.1 == *target,
        _ => false,
    });
    if found {
        Ok(rows)
    } else {
        Err(Error::incomplete(
            "UPDATE or DELETE",
            "the rows come from no table of the target's name or alias",
        ))
    }
}
