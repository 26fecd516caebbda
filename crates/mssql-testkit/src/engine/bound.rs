//! Queries and expressions after binding: names are positions, types are known, conversions are explicit.

use std::sync::Arc;

use super::catalog::{Row, TableKey};
use super::functions::Builtin;
use super::views::View;
use crate::codec::token::Column;
use crate::errors::SqlResult;
use crate::value::{Collation, Conversion, SqlType, Value};

/// A value-valued expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    Const(Value),
    /// A column of a source of this query (`depth` 0) or of a query around it.
    Column {
        depth: usize,
        source: usize,
        column: usize,
    },
    Variable(String),
    Convert {
        inner: Box<Expr>,
        from: SqlType,
        to: SqlType,
        how: Conversion,
        or_null: bool,
    },
    Arithmetic {
        operator: Arithmetic,
        left: Box<Expr>,
        right: Box<Expr>,
        ty: SqlType,
    },
    /// Text or binary joined to text or binary.
    Join {
        left: Box<Expr>,
        right: Box<Expr>,
        ty: SqlType,
    },
    Case {
        branches: Vec<(Predicate, Expr)>,
        otherwise: Box<Expr>,
    },
    Coalesce(Vec<Expr>),
    Scalar(Arc<Subquery>),
    Call {
        builtin: &'static Builtin,
        arguments: Vec<Expr>,
        types: Vec<SqlType>,
        ty: SqlType,
    },
    /// The n-th aggregate of the grouped query.
    Aggregate(usize),
    /// The n-th window function of the query.
    Window(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    BitAnd,
    BitOr,
    BitXor,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A condition: true, false or unknown. In T-SQL it is no value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Predicate {
    Compare {
        operator: Comparison,
        left: Expr,
        right: Expr,
        collation: Collation,
    },
    And(Box<Predicate>, Box<Predicate>),
    Or(Box<Predicate>, Box<Predicate>),
    Not(Box<Predicate>),
    IsNull(Expr),
    Like {
        text: Expr,
        pattern: Expr,
        escape: Option<Expr>,
        collation: Collation,
    },
    InList {
        id: usize,
        needle: Expr,
        list: Vec<Expr>,
        constant: bool,
        collation: Collation,
    },
    InQuery {
        needle: Expr,
        query: Arc<Subquery>,
        collation: Collation,
    },
    Exists(Arc<Subquery>),
}

impl Predicate {
    /// Whether a table's own condition (a filtered index) is true for a row.
    pub(crate) fn holds_for_row(&self, row: &Row) -> bool {
        self.for_row(row) == Ok(Some(true))
    }

    /// Whether a CHECK constraint is broken by a row.
    pub(crate) fn is_false_for_row(&self, row: &Row) -> bool {
        self.for_row(row) == Ok(Some(false))
    }

    fn for_row(&self, row: &Row) -> SqlResult<Option<bool>> {
        super::eval::predicate_on_row(self, row)
    }

    /// The conditions that AND joins.
    pub(crate) fn conjuncts(&self) -> Vec<&Predicate> {
        match self {
            Self::And(left, right) => {
                let mut out = left.conjuncts();
                out.extend(right.conjuncts());
                out
            }
            other => vec![other],
        }
    }
}

/// A query inside an expression.
#[derive(Debug)]
pub(crate) struct Subquery {
    pub(crate) id: usize,
    pub(crate) query: Query,
    /// It uses columns of the query around it, so its result changes from row to row.
    pub(crate) correlated: bool,
}

impl PartialEq for Subquery {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) body: Body,
    pub(crate) columns: Vec<Column>,
    pub(crate) order: Vec<OrderKey>,
    pub(crate) offset: Option<Expr>,
    pub(crate) fetch: Option<Expr>,
}

