//! The target, read and tampered with past the program, by another client.
//!
//! Tests of tables run over every target of [`targets`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::mssql::SqlServer;

/// A row of the stage list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stage {
    pub(crate) active: String,
    pub(crate) entity: String,
    pub(crate) status: String,
    pub(crate) name: String,
    pub(crate) sort: i64,
    pub(crate) system: String,
    pub(crate) semantics: Option<String>,
    pub(crate) category: i64,
}

/// A row of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) entity_type: i64,
    pub(crate) owner: i64,
    pub(crate) created: String,
    pub(crate) start: Option<String>,
    pub(crate) end: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) responsible: Option<i64>,
    pub(crate) source: Option<String>,
    pub(crate) category: i64,
    pub(crate) semantics: Option<String>,
    pub(crate) stage: String,
    pub(crate) lost: String,
    pub(crate) record_type: Option<i64>,
}

/// A column in a question.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Column {
    Text(&'static str),
    Number(&'static str),
    /// To the second.
    Time(&'static str),
    Day(&'static str),
}

/// One value as text.
pub(crate) type Cell = Option<String>;

/// A target's database. It is gone when dropped.
pub(crate) trait Database {
    /// `target.url`.
    fn url(&self) -> String;
    /// Columns of all rows of a table, ordered by EXTERNAL_ID; `None` when there is no such table.
    fn read(&self, table: &str, columns: &[Column]) -> Option<Vec<Vec<Cell>>>;
    /// Runs a statement in the common subset of SQL, and gives how many rows it touched.
    fn execute(&self, sql: &str) -> u64;

    /// How many rows a table has; 0 when it is not there.
    fn count(&self, table: &str) -> usize;

    /// The stage list of an environment. Panics on rows that are there twice.
    fn stages(&self, environment: &str) -> BTreeMap<i64, Stage> {
        let columns = [
            Column::Number("EXTERNAL_ID"),
            Column::Text("ACTIVE"),
            Column::Text("ENTITY_ID"),
            Column::Text("STATUS_ID"),
            Column::Text("NAME"),
            Column::Number("SORT"),
            Column::Text("SYSTEM"),
            Column::Text("SEMANTICS"),
            Column::Number("CATEGORY_ID"),
        ];
        let rows = self.read(&format!("CRM_STAGE_LIST_{environment}"), &columns);
        keyed(rows, |row| Stage {
            active: row.text(),
            entity: row.text(),
            status: row.text(),
            name: row.text(),
            sort: row.number(),
            system: row.text(),
            semantics: row.cell(),
            category: row.number(),
        })
    }

    /// The history of an environment. Panics on rows that are there twice.
    fn moves(&self, environment: &str) -> BTreeMap<i64, Move> {
        let columns = [
            Column::Number("EXTERNAL_ID"),
            Column::Number("TYPE_ID"),
            Column::Number("OWNER_ID"),
            Column::Time("CREATED_TIME"),
            Column::Day("START_DATE"),
            Column::Day("END_DATE"),
            Column::Text("NAME"),
            Column::Number("RESPONSIBLE_ID"),
            Column::Text("RESPONSIBLE_SOURCE"),
            Column::Number("CATEGORY_ID"),
            Column::Text("STAGE_SEMANTIC_ID"),
            Column::Text("STAGE_ID"),
            Column::Text("IS_LOST"),
            Column::Number("RECORD_TYPE_ID"),
        ];
        let rows = self.read(&format!("CRM_STAGE_HISTORY_{environment}"), &columns);
        keyed(rows, |row| Move {
            entity_type: row.number(),
            owner: row.number(),
            created: row.text(),
            start: row.cell(),
            end: row.cell(),
            name: row.cell(),
            responsible: row.maybe_number(),
            source: row.cell(),
            category: row.number(),
            semantics: row.cell(),
            stage: row.text(),
            lost: row.text(),
            record_type: row.maybe_number(),
        })
    }
}

/// The cells of a row, one after another.
struct Cells(std::vec::IntoIter<Cell>);

impl Cells {
    fn cell(&mut self) -> Cell {
        self.0.next().expect("as many cells as columns")
    }

    fn text(&mut self) -> String {
        self.cell().expect("not null")
    }

    fn maybe_number(&mut self) -> Option<i64> {
        self.cell().map(|text| text.parse().expect("a number"))
    }

    fn number(&mut self) -> i64 {
        self.maybe_number().expect("not null")
    }
}

fn keyed<T>(rows: Option<Vec<Vec<Cell>>>, make: impl Fn(&mut Cells) -> T) -> BTreeMap<i64, T> {
    let mut keyed = BTreeMap::new();
    for row in rows.expect("the table is there") {
        let mut cells = Cells(row.into_iter());
        let key = cells.number();
        assert!(
            keyed.insert(key, make(&mut cells)).is_none(),
            "row {key} is there twice"
        );
    }
    keyed
}

/// Every target to test with: a SQLite file, our test server for SQL Server, and the real one that `STAGE_EXCHANGE_TEST_MSSQL`
/// names. Each call makes new, empty ones.
pub(crate) fn targets() -> Vec<Box<dyn Database>> {
    let mut targets: Vec<Box<dyn Database>> = vec![Box::new(SqliteFile::new()), Box::new(SqlServer::own())];
    if let Some(server) = SqlServer::asked_for() {
        targets.push(Box::new(server));
    }
    targets
}

/// A SQLite file in a folder of its own.
pub(crate) struct SqliteFile {
    folder: tempfile::TempDir,
}

impl SqliteFile {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("target.sqlite")
    }
}

impl Database for SqliteFile {
    fn url(&self) -> String {
        format!("sqlite:{}", self.path().display())
    }

    fn read(&self, table: &str, columns: &[Column]) -> Option<Vec<Vec<Cell>>> {
        read_sqlite(&self.path(), table, columns)
    }

    fn count(&self, table: &str) -> usize {
        let Some(connection) = open_sqlite(&self.path()) else {
            return 0;
        };
        // An error means that there is no such table.
        let count: u32 = connection
            .query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| row.get(0))
            .unwrap_or(0);
        usize::try_from(count).expect("a count")
    }

    fn execute(&self, sql: &str) -> u64 {
        let connection = Connection::open(self.path()).expect("the target opens");
        let rows = connection
            .execute(sql, [])
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        u64::try_from(rows).expect("a count")
    }
}

/// A SQLite file, to be read only; `None` when there is no file.
fn open_sqlite(path: &Path) -> Option<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).ok()?;
    connection
        .busy_timeout(Duration::from_secs(5))
        .expect("a time-out can be set");
    Some(connection)
}

