//! What is left after a crash, and how it goes on.

use agent::Progress;
use serde_json::json;

use super::*;
use crate::{AgentState, FailedAs, RunEnding};

/// Checkpoints its second step and hangs in it the first time.
fn hangs_once(log: &Log) -> Arc<dyn Agent> {
    let seen = log.clone();
    agent("upload", move |a| {
        let seen = seen.clone();
        Box::pin(async move {
            let input = a.input::<u32>()?;
            seen.add(format!("{input:?} try {}", a.attempt()));
            if input.is_none() {
                a.checkpoint(&2, Progress::default()).await?;
                std::future::pending::<()>().await;
            }
            Ok(Outcome::Done)
        })
    })
}

#[tokio::test(start_paused = true)]
async fn a_crash_in_the_middle_goes_on_from_the_last_checkpoint_at_once() {
    let mut bench = Bench::new();
    let log = Log::default();
    bench.queue("upload", "").await;
    let running = Background::start(bench.scheduler([AgentSpec::on_demand(hangs_once(&log))]));
    pass(SECOND).await;
    running.crash().await;
    bench.state = bench.open();
    let left = bench.get("upload", "").await;
    assert_eq!(
        (left.state, left.input, left.attempts),
        (AgentState::Running, json!(2), 1)
    );

    let running = Background::start(bench.scheduler([AgentSpec::on_demand(hangs_once(&log))]));
    pass(SECOND / 10).await;
    running.stop().await.unwrap();

    assert_eq!(log.lines(), ["None try 1", "Some(2) try 2"]);
    assert_eq!(bench.get("upload", "").await.state, AgentState::Done);
    let endings: Vec<_> = bench
        .state
        .runs("upload", "", 9)
        .await
        .unwrap()
        .iter()
        .map(|run| run.ending)
        .collect();
    assert_eq!(endings, [Some(RunEnding::Done), Some(RunEnding::Crashed)]);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_takes_the_process_down_each_time_waits_longer_each_time() {
    let mut bench = Bench::new();
    let deadly = || AgentSpec::on_demand(agent("deadly", |_| Box::pin(std::future::pending())));
    bench.queue("deadly", "").await;
    for crashes in 1..=6 {
        let running = Background::start(bench.scheduler([deadly()]));
        pass(400 * SECOND).await;
        assert_eq!(bench.get("deadly", "").await.attempts, crashes);
        running.crash().await;
        bench.state = bench.open();
    }
    let running = Background::start(bench.scheduler([deadly()]));
    pass(5 * SECOND).await;
    let record = bench.get("deadly", "").await;
    assert_eq!(
        (record.state, record.last_error_kind),
        (AgentState::Waiting, Some(FailedAs::Crashed))
    );
    assert_eq!(
        (record.due_at - record.last_finished_at.unwrap()).num_seconds(),
        16
    );
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_living_activation_keeps_its_lease_for_hours() {
    let bench = Bench::new();
    let log = Log::default();
    let seen = log.clone();
    let long = agent("long", move |_| {
        let seen = seen.clone();
        Box::pin(async move {
            seen.add("begin");
            pass(7_200 * SECOND).await;
            seen.add("end");
            Ok(Outcome::Done)
        })
    });
    bench.queue("long", "").await;
    let running = Background::start(bench.scheduler([AgentSpec::on_demand(long)]));
    pass(3_600 * SECOND).await;
    let record = bench.get("long", "").await;
    assert_eq!(record.state, AgentState::Running);
    assert!(record.lease_until.unwrap() > bench.clock.now());
    pass(3_700 * SECOND).await;
    running.stop().await.unwrap();
    assert_eq!(log.lines(), ["begin", "end"]);
}
