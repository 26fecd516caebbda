//! The connection to SQL Server is lost in a chosen phase of a step, with and without the end of the program at that moment.

use mssql_testkit::{Direction, Fault};
use serde_json::json;

use crate::harness::{Database, Portal, Process, Proxied, Workplace, assert_same, wait_until};

/// Each phase, and how to meet it. A count of bytes goes on for as long as it is set.
const PHASES: &[(&str, Fault)] = &[
    (
        "before the first word of a login",
        Fault::CutAfter(Direction::ToServer, 1),
    ),
    (
        "while a login is encrypted",
        Fault::CutAfter(Direction::ToServer, 300),
    ),
    (
        "before the answer to a login",
        Fault::ResetAfter(Direction::ToClient, 1_000),
    ),
    ("before rows are sent", Fault::LoseAnswer("INSERT BULK")),
    // The stages of the demo portal's third pipeline: rows of the history.
    ("among the rows", Fault::LoseRequest("C3:")),
    ("before the commit", Fault::LoseRequest("COMMIT TRANSACTION")),
    (
        "between the commit and its answer",
        Fault::LoseAnswer("COMMIT TRANSACTION"),
    ),
    (
        "when rows are read back",
        Fault::LoseAnswer("BETWEEN @P1 AND @P2"),
    ),
];

/// Waits until the fault has happened, and ends one that would go on.
fn until_it_happened(upload: &mut Process, database: &Proxied, fault: Fault) {
    match fault {
        Fault::CutAfter(..) | Fault::ResetAfter(..) => {
            upload.says("trying again in");
            database.proxy().set(Fault::None);
        }
        _ => wait_until("the fault", || {
            assert!(!upload.has_ended(), "it ended without meeting {fault:?}");
            (database.proxy().fault() == Fault::None).then_some(())
        }),
    }
}

#[test]
fn an_upload_that_loses_its_connection_in_any_phase_goes_on_by_itself() {
    let portal = Portal::start(&["--deals", "60"]);
    let truth = portal.truth();
    for (phase, fault) in PHASES {
        let database = Proxied::new();
        let place = Workplace::new(&portal, &database);
        place.run(&["migrate"]).expect_code(0);
        database.proxy().set(*fault);
        let mut upload = place.start(&["bulk", "history", "--wait", "--json"]);
        until_it_happened(&mut upload, &database, *fault);

        let ended = upload.finish().expect_code(0);

        assert_eq!(ended.json()["rows"], json!(truth.moves.len()), "{phase}");
        assert!(
            ended.stderr.contains("trying again in"),
            "{phase}: {}",
            ended.stderr
        );
        assert_same(&database.moves("TEST"), &truth.moves);
    }
}

#[test]
fn an_upload_that_is_killed_as_its_connection_is_lost_loses_nothing_and_doubles_nothing() {
    let portal = Portal::start(&["--deals", "60"]);
    let truth = portal.truth();
    for (_, fault) in PHASES {
        let database = Proxied::new();
        let place = Workplace::new(&portal, &database);
        place.run(&["migrate"]).expect_code(0);
        database.proxy().set(*fault);
        let mut upload = place.start(&["bulk", "history", "--wait"]);
        until_it_happened(&mut upload, &database, *fault);
        upload.kill();

        place.run(&["bulk", "history", "--wait"]).expect_code(0);

        assert_same(&database.moves("TEST"), &truth.moves);
        place.run(&["verify", "history"]).expect_code(0);
    }
}
