//! What goes wrong on the way.

use std::net::SocketAddr;
use std::time::Duration;

use mssql_testkit::{Direction, Fault, FaultProxy, Options, Permission, TestServer};
use store::conformance::support::{Record, at, columns};
use store::{Error, ErrorKind, Store, planner};
use table_map::{Index, Row, TableMap};

use super::server::{self, test_server};
use crate::{MssqlOptions, MssqlStore, MssqlTarget};

fn map() -> TableMap {
    columns("RECORDS")
        .index(Index::unique(["EXTERNAL_ID"]))
        .build()
        .unwrap()
}

fn store_at(url: &str) -> MssqlStore {
    MssqlStore::new(MssqlTarget::parse(url).unwrap(), MssqlOptions::default())
}

/// A store that goes through a proxy to its server.
fn behind(proxy: &FaultProxy, server: &TestServer, more: &str) -> MssqlStore {
    let there = server.address().to_string();
    store_at(&(server.url("test").replace(&there, &proxy.address().to_string()) + more))
}

async fn migrate(store: &MssqlStore, map: &TableMap) -> Result<(), Error> {
    let shape = store.inspect(map).await?;
    store.apply(&planner::plan(map, shape.as_ref()).unwrap()).await
}

fn rows(map: &TableMap, keys: std::ops::Range<i64>) -> Vec<Row> {
    keys.map(|key| Record::full(key).row(map)).collect()
}

fn is_passing(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Passing { .. })
}

/// Over the test server.
#[tokio::test]
async fn a_step_whose_connection_is_lost_in_any_phase_is_repeated_with_the_same_result() {
    let server = test_server();
    let target = MssqlTarget::parse(&server.url("test")).unwrap();
    lose_connections("T_", target, server.address()).await;
}

/// The same over the server that was asked for.
#[tokio::test]
async fn a_step_whose_connection_to_a_real_server_is_lost_in_any_phase_is_repeated_with_the_same_result() {
    let Some(target) = server::asked_for() else { return };
    let there = (target.host.clone(), target.port_or_default());
    let upstream = tokio::net::lookup_host(there).await.unwrap().next().unwrap();
    let subject = server::subject(target.clone());
    lose_connections(&subject.prefix, target, upstream).await;
}

/// Cuts the connection after more and more bytes of a step, in both directions, orderly and not.
async fn lose_connections(prefix: &str, mut target: MssqlTarget, upstream: SocketAddr) {
    let proxy = FaultProxy::start(upstream).unwrap();
    target.certificate_host.get_or_insert(target.host);
    target.host = proxy.address().ip().to_string();
    target.port = Some(proxy.address().port());
    let store = MssqlStore::new(target, MssqlOptions::default());
    let map = columns(&format!("{prefix}LOST"))
        .index(Index::unique(["EXTERNAL_ID"]))
        .build()
        .unwrap();
    migrate(&store, &map).await.unwrap();
    let mut first = 1;
    for count in [3, 400] {
        for direction in [Direction::ToServer, Direction::ToClient] {
            proxy.set(Fault::None);
            let step = rows(&map, first..first + count);
            store.upsert(&map, &step, at(0)).await.unwrap();
            let whole = proxy.passed(direction);
            for part in 0..12 {
                first += count;
                let after = whole * part / 11 + 1;
                proxy.set(if part % 2 == 0 {
                    Fault::CutAfter(direction, after)
                } else {
                    Fault::ResetAfter(direction, after)
                });
                let step = rows(&map, first..first + count);
                if let Err(error) = store.upsert(&map, &step, at(0)).await {
                    assert!(is_passing(&error), "{error:?}");
                }
                proxy.set(Fault::None);
                store.upsert(&map, &step, at(1)).await.unwrap();
                let keys: Vec<i64> = (first..first + count).collect();
                assert_eq!(
                    store.read_back(&map, &keys).await.unwrap(),
                    step,
                    "after {after} bytes"
                );
            }
            first += count;
        }
    }
    let written = u64::try_from(first - 1).unwrap();
    assert_eq!(store.count(&map).await.unwrap(), written);
}

#[tokio::test]
async fn a_connection_that_died_in_the_pool_is_replaced_before_it_is_used() {
    let server = test_server();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let store = behind(&proxy, &server, "");
    store.ping().await.unwrap();
    proxy.set(Fault::CutNow);
    while proxy.open() > 0 {
        tokio::task::yield_now().await;
    }
    store.ping().await.unwrap();
    assert_eq!(proxy.accepted(), 2);
}

#[tokio::test]
async fn a_server_that_is_away_is_a_passing_error_until_it_is_back() {
    let server = test_server();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let store = behind(&proxy, &server, "");
    proxy.set(Fault::Down);
    let error = store.ping().await.unwrap_err();
    assert!(is_passing(&error), "{error:?}");
    proxy.set(Fault::None);
    assert!(store.ping().await.unwrap().contains("SQL Server"));
}

#[tokio::test]
async fn a_server_that_goes_silent_ends_the_call_in_time_and_costs_its_connection() {
    let server = test_server();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let store = behind(&proxy, &server, "&command_timeout=200ms&connect_timeout=5s");
    let map = map();
    migrate(&store, &map).await.unwrap();
    let before = proxy.accepted();
    proxy.set(Fault::StallAfter(Direction::ToServer, 5_000));
    let error = store.upsert(&map, &rows(&map, 1..400), at(0)).await.unwrap_err();
    assert!(is_passing(&error), "{error:?}");
    assert!(error.to_string().contains("took longer than 0.2 s"), "{error}");
    proxy.set(Fault::None);
    assert_eq!(store.count(&map).await.unwrap(), 0);
    assert!(proxy.accepted() > before, "the connection was not used again");
}

