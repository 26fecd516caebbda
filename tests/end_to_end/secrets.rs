//! Secrets stay where they were written.

use crate::harness::{Ended, Portal, SqliteFile, Workplace};

const SECRET: &str = "s3cretw0rdOfTheWebhook";
const PASSWORD: &str = "Pa55w0rdOfTheTarget";

#[track_caller]
fn hides(ended: &Ended) {
    for secret in [SECRET, PASSWORD] {
        assert!(!ended.all().contains(secret), "{}", ended.all());
    }
}

#[test]
fn the_secret_of_the_webhook_is_in_no_output_and_in_no_file() {
    let portal = Portal::start(&["--deals", "60", "--secret", SECRET, "--faults", "0.1"]);
    let database = SqliteFile::new();
    for format in ["text", "json"] {
        let place = Workplace::new(&portal, &database).with("LOG_FORMAT", format);
        for arguments in [
            &["-vvv", "check"][..],
            &["-vvv", "bulk", "history", "--wait"],
            &["-vvv", "verify"],
            &["-vvv", "status", "--json"],
            &["-vvv", "agents", "--json"],
        ] {
            hides(&place.run(arguments));
        }
        let mut run = place.start(&["run", "-vvv"]);
        run.says("stage list is in step");
        run.terminate();
        hides(&run.finish().expect_code(0));
        for file in place.files() {
            let bytes = std::fs::read(&file).unwrap();
            let there = bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes());
            assert!(!there, "{}", file.display());
        }
    }
    let bytes = std::fs::read(database.path()).unwrap();
    assert!(!bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()));
}

#[test]
fn a_portal_that_refuses_or_is_away_does_not_bring_the_secret_to_light() {
    let portal = Portal::start(&["--deals", "20", "--secret", "right"]);
    let refused = portal.webhook().replace("/right/", &format!("/{SECRET}/"));
    let away = format!("http://127.0.0.1:1/rest/1/{SECRET}/");
    for webhook in [refused, away] {
        let place = Workplace::new(&portal, &SqliteFile::new()).with("PORTAL__WEBHOOK_URL", &webhook);
        hides(&place.run(&["-vvv", "check"]).expect_code(1));
        let mut upload = place.start(&["-vvv", "bulk", "history", "--wait"]);
        if webhook.contains("127.0.0.1:1/") {
            upload.says("trying again in");
            upload.terminate();
        }
        hides(&upload.finish().expect_code(1));
        for file in place.files() {
            let bytes = std::fs::read(&file).unwrap();
            assert!(!bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()));
        }
    }
}

#[test]
fn a_webhook_that_is_wrong_is_told_without_its_secret() {
    let portal = Portal::start(&["--deals", "20"]);
    for wrong in [
        format!("http://portal.example/rest/1/{SECRET}/"),
        format!("https://portal.example/rest/x/{SECRET}/"),
        format!("https://portal.example/rest/1/{SECRET}/a/b/"),
        format!("https://user:{SECRET}@portal.example/rest/1/x/"),
        format!("https://portal.example/rest/1/{SECRET}/?a={PASSWORD}"),
        format!("portal.example/rest/1/{SECRET}"),
        format!("https://portal.example/rest/1/{SECRET}%/"),
    ] {
        let place = Workplace::new(&portal, &SqliteFile::new()).with("PORTAL__WEBHOOK_URL", &wrong);
        hides(&place.run(&["-vvv", "check"]).expect_code(2));
        let place = place.without("PORTAL__WEBHOOK_URL");
        place.write(
            "config/test.toml",
            &format!("[portal]\nwebhook_url = {wrong:?}\n"),
        );
        hides(&place.run(&["-vvv", "check"]).expect_code(2));
        place.write(
            "config/test.toml",
            &format!("[portal]\nwebhook_url = {wrong:?} oops\n"),
        );
        hides(&place.run(&["-vvv", "check"]).expect_code(2));
        place.write(
            "config/test.toml",
            &format!("[portal]\nwebhook_url = [{wrong:?}]\n"),
        );
        hides(&place.run(&["-vvv", "check"]).expect_code(2));
    }
}

#[test]
fn the_password_of_the_target_is_in_no_output_and_in_no_file() {
    let portal = Portal::start(&["--deals", "20"]);
    for url in [
        format!("mssql://loader:{PASSWORD}@127.0.0.1:1/crm"),
        format!("Server=tcp:127.0.0.1,1;Database=crm;User Id=loader;Password={PASSWORD};"),
    ] {
        let place = Workplace::new(&portal, &SqliteFile::new()).with("TARGET__URL", &url);
        hides(&place.run(&["-vvv", "check"]).expect_code(1));
        let mut upload = place.start(&["-vvv", "bulk", "stage-list", "--wait"]);
        upload.says("trying again in");
        upload.terminate();
        hides(&upload.finish().expect_code(1));
        for file in place.files() {
            let bytes = std::fs::read(&file).unwrap();
            assert!(
                !bytes
                    .windows(PASSWORD.len())
                    .any(|part| part == PASSWORD.as_bytes())
            );
        }
    }
    for wrong in [
        format!("mssql://loader:{PASSWORD}@host:99999/crm"),
        format!("mssql://loader:{PASSWORD}@/crm"),
        format!("mysql://loader:{PASSWORD}@host/crm"),
        format!("Server=host;Passwort={PASSWORD}"),
    ] {
        let place = Workplace::new(&portal, &SqliteFile::new()).with("TARGET__URL", &wrong);
        hides(&place.run(&["-vvv", "check"]).expect_code(2));
    }
}
