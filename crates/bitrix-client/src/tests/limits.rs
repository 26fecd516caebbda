//! Portals that enforce their limits as the vendor describes them, and clients that must not run into them.

use std::future::Future;

use super::log::Log;
use super::*;
use crate::{Call, Class, ErrorKind};

/// The portal's leaky bucket.
struct LeakyBucket {
    per_second: f64,
    burst: f64,
    level: f64,
    at: Instant,
}

impl LeakyBucket {
    fn new(per_second: f64, level: f64) -> Mutex<Self> {
        Mutex::new(Self {
            per_second,
            burst: 50.0,
            level,
            at: Instant::now(),
        })
    }

    fn takes(&mut self, now: Instant) -> bool {
        self.level = (self.level - (now - self.at).as_secs_f64() * self.per_second).max(0.0);
        self.at = now;
        let room = self.level + 1.0 <= self.burst;
        self.level += f64::from(u8::from(room));
        room
    }
}

/// The portal's sum of run time: ten baskets of a minute.
#[derive(Default)]
struct Operating {
    baskets: Vec<(u64, f64)>,
}

const EPOCH: f64 = 1_700_000_000.0;

impl Operating {
    /// Runs a call of `cost` seconds: its `time`, or nothing when the method is over its limit.
    fn run(&mut self, since: Duration, cost: f64, limit: f64) -> Option<Value> {
        let minute = since.as_secs() / 60;
        self.baskets.retain(|(basket, _)| basket + 10 > minute);
        let sum: f64 = self.baskets.iter().map(|(_, seconds)| seconds).sum();
        if sum >= limit {
            return None;
        }
        match self.baskets.last_mut() {
            Some((basket, seconds)) if *basket == minute => *seconds += cost,
            _ => self.baskets.push((minute, cost)),
        }
        let oldest = self.baskets.first().map_or(minute, |(basket, _)| *basket);
        let reset = EPOCH + f64::from(u32::try_from((oldest + 10) * 60).expect("small"));
        let finish = EPOCH + since.as_secs_f64();
        Some(
            json!({"start": finish - cost, "finish": finish, "duration": cost, "operating": sum + cost,
                    "operating_reset_at": reset}),
        )
    }
}

async fn many(client: &Client, count: usize) {
    let calls = (0..count).map(|_| async { client.server_time().await.expect("an answer") });
    futures::future::join_all(calls).await;
}

fn now_there() -> Value {
    json!("2024-01-01T00:00:00+03:00")
}

#[tokio::test(start_paused = true)]
async fn the_portals_bucket_never_overflows_though_requests_arrive_bunched_and_clocks_differ() {
    // Given a portal whose clock is half a percent slow, and a network that delays requests by up to two seconds.
    let bucket = LeakyBucket::new(1.99, 0.0);
    let latency = |number| Duration::from_millis((number as u64 * 7919) % 2000);
    let portal = Scripted::with_latency(latency, move |seen| match lock(&bucket).takes(seen.at) {
        true => ok(&now_there()),
        false => error(503, "QUERY_LIMIT_EXCEEDED"),
    });
    let mut config = config();
    config.max_in_flight = Some(100);
    let client = client_with(&portal, config);
    let began = Instant::now();

    many(&client, 1000).await;

    assert_eq!(client.stats().refused, 0);
    let ideal = (1000.0 - 50.0) / 2.0;
    let took = began.elapsed().as_secs_f64();
    assert!(
        took < ideal * 1.03,
        "{took} s against {ideal} s at the portal's own rate"
    );
}

