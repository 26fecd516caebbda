//! Events as they arrive at a handler, over real connections.

#![allow(clippy::unwrap_used, reason = "everything here is test code, the helpers too")]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use chrono::{DateTime, NaiveDate};
use demo_portal::{
    Date, EarlierRows, ErrorKind, EventOptions, Model, Portal, PortalOptions, RunningPortal, Semantics,
};
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// What the portal's clock shows at its start.
const STARTED_AT: i64 = 1_765_000_000;
const TOKEN: &str = "t0ken+of/the handler";

/// A request as the handler got it.
#[derive(Debug, Clone)]
struct Received {
    /// The portal's end of the connection.
    from: SocketAddr,
    path: String,
    headers: HeaderMap,
    body: String,
}

impl Received {
    /// The body's fields, decoded.
    fn fields(&self) -> BTreeMap<String, String> {
        let decode = |text: &str| {
            let text = text.replace('+', " ");
            percent_decode_str(&text).decode_utf8().unwrap().into_owned()
        };
        self.body
            .split('&')
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(key, value)| (decode(key), decode(value)))
            .collect()
    }

    /// Code and ID.
    fn told(&self) -> (String, u32) {
        let fields = self.fields();
        (
            fields["event"].clone(),
            fields["data[FIELDS][ID]"].parse().unwrap(),
        )
    }

    fn id(&self) -> u32 {
        self.told().1
    }
}

/// A handler that keeps what it gets and answers with a status of the test's choice.
#[derive(Debug, Clone)]
struct Handler {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    status: Arc<AtomicU16>,
}

impl Handler {
    async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let handler = Self {
            address: listener.local_addr().unwrap(),
            received: Arc::default(),
            status: Arc::new(AtomicU16::new(200)),
        };
        let router = Router::new().fallback(keep).with_state(handler.clone());
        tokio::spawn(async move {
            let service = router.into_make_service_with_connect_info::<SocketAddr>();
            axum::serve(listener, service).await.unwrap();
        });
        handler
    }

    fn url(&self) -> String {
        format!("http://{}/events?from=portal", self.address)
    }

    fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    fn told(&self) -> Vec<(String, u32)> {
        self.received().iter().map(Received::told).collect()
    }

    fn ids(&self) -> Vec<u32> {
        self.received().iter().map(Received::id).collect()
    }
}

