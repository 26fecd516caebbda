//! Catalog views: `sys.…` and `INFORMATION_SCHEMA.…`, as far as a client inspecting tables needs them.

use sqlparser::ast::Ident;

use super::catalog::{Database, IndexKind, Row, Table, same_name};
use super::eval::Env;
use super::state::Session;
use crate::codec::token::Column;
use crate::errors::SqlResult;
use crate::value::{Collation, Length, SqlType, Value};

/// One of the views.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    Databases,
    Schemas,
    Objects,
    Tables,
    Views,
    SqlModules,
    Columns,
    IdentityColumns,
    Types,
    Indexes,
    IndexColumns,
    DefaultConstraints,
    KeyConstraints,
    CheckConstraints,
    Partitions,
    InformationTables,
    InformationColumns,
}

const NAME: SqlType = SqlType::nvarchar(128);
const BIT: SqlType = SqlType::Bit;
const INT: SqlType = SqlType::Int;
const BYTE: SqlType = SqlType::TinyInt;
const SMALL: SqlType = SqlType::SmallInt;
const TEN: SqlType = SqlType::varchar(10);
const THREE: SqlType = SqlType::varchar(3);
const DEFAULT: SqlType = SqlType::nvarchar(4000);
const LONG_TEXT: SqlType = SqlType::NVarChar(Length::Max);

/// All types, in the order of `sys.types`.
pub(crate) const ALL_TYPES: [SqlType; 24] = [
    SqlType::UniqueIdentifier,
    SqlType::Date,
    SqlType::Time(7),
    SqlType::DateTime2(7),
    SqlType::DateTimeOffset(7),
    SqlType::TinyInt,
    SqlType::SmallInt,
    SqlType::Int,
    SqlType::SmallDateTime,
    SqlType::Real,
    SqlType::Money,
    SqlType::DateTime,
    SqlType::Float,
    SqlType::Variant,
    SqlType::Bit,
    SqlType::Decimal {
        precision: 38,
        scale: 38,
    },
    SqlType::SmallMoney,
    SqlType::BigInt,
    SqlType::VarBinary(Length::Limited(8000)),
    SqlType::VarChar(Length::Limited(8000)),
    SqlType::Binary(8000),
    SqlType::Char(8000),
    SqlType::NVarChar(Length::Limited(4000)),
    SqlType::NChar(4000),
];

/// The view a name means, and its database.
pub(crate) fn find(parts: &[Ident], session: &Session) -> Option<(View, String)> {
    let (database, schema, name) = match parts {
        [database, schema, name] => (database.value.clone(), schema, name),
        [schema, name] => (session.database.clone(), schema, name),
        _ => return None,
    };
    let full = format!("{}.{}", schema.value, name.value).to_lowercase();
    let view = match full.as_str() {
        "sys.databases" => View::Databases,
        "sys.schemas" => View::Schemas,
        "sys.objects" | "sys.all_objects" => View::Objects,
        "sys.tables" => View::Tables,
        "sys.views" => View::Views,
        "sys.sql_modules" | "sys.all_sql_modules" => View::SqlModules,
        "sys.columns" | "sys.all_columns" => View::Columns,
        "sys.identity_columns" => View::IdentityColumns,
        "sys.types" => View::Types,
        "sys.indexes" => View::Indexes,
        "sys.index_columns" => View::IndexColumns,
        "sys.default_constraints" => View::DefaultConstraints,
        "sys.key_constraints" => View::KeyConstraints,
        "sys.check_constraints" => View::CheckConstraints,
        "sys.partitions" => View::Partitions,
        "information_schema.tables" => View::InformationTables,
        "information_schema.columns" => View::InformationColumns,
        _ => return None,
    };
    Some((view, database))
}

