//! `check`: what is wrong, in plain words.

use crate::harness::{Ended, Portal, SqliteFile, Workplace, targets};

/// What is said about a subject, and whether it is well.
#[track_caller]
fn about(ended: &Ended, subject: &str) -> Vec<(bool, String)> {
    let answers = ended.json();
    let answers: Vec<_> = answers
        .as_array()
        .expect("a list of answers")
        .iter()
        .filter(|answer| answer["about"] == subject)
        .map(|answer| {
            let text = answer["text"].as_str().expect("a text").to_owned();
            (answer["ok"].as_bool().expect("yes or no"), text)
        })
        .collect();
    assert!(!answers.is_empty(), "nothing about {subject}: {}", ended.stdout);
    answers
}

/// Asserts that only this subject is found wrong, in words that hold all of these.
#[track_caller]
fn only_wrong(ended: &Ended, subject: &str, words: &[&str]) {
    for (well, text) in about(ended, subject) {
        assert!(!well, "{text}");
        for words in words {
            assert!(text.contains(words), "{text}");
        }
    }
    for answer in ended.json().as_array().expect("a list of answers") {
        assert!(answer["ok"] == (answer["about"] != subject), "{answer}");
    }
}

const CHECK: &[&str] = &["check", "--json"];

#[test]
fn all_is_well_once_the_tables_are_there() {
    let portal = Portal::start(&["--deals", "30"]);
    for database in targets() {
        let place = Workplace::new(&portal, database.as_ref());
        let before = place.run(CHECK).expect_code(1);
        if database.url().starts_with("sqlite:") {
            only_wrong(
                &before,
                "target",
                &["there is no database", "stage-exchange migrate"],
            );
        } else {
            only_wrong(&before, "table", &["is not there yet", "stage-exchange migrate"]);
        }

        place.run(&["migrate"]).expect_code(0);

        let after = place.run(CHECK).expect_code(0);
        for subject in [
            "portal",
            "rights",
            "pipelines",
            "history",
            "target",
            "table",
            "view",
            "state",
        ] {
            assert!(about(&after, subject).iter().all(|(well, _)| *well), "{subject}");
        }
        let for_people = place.run(&["check"]).expect_code(0);
        assert!(!for_people.stdout.contains("WRONG"), "{}", for_people.stdout);
    }
}

/// A workplace with tables, so that all is well with it.
fn migrated(portal: &Portal, database: &SqliteFile) -> Workplace {
    let place = Workplace::new(portal, database);
    place.run(&["migrate"]).expect_code(0);
    place
}

#[test]
fn a_user_without_admin_rights_is_named() {
    let (portal, database) = (Portal::start(&["--deals", "30", "--no-admin"]), SqliteFile::new());
    let ended = migrated(&portal, &database).run(CHECK).expect_code(1);
    only_wrong(
        &ended,
        "rights",
        &["no admin rights", "Make the webhook as an administrator"],
    );
}

#[test]
fn a_wrong_secret_is_named() {
    let (portal, database) = (
        Portal::start(&["--deals", "30", "--secret", "right"]),
        SqliteFile::new(),
    );
    let wrong = portal.webhook().replace("/right/", "/wrong/");
    let ended = migrated(&portal, &database)
        .with("PORTAL__WEBHOOK_URL", &wrong)
        .run(CHECK)
        .expect_code(1);
    only_wrong(
        &ended,
        "portal",
        &["portal.webhook_url", "secret", "may be wrong"],
    );
}

#[test]
fn a_pipeline_that_the_portal_does_not_have_is_named() {
    let (portal, database) = (Portal::start(&["--deals", "30"]), SqliteFile::new());
    let ended = migrated(&portal, &database)
        .with("PORTAL__PIPELINES", "[3, 77]")
        .run(CHECK)
        .expect_code(1);
    only_wrong(
        &ended,
        "pipelines",
        &["no pipeline 77", "Enamour Pipeline", "portal.pipelines"],
    );
}

#[test]
fn a_portal_that_is_not_there_is_named_and_the_rest_is_looked_at() {
    let (portal, database) = (Portal::start(&["--deals", "30"]), SqliteFile::new());
    let place = migrated(&portal, &database);
    portal.stop();
    let ended = place.run(CHECK).expect_code(1);
    only_wrong(&ended, "portal", &["connect"]);
}

