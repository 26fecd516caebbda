//! What is done with input from outside, one function for each kind of it. A probe takes any bytes at all; it panics when the program
//! does, or when something that is shown holds a secret.
//!
//! The tests beside this file give them made-up bytes; the targets under `fuzz/`, which share it, give them bytes that reach further and
//! further into the code.

use std::borrow::Cow;
use std::fmt::{Debug, Display};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bitrix_client::{
    Client, ClientConfig, HistoryChain, HistoryQuery, OutgoingEvent, Transport, TransportError,
    TransportRequest, TransportResponse, WebhookUrl,
};
use exchange::{Switch, SwitchKind};
use runner::{Config, GlobalOptions, LogFormat};
use store_mssql::MssqlTarget;

/// What must never show. It looks like no key and no token, so that nothing but knowing it can hide it.
const SECRET: &str = "qzjxsecretqzjx";

/// This byte in an input stands for the secret.
const HERE: char = '\u{1}';

fn text(data: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(data)
}

#[track_caller]
fn hides(shown: &str) {
    assert!(
        !shown.to_ascii_lowercase().contains(SECRET),
        "the secret shows: {shown}"
    );
}

/// An error as anybody may show it, with all of its causes.
#[track_caller]
fn hidden_in(error: &(dyn std::error::Error + 'static)) {
    let mut next = Some(error);
    while let Some(error) = next {
        hides(&format!("{error} {error:?} {error:#?}"));
        next = error.source();
    }
}

#[track_caller]
fn hidden_in_value(value: &(impl Display + Debug)) {
    hides(&format!("{value} {value:?}"));
}

/// The body of a request to `/events`.
pub(crate) fn event(data: &[u8]) {
    let body = text(data).replace(HERE, SECRET);
    let with_token = format!("{body}&auth[application_token]={SECRET}");
    for bytes in [data, body.as_bytes(), with_token.as_bytes()] {
        match OutgoingEvent::parse(bytes) {
            // What an attacker calls an event is theirs to see; the token alone is not.
            Ok(event) => {
                assert!(!event.event.is_empty() && event.object_id.is_none_or(|id| id > 0));
                let mut without = event.clone();
                without.application_token = None;
                let (shown, others) = (format!("{event:?}"), format!("{without:?}"));
                assert!(
                    shown.matches(SECRET).count() <= others.matches(SECRET).count(),
                    "{shown}"
                );
            }
            Err(error) => hidden_in(&error),
        }
    }
}

/// A portal that gives one answer to everything.
#[derive(Debug)]
struct Always(TransportResponse);

#[async_trait]
impl Transport for Always {
    async fn post(&self, _: TransportRequest) -> Result<TransportResponse, TransportError> {
        Ok(self.0.clone())
    }
}

/// A portal's answer: two bytes make the status, the first line is its `Retry-After`, the rest its body.
pub(crate) fn answer(data: &[u8]) {
    let Some((status, rest)) = data.split_first_chunk::<2>() else {
        return;
    };
    let line = rest.iter().position(|byte| *byte == b'\n');
    let (header, body) = rest.split_at(line.unwrap_or(0));
    let body = text(body).replace(HERE, SECRET);
    let mut response = TransportResponse::new(100 + u16::from_le_bytes(*status) % 500, body.into_bytes());
    response.retry_after = Some(text(header).into_owned()).filter(|header| !header.is_empty());
    let portal: Arc<dyn Transport> = Arc::new(Always(response));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        // None of these waits for anything: there is one attempt, and each client is new.
        let all = ask(&portal);
        tokio::time::timeout(Duration::from_secs(10), all)
            .await
            .expect("an answer is an answer or an error, at once");
    });
}

fn client(portal: &Arc<dyn Transport>) -> Client {
    let webhook = format!("https://portal.example/rest/1/{SECRET}/");
    let webhook = WebhookUrl::parse(&webhook, false).expect("a webhook");
    let mut config = ClientConfig::new(webhook);
    config.retry.max_attempts = 1;
    config.requests_per_second = 0.0;
    Client::with_transport(config, Arc::clone(portal)).expect("settings that are right")
}

async fn ask(portal: &Arc<dyn Transport>) {
    fn look<T>(outcome: Result<T, bitrix_client::Error>) {
        if let Err(error) = outcome {
            hidden_in(&error);
        }
    }
    let queries = [HistoryQuery::default()];
    look(client(portal).profile().await);
    look(client(portal).server_time().await);
    look(client(portal).categories().await);
    look(client(portal).statuses(&["DEAL_STAGE".to_owned()]).await);
    look(client(portal).stage_history_page(&queries[0]).await);
    look(client(portal).stage_history_ids(&queries[0]).await);
    look(client(portal).history_pages(&queries).await);
    look(client(portal).deals_by_ids(&[1, 2]).await);
    let chains = [2, 1].map(|pages| HistoryChain {
        query: queries[0].clone(),
        pages,
    });
    look(client(portal).read(&chains, &[1, 2]).await);
    // And one client that keeps what the answer made of it.
    let one = client(portal);
    look(one.profile().await);
    hides(&format!("{:?} {:?} {one:?}", one.stats(), one.budget()));
}