#[derive(Debug)]
pub(crate) enum Body {
    Select(Box<Select>),
    Set {
        operator: SetOperator,
        all: bool,
        left: Box<Query>,
        right: Box<Query>,
    },
    Values(Vec<Vec<Expr>>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetOperator {
    Union,
    Except,
    Intersect,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OrderKey {
    pub(crate) expr: Expr,
    pub(crate) descending: bool,
    pub(crate) collation: Collation,
}

#[derive(Debug)]
pub(crate) struct Select {
    pub(crate) from: Option<From>,
    pub(crate) filter: Option<Predicate>,
    pub(crate) grouping: Option<Grouping>,
    pub(crate) windows: Vec<Window>,
    pub(crate) items: Vec<Expr>,
    /// SELECT @a = …: the variables, one for each item.
    pub(crate) assign: Vec<(String, SqlType)>,
    pub(crate) distinct: bool,
    pub(crate) top: Option<Top>,
}

#[derive(Debug)]
pub(crate) struct Top {
    pub(crate) count: Expr,
    pub(crate) percent: bool,
    pub(crate) with_ties: bool,
}

#[derive(Debug)]
pub(crate) struct Grouping {
    pub(crate) keys: Vec<(Expr, Collation)>,
    pub(crate) aggregates: Vec<Aggregate>,
    pub(crate) having: Option<Predicate>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AggregateKind {
    CountRows,
    Count,
    Min,
    Max,
    Sum,
    Avg,
    StringAgg,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Aggregate {
    pub(crate) kind: AggregateKind,
    pub(crate) argument: Expr,
    pub(crate) separator: Option<Expr>,
    pub(crate) distinct: bool,
    pub(crate) ty: SqlType,
    pub(crate) collation: Collation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WindowKind {
    RowNumber,
    Rank,
    DenseRank,
    Lag,
    Lead,
    FirstValue,
    Aggregate(AggregateKind),
}

#[derive(Debug, PartialEq)]
pub(crate) struct Window {
    pub(crate) kind: WindowKind,
    pub(crate) arguments: Vec<Expr>,
    pub(crate) partition: Vec<(Expr, Collation)>,
    pub(crate) order: Vec<OrderKey>,
    /// ROWS UNBOUNDED PRECEDING: up to this row, without its peers.
    pub(crate) rows: bool,
    pub(crate) ty: SqlType,
}

/// FROM: sources in the order they were written, and how they are joined.
#[derive(Debug)]
pub(crate) struct From {
    pub(crate) slots: Vec<Slot>,
    pub(crate) root: Node,
}

#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) kind: SlotKind,
    pub(crate) width: usize,
    /// Rows are found through an index instead of by reading the whole table.
    pub(crate) seek: Option<Seek>,
}

#[derive(Debug)]
pub(crate) enum SlotKind {
    /// With `numbered`, each row has its number in the table as an additional last value.
    Table {
        key: TableKey,
        numbered: bool,
    },
    View {
        view: View,
        database: String,
    },
    Query(Box<Query>),
}

#[derive(Debug)]
pub(crate) struct Seek {
    pub(crate) index: i32,
    pub(crate) keys: Vec<(Expr, Collation)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
}

#[derive(Debug)]
pub(crate) enum Node {
    Leaf(usize),
    Join(Box<JoinNode>),
}

#[derive(Debug)]
pub(crate) struct JoinNode {
    pub(crate) left: Node,
    pub(crate) right: Node,
    pub(crate) kind: JoinKind,
    /// Two items of FROM, with a comma between them and no condition.
    pub(crate) comma: bool,
    pub(crate) on: Option<Predicate>,
    /// Equalities of `on` between the two sides, for a hash join.
    pub(crate) equal: Vec<(Expr, Expr, Collation)>,
}

impl Node {
    /// The range of slots below this node.
    pub(crate) fn slots(&self) -> std::ops::Range<usize> {
        match self {
            Self::Leaf(at) => *at..*at + 1,
            Self::Join(join) => join.left.slots().start..join.right.slots().end,
        }
    }
}