#[test]
fn a_target_that_cannot_be_used_is_named_and_the_rest_is_looked_at() {
    let (portal, database) = (Portal::start(&["--deals", "30"]), SqliteFile::new());
    let place = Workplace::new(&portal, &database);
    std::fs::create_dir(place.path("folder")).unwrap();
    place.write(
        "text.sqlite",
        &"this is no database, but a text that somebody wrote".repeat(20),
    );
    for (path, words) in [
        ("folder", "folder"),
        ("text.sqlite", "text.sqlite"),
        ("text.sqlite/x", "text.sqlite"),
    ] {
        let place = Workplace::new(&portal, &database)
            .with("TARGET__URL", &format!("sqlite:{}", place.path(path).display()));
        let ended = place.run(CHECK).expect_code(1);
        only_wrong(&ended, "target", &[words]);
        assert!(about(&ended, "portal").iter().all(|(well, _)| *well));
    }
    let untouched = std::fs::read_to_string(place.path("text.sqlite")).unwrap();
    assert!(untouched.starts_with("this is no database"));
}

#[test]
fn a_state_that_cannot_be_used_is_named() {
    let (portal, database) = (Portal::start(&["--deals", "30"]), SqliteFile::new());
    let place = migrated(&portal, &database);
    place.write("file", "");
    let ended = place
        .with("STATE__PATH", "file/state.sqlite")
        .run(CHECK)
        .expect_code(1);
    only_wrong(&ended, "state", &["state.path"]);
}

#[test]
fn a_table_that_lacks_something_is_named_and_completed_by_migrate() {
    let portal = Portal::start(&["--deals", "30"]);
    let database = SqliteFile::new();
    let place = migrated(&portal, &database);
    use crate::harness::Database;
    database.execute("ALTER TABLE CRM_STAGE_HISTORY_TEST DROP COLUMN RESPONSIBLE_SOURCE");
    let ended = place.run(CHECK).expect_code(1);
    let tables = about(&ended, "table");
    let wrong: Vec<_> = tables.iter().filter(|(well, _)| !well).collect();
    assert_eq!(wrong.len(), 1);
    assert!(
        wrong[0].1.contains("CRM_STAGE_HISTORY_TEST lacks"),
        "{}",
        wrong[0].1
    );

    place.run(&["migrate"]).expect_code(0);

    place.run(CHECK).expect_code(0);
}

#[test]
fn a_view_that_is_missing_old_or_not_ours_is_noted_and_wrong_for_nobody() {
    use crate::harness::Database;
    const VIEW: &str = "CRM_STAGE_FUNNEL_TEST";
    let portal = Portal::start(&["--deals", "30"]);
    let database = SqliteFile::new();
    let place = migrated(&portal, &database);
    let told = |words: &str| {
        let ended = place.run(CHECK).expect_code(0);
        let views = about(&ended, "view");
        assert_eq!(views.len(), 2, "{views:?}");
        let (well, text) = views
            .iter()
            .find(|(_, text)| text.contains(VIEW))
            .expect("the view");
        assert!(*well && text.contains(words), "{text}");
        let noted = ended
            .json()
            .as_array()
            .expect("answers")
            .iter()
            .filter(|answer| answer["note"] == true)
            .count();
        let for_people = place.run(&["check"]).expect_code(0).stdout;
        assert_eq!(for_people.matches("NOTE ").count(), noted, "{for_people}");
        noted
    };
    assert_eq!(told("is as it should be"), 0);

    database.execute(&format!("DROP VIEW {VIEW}"));
    assert_eq!(told("is not there yet; `stage-exchange migrate` makes it"), 1);

    database.execute(&format!(
        "CREATE VIEW {VIEW} AS /* made by stage-exchange, 0000000000000000 */ SELECT 1 AS A"
    ));
    assert_eq!(told("older definition"), 1);
    place.run(&["migrate"]).expect_code(0);
    assert_eq!(told("is as it should be"), 0);

    database.execute(&format!("DROP VIEW {VIEW}"));
    database.execute(&format!("CREATE TABLE {VIEW} (A integer)"));
    assert_eq!(told("a table has this name already; rename that"), 1);
}
