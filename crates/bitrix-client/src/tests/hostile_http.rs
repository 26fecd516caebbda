//! Servers that mean harm, over real sockets: answers that grow, that do not end, that hardly come.

use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::{Class, ErrorKind};

/// The bound of the tests' clients.
const MOST: usize = 1 << 20;

/// What may be under way between two sockets of one machine when one of them stops reading.
const IN_BUFFERS: u64 = 32 << 20;

/// A server that answers every request with a head and then whatever `endless` gives, again and again, until nobody takes it.
struct Endless {
    url: String,
    sent: Arc<AtomicU64>,
}

impl Endless {
    async fn start(head: &'static str, endless: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let sent = Arc::new(AtomicU64::new(0));
        let (count, endless) = (Arc::clone(&sent), Arc::new(endless));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (count, endless) = (Arc::clone(&count), Arc::clone(&endless));
                tokio::spawn(async move {
                    read_head(&mut stream).await;
                    let mut part = head.as_bytes().to_vec();
                    while stream.write_all(&part).await.is_ok() {
                        count.fetch_add(part.len() as u64, Ordering::SeqCst);
                        part = endless();
                    }
                });
            }
        });
        Self {
            url: format!("http://{address}/rest/1/s3cr3t/"),
            sent,
        }
    }

    async fn error(&self) -> crate::Error {
        let mut config = ClientConfig::new(self.url.parse().expect("valid"));
        config.retry.max_attempts = 1;
        config.max_body_bytes = MOST;
        config.request_timeout = Duration::from_secs(30);
        let client = Client::new(config).expect("valid settings");
        client.server_time().await.expect_err("no good answer")
    }
}

async fn read_head(stream: &mut TcpStream) {
    let mut seen = Vec::new();
    while !seen.windows(4).any(|four| four == b"\r\n\r\n") {
        if stream.read_buf(&mut seen).await.unwrap_or(0) == 0 {
            return;
        }
    }
}

/// So many zeros as one member of a gzip stream: a thousandth of their size.
fn packed_zeros(bytes: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![0; bytes]).expect("memory");
    encoder.finish().expect("memory")
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

#[tokio::test]
async fn a_compressed_answer_that_grows_to_gigabytes_is_refused_at_the_bound() {
    // One member of 256 MiB, as 256 KiB on the wire, and as many more of them as are taken.
    let bomb = chunk(&packed_zeros(256 << 20));
    assert!(bomb.len() < MOST, "smaller on the wire than what may be read");
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n";
    let server = Endless::start(head, move || bomb.clone()).await;

    let error = server.error().await;

    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");
    assert!(matches!(error.class(), Class::Permanent { .. }), "{error}");
}

#[tokio::test]
async fn a_body_without_an_end_is_refused_at_the_bound() {
    for (head, part) in [
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            chunk(&[b' '; 0x10000]),
        ),
        // No length at all: the body ends with the connection.
        ("HTTP/1.1 200 OK\r\n\r\n", vec![b'['; 0x10000]),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n",
            vec![b'9'; 0x10000],
        ),
    ] {
        let server = Endless::start(head, move || part.clone()).await;
        let error = server.error().await;
        assert!(
            [ErrorKind::TooLarge, ErrorKind::Transport].contains(&error.kind()),
            "{error}"
        );
        assert!(server.sent.load(Ordering::SeqCst) < IN_BUFFERS);
    }
}

#[tokio::test]
async fn a_head_without_an_end_is_refused() {
    for part in [
        "X-Header: a\r\n".repeat(10_000).into_bytes(),
        vec![b'x'; 0x10000],
        b"X-Header: ".iter().copied().chain([b'y'; 0x10000]).collect(),
    ] {
        let server = Endless::start("HTTP/1.1 200 OK\r\n", move || part.clone()).await;
        let error = server.error().await;
        assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
        assert!(server.sent.load(Ordering::SeqCst) < IN_BUFFERS);
    }
}

#[tokio::test]
async fn answers_before_the_answer_without_an_end_are_cut_off() {
    let server = Endless::start("HTTP/1.1 100 Continue\r\n\r\n", || {
        b"HTTP/1.1 102 Processing\r\n\r\n".repeat(1_000)
    })
    .await;
    let mut config = ClientConfig::new(server.url.parse().expect("valid"));
    config.retry.max_attempts = 1;
    config.request_timeout = Duration::from_millis(300);
    let error = Client::new(config)
        .expect("valid settings")
        .server_time()
        .await
        .expect_err("no answer");
    assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
}

#[tokio::test]
async fn an_answer_that_comes_byte_by_byte_runs_into_the_time_out() {
    for head in [
        "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: ",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                read_head(&mut stream).await;
                let mut part = head.as_bytes();
                // Each byte comes soon enough after the one before it.
                while stream.write_all(part).await.is_ok() {
                    part = b" ";
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        });
        let mut config =
            ClientConfig::new(format!("http://{address}/rest/1/s3cr3t/").parse().expect("valid"));
        config.retry.max_attempts = 1;
        config.request_timeout = Duration::from_millis(200);

        let error = Client::new(config)
            .expect("valid settings")
            .server_time()
            .await
            .expect_err("no whole answer");

        assert_eq!(error.kind(), ErrorKind::Transport);
        assert!(error.to_string().contains("did not answer in time"), "{error}");
    }
}

#[tokio::test]
async fn what_is_no_gzip_though_it_says_so_may_pass() {
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 65536\r\n\r\n";
    let server = Endless::start(head, || vec![0xA5; 0x10000]).await;
    let error = server.error().await;
    assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
    assert!(matches!(error.class(), Class::Retry { .. }), "{error}");
}
