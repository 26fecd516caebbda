//! Everything is done once with marked secrets, with faults, at `-vvv`, as text and as JSON; then everything that was said, answered and
//! kept is searched for them, also as other programs might have written them.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;

use mssql_testkit::{Direction, Fault};

use crate::harness::{
    Answered, Ended, Portal, Proxied, Visitor, Workplace, event, free_port, post, wait_until,
};

/// Each has what some encoding writes in another way. None looks like a key.
const WEBHOOK: &str = "MarkedHookWord";
const PASSWORD: &str = "Marked;Pass word+/'é%\"Q";
const TOKEN: &str = "marked.token~of-the_hook";
const ADMIN: &str = "Marked admin & word";

/// Pages of the panel are called this and their path.
const PAGE: &str = "the page";

/// What was said, answered or kept, and where.
#[derive(Default)]
struct Haystack(Vec<(String, Vec<u8>)>);

impl Haystack {
    fn add(&mut self, place: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.push((place.into(), bytes.into()));
    }

    fn said(&mut self, what: &str, ended: &Ended) {
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
        self.add(format!("stdout of {what}"), ended.stdout.clone());
        self.add(format!("stderr of {what}"), ended.stderr.clone());
    }

    fn answered(&mut self, what: &str, answered: &Answered) {
        self.add(
            format!("{PAGE} {what}"),
            format!("{}\r\n\r\n{}", answered.head, answered.body),
        );
    }

    /// No form of the secret is anywhere.
    fn is_without(&self, secret: &str) {
        self.is_without_but(secret, |_| false);
    }

    /// No form of the secret is anywhere but in the places where it belongs.
    fn is_without_but(&self, secret: &str, belongs: impl Fn(&str) -> bool) {
        let forms = forms(secret);
        for (place, bytes) in self.0.iter().filter(|(place, _)| !belongs(place)) {
            let folded = bytes.to_ascii_lowercase();
            for (form, wanted) in &forms {
                let wanted = wanted.to_ascii_lowercase();
                let found = folded.windows(wanted.len()).any(|part| part == wanted);
                let text = || String::from_utf8_lossy(bytes).into_owned();
                assert!(!found, "{secret:?} is in {place}, {form}:\n{}", text());
            }
        }
    }
}

/// A secret in the ways in which programs write texts.
fn forms(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let percent = |plain: &dyn Fn(u8) -> bool| -> Vec<u8> {
        let encode = |byte: u8| match plain(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        };
        secret.bytes().map(encode).collect::<String>().into_bytes()
    };
    let json = serde_json::to_string(secret).expect("a text");
    let mut forms = vec![
        ("as it is", secret.as_bytes().to_vec()),
        ("percent-encoded", percent(&|byte| byte.is_ascii_alphanumeric())),
        (
            "percent-encoded but for unreserved signs",
            percent(&|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)),
        ),
        (
            "percent-encoded but for ASCII signs",
            percent(&|byte| byte.is_ascii_graphic()),
        ),
        ("as JSON", json.trim_matches('"').as_bytes().to_vec()),
        (
            "as Rust writes it",
            format!("{secret:?}").trim_matches('"').as_bytes().to_vec(),
        ),
        ("backwards", secret.chars().rev().collect::<String>().into_bytes()),
        (
            "in UTF-16",
            secret.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        ),
        (
            "in hexadecimal",
            secret
                .bytes()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
                .into_bytes(),
        ),
    ];
    // Of base64 what does not depend on what stands beside it, for each of the three places it may begin at.
    for before in 0..3 {
        let mut padded = vec![0; before];
        padded.extend_from_slice(secret.as_bytes());
        let whole = padded.len() / 3 * 3;
        let skip = if before == 0 { 0 } else { 4 };
        forms.push(("in base64", base64(&padded[..whole])[skip..].to_vec()));
    }
    // What is of letters and digits alone is the same in most of them.
    let mut seen = BTreeSet::new();
    forms.retain(|(_, bytes)| seen.insert(bytes.clone()));
    forms
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sign = |of: u32| SIGNS[usize::try_from(of & 63).expect("six bits")];
    bytes
        .chunks_exact(3)
        .flat_map(|three| {
            let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
            [18, 12, 6, 0].map(|shift| sign(bits >> shift))
        })
        .collect()
}

/// Sends a request as it is, and gives all that comes back.
fn ask(port: u16, request: &str) -> Vec<u8> {
    let mut answer = Vec::new();
    if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
        // A connection that the other side ends is an answer, too.
        stream.write_all(request.as_bytes()).ok();
        stream.read_to_end(&mut answer).ok();
    }
    answer
}

fn get(port: u16, path: &str) -> Vec<u8> {
    ask(
        port,
        &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
    )
}

#[test]
fn what_is_searched_for_is_found_in_every_form() {
    for secret in [WEBHOOK, PASSWORD, TOKEN, ADMIN] {
        for (form, bytes) in forms(secret) {
            let mut haystack = Haystack::default();
            haystack.add("here", [b"x=".as_slice(), &bytes, b"&"].concat());
            let search = std::panic::AssertUnwindSafe(|| haystack.is_without(secret));
            assert!(std::panic::catch_unwind(search).is_err(), "{secret:?} {form}");
        }
    }
    assert_eq!(base64(b"Stage!"), b"U3RhZ2Uh");
}

