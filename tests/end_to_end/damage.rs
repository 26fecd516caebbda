//! The state, damaged on purpose: what is wrong is said with the file and with what to do, the file stays as it is, and the recovery
//! that docs/recovery.md describes brings everything back.

use std::path::Path;

use rusqlite::Connection;

use crate::harness::{Database, Portal, SqliteFile, Workplace, assert_same};

/// A kind of damage: what is done to the file, and what is to be said about it.
struct Damage {
    what: &'static str,
    harm: fn(&Path),
    words: &'static [&'static str],
}

const START_ANEW: &[&str] = &[
    "is damaged or no database",
    "move it away to start anew",
    "backup",
];

const DAMAGES: &[Damage] = &[
    Damage {
        what: "cut off in the middle of a page",
        harm: |path| cut(path, |length| length / 2 + 100),
        words: START_ANEW,
    },
    Damage {
        what: "cut off after its first page",
        harm: |path| cut(path, |_| 4_096),
        words: START_ANEW,
    },
    Damage {
        what: "garbage in the middle",
        harm: |path| {
            let mut bytes = std::fs::read(path).expect("the state");
            let length = bytes.len();
            bytes[4_096..length - 4_096].fill(0xA5);
            std::fs::write(path, bytes).expect("the state");
        },
        words: START_ANEW,
    },
    Damage {
        what: "no database",
        harm: |path| std::fs::write(path, "Dear Sir, this is a letter.\n".repeat(500)).expect("the state"),
        words: START_ANEW,
    },
    Damage {
        what: "the database of another program",
        harm: |path| {
            std::fs::remove_file(path).expect("the state");
            run_sql(path, "CREATE TABLE theirs (n INTEGER)");
        },
        words: &["is the database of another program", "choose another state.path"],
    },
    Damage {
        what: "of a newer version",
        harm: |path| run_sql(path, "INSERT INTO schema_version (version) VALUES (9999)"),
        words: &["has schema version 9999", "use the newer program"],
    },
];

fn cut(path: &Path, to: impl Fn(u64) -> u64) {
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(path)
        .expect("the state");
    let length = file.metadata().expect("its length").len();
    assert!(length > 3 * 4_096, "there is something to cut off");
    file.set_len(to(length)).expect("a shorter file");
}

fn run_sql(path: &Path, sql: &str) {
    let connection = Connection::open(path).expect("a database");
    connection.execute_batch(sql).expect(sql);
}

/// A place with a complete upload, and with all of its state in the one file.
fn with_everything_uploaded<'a>(portal: &Portal, database: &'a SqliteFile) -> (Workplace, &'a SqliteFile) {
    let place = Workplace::new(portal, database);
    place.run(&["bulk", "stage-list", "--wait"]).expect_code(0);
    place.run(&["bulk", "history", "--wait"]).expect_code(0);
    let state = Connection::open(place.state()).expect("the state");
    state
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .expect("the log is copied into the file");
    (place, database)
}

#[test]
fn a_damaged_state_is_told_by_every_command_and_left_as_it_is_and_nothing_is_lost_by_starting_anew() {
    let portal = Portal::start(&["--deals", "40"]);
    let truth = portal.truth();
    for damage in DAMAGES {
        let database = SqliteFile::new();
        let (place, _) = with_everything_uploaded(&portal, &database);
        (damage.harm)(&place.state());
        let before = std::fs::read(place.state()).expect("the state");

        for words in [
            &["run"][..],
            &["bulk", "history", "--wait"],
            &["bulk", "history"],
            &["agents"],
            &["settings"],
            &["status"],
        ] {
            let ended = place.run(words).expect_code(1);
            let name = "stage-exchange-data/state.sqlite";
            for wanted in damage.words.iter().chain([&name]) {
                let said = ended.stderr.contains(wanted);
                assert!(
                    said,
                    "{}: {words:?}: {wanted:?} is not said: {}",
                    damage.what, ended.stderr
                );
            }
            assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
        }
        let after = std::fs::read(place.state()).expect("the state");
        assert!(after == before, "{}: the file was changed", damage.what);
        assert_same(&database.moves("TEST"), &truth.moves);

        // As docs/recovery.md says: move it away, with what belongs to it, and start anew.
        for end in ["", "-wal", "-shm"] {
            let file = place.path(&format!("stage-exchange-data/state.sqlite{end}"));
            if file.exists() {
                std::fs::rename(&file, place.path(&format!("away{end}"))).expect("the file is moved");
            }
        }
        recovers(&place, &database, &portal);
    }
}

