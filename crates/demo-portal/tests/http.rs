//! The portal over real connections, spoken to in plain HTTP so that every byte is seen.

#![allow(clippy::unwrap_used, reason = "everything here is test code, the helpers too")]

use std::io;
use std::io::Read as _;
use std::net::SocketAddr;
use std::time::Duration;

use demo_portal::{ErrorKind, FaultKinds, Portal, PortalOptions, RunningPortal};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

fn options() -> PortalOptions {
    PortalOptions {
        deals: 120,
        seed: 7,
        ..PortalOptions::default()
    }
}

async fn start(options: PortalOptions) -> RunningPortal {
    Portal::start(options, SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .unwrap()
}

/// An answer as it came over the wire.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn length(&self) -> usize {
        let line = self
            .head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        line.unwrap().parse().unwrap()
    }
}

/// Sends one request and reads until the portal closes.
async fn send(
    portal: &RunningPortal,
    verb: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(portal.address()).await?;
    let length = body.len();
    let request = format!(
        "{verb} {path} HTTP/1.1\r\nHost: portal\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let end = answer
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .ok_or(io::ErrorKind::UnexpectedEof)?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap();
    Ok(Answer {
        status,
        head,
        body: answer.split_off(end + 4),
    })
}

async fn post(portal: &RunningPortal, path: &str, body: &Value) -> io::Result<Answer> {
    send(
        portal,
        "POST",
        path,
        "Content-Type: application/json\r\n",
        &body.to_string(),
    )
    .await
}

#[tokio::test]
async fn every_way_of_sending_parameters_gives_the_same_answer() {
    let portal = start(options()).await;
    let form = "entityTypeId=2&select[]=ID&filter%5B%3EID%5D=10700&order[ID]=desc&start=-1";
    let tree = json!({"entityTypeId": 2, "select": ["ID"], "filter": {">ID": 10700}, "order": {"ID": "DESC"}, "start": -1});
    let path = "/rest/1/demo/crm.stagehistory.list";
    let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
    let answers = [
        send(&portal, "GET", &format!("{path}?{form}"), "", "").await,
        send(&portal, "GET", &format!("{path}.json?{form}"), "", "").await,
        send(&portal, "POST", path, kind, form).await,
        send(
            &portal,
            "POST",
            &format!("{path}.json?start=-1&entityTypeId=7"),
            kind,
            form,
        )
        .await,
        post(&portal, "/rest/1/demo/CRM.StageHistory.List", &tree).await,
    ];
    let highest = portal.model().highest_history_id().to_string();
    for answer in answers {
        let answer = answer.unwrap();
        assert!(answer.head.contains("content-type: application/json"));
        let items = answer.json()["result"]["items"].clone();
        assert_eq!(items.as_array().unwrap().len(), 50);
        assert_eq!(items[0], json!({"ID": highest}));
    }
    assert_eq!(portal.stats().requests, 5);
    assert_eq!(portal.stats().calls, 5);
    portal.stop().await;
}

#[tokio::test]
async fn what_a_measuring_program_asks_is_told_and_counts_as_no_request() {
    let portal = start(options()).await;
    let told = async |path: &str| send(&portal, "GET", path, "", "").await.unwrap().json();
    let before = told("/demo/stats").await;
    assert_eq!(before["requests"], 0);
    assert_eq!(before["first_request"], Value::Null);

    let data = told("/demo/data").await;
    assert_eq!(data["rows"], portal.model().history_len());
    let pipelines = data["pipelines"].as_array().unwrap();
    let of_pipelines: u64 = pipelines
        .iter()
        .map(|pipeline| pipeline["rows"].as_u64().unwrap())
        .sum();
    assert_eq!(data["rows"], of_pipelines);

    let page = json!({"entityTypeId": 2, "start": -1});
    post(&portal, "/rest/1/demo/crm.stagehistory.list", &page)
        .await
        .unwrap();
    let after = told("/demo/stats").await;
    assert_eq!((&after["requests"], &after["rows"]), (&json!(1), &json!(50)));
    let (first, last) = (
        after["first_request"].as_f64().unwrap(),
        after["last_answer"].as_f64().unwrap(),
    );
    assert!(first <= last, "{first} {last}");
    portal.stop().await;
}

#[tokio::test]
async fn wrong_addresses_are_refused_as_a_portal_does() {
    let portal = start(PortalOptions {
        secret: "s3cret".to_owned(),
        ..options()
    })
    .await;
    for (path, status, code) in [
        ("/rest/1/s3cret/profile", 200, Value::Null),
        ("/rest/1/demo/profile", 401, json!("INVALID_CREDENTIALS")),
        ("/rest/2/s3cret/profile", 401, json!("INVALID_CREDENTIALS")),
        ("/rest/profile", 401, json!("NO_AUTH_FOUND")),
        ("/rest/1/s3cret/", 404, json!("ERROR_METHOD_NOT_FOUND")),
        ("/rest/1/s3cret/no.such", 404, json!("ERROR_METHOD_NOT_FOUND")),
    ] {
        let answer = post(&portal, path, &json!({})).await.unwrap();
        assert_eq!(
            (answer.status, &answer.json()["error"]),
            (status, &code),
            "{path}"
        );
    }
    let page = post(&portal, "/", &json!({})).await.unwrap();
    assert_eq!((page.status, page.body.starts_with(b"<html>")), (404, true));
    assert!(portal.webhook_url().ends_with("/rest/1/s3cret/"));
}

#[tokio::test]
async fn bodies_that_are_no_json_count_as_no_parameters() {
    let portal = start(options()).await;
    for body in ["", "{", "[1", "null", "\u{0}"] {
        let headers = "Content-Type: application/json\r\n";
        let answer = send(
            &portal,
            "POST",
            "/rest/1/demo/crm.stagehistory.list",
            headers,
            body,
        )
        .await
        .unwrap();
        assert_eq!((answer.status, &answer.json()["error"]), (400, &json!("100")));
    }
}

#[tokio::test]
async fn more_requests_than_the_bucket_holds_are_refused() {
    let limits = PortalOptions {
        requests_per_second: Some(0.001),
        burst: 3,
        ..options()
    };
    let portal = start(limits).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        let batch = json!({"cmd": vec!["profile"; 50]});
        statuses.push(post(&portal, "/rest/1/demo/batch", &batch).await.unwrap());
    }
    assert_eq!(
        statuses.iter().map(|answer| answer.status).collect::<Vec<_>>(),
        [200, 200, 200, 503, 503]
    );
    assert_eq!(statuses[4].json()["error"], json!("QUERY_LIMIT_EXCEEDED"));
    assert_eq!((portal.stats().refused, portal.stats().calls), (2, 150));
}

