//! The fallible entry point, and what can be said about a statement beyond sea-query's own parts.

use sea_query::{
    DeleteStatement, DynIden, InsertStatement, IntoIden, IntoTableRef, QueryBuilder, QueryStatement,
    SelectStatement, SqlWriter, SqlWriterValues, SubQueryStatement, TableRef, UpdateStatement, WithQuery,
};

use crate::builder::MssqlQueryBuilder;
use crate::error::{Error, Written};
use crate::hint::TableHint;
use crate::writer::{Values, Writer};

/// The most parameters a statement can have.
///
/// SQL Server takes 2,100 in a call ("Maximum capacity specifications"), and a driver runs a parameterised statement
/// by calling `sp_executesql`, whose own two parameters, the statement and the list of types, count.
pub const MAX_PARAMETERS: usize = 2_098;

/// A statement that can be written as T-SQL.
///
/// Implemented for the statements of sea-query and for the builders of this crate. Unlike `to_string` and `build` of
/// sea-query, which cannot fail, these methods return an error where T-SQL cannot say what the statement says.
pub trait MssqlStatement: Render {
    /// The statement with its values as literals.
    ///
    /// # Errors
    /// See [`Error`]. Every construct that T-SQL lacks is an error here, never wrong SQL.
    fn to_mssql(&self) -> Result<String, Error> {
        let mut sql = String::with_capacity(256);
        self.render(&mut Writer::new(&mut sql, Values::Inline))?;
        Ok(sql)
    }

    /// The statement with parameters `@P1`, `@P2`, …, and their values in that order.
    ///
    /// DDL statements have no parameters in T-SQL: their values are literals and the list is empty.
    ///
    /// # Errors
    /// See [`Error`]; also when there are more than [`MAX_PARAMETERS`] values.
    fn build_mssql(&self) -> Result<(String, sea_query::Values), Error> {
        let (placeholder, numbered) = MssqlQueryBuilder.placeholder();
        let mut sql = SqlWriterValues::new(placeholder, numbered);
        self.render(&mut Writer::new(&mut sql, Values::Pushed))?;
        let (text, values) = sql.into_parts();
        let actual = values.0.len();
        if actual > MAX_PARAMETERS {
            return Err(Error::Limit {
                what: "parameters",
                actual,
                limit: MAX_PARAMETERS,
            });
        }
        Ok((text, values))
    }
}

/// How a statement writes itself; private, so that only this crate implements [`MssqlStatement`].
#[expect(
    private_interfaces,
    reason = "the trait is sealed: nobody outside can name its writer"
)]
pub trait Render {
    #[doc(hidden)]
    fn render<W: SqlWriter>(&self, writer: &mut Writer<'_, W>) -> Written;
}

/// Declares how statements write themselves.
macro_rules! statements {
    ($($statement:ty => |$this:ident, $writer:ident| $write:expr;)+) => {$(
        #[expect(private_interfaces, reason = "the trait is sealed: nobody outside can name its writer")]
        impl $crate::statement::Render for $statement {
            fn render<W: ::sea_query::SqlWriter>(
                &self,
                $writer: &mut $crate::writer::Writer<'_, W>,
            ) -> $crate::error::Written {
                let $this = self;
                $write
            }
        }
        impl $crate::statement::MssqlStatement for $statement {}
    )+};
}
pub(crate) use statements;

statements! {
    SelectStatement => |select, w| w.select_statement(select);
    InsertStatement => |insert, w| w.insert(insert);
    UpdateStatement => |update, w| w.update(update);
    DeleteStatement => |delete, w| w.delete(delete);
    WithQuery => |with, w| w.with_query(with);
    SubQueryStatement => |statement, w| w.any_statement(statement);
    QueryStatement => |statement, w| match statement {
        QueryStatement::Select(select) => w.select_statement(select),
        QueryStatement::Insert(insert) => w.insert(insert),
        QueryStatement::Update(update) => w.update(update),
        QueryStatement::Delete(delete) => w.delete(delete),
    };
}

/// What [`Extended`] knows about its statement.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    hints: Vec<Hinted>,
    pub(crate) output_into: Option<OutputInto>,
}

