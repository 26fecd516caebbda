//! What the pages show and do.

use serde_json::json;

use super::{Look, Running, agent, brought_over, browse, browse_as, until};
use crate::harness::{Database, Portal, SqliteFile, Workplace};

const MOVES: &str = "CRM_STAGE_HISTORY_TEST";
const STAGES: &str = "CRM_STAGE_LIST_TEST";

#[tokio::test(flavor = "multi_thread")]
async fn progress_moves_before_ones_eyes_and_focus_stays() {
    let portal = Portal::start(&["--deals", "10000", "--page-time", "25ms"]);
    let database = SqliteFile::new();
    let place = Workplace::new(&portal, &database);
    let run = Running::start(&place);
    browse(async |browser| {
        browser.open(&run.url("/")).await;
        browser.reads("#exchange-history .lead", "Nothing has been brought over yet").await;
        place.run(&["bulk", "history"]).expect_code(0);
        // What a reload would lose
        browser
            .script("window.kept = true; document.querySelector('nav a[href=\"/tables\"]').focus()", Vec::new())
            .await;
        let value = "const bar = document.querySelector('#exchange-history progress[value]'); return bar && bar.value";
        let done = async || browser.script(value, Vec::new()).await.as_f64();
        let first = until("the first progress", async || done().await.filter(|done| *done > 0.0)).await;
        let second = until("more progress", async || done().await.filter(|done| *done > first)).await;
        until("still more progress, or its end", async || {
            let lead = browser.text("#exchange-history .lead").await;
            (done().await > Some(second) || lead.contains("moves are in")).then_some(())
        })
        .await;
        browser.reads("#exchange-history .lead", "moves are in; the newest is").await;
        browser.reads("#summary", "The tables are true.").await;
        assert_eq!(browser.script("return window.kept", Vec::new()).await, json!(true), "it was not reloaded");
        let focused = browser.script("return document.activeElement.getAttribute('href')", Vec::new()).await;
        assert_eq!(focused, json!("/tables"));
        browser.no_complaints(&[]).await;
    })
    .await;
    run.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_run_paused_and_resumed_and_its_runs_are_listed() {
    let database = SqliteFile::new();
    let (_portal, place) = brought_over("20", &database);
    let place = place.with("STAGE_LIST__INTERVAL", "1h");
    let run = Running::start(&place);
    browse(async |browser| {
        let page = run.url("/agents/stage-list.follow");
        until("the first run", async || {
            (agent(&place, "stage-list.follow")["state"] == "waiting"
                && agent(&place, "stage-list.follow")["run"].as_i64() > Some(0))
            .then_some(())
        })
        .await;
        browser.open(&page).await;
        let runs = browser.count("tbody tr").await;
        browser.follow("form[action$='/run'] button").await;
        browser.reads(".said", "queued to run now").await;
        until("one run more", async || {
            (browser.count("tbody tr").await == runs + 1).then_some(())
        })
        .await;
        browser.reads("tbody tr:first-child", "done").await;

        browser.open(&run.url("/agents")).await;
        let entry = "[id='agent-stage-list.follow']";
        browser
            .follow(&format!("{entry} form[action$='/pause'] button"))
            .await;
        browser.reads(&format!("{entry} .badge"), "paused").await;
        assert_eq!(agent(&place, "stage-list.follow")["state"], "paused");
        browser
            .follow(&format!("{entry} form[action$='/resume'] button"))
            .await;
        browser.reads(&format!("{entry} .badge"), "waiting").await;
        assert_eq!(agent(&place, "stage-list.follow")["state"], "waiting");
        browser.open(&run.url("/switches")).await;
        browser.reads("#changes", "stage-list.follow").await;
    })
    .await;
    run.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn parked_work_says_why_and_is_taken_up_again() {
    let portal = Portal::start(&["--deals", "20"]);
    let database = SqliteFile::new();
    // A pipeline that the portal does not have parks the upload
    let place = Workplace::new(&portal, &database).with("PORTAL__PIPELINES", "999");
    place.run(&["bulk", "stage-list", "--wait"]).expect_code(1);
    let place = place
        .with("PORTAL__PIPELINES", "3")
        .with("STAGE_LIST__INTERVAL", "1h");
    let run = Running::start(&place);
    browse(async |browser| {
        browser.open(&run.url("/")).await;
        browser.reads("#summary", "Something needs your attention.").await;
        browser.reads("#exchange-stage-list .problem", "999").await;
        browser
            .reads(
                "#exchange-stage-list .problem",
                "Put right what the message names",
            )
            .await;
        browser.follow("#exchange-stage-list .problem a").await;
        assert_eq!(browser.path().await, "/agents/stage-list.sync");
        browser.follow("form[action$='/resume'] button").await;
        browser.reads("#agent .badge", "done").await;
        assert_eq!(agent(&place, "stage-list.sync")["state"], "done");
        assert!(database.count(STAGES) > 0);
    })
    .await;
    run.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_is_started_and_its_result_comes_by_itself() {
    let database = SqliteFile::new();
    let (_portal, place) = brought_over("40", &database);
    // So that nothing mends what is broken here
    let place = place.with("ACTUALIZER__INTERVAL", "1h");
    place.run(&["agents", "pause", "history.follow"]).expect_code(0);
    let rows = database.count(MOVES);
    let run = Running::start(&place);
    browse(async |browser| {
        let card = "[id='table-CRM_STAGE_HISTORY_TEST']";
        browser.open(&run.url("/tables")).await;
        browser.reads(card, "Never compared with the portal").await;
        browser.reads(card, "nothing: the table is as it should be").await;
        browser.reads(card, &rows.to_string()).await;
        browser.follow(&format!("{card} form button")).await;
        browser.reads(&format!("{card} .badge.good"), "true").await;
        browser
            .reads(card, &format!("the portal has {rows} rows, the table {rows}"))
            .await;

        let gone = format!("SELECT MIN(EXTERNAL_ID) FROM {MOVES}");
        assert_eq!(
            database.execute(&format!("DELETE FROM {MOVES} WHERE EXTERNAL_ID = ({gone})")),
            1
        );
        browser.follow(&format!("{card} form button")).await;
        browser.reads(&format!("{card} .badge.bad"), "not true").await;
        browser
            .reads(card, "Missing in the table: 1, such as EXTERNAL_ID")
            .await;
        browser
            .reads(&format!("{card} details summary"), "Earlier verifications")
            .await;
    })
    .await;
    // The results are durable.
    run.stop();
    let run = Running::start(&place);
    browse(async |browser| {
        browser.open(&run.url("/tables")).await;
        browser
            .reads("[id='table-CRM_STAGE_HISTORY_TEST'] .badge.bad", "not true")
            .await;
    })
    .await;
    run.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_lacks_an_index_shows_what_a_migration_would_do() {
    let database = SqliteFile::new();
    let portal = Portal::start(&["--deals", "20"]);
    let place = Workplace::new(&portal, &database);
    let run = Running::start(&place);
    browse(async |browser| {
        browser.open(&run.url("/tables")).await;
        let card = "[id='table-CRM_STAGE_HISTORY_TEST']";
        browser.reads(card, "not there yet").await;
        browser.click(&format!("{card} summary")).await;
        browser.reads(&format!("{card} ol"), "create the table").await;
        browser.reads(&format!("{card} pre"), "CREATE TABLE").await;
        // A detail that was opened stays open while the page refreshes.
        browser
            .script(
                "document.querySelector(arguments[0]).dataset.seen = 1",
                vec![json!(format!("{card} .facts"))],
            )
            .await;
        until("a refresh", async || {
            let seen = "return document.querySelector(arguments[0]).dataset.seen";
            let seen = browser.script(seen, vec![json!(format!("{card} .facts"))]).await;
            seen.is_null().then_some(())
        })
        .await;
        let open = browser
            .script("return document.querySelector('details').open", Vec::new())
            .await;
        assert_eq!(open, json!(true));
    })
    .await;
    run.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn stages_are_listed_as_they_are_in_the_table_with_hostile_names_as_text() {
    let database = SqliteFile::new();
    let (portal, place) = brought_over("20", &database);
    let truth = portal.truth();
    let place = place.with("STAGE_LIST__INTERVAL", "1h");
    let run = Running::start(&place);
    let hostile =
        "<script>window.hacked=1</script><img src=x onerror=window.hacked=1>\" onclick=\"window.hacked=1";
    browse(async |browser| {
        until("the first look at the stages", async || {
            (agent(&place, "stage-list.follow")["run"].as_i64() > Some(0)).then_some(())
        })
        .await;
        let sql = format!(
            "UPDATE CRM_STAGE_LIST_TEST SET NAME = '{hostile}', NAME_INIT = '{hostile}', STATUS_ID = '{}', ACTIVE = 'N' \
             WHERE EXTERNAL_ID = (SELECT MIN(EXTERNAL_ID) FROM CRM_STAGE_LIST_TEST)",
            "<script>window.hacked=1</script>"
        );
        assert_eq!(database.execute(&sql), 1);
        browser.open(&run.url("/stages")).await;
        let names = "return [...document.querySelectorAll('.stage-name')].map(name => name.textContent)";
        let names = browser.script(names, Vec::new()).await;
        let names: Vec<&str> = names.as_array().unwrap().iter().filter_map(|name| name.as_str()).collect();
        assert_eq!(names.len(), truth.stages.len());
        assert!(names.contains(&hostile), "{names:?}");
        let wanted = truth.stages.values().skip(1).all(|stage| names.contains(&stage.name.as_str()));
        assert!(wanted, "{names:?}");
        browser.reads("tr.inactive", "removed from the portal").await;
        let lost = truth.stages.values().filter(|stage| stage.semantics.as_deref() == Some("F")).count();
        assert_eq!(browser.count("tbody .badge.bad").await, lost);

        // In every other place that takes words, too
        for path in [
            "/agents/%3Cscript%3Ewindow.hacked=1%3C%2Fscript%3E",
            "/?said=%3Cscript%3Ewindow.hacked=1%3C%2Fscript%3E",
            "/sign-in?next=%22%3E%3Cscript%3Ewindow.hacked=1%3C%2Fscript%3E",
            "/stages?x=%22%3E%3Cimg%20src%3Dx%20onerror%3Dwindow.hacked%3D1%3E",
        ] {
            browser.open(&run.url(path)).await;
            assert_eq!(browser.count("main script, main img").await, 0, "{path}");
            assert!(browser.script("return window.hacked ?? null", Vec::new()).await.is_null(), "{path}");
        }
        browser.no_complaints(&["status of 404"]).await;
    })
    .await;
    run.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_away_is_told_with_since_when_and_what_to_do() {
    let portal = Portal::start(&["--deals", "20"]);
    let place = Workplace::new(&portal, &SqliteFile::new()).with(
        "TARGET__URL",
        "mssql://sa:marked-secret@127.0.0.1:1/x?encrypt=off",
    );
    place.run(&["bulk", "stage-list"]).expect_code(0);
    let run = Running::start(&place);
    browse(async |browser| {
        browser.open(&run.url("/")).await;
        browser
            .reads("#target .lead", "The database does not answer.")
            .await;
        browser.reads("#target", "Away since").await;
        browser.reads("#target", "Work goes on by itself").await;
        browser.reads("#summary", "Nothing is lost").await;
        browser
            .reads("#exchange-stage-list .problem", "This passes by itself as a rule")
            .await;
        for path in [
            "/",
            "/switches",
            "/agents",
            "/agents/stage-list.sync",
            "/tables",
            "/stages",
        ] {
            browser.open(&run.url(path)).await;
            let all = browser
                .script("return document.documentElement.outerHTML", Vec::new())
                .await;
            let all = all.as_str().unwrap();
            assert!(
                !all.contains("marked-secret") && !all.contains("/rest/1/demo"),
                "{path}"
            );
        }
        browser.no_complaints(&[]).await;
    })
    .await;
    run.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_without_scripts() {
    let database = SqliteFile::new();
    let (_portal, place) = brought_over("20", &database);
    let place = place.with("WEB__ADMIN_PASSWORD", "long enough");
    let run = Running::start(&place);
    let look = Look {
        scripts: false,
        ..Look::default()
    };
    browse_as(look, async |browser| {
        browser.open(&run.url("/switches")).await;
        browser.sign_in("long enough").await;
        browser
            .follow("[id='switch-uploader.paused'] button[value=on]")
            .await;
        browser
            .find("[id='switch-uploader.paused'] button[value=on][aria-pressed=true]")
            .await;
        let held = place
            .run(&["settings", "get", "uploader.paused", "--json"])
            .expect_code(0);
        assert_eq!(held.json()[0]["value"], true);
        browser.open(&run.url("/agents")).await;
        browser
            .follow("[id='agent-stage-list.follow'] form[action$='/run'] button")
            .await;
        browser.reads(".said", "queued to run now").await;
    })
    .await;
    run.stop();
}
