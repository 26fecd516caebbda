//! `verify --repair`: what it mends, what it leaves alone, and what it cannot mend.

use serde_json::json;

use crate::harness::{Column, Database, Portal, Workplace, assert_same, targets, wait_until};

const MOVES: &str = "CRM_STAGE_HISTORY_TEST";

/// The rows whose time of change is another one than `long_ago`.
fn touched(database: &dyn Database, table: &str, long_ago: &str) -> Vec<i64> {
    let columns = [Column::Number("EXTERNAL_ID"), Column::Time("DATE_UPDATE")];
    let rows = database.read(table, &columns).expect("the table is there");
    rows.into_iter()
        .filter(|row| row[1].as_deref() != Some(long_ago))
        .map(|row| row[0].as_deref().expect("a key").parse().expect("a number"))
        .collect()
}

#[test]
fn repair_mends_what_is_missing_or_different_and_touches_nothing_else() {
    let portal = Portal::start(&["--deals", "80"]);
    let truth = portal.truth();
    let ids: Vec<i64> = truth.moves.keys().copied().collect();
    let (deleted, altered) = (ids[5], ids[11]);
    for database in targets() {
        let place = Workplace::new(&portal, database.as_ref());
        place.run(&["bulk", "stage-list", "--wait"]).expect_code(0);
        place.run(&["bulk", "history", "--wait"]).expect_code(0);
        // Given tables that were last changed long ago, and a few things that are wrong
        for table in [MOVES, "CRM_STAGE_LIST_TEST"] {
            database.execute(&format!("UPDATE {table} SET DATE_UPDATE = '2001-02-03 04:05:06'"));
        }
        database.execute(&format!("DELETE FROM {MOVES} WHERE EXTERNAL_ID = {deleted}"));
        database.execute(&format!(
            "UPDATE {MOVES} SET STAGE_ID = 'C3:FAKE', CATEGORY_ID = 3 WHERE EXTERNAL_ID = {altered}"
        ));
        database.execute("UPDATE CRM_STAGE_LIST_TEST SET NAME = 'Wrong' WHERE STATUS_ID = 'C3:NEW'");

        // When they are mended
        let told = place.run(&["verify", "--repair", "--json"]).expect_code(0).json();

        // Then the second comparison finds all well, and it is told what there was
        assert_eq!(told["result"], "equal");
        let [stages, moves] = ["CRM_STAGE_LIST_TEST", MOVES].map(|name| {
            let tables = told["tables"].as_array().expect("a list of tables");
            tables
                .iter()
                .find(|table| table["table"] == name)
                .expect("the table")
                .clone()
        });
        assert_eq!(moves["mended"]["missing"]["examples"], json!([deleted]));
        assert_eq!(moves["mended"]["different"]["examples"], json!([altered]));
        assert_eq!(
            moves["mended"]["written"],
            json!({ "inserted": 1, "changed": 1, "unchanged": 0 })
        );
        assert_eq!(moves["different"]["count"], 0);
        assert_eq!(stages["mended"]["different"]["count"], 1);
        assert_same(&database.moves("TEST"), &truth.moves);
        assert_same(&database.stages("TEST"), &truth.stages);
        assert_eq!(
            touched(database.as_ref(), MOVES, "2001-02-03 04:05:06"),
            [deleted, altered]
        );
        assert_eq!(
            touched(database.as_ref(), "CRM_STAGE_LIST_TEST", "2001-02-03 04:05:06").len(),
            1
        );

        // And a second repair finds nothing to do
        let again = place.run(&["verify", "--repair"]).expect_code(0);
        assert!(
            again.stdout.contains("mended: 0 missing rows"),
            "{}",
            again.stdout
        );
        assert_eq!(
            touched(database.as_ref(), MOVES, "2001-02-03 04:05:06"),
            [deleted, altered]
        );
    }
}

#[test]
fn rows_that_are_there_twice_are_told_and_what_removes_them() {
    let portal = Portal::start(&["--deals", "40"]);
    for database in targets() {
        let place = Workplace::new(&portal, database.as_ref());
        place.run(&["bulk", "history", "--wait"]).expect_code(0);
        // Given a table as an old module may have left it: no unique index, and a row twice, once with another content
        let index = "UX_CRM_STAGE_HISTORY_TEST_EXTERNAL_ID";
        database.execute(&match database.url().starts_with("sqlite:") {
            true => format!("DROP INDEX {index}"),
            false => format!("DROP INDEX {index} ON {MOVES}"),
        });
        let columns = "EXTERNAL_ID, TYPE_ID, OWNER_ID, DATE_INSERT, CREATED_TIME, START_DATE, END_DATE, NAME, RESPONSIBLE_ID, \
                       CATEGORY_ID, STAGE_SEMANTIC_ID, STAGE_ID, IS_LOST, RECORD_TYPE_ID, RESPONSIBLE_SOURCE, DATE_UPDATE";
        let id = *portal.truth().moves.keys().next().expect("a move");
        database.execute(&format!(
            "INSERT INTO {MOVES} ({columns}) SELECT {columns} FROM {MOVES} WHERE EXTERNAL_ID = {id}"
        ));

        let told = place.run(&["verify", "history"]).expect_code(1);
        assert!(told.stdout.contains("1 too many"), "{}", told.stdout);
        assert!(
            told.stdout.contains("migrate --merge-duplicates"),
            "{}",
            told.stdout
        );
        let found = place
            .run(&["verify", "history", "--repair", "--json"])
            .expect_code(1)
            .json();
        assert_eq!(
            found["tables"][0]["duplicate"],
            json!({ "count": 1, "examples": [id] })
        );

        place.run(&["migrate", "--merge-duplicates"]).expect_code(0);

        place.run(&["verify", "history"]).expect_code(0);
    }
}

#[test]
fn a_repair_beside_a_running_program_fights_with_nobody() {
    for database in targets() {
        let flags = ["--deals", "60", "--moves-per-second", "30", "--moves-for", "3s"];
        let mut portal = Portal::start(&flags);
        let place = Workplace::new(&portal, database.as_ref()).with("ACTUALIZER__INTERVAL", "1s");
        place.run(&["bulk", "history", "--wait"]).expect_code(0);
        let mut run = place.start(&["run"]);
        run.says("stage list is in step");

        // When the table is mended again and again while its follower works
        for _ in 0..3 {
            let told = place.run(&["verify", "--repair", "--json"]).json();
            assert_ne!(told["result"], "unfinished", "{told}");
        }
        portal.wait_for_rest();

        // Then both end with the same table
        wait_until("the tables are true", || {
            let ended = place.run(&["verify"]);
            (ended.code == Some(0)).then_some(())
        });
        assert!(!run.has_ended());
        run.terminate();
        run.finish().expect_code(0);
        let truth = portal.truth();
        let found: std::collections::BTreeSet<i64> = database.moves("TEST").into_keys().collect();
        assert!(truth.moves.keys().all(|id| found.contains(id)));
    }
}
