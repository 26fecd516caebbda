//! Each switch changes what the agents do.

use super::{Browser, Running, agent, brought_over, browse, until};
use crate::harness::{Database, Portal, SqliteFile, Workplace, assert_same};

const MOVES: &str = "CRM_STAGE_HISTORY_TEST";
const STAGES: &str = "CRM_STAGE_LIST_TEST";

/// Sets a switch on its page; `sure`: the page asks once more.
async fn set(browser: &Browser, run: &Running, key: &str, value: &str, sure: bool) {
    browser.open(&run.url("/switches")).await;
    let button = format!("[id='switch-{key}'] button[value={value}]");
    browser.follow(&button).await;
    if sure {
        assert_eq!(browser.path().await, format!("/switches/{key}"));
        browser.follow("button[name=confirmed]").await;
    }
    assert_eq!(browser.path().await, "/switches?said=switched");
    browser.find(&format!("{button}[aria-pressed=true]")).await;
}

/// Lets an agent run from its page, and waits until that run has ended.
async fn run_to_the_end(browser: &Browser, run: &Running, place: &Workplace, name: &str) {
    let before = agent(place, name)["run"].as_i64().unwrap_or(0);
    browser.open(&run.url(&format!("/agents/{name}"))).await;
    browser.follow("form[action$='/run'] button").await;
    until(&format!("a run of {name}"), async || {
        let agent = agent(place, name);
        (agent["run"].as_i64() > Some(before) && agent["state"] != "running").then_some(())
    })
    .await;
}

fn delete(database: &SqliteFile, table: &str, which: &str) {
    let deleted = database.execute(&format!(
        "DELETE FROM {table} WHERE EXTERNAL_ID = (SELECT {which}(EXTERNAL_ID) FROM {table})"
    ));
    assert_eq!(deleted, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_uploaders_switches_hold_it_pace_it_and_let_it_go() {
    let portal = Portal::start(&["--deals", "200"]);
    let truth = portal.truth();
    let database = SqliteFile::new();
    let place = Workplace::new(&portal, &database);
    let run = Running::start(&place);
    browse(async |browser| {
        // Held, a started upload writes nothing
        set(browser, &run, "uploader.paused", "on", false).await;
        browser.follow("#upload-history button").await;
        assert_eq!(browser.path().await, "/switches?said=started");
        until("the upload on hold", async || {
            let note = agent(&place, "history.upload")["progress"]["note"].clone();
            note.as_str()?.contains("held").then_some(())
        })
        .await;
        assert_eq!(database.count(MOVES), 0);
        browser.open(&run.url("/")).await;
        browser
            .reads("#exchange-history .lead", "The upload is on hold")
            .await;

        // Gentle, it writes 50 rows and rests for two minutes
        set(browser, &run, "uploader.pace", "gentle", false).await;
        set(browser, &run, "uploader.paused", "off", false).await;
        run_to_the_end(browser, &run, &place, "history.upload").await;
        assert_eq!(database.count(MOVES), 50);
        browser.open(&run.url("/")).await;
        browser
            .reads("#exchange-history .lead", "The upload is under way: 50 of about")
            .await;

        // Fast, it goes to the end
        set(browser, &run, "uploader.pace", "fast", false).await;
        run_to_the_end(browser, &run, &place, "history.upload").await;
        assert_same(&database.moves("TEST"), &truth.moves);
        browser.open(&run.url("/")).await;
        browser
            .reads(
                "#exchange-history .lead",
                &format!("All {} moves are in; the newest is", grouped(truth.moves.len())),
            )
            .await;

        // All of it is in the list of changes, the newest first
        browser.open(&run.url("/switches")).await;
        let listed = browser.text("#changes").await;
        let places: Vec<usize> = ["gentle\tfast", "on\toff", "fast\tgentle", "off\ton"]
            .iter()
            .map(|change| {
                listed
                    .find(change)
                    .unwrap_or_else(|| panic!("{change:?} in {listed}"))
            })
            .collect();
        assert!(places.is_sorted(), "{listed}");
        assert!(
            listed.contains("Hold the upload") && listed.contains("panel"),
            "{listed}"
        );
        browser.no_complaints(&[]).await;
    })
    .await;
    run.stop();
}

fn grouped(count: usize) -> String {
    match count {
        0..1000 => count.to_string(),
        count => format!("{},{:03}", count / 1000, count % 1000),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_actualizer_follows_only_while_it_is_on() {
    let database = SqliteFile::new();
    let (portal, place) = brought_over("40", &database);
    let truth = portal.truth();
    let place = place.with("ACTUALIZER__INTERVAL", "1h");
    let run = Running::start(&place);
    browse(async |browser| {
        set(browser, &run, "actualizer.enabled", "off", true).await;
        delete(&database, MOVES, "MAX");
        run_to_the_end(browser, &run, &place, "history.follow").await;
        assert_eq!(database.count(MOVES), truth.moves.len() - 1, "nothing follows");
        browser.open(&run.url("/")).await;
        browser
            .reads("#exchange-history .lead", "Following is switched off")
            .await;

        set(browser, &run, "actualizer.enabled", "on", false).await;
        run_to_the_end(browser, &run, &place, "history.follow").await;
        assert_same(&database.moves("TEST"), &truth.moves);
    })
    .await;
    run.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stage_list_is_followed_only_while_interception_is_on() {
    let database = SqliteFile::new();
    let (portal, place) = brought_over("20", &database);
    let truth = portal.truth();
    let run = Running::start(&place);
    browse(async |browser| {
        set(browser, &run, "stage_list.interception", "off", true).await;
        delete(&database, STAGES, "MIN");
        run_to_the_end(browser, &run, &place, "stage-list.follow").await;
        assert_eq!(database.count(STAGES), truth.stages.len() - 1, "nothing follows");

        set(browser, &run, "stage_list.interception", "on", false).await;
        run_to_the_end(browser, &run, &place, "stage-list.follow").await;
        assert_same(&database.stages("TEST"), &truth.stages);
    })
    .await;
    run.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_thought_can_end_in_no() {
    let database = SqliteFile::new();
    let (_portal, place) = brought_over("20", &database);
    let run = Running::start(&place);
    browse(async |browser| {
        browser.open(&run.url("/switches")).await;
        browser
            .follow("[id='switch-actualizer.enabled'] button[value=off]")
            .await;
        browser.reads("main", "Nothing is lost").await;
        browser.follow(".ask a.button").await;
        browser
            .find("[id='switch-actualizer.enabled'] button[value=on][aria-pressed=true]")
            .await;
        // Another language chosen on the question leads back to the switches, and changes none.
        browser
            .follow("[id='switch-actualizer.enabled'] button[value=off]")
            .await;
        browser.follow(".languages button[value=ru]").await;
        assert_eq!(browser.path().await, "/switches");
        assert_eq!(browser.text("h1").await, "Переключатели");
        browser.follow(".languages button[value=en]").await;
        // So can uploading everything anew.
        browser.follow("#upload-history button").await;
        browser.reads("h1", "upload all anew?").await;
        browser.follow(".ask a.button").await;
        browser
            .reads("#changes", "Nobody has changed anything yet.")
            .await;
    })
    .await;
    run.stop();
}
