//! The parts of an ORDER BY term, a window and a CASE.

use std::fmt::{self, Write};

use sea_query::{
    CaseStatement, Condition, Expr, Frame, Order, OrderExpr, QueryBuilder, Value, WindowStatement,
};

use super::{Part, Recorded, Recorder, keep_hooks, required_hooks};

/// An ORDER BY term, taken apart.
#[derive(Debug)]
pub(crate) struct OrderParts {
    pub(crate) expr: Option<Expr>,
    pub(crate) direction: OrderDirection,
    /// Has it NULLS FIRST or NULLS LAST?
    pub(crate) nulls: bool,
}

/// How an ORDER BY term sorts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum OrderDirection {
    Ascending,
    Descending,
    /// By the position of the value in this list; what is not in it comes last.
    Listed(Vec<Value>),
}

enum OrderTerm {}

impl QueryBuilder for Recorder<OrderTerm> {
    required_hooks!();

    keep_hooks! {
        prepare_expr(Expr) => Expr;
    }

    fn write_value(&self, _: &mut impl Write, value: &Value) -> fmt::Result {
        self.keep(Part::Value(value.clone()), &"");
        Ok(())
    }
}

impl OrderParts {
    pub(crate) fn of(order: &OrderExpr) -> Self {
        let recording =
            Recorder::<OrderTerm>::record(|recorder, trace| recorder.prepare_order_expr(order, trace));
        let mut expr = None;
        let mut listed = Vec::new();
        for Recorded { part, .. } in recording.parts {
            match part {
                Part::Expr(term) => expr = Some(term),
                Part::Value(value) => listed.push(value),
                _ => {}
            }
        }
        let direction = if recording.text.contains("CASE") {
            OrderDirection::Listed(listed)
        } else if recording.text.ends_with("DESC") {
            OrderDirection::Descending
        } else {
            OrderDirection::Ascending
        };
        let nulls = expr
            .as_ref()
            .is_some_and(|expr| without_nulls(expr, &direction) != vec![order.clone()]);
        Self {
            expr,
            direction,
            nulls,
        }
    }
}

/// The same term without NULLS FIRST or LAST: the writer this crate borrows drops that part, a comparison shows it.
fn without_nulls(expr: &Expr, direction: &OrderDirection) -> Vec<OrderExpr> {
    let order = match direction {
        OrderDirection::Ascending => Order::Asc,
        OrderDirection::Descending => Order::Desc,
        OrderDirection::Listed(values) => Order::Field(sea_query::Values(values.clone())),
    };
    let mut window = WindowStatement::new();
    window.order_by_expr(expr.clone(), order);
    WindowParts::of(&window).orders
}

/// A window, taken apart.
#[derive(Debug, Default)]
pub(crate) struct WindowParts {
    pub(crate) partitions: Vec<Expr>,
    pub(crate) orders: Vec<OrderExpr>,
    pub(crate) frame: Vec<Frame>,
    /// Does the frame count rows? Otherwise it is a range.
    pub(crate) rows: bool,
}

enum Window {}

impl QueryBuilder for Recorder<Window> {
    required_hooks!();

    keep_hooks! {
        prepare_expr(Expr) => Expr;
        prepare_order_expr(OrderExpr) => Order;
        prepare_frame(Frame) => Frame;
    }
}

impl WindowParts {
    pub(crate) fn of(window: &WindowStatement) -> Self {
        let recording =
            Recorder::<Window>::record(|recorder, trace| recorder.prepare_window_statement(window, trace));
        let mut parts = Self {
            rows: recording.text.contains(" ROWS "),
            ..Self::default()
        };
        for Recorded { part, .. } in recording.parts {
            match part {
                Part::Expr(partition) => parts.partitions.push(partition),
                Part::Order(order) => parts.orders.push(order),
                Part::Frame(frame) => parts.frame.push(frame),
                _ => {}
            }
        }
        parts
    }
}

/// A CASE, taken apart.
#[derive(Debug, Default)]
pub(crate) struct CaseParts {
    pub(crate) branches: Vec<(Condition, Expr)>,
    pub(crate) otherwise: Option<Expr>,
}

enum Case {}

impl QueryBuilder for Recorder<Case> {
    required_hooks!();

    keep_hooks! {
        prepare_expr(Expr) => Expr;
        prepare_condition_where(Condition) => Condition;
    }
}

impl CaseParts {
    pub(crate) fn of(case: &CaseStatement) -> Self {
        let recording =
            Recorder::<Case>::record(|recorder, trace| recorder.prepare_case_statement(case, trace));
        let mut parts = Self::default();
        let mut condition = None;
        for Recorded { part, .. } in recording.parts {
            match part {
                Part::Condition(when) => condition = Some(when),
                Part::Expr(result) => match condition.take() {
                    Some(when) => parts.branches.push((when, result)),
                    None => parts.otherwise = Some(result),
                },
                _ => {}
            }
        }
        parts
    }
}
