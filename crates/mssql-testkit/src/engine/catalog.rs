//! What a database holds: schemas, tables, columns, indexes, and the rows.
//!
//! Tables are persistent maps: a copy is a few pointers, so a transaction's undo log is a list of old copies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rpds::RedBlackTreeMapSync;
use sqlparser::ast;

use super::bound::Predicate;
use crate::errors::{SqlError, SqlResult};
use crate::value::{Collation, Key, SqlType, Value, key};

/// A row of a table.
pub(crate) type Row = Arc<[Value]>;

/// Where a table lives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum TableKey {
    /// All three in lower case.
    Base {
        database: String,
        schema: String,
        name: String,
    },
    /// A `#temp` table of the session, in lower case.
    Temp(String),
}

/// A default value and the constraint that holds it.
#[derive(Debug, Clone)]
pub(crate) struct DefaultValue {
    pub(crate) constraint: String,
    pub(crate) object_id: i32,
    pub(crate) expression: ast::Expr,
}

#[derive(Debug, Clone)]
pub(crate) struct TableColumn {
    pub(crate) name: String,
    pub(crate) ty: SqlType,
    pub(crate) collation: Collation,
    pub(crate) nullable: bool,
    pub(crate) identity: Option<Identity>,
    pub(crate) default: Option<DefaultValue>,
}

/// IDENTITY(seed, increment).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity {
    pub(crate) seed: i64,
    pub(crate) increment: i64,
}

/// What an index is besides its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IndexKind {
    Plain,
    Unique,
    UniqueConstraint,
    PrimaryKey,
}

#[derive(Debug, Clone)]
pub(crate) struct Index {
    pub(crate) id: i32,
    pub(crate) name: String,
    pub(crate) kind: IndexKind,
    pub(crate) clustered: bool,
    /// Position of the column, and whether it descends.
    pub(crate) keys: Vec<(usize, bool)>,
    pub(crate) include: Vec<usize>,
    /// The WHERE of a filtered index, as written and as it is checked.
    pub(crate) filter: Option<(String, Arc<Predicate>)>,
    pub(crate) entries: RedBlackTreeMapSync<(Vec<Key>, u64), ()>,
}

impl Index {
    pub(crate) fn is_unique(&self) -> bool {
        self.kind != IndexKind::Plain
    }

    fn key_of(&self, columns: &[TableColumn], row: &[Value]) -> Vec<Key> {
        self.keys
            .iter()
            .map(|(at, _)| key(&row[*at], columns[*at].collation))
            .collect()
    }

    fn covers(&self, row: &Row) -> bool {
        self.filter
            .as_ref()
            .is_none_or(|(_, predicate)| predicate.holds_for_row(row))
    }

    /// Numbers of the rows whose leading key columns are `prefix`.
    pub(crate) fn seek<'a>(&'a self, prefix: &'a [Key]) -> impl Iterator<Item = u64> + 'a {
        let start = (prefix.to_vec(), 0);
        self.entries
            .range(start..)
            .map(|(entry, ())| entry)
            .take_while(|(keys, _)| keys.starts_with(prefix))
            .map(|(_, row)| *row)
    }
}

/// A CHECK constraint.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) predicate: Arc<Predicate>,
}

/// What makes a table a view: its text as it was sent, and the query in it.
#[derive(Debug, Clone)]
pub(crate) struct ViewDefinition {
    pub(crate) text: String,
    pub(crate) query: ast::Query,
}

/// A table, or a view: that has columns and no rows of its own.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) view: Option<Arc<ViewDefinition>>,
    pub(crate) id: i32,
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) columns: Arc<Vec<TableColumn>>,
    pub(crate) rows: RedBlackTreeMapSync<u64, Row>,
    pub(crate) indexes: Vec<Index>,
    pub(crate) checks: Vec<Check>,
    pub(crate) next_row: u64,
    pub(crate) next_identity: i64,
    pub(crate) next_index: i32,
    /// The last identity value that was given out.
    pub(crate) last_identity: Option<i64>,
}

impl Table {
    pub(crate) fn new(id: i32, schema: String, name: String, columns: Vec<TableColumn>) -> Self {
        let seed = columns.iter().find_map(|c| c.identity).map_or(1, |i| i.seed);
        Self {
            view: None,
            id,
            schema,
            name,
            columns: Arc::new(columns),
            rows: RedBlackTreeMapSync::new_sync(),
            indexes: Vec::new(),
            checks: Vec::new(),
            next_row: 1,
            next_identity: seed,
            next_index: 2,
            last_identity: None,
        }
    }

