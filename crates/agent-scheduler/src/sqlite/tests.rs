//! The store on real files: what it makes, what it refuses, what two processes see of each other.

mod damage;

use std::time::Duration;

use agent::Priority;
use serde_json::json;

use super::*;
use crate::record::{AgentState, RunEnding};
use crate::{ErrorKind, StateFile};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
}

fn temp() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    (directory, path)
}

fn request(name: &str, key: &str, due_at: DateTime<Utc>) -> QueueRequest {
    QueueRequest {
        name: name.into(),
        key: key.into(),
        input: None,
        due_at,
    }
}

fn claim(names: &[&str], now: DateTime<Utc>) -> ClaimRequest {
    ClaimRequest {
        names: names.iter().map(ToString::to_string).collect(),
        lowest: Priority::Background,
        owner: "me".into(),
        lease_until: now + chrono::TimeDelta::seconds(600),
        now,
    }
}

fn work(claimed: Claimed) -> (Lease, AgentRecord) {
    match claimed {
        Claimed::Work(lease, record) => (lease, *record),
        Claimed::Nothing { next_due } => panic!("nothing is due before {next_due:?}"),
    }
}

#[tokio::test]
async fn a_record_reads_back_as_it_was_written() {
    let (_directory, path) = temp();
    let store = SqliteStore::open(&path).unwrap();
    let registration = Registration {
        name: "a".into(),
        priority: Priority::Urgent,
        interval: Some(Duration::from_millis(30_500)),
    };
    store.register(vec![registration], at(0)).await.unwrap();
    let (lease, claimed) = work(store.claim(claim(&["a"], at(1))).await.unwrap());
    let progress = Progress::new(3, Some(9), "rows")
        .with_rate(Some(0.1))
        .with_note("обмен 😀");
    store
        .checkpoint(
            &lease,
            Some(json!({"cursor": u64::MAX})),
            Some(progress.clone()),
            at(2),
        )
        .await
        .unwrap();
    store
        .queue(
            QueueRequest {
                input: Some(json!([null])),
                ..request("a", "", at(9))
            },
            at(3),
        )
        .await
        .unwrap();
    drop(store);

    let record = SqliteStore::open(&path)
        .unwrap()
        .get("a", "")
        .await
        .unwrap()
        .unwrap();

    let expected = AgentRecord {
        input: json!({"cursor": u64::MAX}),
        progress: Some(progress),
        run_again: true,
        run_again_at: Some(at(9)),
        run_again_input: Some(json!([null])),
        updated_at: at(3),
        ..claimed
    };
    assert_eq!(record, expected);
    assert_eq!(
        (record.priority, record.interval),
        (Priority::Urgent, Some(Duration::from_millis(30_500)))
    );
    let shown = serde_json::to_value(&record).unwrap();
    assert_eq!(shown["state"], "running");
    assert_eq!(shown["priority"], "urgent");
    assert_eq!(shown["interval"], 30.5);
}

#[tokio::test]
async fn a_lost_lease_saves_nothing() {
    let (_directory, path) = temp();
    let store = SqliteStore::open(&path).unwrap();
    store.queue(request("a", "", at(0)), at(0)).await.unwrap();
    let (old, _) = work(store.claim(claim(&["a"], at(0))).await.unwrap());
    let reclaim = |owner: &str| Reclaim::ExpiredBut(owner.to_owned());
    let backoff = Backoff::default();
    assert_eq!(
        store.reclaim(reclaim("me"), backoff, at(9_999)).await.unwrap(),
        [],
        "the owner is alive"
    );
    assert_eq!(
        store.reclaim(reclaim("you"), backoff, at(599)).await.unwrap(),
        [],
        "it holds still"
    );
    assert_eq!(
        store.reclaim(reclaim("you"), backoff, at(600)).await.unwrap(),
        std::slice::from_ref(&old)
    );
    let (new, before) = work(store.claim(claim(&["a"], at(600))).await.unwrap());
    assert!(new.run > old.run);
    assert_eq!(before.attempts, 2, "the lost try is counted");

    let refusals = [
        store.renew(&old, at(9_999), None, at(601)).await.unwrap_err(),
        store
            .checkpoint(&old, Some(json!(1)), None, at(601))
            .await
            .unwrap_err(),
        store
            .finish(&old, Ended::Done, Ended::Done, None, at(601))
            .await
            .unwrap_err(),
    ];

    assert!(refusals.iter().all(|error| error.kind() == ErrorKind::LeaseLost));
    assert_eq!(store.get("a", "").await.unwrap().unwrap(), before);
    let runs = store.runs("a", "", 10).await.unwrap();
    assert_eq!((runs[0].ending, runs[1].ending), (None, Some(RunEnding::Crashed)));
}

