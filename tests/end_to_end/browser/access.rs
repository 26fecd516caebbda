//! Who gets in, and what nobody can do from outside.

use serde_json::json;

use super::{Browser, Running, agent, brought_over, browse};
use crate::harness::{SqliteFile, Workplace, visitor};

const PASSWORD: &str = "correct horse <b>battery</b>";

/// An answer to a request that no browser made.
struct Answer {
    status: u16,
    text: String,
}

/// Sends a request with these lines in its head.
fn ask(address: &str, first: &str, head: &[String], body: &str) -> Answer {
    let text = visitor::ask(address, first, head, body);
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok());
    Answer {
        status: status.expect("a status"),
        text,
    }
}

async fn signed_in(browser: &Browser, run: &Running) -> String {
    browser.open(&run.url("/")).await;
    browser.sign_in(PASSWORD).await;
    let cookie = browser.cookie("stage_exchange_session").await.expect("a session");
    format!(
        "Cookie: stage_exchange_session={}",
        cookie["value"].as_str().expect("a session has an id")
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_lets_in_another_does_not_and_signing_out_ends_it() {
    let database = SqliteFile::new();
    let (_portal, place) = brought_over("20", &database);
    let place = place.with("WEB__ADMIN_PASSWORD", PASSWORD);
    let run = Running::start(&place);
    browse(async |browser| {
        // Whoever opens a page is asked first
        browser.open(&run.url("/agents")).await;
        assert_eq!(browser.path().await, "/sign-in?next=%2Fagents");
        assert!(browser.cookie("stage_exchange_session").await.is_none());

        browser.sign_in("<script>alert(1)</script>").await;
        browser.reads("#wrong", "This is not the password.").await;
        assert_eq!(browser.path().await, "/sign-in");

        // The right one leads to what was asked for
        browser.open(&run.url("/sign-in?next=%2Fagents")).await;
        browser.sign_in(PASSWORD).await;
        assert_eq!(browser.path().await, "/agents");
        let cookie = browser.cookie("stage_exchange_session").await.expect("a session");
        assert_eq!(cookie["httpOnly"], true);
        assert_eq!(cookie["sameSite"], "Strict");
        assert_eq!(cookie["secure"], false, "there is no TLS here");

        // And out again: the session itself is over, not only its cookie
        browser.follow("form[action='/sign-out'] button").await;
        assert_eq!(browser.path().await, "/sign-in");
        let old = format!(
            "Cookie: stage_exchange_session={}",
            cookie["value"].as_str().unwrap()
        );
        assert_eq!(ask(&run.address, "GET /agents", &[old], "").status, 303);
        browser.open(&run.url("/")).await;
        assert_eq!(browser.path().await, "/sign-in");
        // Chromium notes a 403 as if a file were missing.
        browser.no_complaints(&["status of 403"]).await;
    })
    .await;
    run.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_some_wrong_passwords_even_the_right_one_has_to_wait() {
    let database = SqliteFile::new();
    let (_portal, place) = brought_over("20", &database);
    let run = Running::start(&place.with("WEB__ADMIN_PASSWORD", PASSWORD));
    browse(async |browser| {
        browser.open(&run.url("/sign-in")).await;
        for _ in 0..4 {
            browser.sign_in("wrong wrong").await;
            browser.reads("#wrong", "This is not the password.").await;
        }
        // The wait grows with each: ask until one meets a wait that is not over before the next try, however slow this machine is.
        super::until("the slow-down", async || {
            browser.sign_in("wrong wrong").await;
            let told = browser.text("#wrong").await;
            let left: String = told.chars().filter(char::is_ascii_digit).collect();
            (told.contains("Too many wrong passwords") && left.parse::<u32>().is_ok_and(|left| left >= 6))
                .then_some(())
        })
        .await;
        browser.sign_in(PASSWORD).await;
        browser.reads("#wrong", "Try again in").await;
        assert!(browser.cookie("stage_exchange_session").await.is_none());
    })
    .await;
    run.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_needs_a_session_a_token_and_a_page_of_the_panel() {
    let database = SqliteFile::new();
    let (_portal, place) = brought_over("20", &database);
    let place = place.with("WEB__ADMIN_PASSWORD", PASSWORD);
    let run = Running::start(&place);
    browse(async |browser| {
        let session = signed_in(browser, &run).await;
        browser.open(&run.url("/switches")).await;
        let token = browser
            .script("return document.querySelector('[name=token]').value", Vec::new())
            .await;
        let token = token.as_str().expect("a token");
        let set = "POST /switches/uploader.paused";
        let body = |token: &str| format!("token={token}&to=on");
        let held = || {
            let settings = place.run(&["settings", "get", "uploader.paused", "--json"]);
            settings.expect_code(0).json()[0]["value"] == json!(true)
        };

        // Without a session one is sent to the sign-in
        assert_eq!(ask(&run.address, set, &[], &body(token)).status, 303);
        let invented = format!("Cookie: stage_exchange_session={}", "0".repeat(64));
        assert_eq!(ask(&run.address, set, &[invented], &body(token)).status, 303);
        // Without the page's token nothing is changed
        for wrong in [
            String::new(),
            body(""),
            body(&"0".repeat(64)),
            body(token.get(..63).expect("64 digits")),
        ] {
            assert_eq!(
                ask(&run.address, set, std::slice::from_ref(&session), &wrong).status,
                403,
                "{wrong}"
            );
        }
        // Nor from another site's page, whatever it knows
        for origin in ["http://evil.example", "null", "http://127.0.0.1:1"] {
            let head = [session.clone(), format!("Origin: {origin}")];
            assert_eq!(
                ask(&run.address, set, &head, &body(token)).status,
                403,
                "{origin}"
            );
        }
        let cross = [session.clone(), "Sec-Fetch-Site: cross-site".to_owned()];
        assert_eq!(ask(&run.address, set, &cross, &body(token)).status, 403);
        // Nor by a name that only leads here
        let rebound = [session.clone(), "Host: evil.example".to_owned()];
        assert_eq!(ask(&run.address, set, &rebound, &body(token)).status, 421);
        assert_eq!(ask(&run.address, "GET /", &rebound, "").status, 421);
        // Nor by looking at an address: that leads to the page of the switches
        let looked = ask(
            &run.address,
            "GET /switches/uploader.paused?to=on",
            std::slice::from_ref(&session),
            "",
        );
        assert_eq!(looked.status, 303);
        assert!(looked.text.contains("location: /switches\r\n"), "{}", looked.text);
        assert!(!held());

        // A page whose token was tampered with says so
        browser
            .script(
                "document.querySelectorAll('[name=token]').forEach(field => field.value = 'x')",
                Vec::new(),
            )
            .await;
        browser
            .follow("[id='switch-uploader.paused'] button[value=on]")
            .await;
        browser.reads("h1", "Nothing was changed").await;
        assert!(!held());

        // And with all of it the change is made
        assert_eq!(ask(&run.address, set, &[session], &body(token)).status, 303);
        assert!(held());
    })
    .await;
    run.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_password_holds_at_once_and_signs_everybody_out() {
    let database = SqliteFile::new();
    let (_portal, place) = brought_over("20", &database);
    set_password(&place, "the first password");
    let run = Running::start(&place);
    browse(async |browser| {
        browser.open(&run.url("/stages")).await;
        browser.sign_in("the first password").await;
        assert_eq!(browser.path().await, "/stages");

        set_password(&place, "the second password");

        // The open page notices by itself.
        super::until("the sign-in page", async || {
            browser.path().await.starts_with("/sign-in").then_some(())
        })
        .await;
        browser.sign_in("the first password").await;
        browser.reads("#wrong", "This is not the password.").await;
        browser.sign_in("the second password").await;
        assert_eq!(browser.path().await, "/stages", "back to where one was");
    })
    .await;
    run.stop();
}

fn set_password(place: &Workplace, password: &str) {
    let ended = place.run_with_input(&["panel", "set-password", "--stdin"], password);
    assert!(ended.expect_code(0).stdout.contains("password is set"));
}

#[test]
fn without_a_password_only_this_machine_is_served() {
    let database = SqliteFile::new();
    let (_portal, place) = brought_over("20", &database);
    let place = place.with("WEB__LISTEN", "0.0.0.0:0");

    let refused = place.run(&["run"]).expect_code(2);
    for words in [
        "web.listen",
        "has no password",
        "panel set-password",
        "web.panel = false",
    ] {
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }

    // With the panel off, or with a password, it is served.
    let off = place.start(&["run", "--set", "web.panel=false"]);
    let mut off = off;
    off.says("the web server listens");
    off.terminate();
    off.finish().expect_code(0);
    set_password(&place, "long enough");
    let mut on = place.start(&["run"]);
    on.says("the web server listens");
    on.terminate();
    on.finish().expect_code(0);
}

#[test]
fn a_password_is_hashed_judged_and_never_shown() {
    let place = Workplace::empty();
    let hashed = place.run_with_input(&["panel", "hash-password", "--stdin"], "marked-secret");
    let hash = hashed.expect_code(0).stdout;
    assert!(hash.starts_with("$argon2id$"), "{hash}");
    let short = place.run_with_input(&["panel", "set-password", "--stdin"], "short");
    assert!(short.expect_code(2).stderr.contains("too short"));
    let silent = place.run_with_input(&["panel", "set-password"], "");
    assert!(silent.expect_code(2).stderr.contains("--stdin"));
    // A configured one wins, so setting another is refused.
    let configured = place.with("WEB__ADMIN_PASSWORD", hash.trim());
    let refused = configured.run_with_input(&["panel", "set-password", "--stdin"], "marked-secret");
    let refused = refused.expect_code(2);
    assert!(
        refused.stderr.contains("web.admin_password"),
        "{}",
        refused.stderr
    );
    assert!(!refused.all().contains("marked-secret") && !refused.all().contains(hash.trim()));
    // And a hash that was cut off is told at the start.
    let (_portal, place) = brought_over("20", &SqliteFile::new());
    let cut = place.with("WEB__ADMIN_PASSWORD", "$argon2id$v=19$m=19456");
    let refused = cut.run(&["run"]).expect_code(2);
    assert!(refused.stderr.contains("web.admin_password") && !refused.stderr.contains("19456"));
}

#[test]
fn events_and_health_need_no_session_and_metrics_may_have_an_address_of_their_own() {
    let (_portal, place) = brought_over("20", &SqliteFile::new());
    let place = place
        .with("WEB__ADMIN_PASSWORD", PASSWORD)
        .with("WEB__APPLICATION_TOKEN", "a-token")
        .with("WEB__METRICS_LISTEN", "127.0.0.1:0");
    let mut run = Running::start(&place);
    assert_eq!(ask(&run.address, "GET /healthz", &[], "").status, 200);
    assert_eq!(ask(&run.address, "GET /readyz", &[], "").status, 200);
    assert_eq!(ask(&run.address, "GET /metrics", &[], "").status, 404);
    let line: serde_json::Value =
        serde_json::from_str(&run.process.says("metrics are served")).expect("a line of JSON");
    let apart = line["fields"]["address"].as_str().expect("an address").to_owned();
    assert_ne!(apart, run.address);
    let metrics = ask(&apart, "GET /metrics", &[], "");
    assert_eq!(metrics.status, 200);
    assert!(
        metrics.text.contains("stage_exchange_build_info"),
        "{}",
        metrics.text
    );
    // No page is there, and no event is taken.
    for path in ["/", "/sign-in", "/tables", "/events"] {
        assert_eq!(ask(&apart, &format!("GET {path}"), &[], "").status, 404, "{path}");
    }
    let body = "event=ONCRMDEALUPDATE&data%5BFIELDS%5D%5BID%5D=1&auth%5Bapplication_token%5D=a-token";
    let taken = ask(&run.address, "POST /events", &[], body);
    assert_eq!(taken.status, 200, "{}", taken.text);
    assert_eq!(agent(&place, "history.deal")["key"], "1");
    run.stop();
}

#[test]
fn an_address_for_metrics_that_cannot_be_listened_on_is_named() {
    let (_portal, place) = brought_over("20", &SqliteFile::new());
    let refused = place
        .run(&["run", "--set", "web.metrics_listen=nowhere"])
        .expect_code(2);
    assert!(
        refused.stderr.contains("web.metrics_listen"),
        "{}",
        refused.stderr
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let set = format!("web.metrics_listen={address}");
    let refused = place.run(&["run", "--set", &set]).expect_code(1);
    for words in [address.as_str(), "web.metrics_listen"] {
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
}
