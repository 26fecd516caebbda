//! The layers of the configuration, seen from outside; how each is read is tested beside the code.

use crate::harness::{Database, Portal, SqliteFile, Workplace};

#[test]
fn each_layer_wins_over_those_below_it() {
    // Given a URL of the target in every layer, from the lowest to the highest
    let portal = Portal::start(&["--deals", "20"]);
    let layered = || {
        let place = Workplace::empty()
            .with("PORTAL__WEBHOOK_URL", portal.webhook())
            .with("ENVIRONMENT", "TEST");
        place.write("config/default.toml", "[target]\nurl = \"sqlite:1.sqlite\"\n");
        place
    };
    let target = |place: &Workplace, flags: &[&str]| {
        let told = place
            .run(&[flags, &["status", "--json"]].concat())
            .expect_code(0)
            .json();
        told["target"].as_str().unwrap().to_owned()
    };

    let place = layered();
    assert_eq!(target(&place, &[]), "sqlite:1.sqlite");
    place.write("config/test.toml", "[target]\nurl = \"sqlite:2.sqlite\"\n");
    assert_eq!(target(&place, &[]), "sqlite:2.sqlite");
    place.write("more.toml", "[target]\nurl = \"sqlite:3.sqlite\"\n");
    assert_eq!(target(&place, &["--config", "more.toml"]), "sqlite:3.sqlite");
    let place = place.with("TARGET__URL", "sqlite:4.sqlite");
    assert_eq!(target(&place, &["--config", "more.toml"]), "sqlite:4.sqlite");
    let flags = ["--config", "more.toml", "--set", "target.url=sqlite:5.sqlite"];
    assert_eq!(target(&place, &flags), "sqlite:5.sqlite");
}

#[test]
fn the_environment_chooses_the_tables_and_its_file() {
    let portal = Portal::start(&["--deals", "20"]);
    let database = SqliteFile::new();
    let place = Workplace::new(&portal, &database).without("ENVIRONMENT");
    place.write("config/dev.toml", "[portal]\npipelines = [3]\n");

    place
        .run(&["--environment", "dev", "bulk", "stage-list", "--wait"])
        .expect_code(0);
    place.run(&["bulk", "stage-list", "--wait"]).expect_code(0);

    assert!(database.stages("DEV").values().all(|stage| stage.category == 3));
    assert!(database.stages("PROD").values().any(|stage| stage.category != 3));
}

#[test]
fn an_upload_for_another_environment_or_other_pipelines_does_not_take_the_old_cursor_for_its_own() {
    // Given an upload of one pipeline, cut off in its middle
    let portal = Portal::start(&["--deals", "1500", "--page-time", "4ms"]);
    let truth = portal.truth();
    let database = SqliteFile::new();
    let place = Workplace::new(&portal, &database).with("PORTAL__PIPELINES", "0,3");
    let upload = place.start(&["bulk", "history", "--wait"]);
    crate::harness::wait_until("the first rows", || {
        (database.count("CRM_STAGE_HISTORY_TEST") > 0).then_some(())
    });
    upload.kill();

    // When it goes on with all pipelines
    let place = place.without("PORTAL__PIPELINES");
    place.run(&["bulk", "history", "--wait"]).expect_code(0);

    // Then the first half has the others, too
    crate::harness::assert_same(&database.moves("TEST"), &truth.moves);
}

#[test]
fn a_variable_that_ends_in_file_names_a_file_with_the_value() {
    let portal = Portal::start(&["--deals", "20"]);
    let database = SqliteFile::new();
    let place = Workplace::new(&portal, &database).without("PORTAL__WEBHOOK_URL");
    place.write("secret", &format!("{}\r\n", portal.webhook()));
    let place = place.with("PORTAL__WEBHOOK_URL_FILE", "secret");

    place.run(&["bulk", "stage-list", "--wait"]).expect_code(0);

    assert!(!database.stages("TEST").is_empty());
}

#[test]
fn the_configuration_that_is_shipped_is_taken_as_it_is() {
    let portal = Portal::start(&["--deals", "20"]);
    let place = Workplace::new(&portal, &SqliteFile::new());
    place.write("config/default.toml", include_str!("../../config/default.toml"));
    place.run(&["status"]).expect_code(0);
}
