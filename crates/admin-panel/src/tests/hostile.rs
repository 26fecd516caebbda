//! Many connections that mean harm at once: the server bears them, and an event still gets through.

use std::time::Duration;

use proptest::prelude::*;
use tokio::task::JoinSet;

use super::*;

/// As long as a connection may hesitate in these tests.
const SHORT: Duration = Duration::from_millis(80);

fn narrow() -> WebOptions {
    let mut options = options();
    options.max_connections = 64;
    options.head_timeout = SHORT;
    options.body_timeout = SHORT;
    options
}

#[tokio::test]
async fn an_event_gets_through_while_hundreds_of_connections_dawdle() {
    let running = start(narrow()).await;
    let whole = post_request(event("ONCRMDEALADD", 1, TOKEN));
    let mut dawdling = Vec::new();
    // Several times as many as there are places: with nothing, with half a head, with half a body.
    for number in 0..320 {
        let mut client = Client::to(running.address).await;
        let sent = [0, 30, whole.len() - 5][number % 3];
        client.send(&whole[..sent]).await.unwrap();
        dawdling.push(client);
    }

    let answer = tokio::time::timeout(
        Duration::from_secs(20),
        post(running.address, event("ONCRMDEALADD", 7, TOKEN)),
    );

    assert_eq!(answer.await.expect("in time").status, 200);
    assert_eq!(running.sink.seen().len(), 1);
    drop(dawdling);
}

#[tokio::test]
async fn a_sender_that_trickles_byte_by_byte_is_cut_off_all_the_same() {
    let running = start(narrow()).await;
    let whole = post_request(event("ONCRMDEALADD", 1, TOKEN));
    let head = whole.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    // In the head and in the body: each byte in time, the whole not.
    for at_once in [10, head] {
        let mut client = Client::to(running.address).await;
        client.send(&whole[..at_once]).await.unwrap();
        let mut rest = whole[at_once..].iter();
        let ended = tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                tokio::select! {
                    ended = client.answer() => return ended,
                    () = tokio::time::sleep(SHORT / 8) => {}
                }
                let byte = rest.next().expect("it is cut off before the end");
                // A connection that is closed is what the test waits for.
                client.send([*byte]).await.ok();
            }
        })
        .await
        .expect("it is cut off");
        assert!(ended.map_or(true, |answer| answer.status == 408));
    }
    assert_eq!(running.sink.seen(), []);
}

#[tokio::test]
async fn thousands_of_connections_one_after_another_leave_nothing_behind() {
    let running = start(narrow()).await;
    let mut clients = JoinSet::new();
    for number in 0..3_000_usize {
        let address = running.address;
        clients.spawn(async move {
            let mut client = Client::to(address).await;
            // Some say nothing, some nonsense, some leave in the middle: none is waited for.
            let said: &[u8] = match number % 4 {
                0 => b"",
                1 => b"\x16\x03\x01\x02\x00\x01\x00",
                2 => b"POST /events HTTP/1.1\r\nContent-Length: 5\r\n\r\nab",
                _ => b"GET / HTTP/9.9\r\n\r\n",
            };
            client.send(said).await.ok();
        });
        if clients.len() >= 100 {
            clients.join_next().await.unwrap().unwrap();
        }
    }
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
    let answer = post(running.address, &event("ONCRMDEALADD", 7, TOKEN)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(running.sink.seen().len(), 1);
}

#[tokio::test]
async fn requests_that_two_servers_might_read_in_two_ways_are_refused_or_end_the_connection() {
    let running = start(options()).await;
    let body = event("ONCRMDEALADD", 1, TOKEN);
    let length = body.len();
    for head in [
        format!("POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\nContent-Length: 5\r\n\r\n"),
        format!("POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: +{length}\r\n\r\n"),
        format!("POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: {length}, {length}\r\n\r\n"),
        "POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n".to_owned(),
        "POST /events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n".to_owned(),
        "POST /events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n"
            .to_owned(),
        "POST /events HTTP/1.1\r\nHost : x\r\n\r\n".to_owned(),
        "POST  /events HTTP/1.1\r\n\r\n".to_owned(),
    ] {
        let mut client = Client::to(running.address).await;
        client.send(format!("{head}{body}")).await.ok();
        client.half_close().await;
        while let Ok(answer) = client.answer().await {
            assert!(answer.status >= 400, "{head}: {}", answer.status);
        }
    }
    assert_eq!(running.sink.seen(), []);
    assert_eq!(get(running.address, "/healthz").await.status, 200);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_bytes_come_the_server_goes_on_and_no_answer_holds_the_token(
        parts in prop::collection::vec(
            prop_oneof![
                prop::sample::select(vec![
                    "GET ", "POST ", "/events", "/healthz", "/metrics", "/readyz", " HTTP/1.1\r\n", " HTTP/1.0\r\n", "Host: x\r\n",
                    "Content-Length: 3\r\n", "Content-Length: -1\r\n", "Transfer-Encoding: chunked\r\n", "Expect: 100-continue\r\n",
                    "Connection: upgrade\r\nUpgrade: h2c\r\n", "Content-Type: application/x-www-form-urlencoded\r\n", "\r\n",
                    "event=A", "0\r\n\r\n", "..%2f..%2f", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                ]).prop_map(|part| part.as_bytes().to_vec()),
                prop::collection::vec(any::<u8>(), 0..20),
            ],
            0..12,
        ),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let running = start(narrow()).await;
            let mut stream = TcpStream::connect(running.address).await.unwrap();
            // The other side may close at any byte.
            stream.write_all(&parts.concat()).await.ok();
            stream.shutdown().await.ok();
            let mut answered = Vec::new();
            tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answered))
                .await
                .expect("the connection ends")
                .ok();
            assert!(!String::from_utf8_lossy(&answered).contains(TOKEN));
            assert_eq!(get(running.address, "/healthz").await.status, 200);
        });
    }
}