#[tokio::test(start_paused = true)]
async fn a_bucket_others_filled_is_met_with_a_rest_and_no_burst_after_it() {
    let bucket = LeakyBucket::new(2.0, 50.0);
    let portal = Scripted::new(move |seen| match lock(&bucket).takes(seen.at) {
        true => ok(&now_there()),
        false => error(503, "QUERY_LIMIT_EXCEEDED"),
    });
    let client = client(&portal);

    many(&client, 60).await;

    let refused = client.stats().refused;
    assert!(
        (1..=4).contains(&refused),
        "{refused} refusals: only requests that were under way already"
    );
    let after: Vec<Instant> = portal.seen().iter().map(|seen| seen.at).skip(4).collect();
    for pair in after.windows(2) {
        assert!(
            pair[1] - pair[0] >= Duration::from_millis(500),
            "a burst after a refusal"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_in_a_row_make_longer_rests() {
    let portal = Scripted::new(|seen| match seen.index {
        0..=3 => error(503, "QUERY_LIMIT_EXCEEDED"),
        _ => ok(&now_there()),
    });

    client(&portal).server_time().await.expect("the fifth answer");

    let times: Vec<Instant> = portal.seen().iter().map(|seen| seen.at).collect();
    for (pair, least) in times.windows(2).zip([2, 4, 8, 16]) {
        assert!(
            pair[1] - pair[0] >= Duration::from_secs(least),
            "{:?} is less than {least} s",
            pair[1] - pair[0]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_on_requests_nothing_waits() {
    let portal = Scripted::new(|_| ok(&now_there()));
    let mut config = config();
    (config.requests_per_second, config.operating_limit_seconds) = (0.0, None);
    let client = client_with(&portal, config);
    let began = Instant::now();

    many(&client, 1000).await;

    // Timers of tokio have a millisecond's grain.
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(client.budget().tokens, None);
}

#[tokio::test(start_paused = true)]
async fn requests_under_way_are_bounded() {
    let portal = Scripted::new(|_| (Duration::from_secs(10), ok(&now_there()).1));
    let mut config = config();
    (config.max_in_flight, config.operating_limit_seconds) = (Some(3), None);
    let client = client_with(&portal, config);

    many(&client, 9).await;

    let mut times: Vec<Instant> = portal.seen().iter().map(|seen| seen.at).collect();
    times.sort_unstable();
    assert!(times[3] - times[0] >= Duration::from_secs(10));
    assert!(times[6] - times[3] >= Duration::from_secs(10));
}

/// What becomes of a request on its way.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Good,
    /// The connection breaks before the portal has it.
    BrokenBefore,
    /// The portal runs it, and its answer is lost.
    BrokenAfter,
}

/// A portal that counts run time of `crm.stagehistory.list` in batches, at `cost` seconds a call.
fn counting_portal(cost: f64, before: f64) -> Arc<Scripted> {
    counting_portal_by_ways(cost, before, |_| Way::Good)
}

/// Such a portal, where `way` says what becomes of the request of each number.
fn counting_portal_by_ways(
    cost: f64,
    before: f64,
    way: impl Fn(usize) -> Way + Send + Sync + 'static,
) -> Arc<Scripted> {
    let operating = Mutex::new(Operating::default());
    let began = Instant::now();
    if before > 0.0 {
        for minute in 0..10 {
            lock(&operating).baskets.push((minute, before / 10.0));
        }
    }
    // A portal that has been counting for ten minutes when the first request comes.
    let since = move |at: Instant| at - began + Duration::from_secs(599);
    Scripted::new(move |seen| {
        if seen.method == "server.time" {
            return ok(&now_there());
        }
        let broken = Err(TransportErrorKind::Broken);
        if way(seen.index) == Way::BrokenBefore {
            return (Duration::ZERO, broken);
        }
        let calls = seen.calls();
        let (mut result, mut errors, mut times) = (json!({}), json!({}), json!({}));
        for (name, _) in &calls {
            match lock(&operating).run(since(seen.at), cost, 480.0) {
                Some(time) => {
                    result[name] = json!({"items": []});
                    times[name] = time;
                }
                None => {
                    errors[name] = json!({"error": "OPERATION_TIME_LIMIT", "error_description": "blocked"})
                }
            }
        }
        let takes = Duration::from_secs_f64(cost * calls.len() as f64);
        if way(seen.index) == Way::BrokenAfter {
            return (takes, broken);
        }
        let body =
            json!({"result": {"result": result, "result_error": errors, "result_time": times}, "time": {}});
        (takes, answer(200, &body).1)
    })
}

fn history_batch() -> Vec<Call> {
    (0..50)
        .map(|n| crate::HistoryQuery::window(n * 50, n * 50 + 50).call())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_method_stays_under_its_run_time_while_others_go_on() {
    // Given calls of 0.2 s: 10 s a batch, 48 batches in ten minutes.
    let portal = counting_portal(0.2, 0.0);
    let client = client(&portal);
    let began = Instant::now();

    // When 150 batches are read by two readers, and the server's time is asked all the while.
    let reader = || async {
        for _ in 0..75 {
            let outcomes = client.batch(&history_batch()).await.expect("a batch");
            assert!(outcomes.iter().all(Result::is_ok));
        }
    };
    let other = async {
        let mut longest = Duration::ZERO;
        for _ in 0..100 {
            let asked = Instant::now();
            client.server_time().await.expect("an answer");
            longest = longest.max(asked.elapsed());
            tokio::time::sleep(Duration::from_secs(15)).await;
        }
        longest
    };
    let ((), (), longest) = tokio::join!(reader(), reader(), other);

    // Then the portal refused nothing, the other method never waited, and most of what is allowed was used.
    assert_eq!(client.stats().refused, 0);
    let took = began.elapsed().as_secs_f64();
    let resets = took / 60.0;
    let asked = client.stats().requests - (2 * 75 + 100);
    assert!(
        f64::from(u32::try_from(asked).unwrap()) <= resets,
        "a call alone asks at most once after each reset, not {asked} times in {took} s"
    );
    assert!(longest < Duration::from_secs(1), "{longest:?}");
    // Two readers use up 480 s of run time in 240 s, and then have to wait for the rest of the ten minutes: of the
    // 1500 s they need, 1440 s take three windows, and 60 s take 30 s more.
    let least = 3.0 * 600.0 + 30.0;
    assert!(took < least * 1.1, "{took} s, the limit itself allows {least} s");
}

#[tokio::test(start_paused = true)]
async fn run_time_of_an_earlier_run_counts() {
    // Given a portal on which an earlier run left 450 of 480 seconds.
    let portal = counting_portal(0.2, 450.0);
    let client = client(&portal);

    for _ in 0..60 {
        client.batch(&history_batch()).await.expect("a batch");
    }

    assert_eq!(client.stats().refused, 0);
    let budget = client.budget();
    let method = budget
        .operating
        .iter()
        .find(|m| m.method == "crm.stagehistory.list")
        .expect("known");
    assert!(method.used <= 480.0 && method.used > 300.0, "{method:?}");
}

/// Reads batches until the sum of their method is 440 s of the 456 s that are used, ten more a batch, and then one more batch, the
/// requests of which fare as told. How long that one takes, and how many calls each of its requests had.
async fn one_more_batch_near_the_limit(ways: &'static [Way]) -> (Duration, Vec<usize>) {
    const BEFORE: usize = 44;
    let way = |index: usize| {
        index
            .checked_sub(BEFORE)
            .and_then(|nth| ways.get(nth))
            .copied()
            .unwrap_or(Way::Good)
    };
    let portal = counting_portal_by_ways(0.2, 0.0, way);
    let client = client(&portal);
    for _ in 0..BEFORE {
        client.batch(&history_batch()).await.expect("a batch");
    }
    let began = Instant::now();

    let outcomes = client.batch(&history_batch()).await.expect("one more batch");

    assert_eq!(client.stats().refused, 0);
    assert_eq!(outcomes.len(), 50);
    assert!(outcomes.iter().all(Result::is_ok));
    let seen = portal.seen();
    let calls = seen.iter().skip(BEFORE).map(|seen| seen.calls().len());
    (began.elapsed(), calls.collect())
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_lost_near_the_limit_are_asked_after_with_one_call_and_nothing_is_refused() {
    let (took, calls) = one_more_batch_near_the_limit(&[
        Way::BrokenAfter,
        Way::BrokenAfter,
        Way::BrokenAfter,
        Way::BrokenAfter,
    ])
    .await;

    // What was lost had run: the rest finds room when the first minute has left the portal's window, which one more call alone finds out.
    assert_eq!(calls, [50, 1, 1, 1, 1, 1, 48]);
    assert!(took < Duration::from_secs(240), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_lost_request_may_have_run_is_waited_for_only_when_it_did() {
    let (took, calls) = one_more_batch_near_the_limit(&[Way::BrokenBefore]).await;

    assert_eq!(calls, [50, 1, 49]);
    assert!(took < Duration::from_secs(15), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refused_method_rests_until_its_reset_and_others_do_not() {
    // Given a method whose last good answer said that 200 s are left to its reset.
    let portal = Scripted::new(|seen| match (seen.method.as_str(), seen.index) {
        ("busy", 0) => answer(
            200,
            &json!({"result": 1, "time": {"finish": "1000.0", "operating": 1, "operating_reset_at": "1200"}}),
        ),
        ("busy", 1) => error(429, "OPERATION_TIME_LIMIT"),
        _ => ok(&json!(2)),
    });
    let client = client(&portal);
    client
        .call::<i64>("busy", &json!({}))
        .await
        .expect("the good answer");
    let began = Instant::now();

    let busy = async {
        client
            .call::<i64>("busy", &json!({}))
            .await
            .expect("after the rest");
        began.elapsed()
    };
    let free = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let blocked_for = client.budget().operating[0].blocked_for;
        client.call::<i64>("free", &json!({})).await.expect("at once");
        (began.elapsed(), blocked_for)
    };
    let (rested, (free, blocked_for)) = tokio::join!(busy, free);

    assert!((199.0..=201.0).contains(&rested.as_secs_f64()), "{rested:?}");
    assert!(free < Duration::from_secs(2), "{free:?}");
    assert!(
        blocked_for.is_some_and(|rest| rest > Duration::from_secs(190)),
        "{blocked_for:?}"
    );
    assert_eq!(client.stats().refused, 1);
}

#[tokio::test(start_paused = true)]
async fn a_method_that_stays_refused_ends_as_an_error_that_names_it() {
    let portal = Scripted::new(|_| error(429, "OPERATION_TIME_LIMIT"));
    let mut config = config();
    config.retry.max_attempts = 3;
    let began = Instant::now();

    let error = client_with(&portal, config)
        .call::<i64>("busy", &json!({}))
        .await
        .expect_err("refused");

    assert_eq!((error.kind(), error.attempts()), (ErrorKind::OperatingLimit, 3));
    assert!(
        matches!(error.class(), Class::WaitForMethod { method, .. } if method == "busy"),
        "{error}"
    );
    assert!(
        began.elapsed() >= Duration::from_secs(60 + 120),
        "rests grow while nothing is known of the reset"
    );
}

/// What a client told the operator while `calls` ran.
async fn told(calls: impl Future<Output = ()>) -> Vec<String> {
    let log = Log::default();
    let guard = tracing::subscriber::set_default(log.clone());
    calls.await;
    drop(guard);
    let text = log.text();
    text.lines()
        .filter(|line| line.starts_with("INFO"))
        .map(str::to_owned)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_long_wait_for_a_methods_run_time_is_told_once() {
    // Given a method whose run time is all but used up, by calls that leave the window minute by minute.
    let portal = Scripted::new(|seen| {
        let finish = EPOCH + f64::from(u32::try_from(seen.index).expect("small"));
        answer(
            200,
            &json!({"result": now_there(), "time": {"finish": finish, "duration": 30.0, "operating": 475.0,
                    "operating_reset_at": finish + 45.0}}),
        )
    });
    let client = client(&portal);
    client.server_time().await.expect("the first call asks");

    let lines = told(async {
        client.server_time().await.expect("after its wait");
    })
    .await;

    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].contains("method=\"server.time\" seconds=45"),
        "{lines:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_long_wait_for_the_bucket_is_told_once_and_a_short_one_is_not() {
    let portal = Scripted::new(|_| ok(&now_there()));
    let mut slow = config();
    (slow.requests_per_second, slow.burst) = (0.1, 1);
    let slow = client_with(&portal, slow);
    slow.server_time().await.expect("the first is free");
    let lines = told(async {
        slow.server_time().await.expect("after its wait");
    })
    .await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].contains("method=\"server.time\" seconds=11"),
        "{lines:?}"
    );

    let mut usual = config();
    usual.burst = 1;
    let usual = client_with(&portal, usual);
    let lines = told(async {
        many(&usual, 8).await;
    })
    .await;
    assert!(lines.is_empty(), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn a_turn_comes_when_nobody_waits_and_the_bucket_has_room() {
    let portal = Scripted::new(|_| ok(&json!([])));
    let mut config = config();
    (config.requests_per_second, config.burst) = (2.0, 50);
    let client = client_with(&portal, config);
    let waited = async |client: &Client| {
        let before = Instant::now();
        client.turn().await;
        before.elapsed()
    };
    assert_eq!(waited(&client).await, Duration::ZERO);

    // A full bucket has room for one more half a second later.
    client.assume_in_bucket(50.0);
    let first = waited(&client).await;
    assert!(
        (Duration::from_millis(400)..Duration::from_millis(600)).contains(&first),
        "{first:?}"
    );

    // What takes the room that there is goes first.
    let other = client.call::<Value>("profile", &Value::Null);
    let (other, turn) = tokio::join!(other, waited(&client));
    assert!(other.is_ok());
    assert!(
        (Duration::from_millis(400)..Duration::from_millis(600)).contains(&turn),
        "{turn:?}"
    );
}
