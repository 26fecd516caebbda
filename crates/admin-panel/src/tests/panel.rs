//! The panel over real sockets, with facts that a hostile portal could have made.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent::{CancellationToken, Failure, Progress};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::{Answer, Client, Health, Sink, options};
use crate::panel::auth::password;
use crate::panel::facts::*;
use crate::panel::{NotChanged, Panel, PanelOptions, PanelSource, Steering};
use crate::{EventSink, HealthSource, WebServer};

const HOSTILE: &str = "<script>alert('x')</script>\" onload=\"alert(1)&amp;";

/// Tells hostile facts, and notes what it is asked to do.
#[derive(Default)]
pub(super) struct Program {
    pub(super) password: Option<SecretString>,
    pub(super) asked: Mutex<Vec<String>>,
    broken: bool,
    /// What is in the target, when it is not hostile.
    database: Option<Database>,
}

pub(super) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

fn text() -> String {
    HOSTILE.to_owned()
}

fn work() -> WorkFacts {
    WorkFacts {
        agent: text(),
        key: text(),
        state: WorkState::Waiting,
        due_at: now(),
        attempts: 3,
        started_at: Some(now()),
        finished_at: Some(now()),
        succeeded_at: Some(now()),
        error: Some(ErrorFacts {
            text: text(),
            nature: ErrorNature::Passing,
            at: Some(now()),
        }),
        progress: Some(Progress::new(5, Some(9), HOSTILE).with_note(HOSTILE)),
        interval: None,
    }
}

fn agent_facts() -> AgentFacts {
    AgentFacts {
        name: text(),
        exchange: text(),
        paused: false,
        work: Some(work()),
        counts: vec![(WorkState::Waiting, 2)],
    }
}

fn exchange_facts() -> ExchangeFacts {
    ExchangeFacts {
        name: text(),
        exists: Some(true),
        rows: Some(5),
        newest: Some(now()),
        upload: Some(work()),
        look: Some(work()),
        switches: Vec::new(),
        failing: vec![work()],
        verified: None,
    }
}

impl Program {
    /// One whose target holds this.
    pub(super) fn with(database: Database) -> Self {
        Self {
            database: Some(database),
            ..Self::default()
        }
    }

    fn check(&self) -> Result<(), Failure> {
        if self.broken {
            Err(Failure::passing(HOSTILE))
        } else {
            Ok(())
        }
    }

    fn note(&self, what: impl Into<String>) {
        self.asked.lock().unwrap().push(what.into());
    }
}

#[async_trait]
impl PanelSource for Program {
    fn about(&self) -> About {
        About {
            portal: text(),
            target: text(),
            environment: text(),
            timezone: chrono_tz::Tz::UTC,
            version: text(),
        }
    }

    fn now(&self) -> DateTime<Utc> {
        now()
    }

    async fn password(&self) -> Result<Option<SecretString>, Failure> {
        Ok(self.password.clone())
    }

    async fn overview(&self) -> Result<Overview, Failure> {
        self.check()?;
        Ok(Overview {
            now: now(),
            exchanges: vec![exchange_facts()],
            target: TargetFacts {
                reachable: Some(false),
                since: Some(now()),
                text: text(),
            },
            portal: PortalFacts {
                tokens: Some(3),
                burst: Some(50),
                paused_for: None,
                blocked_for: None,
                methods: vec![MethodFacts {
                    method: text(),
                    used: 400.0,
                    limit: Some(480.0),
                    blocked_for: Some(Duration::from_secs(5)),
                }],
                requests: 5,
                refused: 0,
            },
        })
    }

    async fn switchboard(&self) -> Result<Switchboard, Failure> {
        self.check()?;
        Ok(Switchboard {
            now: now(),
            switches: vec![SwitchFacts {
                key: text(),
                exchange: text(),
                form: SwitchForm::OneOf(vec![text()]),
                value: text(),
                default: text(),
                set_at: Some(now()),
                about: text(),
            }],
            uploads: vec![exchange_facts()],
            changes: vec![ChangeFacts {
                at: now(),
                what: text(),
                from: text(),
                to: text(),
                by: text(),
            }],
        })
    }