    /// Position of a column, by its name in any case.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| same_name(&c.name, name))
    }

    pub(crate) fn index_named(&self, name: &str) -> Option<usize> {
        self.indexes.iter().position(|i| same_name(&i.name, name))
    }

    fn full_name(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// Adds a row whose values already have the columns' types.
    pub(crate) fn insert(&mut self, row: Row) -> SqlResult<u64> {
        let number = self.next_row;
        self.enter(number, &row)?;
        self.next_row += 1;
        self.rows.insert_mut(number, row);
        Ok(number)
    }

    /// Takes a row out and returns it.
    pub(crate) fn delete(&mut self, number: u64) -> Option<Row> {
        let row = self.rows.get(&number)?.clone();
        for index in &mut self.indexes {
            let keys = index.key_of(&self.columns, &row);
            index.entries.remove_mut(&(keys, number));
        }
        self.rows.remove_mut(&number);
        Some(row)
    }

    /// Replaces many rows at once: keys may move between them.
    pub(crate) fn replace(&mut self, changed: &[(u64, Row)]) -> SqlResult<()> {
        for (number, _) in changed {
            self.delete(*number);
        }
        for (number, row) in changed {
            self.enter(*number, row)?;
            self.rows.insert_mut(*number, row.clone());
        }
        Ok(())
    }

    /// Checks a row against constraints and puts it into the indexes.
    fn enter(&mut self, number: u64, row: &Row) -> SqlResult<()> {
        for check in &self.checks {
            if check.predicate.is_false_for_row(row) {
                return Err(SqlError::new(
                    547,
                    format!(
                        "The INSERT or UPDATE statement conflicted with the CHECK constraint \"{}\". The conflict \
                         occurred in table \"{}\".",
                        check.name,
                        self.full_name()
                    ),
                ));
            }
        }
        for at in 0..self.indexes.len() {
            self.enter_index(at, number, row)?;
        }
        Ok(())
    }

    fn enter_index(&mut self, at: usize, number: u64, row: &Row) -> SqlResult<()> {
        let full_name = self.full_name();
        let Some(index) = self.indexes.get_mut(at) else {
            return Ok(());
        };
        if !index.covers(row) {
            return Ok(());
        }
        let keys = index.key_of(&self.columns, row);
        if index.is_unique() && index.seek(&keys).next().is_some() {
            let shown: Vec<String> = index.keys.iter().map(|(at, _)| shown(&row[*at])).collect();
            return Err(duplicate_key(index, &full_name, &shown.join(", ")));
        }
        index.entries.insert_mut((keys, number), ());
        Ok(())
    }

    /// Adds an index over the rows that are there. Error 1505 when they hold duplicates.
    pub(crate) fn add_index(&mut self, index: Index) -> SqlResult<()> {
        self.indexes.push(index);
        let at = self.indexes.len() - 1;
        for (number, row) in &self.rows.clone() {
            if let Err(error) = self.enter_index(at, *number, row) {
                let index = self.indexes.pop().map_or(String::new(), |i| i.name);
                let values = error
                    .message
                    .rsplit_once("value is ")
                    .map_or("", |(_, tail)| tail)
                    .to_owned();
                return Err(SqlError::new(
                    1505,
                    format!(
                        "The CREATE UNIQUE INDEX statement terminated because a duplicate key was found for the \
                         object name '{}' and the index name '{index}'. The duplicate key value is {values}",
                        self.full_name()
                    ),
                ));
            }
        }
        Ok(())
    }
}

fn duplicate_key(index: &Index, table: &str, shown: &str) -> SqlError {
    match index.kind {
        IndexKind::PrimaryKey | IndexKind::UniqueConstraint => {
            let kind = if index.kind == IndexKind::PrimaryKey {
                "PRIMARY KEY"
            } else {
                "UNIQUE KEY"
            };
            SqlError::new(
                2627,
                format!(
                    "Violation of {kind} constraint '{}'. Cannot insert duplicate key in object '{table}'. The \
                     duplicate key value is ({shown}).",
                    index.name
                ),
            )
        }
        IndexKind::Plain | IndexKind::Unique => SqlError::new(
            2601,
            format!(
                "Cannot insert duplicate key row in object '{table}' with unique index '{}'. The duplicate key \
                 value is ({shown}).",
                index.name
            ),
        ),
    }
}

/// A key value as error messages show it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "<NULL>".to_owned(),
        Value::Text(t) => t.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Decimal(d) => d.to_string(),
        Value::DateTime(at) => at.format("%b %e %Y %l:%M%p").to_string(),
        other => format!("{other:?}"),
    }
}

/// Whether two identifiers are the same under the server's default collation.
pub(crate) fn same_name(a: &str, b: &str) -> bool {
    a == b || a.to_lowercase() == b.to_lowercase()
}

/// One database.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) id: i32,
    pub(crate) name: String,
    pub(crate) schemas: BTreeSet<String>,
    /// By schema and name, both in lower case.
    pub(crate) tables: BTreeMap<(String, String), Table>,
}

impl Database {
    pub(crate) fn new(id: i32, name: String) -> Self {
        Self {
            id,
            name,
            schemas: BTreeSet::from(["dbo".to_owned()]),
            tables: BTreeMap::new(),
        }
    }
}