#[tokio::test]
async fn two_handles_on_one_file_see_each_others_work() {
    let (_directory, path) = temp();
    let (one, two) = (StateFile::open(&path).unwrap(), StateFile::open(&path).unwrap());
    one.queue("a", "1", Some(json!(1)), at(0)).await.unwrap();
    two.queue("a", "1", Some(json!(2)), at(0)).await.unwrap();
    two.queue("a", "2", None, at(0)).await.unwrap();
    assert_eq!(one.pause("a").await.unwrap(), 2);
    assert_eq!(two.paused().await.unwrap(), ["a"]);
    let records = two
        .list(AgentFilter::named("a").in_state(AgentState::Paused))
        .await
        .unwrap();
    assert_eq!(
        records
            .iter()
            .map(|record| record.input.clone())
            .collect::<Vec<_>>(),
        [json!(2), Value::Null]
    );
    assert_eq!(two.counts().await.unwrap()[0].records, 2);
    two.resume("a").await.unwrap();
    assert_eq!(
        one.list(AgentFilter::all().in_state(AgentState::Waiting).at_most(1))
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_writers_in_two_handles_lose_nothing() {
    let (_directory, path) = temp();
    let handles = [StateFile::open(&path).unwrap(), StateFile::open(&path).unwrap()];
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..400 {
        let state = handles[n % 2].clone();
        tasks.spawn(async move {
            state
                .queue("deal", (n / 4).to_string(), None, at(0))
                .await
                .unwrap()
        });
    }
    let outcomes = tasks.join_all().await;
    let added = outcomes.iter().filter(|queued| **queued == Queued::Added).count();
    assert_eq!(added, 100, "four events of a deal are one piece of work");
    assert_eq!(handles[0].list(AgentFilter::all()).await.unwrap().len(), 100);
}

#[test]
fn many_handles_can_make_one_file_at_once() {
    let (_directory, path) = temp();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| SqliteStore::open(&path).map(drop)))
            .collect();
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
    });
}

#[tokio::test]
async fn a_claim_goes_by_class_then_by_due_time_then_by_turns() {
    let (_directory, path) = temp();
    let store = SqliteStore::open(&path).unwrap();
    let agents = [
        ("slow", Priority::Background),
        ("poll", Priority::Normal),
        ("event", Priority::Urgent),
    ];
    let registrations = agents.map(|(name, priority)| Registration {
        name: name.into(),
        priority,
        interval: None,
    });
    store.register(registrations.to_vec(), at(0)).await.unwrap();
    for (name, key, due) in [
        ("slow", "", -10),
        ("poll", "b", -5),
        ("poll", "a", -6),
        ("event", "", -1),
        ("event", "later", 50),
        ("unknown", "", -99),
    ] {
        store.queue(request(name, key, at(due)), at(0)).await.unwrap();
    }
    let names = ["slow", "poll", "event"];
    let mut order = Vec::new();
    let next_due = loop {
        match store.claim(claim(&names, at(0))).await.unwrap() {
            Claimed::Work(lease, _) => order.push(format!("{}/{}", lease.name, lease.key)),
            Claimed::Nothing { next_due } => break next_due,
        }
    };
    assert_eq!(order, ["event/", "poll/a", "poll/b", "slow/"]);
    assert_eq!(next_due, Some(at(50)));
}

