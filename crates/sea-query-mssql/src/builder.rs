//! sea-query's own traits.

use std::fmt::{self, Write};

use sea_query::{
    BinOper, CaseStatement, Check, ColumnDef, ColumnRef, ColumnType, CommonTableExpression, Condition,
    ConditionHolder, DeleteStatement, DynIden, EscapeBuilder, ExplainStatement, Expr, ForeignKeyAction,
    ForeignKeyBuilder, ForeignKeyCreateStatement, ForeignKeyDropStatement, Frame, FunctionCall,
    GenericBuilder, IndexBuilder, IndexColumn, IndexCreateStatement, IndexDropStatement, InsertStatement,
    JoinExpr, Keyword, LockClause, Mode, OnConflict, Oper, OperLeftAssocDecider, OrderExpr,
    PrecedenceDecider, QueryBuilder, Quote, QuotedBuilder, ReturningClause, SchemaBuilder, SelectExpr,
    SelectInto, SelectStatement, SqlWriter, SubQueryStatement, TableAlterStatement, TableBuilder,
    TableCreateStatement, TableDropStatement, TableName, TableRef, TableRefBuilder, TableRenameStatement,
    TableTruncateStatement, TypeRef, UpdateStatement, Value, WindowStatement, WithClause, WithQuery,
};

use crate::error::{Error, Written};
use crate::foreign_key::action_text;
use crate::literal::{write_bytes, write_literal, write_text};
use crate::statement::Render;
use crate::writer::{Values, Writer};

/// The query builder for the methods of sea-query that take one, such as `to_string` and `build`.
///
/// They cannot fail. Where [`MssqlStatement`](crate::MssqlStatement) returns an error, the text ends here with
/// `!!! reason`, which no version of SQL Server parses, so that the server refuses the whole batch.
///
/// ```
/// use sea_query::Query;
/// use sea_query_mssql::MssqlQueryBuilder;
///
/// let query = Query::select().column("ID").from("STAGE").limit(5).to_owned();
/// assert_eq!(query.to_string(MssqlQueryBuilder), "SELECT TOP (5) [ID] FROM [STAGE]");
/// ```
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct MssqlQueryBuilder;

