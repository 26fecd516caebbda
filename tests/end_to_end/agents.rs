//! `agents`, `status`, `completions`, and what goes to stdout and what to stderr.

use serde_json::Value;

use crate::harness::{Portal, SqliteFile, Workplace};

/// The state's record of an agent.
fn agent(place: &Workplace, name: &str) -> Value {
    let agents = place.run(&["agents", "list", "--json"]).expect_code(0).json();
    let mut agents = agents.as_array().into_iter().flatten();
    agents
        .find(|agent| agent["name"] == name)
        .cloned()
        .unwrap_or_default()
}

#[test]
fn agents_are_queued_paused_and_resumed() {
    let portal = Portal::start(&["--deals", "20"]);
    let place = Workplace::new(&portal, &SqliteFile::new());
    let listed = place.run(&["agents"]).expect_code(0);
    assert!(
        listed.stdout.contains("no agent has worked on this state yet"),
        "{}",
        listed.stdout
    );

    place.run(&["agents", "run", "history.upload"]).expect_code(0);
    assert_eq!(agent(&place, "history.upload")["state"], "waiting");

    let paused = place.run(&["agents", "pause", "history.upload"]).expect_code(0);
    assert!(paused.stdout.contains("paused"), "{}", paused.stdout);
    assert_eq!(agent(&place, "history.upload")["state"], "paused");

    let refused = place.run(&["bulk", "history", "--wait"]).expect_code(1);
    let advice = "stage-exchange agents resume history.upload";
    assert!(refused.stderr.contains(advice), "{}", refused.stderr);

    place.run(&["agents", "resume", "history.upload"]).expect_code(0);
    assert_eq!(agent(&place, "history.upload")["state"], "waiting");
    place.run(&["bulk", "history", "--wait"]).expect_code(0);
    assert_eq!(agent(&place, "history.upload")["state"], "done");
}

#[test]
fn an_agent_that_has_not_worked_yet_can_be_paused_and_is_listed_as_such() {
    let portal = Portal::start(&["--deals", "20"]);
    let place = Workplace::new(&portal, &SqliteFile::new());
    place.run(&["agents", "pause", "stage-list.sync"]).expect_code(0);
    let listed = place.run(&["agents"]).expect_code(0);
    assert!(listed.stdout.contains("stage-list.sync"), "{}", listed.stdout);
    assert!(listed.stdout.contains("paused"), "{}", listed.stdout);
}

#[test]
fn what_failed_for_good_is_parked_with_its_error_and_goes_on_once_the_cause_is_gone() {
    let portal = Portal::start(&["--deals", "20"]);
    let database = SqliteFile::new();
    let place = Workplace::new(&portal, &database).with("PORTAL__PIPELINES", "77");

    let failed = place.run(&["bulk", "stage-list", "--wait"]).expect_code(1);

    let error = "the portal has no pipeline 77";
    assert_eq!(
        failed.stderr.matches(error).count(),
        1,
        "told once: {}",
        failed.stderr
    );
    let parked = agent(&place, "stage-list.sync");
    assert_eq!(parked["state"], "parked");
    assert!(parked["last_error"].as_str().unwrap().contains(error), "{parked}");
    let listed = place.run(&["agents"]).expect_code(0);
    assert!(listed.stdout.contains(error), "{}", listed.stdout);
    // And with the mistake corrected
    let place = place.with("PORTAL__PIPELINES", "3");
    place.run(&["bulk", "stage-list", "--wait"]).expect_code(0);
    assert_eq!(agent(&place, "stage-list.sync")["last_error"], Value::Null);
}

#[test]
fn status_tells_tables_and_agents() {
    let portal = Portal::start(&["--deals", "20"]);
    let database = SqliteFile::new();
    let place = Workplace::new(&portal, &database);
    let before = place.run(&["status", "--json"]).expect_code(0).json();
    assert_eq!(before["tables"][0]["exists"], false);

    place.run(&["bulk", "history", "--wait"]).expect_code(0);

    let after = place.run(&["status", "--json"]).expect_code(0).json();
    assert_eq!(after["environment"], "TEST");
    assert_eq!(after["tables"][1]["table"], "CRM_STAGE_HISTORY_TEST");
    assert_eq!(after["tables"][1]["exists"], true);
    assert!(after["tables"][1]["rows"].as_u64().unwrap() > 20);
    let agents = after["agents"].as_array().expect("a list of agents");
    assert!(
        agents
            .iter()
            .any(|agent| agent["name"] == "history.upload" && agent["state"] == "done")
    );
    let for_people = place.run(&["status"]).expect_code(0);
    assert!(
        for_people.stdout.contains("environment TEST"),
        "{}",
        for_people.stdout
    );
    assert!(
        for_people.stdout.contains("CRM_STAGE_HISTORY_TEST: "),
        "{}",
        for_people.stdout
    );
}

#[test]
fn json_is_one_document_on_stdout_and_logs_go_to_stderr() {
    let portal = Portal::start(&["--deals", "20"]);
    let place = Workplace::new(&portal, &SqliteFile::new()).with("LOG_FORMAT", "json");
    for (arguments, talks_to_the_portal) in [
        (&["bulk", "stage-list"][..], false),
        (&["bulk", "history", "--wait"], true),
        (&["verify"], true),
        (&["status"], false),
        (&["check"], true),
        (&["agents"], false),
        (&["agents", "list"], false),
        (&["agents", "run", "history.upload"], false),
        (&["demo", "--once", "--deals", "10"], true),
    ] {
        let ended = place.run(&[arguments, &["--json", "-vv"]].concat());
        ended.json();
        // Progress is for people, also where logs are for machines.
        let logs: Vec<&str> = ended
            .stderr
            .lines()
            .filter(|line| line.starts_with('{'))
            .collect();
        for line in &logs {
            let log: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert!(log["level"].is_string() && log["timestamp"].is_string(), "{line}");
        }
        assert!(
            !talks_to_the_portal || !logs.is_empty(),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
}

#[test]
fn every_line_of_a_service_that_logs_json_is_json() {
    let portal = Portal::start(&["--deals", "20"]);
    let place = Workplace::new(&portal, &SqliteFile::new());
    let mut run = place.start(&["run", "--log-format", "json"]);
    run.says("stage list is in step");
    run.terminate();
    let ended = run.finish().expect_code(0);
    for line in ended.stderr.lines() {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
    assert_eq!(ended.stdout, "");
}

#[test]
fn completions_know_the_commands() {
    let place = Workplace::empty();
    for shell in ["bash", "zsh", "fish"] {
        let ended = place.run(&["completions", shell]).expect_code(0);
        for word in ["bulk", "agents", "merge-duplicates"] {
            assert!(ended.stdout.contains(word), "{shell}: {word}");
        }
    }
}