#[tokio::test]
async fn a_name_that_is_paused_holds_back_what_is_queued_later() {
    let (_directory, path) = temp();
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.pause("deal", at(0)).await.unwrap(), 0);
    store.queue(request("deal", "7", at(0)), at(0)).await.unwrap();
    assert_eq!(
        store.claim(claim(&["deal"], at(1))).await.unwrap(),
        Claimed::Nothing { next_due: None }
    );
    assert_eq!(
        store.get("deal", "7").await.unwrap().unwrap().state,
        AgentState::Paused
    );
    store.resume("deal", at(2)).await.unwrap();
    work(store.claim(claim(&["deal"], at(2))).await.unwrap());
}

#[tokio::test]
async fn what_is_over_is_kept_up_to_its_bounds_and_what_is_not_is_kept_whole() {
    let (_directory, path) = temp();
    let store = SqliteStore::open_with(&path, Durability::Off).unwrap();
    for n in 0..30_i64 {
        let key = (n % 10).to_string();
        store.queue(request("deal", &key, at(n)), at(n)).await.unwrap();
        let (lease, _) = work(store.claim(claim(&["deal"], at(n))).await.unwrap());
        store
            .finish(&lease, Ended::Done, Ended::Done, None, at(n))
            .await
            .unwrap();
    }
    store.queue(request("deal", "0", at(90)), at(90)).await.unwrap();
    store.queue(request("deal", "1", at(0)), at(90)).await.unwrap();
    work(store.claim(claim(&["deal"], at(89))).await.unwrap());
    let bounds = Bounds {
        runs_per_agent: 2,
        runs_per_name: 20,
        done_per_name: 4,
    };

    store.prune(bounds).await.unwrap();

    let kept = |state| AgentFilter::named("deal").in_state(state);
    let done: Vec<_> = store
        .list(kept(AgentState::Done))
        .await
        .unwrap()
        .into_iter()
        .map(|record| record.key)
        .collect();
    assert_eq!(done, ["6", "7", "8", "9"], "those that were done last");
    assert_eq!(store.list(kept(AgentState::Waiting)).await.unwrap().len(), 1);
    assert_eq!(store.list(kept(AgentState::Running)).await.unwrap().len(), 1);
    assert_eq!(store.runs("deal", "9", 100).await.unwrap().len(), 2);
    assert!(store.runs("deal", "2", 100).await.unwrap().is_empty());
    assert_eq!(store.prune(bounds).await.unwrap(), 0);
}

#[tokio::test]
async fn thousands_of_runs_leave_the_file_as_large_as_a_few() {
    let (_directory, path) = temp();
    let store = SqliteStore::open_with(&path, Durability::Off).unwrap();
    store.queue(request("poll", "", at(0)), at(0)).await.unwrap();
    let mut sizes = Vec::new();
    for n in 0..1_500_i64 {
        let now = at(n * 30);
        let (lease, _) = work(store.claim(claim(&["poll"], now)).await.unwrap());
        let again = Ended::Again {
            after: Duration::from_secs(30),
        };
        store
            .finish(
                &lease,
                again.clone(),
                again,
                Some(Progress::new(1, None, "polls")),
                now,
            )
            .await
            .unwrap();
        if n % 100 == 99 {
            store.prune(Bounds::default()).await.unwrap();
            let pages: i64 = store
                .read("measure", |c| {
                    c.query_row("PRAGMA page_count", [], |row| row.get(0))
                })
                .await
                .unwrap();
            sizes.push(pages);
        }
    }
    assert_eq!(store.runs("poll", "", 1_000).await.unwrap().len(), 50);
    assert_eq!(sizes.iter().skip(3).max(), sizes.get(3), "{sizes:?}");
}

