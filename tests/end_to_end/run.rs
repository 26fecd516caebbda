//! `run`: the agents, until stopped.

use std::time::Duration;

use tokio::time::Instant;

use crate::harness::{Portal, Workplace, assert_same, targets, wait_until};

const MOVES: &str = "CRM_STAGE_HISTORY_TEST";

#[test]
fn what_bulk_queues_is_done_by_run_which_ends_when_it_is_asked_to() {
    let portal = Portal::start(&["--deals", "200"]);
    let truth = portal.truth();
    for (stages, history) in [
        ("stage-list", "history"),
        ("mssqlStatusUpdate", "mssqlHistoryUpdate"),
    ] {
        for database in targets() {
            // Given both uploads, queued
            let place = Workplace::new(&portal, database.as_ref());
            for exchange in [stages, history] {
                let ended = place.run(&["bulk", exchange]).expect_code(0);
                assert!(ended.stdout.contains("queued"), "{}", ended.stdout);
            }
            assert_eq!(database.count(MOVES), 0);

            // When the agents run
            let run = place.start(&["run"]);
            wait_until("the upload by run", || {
                (database.count(MOVES) == truth.moves.len()).then_some(())
            });
            let asked = Instant::now();
            run.terminate();

            // Then they end in time and in good order, and the tables are true
            run.finish().expect_code(0);
            assert!(asked.elapsed() < Duration::from_secs(10));
            assert_same(&database.stages("TEST"), &truth.stages);
            assert_same(&database.moves("TEST"), &truth.moves);
        }
    }
}

#[test]
fn run_ends_in_time_while_the_portal_does_not_answer() {
    let portal = Portal::start(&["--deals", "30", "--page-time", "30s"]);
    for database in targets() {
        let place = Workplace::new(&portal, database.as_ref());
        place.run(&["bulk", "history"]).expect_code(0);
        let mut run = place.start(&["run"]);
        run.says("running; stop with");
        wait_until("an agent at work", || {
            let agents = place.run(&["agents", "--json"]).expect_code(0).json();
            let working = |name: &str| {
                let mut agents = agents.as_array().into_iter().flatten();
                agents.any(|agent| agent["name"] == name && agent["state"] == "running")
            };
            (working("history.upload") && working("stage-list.follow")).then_some(())
        });

        let asked = Instant::now();
        run.terminate();

        let ended = run.finish().expect_code(0);
        assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
        assert!(!ended.stderr.contains("cut off"), "{}", ended.stderr);
    }
}

#[test]
fn two_processes_do_not_work_on_one_state() {
    let portal = Portal::start(&["--deals", "30"]);
    for database in targets() {
        let place = Workplace::new(&portal, database.as_ref());
        let mut run = place.start(&["run"]);
        run.says("running; stop with");

        let second = place.run(&["run"]).expect_code(1);

        for words in ["another process (pid ", "state.sqlite", "stop it first"] {
            assert!(second.stderr.contains(words), "{}", second.stderr);
        }
        run.terminate();
        run.finish().expect_code(0);
        // And once it has ended, another may.
        let mut third = place.start(&["run"]);
        third.says("running; stop with");
        third.terminate();
        third.finish().expect_code(0);
    }
}

#[test]
fn bulk_with_wait_follows_a_run_that_does_the_work() {
    let portal = Portal::start(&["--deals", "200"]);
    let truth = portal.truth();
    for database in targets() {
        let place = Workplace::new(&portal, database.as_ref());
        let mut run = place.start(&["run"]);
        run.says("running; stop with");

        let ended = place.run(&["bulk", "history", "--wait"]).expect_code(0);

        assert!(
            ended
                .stderr
                .contains("another process works on this state and does it"),
            "{}",
            ended.stderr
        );
        assert!(ended.stdout.contains("rows verified"), "{}", ended.stdout);
        assert_same(&database.moves("TEST"), &truth.moves);
        // And once more, now that there is a record of a done upload.
        let ended = place
            .run(&["bulk", "history", "--wait", "--json"])
            .expect_code(0)
            .json();
        assert_eq!(ended["counts"]["inserted"], 0);
        assert_eq!(ended["counts"]["unchanged"], truth.moves.len());
        // Agents with an interval can be waited for, too.
        place.run(&["bulk", "stage-list", "--wait"]).expect_code(0);
        run.terminate();
        run.finish().expect_code(0);
    }
}

#[test]
fn run_that_was_killed_in_the_middle_is_taken_up_by_the_next() {
    let portal = Portal::start(&["--deals", "5000", "--page-time", "4ms"]);
    let truth = portal.truth();
    for database in targets() {
        let place = Workplace::new(&portal, database.as_ref());
        place.run(&["bulk", "history"]).expect_code(0);
        let run = place.start(&["run"]);
        wait_until("the first rows", || (database.count(MOVES) > 0).then_some(()));
        run.kill();
        assert!(database.count(MOVES) < truth.moves.len());

        let run = place.start(&["run"]);

        wait_until("the last rows", || {
            (database.count(MOVES) == truth.moves.len()).then_some(())
        });
        run.terminate();
        run.finish().expect_code(0);
        assert_same(&database.moves("TEST"), &truth.moves);
    }
}