async fn keep(
    State(handler): State<Handler>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> StatusCode {
    handler.received.lock().unwrap().push(Received {
        from,
        path: uri.to_string(),
        headers,
        body,
    });
    StatusCode::from_u16(handler.status.load(Ordering::SeqCst)).unwrap()
}

fn options(deals: u32, events: EventOptions) -> PortalOptions {
    PortalOptions {
        deals,
        seed: 7,
        started_at: DateTime::from_timestamp(STARTED_AT, 0),
        events: Some(events),
        ..PortalOptions::default()
    }
}

async fn start(options: PortalOptions) -> RunningPortal {
    Portal::start(options, SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .unwrap()
}

/// A portal of 200 deals and its handler, over one connection: events arrive in the order of the changes.
async fn in_order(change: impl FnOnce(EventOptions) -> EventOptions) -> (RunningPortal, Handler) {
    let handler = Handler::start().await;
    let events = EventOptions {
        connections: 1,
        ..EventOptions::to(handler.url(), TOKEN)
    };
    (start(options(200, change(events))).await, handler)
}

/// Waits until every event was sent, has failed or was lost.
async fn settle(portal: &RunningPortal) {
    tokio::time::timeout(Duration::from_secs(30), portal.events_settled())
        .await
        .unwrap();
}

#[tokio::test]
async fn an_event_arrives_as_the_vendor_documents_it() {
    let (portal, handler) = in_order(|events| events).await;
    let deal = portal.model().add_deal("C3:NEW", "Ada", 1).unwrap();
    settle(&portal).await;
    let [event] = &handler.received()[..] else {
        panic!("one event");
    };
    assert_eq!(event.path, "/events?from=portal");
    assert_eq!(event.headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(event.headers["host"], handler.address.to_string().as_str());
    assert_eq!(event.headers["user-agent"], "Bitrix24 Webhook Engine");
    let address = portal.address();
    let fields = event.fields();
    let sent_at: i64 = fields["ts"].parse().unwrap();
    assert!((STARTED_AT..STARTED_AT + 30).contains(&sent_at), "{sent_at}");
    assert_eq!(fields["auth[member_id]"].len(), 32);
    for (key, value) in [
        ("event", "ONCRMDEALADD"),
        ("data[FIELDS][ID]", deal.to_string().as_str()),
        ("auth[domain]", &address.to_string()),
        ("auth[client_endpoint]", &format!("http://{address}/rest/")),
        ("auth[server_endpoint]", "https://oauth.bitrix.info/rest/"),
        ("auth[application_token]", TOKEN),
    ] {
        assert_eq!(fields[key], value, "{key}");
    }
    assert_eq!(fields.len(), 9, "{fields:?}");
    assert!(event.body.starts_with("event=ONCRMDEALADD&event_handler_id="));
    assert!(
        event.body.contains("&data%5BFIELDS%5D%5BID%5D="),
        "written as PHP does"
    );
}

#[tokio::test]
async fn a_handler_set_up_later_is_told_of_what_changes_from_then_on() {
    let handler = Handler::start().await;
    let quiet = PortalOptions {
        events: None,
        ..options(20, EventOptions::to(handler.url(), TOKEN))
    };
    let mut portal = start(quiet).await;
    let model = portal.model();
    model.add_deal("C3:NEW", "Ada", 1).unwrap();

    let unusable = EventOptions::to("https://elsewhere.example/", TOKEN);
    assert!(portal.send_events(&unusable).is_err());
    let events = EventOptions::to(handler.url(), TOKEN);
    portal.send_events(&events).unwrap();
    let second = portal.send_events(&events).unwrap_err().to_string();

    // A handle from before tells, too
    let deal = model.add_deal("C3:NEW", "Grace", 1).unwrap();
    settle(&portal).await;
    assert_eq!(handler.told(), [("ONCRMDEALADD".to_owned(), deal)]);
    assert!(second.contains("already"), "{second}");
}

#[tokio::test]
async fn every_change_of_a_deal_raises_its_event_and_nothing_else_does() {
    let (portal, handler) = in_order(|events| events).await;
    let model = portal.model();
    let day: Date = NaiveDate::from_ymd_opt(2026, 2, 28).unwrap().into();
    let deal = model.add_deal("C3:NEW", "Ada", 1).unwrap();
    model.move_deal(deal, "C3:WON", 7).unwrap();
    model.change_responsible(deal, 9).unwrap();
    model.change_dates(deal, day, Date::Null).unwrap();
    model
        .move_to_pipeline(deal, "C1:NEW", 7, EarlierRows::Vanish)
        .unwrap();
    let row = model.move_deal_unseen(deal, "C1:WON", 7).unwrap();
    // None of these is told: rights, late commits, stages, changes that failed.
    model.show_row(row).unwrap();
    model.hide_deal(deal).unwrap();
    model.rename_stage("C3:NEW", "Other").unwrap();
    assert!(model.move_deal(deal, "C1:WON", 7).is_err());
    let bin = model.delete_deal(deal).unwrap();
    let restored = model.restore_deal(bin, 1);
    settle(&portal).await;
    let told: Vec<_> = handler.told();
    let told: Vec<_> = told.iter().map(|(code, id)| (code.as_str(), *id)).collect();
    assert_eq!(
        told,
        [
            ("ONCRMDEALADD", deal),
            ("ONCRMDEALUPDATE", deal),
            ("ONCRMDEALUPDATE", deal),
            ("ONCRMDEALUPDATE", deal),
            ("ONCRMDEALMOVETOCATEGORY", deal),
            ("ONCRMDEALUPDATE", deal),
            ("ONCRMDEALDELETE", deal),
            ("ONCRMDEALADD", restored),
        ]
    );
    let moved = handler.received()[4].fields();
    assert_eq!(moved["data[FIELDS][CATEGORY_ID]"], "1");
    assert_eq!(moved["data[FIELDS][STAGE_ID]"], "C1:NEW");
    let stats = portal.stats();
    assert_eq!((stats.events_raised, stats.events_sent), (8, 8));
    assert_eq!((stats.events_failed, stats.events_dropped), (0, 0));
}

#[tokio::test]
async fn changes_of_stages_are_told_where_the_owner_arranged_it() {
    let (portal, handler) = in_order(|events| EventOptions {
        status_events: true,
        ..events
    })
    .await;
    let model = portal.model();
    let id = model
        .add_stage(3, "C3:UC_EXTRA1", "Extra", Semantics::InProgress)
        .unwrap();
    model.rename_stage("C3:UC_EXTRA1", "Zugabe").unwrap();
    model.sort_stage("C3:UC_EXTRA1", 5).unwrap();
    model.recode_stage("C3:UC_EXTRA1", "C3:UC_EXTRA2").unwrap();
    let removed = model.remove_stage("C3:UC_EXTRA2").unwrap();
    model.restore_stage(removed).unwrap();
    settle(&portal).await;
    let codes: Vec<_> = handler.told();
    assert!(codes.iter().all(|(_, told)| *told == id));
    let codes: Vec<_> = codes.iter().map(|(code, _)| code.as_str()).collect();
    assert_eq!(
        codes,
        [
            "ONCRMSTATUSADD",
            "ONCRMSTATUSUPDATE",
            "ONCRMSTATUSUPDATE",
            "ONCRMSTATUSUPDATE",
            "ONCRMSTATUSDELETE",
            "ONCRMSTATUSADD",
        ]
    );
}

/// Makes 300 changes that are easy to tell apart.
fn touch_all(model: &Model) -> Vec<u32> {
    let ids: Vec<u32> = (0..300)
        .map(|_| model.add_deal("C3:NEW", "Ada", 1).unwrap())
        .collect();
    assert!(ids.is_sorted());
    ids
}

#[tokio::test]
async fn the_same_events_are_lost_and_doubled_for_the_same_seed() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let (portal, handler) = in_order(|events| EventOptions {
            drop_rate: 0.3,
            double_rate: 0.2,
            ..events
        })
        .await;
        let ids = touch_all(&portal.model());
        settle(&portal).await;
        let stats = portal.stats();
        let got = handler.ids();
        let distinct: HashSet<u32> = got.iter().copied().collect();
        assert!(got.is_sorted() && distinct.iter().all(|id| ids.contains(id)));
        assert_eq!(
            (stats.events_raised, stats.events_failed),
            (300, 0),
            "lost ones are never tried"
        );
        assert_eq!(stats.events_dropped, 300 - distinct.len() as u64);
        assert_eq!(stats.events_doubled, (got.len() - distinct.len()) as u64);
        assert_eq!(stats.events_sent, got.len() as u64);
        assert!((60..120).contains(&stats.events_dropped), "{stats:?}");
        assert!((20..80).contains(&stats.events_doubled), "{stats:?}");
        runs.push(got);
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test]
async fn a_late_event_comes_after_those_raised_after_it() {
    let (portal, handler) = in_order(|events| EventOptions {
        delay_rate: 0.1,
        delay: Duration::from_secs(1),
        ..events
    })
    .await;
    let ids = touch_all(&portal.model());
    settle(&portal).await;
    let got = handler.ids();
    let mut sorted = got.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ids, "late, not lost");
    let first_late = got.windows(2).position(|pair| pair[0] > pair[1]).unwrap() + 1;
    let (on_time, late) = got.split_at(first_late);
    assert!(on_time.is_sorted() && late.is_sorted());
    assert!((10..60).contains(&late.len()), "{} late", late.len());
    let by_id: HashMap<u32, i64> = handler
        .received()
        .iter()
        .map(|event| (event.id(), event.fields()["ts"].parse().unwrap()))
        .collect();
    assert!(
        late.iter().all(|id| by_id[id] > STARTED_AT),
        "ts is the moment of sending"
    );
}

#[tokio::test]
async fn what_was_refused_is_never_sent_again() {
    let (portal, handler) = in_order(|events| events).await;
    let model = portal.model();
    handler.answer(503);
    let refused: Vec<u32> = (0..5).map(|_| model.add_deal("NEW", "Ada", 1).unwrap()).collect();
    settle(&portal).await;
    handler.answer(200);
    let taken: Vec<u32> = (0..5).map(|_| model.add_deal("NEW", "Zoë", 1).unwrap()).collect();
    settle(&portal).await;
    assert_eq!(handler.ids(), [refused, taken].concat());
    let stats = portal.stats();
    assert_eq!((stats.events_failed, stats.events_sent), (5, 5));
}

#[tokio::test]
async fn what_was_not_answered_is_never_sent_again() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(Mutex::new(0));
    let counted = requests.clone();
    // Reads an event, then closes without a word.
    let silent = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut got = Vec::new();
            while !got.ends_with(b"=token") {
                assert_ne!(stream.read_buf(&mut got).await.unwrap(), 0, "a whole event");
            }
            *counted.lock().unwrap() += 1;
        }
    });
    let events = EventOptions::to(format!("http://{address}/"), "token");
    let portal = start(options(10, events)).await;
    assert_eq!(portal.model().mass_update(6), 6);
    settle(&portal).await;
    assert_eq!((*requests.lock().unwrap(), portal.stats().events_failed), (6, 6));

    silent.abort();
    assert!(silent.await.unwrap_err().is_cancelled());
    portal.model().mass_update(4);
    settle(&portal).await;
    assert_eq!(
        portal.stats().events_failed,
        10,
        "nobody listens: each is tried once"
    );
}