#[tokio::test]
async fn changes_of_settings_are_noted_with_what_they_were_before() {
    let (_directory, path) = temp();
    let state = StateFile::open(&path).unwrap();
    let other = StateFile::open(&path).unwrap();
    let change = |value| state.change_setting("pace", value, json!("fast"), "panel");
    change(Some(json!("gentle"))).await.unwrap();
    // What changes nothing is not noted.
    change(Some(json!("gentle"))).await.unwrap();
    change(None).await.unwrap();
    change(Some(json!("fast"))).await.unwrap();
    other
        .note_change("a", "active", "paused", "command line")
        .await
        .unwrap();

    let told: Vec<_> = other
        .changes(10)
        .await
        .unwrap()
        .into_iter()
        .map(|change| (change.what, change.from, change.to, change.by))
        .collect();
    let noted = |what: &str, from: &str, to: &str, by: &str| (what.into(), json!(from), json!(to), by.into());
    assert_eq!(
        told,
        [
            noted("a", "active", "paused", "command line"),
            noted("pace", "gentle", "fast", "panel"),
            noted("pace", "fast", "gentle", "panel"),
        ]
    );
    assert_eq!(state.setting("pace").await.unwrap().unwrap().value, json!("fast"));
    assert_eq!(other.changes(1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn of_several_who_add_to_a_setting_nobody_is_lost_and_the_oldest_goes_first() {
    let (_directory, path) = temp();
    let state = StateFile::open(&path).unwrap();
    let other = StateFile::open(&path).unwrap();
    let add = |state: &StateFile, value: i32| {
        let state = state.clone();
        async move { state.prepend_to_setting("list", json!(value), 10).await }
    };
    // From two files at once
    let mut adding = tokio::task::JoinSet::new();
    for value in 0..10 {
        adding.spawn(add(if value % 2 == 0 { &state } else { &other }, value));
    }
    for added in adding.join_all().await {
        added.unwrap();
    }
    let list = async || {
        let setting = other.setting("list").await.unwrap().unwrap();
        serde_json::from_value::<Vec<i32>>(setting.value).unwrap()
    };
    let mut found = list().await;
    found.sort_unstable();
    assert_eq!(found, (0..10).collect::<Vec<_>>());

    let oldest = list().await.last().copied();
    add(&state, 10).await.unwrap();
    assert_eq!(list().await.len(), 10);
    assert_eq!(list().await.first(), Some(&10));
    assert!(!list().await.contains(&oldest.unwrap()));

    // What is no list becomes one, and what grows too long loses its end.
    state.set_setting("word", json!("word")).await.unwrap();
    state.prepend_to_setting("word", json!(1), 10).await.unwrap();
    assert_eq!(state.setting("word").await.unwrap().unwrap().value, json!([1]));
    let long = "x".repeat(crate::MAX_VALUE_BYTES / 2);
    for _ in 0..3 {
        state.prepend_to_setting("long", json!(long), 10).await.unwrap();
    }
    assert_eq!(state.setting("long").await.unwrap().unwrap().value, json!([long]));
    let longer = "x".repeat(crate::MAX_VALUE_BYTES);
    let refused = state.prepend_to_setting("long", json!(longer), 10).await;
    assert!(refused.unwrap_err().to_string().contains("add to a setting"));
}

#[tokio::test]
async fn of_changes_only_the_latest_are_kept() {
    let (_directory, path) = temp();
    let store = SqliteStore::open_with(&path, Durability::Off).unwrap();
    for number in 0..=crate::MAX_CHANGES {
        store
            .note_change(Change::new(at(number.into()), "a", number, number + 1, "panel"))
            .await
            .unwrap();
    }
    let kept = store.changes(usize::MAX).await.unwrap();
    assert_eq!(kept.len(), crate::MAX_CHANGES as usize);
    assert_eq!(kept.first().unwrap().from, json!(crate::MAX_CHANGES));
    assert_eq!(kept.last().unwrap().from, json!(1));
}

#[tokio::test]
async fn settings_are_durable() {
    let (_directory, path) = temp();
    let state = StateFile::open(&path).unwrap();
    state.set_setting("uploader.pace", json!("fast")).await.unwrap();
    state.set_setting("uploader.pace", json!("gentle")).await.unwrap();
    state.set_setting("actualizer.on", json!(false)).await.unwrap();
    let other = StateFile::open(&path).unwrap();
    assert_eq!(
        other.setting("uploader.pace").await.unwrap().unwrap().value,
        json!("gentle")
    );
    let keys: Vec<_> = other
        .settings()
        .await
        .unwrap()
        .into_iter()
        .map(|setting| setting.key)
        .collect();
    assert_eq!(keys, ["actualizer.on", "uploader.pace"]);
    assert!(other.unset_setting("actualizer.on").await.unwrap());
    assert!(!other.unset_setting("actualizer.on").await.unwrap());
    assert_eq!(state.setting("actualizer.on").await.unwrap(), None);
}

#[test]
fn a_missing_directory_is_made_and_nobody_else_may_read_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a").join("b").join("state.db");
    let store = SqliteStore::open(&path).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(&path.with_file_name("state.db-wal")), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        drop(store);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let _store = SqliteStore::open(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
    }
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let (_directory, path) = temp();
    let text = "this is no database, but a text that somebody wants to keep\n".repeat(100);
    std::fs::write(&path, &text).unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Unusable);
    assert!(error.to_string().contains("state.db"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn a_damaged_file_is_refused_when_it_is_opened() {
    let (_directory, path) = temp();
    let store = SqliteStore::open(&path).unwrap();
    for n in 0..200 {
        store
            .queue(request("deal", &n.to_string(), at(n)), at(n))
            .await
            .unwrap();
    }
    drop(store);
    let connection = Connection::open(&path).unwrap();
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    drop(connection);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[4_096 * 2..middle].fill(0xA5);
    std::fs::write(&path, bytes).unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error:?}");
}

#[test]
fn the_database_of_another_program_is_refused_and_left_as_it_is() {
    let (_directory, path) = temp();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE theirs (n INTEGER)").unwrap();
    drop(other);
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(
        SqliteStore::open(&path).unwrap_err(),
        Error::Foreign { .. }
    ));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_schema_of_a_newer_program_is_refused() {
    let (_directory, path) = temp();
    drop(SqliteStore::open(&path).unwrap());
    let newer = Connection::open(&path).unwrap();
    newer
        .execute(
            "INSERT INTO schema_version (version) VALUES (?1)",
            [schema::KNOWN + 1],
        )
        .unwrap();
    drop(newer);
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(
        matches!(error, Error::NewerSchema { found, known, .. } if found == known + 1),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_state_of_the_first_version_keeps_its_runs_and_its_running_records() {
    // Given a state that the first version made, in which an agent was running when the process ended.
    let (_directory, path) = temp();
    let old = Connection::open(&path).unwrap();
    old.execute_batch(schema::STEPS[0]).unwrap();
    old.execute_batch(
        "CREATE TABLE schema_version (version INTEGER NOT NULL PRIMARY KEY) WITHOUT ROWID;
        INSERT INTO schema_version (version) VALUES (1);
        PRAGMA application_id = 0x53744578;
        INSERT INTO runs (name, key, attempt, started_at) VALUES ('a', '', 1, 0);
        INSERT INTO agents (name, key, state, input, due_at, lease_owner, lease_until, attempts, permanent_failures,
            created_at, updated_at, run_again, run)
        VALUES ('a', '', 'running', '7', 0, 'gone', 0, 1, 0, 0, 0, 0, 1)",
    )
    .unwrap();
    drop(old);

    let store = SqliteStore::open(&path).unwrap();
    let released = store
        .reclaim(Reclaim::AllBut("me".into()), Backoff::default(), at(0))
        .await
        .unwrap();
    assert_eq!(released.len(), 1);
    assert_eq!(store.get("a", "").await.unwrap().unwrap().input, json!(7));
    let runs = store.runs("a", "", 9).await.unwrap();
    assert_eq!((runs[0].ending, runs[0].gathered), (Some(RunEnding::Crashed), 0));
}

#[test]
fn gathering_and_ending_find_their_records_by_an_index() {
    let (_directory, path) = temp();
    drop(SqliteStore::open(&path).unwrap());
    let connection = Connection::open(&path).unwrap();
    let plan = |condition: &str| -> String {
        let sql = format!("EXPLAIN QUERY PLAN {} WHERE {condition}", rows::RECORD);
        let mut statement = connection.prepare(&sql).unwrap();
        let mut found = statement.raw_query();
        let first = found.next().unwrap().unwrap();
        first.get(3).unwrap()
    };
    let due = plan(agents::DUE);
    assert!(due.contains("agents_due (name=? AND due_at<?)"), "{due}");
    let along = plan(&format!("{} ORDER BY a.name, a.key", agents::GATHERED));
    assert!(
        along.contains("agents_running (lease_owner=? AND run=?)"),
        "{along}"
    );
}

#[test]
fn opening_again_changes_nothing_in_the_schema() {
    let (_directory, path) = temp();
    let schema_of = |path: &Path| -> Vec<String> {
        let connection = Connection::open(path).unwrap();
        let mut statement = connection
            .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
            .unwrap();
        statement
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect()
    };
    drop(SqliteStore::open(&path).unwrap());
    let first = schema_of(&path);
    drop(SqliteStore::open(&path).unwrap());
    assert_eq!(schema_of(&path), first);
    assert!(first.len() > 5);
}

#[test]
fn a_path_that_cannot_hold_a_state_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let below_a_file = SqliteStore::open(&file.join("state.db")).unwrap_err();
    assert!(
        matches!(&below_a_file, Error::Directory { path, .. } if *path == file),
        "{below_a_file:?}"
    );
    let a_directory = SqliteStore::open(directory.path()).unwrap_err();
    assert!(
        matches!(&a_directory, Error::Open { .. } | Error::NotWritable { .. }),
        "{a_directory:?}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_directory_where_nothing_can_be_made_is_an_error_for_the_operator() {
    // Not even the superuser makes files here.
    let error = SqliteStore::open(Path::new("/proc/self/state.db")).unwrap_err();
    assert!(matches!(error, Error::Create { .. }), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Operator);
}

#[tokio::test]
async fn a_state_that_became_read_only_is_an_error_for_the_operator() {
    let (_directory, path) = temp();
    let store = SqliteStore::open(&path).unwrap();
    store
        .write("prepare", |c| Ok(c.pragma_update(None, "query_only", true)?))
        .await
        .unwrap();
    let error = store.queue(request("a", "", at(0)), at(0)).await.unwrap_err();
    assert!(matches!(error, Error::NotWritable { .. }), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Operator);
    assert_eq!(
        store.list(AgentFilter::all()).await.unwrap(),
        [],
        "reading goes on"
    );
}

#[tokio::test]
async fn a_value_that_was_changed_by_hand_is_an_error_and_no_panic() {
    let (_directory, path) = temp();
    let store = SqliteStore::open(&path).unwrap();
    store.queue(request("a", "", at(0)), at(0)).await.unwrap();
    Connection::open(&path)
        .unwrap()
        .execute("UPDATE agents SET input = 'no JSON'", [])
        .unwrap();
    let error = store.list(AgentFilter::all()).await.unwrap_err();
    assert!(matches!(error, Error::Unreadable { .. }), "{error:?}");
}
