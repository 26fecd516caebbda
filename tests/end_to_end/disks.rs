//! Disks that are full or may only be read: what is wrong is said, nothing that was acknowledged is lost, and work goes on by itself
//! once there is room.
//!
//! A file system of a test's own needs a namespace. Where this machine does not let its user have one, the test says so and is
//! over; those with a limit on the size of files run everywhere.

use std::collections::BTreeSet;
use std::path::Path;

use crate::harness::{
    Database, Portal, SmallDisk, SqliteFile, Workplace, assert_same, event, free_port, keys_of_events, post,
    wait_until,
};

const TOKEN: &str = "a-token";

/// A disk, or nothing and a loud word.
fn disk(size: &str) -> Option<SmallDisk> {
    match SmallDisk::mount(size) {
        Ok(disk) => Some(disk),
        Err(reason) => {
            eprintln!("SKIPPED, no disk of its own: {reason}");
            None
        }
    }
}

/// A shell that lets no file grow beyond so many blocks of 512 bytes, as a full quota does.
fn limited(blocks: u32) -> Vec<String> {
    // Without the trap the first byte too many would end the process by a signal.
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
    ["sh", "-c", &script, "sh"].map(str::to_owned).to_vec()
}

#[test]
fn files_that_may_not_grow_are_told_and_the_work_is_taken_up_without_loss() {
    let portal = Portal::start(&["--deals", "300"]);
    let truth = portal.truth();
    // Too small for the state, for the target, for the log of either.
    for blocks in [1, 16, 150, 400, 800] {
        let database = SqliteFile::new();
        let place = Workplace::new(&portal, &database);
        let mut upload = place.start_through(&limited(blocks), &["bulk", "history", "--wait"]);
        let mut told = String::new();
        wait_until("a word about the disk", || {
            told = upload.said();
            (upload.has_ended() || told.contains("disk") || told.contains("trying again in")).then_some(())
        });
        if !upload.has_ended() {
            upload.terminate();
        }
        let ended = upload.finish().expect_code(1);
        let said = ended.stderr;
        let named = said.contains("state.sqlite") || said.contains("target.sqlite");
        assert!(named && said.contains("disk"), "{blocks} blocks: {said}");
        assert!(!said.contains("panicked"), "{said}");

        // When files may grow again. An agent that waits for a person looks once a minute; this brings it forward.
        place.run(&["agents", "run", "history.upload"]).expect_code(0);
        place.run(&["bulk", "history", "--wait"]).expect_code(0);
        assert_same(&database.moves("TEST"), &truth.moves);
        place.run(&["verify", "history"]).expect_code(0);
    }
}

/// Copies a database, with its log, from the disk to a place where other programs see it.
fn copy_out(disk: &SmallDisk, name: &str, to: &Path) {
    for end in ["", "-wal"] {
        let from = disk.seen_from_outside(&format!("{name}{end}"));
        if from.exists() {
            std::fs::copy(from, format!("{}{end}", to.display())).expect("a copy");
        }
    }
}

/// A place whose target is a file on the disk; its state is where the tests see it.
fn with_target_on(disk: &SmallDisk, portal: &Portal) -> Workplace {
    let url = format!("sqlite:{}", disk.path("target.sqlite").display());
    let place = Workplace::new(portal, &SqliteFile::new()).with("TARGET__URL", &url);
    let state = place.state().display().to_string();
    place.with("STATE__PATH", &state)
}

#[test]
fn a_full_disk_under_the_target_is_told_and_work_goes_on_by_itself_when_there_is_room() {
    let Some(disk) = disk("8m") else { return };
    let portal = Portal::start(&["--deals", "300"]);
    let place = with_target_on(&disk, &portal);
    disk.fill_up_to(200 << 10);
    let mut upload = place.start_through(&disk.inside(), &["bulk", "history", "--wait"]);
    let told = upload.says("the disk is full; make room");
    assert!(told.contains("target.sqlite"), "{told}");

    disk.free();
    // It would look again within a minute.
    place
        .start_through(&disk.inside(), &["agents", "run", "history.upload"])
        .finish()
        .expect_code(0);

    upload.finish().expect_code(0);
    let copy = SqliteFile::new();
    copy_out(&disk, "target.sqlite", &copy.path());
    assert_same(&copy.moves("TEST"), &portal.truth().moves);
}