#[derive(Debug, Clone)]
struct Hinted {
    table: String,
    hints: Vec<TableHint>,
    written: bool,
}

/// Where the rows of an OUTPUT clause go.
#[derive(Debug, Clone)]
pub(crate) struct OutputInto {
    pub(crate) table: TableRef,
    pub(crate) columns: Vec<DynIden>,
    pub(crate) written: bool,
}

impl Options {
    /// The hints for a table, by the name under which the statement knows it.
    pub(crate) fn hints_of(&mut self, exposed_name: &DynIden) -> Vec<TableHint> {
        let name = exposed_name.inner();
        let mut hints = Vec::new();
        for hinted in self.hints.iter_mut().filter(|hinted| hinted.table == *name) {
            hinted.written = true;
            hints.extend_from_slice(&hinted.hints);
        }
        hints
    }
}

/// A statement together with table hints or a table for its OUTPUT, for which sea-query has no place.
#[derive(Debug, Clone)]
pub struct Extended<S> {
    statement: S,
    options: Options,
}

#[expect(
    private_interfaces,
    reason = "the trait is sealed: nobody outside can name its writer"
)]
impl<S: MssqlStatement> Render for Extended<S> {
    fn render<W: SqlWriter>(&self, writer: &mut Writer<'_, W>) -> Written {
        let outer = std::mem::replace(&mut writer.options, self.options.clone());
        let written = self.statement.render(writer);
        let options = std::mem::replace(&mut writer.options, outer);
        written?;
        if options.hints.iter().any(|hinted| !hinted.written) {
            return Err(Error::invalid(
                "a table hint",
                "the statement reads no table of that name or alias",
            ));
        }
        if options.output_into.is_some_and(|into| !into.written) {
            return Err(Error::incomplete(
                "OUTPUT … INTO",
                "the statement returns no columns",
            ));
        }
        Ok(())
    }
}

impl<S: MssqlStatement> MssqlStatement for Extended<S> {}

/// Adds to a statement what only T-SQL has.
pub trait MssqlExtension: MssqlStatement + Sized {
    /// Adds table hints to a table, by its alias or, if it has none, its name as it is written.
    ///
    /// They go to every place in the statement, subqueries too, where a table is known by that name. A name that
    /// occurs nowhere is an error when the statement is written.
    fn hint<T: IntoIden>(self, table: T, hints: impl IntoIterator<Item = TableHint>) -> Extended<Self> {
        Extended {
            statement: self,
            options: Options::default(),
        }
        .hint(table, hints)
    }

    /// Sends the rows of the OUTPUT clause (what the statement returns) into a table.
    ///
    /// An empty list of columns means all columns of the table, in their order.
    fn output_into<T, C, I>(self, table: T, columns: I) -> Extended<Self>
    where
        T: IntoTableRef,
        C: IntoIden,
        I: IntoIterator<Item = C>,
    {
        Extended {
            statement: self,
            options: Options::default(),
        }
        .output_into(table, columns)
    }
}

impl<S: MssqlStatement> MssqlExtension for S {}

// Methods of the type itself win over those of the trait, so extending twice adds to the same options.
impl<S> Extended<S> {
    /// Adds hints for one more table; see [`MssqlExtension::hint`].
    #[must_use]
    pub fn hint<T: IntoIden>(mut self, table: T, hints: impl IntoIterator<Item = TableHint>) -> Self {
        let table = table.into_iden().inner().into_owned();
        self.options.hints.push(Hinted {
            table,
            hints: hints.into_iter().collect(),
            written: false,
        });
        self
    }

    /// Sends the rows of the OUTPUT clause into a table; see [`MssqlExtension::output_into`].
    #[must_use]
    pub fn output_into<T, C, I>(mut self, table: T, columns: I) -> Self
    where
        T: IntoTableRef,
        C: IntoIden,
        I: IntoIterator<Item = C>,
    {
        let columns = columns.into_iter().map(IntoIden::into_iden).collect();
        self.options.output_into = Some(OutputInto {
            table: table.into_table_ref(),
            columns,
            written: false,
        });
        self
    }
}