/// The upload is done once more, finds every row as it must be, and `verify` agrees.
fn recovers(place: &Workplace, database: &SqliteFile, portal: &Portal) {
    place.run(&["bulk", "stage-list", "--wait"]).expect_code(0);
    let counts = place
        .run(&["bulk", "history", "--wait", "--json"])
        .expect_code(0)
        .json();
    assert_eq!(counts["counts"]["inserted"], 0);
    assert_eq!(counts["counts"]["unchanged"], counts["rows"]);
    assert_same(&database.moves("TEST"), &portal.truth().moves);
    place.run(&["verify"]).expect_code(0);
}

#[test]
fn an_empty_state_file_is_a_new_state_and_that_is_said() {
    let portal = Portal::start(&["--deals", "40"]);
    let database = SqliteFile::new();
    let (place, _) = with_everything_uploaded(&portal, &database);
    std::fs::write(place.state(), "").expect("an empty file");

    let ended = place.run(&["agents"]).expect_code(0);

    assert!(ended.stderr.contains("was empty"), "{}", ended.stderr);
    recovers(&place, &database, &portal);
}

#[test]
fn a_state_that_was_restored_from_an_older_copy_goes_on_from_there() {
    let portal = Portal::start(&["--deals", "40"]);
    let database = SqliteFile::new();
    let place = Workplace::new(&portal, &database);
    place.run(&["bulk", "stage-list", "--wait"]).expect_code(0);
    // A copy as docs/recovery.md makes it, while nothing of the history is uploaded.
    let copy = place.path("copy.sqlite");
    run_sql(
        &place.state(),
        &format!("VACUUM INTO '{}'", copy.to_str().expect("a path in UTF-8")),
    );
    place.run(&["bulk", "history", "--wait"]).expect_code(0);
    for end in ["-wal", "-shm"] {
        let file = place.path(&format!("stage-exchange-data/state.sqlite{end}"));
        if file.exists() {
            std::fs::remove_file(file).expect("the log goes with its file");
        }
    }
    std::fs::rename(copy, place.state()).expect("the copy in its place");

    recovers(&place, &database, &portal);
}

#[test]
fn a_damaged_write_ahead_log_costs_work_and_no_row() {
    let portal = Portal::start(&["--deals", "300", "--page-time", "2ms"]);
    let truth = portal.truth();
    for keep in [0, 1_000, 40_000] {
        let database = SqliteFile::new();
        let place = Workplace::new(&portal, &database);
        let mut upload = place.start(&["bulk", "history", "--wait"]);
        crate::harness::wait_until("some rows", || {
            (upload.has_ended() || database.count("CRM_STAGE_HISTORY_TEST") > 0).then_some(())
        });
        upload.kill();
        // What was in the log from here on was written last, and is garbage now.
        let log = place.path("stage-exchange-data/state.sqlite-wal");
        let mut bytes = std::fs::read(&log).expect("a process that was killed leaves its log");
        let from = bytes.len().min(keep);
        bytes[from..].fill(0xA5);
        std::fs::write(&log, bytes).expect("the log");

        place.run(&["bulk", "history", "--wait"]).expect_code(0);

        assert_same(&database.moves("TEST"), &truth.moves);
    }
}

#[test]
fn a_damaged_target_file_is_told_with_what_to_do() {
    let portal = Portal::start(&["--deals", "40"]);
    let database = SqliteFile::new();
    let (place, _) = with_everything_uploaded(&portal, &database);
    std::fs::write(database.path(), "Dear Sir, this is a letter.\n".repeat(500)).expect("the target");

    let ended = place.run(&["status"]).expect_code(1);

    for words in ["target.sqlite", "no SQLite database", "move this one away"] {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
}