    async fn agents(&self) -> Result<Vec<AgentFacts>, Failure> {
        self.check()?;
        Ok(vec![agent_facts()])
    }

    async fn agent(&self, name: &str) -> Result<Option<AgentDetail>, Failure> {
        self.check()?;
        Ok((name != "nobody").then(|| AgentDetail {
            now: now(),
            agent: agent_facts(),
            open: vec![work()],
            runs: vec![RunFacts {
                run: 1,
                key: text(),
                attempt: 1,
                started_at: now(),
                finished_at: None,
                ending: RunEnding::Failed,
                error: Some(text()),
                gathered: 2,
            }],
        }))
    }

    async fn database(&self) -> Result<Database, Failure> {
        self.check()?;
        if let Some(database) = &self.database {
            return Ok(database.clone());
        }
        let finding = FindingFacts {
            count: 1,
            examples: vec![7],
            columns: vec![text()],
        };
        let steps = PlanFacts::Steps {
            steps: vec![text()],
            statements: vec![text()],
        };
        Ok(Database {
            tables: vec![TableFacts {
                name: text(),
                exchange: text(),
                exists: Some(true),
                rows: Some(5),
                columns: 3,
                indexes: 1,
                plan: steps.clone(),
                notes: vec![text()],
                error: Some(text()),
                verifications: vec![VerificationFacts {
                    at: now(),
                    took: Duration::from_secs(2),
                    by: text(),
                    portal: 5,
                    stored: 5,
                    missing: finding.clone(),
                    different: finding.clone(),
                    extra: finding.clone(),
                    duplicate: finding.clone(),
                    kept: finding,
                    unfinished: Some(text()),
                    ..VerificationFacts::default()
                }],
                verifying: Some(work()),
            }],
            views: vec![ViewFacts {
                name: text(),
                state: ViewState::Missing,
                plan: steps,
                error: Some(text()),
            }],
        })
    }

    async fn stages(&self) -> Result<Result<Vec<StageFacts>, String>, Failure> {
        self.check()?;
        Ok(Ok(vec![StageFacts {
            external_id: 1,
            status_id: text(),
            pipeline: 3,
            name: text(),
            name_init: Some(text()),
            sort: Some(10),
            system: true,
            semantics: Semantics::Lost,
            active: false,
        }]))
    }
}

#[async_trait]
impl Steering for Program {
    async fn set_switch(&self, key: &str, word: Option<&str>) -> Result<(), NotChanged> {
        self.note(format!("{key}={word:?}"));
        match key {
            "unknown" => Err(NotChanged::Unknown),
            "broken" => Err(NotChanged::Failed(Failure::passing(HOSTILE))),
            _ => Ok(()),
        }
    }

    async fn start_upload(&self, exchange: &str) -> Result<(), NotChanged> {
        self.note(format!("upload {exchange}"));
        Ok(())
    }

    async fn run_agent(&self, name: &str) -> Result<(), NotChanged> {
        self.note(format!("run {name}"));
        Ok(())
    }

    async fn pause_agent(&self, name: &str) -> Result<(), NotChanged> {
        self.note(format!("pause {name}"));
        Ok(())
    }

    async fn resume_agent(&self, name: &str) -> Result<(), NotChanged> {
        self.note(format!("resume {name}"));
        Ok(())
    }

    async fn start_verification(&self, exchange: &str) -> Result<(), NotChanged> {
        self.note(format!("verify {exchange}"));
        Ok(())
    }
}

