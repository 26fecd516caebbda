//! The parts of CREATE TABLE, DROP TABLE, TRUNCATE TABLE, and of the indexes and checks inside a table.

use sea_query::{
    Check, ColumnDef, ColumnType, ConditionHolder, DynIden, Expr, ForeignKeyBuilder,
    ForeignKeyCreateStatement, ForeignKeyDropStatement, IndexBuilder, IndexColumn, IndexColumnTableColumn,
    IndexCreateStatement, IndexDropStatement, Mode, PartitionBy, PartitionValues, QueryBuilder, SqlWriter,
    TableAlterStatement, TableBuilder, TableCreateStatement, TableDropStatement, TableRef,
    TableRenameStatement, TableTruncateStatement,
};

use super::{Part, Recorded, Recorder, debug_ends_with, keep_hooks, required_hooks};

/// What has no accessor in a CREATE TABLE.
#[derive(Debug)]
pub(crate) struct CreateTableParts {
    pub(crate) if_not_exists: bool,
    pub(crate) temporary: bool,
    pub(crate) checks: Vec<Check>,
    /// Something that T-SQL does not have: partitions and table options.
    pub(crate) foreign: Option<&'static str>,
}

/// A DROP TABLE, taken apart.
#[derive(Debug)]
pub(crate) struct DropTableParts {
    pub(crate) if_exists: bool,
    pub(crate) tables: Vec<TableRef>,
    /// Is it marked RESTRICT or CASCADE?
    pub(crate) options: bool,
}

/// What has no accessor in an index inside a table.
#[derive(Debug, Default)]
pub(crate) struct TableIndexParts {
    pub(crate) columns: Vec<IndexColumn>,
    pub(crate) filtered: bool,
}

/// A column of an index, taken apart.
#[derive(Debug)]
pub(crate) struct IndexColumnParts {
    /// Nothing when the index is on an expression.
    pub(crate) name: Option<DynIden>,
    pub(crate) descending: bool,
    /// A length prefix or an operator class.
    pub(crate) foreign: bool,
}

/// A CHECK constraint, taken apart.
#[derive(Debug, Default)]
pub(crate) struct CheckParts {
    pub(crate) name: Option<DynIden>,
    pub(crate) expr: Option<Expr>,
}

enum Table {}
enum TableCheck {}

impl QueryBuilder for Recorder<Table> {
    required_hooks!();
}

impl QueryBuilder for Recorder<TableCheck> {
    required_hooks!();

    keep_hooks! {
        prepare_expr(Expr) => Expr;
    }
}

impl<K> IndexBuilder for Recorder<K> {
    fn prepare_index_create_statement(&self, _: &IndexCreateStatement, _: &mut impl SqlWriter) {}

    fn prepare_table_ref_index_stmt(&self, _: &TableRef, _: &mut impl SqlWriter) {}

    fn prepare_index_drop_statement(&self, _: &IndexDropStatement, _: &mut impl SqlWriter) {}

    fn prepare_index_prefix(&self, _: &IndexCreateStatement, _: &mut impl SqlWriter) {}

    fn write_column_index_prefix(&self, prefix: &Option<u32>, sql: &mut impl SqlWriter) {
        self.keep(Part::Prefix(*prefix), sql);
    }

    fn prepare_index_columns(&self, columns: &[IndexColumn], sql: &mut impl SqlWriter) {
        self.keep(Part::IndexColumns(columns.to_vec()), sql);
    }

    fn prepare_filter(&self, condition: &ConditionHolder, sql: &mut impl SqlWriter) {
        self.keep(Part::Filter("WHERE".to_owned(), condition.clone()), sql);
    }
}

impl<K> ForeignKeyBuilder for Recorder<K> {
    fn prepare_table_ref_fk_stmt(&self, _: &TableRef, _: &mut impl SqlWriter) {}

    fn prepare_foreign_key_drop_statement_internal(
        &self,
        _: &ForeignKeyDropStatement,
        _: &mut impl SqlWriter,
        _: Mode,
    ) {
    }

    fn prepare_foreign_key_create_statement_internal(
        &self,
        _: &ForeignKeyCreateStatement,
        _: &mut impl SqlWriter,
        _: Mode,
    ) {
    }
}

/// The hooks that every table builder must have.
macro_rules! required_table_hooks {
    () => {
        fn prepare_column_def(&self, _: &ColumnDef, _: &mut impl SqlWriter) {}

        fn prepare_column_type(&self, _: &ColumnType, _: &mut impl SqlWriter) {}

        fn column_spec_auto_increment_keyword(&self) -> &str {
            ""
        }

        fn prepare_table_alter_statement(&self, _: &TableAlterStatement, _: &mut impl SqlWriter) {}

        fn prepare_table_rename_statement(&self, _: &TableRenameStatement, _: &mut impl SqlWriter) {}
    };
}

impl TableBuilder for Recorder<Table> {
    required_table_hooks!();

    keep_hooks! {
        prepare_table_ref_table_stmt(TableRef) => Table;
        prepare_check_constraint(Check) => Check;
    }

