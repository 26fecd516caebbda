//! Taking sea-query's statements apart.
//!
//! Most fields of a statement are private to sea-query, and T-SQL wants them in another order than its writers have
//! them: TOP stands before the columns, OUTPUT before the rows. But the default writer of each statement hands every
//! part to a hook of [`QueryBuilder`]. A [`Recorder`] is a query builder whose hooks write nothing and keep what they
//! are given, so running a statement through it brings its parts back.
//!
//! A hook cannot both keep a part and take it apart, so there is a recorder per kind of statement, told apart by a
//! type parameter.

mod expr;
mod modify;
mod schema;
mod select;
mod with;

use std::cell::RefCell;
use std::fmt::{self, Write};
use std::marker::PhantomData;

use sea_query::{
    BinOper, Condition, ConditionHolder, DynIden, EscapeBuilder, Expr, Frame, IndexColumn, JoinExpr,
    OnConflict, Oper, OperLeftAssocDecider, OrderExpr, PrecedenceDecider, QueryBuilder, Quote, QuotedBuilder,
    ReturningClause, SelectDistinct, SelectExpr, SelectInto, SelectStatement, SqlWriter, SubQueryStatement,
    TableRef, TableRefBuilder, UnionType, Value, WindowStatement, WithClause,
};

pub(crate) use expr::{CaseParts, OrderDirection, OrderParts, WindowParts};
pub(crate) use modify::{DeleteParts, InsertParts, InsertRows, UpdateParts};
pub(crate) use schema::{
    CheckParts, CreateTableParts, DropTableParts, IndexColumnParts, TableIndexParts, truncated_table,
};
pub(crate) use select::SelectParts;
pub(crate) use with::{CteBody, CteParts, WithParts, WithQueryParts};

/// A part of a statement, as a hook was given it.
#[derive(Debug)]
pub(crate) enum Part {
    With(WithClause),
    Cte(sea_query::CommonTableExpression),
    Distinct(SelectDistinct),
    Column(SelectExpr),
    Into(SelectInto),
    Table(TableRef),
    Tables(Vec<TableRef>),
    Join(JoinExpr),
    /// A WHERE or HAVING condition: the keyword and the condition.
    Filter(String, ConditionHolder),
    Condition(Condition),
    Expr(Expr),
    Union(UnionType, SelectStatement),
    Order(OrderExpr),
    Value(Value),
    Lock,
    Window(WindowStatement),
    Iden(DynIden),
    Returning(Option<ReturningClause>),
    Select(SelectStatement),
    Statement(SubQueryStatement),
    Rows(Vec<sea_query::Values>),
    Conflict(Option<OnConflict>),
    Replace(bool),
    DefaultRows(u32),
    Frame(Frame),
    Check(sea_query::Check),
    IndexColumns(Vec<IndexColumn>),
    Prefix(Option<u32>),
    /// Something of a table that T-SQL does not have; the text names it.
    Foreign(&'static str),
}

/// A part, and the piece of text that the default writer wrote right before it.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) before: String,
    pub(crate) part: Part,
}

/// What a recorder heard.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) parts: Vec<Recorded>,
    /// The keywords the default writer wrote between the parts.
    pub(crate) text: String,
}

/// A query builder that keeps the parts it is given. `K` names the kind of statement it takes apart.
pub(crate) struct Recorder<K> {
    parts: RefCell<Vec<Recorded>>,
    kind: PhantomData<K>,
}

impl<K> Recorder<K> {
    /// Runs a default writer of sea-query on a new recorder.
    pub(crate) fn record(run: impl FnOnce(&Self, &mut Trace)) -> Recording {
        let recorder = Self {
            parts: RefCell::default(),
            kind: PhantomData,
        };
        let mut trace = Trace::default();
        run(&recorder, &mut trace);
        Recording {
            parts: recorder.parts.into_inner(),
            text: trace.text,
        }
    }

    /// Keeps a part. `sql` is the [`Trace`], which shows its last piece of text.
    pub(crate) fn keep(&self, part: Part, sql: &impl ToString) {
        self.parts.borrow_mut().push(Recorded {
            before: sql.to_string(),
            part,
        });
    }
}

/// A SQL writer that shows the last piece of text alone: it tells a LIMIT's value from an OFFSET's.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    text: String,
    last: String,
}

impl Write for Trace {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.text.push_str(piece);
        self.last.clear();
        self.last.push_str(piece);
        Ok(())
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.last)
    }
}

impl SqlWriter for Trace {
    fn push_param<T: QueryBuilder>(&mut self, _: Value, _: &T) {}

    fn as_writer(&mut self) -> &mut dyn Write {
        self
    }
}

impl<K> QuotedBuilder for Recorder<K> {
    fn quote(&self) -> Quote {
        ('[', ']').into()
    }

    fn prepare_iden(&self, iden: &DynIden, sql: &mut impl SqlWriter) {
        self.keep(Part::Iden(iden.clone()), sql);
    }
}

impl<K> TableRefBuilder for Recorder<K> {}

impl<K> EscapeBuilder for Recorder<K> {}

impl<K> PrecedenceDecider for Recorder<K> {
    fn inner_expr_well_known_greater_precedence(&self, _: &Expr, _: &Oper) -> bool {
        true
    }
}

impl<K> OperLeftAssocDecider for Recorder<K> {
    fn well_known_left_associative(&self, _: &BinOper) -> bool {
        true
    }
}

/// The hooks that every query builder must have.
macro_rules! required_hooks {
    () => {
        fn prepare_query_statement(
            &self,
            query: &::sea_query::SubQueryStatement,
            sql: &mut impl ::sea_query::SqlWriter,
        ) {
            self.keep($crate::parts::Part::Statement(query.clone()), sql);
        }

        fn prepare_select_into(&self, into: &::sea_query::SelectInto, sql: &mut impl ::sea_query::SqlWriter) {
            self.keep($crate::parts::Part::Into(into.clone()), sql);
        }

        fn prepare_explain_statement(
            &self,
            _: &::sea_query::ExplainStatement,
            _: &mut impl ::sea_query::SqlWriter,
        ) {
        }

        fn prepare_value(&self, value: ::sea_query::Value, sql: &mut impl ::sea_query::SqlWriter) {
            self.keep($crate::parts::Part::Value(value), sql);
        }
    };
}
pub(crate) use required_hooks;

/// Hooks that keep what they are given: `prepare_expr(Expr) => Expr` and so on.
macro_rules! keep_hooks {
    ($($hook:ident($given:ty) => $part:ident;)+) => {$(
        fn $hook(&self, given: &$given, sql: &mut impl ::sea_query::SqlWriter) {
            self.keep($crate::parts::Part::$part(given.to_owned()), sql);
        }
    )+};
}
pub(crate) use keep_hooks;

/// Does the derived `Debug` text of a value end like this?
///
/// Used for three private options that no hook shows before sea-query unwraps them or drops them.
pub(crate) fn debug_ends_with(value: &impl fmt::Debug, end: &str) -> bool {
    format!("{value:?}").ends_with(end)
}