/// Writes for a caller who cannot take an error: the text is made one that cannot be run.
fn or_poison<W: SqlWriter>(sql: &mut W, write: impl FnOnce(&mut Writer<'_, W>) -> Written) {
    if let Err(error) = write(&mut Writer::new(sql, Values::Pushed)) {
        poison(sql, &error);
    }
}

fn poison(sql: &mut impl Write, error: &Error) {
    // Quotes and brackets could hide the mark inside of a literal or a name. A writer that refuses even this has no
    // way to tell us what to do about it.
    let reason = error.to_string().replace(['\'', '"', '[', ']', '/', '-'], " ");
    write!(sql, " !!! {reason} !!!").ok();
}

impl GenericBuilder for MssqlQueryBuilder {}

impl SchemaBuilder for MssqlQueryBuilder {}

impl QuotedBuilder for MssqlQueryBuilder {
    fn quote(&self) -> Quote {
        ('[', ']').into()
    }

    fn prepare_iden(&self, iden: &DynIden, sql: &mut impl SqlWriter) {
        or_poison(sql, |w| w.iden(iden));
    }
}

impl EscapeBuilder for MssqlQueryBuilder {
    fn needs_escape(&self, text: &str) -> bool {
        text.contains('\'')
    }

    fn write_escaped(&self, buffer: &mut impl Write, text: &str) {
        buffer.write_str(&text.replace('\'', "''")).ok();
    }

    fn unescape_string(&self, text: &str) -> String {
        text.replace("''", "'")
    }
}

impl TableRefBuilder for MssqlQueryBuilder {
    fn prepare_table_ref_iden(&self, table: &TableRef, sql: &mut impl SqlWriter) {
        or_poison(sql, |w| w.table_ref(table));
    }

    fn prepare_table_name(&self, table: &TableName, sql: &mut impl SqlWriter) {
        or_poison(sql, |w| w.table_name(table));
    }
}

// Never asked: this crate writes expressions itself.
impl PrecedenceDecider for MssqlQueryBuilder {
    fn inner_expr_well_known_greater_precedence(&self, _: &Expr, _: &Oper) -> bool {
        false
    }
}

impl OperLeftAssocDecider for MssqlQueryBuilder {
    fn well_known_left_associative(&self, _: &BinOper) -> bool {
        false
    }
}

/// Hooks that hand what they are given to a method of the writer.
macro_rules! hooks {
    ($($hook:ident($given:ident: &$type:ty) => |$writer:ident| $write:expr;)+) => {$(
        fn $hook(&self, $given: &$type, sql: &mut impl SqlWriter) {
            or_poison(sql, |$writer| $write);
        }
    )+};
}

impl QueryBuilder for MssqlQueryBuilder {
    fn placeholder(&self) -> (&'static str, bool) {
        ("@P", true)
    }

    hooks! {
        prepare_select_statement(select: &SelectStatement) => |w| w.select_statement(select);
        prepare_insert_statement(insert: &InsertStatement) => |w| w.insert(insert);
        prepare_update_statement(update: &UpdateStatement) => |w| w.update(update);
        prepare_delete_statement(delete: &DeleteStatement) => |w| w.delete(delete);
        prepare_query_statement(statement: &SubQueryStatement) => |w| w.any_statement(statement);
        prepare_with_query(with: &WithQuery) => |w| w.with_query(with);
        prepare_with_clause(with: &WithClause) => |w| w.with_clause(with);
        prepare_with_query_clause_common_table(cte: &CommonTableExpression) => |w| w.cte(cte);
        prepare_select_expr(column: &SelectExpr) => |w| w.select_column(column);
        prepare_select_into(into: &SelectInto) => |w| w.select_into(into);
        prepare_join_expr(join: &JoinExpr) => |w| w.join(join);
        prepare_table_ref(table: &TableRef) => |w| w.table_ref(table);
        prepare_column_ref(column: &ColumnRef) => |w| w.column_ref(column);
        prepare_order_expr(order: &OrderExpr) => |w| w.order_term(order);
        prepare_window_statement(window: &WindowStatement) => |w| w.window_body(window);
        prepare_frame(frame: &Frame) => |w| w.frame(frame);
        prepare_expr(expr: &Expr) => |w| w.value_expr(expr);
        prepare_case_statement(case: &CaseStatement) => |w| w.value_expr(&Expr::Case(Box::new(case.clone())));
        prepare_keyword(keyword: &Keyword) => |w| w.value_expr(&Expr::Keyword(keyword.clone()));
        prepare_condition_where(condition: &Condition) => |w| w.condition_expr(condition);
        prepare_constant(value: &Value) => |w| w.literal(value);
        prepare_type_ref(name: &TypeRef) => |w| w.type_name(name);
        prepare_function_arguments(call: &FunctionCall) => |w| {
            w.bracketed(|w| w.list(call.get_args(), |w, arg| w.value_expr(arg)))
        };
        prepare_explain_statement(_explain: &ExplainStatement) => |_w| {
            Err(Error::unsupported("EXPLAIN", "ask for a plan with SET SHOWPLAN_XML ON"))
        };
        prepare_select_lock(_lock: &LockClause) => |_w| {
            Err(Error::unsupported("FOR UPDATE and FOR SHARE", "use table hints such as UPDLOCK and HOLDLOCK"))
        };
        prepare_on_conflict(conflict: &Option<OnConflict>) => |_w| match conflict {
            None => Ok(()),
            Some(_) => Err(Error::unsupported(
                "ON CONFLICT and ON DUPLICATE KEY",
                "update the rows that exist, then insert those that do not",
            )),
        };
        prepare_returning(returning: &Option<ReturningClause>) => |_w| match returning {
            None => Ok(()),
            Some(_) => Err(Error::unsupported("RETURNING", "OUTPUT stands before the rows and belongs to a statement")),
        };
    }

    fn prepare_condition(&self, condition: &ConditionHolder, keyword: &str, sql: &mut impl SqlWriter) {
        or_poison(sql, |w| w.condition(condition, &format!(" {keyword} ")));
    }

    fn prepare_value(&self, value: Value, sql: &mut impl SqlWriter) {
        sql.push_param(value, self);
    }

    fn write_value(&self, buffer: &mut impl Write, value: &Value) -> fmt::Result {
        if let Err(error) = write_literal(buffer, value) {
            poison(buffer, &error);
        }
        Ok(())
    }

    fn write_string_quoted(&self, text: &str, buffer: &mut impl Write) {
        if let Err(error) = write_text(buffer, text) {
            poison(buffer, &error);
        }
    }

    fn write_bytes(&self, bytes: &[u8], buffer: &mut impl Write) {
        if let Err(error) = write_bytes(buffer, bytes) {
            poison(buffer, &error);
        }
    }
}

impl TableBuilder for MssqlQueryBuilder {
    hooks! {
        prepare_table_create_statement(create: &TableCreateStatement) => |w| create.render(w);
        prepare_table_drop_statement(drop: &TableDropStatement) => |w| drop.render(w);
        prepare_table_truncate_statement(truncate: &TableTruncateStatement) => |w| truncate.render(w);
        prepare_table_ref_table_stmt(table: &TableRef) => |w| w.plain_table(table);
        prepare_column_def(column: &ColumnDef) => |w| w.inline(|w| w.column_definition(column));
        prepare_column_type(column_type: &ColumnType) => |w| w.column_type(column_type);
        prepare_check_constraint(check: &Check) => |w| w.inline(|w| w.check_constraint(check));
        prepare_table_alter_statement(_alter: &TableAlterStatement) => |_w| {
            Err(Error::Unreadable { statement: "TableAlterStatement", instead: "sea_query_mssql::AlterTable" })
        };
        prepare_table_rename_statement(_rename: &TableRenameStatement) => |_w| {
            Err(Error::Unreadable { statement: "TableRenameStatement", instead: "sea_query_mssql::Rename" })
        };
    }

    fn column_spec_auto_increment_keyword(&self) -> &str {
        " IDENTITY(1,1)"
    }
}

impl IndexBuilder for MssqlQueryBuilder {
    hooks! {
        prepare_index_create_statement(_create: &IndexCreateStatement) => |_w| {
            Err(Error::Unreadable { statement: "IndexCreateStatement", instead: "sea_query_mssql::CreateIndex" })
        };
        prepare_index_drop_statement(_drop: &IndexDropStatement) => |_w| {
            Err(Error::Unreadable { statement: "IndexDropStatement", instead: "sea_query_mssql::DropIndex" })
        };
        prepare_table_ref_index_stmt(table: &TableRef) => |w| w.plain_table(table);
        prepare_index_columns(columns: &[IndexColumn]) => |w| w.index_columns(columns);
        prepare_index_prefix(create: &IndexCreateStatement) => |w| {
            w.push(if create.is_primary_key() {
                "PRIMARY KEY "
            } else if create.is_unique_key() {
                "UNIQUE "
            } else {
                ""
            })
        };
    }
}

impl ForeignKeyBuilder for MssqlQueryBuilder {
    hooks! {
        prepare_foreign_key_create_statement(create: &ForeignKeyCreateStatement) => |w| create.render(w);
        prepare_table_ref_fk_stmt(table: &TableRef) => |w| w.plain_table(table);
    }

    fn prepare_foreign_key_action(&self, action: &ForeignKeyAction, sql: &mut impl SqlWriter) {
        or_poison(sql, |w| w.push(action_text(*action)?));
    }

    fn prepare_foreign_key_create_statement_internal(
        &self,
        create: &ForeignKeyCreateStatement,
        sql: &mut impl SqlWriter,
        mode: Mode,
    ) {
        match mode {
            Mode::Alter => self.prepare_foreign_key_create_statement(create, sql),
            _ => or_poison(sql, |w| w.foreign_key(create.get_foreign_key())),
        }
    }

    fn prepare_foreign_key_drop_statement_internal(
        &self,
        _: &ForeignKeyDropStatement,
        sql: &mut impl SqlWriter,
        _: Mode,
    ) {
        let instead = "sea_query_mssql::AlterTable::drop_constraint";
        or_poison(sql, |_| {
            Err(Error::Unreadable {
                statement: "ForeignKeyDropStatement",
                instead,
            })
        });
    }
}