/// The address of a webhook.
pub(crate) fn webhook(data: &[u8]) {
    let input = text(data);
    let (before, after) = input.split_once(HERE).unwrap_or(("", &input));
    for address in [
        input.clone().into_owned(),
        format!("https://portal.example/rest/1/{before}{SECRET}{after}/"),
        format!("https://portal.example/rest/1/{SECRET}/{input}"),
    ] {
        for allow_http in [false, true] {
            match WebhookUrl::parse(&address, allow_http) {
                Ok(webhook) => hidden_in_value(&webhook),
                Err(error) => hidden_in(&error),
            }
        }
    }
}

/// The address of a database, as a URL and as an ADO.NET connection string.
pub(crate) fn target(data: &[u8]) {
    let input = text(data);
    let (before, after) = input.split_once(HERE).unwrap_or(("", &input));
    let shown = |address: &str| match MssqlTarget::parse(address) {
        Ok(target) => format!("{target} {target:?}"),
        Err(error) => format!("{error} {error:?}"),
    };
    for any in [
        input.clone().into_owned(),
        format!("mssql://{input}"),
        format!("Server=h;{input}"),
    ] {
        drop(shown(&any));
    }
    // Where the secret is the end of a password, whatever is in it or behind it shows nothing. In a URL an `@` that is not encoded ends
    // the password, so that what follows is none.
    let encoded = before.replace('@', "%40");
    for address in [
        format!("mssql://u:{encoded}{SECRET}@h:1/d"),
        format!("mssql://u:{encoded}{SECRET}@h:1/d?{}", after.replace('@', "")),
        format!(
            "Server=h;Database=d;User Id=u;Password='{}{SECRET}';{after}",
            before.replace('\'', "")
        ),
        format!(
            "Server=h;Database=d;User Id=u;Password=\"{}{SECRET}\";{after}",
            before.replace('"', "")
        ),
        format!("Server=h;Database=d;User Id=u;Password={SECRET}{after}"),
    ] {
        hides(&shown(&address));
    }
}

/// The configuration: a file, flags and variables, parted by zero bytes.
pub(crate) fn configuration(data: &[u8]) {
    let input = text(data);
    let mut parts = input.split('\0');
    let mut part = || parts.next().unwrap_or_default();
    // What opens a text over several lines would make the secret part of another value, which may be shown.
    let file = part().replace("\"\"\"", "").replace("'''", "");
    let (before, after) = file.split_once(HERE).unwrap_or((&file, ""));
    let address = format!("https://portal.example/rest/1/{SECRET}/");
    let content = format!("{before}\n[portal]\nwebhook_url = \"{address}\"{after}");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file.toml");
    std::fs::write(&path, content).expect("a file");
    let variables = vec![
        (
            "STAGE_EXCHANGE_TARGET__URL".to_owned(),
            format!("mssql://u:{SECRET}@h/d"),
        ),
        (format!("STAGE_EXCHANGE_{}", part()), part().to_owned()),
        ("STAGE_EXCHANGE_PORTAL__PIPELINES".to_owned(), part().to_owned()),
    ];
    // A variable that names a file would have this one read.
    let variables = variables.into_iter().filter(|(name, _)| !name.ends_with("_FILE"));
    let global = GlobalOptions {
        config: Some(path),
        environment: Some("TEST".to_owned()),
        set: vec![part().to_owned(), format!("portal.webhook_url={address}{after}")],
        log_format: LogFormat::Text,
        verbose: 0,
    };
    match Config::load(&global, folder.path(), variables) {
        Ok(config) => hides(&format!("{config:?}")),
        Err(error) => hidden_in(&error),
    }
}

/// A word that a switch is set to, and a duration.
pub(crate) fn setting(data: &[u8]) {
    let word = text(data);
    let switch = |kind| Switch {
        key: "uploader.pace",
        kind,
        default: serde_json::Value::Null,
        about: "how fast",
    };
    const WORDS: &[&str] = &["fast", "gentle"];
    for kind in [SwitchKind::OnOff, SwitchKind::OneOf(WORDS)] {
        match switch(kind).read(&word) {
            Ok(value) => {
                assert!(value.is_boolean() || value.as_str().is_some_and(|word| WORDS.contains(&word)))
            }
            Err(message) => assert!(message.starts_with("uploader.pace is ")),
        }
    }
    if let Ok(duration) = exchange::duration::parse(&word) {
        assert!(duration < Duration::MAX);
    }
}