#[tokio::test]
async fn a_handler_that_closes_after_each_answer_gets_every_event() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut got = Vec::new();
            while !got.ends_with(b"=token") {
                assert_ne!(stream.read_buf(&mut got).await.unwrap(), 0, "a whole event");
            }
            let answer = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
            stream.write_all(answer).await.unwrap();
        }
    });
    let events = EventOptions::to(format!("http://localhost:{}/", address.port()), "token");
    let portal = start(options(50, events)).await;
    portal.model().mass_update(50);
    settle(&portal).await;
    let stats = portal.stats();
    assert_eq!((stats.events_sent, stats.events_failed), (50, 0));
}

#[tokio::test]
async fn a_mass_update_of_ten_thousand_deals_sends_ten_thousand_events() {
    let handler = Handler::start().await;
    let events = EventOptions {
        connections: 4,
        ..EventOptions::to(handler.url(), TOKEN)
    };
    let portal = start(options(10_500, events)).await;
    let before = portal.model().deals();
    assert_eq!(portal.model().mass_update(10_000), 10_000);
    settle(&portal).await;
    let received = handler.received();
    let distinct: HashSet<u32> = received.iter().map(Received::id).collect();
    assert_eq!((received.len(), distinct.len()), (10_000, 10_000));
    let changed = before
        .iter()
        .zip(portal.model().deals())
        .filter(|(old, new)| old.assigned_by_id != new.assigned_by_id)
        .map(|(old, _)| old.id);
    assert_eq!(
        changed.collect::<HashSet<u32>>(),
        distinct,
        "each was really changed"
    );
    let mut by_connection: HashMap<SocketAddr, Vec<u32>> = HashMap::new();
    for event in &received {
        by_connection.entry(event.from).or_default().push(event.id());
    }
    assert_eq!(by_connection.len(), 4, "connections are kept");
    assert!(
        by_connection.values().all(|ids| ids.is_sorted()),
        "in order on each"
    );
}

