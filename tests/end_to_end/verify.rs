//! `verify`, and what a fresh upload mends.

use serde_json::{Value, json};

use crate::harness::{Database, Portal, SqliteFile, Workplace, assert_same, targets};

const MOVES: &str = "CRM_STAGE_HISTORY_TEST";

#[test]
fn what_was_changed_by_hand_is_found_and_mended_as_far_as_the_rules_allow() {
    let portal = Portal::start(&["--deals", "60"]);
    let truth = portal.truth();
    let ids: Vec<i64> = truth.moves.keys().copied().collect();
    let (deleted, altered, renamed) = (ids[3], ids[10], ids[20]);
    let moved_by = *truth
        .moves
        .iter()
        .find(|(id, row)| {
            row.source.as_deref() == Some("moved_by") && ![deleted, altered, renamed].contains(id)
        })
        .expect("some move whose mover is known")
        .0;
    for database in targets() {
        let place = Workplace::new(&portal, database.as_ref());
        place.run(&["bulk", "history", "--wait"]).expect_code(0);
        place.run(&["verify"]).expect_code(0);
        let table = "CRM_STAGE_HISTORY_TEST";

        // Given a row that is gone and one with another content
        database.execute(&format!("DELETE FROM {table} WHERE EXTERNAL_ID = {deleted}"));
        database.execute(&format!(
            "UPDATE {table} SET STAGE_ID = 'C3:FAKE', IS_LOST = 'Y' WHERE EXTERNAL_ID = {altered}"
        ));
        // And two with what only somebody else can know: an earlier name, another mover
        database.execute(&format!(
            "UPDATE {table} SET NAME = 'Earlier name' WHERE EXTERNAL_ID = {renamed}"
        ));
        database.execute(&format!(
            "UPDATE {table} SET RESPONSIBLE_ID = 4242, RESPONSIBLE_SOURCE = 'moved_by' WHERE EXTERNAL_ID = {moved_by}"
        ));

        // When it is compared
        let ended = place.run(&["verify", "history", "--json"]).expect_code(1).json();

        // Then what is missing and what is different is told, by ID and column
        let table_found = &ended["tables"][0];
        assert_eq!(ended["result"], "different");
        assert_eq!(table_found["missing"]["examples"], json!([deleted]));
        let different = &table_found["different"];
        assert!(
            different["examples"]
                .as_array()
                .unwrap()
                .contains(&altered.into()),
            "{different}"
        );
        for column in ["STAGE_ID", "IS_LOST"] {
            let found = &different["columns"][column];
            assert_eq!(
                *found,
                json!({ "count": 1, "examples": [altered] }),
                "{different}"
            );
        }
        assert!(different["columns"].get("NAME").is_none(), "{different}");
        let for_people = place.run(&["verify"]).expect_code(1);
        assert!(
            for_people.stdout.contains("CRM_STAGE_HISTORY_TEST is NOT true"),
            "{}",
            for_people.stdout
        );
        assert!(
            for_people
                .stdout
                .contains(&format!("1 missing, such as EXTERNAL_ID {deleted}"))
        );

        // And a fresh upload mends it, but keeps the name that was known first
        place.run(&["bulk", "history", "--wait"]).expect_code(0);
        place.run(&["verify"]).expect_code(0);
        let found = database.moves("TEST");
        assert_eq!(found[&renamed].name.as_deref(), Some("Earlier name"));
        let mut wanted = truth.moves.clone();
        if let Some(row) = wanted.get_mut(&renamed) {
            row.name = Some("Earlier name".to_owned());
        }
        assert_same(&found, &wanted);
    }
}

#[test]
fn a_mover_that_was_known_is_not_overwritten_by_whoever_is_responsible() {
    let portal = Portal::start(&["--deals", "60"]);
    let truth = portal.truth();
    let (id, row) = truth
        .moves
        .iter()
        .find(|(_, row)| row.source.as_deref() == Some("assigned_by"))
        .expect("some move whose mover is not known any more");
    for database in targets() {
        // Given a move whose mover was known when it was written
        let place = Workplace::new(&portal, database.as_ref());
        place.run(&["bulk", "history", "--wait"]).expect_code(0);
        database.execute(&format!(
            "UPDATE CRM_STAGE_HISTORY_TEST SET RESPONSIBLE_ID = 4242, RESPONSIBLE_SOURCE = 'moved_by' \
             WHERE EXTERNAL_ID = {id}"
        ));

        // When the portal does not tell it any more
        place.run(&["bulk", "history", "--wait"]).expect_code(0);

        // Then it stays, and that is no difference
        let found = &database.moves("TEST")[id];
        assert_eq!(found.responsible, Some(4242));
        assert_eq!(found.source.as_deref(), Some("moved_by"));
        assert_ne!(row.responsible, found.responsible);
        place.run(&["verify"]).expect_code(0);
    }
}

