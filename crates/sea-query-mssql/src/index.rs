//! CREATE INDEX and DROP INDEX.
//!
//! sea-query shows nobody the table of an `IndexCreateStatement` that stands alone, nor what an `IndexDropStatement`
//! is about, so this crate has its own.

use sea_query::{
    BinOper, ColumnName, ColumnRef, DynIden, Expr, ExprTrait, IndexColumn, IntoIden, IntoIndexColumn,
    IntoTableRef, Keyword, SqlWriter, TableRef,
};

use crate::error::{Error, Written};
use crate::statement::statements;
use crate::writer::{Writer, catalog_text, object_text, plain_table};

/// `CREATE [UNIQUE] INDEX [name] ON [table] (…) INCLUDE (…) WHERE … WITH (ONLINE = ON)`.
///
/// ```
/// use sea_query::{Expr, ExprTrait, IndexOrder};
/// use sea_query_mssql::{CreateIndex, MssqlStatement};
///
/// let index = CreateIndex::new("IX_ORDERS_OWNER", "ORDERS")
///     .column("OWNER_ID")
///     .column(("CREATED", IndexOrder::Desc))
///     .include("STATE")
///     .filter(Expr::col("OWNER_ID").is_not_null());
/// assert_eq!(
///     index.to_mssql()?,
///     "CREATE INDEX [IX_ORDERS_OWNER] ON [ORDERS] ([OWNER_ID], [CREATED] DESC) INCLUDE ([STATE]) \
///      WHERE [OWNER_ID] IS NOT NULL"
/// );
/// # Ok::<(), sea_query_mssql::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct CreateIndex {
    name: DynIden,
    table: TableRef,
    columns: Vec<IndexColumn>,
    included: Vec<DynIden>,
    filter: Option<Expr>,
    unique: bool,
    clustered: bool,
    online: bool,
    if_not_exists: bool,
}

impl CreateIndex {
    /// An index of a table, without columns as yet.
    pub fn new(name: impl IntoIden, table: impl IntoTableRef) -> Self {
        Self {
            name: name.into_iden(),
            table: table.into_table_ref(),
            columns: Vec::new(),
            included: Vec::new(),
            filter: None,
            unique: false,
            clustered: false,
            online: false,
            if_not_exists: false,
        }
    }

    /// Adds a key column: a name, or a name with an order.
    #[must_use]
    pub fn column(mut self, column: impl IntoIndexColumn) -> Self {
        self.columns.push(column.into_index_column());
        self
    }

    /// Adds a column that is stored with the key but not sorted by.
    #[must_use]
    pub fn include(mut self, column: impl IntoIden) -> Self {
        self.included.push(column.into_iden());
        self
    }

    /// Indexes only the rows for which this holds; called again, for which all of them hold. SQL Server takes
    /// comparisons of a column with constants here (`=`, `<>`, `<`, `>`, `IN`, `IS NULL` …), joined by AND.
    #[must_use]
    pub fn filter(mut self, predicate: impl Into<Expr>) -> Self {
        let predicate = predicate.into();
        self.filter = Some(match self.filter.take() {
            Some(filter) => filter.and(predicate),
            None => predicate,
        });
        self
    }

    /// Lets no two rows have the same key.
    #[must_use]
    pub fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    /// Makes the index the order of the table itself.
    #[must_use]
    pub fn clustered(mut self) -> Self {
        self.clustered = true;
        self
    }

    /// Builds the index while others go on reading and writing the table. Enterprise edition and Azure SQL only.
    #[must_use]
    pub fn online(mut self) -> Self {
        self.online = true;
        self
    }

    /// Does nothing if the table has an index of that name.
    #[must_use]
    pub fn if_not_exists(mut self) -> Self {
        self.if_not_exists = true;
        self
    }
}

/// `DROP INDEX [IF EXISTS] [name] ON [table]`.
#[derive(Debug, Clone)]
pub struct DropIndex {
    name: DynIden,
    table: TableRef,
    if_exists: bool,
}