#[test]
fn no_secret_is_in_anything_that_is_said_answered_or_kept() {
    let portal = Portal::start(&[
        "--deals", "40", "--secret", WEBHOOK, "--faults", "0.1", "--seed", "5",
    ]);
    let mut haystack = Haystack::default();
    let mut sessions = Vec::new();
    for format in ["text", "json"] {
        let database = Proxied::with_password(PASSWORD);
        let port = free_port();
        let mut place = Workplace::new(&portal, &database)
            .with("LOG_FORMAT", format)
            .with("WEB__LISTEN", &format!("127.0.0.1:{port}"))
            .with("WEB__APPLICATION_TOKEN", TOKEN);
        // The panel's password is once in the configuration and once in the state.
        let configured = format == "text";
        if configured {
            place = place.with("WEB__ADMIN_PASSWORD", ADMIN);
        }

        // Everything, with a target that breaks off now and then.
        for (words, fault) in [
            (&["check"][..], Fault::None),
            (&["check", "--json"], Fault::CutAfter(Direction::ToClient, 300)),
            (&["migrate", "--plan"], Fault::None),
            (&["migrate"], Fault::None),
            (
                &["bulk", "stage-list", "--wait"],
                Fault::LoseAnswer("COMMIT TRANSACTION"),
            ),
            (&["bulk", "history"], Fault::None),
            (&["bulk", "history", "--wait"], Fault::LoseRequest("INSERT BULK")),
            (&["verify"], Fault::None),
            (&["verify", "--json"], Fault::LoseAnswer("SELECT")),
            (&["status"], Fault::None),
            (&["status", "--json"], Fault::ResetAfter(Direction::ToServer, 200)),
            (&["agents"], Fault::None),
            (&["agents", "--json"], Fault::None),
            (&["agents", "pause", "history.upload"], Fault::None),
            (&["agents", "resume", "history.upload"], Fault::None),
            (&["settings"], Fault::None),
            (&["settings", "set", "uploader.pace", "fast"], Fault::None),
            (&["settings", "set", "uploader.pace", TOKEN], Fault::None),
            (&["completions", "bash"], Fault::None),
            (&["panel", "remove-password"], Fault::None),
        ] {
            database.proxy().set(fault);
            let ended = place.run(&[words, &["-vvv"]].concat());
            database.proxy().set(Fault::None);
            // What was typed may be said again; it was no secret there.
            if !words.contains(&TOKEN) {
                haystack.said(&words.join(" "), &ended);
            }
        }

        for (word, code) in [
            ("set-password", if configured { 2 } else { 0 }),
            ("hash-password", 0),
        ] {
            let ended = place.run_with_input(&["panel", word, "--stdin", "-vvv"], &format!("{ADMIN}\n"));
            haystack.said(word, &ended.expect_code(code));
        }

        // The service, its pages, its events, and its two ends.
        let mut run = place.start(&["run", "-vvv"]);
        run.says("running; stop with");
        for body in [
            event(1, TOKEN),
            event(2, "another-token"),
            event(3, &TOKEN.to_ascii_uppercase()),
            format!("auth%5Bapplication_token%5D={TOKEN}"),
            format!("{}&x=%FF", event(4, TOKEN)),
            format!("event={TOKEN}%00&auth%5Bapplication_token%5D={TOKEN}"),
            format!("{}&{}", event(5, TOKEN), "a=1&".repeat(2_000)),
        ] {
            let (_, answer) = post(port, &body).expect("an answer");
            haystack.add("an answer to an event", answer);
        }
        for path in [
            "/",
            "/healthz",
            "/readyz",
            "/metrics",
            "/events",
            "/nothing",
            "/sign-in",
            "/agents",
            "/switches",
        ] {
            haystack.add(path, get(port, path));
        }
        for request in [
            format!("POST /events?token={TOKEN} HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n"),
            format!(
                "GET /{WEBHOOK}/{TOKEN} HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n"
            ),
            format!("NONSENSE {TOKEN}\r\n\r\n"),
        ] {
            haystack.add("an answer to a wrong request", ask(port, &request));
        }
        sessions.push(use_the_panel(port, &mut haystack));
        database.proxy().set(Fault::CutNow);
        run.says("stage list is in step");
        haystack.said("run, killed", &run.kill_and_tell());
        for file in place.files() {
            let bytes = std::fs::read(&file).expect("a file");
            haystack.add(file.display().to_string(), bytes);
        }
        let mut run = place.start(&["run", "-vvv"]);
        run.says("running; stop with");
        run.terminate();
        haystack.said("run, stopped", &run.finish().expect_code(0));

        refused(&portal, &database, place, &mut haystack);
    }
    for secret in [WEBHOOK, PASSWORD, TOKEN, ADMIN] {
        haystack.is_without(secret);
    }
    for Session { id, token } in &sessions {
        haystack.is_without(id);
        haystack.is_without_but(token, |place| place.starts_with(PAGE));
    }
}

