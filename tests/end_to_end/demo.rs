//! `demo`: everything on one machine.

use serde_json::{Value, json};

use crate::harness::{Column, Workplace, ask, program, read_sqlite, wait_until};

const SMALL: &[&str] = &["demo", "--once", "--json", "--deals", "200"];

#[test]
fn a_demo_ends_with_both_tables_in_a_file_that_another_client_reads() {
    let place = Workplace::empty();

    let ended = place.run(SMALL).expect_code(0);

    let told = ended.json();
    let database = place.path(told["database"].as_str().unwrap());
    for (subject, table) in [
        ("stages", "CRM_STAGE_LIST_DEV"),
        ("history", "CRM_STAGE_HISTORY_DEV"),
    ] {
        let found = read_sqlite(&database, table, &[Column::Number("EXTERNAL_ID")]).unwrap();
        let rows = json!(found.len());
        let told = &told[subject];
        assert!(found.len() > 20, "{subject}: {} rows", found.len());
        assert_eq!(told["portal"], rows, "{subject}");
        assert_eq!(told["table"], rows, "{subject}");
        assert_eq!(told["inserted"], rows, "{subject}");
        assert_eq!(told["changed"], 0, "{subject}");
        assert_eq!(told["unchanged"], 0, "{subject}");
        assert_eq!(told["verified"], true, "{subject}");
    }
    assert!(told["requests"].as_u64().unwrap() > 0);
    assert_eq!(told["refused"], 0);
    assert!(told["seconds"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_second_demo_inserts_nothing_and_changes_nothing() {
    let place = Workplace::empty();
    let first = place.run(SMALL).expect_code(0).json();

    let second = place.run(SMALL).expect_code(0).json();

    for subject in ["stages", "history"] {
        assert_eq!(second[subject]["inserted"], 0);
        assert_eq!(second[subject]["changed"], 0);
        assert_eq!(second[subject]["unchanged"], first[subject]["inserted"]);
        assert_eq!(second[subject]["verified"], true);
    }
}

#[test]
fn a_demo_works_in_a_folder_whose_name_has_spaces_and_cyrillic_letters() {
    let place = Workplace::empty();
    let folder = place.path("Мои данные, \"demo\" №1");
    std::fs::create_dir(&folder).unwrap();

    let ended = place.start_in(&folder, SMALL).finish().expect_code(0);

    let told: Value = ended.json();
    assert_eq!(told["history"]["verified"], true);
    assert!(folder.join(told["database"].as_str().unwrap()).is_file());
}

#[test]
fn a_demo_leaves_what_is_configured_for_real_alone() {
    // Given a configuration of real things in all its places
    let place = Workplace::empty()
        .with("TARGET__URL", "sqlite:real.sqlite")
        .with("STATE__PATH", "real-state.sqlite")
        .with("PORTAL__WEBHOOK_URL", "https://real.example/rest/1/marked/");
    place.write("config/default.toml", "[target]\nurl = \"sqlite:real.sqlite\"\n");
    place.write("real.toml", "[target]\nurl = \"sqlite:real.sqlite\"\n");
    let place = place.with("CONFIG", "real.toml");

    // When a demo runs beside it
    place.run(SMALL).expect_code(0);

    // Then nothing of it was touched
    assert!(!place.path("real.sqlite").exists());
    assert!(!place.path("real-state.sqlite").exists());
}

#[test]
fn a_demo_refuses_to_be_pointed_at_something_real() {
    let place = Workplace::empty();
    for key in ["target.url", "state.path", "portal.webhook_url"] {
        let ended = place
            .run(&["demo", "--once", "--set", &format!("{key}=x")])
            .expect_code(2);
        assert!(ended.stderr.contains(key), "{}", ended.stderr);
    }
}

#[test]
fn a_demo_without_once_goes_on_until_it_is_stopped() {
    let place = Workplace::empty();
    let mut demo = place.start(&["demo", "--deals", "20"]);
    demo.says("the portal goes on at http://127.0.0.1:");

    demo.terminate();

    let ended = demo.finish().expect_code(0);
    assert!(
        ended.stdout.contains("CRM_STAGE_HISTORY_DEV is true"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_demo_that_goes_on_tells_the_panel_of_its_changes() {
    let place = Workplace::empty();
    let mut demo = place.start(&["demo", "--deals", "20", "--set", "web.listen=127.0.0.1:0"]);
    let line = demo.says("look at it in a browser: http://");
    let address = line.rsplit("http://").next().unwrap().trim_end_matches('/');

    wait_until("work of an event that was done", || {
        let page = ask(address, "GET /agents/history.deal", &[], "");
        page.contains(">done<").then_some(())
    });

    demo.terminate();
    let ended = demo.finish().expect_code(0);
    assert!(!ended.stderr.contains("refused until"), "{}", ended.stderr);
}

#[test]
fn help_names_every_command_and_the_exit_codes() {
    let mut command = program();
    command.arg("--help");
    let ended = crate::harness::Process::start(command).finish().expect_code(0);
    for word in [
        "demo",
        "run",
        "bulk",
        "verify",
        "agents",
        "status",
        "check",
        "migrate",
        "portal",
        "completions",
        "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration",
    ] {
        assert!(ended.stdout.contains(word), "{word}");
    }
}

#[test]
fn results_that_nobody_reads_change_nothing_and_those_that_cannot_be_written_are_a_failure() {
    let place = Workplace::empty();
    let demo = ["demo", "--once", "--deals", "200"];
    for arguments in [
        &demo[..],
        &["demo", "--once", "--json", "--deals", "200"],
        &["completions", "bash"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = place.run_into(writer, arguments);
        let told = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(0), "{arguments:?}: {told}");
        assert!(!told.contains("panicked"), "{told}");
    }
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let ended = place.run_into(full, &demo);
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{told}");
    assert!(
        told.contains("cannot write the results to standard output"),
        "{told}"
    );
    assert!(!told.contains("panicked"), "{told}");
}