#[tokio::test]
async fn a_server_that_does_not_answer_a_login_ends_the_call_in_time() {
    let server = test_server();
    let proxy = FaultProxy::start(server.address()).unwrap();
    let store = behind(&proxy, &server, "&connect_timeout=100ms");
    proxy.set(Fault::Stall);
    let error = store.ping().await.unwrap_err();
    assert!(is_passing(&error), "{error:?}");
    assert!(error.to_string().contains("logging in"), "{error}");
}

#[tokio::test]
async fn the_servers_errors_are_told_by_what_to_do_about_them() {
    let server = test_server();
    let store = store_at(&server.url("test"));
    let map = map();
    migrate(&store, &map).await.unwrap();
    let passing = |seconds: Option<u64>| ErrorKind::Passing {
        retry_after: seconds.map(Duration::from_secs),
    };
    for (number, kind) in [
        (1205, passing(None)),
        (1222, passing(None)),
        (40613, passing(None)),
        (40501, passing(Some(10))),
        (9002, ErrorKind::Operator),
        (208, ErrorKind::Schema),
        (515, ErrorKind::Data),
    ] {
        for count in [3, 300] {
            server.fail_next(number, "INSERT INTO [dbo].[RECORDS]");
            let error = store
                .upsert(&map, &rows(&map, 0..count), at(0))
                .await
                .unwrap_err();
            assert_eq!(error.kind(), kind, "{number}: {error:?}");
            assert!(error.to_string().contains("RECORDS"), "{error}");
            assert_eq!(
                store.count(&map).await.unwrap(),
                0,
                "nothing stays of a failed step"
            );
        }
    }
    let done = store.upsert(&map, &rows(&map, 0..300), at(0)).await.unwrap();
    assert_eq!(done.inserted.len(), 300);
}

/// Another writer may have inserted the key between our look and our insert.
#[tokio::test]
async fn a_key_that_another_writer_inserted_meanwhile_is_looked_at_again() {
    let server = test_server();
    let store = store_at(&server.url("test"));
    let map = map();
    migrate(&store, &map).await.unwrap();
    for (first, count) in [(0, 3), (1_000, 300)] {
        server.fail_next(2601, "INSERT INTO [dbo].[RECORDS]");
        let done = store
            .upsert(&map, &rows(&map, first..first + count), at(0))
            .await
            .unwrap();
        assert_eq!(i64::try_from(done.inserted.len()).unwrap(), count);
        assert_eq!(server.failures_left(), 0);
    }
}

#[tokio::test]
async fn a_wrong_password_and_a_missing_database_wait_for_a_person() {
    let server = test_server();
    let wrong = server.url("test").replace("Passw0rd", "hunter2");
    for (url, word) in [(wrong, "password"), (server.url("nowhere"), "database")] {
        let error = store_at(&url).ping().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Operator, "{error:?}");
        assert!(error.to_string().contains(word), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn a_missing_right_is_named_with_the_grant_to_run() {
    let denied = |denied: &[Permission]| {
        let options = Options {
            denied: denied.to_vec(),
            ..Options::default()
        };
        TestServer::start(options).unwrap()
    };
    let map = map();
    for (permissions, grant) in [
        (&[Permission::CreateTable][..], "GRANT CREATE TABLE TO"),
        (&[Permission::Alter], "GRANT CREATE TABLE TO"),
    ] {
        let server = denied(permissions);
        let error = migrate(&store_at(&server.url("test")), &map).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Operator, "{error:?}");
        assert!(error.to_string().contains(grant), "{error}");
    }
    for permission in [Permission::Insert, Permission::Update] {
        let server = denied(&[permission]);
        let store = store_at(&server.url("test"));
        migrate(&store, &map).await.unwrap();
        for count in [3, 300] {
            let error = store
                .upsert(&map, &rows(&map, 0..count), at(0))
                .await
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Operator, "{error:?}");
            let text = error.to_string();
            assert!(
                text.contains("GRANT SELECT, INSERT, UPDATE ON [dbo].[RECORDS] TO ["),
                "{text}"
            );
        }
    }
}

#[tokio::test]
async fn a_certificate_is_validated_unless_it_is_trusted() {
    let server = test_server();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authority");
    std::fs::write(&file, server.certificate_pem()).unwrap();
    let base = server.url("test");
    let (base, _) = base.split_once('?').unwrap();
    let error = store_at(base).ping().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Operator, "{error:?}");
    assert!(error.to_string().contains("ca_file"), "{error}");
    for trusted in [
        "trust_certificate=true".to_owned(),
        format!("ca_file={}", file.display()),
    ] {
        let version = store_at(&format!("{base}?{trusted}")).ping().await.unwrap();
        assert!(version.contains("SQL Server"), "{version}");
    }
    let missing = store_at(&format!("{base}?ca_file=/nowhere/at/all"))
        .ping()
        .await
        .unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Operator);
    assert!(missing.to_string().contains("ca_file"), "{missing}");
}