pub(super) struct Served {
    pub(super) address: std::net::SocketAddr,
    pub(super) program: Arc<Program>,
    stop: CancellationToken,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(super) async fn serve(program: Program, options_of_panel: PanelOptions) -> Served {
    let program = Arc::new(program);
    let sink: Arc<dyn EventSink> = Arc::new(Sink::default());
    let health: Arc<dyn HealthSource> = Arc::new(Health::default());
    let server = WebServer::bind(options(), sink, health)
        .await
        .unwrap()
        .with_panel(Panel {
            options: options_of_panel,
            source: Arc::<Program>::clone(&program),
            steering: Arc::<Program>::clone(&program),
        });
    let (address, stop) = (server.local_addr(), CancellationToken::new());
    tokio::spawn(server.serve(stop.clone()));
    Served {
        address,
        program,
        stop,
    }
}

impl Served {
    pub(super) async fn ask(&self, first: &str, head: &[&str], body: &str) -> Answer {
        let host = self.address.to_string();
        let mut request = format!("{first} HTTP/1.1\r\nContent-Length: {}\r\n", body.len());
        if !head.iter().any(|line| line.starts_with("Host:")) {
            request.push_str(&format!("Host: {host}\r\n"));
        }
        for line in head {
            request.push_str(&format!("{line}\r\n"));
        }
        request.push_str(&format!("\r\n{body}"));
        Client::to(self.address).await.ask(request).await.unwrap()
    }
}

/// The value of the form token in a page.
pub(super) fn token(page: &str) -> &str {
    let (_, rest) = page.split_once("name=\"token\" value=\"").expect("a form");
    rest.split('"').next().unwrap()
}

const PAGES: [&str; 6] = ["/", "/switches", "/agents", "/agents/x", "/tables", "/stages"];

#[tokio::test]
async fn whatever_the_facts_say_is_shown_as_text_in_both_languages() {
    let served = serve(Program::default(), PanelOptions::default()).await;
    for language in ["en", "ru"] {
        let accept = format!("Accept-Language: {language}");
        for page in PAGES {
            let answer = served.ask(&format!("GET {page}"), &[&accept], "").await;
            assert_eq!(answer.status, 200, "{page}");
            assert!(answer.body.contains("&lt;script&gt;alert("), "{page}");
            assert!(!answer.body.contains("<script>"), "{page}");
            assert!(!answer.body.contains("\" onload="), "{page}");
            assert!(
                answer.body.contains(&format!("<html lang=\"{language}\">")),
                "{page}"
            );
            let policy = answer.header("content-security-policy").unwrap();
            assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
        }
    }
}

#[tokio::test]
async fn a_program_that_cannot_tell_is_a_page_that_says_so() {
    let program = Program {
        broken: true,
        ..Program::default()
    };
    let served = serve(program, PanelOptions::default()).await;
    for page in PAGES {
        let answer = served.ask(&format!("GET {page}"), &[], "").await;
        assert_eq!(answer.status, 503, "{page}");
        assert!(
            answer.body.contains("Not now") && !answer.body.contains("<script>"),
            "{page}"
        );
    }
}

#[tokio::test]
async fn without_a_password_changes_still_need_the_token_of_the_page() {
    let served = serve(Program::default(), PanelOptions::default()).await;
    let page = served.ask("GET /switches", &[], "").await;
    let cookie = page.header("set-cookie").unwrap().split(';').next().unwrap();
    assert!(
        page.header("set-cookie")
            .unwrap()
            .ends_with("; Path=/; HttpOnly; SameSite=Strict")
    );
    let token = token(&page.body);
    let cookie = format!("Cookie: {cookie}");
    let body = format!("token={token}&to=on");
    let changes = [
        ("/switches/a.b", body.as_str(), "a.b=Some(\"on\")"),
        ("/uploads/history", &body, "upload history"),
        ("/agents/a/run", &body, "run a"),
        ("/agents/a/pause", &body, "pause a"),
        ("/agents/a/resume", &body, "resume a"),
        ("/tables/history/verify", &body, "verify history"),
    ];
    for (path, body, asked) in changes {
        let first = format!("POST {path}");
        assert_eq!(served.ask(&first, &[], body).await.status, 403, "{path}");
        assert_eq!(
            served.ask(&first, &[&cookie], "to=on").await.status,
            403,
            "{path}"
        );
        let foreign = "Origin: http://evil.example";
        assert_eq!(
            served.ask(&first, &[&cookie, foreign], body).await.status,
            403,
            "{path}"
        );
        // Looking at its address leads to the page that it belongs to.
        let looked = served.ask(&format!("GET {path}"), &[&cookie], "").await;
        let page = match path {
            _ if path.starts_with("/agents") => "/agents",
            _ if path.starts_with("/tables") => "/tables",
            _ => "/switches",
        };
        assert_eq!(
            (looked.status, looked.header("location")),
            (303, Some(page)),
            "{path}"
        );
        assert!(served.program.asked.lock().unwrap().is_empty(), "{path}");
        let answer = served.ask(&first, &[&cookie], body).await;
        assert_eq!(answer.status, 303, "{path}");
        let done = std::mem::take(&mut *served.program.asked.lock().unwrap());
        assert_eq!(done, [asked]);
    }
    for (path, status) in [
        ("/switches/unknown", 404),
        ("/switches/broken", 503),
        ("/agents/a/explode", 404),
    ] {
        let answer = served.ask(&format!("POST {path}"), &[&cookie], &body).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(!answer.body.contains("<script>"));
    }
    let huge = format!("token={token}&to={}", "x".repeat(20_000));
    assert_eq!(
        served.ask("POST /switches/a.b", &[&cookie], &huge).await.status,
        403
    );
}

#[tokio::test]
async fn behind_tls_cookies_are_for_tls_alone() {
    let program = Program {
        password: Some(password::hash(&"long enough".into()).unwrap()),
        ..Program::default()
    };
    let mut panel = PanelOptions::default();
    panel.set_public_url("https://panel.example/").unwrap();
    panel.trusted_proxies = vec![std::net::IpAddr::from([127, 0, 0, 1])];
    let served = serve(program, panel).await;
    let proxied = [
        "Host: panel.example",
        "X-Forwarded-Proto: https",
        "X-Forwarded-For: 192.0.2.1",
    ];

    let page = served.ask("GET /sign-in", &proxied, "").await;
    let cookie = page.header("set-cookie").unwrap();
    assert!(
        cookie.starts_with("__Host-stage_exchange_token=") && cookie.ends_with("; Secure"),
        "{cookie}"
    );
    let cookie = format!("Cookie: {}", cookie.split(';').next().unwrap());
    let body = format!(
        "token={}&password=long+enough&next=//evil.example",
        token(&page.body)
    );
    let head = [
        proxied[0],
        proxied[1],
        proxied[2],
        &cookie,
        "Origin: https://panel.example",
    ];
    let answer = served.ask("POST /sign-in", &head, &body).await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.header("location"), Some("/"));
    let session = answer.header("set-cookie").unwrap();
    assert!(
        session.starts_with("__Host-stage_exchange_session=") && session.ends_with("; Secure"),
        "{session}"
    );
    let session = format!("Cookie: {}", session.split(';').next().unwrap());
    let page = served.ask("GET /", &[proxied[0], proxied[1], &session], "").await;
    assert_eq!(page.status, 200);
    // On plain HTTP the same cookie means nothing.
    let plain = served.ask("GET /", &["Host: 127.0.0.1", &session], "").await;
    assert_eq!(plain.status, 303);
}

#[tokio::test]
async fn files_are_kept_for_ever_under_names_of_their_content() {
    let served = serve(Program::default(), PanelOptions::default()).await;
    let page = served.ask("GET /", &[], "").await;
    let mut names = 0;
    for part in page.body.split('"').filter(|part| part.starts_with("/static/")) {
        let file = served.ask(&format!("GET {part}"), &[], "").await;
        assert_eq!(file.status, 200, "{part}");
        assert_eq!(
            file.header("cache-control"),
            Some("public, max-age=31536000, immutable")
        );
        names += 1;
    }
    assert_eq!(names, 4);
    assert_eq!(
        served.ask("GET /static/style-0000.css", &[], "").await.status,
        404
    );
}