#[test]
fn a_full_disk_under_the_state_refuses_events_and_forgets_none_that_it_took() {
    let Some(disk) = disk("2m") else { return };
    let portal = Portal::start(&["--deals", "40"]);
    let database = SqliteFile::new();
    let port = free_port();
    let place = Workplace::new(&portal, &database)
        .with("STATE__PATH", disk.path("state.sqlite").to_str().expect("UTF-8"))
        .with("WEB__LISTEN", &format!("127.0.0.1:{port}"))
        .with("WEB__APPLICATION_TOKEN", TOKEN)
        .with("ACTUALIZER__INTERVAL", "1h");
    place
        .start_through(&disk.inside(), &["bulk", "history", "--wait"])
        .finish()
        .expect_code(0);
    let mut run = place.start_through(&disk.inside(), &["run"]);
    run.says("running; stop with");

    // Given no room at all
    disk.fill_up_to(0);
    let mut taken = BTreeSet::new();
    let mut deals = 1..;
    wait_until("an event that is refused", || {
        let deal = deals.next().expect("more deals");
        let (status, _) = post(port, &event(deal, TOKEN)).expect("an answer");
        match status {
            200 => drop(taken.insert(deal.to_string())),
            503 => return Some(()),
            other => panic!("an event was answered {other}"),
        }
        None
    });
    let told = run.says("no space left for the state");
    assert!(told.contains("state.sqlite"), "{told}");

    // When there is room again
    disk.free();
    let (status, _) = post(port, &event(900_001, TOKEN)).expect("an answer");
    assert_eq!(status, 200);
    taken.insert("900001".to_owned());
    run.kill();

    // Then every event that was answered 200 is there, after a crash, too
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("state.sqlite");
    copy_out(&disk, "state.sqlite", &copy);
    let kept = keys_of_events(&copy, "1 = 1");
    assert!(taken.is_subset(&kept), "{taken:?} were taken, {kept:?} are there");
    // And all of them are seen to.
    let run = place.start_through(&disk.inside(), &["run"]);
    wait_until("an end of all events", || {
        copy_out(&disk, "state.sqlite", &copy);
        keys_of_events(&copy, "state <> 'done'").is_empty().then_some(())
    });
    run.kill();
    assert_same(&database.moves("TEST"), &portal.truth().moves);
}

#[test]
fn a_folder_that_may_only_be_read_is_told_with_the_file_and_what_to_do() {
    let Some(disk) = disk("8m") else { return };
    let portal = Portal::start(&["--deals", "40"]);
    let target = with_target_on(&disk, &portal);
    let state = Workplace::new(&portal, &SqliteFile::new())
        .with("STATE__PATH", disk.path("state.sqlite").to_str().expect("UTF-8"));
    let run = |place: &Workplace, words: &[&str]| place.start_through(&disk.inside(), words).finish();
    let database = SqliteFile::new();
    let state = state.with("TARGET__URL", &database.url());
    for place in [&target, &state] {
        run(place, &["bulk", "history", "--wait"]).expect_code(0);
    }

    disk.remount("ro");

    for (place, words) in [
        (&state, &["bulk", "history", "--wait"][..]),
        (&state, &["run"]),
        (&state, &["agents"]),
    ] {
        let ended = run(place, words).expect_code(1);
        for wanted in ["state.sqlite", "is not writable", "rights"] {
            assert!(
                ended.stderr.contains(wanted),
                "{words:?}: {wanted:?}: {}",
                ended.stderr
            );
        }
    }
    let ended = run(&target, &["bulk", "history", "--wait"]).expect_code(1);
    for wanted in ["target.sqlite", "may only be read", "right to write"] {
        assert!(ended.stderr.contains(wanted), "{wanted:?}: {}", ended.stderr);
    }

    disk.remount("rw");
    for place in [&target, &state] {
        run(place, &["agents", "run", "history.upload"]).expect_code(0);
        run(place, &["bulk", "history", "--wait"]).expect_code(0);
        run(place, &["verify", "history"]).expect_code(0);
    }
}
