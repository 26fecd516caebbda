//! Several stores on one file.

use std::path::PathBuf;

use rusqlite::Connection;
use store::{Store, planner};
use tempfile::TempDir;

use super::{map, migrate, named, noon};
use crate::SqliteStore;

fn a_path() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("target.sqlite");
    (folder, path)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_programs_that_write_the_same_keys_leave_one_row_for_each() {
    let (_folder, path) = a_path();
    let map = map();
    migrate(&SqliteStore::open(&path).unwrap(), &map).await;
    let writers = ["one", "two", "three"].map(|name| {
        let (store, map) = (SqliteStore::open(&path).unwrap(), map.clone());
        tokio::spawn(async move {
            let mut inserted = 0;
            for step in 0..10 {
                let rows: Vec<_> = (step * 50..step * 50 + 100).map(|key| named(key, name)).collect();
                inserted += store.upsert(&map, &rows, noon()).await.unwrap().inserted.len();
            }
            inserted
        })
    });
    let mut inserted = 0;
    for writer in writers {
        inserted += writer.await.unwrap();
    }
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!((inserted, store.count(&map).await.unwrap()), (550, 550));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_programs_that_migrate_at_once_make_one_table() {
    let (_folder, path) = a_path();
    let map = map();
    let plan = planner::plan(&map, None).unwrap();
    let runners = [(); 4].map(|()| {
        let (store, plan) = (SqliteStore::open(&path).unwrap(), plan.clone());
        tokio::spawn(async move { store.apply(&plan).await })
    });
    for runner in runners {
        runner.await.unwrap().unwrap();
    }
    let shape = SqliteStore::open(&path).unwrap().inspect(&map).await.unwrap();
    assert!(planner::plan(&map, shape.as_ref()).unwrap().is_empty());
}

#[tokio::test]
async fn rows_outlive_the_store_in_one_file_that_any_client_reads() {
    let (folder, path) = a_path();
    {
        let store = SqliteStore::open(&path).unwrap();
        migrate(&store, &map()).await;
        store.upsert(&map(), &[named(7, "Новая")], noon()).await.unwrap();
    }
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["target.sqlite"], "the write-ahead log was tidied up");
    let other = Connection::open(&path).unwrap();
    let name: String = other
        .query_row("SELECT NAME FROM STAGES WHERE EXTERNAL_ID = 7", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(name, "Новая");
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.read_back(&map(), &[7]).await.unwrap(), [named(7, "Новая")]);
}

#[tokio::test]
async fn a_file_may_have_any_name() {
    let folder = TempDir::new().unwrap();
    for name in [
        "file:x?mode=memory",
        "имя 100%.sqlite",
        ":memory:",
        "it's [quoted]",
    ] {
        let path = folder.path().join(name);
        let store = SqliteStore::open(&path).unwrap();
        migrate(&store, &map()).await;
        assert!(path.is_file(), "{name}");
    }
}

#[test]
fn a_file_that_is_not_there_is_not_made_by_whoever_only_looks() {
    let (folder, path) = a_path();
    let missing = folder.path().join("no folder").join("target.sqlite");
    assert!(SqliteStore::open_existing(&path).unwrap().is_none());
    assert!(SqliteStore::open_existing(missing).unwrap().is_none());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

    drop(SqliteStore::open(&path).unwrap());

    assert!(SqliteStore::open_existing(&path).unwrap().is_some());
    assert!(
        SqliteStore::open_existing(folder.path()).is_err(),
        "a folder is no database"
    );
}