impl View {
    fn definition(self) -> &'static [(&'static str, SqlType)] {
        match self {
            Self::Databases => &[
                ("name", NAME),
                ("database_id", INT),
                ("state", BYTE),
                ("state_desc", NAME),
                ("collation_name", NAME),
                ("compatibility_level", BYTE),
                ("is_read_committed_snapshot_on", BIT),
                ("snapshot_isolation_state", BYTE),
                ("recovery_model_desc", NAME),
            ],
            Self::Schemas => &[("name", NAME), ("schema_id", INT), ("principal_id", INT)],
            Self::Objects | Self::Views => &[
                ("name", NAME),
                ("object_id", INT),
                ("schema_id", INT),
                ("parent_object_id", INT),
                ("type", SqlType::Char(2)),
                ("type_desc", NAME),
                ("is_ms_shipped", BIT),
            ],
            Self::Tables => &[
                ("name", NAME),
                ("object_id", INT),
                ("schema_id", INT),
                ("parent_object_id", INT),
                ("type", SqlType::Char(2)),
                ("type_desc", NAME),
                ("is_ms_shipped", BIT),
                ("temporal_type", BYTE),
                ("is_memory_optimized", BIT),
            ],
            Self::SqlModules => &[
                ("object_id", INT),
                ("definition", LONG_TEXT),
                ("uses_ansi_nulls", BIT),
                ("uses_quoted_identifier", BIT),
                ("is_schema_bound", BIT),
            ],
            Self::Columns => &[
                ("object_id", INT),
                ("name", NAME),
                ("column_id", INT),
                ("system_type_id", BYTE),
                ("user_type_id", INT),
                ("max_length", SMALL),
                ("precision", BYTE),
                ("scale", BYTE),
                ("collation_name", NAME),
                ("is_nullable", BIT),
                ("is_identity", BIT),
                ("is_computed", BIT),
                ("default_object_id", INT),
                ("is_hidden", BIT),
                ("is_sparse", BIT),
            ],
            Self::IdentityColumns => &[
                ("object_id", INT),
                ("name", NAME),
                ("column_id", INT),
                ("seed_value", SqlType::BigInt),
                ("increment_value", SqlType::BigInt),
                ("last_value", SqlType::BigInt),
            ],
            Self::Types => &[
                ("name", NAME),
                ("system_type_id", BYTE),
                ("user_type_id", INT),
                ("schema_id", INT),
                ("max_length", SMALL),
                ("precision", BYTE),
                ("scale", BYTE),
                ("is_user_defined", BIT),
                ("is_nullable", BIT),
            ],
            Self::Indexes => &[
                ("object_id", INT),
                ("name", NAME),
                ("index_id", INT),
                ("type", BYTE),
                ("type_desc", NAME),
                ("is_unique", BIT),
                ("is_primary_key", BIT),
                ("is_unique_constraint", BIT),
                ("is_disabled", BIT),
                ("is_hypothetical", BIT),
                ("ignore_dup_key", BIT),
                ("fill_factor", BYTE),
                ("has_filter", BIT),
                ("filter_definition", LONG_TEXT),
            ],
            Self::IndexColumns => &[
                ("object_id", INT),
                ("index_id", INT),
                ("index_column_id", INT),
                ("column_id", INT),
                ("key_ordinal", BYTE),
                ("partition_ordinal", BYTE),
                ("is_descending_key", BIT),
                ("is_included_column", BIT),
            ],
            Self::DefaultConstraints => &[
                ("name", NAME),
                ("object_id", INT),
                ("schema_id", INT),
                ("parent_object_id", INT),
                ("type", SqlType::Char(2)),
                ("type_desc", NAME),
                ("parent_column_id", INT),
                ("definition", LONG_TEXT),
                ("is_system_named", BIT),
            ],
            Self::KeyConstraints => &[
                ("name", NAME),
                ("object_id", INT),
                ("schema_id", INT),
                ("parent_object_id", INT),
                ("type", SqlType::Char(2)),
                ("type_desc", NAME),
                ("unique_index_id", INT),
            ],
            Self::CheckConstraints => &[
                ("name", NAME),
                ("schema_id", INT),
                ("parent_object_id", INT),
                ("type", SqlType::Char(2)),
                ("is_disabled", BIT),
            ],
            Self::Partitions => &[
                ("object_id", INT),
                ("index_id", INT),
                ("partition_number", INT),
                ("rows", SqlType::BigInt),
            ],
            Self::InformationTables => &[
                ("TABLE_CATALOG", NAME),
                ("TABLE_SCHEMA", NAME),
                ("TABLE_NAME", NAME),
                ("TABLE_TYPE", TEN),
            ],
            Self::InformationColumns => &[
                ("TABLE_CATALOG", NAME),
                ("TABLE_SCHEMA", NAME),
                ("TABLE_NAME", NAME),
                ("COLUMN_NAME", NAME),
                ("ORDINAL_POSITION", INT),
                ("COLUMN_DEFAULT", DEFAULT),
                ("IS_NULLABLE", THREE),
                ("DATA_TYPE", NAME),
                ("CHARACTER_MAXIMUM_LENGTH", INT),
                ("CHARACTER_OCTET_LENGTH", INT),
                ("NUMERIC_PRECISION", BYTE),
                ("NUMERIC_SCALE", INT),
                ("DATETIME_PRECISION", SMALL),
                ("COLLATION_NAME", NAME),
            ],
        }
    }

    pub(crate) fn columns(self) -> Vec<Column> {
        self.definition()
            .iter()
            .map(|(name, ty)| Column {
                name: (*name).to_owned(),
                ty: *ty,
                collation: Collation::CaseInsensitive,
                nullable: true,
                identity: false,
                of_table: true,
            })
            .collect()
    }
}

