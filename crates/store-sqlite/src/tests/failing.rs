//! What goes wrong, how it is told, and that the table stays as it was.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use store::{Error, ErrorKind, Store};
use tempfile::TempDir;

use super::{map, migrate, named, noon, with_sql};
use crate::SqliteStore;
use crate::failure::Failure;

fn open_error(path: &Path) -> Error {
    SqliteStore::open(path).unwrap_err()
}

fn assert_operator(error: &Error, words: &[&str]) {
    assert_eq!(error.kind(), ErrorKind::Operator, "{error}");
    for words in words {
        assert!(error.to_string().contains(words), "{error:?} lacks {words:?}");
    }
}

#[test]
fn folders_that_are_missing_are_made() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a/b/target.sqlite");
    let store = SqliteStore::open(&path).unwrap();
    assert!(path.is_file());
    assert_eq!(store.target(), format!("sqlite:{}", path.display()));
}

#[test]
fn a_path_through_a_file_is_named() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    let error = open_error(&file.join("target.sqlite"));
    assert_operator(&error, &[&file.display().to_string(), "cannot be made"]);
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn a_path_that_names_no_file_is_refused() {
    for path in ["", ":memory:"] {
        assert_operator(&open_error(Path::new(path)), &["names no file"]);
    }
}

#[test]
fn a_folder_is_no_database() {
    let folder = TempDir::new().unwrap();
    assert_operator(
        &open_error(folder.path()),
        &["cannot be opened", "check that its path is a file"],
    );
}

#[test]
fn a_file_of_something_else_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("letter.txt");
    let letter = "Dear Sir, this is no database. ".repeat(100);
    fs::write(&path, &letter).unwrap();
    assert_operator(
        &open_error(&path),
        &["no SQLite database", &path.display().to_string()],
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), letter);
}

#[tokio::test]
async fn a_damaged_file_is_told_to_the_operator() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("target.sqlite");
    {
        let store = SqliteStore::open(&path).unwrap();
        migrate(&store, &map()).await;
        let rows: Vec<_> = (1..2_000).map(|key| named(key, "Название")).collect();
        store.upsert(&map(), &rows, noon()).await.unwrap();
    }
    // All but the first page, which has the header and the schema.
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096..].fill(0xA5);
    fs::write(&path, bytes).unwrap();

    let store = SqliteStore::open(&path).unwrap();
    assert_operator(&store.count(&map()).await.unwrap_err(), &["damaged", "STAGES"]);
    let error = store.upsert(&map(), &[named(5, "x")], noon()).await.unwrap_err();
    assert_operator(&error, &["damaged", "writing 1 row to table STAGES"]);
}

#[tokio::test]
async fn a_database_that_may_only_be_read_is_told_to_the_operator() {
    let store = SqliteStore::in_memory().unwrap();
    migrate(&store, &map()).await;
    let connection = store.only_connection();
    connection
        .lock()
        .await
        .pragma_update(None, "query_only", true)
        .unwrap();
    let error = store.upsert(&map(), &[named(1, "x")], noon()).await.unwrap_err();
    assert_operator(&error, &["may only be read"]);
}

#[tokio::test]
async fn a_full_disk_leaves_the_table_as_it_was_and_passes_when_there_is_room() {
    let store = SqliteStore::in_memory().unwrap();
    migrate(&store, &map()).await;
    store.upsert(&map(), &[named(1, "first")], noon()).await.unwrap();
    let pages = |count: u32| {
        let connection = store.only_connection();
        async move {
            let text = format!("PRAGMA max_page_count = {count}");
            connection.lock().await.query_row(&text, [], |_| Ok(())).unwrap();
        }
    };
    let rows: Vec<_> = (1..5_000)
        .map(|key| named(key, "a name of some length"))
        .collect();

    pages(20).await;
    let error = store.upsert(&map(), &rows, noon()).await.unwrap_err();
    assert_operator(&error, &["disk is full", "writing 4999 rows to table STAGES"]);
    assert_eq!(store.scan(&map(), None, 10).await.unwrap(), [named(1, "first")]);

    pages(100_000).await;
    let done = store.upsert(&map(), &rows, noon()).await.unwrap();
    assert_eq!((done.inserted.len(), done.changed.as_slice()), (4_998, &[1][..]));
}

