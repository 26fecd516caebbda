//! `verify`, and what a fresh upload mends.

use crate::harness::{Portal, Workplace, assert_same, targets};

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
        assert_eq!(ended[0]["missing"]["examples"], serde_json::json!([deleted]));
        let different = &ended[0]["different"];
        assert!(
            different["examples"]
                .as_array()
                .unwrap()
                .contains(&altered.into()),
            "{different}"
        );
        for column in ["STAGE_ID", "IS_LOST"] {
            assert!(
                different["columns"].as_array().unwrap().contains(&column.into()),
                "{different}"
            );
        }
        assert!(
            !different["columns"].as_array().unwrap().contains(&"NAME".into()),
            "{different}"
        );
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
        assert!(ended.all().contains("CRM_STAGE_LIST_TEST"), "{}", ended.all());
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
