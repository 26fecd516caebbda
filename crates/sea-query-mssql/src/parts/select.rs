//! The parts of a SELECT.

use sea_query::{
    ConditionHolder, DynIden, Expr, JoinExpr, LockClause, OrderExpr, QueryBuilder, SelectDistinct,
    SelectExpr, SelectInto, SelectStatement, SqlWriter, TableRef, UnionType, Value, WindowStatement,
    WithClause,
};

use super::{Part, Recorded, Recorder, keep_hooks, required_hooks};

/// A SELECT, taken apart.
#[derive(Debug, Default)]
pub(crate) struct SelectParts {
    pub(crate) with: Option<WithClause>,
    pub(crate) distinct: Option<SelectDistinct>,
    pub(crate) columns: Vec<SelectExpr>,
    pub(crate) into: Option<SelectInto>,
    pub(crate) from: Vec<TableRef>,
    pub(crate) joins: Vec<JoinExpr>,
    pub(crate) filter: ConditionHolder,
    pub(crate) groups: Vec<Expr>,
    pub(crate) having: ConditionHolder,
    pub(crate) unions: Vec<(UnionType, SelectStatement)>,
    pub(crate) orders: Vec<OrderExpr>,
    pub(crate) limit: Option<Value>,
    pub(crate) offset: Option<Value>,
    pub(crate) locked: bool,
    pub(crate) window: Option<(DynIden, WindowStatement)>,
}

enum Select {}

impl QueryBuilder for Recorder<Select> {
    required_hooks!();

    keep_hooks! {
        prepare_with_clause(WithClause) => With;
        prepare_select_distinct(SelectDistinct) => Distinct;
        prepare_select_expr(SelectExpr) => Column;
        prepare_table_ref(TableRef) => Table;
        prepare_join_expr(JoinExpr) => Join;
        prepare_expr(Expr) => Expr;
        prepare_order_expr(OrderExpr) => Order;
        prepare_window_statement(WindowStatement) => Window;
    }

    fn prepare_condition(&self, condition: &ConditionHolder, keyword: &str, sql: &mut impl SqlWriter) {
        self.keep(Part::Filter(keyword.to_owned(), condition.clone()), sql);
    }

    fn prepare_union_statement(&self, union: UnionType, select: &SelectStatement, sql: &mut impl SqlWriter) {
        self.keep(Part::Union(union, select.clone()), sql);
    }

    fn prepare_select_lock(&self, _: &LockClause, sql: &mut impl SqlWriter) {
        self.keep(Part::Lock, sql);
    }
}

impl SelectParts {
    pub(crate) fn of(select: &SelectStatement) -> Self {
        let recording =
            Recorder::<Select>::record(|recorder, trace| recorder.prepare_select_statement(select, trace));
        let mut parts = Self::default();
        let mut window_name = None;
        for Recorded { before, part } in recording.parts {
            match part {
                Part::With(with) => parts.with = Some(with),
                Part::Distinct(distinct) => parts.distinct = Some(distinct),
                Part::Column(column) => parts.columns.push(column),
                Part::Into(into) => parts.into = Some(into),
                Part::Table(table) => parts.from.push(table),
                Part::Join(join) => parts.joins.push(join),
                Part::Filter(keyword, condition) if keyword == "HAVING" => parts.having = condition,
                Part::Filter(_, condition) => parts.filter = condition,
                Part::Expr(group) => parts.groups.push(group),
                Part::Union(union, select) => parts.unions.push((union, select)),
                Part::Order(order) => parts.orders.push(order),
                Part::Value(value) if before.contains("LIMIT") => parts.limit = Some(value),
                Part::Value(value) => parts.offset = Some(value),
                Part::Lock => parts.locked = true,
                Part::Iden(name) => window_name = Some(name),
                Part::Window(window) => parts.window = window_name.take().map(|name| (name, window)),
                _ => {}
            }
        }
        parts
    }
}
