//! Activations that take other due records along, and that queue work.

use agent::{AgentRequest, Progress};
use serde_json::json;

use super::*;
use crate::store::Reclaim;
use crate::{AgentState, Backoff, FailedAs};

/// How a gathering activation goes on.
type End = fn() -> Result<Outcome, Failure>;

/// Gathers up to `limit`, logs what it has, works for ten seconds, and ends as `end` says.
fn gatherer(log: &Log, limit: usize, end: End) -> Arc<dyn Agent> {
    let seen = log.clone();
    agent("deal", move |a| {
        let seen = seen.clone();
        Box::pin(async move {
            let mut keys = vec![a.key().to_owned()];
            keys.extend(a.gather(limit).await?);
            seen.add(keys.join(" "));
            pass(10 * SECOND).await;
            end()
        })
    })
}

/// Queues one after the other, a millisecond apart.
async fn queue_all(bench: &Bench, keys: &[&str]) {
    for key in keys {
        bench.queue("deal", key).await;
        pass(Duration::from_millis(1)).await;
    }
}

async fn states(bench: &Bench, keys: &[&str]) -> Vec<AgentState> {
    let mut states = Vec::new();
    for key in keys {
        states.push(bench.get("deal", key).await.state);
    }
    states
}

fn one_worker(bench: &Bench, agent: Arc<dyn Agent>) -> Scheduler {
    bench
        .builder()
        .workers(1)
        .register(AgentSpec::on_demand(agent))
        .build(bench.lock())
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_is_gathered_runs_along_and_is_done_with_the_activation() {
    let bench = Bench::new();
    let log = Log::default();
    queue_all(&bench, &["a", "b", "c", "d"]).await;
    let later = bench.clock.now() + 60 * SECOND;
    bench.state.queue("deal", "later", None, later).await.unwrap();
    bench.queue("other", "a").await;
    let running = Background::start(one_worker(&bench, gatherer(&log, 2, || Ok(Outcome::Done))));

    pass(SECOND).await;
    let (main, along) = (bench.get("deal", "a").await, bench.get("deal", "b").await);
    assert_eq!(along.state, AgentState::Running);
    assert_eq!(along.attempts, 1);
    assert_eq!(
        (&along.lease_owner, along.lease_until, along.run),
        (&main.lease_owner, main.lease_until, main.run)
    );

    pass(30 * SECOND).await;
    assert_eq!(log.lines(), ["a b c", "d"]);
    assert_eq!(states(&bench, &["a", "b", "c", "d"]).await, [AgentState::Done; 4]);
    assert_eq!(states(&bench, &["later"]).await, [AgentState::Waiting]);
    assert_eq!(bench.get("other", "a").await.state, AgentState::Waiting);
    let runs = bench.state.runs("deal", "a", 9).await.unwrap();
    assert_eq!((runs.len(), runs[0].gathered), (1, 2));
    assert!(bench.state.runs("deal", "b", 9).await.unwrap().is_empty());
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn gathering_again_gives_further_records_and_never_its_own_key() {
    let bench = Bench::new();
    let log = Log::default();
    let seen = log.clone();
    let greedy = agent("deal", move |a| {
        let seen = seen.clone();
        Box::pin(async move {
            if seen.len() > 0 {
                return Ok(Outcome::Done);
            }
            // Due again while it runs: for a later activation, not for this one.
            a.queue(AgentRequest::keyed("deal", a.key())).await?;
            for limit in [0, 1, 5, 5] {
                seen.add(a.gather(limit).await?.join(" "));
            }
            Ok(Outcome::Done)
        })
    });
    queue_all(&bench, &["a", "b", "c", "d"]).await;
    let running = Background::start(one_worker(&bench, greedy));
    pass(SECOND).await;
    running.stop().await.unwrap();
    assert_eq!(log.lines(), ["", "b", "c d", ""]);
    assert_eq!(bench.state.runs("deal", "a", 9).await.unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn another_input_is_for_the_main_record_and_the_wait_for_all() {
    let bench = Bench::new();
    let log = Log::default();
    for key in ["a", "b"] {
        let now = bench.clock.now();
        bench
            .state
            .queue("deal", key, Some(json!(key)), now)
            .await
            .unwrap();
    }
    let next = || Outcome::next(&"next", 60 * SECOND);
    let running = Background::start(one_worker(&bench, gatherer(&log, 9, next)));
    pass(15 * SECOND).await;
    let (main, along) = (bench.get("deal", "a").await, bench.get("deal", "b").await);
    assert_eq!((main.input, along.input), (json!("next"), json!("b")));
    assert_eq!((along.state, along.attempts), (AgentState::Waiting, 0));
    assert_eq!(along.due_at, main.due_at);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_everybodys_and_the_pause_that_was_asked_for_holds_for_all() {
    let bench = Bench::new();
    let log = Log::default();
    queue_all(&bench, &["a", "b"]).await;
    let away = || Err(Failure::passing_after("away", 60 * SECOND));
    let running = Background::start(one_worker(&bench, gatherer(&log, 9, away)));
    pass(15 * SECOND).await;
    let (main, along) = (bench.get("deal", "a").await, bench.get("deal", "b").await);
    assert_eq!(
        (along.state, along.attempts, along.last_error_kind),
        (AgentState::Waiting, 1, Some(FailedAs::Passing))
    );
    assert_eq!((along.due_at, along.not_before), (main.due_at, main.not_before));
    pass(61 * SECOND).await;
    assert_eq!(log.lines(), ["a b", "a b"]);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_record_that_always_fails_is_parked_alone() {
    let bench = Bench::new();
    let log = Log::default();
    let seen = log.clone();
    let refusing = agent("deal", move |a| {
        let seen = seen.clone();
        Box::pin(async move {
            let mut keys = vec![a.key().to_owned()];
            keys.extend(a.gather(9).await?);
            seen.add(keys.join(" "));
            if keys.iter().any(|key| key == "bad") {
                return Err(Failure::permanent("refused"));
            }
            Ok(Outcome::Done)
        })
    });
    queue_all(&bench, &["a", "bad", "c"]).await;
    let running = Background::start(one_worker(&bench, refusing));
    pass(600 * SECOND).await;
    assert_eq!(log.lines()[0], "a bad c");
    assert!(
        log.lines()[1..].iter().all(|line| !line.contains(' ')),
        "{:?}",
        log.lines()
    );
    assert_eq!(
        states(&bench, &["a", "bad", "c"]).await,
        [AgentState::Done, AgentState::Parked, AgentState::Done]
    );
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_crash_in_the_middle_releases_all_with_their_attempts_counted() {
    let mut bench = Bench::new();
    let log = Log::default();
    queue_all(&bench, &["a", "b", "c"]).await;
    let running = Background::start(one_worker(&bench, gatherer(&log, 9, || Ok(Outcome::Done))));
    pass(SECOND).await;
    running.crash().await;
    bench.state = bench.open();
    assert_eq!(states(&bench, &["a", "b", "c"]).await, [AgentState::Running; 3]);

    let running = Background::start(one_worker(&bench, gatherer(&log, 9, || Ok(Outcome::Done))));
    pass(SECOND).await;
    assert_eq!(bench.get("deal", "c").await.attempts, 2);
    pass(15 * SECOND).await;
    running.stop().await.unwrap();
    assert_eq!(states(&bench, &["a", "b", "c"]).await, [AgentState::Done; 3]);
    let mut all: Vec<String> = log.lines()[1].split(' ').map(str::to_owned).collect();
    all.sort();
    assert_eq!((log.len(), all.join(" ")), (2, "a b c".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_cuts_off_gives_all_of_them_back_without_a_try() {
    let bench = Bench::new();
    let deaf = agent("deal", |a| {
        Box::pin(async move {
            a.gather(9).await?;
            std::future::pending().await
        })
    });
    queue_all(&bench, &["a", "b"]).await;
    let running = Background::start(one_worker(&bench, deaf));
    pass(SECOND).await;
    running.stop().await.unwrap();
    for key in ["a", "b"] {
        let record = bench.get("deal", key).await;
        assert_eq!((record.state, record.attempts), (AgentState::Waiting, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_paused_name_is_gathered() {
    let bench = Bench::new();
    let log = Log::default();
    let seen = log.clone();
    let slow = agent("deal", move |a| {
        let seen = seen.clone();
        Box::pin(async move {
            pass(10 * SECOND).await;
            seen.add(format!("{:?}", a.gather(9).await?));
            Ok(Outcome::Done)
        })
    });
    queue_all(&bench, &["a", "b"]).await;
    let running = Background::start(one_worker(&bench, slow));
    pass(SECOND).await;
    bench.state.pause("deal").await.unwrap();
    pass(15 * SECOND).await;
    assert_eq!(log.lines(), ["[]"]);
    assert_eq!(
        states(&bench, &["a", "b"]).await,
        [AgentState::Done, AgentState::Paused]
    );
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_queued_again_while_it_is_gathered_runs_once_more() {
    let bench = Bench::new();
    let log = Log::default();
    queue_all(&bench, &["a", "b", "c"]).await;
    let running = Background::start(one_worker(&bench, gatherer(&log, 9, || Ok(Outcome::Done))));
    pass(SECOND).await;
    bench.queue("deal", "b").await;
    bench.queue("deal", "b").await;
    pass(60 * SECOND).await;
    assert_eq!(log.lines(), ["a b c", "b"]);
    assert_eq!(states(&bench, &["a", "b", "c"]).await, [AgentState::Done; 3]);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn two_workers_share_the_due_records_and_never_hold_the_same_one() {
    let bench = Bench::new();
    let log = Log::default();
    let keys: Vec<String> = (0..40).map(|key| key.to_string()).collect();
    for key in &keys {
        bench.queue("deal", key).await;
    }
    let agent = AgentSpec::on_demand(gatherer(&log, 7, || Ok(Outcome::Done)));
    let scheduler = bench
        .builder()
        .workers(2)
        .register(agent)
        .build(bench.lock())
        .unwrap();
    let running = Background::start(scheduler);
    pass(SECOND).await;
    assert_eq!(log.len(), 2, "both have gathered and work");
    pass(60 * SECOND).await;
    running.stop().await.unwrap();
    let mut seen: Vec<String> = log.lines().join(" ").split(' ').map(str::to_owned).collect();
    seen.sort_by_key(|key| key.parse::<u32>().unwrap());
    assert_eq!(seen, keys, "each of them once");
}

#[tokio::test(start_paused = true)]
async fn the_lease_of_what_is_gathered_is_kept_for_hours() {
    let bench = Bench::new();
    let long = agent("deal", |a| {
        Box::pin(async move {
            a.gather(9).await?;
            pass(7_200 * SECOND).await;
            Ok(Outcome::Done)
        })
    });
    queue_all(&bench, &["a", "b"]).await;
    let running = Background::start(one_worker(&bench, long));
    pass(3_600 * SECOND).await;
    assert!(bench.get("deal", "b").await.lease_until.unwrap() > bench.clock.now());
    pass(3_700 * SECOND).await;
    assert_eq!(states(&bench, &["a", "b"]).await, [AgentState::Done; 2]);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_gathered_without_the_agents_knowledge_is_not_done_with_it() {
    let bench = Bench::new();
    let log = Log::default();
    let seen = log.clone();
    let hasty = agent("deal", move |a| {
        let seen = seen.clone();
        Box::pin(async move {
            seen.add(a.key());
            if a.key() == "a" {
                // Given a gathering that is asked for and not waited for.
                let mut gathering = Box::pin(a.gather(9));
                assert!(
                    std::future::poll_fn(|cx| std::task::Poll::Ready(
                        gathering.as_mut().poll(cx).is_pending()
                    ))
                    .await
                );
            }
            Ok(Outcome::Done)
        })
    });
    queue_all(&bench, &["a", "b"]).await;
    let running = Background::start(one_worker(&bench, hasty));
    pass(SECOND).await;
    running.stop().await.unwrap();
    assert_eq!(log.lines(), ["a", "b"]);
    assert_eq!(bench.state.runs("deal", "a", 9).await.unwrap()[0].gathered, 1);
    assert_eq!(states(&bench, &["a", "b"]).await, [AgentState::Done; 2]);
}

#[tokio::test(start_paused = true)]
async fn what_an_activation_queues_runs_at_its_time_with_its_input() {
    let bench = Bench::new();
    let log = Log::default();
    let event = agent("event", |a| {
        Box::pin(async move {
            let request = AgentRequest::keyed("deal", "7").with_input(json!("from an event"));
            a.queue(request.clone()).await?;
            a.queue(request.after(600 * SECOND)).await?;
            a.queue(AgentRequest::keyed("deal", "8").after(20 * SECOND))
                .await?;
            Ok(Outcome::Done)
        })
    });
    let seen = log.clone();
    let deal = agent("deal", move |a| {
        let seen = seen.clone();
        Box::pin(async move {
            seen.add(format!("{} {:?}", a.key(), a.input::<String>()?));
            Ok(Outcome::Done)
        })
    });
    bench.queue("event", "").await;
    let both = [AgentSpec::on_demand(event), AgentSpec::on_demand(deal)];
    let scheduler = bench
        .builder()
        .poll(300 * SECOND)
        .workers(1)
        .register_all(both)
        .build(bench.lock());
    let running = Background::start(scheduler.unwrap());
    pass(SECOND).await;
    assert_eq!(log.lines(), [r#"7 Some("from an event")"#], "woken, not polled");
    pass(25 * SECOND).await;
    assert_eq!(log.lines()[1..], ["8 None"]);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_activation_that_has_lost_its_lease_neither_queues_nor_gathers() {
    let bench = Bench::new();
    let log = Log::default();
    let seen = log.clone();
    let dead = agent("deal", move |a| {
        let seen = seen.clone();
        Box::pin(async move {
            if a.attempt() > 1 {
                return Ok(Outcome::Done);
            }
            pass(10 * SECOND).await;
            // The first finds out from the store, the second is refused at once.
            let queued = a.queue(AgentRequest::keyed("deal", "late")).await;
            let gathered = a.gather(9).await;
            seen.add(queued.unwrap_err().report());
            seen.add(gathered.unwrap_err().report());
            assert!(a.stopping());
            a.report(Progress::default()).await?;
            Ok(Outcome::Done)
        })
    });
    bench.queue("deal", "a").await;
    let running = Background::start(one_worker(&bench, dead));
    pass(SECOND).await;
    let everybody = Reclaim::AllBut("somebody else".into());
    let store = bench.state.store();
    store
        .reclaim(everybody, Backoff::default(), bench.clock.now())
        .await
        .unwrap();
    pass(30 * SECOND).await;
    assert_eq!(log.len(), 2);
    for line in log.lines() {
        assert!(line.contains("lease of agent deal is lost"), "{line}");
    }
    assert!(bench.state.get("deal", "late").await.unwrap().is_none());
    assert_eq!(states(&bench, &["a"]).await, [AgentState::Done]);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_record_ends_when_it_was_gathered_by_another_one() {
    let bench = Bench::new();
    let log = Log::default();
    bench.queue("deal", "a").await;
    pass(SECOND).await;
    // Given an agent with an interval, whose record without a key is taken along by a key.
    let spec = AgentSpec::every(3_600 * SECOND, gatherer(&log, 9, || Ok(Outcome::Done)));
    bench.queue("deal", "").await;
    let scheduler = bench
        .builder()
        .workers(1)
        .register(spec)
        .build(bench.lock())
        .unwrap();
    let finished = scheduler
        .run_until_done("deal", "", CancellationToken::new(), |_| {})
        .await
        .unwrap();
    assert!(finished.is_done());
    assert_eq!(log.lines(), ["a "]);
}
