//! Statements as the engine runs them. Queries and expressions keep sqlparser's form.

use sqlparser::ast::{Cte, Expr, Ident, ObjectName, Query, SelectItem, TableWithJoins};

use crate::value::SqlType;

/// A parsed batch.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) statements: Vec<Located>,
}

/// A statement and where it stood.
#[derive(Debug, Clone)]
pub(crate) struct Located {
    /// Counted from 1.
    pub(crate) line: u32,
    /// The statement's own text, for injected errors.
    pub(crate) text: String,
    pub(crate) statement: Statement,
}

#[derive(Debug, Clone)]
pub(crate) enum Statement {
    Query(Box<Query>),
    Insert(Box<Insert>),
    Update(Box<Update>),
    Delete(Box<Delete>),
    InsertBulk(BulkTarget),
    Truncate(ObjectName),
    CreateTable(CreateTable),
    AlterTable(ObjectName, AlterTable),
    CreateIndex(Box<CreateIndex>),
    CreateView(Box<CreateView>),
    DropView {
        if_exists: bool,
        names: Vec<ObjectName>,
    },
    DropTable {
        if_exists: bool,
        names: Vec<ObjectName>,
    },
    DropIndex {
        if_exists: bool,
        name: Ident,
        table: ObjectName,
    },
    CreateSchema(Ident),
    CreateDatabase(Ident),
    DropDatabase {
        if_exists: bool,
        name: Ident,
    },
    Block(Vec<Located>),
    If {
        condition: Box<Expr>,
        then: Box<Located>,
        otherwise: Option<Box<Located>>,
    },
    While {
        condition: Box<Expr>,
        body: Box<Located>,
    },
    Try {
        body: Vec<Located>,
        handler: Vec<Located>,
    },
    Break,
    Continue,
    Return(Option<Box<Expr>>),
    Declare(Vec<Declaration>),
    SetVariable {
        name: String,
        value: Box<Expr>,
    },
    SetOption {
        name: String,
        value: String,
    },
    Print(Box<Expr>),
    RaiseError {
        arguments: Vec<Expr>,
    },
    Throw(Option<Box<(Expr, Expr, Expr)>>),
    Begin,
    Commit,
    Rollback(Option<String>),
    Save(String),
    Use(Ident),
    WaitFor(Box<Expr>),
    Execute(Execute),
    ExecuteText(Box<Expr>),
}

#[derive(Debug, Clone)]
pub(crate) struct Declaration {
    pub(crate) name: String,
    pub(crate) kind: Declared,
}

#[derive(Debug, Clone)]
pub(crate) enum Declared {
    Scalar(SqlType, Option<Box<Expr>>),
    Table(Vec<TableElement>),
}

/// The OUTPUT clause.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    pub(crate) items: Vec<SelectItem>,
    pub(crate) into: Option<(ObjectName, Vec<Ident>)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Insert {
    pub(crate) with: Vec<Cte>,
    pub(crate) table: ObjectName,
    pub(crate) hints: Vec<Expr>,
    pub(crate) columns: Vec<Ident>,
    pub(crate) output: Option<Output>,
    /// `None` is DEFAULT VALUES.
    pub(crate) source: Option<Box<Query>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Update {
    pub(crate) with: Vec<Cte>,
    pub(crate) top: Option<Expr>,
    pub(crate) target: ObjectName,
    pub(crate) hints: Vec<Expr>,
    pub(crate) set: Vec<(ObjectName, Expr)>,
    pub(crate) output: Option<Output>,
    pub(crate) from: Vec<TableWithJoins>,
    pub(crate) filter: Option<Expr>,
}

#[derive(Debug, Clone)]
pub(crate) struct Delete {
    pub(crate) with: Vec<Cte>,
    pub(crate) top: Option<Expr>,
    pub(crate) target: ObjectName,
    pub(crate) hints: Vec<Expr>,
    pub(crate) output: Option<Output>,
    pub(crate) from: Vec<TableWithJoins>,
    pub(crate) filter: Option<Expr>,
}

/// INSERT BULK: the table and the columns whose data will follow.
#[derive(Debug, Clone)]
pub(crate) struct BulkTarget {
    pub(crate) table: ObjectName,
    pub(crate) columns: Vec<Ident>,
    pub(crate) keep_nulls: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct CreateTable {
    pub(crate) name: ObjectName,
    pub(crate) elements: Vec<TableElement>,
}

#[derive(Debug, Clone)]
pub(crate) enum TableElement {
    Column(ColumnDefinition),
    Constraint(ConstraintDefinition),
}

#[derive(Debug, Clone)]
pub(crate) struct ColumnDefinition {
    pub(crate) name: Ident,
    pub(crate) ty: SqlType,
    pub(crate) collation: Option<String>,
    pub(crate) identity: Option<(i64, i64)>,
    pub(crate) nullable: Option<bool>,
    pub(crate) default: Option<(Option<Ident>, Expr)>,
    pub(crate) constraints: Vec<ConstraintDefinition>,
}

#[derive(Debug, Clone)]
pub(crate) struct ConstraintDefinition {
    pub(crate) name: Option<Ident>,
    pub(crate) kind: ConstraintKind,
}

#[derive(Debug, Clone)]
pub(crate) enum ConstraintKind {
    PrimaryKey {
        clustered: bool,
        columns: Vec<(Ident, bool)>,
    },
    Unique {
        clustered: bool,
        columns: Vec<(Ident, bool)>,
    },
    Check(Expr),
    Default {
        expression: Expr,
        column: Ident,
    },
    Index {
        unique: bool,
        columns: Vec<(Ident, bool)>,
    },
}

#[derive(Debug, Clone)]
pub(crate) enum AlterTable {
    Add(Vec<TableElement>),
    AlterColumn {
        name: Ident,
        ty: SqlType,
        collation: Option<String>,
        nullable: Option<bool>,
    },
    DropColumn(Vec<Ident>),
    DropConstraint(Vec<Ident>),
}

#[derive(Debug, Clone)]
pub(crate) struct CreateIndex {
    pub(crate) name: Ident,
    pub(crate) table: ObjectName,
    pub(crate) unique: bool,
    pub(crate) clustered: bool,
    pub(crate) columns: Vec<(Ident, bool)>,
    pub(crate) include: Vec<Ident>,
    pub(crate) filter: Option<Expr>,
    pub(crate) online: bool,
}

/// CREATE VIEW, ALTER VIEW, CREATE OR ALTER VIEW.
#[derive(Debug, Clone)]
pub(crate) struct CreateView {
    pub(crate) name: ObjectName,
    /// A view of this name may be made.
    pub(crate) creates: bool,
    /// A view that is there is replaced.
    pub(crate) alters: bool,
    pub(crate) query: Query,
    /// The whole batch.
    pub(crate) text: String,
}

/// EXEC of a procedure.
#[derive(Debug, Clone)]
pub(crate) struct Execute {
    /// The variable that takes the return status.
    pub(crate) status: Option<String>,
    pub(crate) procedure: ObjectName,
    pub(crate) arguments: Vec<Argument>,
}

#[derive(Debug, Clone)]
pub(crate) struct Argument {
    pub(crate) name: Option<String>,
    pub(crate) value: Expr,
    pub(crate) output: bool,
}
