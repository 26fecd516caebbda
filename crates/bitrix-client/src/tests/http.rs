//! The real transport against a server that answers with bytes of the test's choice.

use std::sync::atomic::{AtomicUsize, Ordering};

use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::{Class, ErrorKind};

/// A server on this machine: after each request it writes `reply` and, if `close`, hangs up.
struct Server {
    url: String,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(reply: Vec<u8>, close: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!(
            "http://{}/sub/rest/1/s3cr3t/",
            listener.local_addr().expect("an address")
        );
        let (connections, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let server = Self {
            url,
            connections: Arc::clone(&connections),
            requests: Arc::clone(&requests),
        };
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (reply, requests) = (reply.clone(), Arc::clone(&requests));
                tokio::spawn(async move {
                    while let Some(request) = read_request(&mut stream).await {
                        lock(&requests).push(request);
                        if stream.write_all(&reply).await.is_err() || close {
                            break;
                        }
                    }
                });
            }
        });
        server
    }

    fn client(&self, change: impl FnOnce(&mut ClientConfig)) -> Client {
        let mut config = ClientConfig::new(self.url.parse().expect("valid"));
        config.retry.max_attempts = 1;
        change(&mut config);
        Client::new(config).expect("valid settings")
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        text.push_str(std::str::from_utf8(&buffer[..read]).expect("UTF-8"));
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.to_ascii_lowercase().lines().find_map(|line| {
                line.strip_prefix("content-length:")
                    .map(|length| length.trim().parse::<usize>().expect("a number"))
            });
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
    }
}

fn http(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut reply = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    )
    .into_bytes();
    reply.extend_from_slice(body);
    reply
}

const TIME: &[u8] = br#"{"result":"2024-01-01T00:00:00+03:00"}"#;

/// `TIME` as gzip packs it.
const GZIPPED_TIME: &[u8] = &[
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 42, 74, 45, 46, 205, 41, 81, 178, 82, 50, 50, 48, 50, 209, 53,
    48, 4, 162, 16, 3, 3, 43, 48, 210, 54, 48, 6, 146, 74, 181, 0, 104, 120, 25, 230, 38, 0, 0, 0,
];

async fn error_of(reply: Vec<u8>) -> crate::Error {
    let server = Server::start(reply, true).await;
    server
        .client(|config| config.max_body_bytes = 10_000)
        .server_time()
        .await
        .expect_err("no good answer")
}

#[tokio::test]
async fn a_call_is_a_json_post_and_connections_are_kept() {
    let server = Server::start(http("200 OK", "Content-Type: application/json\r\n", TIME), false).await;
    let client = server.client(|_| {});

    for _ in 0..3 {
        client.server_time().await.expect("an answer");
    }

    let requests = lock(&server.requests).clone();
    let (head, body) = requests[0].split_once("\r\n\r\n").expect("a request");
    assert!(
        head.starts_with("POST /sub/rest/1/s3cr3t/server.time HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(
        head.to_ascii_lowercase()
            .contains("content-type: application/json"),
        "{head}"
    );
    assert_eq!(body, "{}");
    assert_eq!(
        (requests.len(), server.connections.load(Ordering::SeqCst)),
        (3, 1)
    );
}

#[tokio::test]
async fn a_compressed_answer_is_read() {
    let server = Server::start(http("200 OK", "Content-Encoding: gzip\r\n", GZIPPED_TIME), true).await;
    let time = server.client(|_| {}).server_time().await.expect("an answer");
    assert_eq!(time.to_rfc3339(), "2024-01-01T00:00:00+03:00");
}

#[tokio::test]
async fn an_answer_cut_off_or_missing_may_pass() {
    let mut cut_off = http("200 OK", "", TIME);
    cut_off.truncate(cut_off.len() - 10);
    for (reply, kind) in [
        (cut_off, ErrorKind::Transport),
        (Vec::new(), ErrorKind::Transport),
        (b"HTTP/1.1 200".to_vec(), ErrorKind::Transport),
        (b"not HTTP at all\r\n\r\n".to_vec(), ErrorKind::Transport),
        (http("200 OK", "", b""), ErrorKind::NotAnAnswer),
        (http("200 OK", "", b"<html>login</html>"), ErrorKind::NotAnAnswer),
        (
            http("502 Bad Gateway", "", b"<html>nginx</html>"),
            ErrorKind::ServerFault,
        ),
    ] {
        let error = error_of(reply).await;
        assert_eq!((error.kind(), error.method()), (kind, "server.time"), "{error}");
        assert!(matches!(error.class(), Class::Retry { .. }), "{error}");
    }
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_refused_though_it_hides_its_size() {
    let huge = vec![b' '; 20_000];
    let mut chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4e20\r\n".to_vec();
    chunked.extend_from_slice(&huge);
    chunked.extend_from_slice(b"\r\n0\r\n\r\n");
    for reply in [http("200 OK", "", &huge), chunked] {
        let error = error_of(reply).await;
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
        assert!(matches!(error.class(), Class::Permanent { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = Server::start(http("200 OK", "", TIME), true).await;
    let location = format!("Location: {}\r\n", other.url);
    let error = error_of(http("302 Found", &location, b"")).await;
    assert_eq!(error.kind(), ErrorKind::WrongAddress);
    assert_eq!(other.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_server_that_says_nothing_runs_into_the_time_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!(
        "http://{}/rest/1/s3cr3t/",
        listener.local_addr().expect("an address")
    );
    let mut config = ClientConfig::new(url.parse().expect("valid"));
    config.retry.max_attempts = 1;
    config.request_timeout = Duration::from_millis(50);

    let error = Client::new(config)
        .expect("valid")
        .server_time()
        .await
        .expect_err("silence");

    assert_eq!(error.kind(), ErrorKind::Transport);
    assert!(error.to_string().contains("did not answer in time"), "{error}");
}

#[tokio::test]
async fn no_error_of_the_transport_shows_the_url() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!(
        "http://{}/rest/1/s3cr3tmark/",
        listener.local_addr().expect("an address")
    );
    drop(listener);
    let webhook: WebhookUrl = url.parse().expect("valid");
    assert!(
        webhook
            .method_url("profile")
            .expose_secret()
            .contains("s3cr3tmark")
    );
    let mut config = ClientConfig::new(webhook);
    config.retry.max_attempts = 1;

    let error = Client::new(config)
        .expect("valid")
        .server_time()
        .await
        .expect_err("nobody listens");

    let mut shown = format!("{error} {error:?} {error:#?}");
    let mut source = std::error::Error::source(&error);
    assert!(source.is_some(), "the cause is kept");
    while let Some(cause) = source {
        shown.push_str(&format!("{cause} {cause:?}"));
        source = cause.source();
    }
    assert!(!shown.contains("s3cr3tmark"), "{shown}");
    assert!(
        error.to_string().contains("no connection to the portal"),
        "{error}"
    );
}