/// The id of a schema of a database; 1 is dbo.
pub(crate) fn schema_id(database: &Database, schema: &str) -> i64 {
    if same_name(schema, "dbo") {
        return 1;
    }
    let at = database
        .schemas
        .iter()
        .position(|s| same_name(s, schema))
        .unwrap_or(0);
    5 + i64::try_from(at).unwrap_or(0)
}

fn n(value: impl Into<i64>) -> Value {
    Value::Int(value.into())
}

fn count(value: usize) -> Value {
    Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

fn b(value: bool) -> Value {
    Value::Bit(value)
}

fn t(value: &str) -> Value {
    Value::text(value)
}

fn collation(column: &super::catalog::TableColumn) -> Value {
    if column.ty.is_text() {
        t(column.collation.name())
    } else {
        Value::Null
    }
}

/// The rows of a view, as the session may see them. Temporary tables are those of the session, in tempdb.
pub(crate) fn rows(e: &Env<'_>, view: View, database: &str) -> SqlResult<Vec<Row>> {
    let Some(database) = e.state.database(database) else {
        return Err(crate::errors::invalid_object(database));
    };
    let tables: Vec<&Table> = if same_name(&database.name, "tempdb") {
        e.session.temp.values().collect()
    } else {
        database.tables.values().collect()
    };
    let per_table = |f: &dyn Fn(&Table) -> Vec<Vec<Value>>| -> Vec<Vec<Value>> {
        tables.iter().flat_map(|t| f(t)).collect()
    };
    // A view has columns, and nothing else that a table has.
    let per_base = |f: &dyn Fn(&Table) -> Vec<Vec<Value>>| -> Vec<Vec<Value>> {
        tables
            .iter()
            .filter(|t| t.view.is_none())
            .flat_map(|t| f(t))
            .collect()
    };
    let schema = |table: &Table| n(schema_id(database, &table.schema));
    let kind = |table: &Table| match table.view {
        Some(_) => [t("V "), t("VIEW")],
        None => [t("U "), t("USER_TABLE")],
    };
    let rows: Vec<Vec<Value>> = match view {
        View::Databases => e
            .state
            .databases
            .values()
            .map(|d| {
                vec![
                    t(&d.name),
                    n(d.id),
                    n(0),
                    t("ONLINE"),
                    t(Collation::CaseInsensitive.name()),
                    n(i64::from(e.options.version.0) * 10),
                    b(false),
                    n(0),
                    t("SIMPLE"),
                ]
            })
            .collect(),
        View::Schemas => database
            .schemas
            .iter()
            .map(|s| vec![t(s), n(schema_id(database, s)), n(1)])
            .collect(),
        View::Objects => per_table(&|table| {
            let [kind, described] = kind(table);
            let mut out = vec![vec![
                t(&table.name),
                n(table.id),
                schema(table),
                n(0),
                kind,
                described,
                b(false),
            ]];
            out.extend(table.columns.iter().filter_map(|c| c.default.as_ref()).map(|d| {
                vec![
                    t(&d.constraint),
                    n(d.object_id),
                    schema(table),
                    n(table.id),
                    t("D "),
                    t("DEFAULT_CONSTRAINT"),
                    b(false),
                ]
            }));
            out.extend(table.indexes.iter().filter_map(|i| {
                key_kind(i.kind).map(|(kind, text)| {
                    vec![
                        t(&i.name),
                        n(constraint_id(table, i.id)),
                        schema(table),
                        n(table.id),
                        t(kind),
                        t(text),
                        b(false),
                    ]
                })
            }));
            out
        }),
        View::Views => per_table(&|table| {
            let [kind, described] = kind(table);
            let row = vec![
                t(&table.name),
                n(table.id),
                schema(table),
                n(0),
                kind,
                described,
                b(false),
            ];
            table.view.iter().map(|_| row.clone()).collect()
        }),
        View::SqlModules => per_table(&|table| {
            // Whoever may not alter an object sees no definition of it.
            let shown = |text: &str| {
                if e.session.may(crate::options::Permission::Alter) {
                    t(text)
                } else {
                    Value::Null
                }
            };
            table
                .view
                .iter()
                .map(|view| vec![n(table.id), shown(&view.text), b(true), b(true), b(false)])
                .collect()
        }),
        View::Tables => per_base(&|table| {
            vec![vec![
                t(&table.name),
                n(table.id),
                schema(table),
                n(0),
                t("U "),
                t("USER_TABLE"),
                b(false),
                n(0),
                b(false),
            ]]
        }),
        View::Columns => per_table(&|table| columns_rows(table)),
        View::IdentityColumns => per_table(&|table| {
            table
                .columns
                .iter()
                .enumerate()
                .filter_map(|(at, c)| {
                    c.identity.map(|i| {
                        vec![
                            n(table.id),
                            t(&c.name),
                            count(at + 1),
                            n(i.seed),
                            n(i.increment),
                            table.last_identity.map_or(Value::Null, Value::Int),
                        ]
                    })
                })
                .collect()
        }),
        View::Types => ALL_TYPES
            .iter()
            .map(|ty| {
                let (length, precision, scale) = ty.dimensions();
                vec![
                    t(ty.name()),
                    n(ty.system_id()),
                    n(ty.system_id()),
                    n(4),
                    n(length),
                    n(precision),
                    n(scale),
                    b(false),
                    b(true),
                ]
            })
            .collect(),
        View::Indexes => per_base(&|table| index_rows(table)),
        View::IndexColumns => per_table(&|table| {
            table
                .indexes
                .iter()
                .flat_map(|index| {
                    let keys = index
                        .keys
                        .iter()
                        .enumerate()
                        .map(|(at, (column, descending))| (*column, at + 1, *descending, false));
                    let included = index.include.iter().map(|column| (*column, 0, false, true));
                    keys.chain(included)
                        .enumerate()
                        .map(|(at, (column, ordinal, descending, included))| {
                            vec![
                                n(table.id),
                                n(index.id),
                                count(at + 1),
                                count(column + 1),
                                count(ordinal),
                                n(0),
                                b(descending),
                                b(included),
                            ]
                        })
                        .collect::<Vec<_>>()
                })
                .collect()
        }),
        View::DefaultConstraints => per_table(&|table| {
            table
                .columns
                .iter()
                .enumerate()
                .filter_map(|(at, c)| {
                    c.default.as_ref().map(|d| {
                        vec![
                            t(&d.constraint),
                            n(d.object_id),
                            schema(table),
                            n(table.id),
                            t("D "),
                            t("DEFAULT_CONSTRAINT"),
                            count(at + 1),
                            t(&format!("({})", d.expression)),
                            b(d.constraint.starts_with("DF__")),
                        ]
                    })
                })
                .collect()
        }),
        View::KeyConstraints => per_table(&|table| {
            table
                .indexes
                .iter()
                .filter_map(|i| {
                    key_kind(i.kind).map(|(kind, text)| {
                        vec![
                            t(&i.name),
                            n(constraint_id(table, i.id)),
                            schema(table),
                            n(table.id),
                            t(kind),
                            t(text),
                            n(i.id),
                        ]
                    })
                })
                .collect()
        }),
        View::CheckConstraints => per_table(&|table| {
            table
                .checks
                .iter()
                .map(|c| vec![t(&c.name), schema(table), n(table.id), t("C "), b(false)])
                .collect()
        }),
        View::Partitions => per_base(&|table| {
            let heap = !table.indexes.iter().any(|i| i.clustered);
            let ids = heap
                .then_some(0)
                .into_iter()
                .chain(table.indexes.iter().map(|i| i.id));
            ids.map(|id| vec![n(table.id), n(id), n(1), count(table.rows.size())])
                .collect()
        }),
        View::InformationTables => per_table(&|table| {
            vec![vec![
                t(&database.name),
                t(&table.schema),
                t(&table.name),
                t(if table.view.is_some() {
                    "VIEW"
                } else {
                    "BASE TABLE"
                }),
            ]]
        }),
        View::InformationColumns => per_table(&|table| information_rows(database, table)),
    };
    Ok(rows.into_iter().map(Row::from).collect())
}

fn key_kind(kind: IndexKind) -> Option<(&'static str, &'static str)> {
    match kind {
        IndexKind::PrimaryKey => Some(("PK", "PRIMARY_KEY_CONSTRAINT")),
        IndexKind::UniqueConstraint => Some(("UQ", "UNIQUE_CONSTRAINT")),
        IndexKind::Plain | IndexKind::Unique => None,
    }
}

/// The object id of a key constraint: object ids go up in steps of 16, so there is room beside the table's own.
fn constraint_id(table: &Table, index: i32) -> i32 {
    table.id + 1 + index % 15
}

fn columns_rows(table: &Table) -> Vec<Vec<Value>> {
    let row = |at: usize, c: &super::catalog::TableColumn| {
        let (length, precision, scale) = c.ty.dimensions();
        let default = c.default.as_ref().map_or(0, |d| d.object_id);
        vec![
            n(table.id),
            t(&c.name),
            count(at + 1),
            n(c.ty.system_id()),
            n(c.ty.system_id()),
            n(length),
            n(precision),
            n(scale),
            collation(c),
            b(c.nullable),
            b(c.identity.is_some()),
            b(false),
            n(default),
            b(false),
            b(false),
        ]
    };
    table
        .columns
        .iter()
        .enumerate()
        .map(|(at, c)| row(at, c))
        .collect()
}

fn index_rows(table: &Table) -> Vec<Vec<Value>> {
    let mut out = Vec::new();
    let flags = |values: [bool; 6]| values.map(b);
    if !table.indexes.iter().any(|i| i.clustered) {
        let mut heap = vec![n(table.id), Value::Null, n(0), n(0), t("HEAP")];
        heap.extend(flags([false; 6]));
        heap.extend([n(0), b(false), Value::Null]);
        out.push(heap);
    }
    for index in &table.indexes {
        let (kind, text) = if index.clustered {
            (1, "CLUSTERED")
        } else {
            (2, "NONCLUSTERED")
        };
        let mut row = vec![n(table.id), t(&index.name), n(index.id), n(kind), t(text)];
        row.extend(flags([
            index.is_unique(),
            index.kind == IndexKind::PrimaryKey,
            index.kind == IndexKind::UniqueConstraint,
            false,
            false,
            false,
        ]));
        let filter = index
            .filter
            .as_ref()
            .map_or(Value::Null, |(text, _)| t(&format!("({text})")));
        row.extend([n(0), b(index.filter.is_some()), filter]);
        out.push(row);
    }
    out
}

fn information_rows(database: &Database, table: &Table) -> Vec<Vec<Value>> {
    let row = |at: usize, c: &super::catalog::TableColumn| {
        let (bytes, precision, scale) = c.ty.dimensions();
        let characters = match c.ty.length() {
            None => Value::Null,
            Some(Length::Max) => n(-1),
            Some(Length::Limited(length)) => n(length),
        };
        let octets = if c.ty.length().is_some() {
            n(bytes)
        } else {
            Value::Null
        };
        let exact = c.ty.is_number() && c.ty != SqlType::Bit;
        let numeric = |value: i64| if exact { n(value) } else { Value::Null };
        let fraction = if c.ty.is_temporal() { n(scale) } else { Value::Null };
        let default = c
            .default
            .as_ref()
            .map_or(Value::Null, |d| t(&format!("({})", d.expression)));
        vec![
            t(&database.name),
            t(&table.schema),
            t(&table.name),
            t(&c.name),
            count(at + 1),
            default,
            t(if c.nullable { "YES" } else { "NO" }),
            t(c.ty.name()),
            characters,
            octets,
            numeric(precision),
            if matches!(c.ty, SqlType::Real | SqlType::Float) {
                Value::Null
            } else {
                numeric(scale)
            },
            fraction,
            collation(c),
        ]
    };
    table
        .columns
        .iter()
        .enumerate()
        .map(|(at, c)| row(at, c))
        .collect()
}