    fn prepare_table_opt(&self, create: &TableCreateStatement, sql: &mut impl SqlWriter) {
        let mut options = String::new();
        self.prepare_table_opt_def(create, &mut options);
        if !options.is_empty() {
            self.keep(
                Part::Foreign("table options (engine, collation, character set)"),
                sql,
            );
        }
    }

    fn prepare_partition_by(&self, _: &PartitionBy, sql: &mut impl SqlWriter) {
        self.keep(Part::Foreign("PARTITION BY in CREATE TABLE"), sql);
    }

    fn prepare_partition_values(&self, _: &PartitionValues, sql: &mut impl SqlWriter) {
        self.keep(Part::Foreign("PARTITION OF in CREATE TABLE"), sql);
    }

    fn prepare_partition_definition(
        &self,
        _: &DynIden,
        _: Option<&PartitionValues>,
        sql: &mut impl SqlWriter,
    ) {
        self.keep(Part::Foreign("partitions in CREATE TABLE"), sql);
    }
}

impl TableBuilder for Recorder<TableCheck> {
    required_table_hooks!();
}

impl CreateTableParts {
    pub(crate) fn of(create: &TableCreateStatement) -> Self {
        let recording = Recorder::<Table>::record(|recorder, trace| {
            recorder.prepare_table_create_statement(create, trace)
        });
        // The caller's own text stands at the end and may contain anything.
        let extra = create.get_extra().map_or("", String::as_str);
        let keywords = recording.text.strip_suffix(extra).unwrap_or(&recording.text);
        let mut parts = Self {
            if_not_exists: keywords.contains("IF NOT EXISTS"),
            temporary: keywords.contains("TEMPORARY"),
            checks: Vec::new(),
            foreign: keywords
                .contains("PARTITION OF")
                .then_some("PARTITION OF in CREATE TABLE"),
        };
        for Recorded { part, .. } in recording.parts {
            match part {
                Part::Check(check) => parts.checks.push(check),
                Part::Foreign(what) => parts.foreign = Some(what),
                _ => {}
            }
        }
        parts
    }
}

impl DropTableParts {
    pub(crate) fn of(drop: &TableDropStatement) -> Self {
        let recording =
            Recorder::<Table>::record(|recorder, trace| recorder.prepare_table_drop_statement(drop, trace));
        let options = recording.text.contains("RESTRICT") || recording.text.contains("CASCADE");
        Self {
            if_exists: recording.text.contains("IF EXISTS"),
            tables: tables(recording.parts).collect(),
            options,
        }
    }
}

/// The table of a TRUNCATE TABLE.
pub(crate) fn truncated_table(truncate: &TableTruncateStatement) -> Option<TableRef> {
    let recording = Recorder::<Table>::record(|recorder, trace| {
        recorder.prepare_table_truncate_statement(truncate, trace)
    });
    tables(recording.parts).next()
}

fn tables(parts: Vec<Recorded>) -> impl Iterator<Item = TableRef> {
    parts.into_iter().filter_map(|Recorded { part, .. }| {
        if let Part::Table(table) = part {
            Some(table)
        } else {
            None
        }
    })
}

impl TableIndexParts {
    pub(crate) fn of(index: &IndexCreateStatement) -> Self {
        let recording = Recorder::<Table>::record(|recorder, trace| {
            recorder.prepare_table_index_expression(index, trace)
        });
        let mut parts = Self::default();
        for Recorded { part, .. } in recording.parts {
            match part {
                Part::IndexColumns(columns) => parts.columns = columns,
                Part::Filter(_, condition) => parts.filtered = !condition.is_empty(),
                _ => {}
            }
        }
        parts
    }
}

impl IndexColumnParts {
    pub(crate) fn of(column: &IndexColumn) -> Self {
        match column {
            IndexColumn::TableColumn(column) => Self::of_table_column(column),
            _ => Self {
                name: None,
                descending: false,
                foreign: false,
            },
        }
    }

    fn of_table_column(column: &IndexColumnTableColumn) -> Self {
        let recording = Recorder::<Table>::record(|recorder, trace| {
            recorder.prepare_index_column_with_table_column(column, trace);
        });
        // No hook shows the operator class, a matter of PostgreSQL alone; only the derived Debug text does.
        let mut parts = Self {
            name: None,
            descending: recording.text.ends_with("DESC"),
            foreign: !debug_ends_with(column, "operator_class: None }"),
        };
        for Recorded { part, .. } in recording.parts {
            match part {
                Part::Iden(name) => parts.name = Some(name),
                Part::Prefix(prefix) => parts.foreign |= prefix.is_some(),
                _ => {}
            }
        }
        parts
    }
}

impl CheckParts {
    pub(crate) fn of(check: &Check) -> Self {
        let recording =
            Recorder::<TableCheck>::record(|recorder, trace| recorder.prepare_check_constraint(check, trace));
        let mut parts = Self::default();
        for Recorded { part, .. } in recording.parts {
            match part {
                Part::Iden(name) => parts.name = Some(name),
                Part::Expr(expr) => parts.expr = Some(expr),
                _ => {}
            }
        }
        parts
    }
}