/// What tells one who has signed in from others: the cookie, and the token of the forms.
struct Session {
    id: String,
    token: String,
}

/// Signs in, after a wrong password, looks at every page, sends every form, and signs out.
fn use_the_panel(port: u16, haystack: &mut Haystack) -> Session {
    let mut visitor = Visitor::at_the_door(port);
    let wrong = visitor.send_form("/sign-in", &[("password", &format!("{ADMIN}2"))]);
    assert_eq!(wrong.status, 403, "{}", wrong.head);
    haystack.answered("/sign-in, a wrong password", &wrong);
    let right = visitor.send_form("/sign-in", &[("password", ADMIN), ("next", "/agents")]);
    assert_eq!(right.status, 303, "{}", right.body);
    haystack.answered("/sign-in", &right);
    let id = visitor.cookie("stage_exchange_session").expect("a session");
    let id = id.to_owned();
    for path in [
        "/",
        "/switches",
        "/agents",
        "/agents/history.upload",
        "/tables",
        "/stages",
        "/analysis",
        "/nothing",
        "/agents/%3Cb%3E",
    ] {
        haystack.answered(path, &visitor.look(path));
    }
    let token = visitor.token.clone();
    // What a person types into the wrong field is the person's to lose, so no secret is a value here.
    for (path, fields) in [
        ("/switches/uploader.pace", &[("to", "gentle")][..]),
        ("/switches/uploader.pace", &[("to", "nonsense")]),
        ("/switches/nothing", &[("to", "on")]),
        ("/uploads/history", &[]),
        ("/uploads/history", &[("confirmed", "yes")]),
        ("/agents/history.upload/pause", &[("back", "detail")]),
        ("/agents/history.upload/resume", &[]),
        ("/agents/history.follow/run", &[]),
        ("/tables/history/verify", &[]),
        ("/language", &[("to", "ru"), ("back", "/tables")]),
    ] {
        let answered = visitor.send_form(path, fields);
        assert!(
            [200, 303, 403, 404].contains(&answered.status),
            "{path}: {} {}",
            answered.head,
            answered.body
        );
        haystack.answered(path, &answered);
    }
    haystack.answered("/switches, in the other language", &visitor.look("/switches"));
    haystack.add("/metrics, to one who is signed in", visitor.look("/metrics").body);
    let out = visitor.send_form("/sign-out", &[]);
    assert_eq!(out.status, 303, "{}", out.body);
    haystack.answered("/sign-out", &out);
    assert!(token.len() == 64 && id.len() == 64, "{token} {id}");
    Session { id, token }
}

/// The same with each secret refused: what a server says about a wrong one is repeated by nobody.
fn refused(portal: &Portal, database: &Proxied, place: Workplace, haystack: &mut Haystack) {
    use crate::harness::Database as _;
    let hook = portal.webhook().replace(WEBHOOK, &format!("{WEBHOOK}2"));
    let place = place.with("PORTAL__WEBHOOK_URL", &hook);
    haystack.said(
        "check, a wrong webhook",
        &place.run(&["check", "-vvv"]).expect_code(1),
    );
    haystack.said(
        "bulk, a wrong webhook",
        &place.run(&["bulk", "history", "--wait", "-vvv"]).expect_code(1),
    );
    let place = place
        .with("PORTAL__WEBHOOK_URL", portal.webhook())
        .with("TARGET__URL", &database.url().replace("sa:", "sa:Not"));
    haystack.said(
        "check, a wrong password",
        &place.run(&["check", "-vvv"]).expect_code(1),
    );
    let upload = place.start(&["bulk", "history", "--wait", "-vvv"]);
    wait_until("a refused login", || {
        upload.said().contains("trying again in").then_some(())
    });
    upload.terminate();
    haystack.said("bulk, a wrong password", &upload.finish().expect_code(1));
    for file in place.files() {
        let bytes = std::fs::read(&file).expect("a file");
        haystack.add(file.display().to_string(), bytes);
    }
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_the_state_whatever_the_umask_is() {
    use std::os::unix::fs::PermissionsExt as _;

    let portal = Portal::start(&["--deals", "20"]);
    let place = Workplace::new(&portal, &crate::harness::SqliteFile::new());
    let loose = ["sh", "-c", "umask 000; exec \"$@\"", "sh"].map(str::to_owned);
    let mut run = place.start_through(&loose, &["run"]);
    run.says("stage list is in step");
    let mode = |path: &std::path::Path| path.metadata().expect("it is there").permissions().mode() & 0o777;
    let state = place.state();
    assert_eq!(mode(state.parent().expect("its folder")), 0o700);
    let mut names = Vec::new();
    for file in place.files() {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        assert_eq!(mode(&file), 0o600, "{name}");
        names.push(name);
    }
    // The log and its index stand beside the file while the program runs, and were looked at, too.
    for end in ["", "-wal", "-shm"] {
        assert!(names.contains(&format!("state.sqlite{end}")), "{names:?}");
    }
    run.terminate();
    run.finish().expect_code(0);
}
