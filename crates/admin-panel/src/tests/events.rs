//! What becomes of events.

use std::io::{self, Write};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use tracing_subscriber::fmt::MakeWriter;

use super::prometheus::Page;
use super::*;
use crate::metrics::{self, describe, recorder};

#[tokio::test]
async fn an_event_is_answered_200_once_the_sink_has_it() {
    let running = start(options()).await;
    let answer = post(running.address, event("ONCRMDEALUPDATE", 759, TOKEN)).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
    assert_eq!(running.sink.seen(), [("ONCRMDEALUPDATE".to_owned(), Some(759))]);
}

#[tokio::test]
async fn an_event_that_is_nobodys_business_is_answered_200_too() {
    let running = start(options()).await;
    let answer = post(running.address, event("ONTASKADD", 1, TOKEN)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(running.sink.seen(), []);
}

#[tokio::test]
async fn every_way_to_be_wrong_has_its_status_and_reaches_no_sink() {
    let running = start(options()).await;
    let good = event("ONCRMDEALADD", 1, TOKEN);
    let request = |head: &str, body: &str| {
        let length = body.len();
        format!("{head} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}")
    };
    let with_type = |kind: &str| {
        request("POST /events", &good).replacen("\r\n", &format!("\r\nContent-Type: {kind}\r\n"), 1)
    };
    let large = format!("{good}&x={}", "x".repeat(64 << 10));
    for (what, request, status) in [
        (
            "another token",
            request("POST /events", &event("E", 1, "another")),
            403,
        ),
        (
            "a part of the token",
            request("POST /events", &event("E", 1, "t0k3n")),
            403,
        ),
        ("an empty token", request("POST /events", &event("E", 1, "")), 403),
        ("no token", request("POST /events", "event=ONCRMDEALADD"), 403),
        (
            "no code",
            request("POST /events", &format!("auth[application_token]={TOKEN}")),
            400,
        ),
        ("nothing", request("POST /events", ""), 400),
        ("not UTF-8", request("POST /events", "event=%ff"), 400),
        ("many fields", request("POST /events", &"a=1&".repeat(1001)), 400),
        ("too large", request("POST /events", &large), 413),
        ("GET", request("GET /events", ""), 405),
        ("PUT", request("PUT /events", &good), 405),
        ("DELETE", request("DELETE /events", ""), 405),
        ("JSON", with_type("application/json"), 415),
        ("multipart", with_type("multipart/form-data; boundary=x"), 415),
        ("another path", request("POST /event", &good), 404),
        ("the root", request("GET /", ""), 404),
        ("a page's path", request("GET /events/../healthz", ""), 404),
        ("a wrong method elsewhere", request("POST /healthz", ""), 405),
    ] {
        let first = Client::to(running.address).await.ask(&request).await.unwrap();
        assert_eq!(first.status, status, "{what}: {first:?}");
        assert_eq!(
            first.header("allow"),
            (status == 405).then(|| first.header("allow").unwrap()),
            "{what}"
        );
        let again = Client::to(running.address).await.ask(&request).await.unwrap();
        assert_eq!(first.body, again.body, "{what}: answers are constant");
        assert!(
            !first.body.contains(TOKEN) && !first.head.contains(TOKEN),
            "{what}"
        );
    }
    assert_eq!(running.sink.attempts.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn forms_are_taken_however_their_type_is_written() {
    let running = start(options()).await;
    let body = event("ONCRMDEALADD", 1, TOKEN);
    for kind in [
        "Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n",
        "content-type: APPLICATION/X-WWW-FORM-URLENCODED\r\n",
        "",
    ] {
        let length = body.len();
        let request =
            format!("POST /events HTTP/1.1\r\nHost: x\r\n{kind}Content-Length: {length}\r\n\r\n{body}");
        assert_eq!(
            Client::to(running.address)
                .await
                .ask(request)
                .await
                .unwrap()
                .status,
            200,
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_sender_of_http_1_0_is_understood() {
    let running = start(options()).await;
    let body = event("ONCRMSTATUSCHANGE", 1, TOKEN);
    let request = format!(
        "POST /events HTTP/1.0\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut client = Client::to(running.address).await;
    assert_eq!(client.ask(request).await.unwrap().status, 200);
    assert!(client.is_ended().await);
}

#[tokio::test]
async fn a_body_in_chunks_and_one_of_just_the_largest_size_are_taken() {
    let running = start(options()).await;
    let body = event("ONCRMDEALADD", 1, TOKEN);
    let (begin, end) = body.split_at(10);
    let chunked = format!(
        "POST /events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\na\r\n{begin}\r\n{:x}\r\n{end}\r\n0\r\n\r\n",
        end.len()
    );
    assert_eq!(
        Client::to(running.address)
            .await
            .ask(chunked)
            .await
            .unwrap()
            .status,
        200
    );

    let filler = format!("{body}&x=");
    let largest = format!("{filler}{}", "x".repeat((64 << 10) - filler.len()));
    assert_eq!(post(running.address, &largest).await.status, 200);
    assert_eq!(post(running.address, format!("{largest}x")).await.status, 413);
}

#[tokio::test]
async fn without_a_token_every_event_is_refused_and_the_log_says_so_at_the_start() {
    let log = Log::default();
    let _guard = log.collect();
    let running = start(WebOptions::new(([127, 0, 0, 1], 0).into())).await;
    for token in ["", "x"] {
        assert_eq!(
            post(running.address, event("ONCRMDEALADD", 1, token))
                .await
                .status,
            403
        );
    }
    assert_eq!(post(running.address, "").await.status, 403);
    assert_eq!(running.sink.attempts.load(Ordering::SeqCst), 0);
    assert!(
        log.text()
            .contains("events are refused until web.application_token is set")
    );
}

#[tokio::test]
async fn a_sink_that_recovers_in_time_costs_nothing() {
    let sink = Sink {
        failures: 3.into(),
        ..Sink::default()
    };
    let running = start_with(options(), sink, Health::default(), |server| server).await;
    assert_eq!(
        post(running.address, event("ONCRMDEALADD", 1, TOKEN))
            .await
            .status,
        200
    );
    assert_eq!(running.sink.attempts.load(Ordering::SeqCst), 4);
    assert_eq!(running.sink.seen().len(), 1);
}

#[tokio::test]
async fn a_sink_that_fails_or_hangs_for_too_long_is_answered_503() {
    for (hangs, failures) in [(false, usize::MAX), (true, 0)] {
        let sink = Sink {
            failures: failures.into(),
            hangs,
            ..Sink::default()
        };
        let mut options = options();
        options.sink_patience = Duration::from_millis(120);
        let running = start_with(options, sink, Health::default(), |server| server).await;
        assert_eq!(
            post(running.address, event("ONCRMDEALADD", 1, TOKEN))
                .await
                .status,
            503
        );
        assert!(running.sink.attempts.load(Ordering::SeqCst) >= 1);
        assert_eq!(running.sink.seen(), []);
    }
}

#[tokio::test]
async fn a_sink_that_panics_ends_its_connection_and_nothing_else() {
    let log = Log::default();
    let _guard = log.collect();
    let running = start(options()).await;
    let broken = Client::to(running.address)
        .await
        .ask(post_request(event("PANIC", 1, TOKEN)))
        .await;
    assert!(broken.is_err());
    assert_eq!(
        post(running.address, event("ONCRMDEALADD", 1, TOKEN))
            .await
            .status,
        200
    );
    assert!(log.text().contains("panic"));
}

#[tokio::test]
async fn a_burst_over_several_connections_reaches_the_sink_whole() {
    const CONNECTIONS: i64 = 8;
    const EACH: i64 = 250;
    let running = start(options()).await;
    let mut senders = tokio::task::JoinSet::new();
    for connection in 0..CONNECTIONS {
        let address = running.address;
        senders.spawn(async move {
            let mut client = Client::to(address).await;
            for number in 0..EACH {
                let id = connection * EACH + number + 1;
                let answer = client
                    .ask(post_request(event("ONCRMDEALUPDATE", id, TOKEN)))
                    .await
                    .unwrap();
                assert_eq!(answer.status, 200);
            }
        });
    }
    while let Some(sent) = senders.join_next().await {
        sent.unwrap();
    }
    let mut seen: Vec<i64> = running.sink.seen().into_iter().filter_map(|(_, id)| id).collect();
    seen.sort_unstable();
    assert_eq!(seen, (1..=CONNECTIONS * EACH).collect::<Vec<_>>());
}

#[tokio::test]
async fn everything_is_counted() {
    let (recorder, recorded) = recorder();
    let _local = ::metrics::set_default_local_recorder(&recorder);
    describe();
    let running = start_with(options(), Sink::default(), Health::default(), |server| {
        server.with_metrics(recorded.clone())
    })
    .await;
    for body in [
        event("ONCRMDEALADD", 1, TOKEN),
        event("ONCRMDEALADD", 2, TOKEN),
        event("onCrmStatusRename", 2, TOKEN),
        event("ONCRMLEADADD", 2, TOKEN),
        event("ONTASKADD", 1, TOKEN),
        event("ONCRMDEALADD", 1, "another"),
        "x".to_owned(),
        "x".repeat(70_000),
    ] {
        post(running.address, body).await;
    }
    get(running.address, "/events").await;

    let page = Page::read(&recorded.render());
    let received = |label| page.value(metrics::EVENTS_RECEIVED, &[("event", label)]);
    assert_eq!(received("ONCRMDEALADD"), Some(2.0));
    assert_eq!(received("ONCRMSTATUS"), Some(1.0));
    assert_eq!(received("other"), Some(1.0));
    assert_eq!(received("ONCRMDEALDELETE"), Some(0.0));
    assert_eq!(page.value(metrics::EVENTS_UNKNOWN, &[]), Some(1.0));
    for (reason, count) in [
        ("wrong_token", 1.0),
        ("malformed", 1.0),
        ("too_large", 1.0),
        ("method", 1.0),
        ("no_token", 0.0),
        ("content_type", 0.0),
        ("slow", 0.0),
        ("broken", 0.0),
        ("not_durable", 0.0),
    ] {
        assert_eq!(
            page.value(metrics::EVENTS_REFUSED, &[("reason", reason)]),
            Some(count),
            "{reason}"
        );
    }
    let answers = format!("{}_count", metrics::EVENT_ANSWER_SECONDS);
    assert_eq!(page.value(&answers, &[]), Some(8.0));
}

#[tokio::test]
async fn nothing_secret_or_personal_is_logged() {
    let log = Log::default();
    let _guard = log.collect();
    let sink = Sink {
        failures: 1000.into(),
        ..Sink::default()
    };
    let mut options = options();
    options.sink_patience = Duration::from_millis(60);
    let running = start_with(options, sink, Health::default(), |server| server).await;
    let with_name = |body: String| format!("{body}&data[FIELDS][TITLE]=Dulcinea");
    for body in [
        with_name(event("ONCRMDEALADD", 1, TOKEN)),
        with_name(event("ONCRMDEALADD", 1, "gu3ss3d-t0k3n")),
        with_name(format!("auth[application_token]={TOKEN}")),
        with_name(format!("event=%ff&auth[application_token]={TOKEN}")),
        with_name(format!("{}{}", event("E", 1, TOKEN), "&x=y".repeat(30_000))),
    ] {
        post(running.address, body).await;
    }
    running.sink.failures.store(0, Ordering::SeqCst);
    assert_eq!(
        post(running.address, event("ONCRMDEALADD", 1, TOKEN))
            .await
            .status,
        200
    );
    let mut client = Client::to(running.address).await;
    client.send(format!("NONSENSE {TOKEN}\r\n\r\n")).await.unwrap();
    assert!(client.answer().await.is_ok_and(|answer| answer.status == 400));

    let text = log.text();
    for reason in [
        "wrong_token",
        "`event` is missing",
        "too_large",
        "not_durable",
        "the state is away",
    ] {
        assert!(text.contains(reason), "{reason} is told: {text}");
    }
    for secret in [TOKEN, "gu3ss3d-t0k3n", "Dulcinea"] {
        assert!(!text.contains(secret), "{secret} is not: {text}");
    }
}

#[tokio::test]
async fn strangers_cannot_fill_the_log() {
    let log = Log::default();
    let _guard = log.collect();
    let running = start(options()).await;
    let mut client = Client::to(running.address).await;
    for _ in 0..200 {
        assert_eq!(
            client
                .ask(post_request(event("E", 1, "guess")))
                .await
                .unwrap()
                .status,
            403
        );
    }
    assert_eq!(log.text().matches("wrong_token").count(), 1);
}

#[test]
fn no_body_without_the_token_gets_200_or_stops_the_server() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let running = runtime.block_on(start(options()));
    proptest!(ProptestConfig::with_cases(200), |(body in prop::collection::vec(any::<u8>(), 0..600), form in any::<bool>())| {
        let body = if form { [&b"event=ONCRMDEALADD&auth[application_token]="[..], &body].concat() } else { body };
        let status = runtime.block_on(post(running.address, &body)).status;
        prop_assert!([400, 403].contains(&status), "{status}");
    });
    proptest!(ProptestConfig::with_cases(200), |(bytes in prop::collection::vec(any::<u8>(), 1..400))| {
        let answer = runtime.block_on(async {
            let mut client = Client::to(running.address).await;
            let request = [&bytes[..], b"\r\n\r\n"].concat();
            client.send(&request).await.ok();
            client.half_close().await;
            client.answer().await
        });
        prop_assert!(answer.map_or(true, |answer| answer.status >= 400));
    });
    assert_eq!(running.sink.attempts.load(Ordering::SeqCst), 0);
    assert_eq!(runtime.block_on(get(running.address, "/healthz")).status, 200);
}

/// Everything that is logged, at every level.
#[derive(Clone, Default)]
pub(super) struct Log {
    text: Arc<Mutex<Vec<u8>>>,
}

impl Log {
    /// Collects on this thread while the guard lives.
    pub(super) fn collect(&self) -> tracing::subscriber::DefaultGuard {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(self.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.text.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