/// Reads a table of any SQLite file, in the way of [`Database::read`].
pub(crate) fn read_sqlite(path: &Path, table: &str, columns: &[Column]) -> Option<Vec<Vec<Cell>>> {
    let connection = open_sqlite(path)?;
    let there = connection
        .query_row("SELECT 1 FROM sqlite_master WHERE name = ?1", [table], |_| Ok(()))
        .is_ok();
    if !there {
        return None;
    }
    let list: Vec<String> = columns
        .iter()
        .map(|column| match column {
            Column::Text(name) | Column::Number(name) | Column::Day(name) => name.to_string(),
            Column::Time(name) => format!("substr({name}, 1, 19)"),
        })
        .collect();
    let sql = format!("SELECT {} FROM {table} ORDER BY EXTERNAL_ID", list.join(", "));
    let mut statement = connection.prepare(&sql).expect("the columns are there");
    let rows = statement.query_map([], |row| {
        (0..columns.len())
            .map(|at| {
                Ok(match row.get_ref(at)? {
                    ValueRef::Null => None,
                    ValueRef::Integer(value) => Some(value.to_string()),
                    ValueRef::Real(value) => Some(value.to_string()),
                    ValueRef::Text(text) => Some(String::from_utf8(text.to_vec()).expect("UTF-8")),
                    ValueRef::Blob(_) => panic!("no column of ours holds bytes"),
                })
            })
            .collect()
    });
    Some(
        rows.expect("the table can be read")
            .collect::<Result<_, _>>()
            .expect("every row can be read"),
    )
}