#[tokio::test]
async fn a_rule_of_the_table_refuses_the_step_as_a_whole() {
    let store = with_sql(
        "CREATE TABLE STAGES (ID INTEGER PRIMARY KEY, EXTERNAL_ID INT, ACTIVE TEXT, NAME TEXT CHECK (NAME <> 'bad'), \
         SORT INT, END_DATE TEXT, CREATED_TIME TEXT, DATE_INSERT TEXT, DATE_UPDATE TEXT)",
    )
    .await;
    let step = [named(1, "good"), named(2, "bad"), named(3, "good")];
    let error = store.upsert(&map(), &step, noon()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data, "{error}");
    assert_eq!(store.count(&map()).await.unwrap(), 0);
    store.upsert(&map(), &step[..1], noon()).await.unwrap();
    assert_eq!(store.count(&map()).await.unwrap(), 1);
}

#[tokio::test]
async fn another_programs_lock_passes_and_reading_does_not_wait_for_it() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("target.sqlite");
    let store = SqliteStore::open_patiently(&path, Duration::ZERO).unwrap();
    migrate(&store, &map()).await;
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch(
            "BEGIN IMMEDIATE; INSERT INTO STAGES (EXTERNAL_ID, ACTIVE, DATE_INSERT, DATE_UPDATE) \
             VALUES (7, 'Y', '2024-05-01', '2024-05-01')",
        )
        .unwrap();

    let error = store.upsert(&map(), &[named(1, "x")], noon()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Passing { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("another program holds the database locked"),
        "{error}"
    );
    assert_eq!(
        store.read_back(&map(), &[1, 7]).await.unwrap(),
        [],
        "only what is committed is read"
    );

    other.execute_batch("COMMIT").unwrap();
    store.upsert(&map(), &[named(1, "x")], noon()).await.unwrap();
    assert_eq!(store.read_back(&map(), &[1, 7]).await.unwrap().len(), 2);
}

#[tokio::test]
async fn the_connection_that_reads_cannot_write() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("target.sqlite")).unwrap();
    let error = store
        .read("testing".to_owned(), |connection| {
            Ok(connection.execute_batch("CREATE TABLE T (X)")?)
        })
        .await
        .unwrap_err();
    assert_operator(&error, &["may only be read"]);
}

#[tokio::test]
async fn a_bug_in_the_middle_of_a_transaction_leaves_none_open() {
    let store = SqliteStore::in_memory().unwrap();
    migrate(&store, &map()).await;
    let error = store
        .write("testing".to_owned(), |connection| -> Result<(), Failure> {
            let transaction = crate::write::begin(connection)?;
            transaction.execute_batch("DROP TABLE STAGES")?;
            panic!("a bug");
        })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Bug, "{error}");
    assert!(store.only_connection().lock().await.is_autocommit());
    assert_eq!(store.count(&map()).await.unwrap(), 0);
}

#[tokio::test]
async fn what_cannot_be_read_is_named_without_being_shown() {
    let columns = "(EXTERNAL_ID, ACTIVE, NAME, SORT, END_DATE, CREATED_TIME, DATE_INSERT, DATE_UPDATE)";
    for (column, literal) in [
        ("SORT", "'secret'"),
        ("SORT", "9999999999"),
        ("SORT", "1.5"),
        ("END_DATE", "'secret'"),
        ("CREATED_TIME", "1714550000"),
        ("NAME", "CAST(x'FF' AS TEXT)"),
    ] {
        let store = SqliteStore::in_memory().unwrap();
        migrate(&store, &map()).await;
        {
            let connection = store.only_connection();
            let connection = connection.lock().await;
            connection
                .execute(
                    &format!("INSERT INTO STAGES {columns} VALUES (7, 'Y', 'n', 1, NULL, NULL, '', '')"),
                    [],
                )
                .unwrap();
            connection
                .execute(&format!("UPDATE STAGES SET {column} = {literal}"), [])
                .unwrap();
        }
        let error = store.read_back(&map(), &[7]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Data, "{error}");
        let message = error.to_string();
        assert!(
            message.starts_with(&format!("row 7 of table STAGES: column {column} holds")),
            "{message}"
        );
        assert!(!message.contains("secret"), "{message}");
    }
}
