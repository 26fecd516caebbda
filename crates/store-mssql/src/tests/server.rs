//! The server under test, and a way past the store to it.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::NaiveDateTime;
use mssql_testkit::{Options, TestServer};
use store::conformance::{Backdoor, Subject};

use crate::quote;
use crate::session::Session;
use crate::target::MssqlTarget;
use crate::{MssqlOptions, MssqlStore};

/// The server that was asked for.
pub(crate) fn asked_for() -> Option<MssqlTarget> {
    let text = std::env::var("STAGE_EXCHANGE_TEST_MSSQL").ok()?;
    Some(MssqlTarget::parse(&text).expect("STAGE_EXCHANGE_TEST_MSSQL"))
}

/// Names that no other test uses.
pub(crate) fn prefix() -> String {
    format!("T{:012x}_", RandomState::new().build_hasher().finish() >> 16)
}

/// A store with tables of its own.
pub(crate) fn subject(target: MssqlTarget) -> Subject {
    let prefix = prefix();
    Subject {
        store: Arc::new(MssqlStore::new(target.clone(), MssqlOptions::default())),
        backdoor: Arc::new(Tables {
            target,
            prefix: prefix.clone(),
        }),
        prefix,
    }
}

/// A test server, made for one test.
pub(crate) fn test_server() -> TestServer {
    TestServer::start(Options::default()).expect("a test server")
}

/// A store on a test server of its own.
pub(crate) fn subject_of_its_own() -> Subject {
    let server = test_server();
    let target = MssqlTarget::parse(&server.url("test")).expect("the test server's URL");
    Subject {
        store: Arc::new(MssqlStore::new(target.clone(), MssqlOptions::default())),
        backdoor: Arc::new(Own {
            target,
            _server: server,
        }),
        prefix: "T_".to_owned(),
    }
}

/// A test server that lives as long as the test.
#[derive(Debug)]
struct Own {
    target: MssqlTarget,
    _server: TestServer,
}

#[async_trait]
impl Backdoor for Own {
    async fn execute(&self, sql: &str) {
        execute(&self.target, sql).await;
    }

    async fn date_time(&self, sql: &str) -> Option<NaiveDateTime> {
        date_time(&self.target, sql).await
    }
}

async fn execute(target: &MssqlTarget, sql: &str) {
    Session::open(target).await.unwrap().batch(sql).await.unwrap();
}

async fn date_time(target: &MssqlTarget, sql: &str) -> Option<NaiveDateTime> {
    let answers = Session::open(target).await.unwrap().batch(sql).await.unwrap();
    answers[0][0].get(0)
}

/// The tables of one test. They are removed at its end.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) target: MssqlTarget,
    pub(crate) prefix: String,
}

impl Tables {
    pub(crate) async fn session(&self) -> Session {
        Session::open(&self.target)
            .await
            .expect("the server that was asked for")
    }

    /// Removes all tables whose names begin with the prefix.
    async fn remove(&self) {
        let mut session = self.session().await;
        // `_` stands for any character in LIKE, so the names are compared again here.
        let found = session
            .batch(&format!(
                "SELECT name FROM sys.tables WHERE name LIKE '{}%';",
                self.prefix
            ))
            .await
            .unwrap();
        for row in session
            .batch(&format!(
                "SELECT name FROM sys.views WHERE name LIKE '{}%';",
                self.prefix
            ))
            .await
            .unwrap()
            .into_iter()
            .flatten()
        {
            let name: &str = row.get(0).unwrap();
            let view = quote::table(self.target.schema(), name);
            session.batch(&format!("DROP VIEW {view};")).await.unwrap();
        }
        for row in found.into_iter().flatten() {
            let name: &str = row.get(0).unwrap();
            let table = quote::table(self.target.schema(), name);
            session.batch(&format!("DROP TABLE {table};")).await.unwrap();
        }
    }
}

impl Drop for Tables {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let tables = std::mem::ManuallyDrop::new(Self {
            target: self.target.clone(),
            prefix: self.prefix.clone(),
        });
        let removed = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(tables.remove());
        });
        removed.join().unwrap();
    }
}

#[async_trait]
impl Backdoor for Tables {
    async fn execute(&self, sql: &str) {
        execute(&self.target, sql).await;
    }

    async fn date_time(&self, sql: &str) -> Option<NaiveDateTime> {
        date_time(&self.target, sql).await
    }
}
