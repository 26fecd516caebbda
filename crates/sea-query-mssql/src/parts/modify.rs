//! The parts of INSERT, UPDATE and DELETE.

use sea_query::{
    ConditionHolder, DeleteStatement, DynIden, Expr, InsertStatement, OnConflict, OrderExpr, QueryBuilder,
    ReturningClause, SelectStatement, SqlWriter, TableRef, UpdateStatement, Value, WithClause,
};

use super::{Part, Recorded, Recorder, keep_hooks, required_hooks};

/// An INSERT, taken apart.
#[derive(Debug, Default)]
pub(crate) struct InsertParts {
    pub(crate) with: Option<WithClause>,
    pub(crate) replace: bool,
    pub(crate) table: Option<TableRef>,
    pub(crate) columns: Vec<DynIden>,
    pub(crate) rows: InsertRows,
    pub(crate) conflict: bool,
    pub(crate) returning: Option<ReturningClause>,
}

/// Where the rows of an INSERT come from.
#[derive(Debug, Default)]
pub(crate) enum InsertRows {
    #[default]
    Missing,
    /// So many rows of nothing but defaults.
    Defaults(u32),
    Values(Vec<Vec<Expr>>),
    Select(Box<SelectStatement>),
}

enum Insert {}

impl QueryBuilder for Recorder<Insert> {
    required_hooks!();

    keep_hooks! {
        prepare_with_clause(WithClause) => With;
        prepare_table_ref(TableRef) => Table;
        prepare_select_statement(SelectStatement) => Select;
        prepare_expr(Expr) => Expr;
        prepare_output(Option<ReturningClause>) => Returning;
        prepare_on_conflict(Option<OnConflict>) => Conflict;
    }

    fn prepare_returning(&self, _: &Option<ReturningClause>, _: &mut impl SqlWriter) {}

    fn prepare_insert(&self, replace: bool, sql: &mut impl SqlWriter) {
        self.keep(Part::Replace(replace), sql);
    }

    fn insert_default_values(&self, rows: u32, sql: &mut impl SqlWriter) {
        self.keep(Part::DefaultRows(rows), sql);
    }
}

impl InsertParts {
    pub(crate) fn of(insert: &InsertStatement) -> Self {
        let recording =
            Recorder::<Insert>::record(|recorder, trace| recorder.prepare_insert_statement(insert, trace));
        let mut parts = Self::default();
        let mut rows: Vec<Vec<Expr>> = Vec::new();
        for Recorded { before, part } in recording.parts {
            match part {
                Part::With(with) => parts.with = Some(with),
                Part::Replace(replace) => parts.replace = replace,
                Part::Table(table) => parts.table = Some(table),
                Part::Iden(column) => parts.columns.push(column),
                Part::Returning(returning) => parts.returning = returning,
                Part::DefaultRows(count) => parts.rows = InsertRows::Defaults(count),
                Part::Select(select) => parts.rows = InsertRows::Select(Box::new(select)),
                Part::Conflict(conflict) => parts.conflict = conflict.is_some(),
                // A row opens with a bracket; its further values come after commas.
                Part::Expr(value) => match rows.last_mut() {
                    Some(row) if before != "(" => row.push(value),
                    _ => rows.push(vec![value]),
                },
                _ => {}
            }
        }
        if !rows.is_empty() {
            parts.rows = InsertRows::Values(rows);
        }
        parts
    }
}

/// An UPDATE, taken apart.
#[derive(Debug, Default)]
pub(crate) struct UpdateParts {
    pub(crate) with: Option<WithClause>,
    pub(crate) table: Option<TableRef>,
    pub(crate) from: Vec<TableRef>,
    pub(crate) filter: ConditionHolder,
    pub(crate) ordered: bool,
    pub(crate) limit: Option<Value>,
    pub(crate) returning: Option<ReturningClause>,
}

enum Update {}

impl QueryBuilder for Recorder<Update> {
    required_hooks!();

    keep_hooks! {
        prepare_with_clause(WithClause) => With;
        prepare_table_ref(TableRef) => Table;
        prepare_order_expr(OrderExpr) => Order;
        prepare_update_from([TableRef]) => Tables;
        prepare_output(Option<ReturningClause>) => Returning;
    }

    // The values are public, so they need no keeping.
    fn prepare_expr(&self, _: &Expr, _: &mut impl SqlWriter) {}

    fn prepare_returning(&self, _: &Option<ReturningClause>, _: &mut impl SqlWriter) {}

    fn prepare_condition(&self, condition: &ConditionHolder, keyword: &str, sql: &mut impl SqlWriter) {
        self.keep(Part::Filter(keyword.to_owned(), condition.clone()), sql);
    }
}

impl UpdateParts {
    pub(crate) fn of(update: &UpdateStatement) -> Self {
        let recording =
            Recorder::<Update>::record(|recorder, trace| recorder.prepare_update_statement(update, trace));
        let mut parts = Self::default();
        for Recorded { part, .. } in recording.parts {
            match part {
                Part::With(with) => parts.with = Some(with),
                Part::Table(table) => parts.table = Some(table),
                Part::Tables(from) => parts.from = from,
                Part::Filter(_, condition) => parts.filter = condition,
                Part::Order(_) => parts.ordered = true,
                Part::Value(limit) => parts.limit = Some(limit),
                Part::Returning(returning) => parts.returning = returning,
                _ => {}
            }
        }
        parts
    }
}

/// A DELETE, taken apart.
#[derive(Debug, Default)]
pub(crate) struct DeleteParts {
    pub(crate) with: Option<WithClause>,
    pub(crate) table: Option<TableRef>,
    pub(crate) filter: ConditionHolder,
    pub(crate) ordered: bool,
    pub(crate) limit: Option<Value>,
    pub(crate) returning: Option<ReturningClause>,
}

enum Delete {}

impl QueryBuilder for Recorder<Delete> {
    required_hooks!();

    keep_hooks! {
        prepare_with_clause(WithClause) => With;
        prepare_table_ref(TableRef) => Table;
        prepare_order_expr(OrderExpr) => Order;
        prepare_output(Option<ReturningClause>) => Returning;
    }

    fn prepare_returning(&self, _: &Option<ReturningClause>, _: &mut impl SqlWriter) {}

    fn prepare_condition(&self, condition: &ConditionHolder, keyword: &str, sql: &mut impl SqlWriter) {
        self.keep(Part::Filter(keyword.to_owned(), condition.clone()), sql);
    }
}

impl DeleteParts {
    pub(crate) fn of(delete: &DeleteStatement) -> Self {
        let recording =
            Recorder::<Delete>::record(|recorder, trace| recorder.prepare_delete_statement(delete, trace));
        let mut parts = Self::default();
        for Recorded { part, .. } in recording.parts {
            match part {
                Part::With(with) => parts.with = Some(with),
                Part::Table(table) => parts.table = Some(table),
                Part::Filter(_, condition) => parts.filter = condition,
                Part::Order(_) => parts.ordered = true,
                Part::Value(limit) => parts.limit = Some(limit),
                Part::Returning(returning) => parts.returning = returning,
                _ => {}
            }
        }
        parts
    }
}