#[tokio::test]
async fn events_beyond_the_queue_are_lost_and_counted() {
    let (portal, handler) = in_order(|events| EventOptions { queue: 20, ..events }).await;
    // The runtime has one thread: nothing is sent before all are raised.
    portal.model().mass_update(200);
    settle(&portal).await;
    let stats = portal.stats();
    assert_eq!(stats.events_raised, 200);
    assert_eq!((stats.events_sent, stats.events_dropped), (20, 180));
    assert_eq!(handler.ids().len(), 20);
    portal.model().mass_update(1);
    settle(&portal).await;
    assert_eq!(portal.stats().events_sent, 21, "places come free again");
}

#[tokio::test]
async fn paused_moves_leave_the_data_still_and_resumed_ones_go_on() {
    let handler = Handler::start().await;
    let moving = PortalOptions {
        moves_per_second: 2000.0,
        ..options(200, EventOptions::to(handler.url(), TOKEN))
    };
    let portal = start(moving).await;
    let raised = async |count| {
        while portal.stats().events_raised < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), raised(100))
        .await
        .unwrap();
    portal.pause_moves();
    let (history, deals) = (portal.model().history(), portal.model().deals());
    let stats = portal.stats();
    // A hundred moves would have come while these events leave.
    settle(&portal).await;
    tokio::time::timeout(Duration::from_millis(50), raised(u64::MAX))
        .await
        .unwrap_err();
    assert_eq!(portal.model().history(), history);
    assert_eq!(portal.model().deals(), deals);
    assert_eq!(portal.stats().events_raised, stats.events_raised);
    assert_eq!(handler.received().len() as u64, stats.events_raised);
    portal.resume_moves();
    tokio::time::timeout(Duration::from_secs(10), raised(stats.events_raised + 20))
        .await
        .unwrap();
    portal.stop().await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_events() {
    let (portal, handler) = in_order(|events| EventOptions {
        delay_rate: 1.0,
        delay: Duration::from_secs(3600),
        ..events
    })
    .await;
    portal.model().mass_update(10);
    assert_eq!(portal.events_waiting(), 10);
    tokio::time::timeout(Duration::from_secs(1), portal.stop())
        .await
        .unwrap();
    assert!(handler.received().is_empty());
}

