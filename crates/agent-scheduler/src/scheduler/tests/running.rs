//! What runs, when, and in what order.

use agent::{Priority, Progress};
use serde_json::json;

use super::*;
use crate::{AgentFilter, AgentState, Bounds, Queued, RunEnding};

#[tokio::test(start_paused = true)]
async fn what_is_queued_in_this_process_runs_at_once() {
    let bench = Bench::new();
    let log = Log::default();
    let seen = log.clone();
    let echo = agent("echo", move |a| {
        seen.add(format!("{}={:?}", a.key(), a.input::<u32>().unwrap()));
        Box::pin(async { Ok(Outcome::Done) })
    });
    let running = Background::start(bench.scheduler([AgentSpec::on_demand(echo)]));
    pass(5 * SECOND + SECOND / 3).await;

    bench
        .state
        .queue("echo", "a", Some(json!(1)), bench.clock.now())
        .await
        .unwrap();
    pass(SECOND / 100).await;

    assert_eq!(log.lines(), ["a=Some(1)"]);
    let record = bench.get("echo", "a").await;
    assert_eq!((record.state, record.attempts), (AgentState::Done, 0));
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_another_process_queued_runs_within_a_second() {
    let bench = Bench::new();
    let log = Log::default();
    let seen = log.clone();
    let echo = agent("echo", move |a| {
        seen.add(a.key());
        Box::pin(async { Ok(Outcome::Done) })
    });
    let running = Background::start(bench.scheduler([AgentSpec::on_demand(echo)]));
    pass(5 * SECOND + SECOND / 3).await;
    let other = bench.open();
    other.queue("echo", "b", None, bench.clock.now()).await.unwrap();
    pass(SECOND).await;
    assert_eq!(log.lines(), ["b"]);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_agent_with_an_interval_comes_back_after_each_done_and_over_restarts() {
    let bench = Bench::new();
    let log = Log::default();
    let specs = |seconds: u32| {
        let (seen, clock) = (log.clone(), Arc::clone(&bench.clock));
        [AgentSpec::every(
            seconds * SECOND,
            agent("poll", move |_| {
                seen.add(clock.start.elapsed().as_secs().to_string());
                Box::pin(async { Ok(Outcome::Done) })
            }),
        )]
    };
    let running = Background::start(bench.scheduler(specs(30)));
    pass(70 * SECOND).await;
    running.stop().await.unwrap();
    assert_eq!(log.lines(), ["0", "30", "60"]);

    // Given a restart, the time since the last turn counts.
    let running = Background::start(bench.scheduler(specs(30)));
    pass(25 * SECOND).await;
    running.stop().await.unwrap();
    assert_eq!(log.lines(), ["0", "30", "60", "90"]);

    // Given a shorter interval, it counts from the last turn.
    let running = Background::start(bench.scheduler(specs(10)));
    pass(10 * SECOND).await;
    running.stop().await.unwrap();
    assert_eq!(log.lines().last().unwrap(), "100");
}

#[tokio::test(start_paused = true)]
async fn a_passing_failure_is_repeated_without_end_and_a_permanent_one_is_parked() {
    let bench = Bench::new();
    let (passing, permanent) = (Log::default(), Log::default());
    let (p, q) = (passing.clone(), permanent.clone());
    let specs = [
        AgentSpec::on_demand(agent("away", move |a| {
            p.add(a.attempt().to_string());
            Box::pin(async { Err(Failure::passing("the server is away")) })
        })),
        AgentSpec::on_demand(agent("forbidden", move |a| {
            q.add(a.attempt().to_string());
            Box::pin(async { Err(Failure::permanent("no rights").with_source(std::io::Error::other("403"))) })
        })),
    ];
    bench.queue("away", "").await;
    bench.queue("forbidden", "").await;
    let scheduler = bench
        .builder()
        .register_all(specs)
        .park_after(3)
        .build(bench.lock())
        .unwrap();
    let running = Background::start(scheduler);
    pass(3_600 * SECOND).await;

    assert_eq!(permanent.lines(), ["1", "2", "3"]);
    let parked = bench.get("forbidden", "").await;
    assert_eq!(parked.state, AgentState::Parked);
    assert_eq!(parked.last_error.as_deref(), Some("no rights: 403"));
    let away = bench.get("away", "").await;
    assert_eq!(away.state, AgentState::Waiting);
    let tries = passing.len();
    assert!((18..40).contains(&tries), "{tries} tries in an hour");

    bench.state.resume("forbidden").await.unwrap();
    pass(SECOND / 10).await;
    assert_eq!(
        permanent.lines(),
        ["1", "2", "3", "1"],
        "a resumed agent has all of its tries"
    );
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_of_the_agent_alone() {
    let bench = Bench::new();
    let log = Log::default();
    let seen = log.clone();
    let specs = [
        AgentSpec::on_demand(agent("bug", |_| Box::pin(async { panic!("secret") }))),
        AgentSpec::on_demand(agent("fine", move |_| {
            seen.add("ran");
            Box::pin(async { Ok(Outcome::Done) })
        })),
    ];
    bench.queue("bug", "").await;
    let scheduler = bench
        .builder()
        .register_all(specs)
        .workers(1)
        .park_after(2)
        .build(bench.lock())
        .unwrap();
    let running = Background::start(scheduler);
    pass(10 * SECOND).await;
    bench.queue("fine", "").await;
    pass(SECOND).await;
    running.stop().await.unwrap();

    assert_eq!(log.lines(), ["ran"]);
    let record = bench.get("bug", "").await;
    assert_eq!((record.state, record.permanent_failures), (AgentState::Parked, 2));
    let error = record.last_error.unwrap();
    assert!(error.contains("panicked") && !error.contains("secret"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_is_queued_while_it_runs_runs_once_more_and_never_at_the_same_time() {
    let bench = Bench::new();
    let log = Log::default();
    let seen = log.clone();
    let slow = agent("deal", move |a| {
        let (seen, attempt) = (seen.clone(), a.attempt());
        Box::pin(async move {
            seen.add(format!("begin {attempt}"));
            pass(10 * SECOND).await;
            seen.add("end");
            Ok(Outcome::Done)
        })
    });
    let running = Background::start(bench.scheduler([AgentSpec::on_demand(slow)]));
    bench.queue("deal", "7").await;
    for _ in 0..5 {
        pass(SECOND).await;
        let queued = bench
            .state
            .queue("deal", "7", None, bench.clock.now())
            .await
            .unwrap();
        assert_eq!(queued, Queued::RunAgain);
    }
    pass(60 * SECOND).await;
    running.stop().await.unwrap();
    assert_eq!(log.lines(), ["begin 1", "end", "begin 1", "end"]);
}

#[tokio::test(start_paused = true)]
async fn a_paused_agent_ends_its_activation_and_starts_no_other() {
    let bench = Bench::new();
    let log = Log::default();
    let seen = log.clone();
    let slow = agent("deal", move |_| {
        let seen = seen.clone();
        Box::pin(async move {
            pass(10 * SECOND).await;
            seen.add("ended");
            Ok(Outcome::Again { after: SECOND })
        })
    });
    let running = Background::start(bench.scheduler([AgentSpec::on_demand(slow)]));
    bench.queue("deal", "").await;
    pass(SECOND).await;
    bench.state.pause("deal").await.unwrap();
    let record = bench.get("deal", "").await;
    assert_eq!((record.state, record.paused), (AgentState::Running, true));
    pass(60 * SECOND).await;
    assert_eq!(log.len(), 1);
    assert_eq!(bench.get("deal", "").await.state, AgentState::Paused);
    bench.state.resume("deal").await.unwrap();
    pass(11 * SECOND).await;
    assert_eq!(log.len(), 2);
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn background_work_leaves_a_worker_free_and_is_not_starved_by_urgent_work() {
    let bench = Bench::new();
    let log = Log::default();
    let (slow_log, urgent_log) = (log.clone(), log.clone());
    let slow = agent("walk", move |a| {
        slow_log.add(format!("walk {}", a.key()));
        Box::pin(async {
            pass(600 * SECOND).await;
            Ok(Outcome::Done)
        })
    });
    let urgent = agent("event", move |_| {
        urgent_log.add("event");
        Box::pin(async {
            pass(10 * SECOND).await;
            Ok(Outcome::Again {
                after: Duration::ZERO,
            })
        })
    });
    let specs = [
        AgentSpec::on_demand(slow).with_priority(Priority::Background),
        AgentSpec::on_demand(urgent).with_priority(Priority::Urgent),
    ];
    for key in ["1", "2", "3"] {
        bench.queue("walk", key).await;
    }
    let scheduler = bench
        .builder()
        .register_all(specs)
        .workers(2)
        .build(bench.lock())
        .unwrap();
    let running = Background::start(scheduler);
    pass(SECOND).await;
    assert_eq!(log.lines(), ["walk 1"]);
    // Given more urgent work than both workers can do.
    for key in ["a", "b", "c"] {
        bench.queue("event", key).await;
    }
    pass(SECOND / 10).await;
    assert_eq!(log.lines(), ["walk 1", "event"]);
    pass(4 * 3_600 * SECOND).await;
    running.stop().await.unwrap();
    let walks: Vec<_> = log
        .lines()
        .into_iter()
        .filter(|line| line.starts_with("walk"))
        .collect();
    assert_eq!(walks, ["walk 1", "walk 2", "walk 3"]);
}

#[tokio::test(start_paused = true)]
async fn agents_that_want_to_run_all_the_time_take_turns() {
    let bench = Bench::new();
    let log = Log::default();
    let greedy = |name: &'static str| {
        let seen = log.clone();
        AgentSpec::on_demand(agent(name, move |_| {
            seen.add(name);
            Box::pin(async {
                Ok(Outcome::Again {
                    after: Duration::ZERO,
                })
            })
        }))
    };
    let scheduler = bench
        .builder()
        .register_all([greedy("a"), greedy("b"), greedy("c")])
        .workers(1)
        .build(bench.lock())
        .unwrap();
    for name in ["a", "b", "c"] {
        bench.queue(name, "").await;
    }
    let running = Background::start(scheduler);
    while log.len() < 30 {
        tokio::task::yield_now().await;
    }
    running.stop().await.unwrap();
    let lines = log.lines();
    for turn in lines.chunks_exact(3) {
        let mut turn = turn.to_vec();
        turn.sort();
        assert_eq!(turn, ["a", "b", "c"], "{lines:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_steps_back_does_not_stop_agents_and_one_that_steps_forward_cuts_none_off() {
    let bench = Bench::new();
    let log = Log::default();
    let seen = log.clone();
    let slow = agent("slow", move |a| {
        let seen = seen.clone();
        Box::pin(async move {
            seen.add("begin");
            tokio::select! {
                () = pass(30 * SECOND) => seen.add("end"),
                () = a.stopped() => seen.add("cut off"),
            }
            Ok(Outcome::Again { after: 30 * SECOND })
        })
    });
    bench.queue("slow", "").await;
    let running = Background::start(bench.scheduler([AgentSpec::on_demand(slow)]));
    pass(SECOND).await;
    bench.clock.step(TimeDelta::hours(5));
    pass(35 * SECOND).await;
    assert_eq!(log.lines(), ["begin", "end"]);
    bench.clock.step(TimeDelta::hours(-8));
    pass(32 * SECOND).await;
    assert_eq!(
        log.lines(),
        ["begin", "end", "begin"],
        "its 30 s begin anew, and no more"
    );
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn progress_is_shown_while_it_runs_and_checkpoints_are_durable() {
    let bench = Bench::new();
    let steps = agent("upload", |a| {
        Box::pin(async move {
            a.checkpoint(&1, Progress::new(1, Some(3), "rows")).await?;
            for done in 2..=3 {
                a.report(Progress::new(done, Some(3), "rows")).await?;
            }
            pass(60 * SECOND).await;
            Ok(Outcome::Done)
        })
    });
    bench.queue("upload", "").await;
    let running = Background::start(bench.scheduler([AgentSpec::on_demand(steps)]));
    pass(3 * SECOND).await;
    let record = bench.get("upload", "").await;
    assert_eq!((record.input, record.progress.unwrap().done), (json!(1), 3));
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn records_of_agents_that_are_not_registered_are_left_alone() {
    let bench = Bench::new();
    bench.queue("of.another.version", "").await;
    let before = bench.get("of.another.version", "").await;
    let running = Background::start(bench.scheduler([]));
    pass(7_200 * SECOND).await;
    running.stop().await.unwrap();
    assert_eq!(bench.get("of.another.version", "").await, before);
}

#[tokio::test(start_paused = true)]
async fn a_year_of_runs_keeps_the_history_within_its_bounds() {
    let bench = Bench::new();
    let poll = AgentSpec::every(
        6 * 3_600 * SECOND,
        agent("poll", |_| Box::pin(async { Ok(Outcome::Done) })),
    );
    let scheduler = bench
        .builder()
        .register(poll)
        .poll(6 * 3_600 * SECOND)
        .bounds(Bounds {
            runs_per_agent: 20,
            ..Bounds::default()
        })
        .build(bench.lock())
        .unwrap();
    let running = Background::start(scheduler);
    pass(365 * 24 * 3_600 * SECOND).await;
    running.stop().await.unwrap();
    let record = bench.get("poll", "").await;
    assert!(record.run > 1_400, "{} runs", record.run);
    let runs = bench.state.runs("poll", "", 1_000).await.unwrap();
    assert!(runs.len() <= 22, "{} kept", runs.len());
    assert!(runs.iter().all(|run| run.ending == Some(RunEnding::Done)));
    let size = std::fs::metadata(&bench.path).unwrap().len();
    assert!(size < 200_000, "{size} bytes");
    assert_eq!(bench.state.list(AgentFilter::all()).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_agent_whose_next_input_is_beyond_the_bound_is_parked_and_keeps_the_last_one() {
    let bench = Bench::new();
    let growing = agent("growing", |_| {
        Box::pin(async { Outcome::next(&"x".repeat(crate::MAX_VALUE_BYTES), SECOND) })
    });
    bench
        .state
        .queue("growing", "", Some(json!(7)), bench.clock.now())
        .await
        .unwrap();
    let running = Background::start(bench.scheduler([AgentSpec::on_demand(growing)]));
    pass(3_600 * SECOND).await;
    let record = bench.get("growing", "").await;
    assert_eq!((record.state, record.input), (AgentState::Parked, json!(7)));
    let error = record.last_error.unwrap();
    assert!(error.contains("larger than 1048576 bytes"), "{error}");
    running.stop().await.unwrap();
}
