//! Questions to a database that are more than reading rows, and views: questions that a database keeps under a name.
//!
//! A question is built of sea-query's portable parts. What databases say in words of their own (a table in a schema, the time,
//! sums of times) it takes from the [`Dialect`] of the store that asks it, so whoever writes a question writes no SQL.

use std::fmt;
use std::sync::Arc;

use chrono::NaiveDateTime;
use sea_query::{Expr, SelectStatement, TableRef};

use crate::Column;

/// What each database says in its own words. Times are clock faces without a zone, as the tables hold them.
pub trait Dialect {
    /// A table or view of the target, by its name without a schema.
    fn table(&self, name: &str) -> TableRef;

    /// A time as a constant.
    fn time(&self, time: NaiveDateTime) -> Expr;

    /// The time of the statement, as a clock in UTC shows it.
    fn utc_now(&self) -> Expr;

    /// A time, moved forward by a whole number of seconds; `seconds` may be negative.
    fn later(&self, time: Expr, seconds: Expr) -> Expr;

    /// Whole seconds from one time to another: how often the second changes in between. Negative when `until` is earlier.
    fn seconds_between(&self, from: Expr, until: Expr) -> Expr;

    /// The calendar day of a time.
    fn day_of(&self, time: Expr) -> Expr;

    /// The Monday of the week that a time is in, as weeks are counted by ISO 8601. For times from 1900 on.
    fn monday_of(&self, time: Expr) -> Expr;
}

type Parts = dyn Fn(&dyn Dialect) -> SelectStatement + Send + Sync;

/// A question: its columns, and how it is put in a dialect.
///
/// ```
/// use sea_query::{Expr, ExprTrait, Func, Query as Select};
/// use table_map::{Column, Query};
///
/// let query = Query::new(
///     "the number of stages",
///     [Column::integer("STAGES")],
///     |dialect| {
///         Select::select()
///             .expr_as(Func::count(Expr::col("ID")), "STAGES")
///             .from(dialect.table("STAGES"))
///             .and_where(Expr::col("ACTIVE").eq("Y"))
///             .to_owned()
///     },
/// );
/// assert_eq!(query.columns()[0].name(), "STAGES");
/// ```
#[derive(Clone)]
pub struct Query {
    subject: String,
    columns: Vec<Column>,
    parts: Arc<Parts>,
}

impl Query {
    /// A question. `subject` says for people what is asked; `columns` are those of `parts`, in their order: their types are how an
    /// answer is read.
    pub fn new(
        subject: impl Into<String>,
        columns: impl IntoIterator<Item = Column>,
        parts: impl Fn(&dyn Dialect) -> SelectStatement + Send + Sync + 'static,
    ) -> Self {
        Self {
            subject: subject.into(),
            columns: columns.into_iter().collect(),
            parts: Arc::new(parts),
        }
    }

    /// What is asked, for people.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The columns of the answer.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The question in a dialect.
    pub fn in_dialect(&self, dialect: &dyn Dialect) -> SelectStatement {
        (self.parts)(dialect)
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query")
            .field("subject", &self.subject)
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

/// A view: a question that the database keeps under a name, for people and their reports. Nothing here reads it.
#[derive(Debug, Clone)]
pub struct ViewMap {
    name: String,
    query: Query,
}

impl ViewMap {
    /// The view called `name`, without a schema.
    pub fn new(name: impl Into<String>, query: Query) -> Self {
        Self {
            name: name.into(),
            query,
        }
    }

    /// Its name, without a schema.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it shows.
    pub fn query(&self) -> &Query {
        &self.query
    }
}

/// The answer to a [`Query`]: rows of values in the order of its columns, each of its column's type or null.
pub type Answer = Vec<Vec<crate::Value>>;