/// The answer of a portal that has only this fault, and always.
async fn spoilt(faults: FaultKinds) -> (RunningPortal, Vec<io::Result<Answer>>) {
    let portal = start(PortalOptions {
        fault_rate: 1.0,
        faults,
        ..options()
    })
    .await;
    let mut answers = Vec::new();
    for _ in 0..12 {
        answers.push(post(&portal, "/rest/1/demo/crm.deal.list", &json!({})).await);
    }
    assert_eq!(portal.stats().faults, 12);
    (portal, answers)
}

#[tokio::test]
async fn a_cut_off_answer_promises_more_than_it_sends() {
    let (_portal, answers) = spoilt(FaultKinds {
        cut_off: true,
        ..FaultKinds::NONE
    })
    .await;
    let mut sent = 0;
    for answer in answers {
        let answer = answer.unwrap();
        assert!(answer.status == 200 && answer.length() > answer.body.len());
        assert!(serde_json::from_slice::<Value>(&answer.body).is_err());
        sent += answer.body.len();
    }
    assert!(sent > 0, "a part arrives");
}

#[tokio::test]
async fn an_empty_answer_looks_like_success() {
    let (_portal, answers) = spoilt(FaultKinds {
        empty: true,
        ..FaultKinds::NONE
    })
    .await;
    assert!(
        answers
            .into_iter()
            .flatten()
            .all(|answer| answer.status == 200 && answer.body.is_empty())
    );
}