impl DropIndex {
    /// Drops an index of a table.
    pub fn new(name: impl IntoIden, table: impl IntoTableRef) -> Self {
        Self {
            name: name.into_iden(),
            table: table.into_table_ref(),
            if_exists: false,
        }
    }

    /// Does nothing if the table has no such index.
    #[must_use]
    pub fn if_exists(mut self) -> Self {
        self.if_exists = true;
        self
    }
}

statements! {
    CreateIndex => |create, w| w.inline(|w| w.create_index(create));
    DropIndex => |drop, w| {
        w.push(if drop.if_exists { "DROP INDEX IF EXISTS " } else { "DROP INDEX " })?;
        w.iden(&drop.name)?;
        w.push(" ON ")?;
        w.plain_table(&drop.table)
    };
}

impl<W: SqlWriter> Writer<'_, W> {
    fn create_index(&mut self, create: &CreateIndex) -> Written {
        if create.clustered && !create.included.is_empty() {
            return Err(Error::invalid(
                "INCLUDE in a clustered index",
                "it has all columns anyway",
            ));
        }
        if create.clustered && create.filter.is_some() {
            return Err(Error::invalid("WHERE in a clustered index", "it has all rows"));
        }
        if create.if_not_exists {
            let table = plain_table(&create.table)?;
            self.push("IF NOT EXISTS (SELECT 1 FROM ")?;
            self.push(&catalog_text(table)?)?;
            self.push("sys.indexes WHERE object_id = OBJECT_ID(")?;
            self.text_literal(&object_text(table)?)?;
            self.push(") AND name = ")?;
            self.text_literal(&create.name.inner())?;
            self.push(") ")?;
        }
        self.push("CREATE ")?;
        self.push(if create.unique { "UNIQUE " } else { "" })?;
        self.push(if create.clustered { "CLUSTERED " } else { "" })?;
        self.push("INDEX ")?;
        self.iden(&create.name)?;
        self.push(" ON ")?;
        self.plain_table(&create.table)?;
        self.index_columns(&create.columns)?;
        if !create.included.is_empty() {
            self.push(" INCLUDE")?;
            self.column_list(&create.included)?;
        }
        if let Some(filter) = &create.filter {
            check_filter(filter)?;
            self.push(" WHERE ")?;
            self.predicate(filter)?;
        }
        self.push(if create.online { " WITH (ONLINE = ON)" } else { "" })
    }
}

/// Checks a filter against the grammar of CREATE INDEX: comparisons of a column with constants, joined by AND. Text of
/// the caller passes.
fn check_filter(filter: &Expr) -> Written {
    let allowed = match filter {
        Expr::Binary(left, BinOper::And, right) => {
            check_filter(left)?;
            return check_filter(right);
        }
        Expr::Binary(column, BinOper::In, list) => {
            is_column(column) && matches!(list.as_ref(), Expr::Tuple(list) if list.iter().all(is_constant))
        }
        Expr::Binary(
            column,
            BinOper::Equal
            | BinOper::NotEqual
            | BinOper::SmallerThan
            | BinOper::SmallerThanOrEqual
            | BinOper::GreaterThan
            | BinOper::GreaterThanOrEqual
            | BinOper::Is
            | BinOper::IsNot,
            constant,
        ) => is_column(column) && is_constant(constant),
        Expr::Custom(_) | Expr::CustomWithExpr(..) => true,
        column => is_column(column),
    };
    if allowed {
        Ok(())
    } else {
        Err(Error::unsupported(
            "this filter of an index",
            "compare columns of the table with constants, and join the comparisons by AND",
        ))
    }
}

fn is_column(expr: &Expr) -> bool {
    matches!(expr, Expr::Column(ColumnRef::Column(ColumnName(None, _))))
}

fn is_constant(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Value(_) | Expr::Constant(_) | Expr::Keyword(Keyword::Null) | Expr::Custom(_)
    )
}
