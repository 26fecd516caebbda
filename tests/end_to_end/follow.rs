//! `run` once the upload is done: it follows a portal whose deals keep changing.

use serde_json::Value;

use crate::harness::{Portal, Workplace, free_port, targets, wait_until};

/// Whether table and portal agree, row by row.
fn agree(place: &Workplace) -> Option<()> {
    let ended = place.run(&["verify", "--json"]);
    let tables: Value = ended.json();
    let wrong = |table: &Value| {
        ["missing", "different", "extra"]
            .iter()
            .any(|kind| table[kind]["count"].as_u64() != Some(0))
    };
    let tables = tables["tables"].as_array()?;
    (!tables.is_empty() && !tables.iter().any(wrong)).then_some(())
}

fn follows(lost_events: &str, interval: &str) {
    for database in targets() {
        // Given a portal whose deals change, and that tells of it or not
        let port = free_port();
        let events = format!("http://127.0.0.1:{port}/events");
        let flags = [
            "--deals",
            "60",
            "--moves-per-second",
            "20",
            "--moves-for",
            "3s",
            "--events-to",
            &events,
            "--application-token",
            "a-token",
            "--lost-events",
            lost_events,
        ];
        let mut portal = Portal::start(&flags);
        let place = Workplace::new(&portal, database.as_ref())
            .with("WEB__LISTEN", &format!("127.0.0.1:{port}"))
            .with("WEB__APPLICATION_TOKEN", "a-token")
            .with("ACTUALIZER__INTERVAL", interval);
        let mut run = place.start(&["run"]);
        run.says("running; stop with");
        // When everything is uploaded and the deals stand still
        place.run(&["bulk", "history", "--wait"]).expect_code(0);
        portal.wait_for_rest();
        // Then the tables are true soon after
        wait_until("tables that are true", || agree(&place));
        run.terminate();
        run.finish().expect_code(0);
    }
}

#[test]
fn events_keep_the_tables_true() {
    // Within the test no look comes by its interval.
    follows("0", "1h");
}

#[test]
fn with_every_event_lost_the_tables_are_true_after_the_next_look() {
    follows("1", "1s");
}

#[test]
fn switches_hold_while_the_program_runs() {
    let portal = Portal::start(&["--deals", "40"]);
    for database in targets() {
        let place = Workplace::new(&portal, database.as_ref());
        let mut run = place.start(&["run"]);
        run.says("running; stop with");
        place
            .run(&["settings", "set", "uploader.paused", "on"])
            .expect_code(0);
        place.run(&["bulk", "history"]).expect_code(0);
        wait_until("the held upload", || {
            let agents = place.run(&["agents"]).stdout;
            agents
                .contains("held by the switch uploader.paused")
                .then_some(())
        });
        assert_eq!(database.count("CRM_STAGE_HISTORY_TEST"), 0);

        place
            .run(&["settings", "set", "uploader.paused", "off"])
            .expect_code(0);
        wait_until("the upload", || {
            (database.count("CRM_STAGE_HISTORY_TEST") > 0).then_some(())
        });

        let settings = place
            .run(&["settings", "get", "uploader.paused", "--json"])
            .expect_code(0)
            .json();
        assert_eq!(settings[0]["value"], false);
        let wrong = place
            .run(&["settings", "set", "uploader.paused", "perhaps"])
            .expect_code(2);
        assert!(wrong.stderr.contains("on or off"), "{}", wrong.stderr);
        let unknown = place.run(&["settings", "get", "uploader.pase"]).expect_code(2);
        assert!(unknown.stderr.contains("uploader.pace"), "{}", unknown.stderr);
        run.terminate();
        run.finish().expect_code(0);
    }
}