#[test]
fn a_stage_changed_by_hand_is_found_and_mended() {
    let portal = Portal::start(&["--deals", "20"]);
    let truth = portal.truth();
    for database in targets() {
        let place = Workplace::new(&portal, database.as_ref());
        place.run(&["bulk", "stage-list", "--wait"]).expect_code(0);
        place.run(&["verify", "stage-list"]).expect_code(0);
        database.execute(
            "UPDATE CRM_STAGE_LIST_TEST SET NAME = 'Wrong', ACTIVE = 'N' WHERE STATUS_ID = 'C3:NEW'",
        );

        let ended = place.run(&["verify", "stage-list"]).expect_code(1);

        assert!(ended.stdout.contains("1 different"), "{}", ended.stdout);
        assert!(ended.stdout.contains("NAME"), "{}", ended.stdout);
        place.run(&["bulk", "stage-list", "--wait"]).expect_code(0);
        place.run(&["verify", "stage-list"]).expect_code(0);
        assert_same(&database.stages("TEST"), &truth.stages);
    }
}

#[test]
fn tables_that_are_not_there_are_not_true() {
    let portal = Portal::start(&["--deals", "20"]);
    for database in targets() {
        let place = Workplace::new(&portal, database.as_ref());
        let ended = place.run(&["verify"]).expect_code(1);
        assert!(
            ended.stderr.contains("stage-exchange migrate"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn a_path_that_was_mistyped_does_not_become_a_database() {
    let portal = Portal::start(&["--deals", "20"]);
    let place = Workplace::new(&portal, &SqliteFile::new()).with("TARGET__URL", "sqlite:tpyo/target.sqlite");
    for (arguments, code) in [
        (&["verify"][..], 1),
        (&["verify", "--repair"], 1),
        (&["check"], 1),
        (&["status"], 0),
        (&["agents", "pause", "history.upload"], 0),
        (&["settings"], 0),
    ] {
        let ended = place.run(arguments).expect_code(code);
        assert!(!place.path("tpyo").exists(), "{arguments:?} made it");
        if ["verify", "check", "status"].contains(&arguments[0]) {
            let told = ended.all();
            assert!(told.contains("there is no database tpyo/target.sqlite"), "{told}");
        }
    }
}

#[test]
fn a_second_look_writes_nothing() {
    let portal = Portal::start(&["--deals", "20"]);
    for database in targets() {
        let place = Workplace::new(&portal, database.as_ref());
        place.run(&["migrate"]).expect_code(0);
        place.run(&["verify"]).expect_code(1);
        assert_eq!(database.count("CRM_STAGE_LIST_TEST"), 0);
        assert_eq!(database.count("CRM_STAGE_HISTORY_TEST"), 0);
    }
}

#[test]
fn a_part_is_compared_alone() {
    let portal = Portal::start(&["--deals", "200"]);
    let truth = portal.truth();
    for database in targets() {
        let place = Workplace::new(&portal, database.as_ref());
        place.run(&["bulk", "history", "--wait"]).expect_code(0);
        let history = |flags: &[&str]| {
            let told = place.run(&[&["verify", "history", "--json"], flags].concat());
            told.expect_code(0).json()
        };
        let of_3 = truth.moves.values().filter(|row| row.category == 3).count();
        let told = history(&["--pipeline", "3"]);
        assert_eq!(told["tables"][0]["portal"], json!(of_3));
        assert_eq!(told["asked"]["pipelines"], json!([3]));

        let mut days: Vec<&str> = truth
            .moves
            .values()
            .filter_map(|row| row.created.get(..10))
            .collect();
        days.sort_unstable();
        let day = days[days.len() / 2];
        let since = truth
            .moves
            .values()
            .filter(|row| row.created.as_str() >= day)
            .count();
        assert_eq!(history(&["--since", day])["tables"][0]["portal"], json!(since));

        let told = history(&["--sample", "20%", "--seed", "9"]);
        let seen = told["tables"][0]["portal"].as_u64().expect("a count");
        assert!(seen > 0 && seen < truth.moves.len() as u64, "{seen}");
        assert_eq!(
            told["asked"]["sample"],
            json!({ "portion": { "share": 0.2 }, "seed": 9 })
        );
        let again = place
            .run(&["verify", "history", "--sample", "0.2"])
            .expect_code(0);
        assert!(again.stderr.contains("--seed "), "{}", again.stderr);
    }
}

#[test]
fn what_cannot_be_asked_for_is_wrong_usage() {
    let portal = Portal::start(&["--deals", "20"]);
    let database = SqliteFile::new();
    let place = Workplace::new(&portal, &database).with("PORTAL__PIPELINES", "[0, 3]");
    place.run(&["migrate"]).expect_code(0);
    for (flags, words) in [
        (
            &["--pipeline", "5"][..],
            "pipeline 5 is not among portal.pipelines",
        ),
        (&["--since", "yesterday"], "2024-05-01T09:00"),
        (&["--sample", "0"], "5%"),
        (&["--sample", "1.5"], "5%"),
        (&["--seed", "5"], "--sample"),
        (&["--report", "missing/report.json"], "cannot be written"),
    ] {
        let ended = place.run(&[&["verify"], flags].concat()).expect_code(2);
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
    let place = Workplace::new(&portal, &database);
    let ended = place.run(&["verify", "--pipeline", "77"]).expect_code(2);
    assert!(
        ended.stderr.contains("the portal has no pipeline 77"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_report_is_written_for_programs_and_for_people_and_holds_no_secret() {
    let portal = Portal::start(&["--deals", "40", "--secret", "s3cretOfTheReport"]);
    let database = SqliteFile::new();
    let place = Workplace::new(&portal, &database);
    place.run(&["bulk", "history", "--wait"]).expect_code(0);
    database.execute(&format!(
        "DELETE FROM {MOVES} WHERE EXTERNAL_ID IN (SELECT MIN(EXTERNAL_ID) FROM {MOVES})"
    ));
    for (name, for_programs, for_people) in [
        ("report.json", "report.json", "report.txt"),
        ("told.md", "told.json", "told.md"),
    ] {
        place.write(for_people, "an older report");
        let ended = place.run(&["verify", "--report", name, "--json"]).expect_code(1);
        let [json, text] = [for_programs, for_people]
            .map(|name| std::fs::read_to_string(place.path(name)).expect("a report"));
        let report: Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(report, ended.json(), "what stdout says is what the report says");
        assert_eq!(
            (&report["format"], &report["result"]),
            (&json!(1), &json!("different"))
        );
        assert!(text.contains("Portal and tables differ"), "{text}");
        assert!(text.contains("1 missing"), "{text}");
        assert!(text.contains("--repair mends them"), "{text}");
        for text in [&json, &text, &ended.all()] {
            assert!(!text.contains("s3cretOfTheReport"), "{text}");
        }
    }
    let left: Vec<String> = std::fs::read_dir(place.path("."))
        .expect("the workplace")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| name.starts_with(".stage-exchange-report"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_comparison_that_is_stopped_tells_what_it_has_and_that_it_is_a_part() {
    let portal = Portal::start(&["--deals", "600", "--page-time", "20ms"]);
    let database = SqliteFile::new();
    let place = Workplace::new(&portal, &database);
    place.run(&["bulk", "history", "--wait"]).expect_code(0);
    let mut verify = place.start(&["verify", "history", "--sample", "1.0", "--report", "report.json"]);
    verify.says("compares a share of 1");

    verify.terminate();

    let ended = verify.finish().expect_code(1);
    assert!(
        ended.stdout.contains("NOT compared to the end"),
        "{}",
        ended.all()
    );
    assert!(
        ended.stderr.contains("stopped before the end"),
        "{}",
        ended.stderr
    );
    let report = std::fs::read_to_string(place.path("report.json")).expect("a report");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["result"], "unfinished");
}
