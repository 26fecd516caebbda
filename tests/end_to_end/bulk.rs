//! `bulk … --wait`: uploads in the foreground, cut off and started again, past a portal's faults.

use serde_json::json;

use crate::harness::{Database, Portal, Process, SqliteFile, Workplace, assert_same, targets, wait_until};

const MOVES: &str = "CRM_STAGE_HISTORY_TEST";

/// Waits until the table has so many rows, while the upload is working.
fn until_rows(database: &dyn Database, upload: &mut Process, rows: usize) {
    wait_until(&format!("{rows} rows"), || {
        assert!(
            !upload.has_ended(),
            "the upload was too quick to be cut off at {rows} rows"
        );
        (database.count(MOVES) >= rows).then_some(())
    });
}

#[test]
fn an_upload_that_is_killed_three_times_loses_nothing_and_doubles_nothing() {
    let portal = Portal::start(&["--deals", "5000", "--seed", "7", "--page-time", "4ms"]);
    let truth = portal.truth();
    for database in targets() {
        let database = database.as_ref();
        let place = Workplace::new(&portal, database);
        place.run(&["bulk", "stage-list", "--wait"]).expect_code(0);

        // When it is killed near its start, in its middle and near its end
        for rows in [1, truth.moves.len() / 3, truth.moves.len() * 2 / 3] {
            let mut upload = place.start(&["bulk", "history", "--wait"]);
            until_rows(database, &mut upload, rows);
            upload.kill();
            assert!(database.count(MOVES) < truth.moves.len());
        }
        let ended = place.run(&["bulk", "history", "--wait", "--json"]).expect_code(0);

        // Then the tables are as the portal is
        assert_same(&database.stages("TEST"), &truth.stages);
        assert_same(&database.moves("TEST"), &truth.moves);
        // And what was verified before was not read again
        assert_eq!(ended.json()["rows"], json!(truth.moves.len()));
    }
}

#[test]
fn an_upload_that_is_stopped_goes_on_where_it_was() {
    let portal = Portal::start(&["--deals", "5000", "--page-time", "4ms"]);
    for database in targets() {
        let place = Workplace::new(&portal, database.as_ref());
        let mut upload = place.start(&["bulk", "history", "--wait"]);
        until_rows(database.as_ref(), &mut upload, 1);

        upload.terminate();

        let ended = upload.finish().expect_code(1);
        assert!(
            ended.stderr.contains("the same command goes on from there"),
            "{}",
            ended.stderr
        );
        let before = database.count(MOVES);
        let counts = place
            .run(&["bulk", "history", "--wait", "--json"])
            .expect_code(0)
            .json();
        // The counts add up over both; nothing was written twice.
        assert_eq!(counts["counts"]["inserted"], json!(database.count(MOVES)));
        assert_eq!(counts["counts"]["unchanged"], 0);
        assert!(before < database.count(MOVES));
    }
}

#[test]
fn faults_of_the_portal_change_nothing_about_the_tables() {
    for share in ["0.05", "0.2"] {
        let portal = Portal::start(&["--deals", "300", "--faults", share, "--seed", "3"]);
        let truth = portal.truth();
        for database in targets() {
            let place = Workplace::new(&portal, database.as_ref());

            place.run(&["bulk", "mssqlStatusUpdate", "--wait"]).expect_code(0);
            place
                .run(&["bulk", "mssqlHistoryUpdate", "--wait"])
                .expect_code(0);

            assert_same(&database.stages("TEST"), &truth.stages);
            assert_same(&database.moves("TEST"), &truth.moves);
        }
    }
}

#[test]
fn only_the_chosen_pipelines_come_over() {
    let portal = Portal::start(&["--deals", "200"]);
    let truth = portal.truth();
    for database in targets() {
        let place = Workplace::new(&portal, database.as_ref()).with("PORTAL__PIPELINES", "3");

        place.run(&["bulk", "stage-list", "--wait"]).expect_code(0);
        place.run(&["bulk", "history", "--wait"]).expect_code(0);

        let of_3 = |category: i64| category == 3;
        let stages = truth
            .stages
            .clone()
            .into_iter()
            .filter(|(_, row)| of_3(row.category));
        let moves = truth
            .moves
            .clone()
            .into_iter()
            .filter(|(_, row)| of_3(row.category));
        assert_same(&database.stages("TEST"), &stages.collect());
        assert_same(&database.moves("TEST"), &moves.collect());
    }
}

#[test]
fn an_upload_with_json_prints_one_document_and_a_second_one_changes_nothing() {
    let portal = Portal::start(&["--deals", "100"]);
    for database in targets() {
        let place = Workplace::new(&portal, database.as_ref());
        let first = place
            .run(&["bulk", "history", "--wait", "--json"])
            .expect_code(0)
            .json();

        let second = place
            .run(&["bulk", "history", "--wait", "--json"])
            .expect_code(0)
            .json();

        assert_eq!(first["exchange"], "history");
        assert_eq!(first["counts"]["inserted"], first["rows"]);
        assert_eq!(second["rows"], first["rows"]);
        assert_eq!(
            second["counts"],
            json!({ "inserted": 0, "changed": 0, "unchanged": first["rows"] })
        );
    }
}

#[test]
fn a_gentle_upload_writes_one_page_and_says_when_it_goes_on() {
    let portal = Portal::start(&["--deals", "100"]);
    for database in targets() {
        let place = Workplace::new(&portal, database.as_ref()).with("UPLOADER__PACE", "gentle");
        let mut upload = place.start(&["bulk", "history", "--wait"]);

        let said = upload.says("goes on in 2 min 0 s, at ");

        assert!(said.ends_with(" UTC"), "{said}");
        assert_eq!(database.count(MOVES), 50);
        upload.terminate();
        upload.finish().expect_code(1);
    }
}

#[test]
fn a_portal_that_is_away_is_waited_for_and_told() {
    let gone = Portal::start(&["--deals", "30"]);
    let (webhook, address) = (gone.webhook().to_owned(), gone.address().to_owned());
    gone.stop();
    let database = SqliteFile::new();
    let place = Workplace::empty()
        .with("ENVIRONMENT", "TEST")
        .with("PORTAL__WEBHOOK_URL", &webhook)
        .with("TARGET__URL", &database.url());
    let mut upload = place.start(&["bulk", "history", "--wait"]);
    upload.says("trying again in");

    // When it comes back
    let portal = Portal::start_at(&address, &["--deals", "30"]);

    // Then the upload goes on by itself
    let ended = upload.finish().expect_code(0);
    assert!(ended.stderr.contains("it works again"), "{}", ended.stderr);
    assert_same(&database.moves("TEST"), &portal.truth().moves);
    portal.stop();
}

#[test]
fn an_empty_portal_is_no_mistake() {
    let portal = Portal::start(&["--deals", "0"]);
    for database in targets() {
        let place = Workplace::new(&portal, database.as_ref());
        let told = place
            .run(&["bulk", "history", "--wait", "--json"])
            .expect_code(0)
            .json();
        assert_eq!(told["rows"], 0);
        place.run(&["verify"]).expect_code(0);
    }
}