#[tokio::test]
async fn event_options_that_make_no_sense_are_named() {
    let good = || EventOptions::to("http://127.0.0.1:1/events", TOKEN);
    let at = |url: &str| EventOptions::to(url, TOKEN);
    for (name, wrong) in [
        ("handler_url", at("https://127.0.0.1/events")),
        ("handler_url", at("http://192.0.2.7/events")),
        ("handler_url", at("http://user@127.0.0.1/events")),
        ("handler_url", at("/events")),
        ("application_token", EventOptions::to("http://[::1]:1/", "")),
        (
            "drop_rate",
            EventOptions {
                drop_rate: 1.1,
                ..good()
            },
        ),
        (
            "double_rate",
            EventOptions {
                double_rate: f64::NAN,
                ..good()
            },
        ),
        (
            "delay_rate",
            EventOptions {
                delay_rate: -0.1,
                ..good()
            },
        ),
        (
            "delay",
            EventOptions {
                delay: Duration::MAX,
                ..good()
            },
        ),
        (
            "connections",
            EventOptions {
                connections: 0,
                ..good()
            },
        ),
        ("queue", EventOptions { queue: 0, ..good() }),
    ] {
        let error = Portal::start(options(1, wrong), SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Option);
        assert!(error.to_string().contains(name), "{error}");
    }
}
