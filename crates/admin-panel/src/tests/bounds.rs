//! What the server bears, and how it stops.

use std::time::Duration;

use super::*;
use crate::ErrorKind;

const SHORT: Duration = Duration::from_millis(80);
/// Longer than any of these tests takes.
const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_cut_off() {
    let mut options = options();
    options.body_timeout = SHORT;
    let running = start(options).await;
    let mut client = Client::to(running.address).await;
    let whole = post_request(event("ONCRMDEALADD", 1, TOKEN));
    client.send(&whole[..whole.len() - 5]).await.unwrap();
    assert_eq!(client.answer().await.unwrap().status, 408);
    assert!(client.is_ended().await);
    assert_eq!(running.sink.seen(), []);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_event() {
    let running = start(options()).await;
    let mut client = Client::to(running.address).await;
    let whole = post_request(event("ONCRMDEALADD", 1, TOKEN));
    client.send(&whole[..whole.len() - 5]).await.unwrap();
    client.half_close().await;
    // hyper may close at once, or after the answer: either way it was no event.
    assert!(client.answer().await.map_or(true, |answer| answer.status == 400));
    assert_eq!(get(running.address, "/healthz").await.status, 200);
    assert_eq!(running.sink.seen(), []);
}

#[tokio::test]
async fn a_head_that_does_not_arrive_in_time_is_cut_off() {
    let mut options = options();
    options.head_timeout = SHORT;
    let running = start(options).await;
    for begin in ["", "POST /events HTTP/1.1\r\nHost: x\r\n"] {
        let mut client = Client::to(running.address).await;
        client.send(begin).await.unwrap();
        let answer = tokio::time::timeout(LONG, client.answer()).await.unwrap();
        assert!(answer.map_or(true, |answer| answer.status == 408));
    }
    let mut idle = Client::to(running.address).await;
    assert_eq!(
        idle.ask(post_request(event("ONCRMDEALADD", 1, TOKEN)))
            .await
            .unwrap()
            .status,
        200
    );
    assert!(idle.is_ended().await);
}

#[tokio::test]
async fn more_headers_than_any_portal_sends_are_refused() {
    let running = start(options()).await;
    let head = |headers: usize| {
        let many: String = (0..headers).map(|number| format!("X-{number}: a\r\n")).collect();
        format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{many}\r\n")
    };
    let ask = async |headers| Client::to(running.address).await.ask(head(headers)).await;
    assert_eq!(ask(90).await.unwrap().status, 200);
    assert_eq!(ask(101).await.unwrap().status, 431);
    // So many that the connection may be reset before all are sent.
    assert!(ask(10_000).await.map_or(true, |answer| answer.status == 431));
    assert_eq!(get(running.address, "/healthz").await.status, 200);
}

#[tokio::test]
async fn an_endless_head_is_refused() {
    let running = start(options()).await;
    let head = format!(
        "GET /healthz?{} HTTP/1.1\r\nHost: x\r\n\r\n",
        "x".repeat(60 << 10)
    );
    let answer = Client::to(running.address).await.ask(head).await;
    assert!(answer.map_or(true, |answer| [414, 431].contains(&answer.status)));
    assert_eq!(get(running.address, "/healthz").await.status, 200);
}

#[tokio::test]
async fn a_huge_body_is_refused_before_it_is_sent() {
    let running = start(options()).await;
    let head = "POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000000\r\n\r\n";
    let mut client = Client::to(running.address).await;
    let answer = client.ask(head).await.unwrap();
    assert_eq!((answer.status, answer.header("connection")), (413, Some("close")));
    assert!(client.is_ended().await);
}

#[tokio::test]
async fn a_huge_body_of_unknown_length_is_cut_off() {
    let running = start(options()).await;
    let mut client = Client::to(running.address).await;
    client
        .send("POST /events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await
        .unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let mut sent = 0;
    while sent < 4000 && client.send(&chunk).await.is_ok() {
        sent += 1;
    }
    assert!(sent < 4000, "250 MiB were taken");
    assert!(client.answer().await.map_or(true, |answer| answer.status == 413));
    assert_eq!(get(running.address, "/healthz").await.status, 200);
}

#[tokio::test]
async fn a_connection_beyond_the_most_waits_for_a_place() {
    let mut options = options();
    options.max_connections = 1;
    let running = start(options).await;
    let request = post_request(event("ONCRMDEALADD", 1, TOKEN));
    let mut first = Client::to(running.address).await;
    assert_eq!(first.ask(&request).await.unwrap().status, 200);
    let mut second = Client::to(running.address).await;
    second.send(&request).await.unwrap();
    // The first still has its place.
    assert_eq!(first.ask(&request).await.unwrap().status, 200);
    assert_eq!(running.sink.seen().len(), 2);
    drop(first);
    assert_eq!(second.answer().await.unwrap().status, 200);
}

#[tokio::test]
async fn an_old_connection_is_closed_after_its_request() {
    let mut options = options();
    options.max_connection_age = SHORT;
    let running = start(options).await;
    let mut client = Client::to(running.address).await;
    assert_eq!(
        client
            .ask(post_request(event("ONCRMDEALADD", 1, TOKEN)))
            .await
            .unwrap()
            .status,
        200
    );
    assert!(client.is_ended().await);
}

#[tokio::test]
async fn events_beyond_the_most_in_flight_wait_and_then_are_answered_503() {
    let mut options = options();
    options.max_events_in_flight = 2;
    options.sink_patience = SHORT;
    let sink = Sink {
        hangs: true,
        ..Sink::default()
    };
    let running = start_with(options, sink, Health::default(), |server| server).await;
    let request = post_request(event("ONCRMDEALADD", 1, TOKEN));
    let answers = (0..5).map(|_| async {
        let mut client = Client::to(running.address).await;
        client.ask(&request).await.unwrap().status
    });
    assert_eq!(futures::future::join_all(answers).await, [503; 5]);
    assert!(get(running.address, "/healthz").await.status == 200);
}

#[tokio::test]
async fn a_stop_ends_idle_connections_and_lets_requests_end() {
    let running = start(options()).await;
    let mut idle = Client::to(running.address).await;
    assert_eq!(
        idle.ask(post_request(event("ONCRMDEALADD", 1, TOKEN)))
            .await
            .unwrap()
            .status,
        200
    );
    let mut busy = Client::to(running.address).await;
    let whole = post_request(event("ONCRMDEALADD", 2, TOKEN));
    let (begin, end) = whole.split_at(whole.len() - 5);
    busy.send(begin).await.unwrap();
    // Once another request is answered, the first one has been taken, too.
    get(running.address, "/healthz").await;

    running.stop.cancel();
    assert!(idle.is_ended().await);
    busy.send(end).await.unwrap();
    assert_eq!(busy.answer().await.unwrap().status, 200);
    tokio::time::timeout(LONG, running.task).await.unwrap().unwrap();
    assert!(
        TcpStream::connect(running.address).await.is_err(),
        "nobody listens any more"
    );
    assert_eq!(running.sink.seen().len(), 2);
}

#[tokio::test]
async fn a_stop_waits_neither_for_a_failing_sink_nor_for_ever() {
    let sink = Sink {
        failures: usize::MAX.into(),
        ..Sink::default()
    };
    let mut patient = options();
    patient.sink_patience = LONG;
    let running = start_with(patient.clone(), sink, Health::default(), |server| server).await;
    let mut client = Client::to(running.address).await;
    client
        .send(post_request(event("ONCRMDEALADD", 1, TOKEN)))
        .await
        .unwrap();
    get(running.address, "/healthz").await;
    running.stop.cancel();
    assert_eq!(client.answer().await.unwrap().status, 503);
    running.task.await.unwrap();

    patient.stop_grace = SHORT;
    let sink = Sink {
        hangs: true,
        ..Sink::default()
    };
    let running = start_with(patient, sink, Health::default(), |server| server).await;
    let mut client = Client::to(running.address).await;
    client
        .send(post_request(event("ONCRMDEALADD", 1, TOKEN)))
        .await
        .unwrap();
    get(running.address, "/healthz").await;
    running.stop.cancel();
    tokio::time::timeout(LONG, running.task).await.unwrap().unwrap();
    assert!(client.is_ended().await);
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let running = start(options()).await;
    let mut options = options();
    options.listen = running.address;
    let error = WebServer::bind(options, Arc::new(Sink::default()), Arc::new(Health::default()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Listen);
    let text = error.to_string();
    assert!(
        text.contains(&running.address.to_string()) && text.contains("web.listen"),
        "{text}"
    );
}

#[tokio::test]
async fn options_that_cannot_work_are_refused() {
    let wrong: [fn(&mut WebOptions); 6] = [
        |options| options.application_token = Some(" ".into()),
        |options| options.max_head = 100,
        |options| options.max_headers = 0,
        |options| options.max_connections = 0,
        |options| options.max_events_in_flight = 0,
        |options| options.max_connections = usize::MAX,
    ];
    for change in wrong {
        let mut options = options();
        change(&mut options);
        let bound = WebServer::bind(options, Arc::new(Sink::default()), Arc::new(Health::default())).await;
        assert_eq!(bound.unwrap_err().kind(), ErrorKind::Options);
    }
}