#[tokio::test]
async fn a_reset_ends_the_connection_without_an_answer() {
    let (_portal, answers) = spoilt(FaultKinds {
        reset: true,
        ..FaultKinds::NONE
    })
    .await;
    for answer in answers {
        assert_eq!(answer.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }
}

#[tokio::test]
async fn server_errors_come_as_json_and_as_html() {
    let (_portal, answers) = spoilt(FaultKinds {
        server_error: true,
        ..FaultKinds::NONE
    })
    .await;
    for answer in answers {
        let answer = answer.unwrap();
        assert!(answer.status >= 500 && answer.json()["error"].is_string());
    }
    let (_portal, answers) = spoilt(FaultKinds {
        html: true,
        ..FaultKinds::NONE
    })
    .await;
    for answer in answers {
        let answer = answer.unwrap();
        assert!([200, 502, 504].contains(&answer.status) && answer.body.starts_with(b"<html>"));
    }
}

#[tokio::test]
async fn answers_are_packed_for_clients_that_take_it_if_the_portal_does() {
    let ask = async |portal: &RunningPortal, headers: &str| {
        send(portal, "GET", "/rest/1/demo/crm.status.list", headers, "")
            .await
            .unwrap()
    };
    let accept = "Accept-Encoding: gzip, br\r\n";
    let plain = start(options()).await;
    assert!(ask(&plain, accept).await.json()["result"].is_array());
    let packing = start(PortalOptions {
        gzip: true,
        ..options()
    })
    .await;
    assert!(ask(&packing, "").await.json()["result"].is_array());
    let packed = ask(&packing, accept).await;
    assert!(packed.head.contains("content-encoding: gzip"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed.body.as_slice())
        .read_to_string(&mut text)
        .unwrap();
    assert!(serde_json::from_str::<Value>(&text).unwrap()["result"].is_array());
}

#[tokio::test]
async fn changes_to_the_data_show_in_the_next_answer() {
    let portal = start(options()).await;
    let deal = portal.model().add_deal("C3:NEW", "Zoë & 李娜 💘", 6).unwrap();
    portal
        .model()
        .rename_stage("C3:NEW", "Erste \"Begegnung\"")
        .unwrap();
    let item = post(
        &portal,
        "/rest/1/demo/crm.item.get",
        &json!({"entityTypeId": 2, "id": deal}),
    )
    .await
    .unwrap();
    assert_eq!(item.json()["result"]["item"]["title"], json!("Zoë & 李娜 💘"));
    let filter = json!({"filter": {"STATUS_ID": "C3:NEW"}});
    let stage = post(&portal, "/rest/1/demo/crm.status.list", &filter)
        .await
        .unwrap();
    assert_eq!(stage.json()["result"][0]["NAME"], json!("Erste \"Begegnung\""));
    portal.model().delete_deal(deal).unwrap();
    let item = post(
        &portal,
        "/rest/1/demo/crm.item.get",
        &json!({"entityTypeId": 2, "id": deal}),
    )
    .await
    .unwrap();
    assert_eq!(item.json()["error"], json!("NOT_FOUND"));
}

#[tokio::test]
async fn deals_keep_moving_if_asked() {
    let portal = start(PortalOptions {
        moves_per_second: 2000.0,
        ..options()
    })
    .await;
    let before = portal.model().highest_history_id();
    let moved = async {
        while portal.model().highest_history_id() < before + 20 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), moved)
        .await
        .unwrap();
    portal.stop().await;
}

#[tokio::test]
async fn a_stopped_portal_listens_no_more_and_cuts_what_takes_too_long() {
    let portal = start(PortalOptions {
        page_time: Duration::from_secs(50),
        ..options()
    })
    .await;
    let address = portal.address();
    let asked = tokio::spawn(async move {
        let mut stream = TcpStream::connect(address).await?;
        stream
            .write_all(b"GET /rest/1/demo/profile HTTP/1.1\r\nHost: portal\r\n\r\n")
            .await?;
        stream.read_to_end(&mut Vec::new()).await
    });
    while portal.stats().calls == 0 {
        tokio::task::yield_now().await;
    }
    tokio::time::timeout(Duration::from_secs(5), portal.stop())
        .await
        .unwrap();
    assert!(asked.await.unwrap().is_err());
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn options_that_make_no_sense_are_named() {
    for wrong in [
        PortalOptions {
            secret: "a/b".to_owned(),
            ..options()
        },
        PortalOptions {
            fault_rate: 1.5,
            ..options()
        },
        PortalOptions {
            requests_per_second: Some(0.0),
            ..options()
        },
        PortalOptions {
            burst: 0,
            ..options()
        },
        PortalOptions {
            operating_limit_seconds: Some(f64::NAN),
            ..options()
        },
        PortalOptions {
            moves_per_second: -1.0,
            ..options()
        },
        PortalOptions {
            first_history_id: 0,
            ..options()
        },
    ] {
        let error = Portal::start(wrong, SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Option);
    }
    let taken = start(options()).await;
    let error = Portal::start(options(), taken.address()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Listen);
}
