//! The conformance tests.

use std::future::{Ready, ready};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::NaiveDateTime;
use rusqlite::Connection;
use store::conformance::{Backdoor, Subject};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::SqliteStore;

mod in_a_file {
    store::conformance_tests!(crate::tests::conformance::in_a_file_of_its_own);
}

mod in_memory {
    store::conformance_tests!(crate::tests::conformance::in_a_memory_of_its_own);
}

/// Another client of the same file.
struct OtherClient {
    path: PathBuf,
    _folder: TempDir,
}

#[async_trait]
impl Backdoor for OtherClient {
    async fn execute(&self, sql: &str) {
        Connection::open(&self.path).unwrap().execute(sql, []).unwrap();
    }

    async fn date_time(&self, sql: &str) -> Option<NaiveDateTime> {
        date_time(&Connection::open(&self.path).unwrap(), sql)
    }
}

/// A database in memory has no other client: this is the store's own connection.
struct SameConnection(Arc<Mutex<Connection>>);

#[async_trait]
impl Backdoor for SameConnection {
    async fn execute(&self, sql: &str) {
        self.0.lock().await.execute(sql, []).unwrap();
    }

    async fn date_time(&self, sql: &str) -> Option<NaiveDateTime> {
        date_time(&*self.0.lock().await, sql)
    }
}

/// With rusqlite's own reading of dates, not ours.
fn date_time(connection: &Connection, sql: &str) -> Option<NaiveDateTime> {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn in_a_file_of_its_own(_case: &str) -> Ready<Subject> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("target.sqlite");
    ready(Subject {
        store: Arc::new(SqliteStore::open(&path).unwrap()),
        backdoor: Arc::new(OtherClient {
            path,
            _folder: folder,
        }),
        prefix: "TEST_".to_owned(),
    })
}

fn in_a_memory_of_its_own(_case: &str) -> Ready<Subject> {
    let store = SqliteStore::in_memory().unwrap();
    ready(Subject {
        backdoor: Arc::new(SameConnection(store.only_connection())),
        store: Arc::new(store),
        prefix: "TEST_".to_owned(),
    })
}
