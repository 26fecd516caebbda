//! Verifications made by hand and views, as the page of tables shows them.

use super::{Look, Running, brought_over, browse, browse_as};
use crate::harness::{Database, Portal, SqliteFile, Workplace};

const MOVES: &str = "CRM_STAGE_HISTORY_TEST";
const CARD: &str = "[id='table-CRM_STAGE_HISTORY_TEST']";

/// A workplace where nothing mends what a test breaks.
fn left_alone(place: Workplace) -> Workplace {
    let place = place.with("ACTUALIZER__INTERVAL", "1h");
    place.run(&["agents", "pause", "history.follow"]).expect_code(0);
    place
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_by_hand_is_shown_by_the_program_that_runs_beside_it() {
    let database = SqliteFile::new();
    let (_portal, place) = brought_over("40", &database);
    let place = left_alone(place);
    let run = Running::start(&place);
    // A row that is gone, and one that is there twice
    let key = |which: &str| format!("(SELECT {which}(EXTERNAL_ID) FROM {MOVES})");
    database.execute(&format!("DELETE FROM {MOVES} WHERE EXTERNAL_ID = {}", key("MIN")));
    database.execute(&format!("DROP INDEX UX_{MOVES}_EXTERNAL_ID"));
    let doubled = format!(
        "INSERT INTO {MOVES} (EXTERNAL_ID, TYPE_ID, OWNER_ID, DATE_INSERT, CREATED_TIME, NAME, CATEGORY_ID, STAGE_SEMANTIC_ID, \
         STAGE_ID, IS_LOST, RECORD_TYPE_ID, DATE_UPDATE) SELECT EXTERNAL_ID, TYPE_ID, OWNER_ID, DATE_INSERT, CREATED_TIME, NAME, \
         CATEGORY_ID, STAGE_SEMANTIC_ID, STAGE_ID, IS_LOST, RECORD_TYPE_ID, DATE_UPDATE FROM {MOVES} WHERE EXTERNAL_ID = {}",
        key("MAX")
    );
    assert_eq!(database.execute(&doubled), 1);

    let told = place.run(&["verify", "--json"]).expect_code(1).json();
    let history = &told["tables"][1];
    assert_eq!(history["duplicate"]["count"], 1, "{history}");

    for (language, words) in [
        (
            "en",
            [
                "not true".to_owned(),
                "(command line)".to_owned(),
                format!(
                    "Missing in the table: 1, such as EXTERNAL_ID {}",
                    history["missing"]["examples"][0]
                ),
                format!(
                    "another row has the same EXTERNAL_ID: 1, such as EXTERNAL_ID {}",
                    history["duplicate"]["examples"][0]
                ),
                "stage-exchange migrate --merge-duplicates".to_owned(),
            ],
        ),
        (
            "ru",
            [
                "не верна".to_owned(),
                "(командная строка)".to_owned(),
                format!(
                    "Нет в таблице: 1, например EXTERNAL_ID {}",
                    history["missing"]["examples"][0]
                ),
                format!(
                    "с тем же EXTERNAL_ID: 1, например EXTERNAL_ID {}",
                    history["duplicate"]["examples"][0]
                ),
                "stage-exchange migrate --merge-duplicates".to_owned(),
            ],
        ),
    ] {
        let look = Look {
            languages: language,
            ..Look::default()
        };
        browse_as(look, async |browser| {
            browser.open(&run.url("/tables")).await;
            for words in &words {
                browser.reads(CARD, words).await;
            }
            // At a glance, too
            browser.open(&run.url("/")).await;
            browser.find("#summary.bad").await;
            browser.find("#exchange-history .problem a[href='/tables']").await;
            browser.reads("#exchange-history .badge.bad", &words[0]).await;
            browser.find("#exchange-stage-list .badge.good").await;
            browser.no_complaints(&[]).await;
        })
        .await;
    }

    // A part says that it is one, and a mended table is true.
    browse(async |browser| {
        browser.open(&run.url("/tables")).await;
        place
            .run(&["verify", "history", "--sample", "100%"])
            .expect_code(1);
        browser
            .reads(CARD, "Only a part was compared: a sample of 100.0 %.")
            .await;
        place.run(&["migrate", "--merge-duplicates"]).expect_code(0);
        place.run(&["verify", "history", "--repair"]).expect_code(0);
        browser.reads(CARD, "Mended before: missing rows written 1").await;
        browser.find(&format!("{CARD} .badge.good")).await;
        browser.open(&run.url("/")).await;
        browser.find("#exchange-history .badge.good").await;
        assert_eq!(browser.count("#summary.bad, #exchange-history .problem").await, 0);
        browser.open(&run.url("/tables")).await;
        // The stages were compared once, and that was true.
        browser.find("[id='table-CRM_STAGE_LIST_TEST'] .badge.good").await;
    })
    .await;
    run.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_that_was_stopped_is_shown_as_not_finished() {
    let database = SqliteFile::new();
    let portal = Portal::start(&["--deals", "400", "--page-time", "30ms"]);
    let place = Workplace::new(&portal, &database);
    place.run(&["bulk", "history", "--wait"]).expect_code(0);
    let place = left_alone(place);
    let mut verify = place.start(&["verify", "history", "--sample", "1.0"]);
    verify.says("compares a share of 1");
    verify.terminate();
    verify.finish().expect_code(1);
    let run = Running::start(&place);
    browse(async |browser| {
        browser.open(&run.url("/tables")).await;
        browser.reads(CARD, "It did not reach its end").await;
        browser.reads(CARD, "stopped before the end").await;
        browser
            .reads(&format!("{CARD} .badge.rest"), "not finished")
            .await;
        assert_eq!(browser.count(&format!("{CARD} .badge.good")).await, 0);
    })
    .await;
    run.stop();
}

#[test]
fn a_verification_makes_no_state_and_is_found_all_the_same_when_the_state_cannot_be_written() {
    let database = SqliteFile::new();
    let (portal, place) = brought_over("20", &database);
    let looking = Workplace::new(&portal, &database);
    looking.run(&["verify"]).expect_code(0);
    assert!(!looking.state().exists(), "looking makes no state");

    let broken = Workplace::new(&portal, &database);
    broken.write("state.sqlite", &"this is no database, but a text".repeat(40));
    let ended = broken
        .with("STATE__PATH", "state.sqlite")
        .run(&["verify"])
        .expect_code(0);
    assert!(
        ended.stderr.contains("the admin panel will not show this result"),
        "{}",
        ended.stderr
    );
    drop(place);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_of_another_target_is_not_told_of_this_one() {
    let (first, second) = (SqliteFile::new(), SqliteFile::new());
    let (_portal, place) = brought_over("20", &first);
    place.run(&["verify"]).expect_code(0);
    let place = place.with("TARGET__URL", &second.url());
    let run = Running::start(&place);
    browse(async |browser| {
        browser.open(&run.url("/tables")).await;
        browser.reads(CARD, "Never compared with the portal").await;
    })
    .await;
    run.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn views_are_shown_with_what_a_migration_would_do() {
    let database = SqliteFile::new();
    let (_portal, place) = brought_over("20", &database);
    let place = left_alone(place);
    place.run(&["migrate"]).expect_code(0);
    let run = Running::start(&place);
    let view = |name: &str| format!("[id='view-CRM_STAGE_{name}_TEST']");
    browse(async |browser| {
        browser.open(&run.url("/tables")).await;
        for name in ["DURATION", "FUNNEL"] {
            browser
                .reads(&view(name), "nothing: the view is as it should be")
                .await;
        }
        database.execute("DROP VIEW CRM_STAGE_FUNNEL_TEST");
        browser.reads(&view("FUNNEL"), "not there yet").await;
        browser.click(&format!("{} summary", view("FUNNEL"))).await;
        browser
            .reads(&format!("{} pre", view("FUNNEL")), "CREATE VIEW")
            .await;

        database.execute("CREATE TABLE CRM_STAGE_FUNNEL_TEST (A integer)");
        browser
            .reads(&view("FUNNEL"), "something else has its name")
            .await;
        browser
            .reads(&view("FUNNEL"), "a table has this name already; rename that")
            .await;
        browser
            .reads(&view("DURATION"), "nothing: the view is as it should be")
            .await;
        browser.no_complaints(&[]).await;
    })
    .await;
    run.stop();
}
