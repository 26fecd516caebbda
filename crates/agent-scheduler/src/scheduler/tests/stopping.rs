//! How runs end: by a stop, by the work being over, by mistakes of whoever put it together.

use agent::Progress;
use serde_json::json;

use super::*;
use crate::{AgentState, Finished, RunEnding};

#[tokio::test(start_paused = true)]
async fn a_stop_lets_activations_end_and_saves_what_they_came_to() {
    let bench = Bench::new();
    let polite = agent("polite", |a| {
        Box::pin(async move {
            a.stopped().await;
            pass(5 * SECOND).await;
            Outcome::next(&"half way", Duration::ZERO)
        })
    });
    bench.queue("polite", "").await;
    let running = Background::start(bench.scheduler([AgentSpec::on_demand(polite)]));
    pass(SECOND).await;
    let asked = Instant::now();
    running.stop().await.unwrap();
    assert_eq!(asked.elapsed().as_secs(), 5);
    let record = bench.get("polite", "").await;
    assert_eq!(
        (record.state, record.input),
        (AgentState::Waiting, json!("half way"))
    );
}

#[tokio::test(start_paused = true)]
async fn what_does_not_end_is_cut_off_after_ten_seconds_and_goes_on_from_its_checkpoint() {
    let bench = Bench::new();
    let deaf = agent("deaf", |a| {
        Box::pin(async move {
            a.checkpoint(&5, Progress::default()).await?;
            std::future::pending().await
        })
    });
    bench.queue("deaf", "").await;
    let running = Background::start(bench.scheduler([AgentSpec::on_demand(deaf)]));
    pass(SECOND).await;
    let asked = Instant::now();
    running.stop().await.unwrap();
    assert_eq!(asked.elapsed().as_secs(), 10);
    let record = bench.get("deaf", "").await;
    assert_eq!(
        (record.state, record.input, record.attempts),
        (AgentState::Waiting, json!(5), 0)
    );
    assert_eq!(record.last_error, None);
    let runs = bench.state.runs("deaf", "", 9).await.unwrap();
    assert_eq!(runs[0].ending, Some(RunEnding::Interrupted));
}

/// Three steps, with a failure that passes before the second.
fn three_steps() -> Arc<dyn Agent> {
    agent("upload", |a| {
        Box::pin(async move {
            let step = a.input::<u64>()?.unwrap_or(0) + 1;
            if step == 2 && a.attempt() == 1 {
                return Err(Failure::passing_after("the portal asks for a pause", 30 * SECOND));
            }
            a.report(Progress::new(step, Some(3), "steps")).await?;
            match step {
                3 => Ok(Outcome::Done),
                next => Outcome::next(&next, SECOND),
            }
        })
    })
}

#[tokio::test(start_paused = true)]
async fn running_until_done_shows_progress_and_waits_for_failures_that_pass() {
    let bench = Bench::new();
    bench.queue("upload", "").await;
    let scheduler = bench.scheduler([AgentSpec::on_demand(three_steps())]);
    let begun = Instant::now();
    let mut shown = Vec::new();
    let finished = scheduler
        .run_until_done("upload", "", CancellationToken::new(), |record| {
            let done = record.progress.as_ref().map_or(0, |progress| progress.done);
            shown.push((done, record.last_error.clone()));
        })
        .await
        .unwrap();
    assert!(finished.is_done(), "{finished:?}");
    assert_eq!(begun.elapsed().as_secs(), 32);
    assert!(
        shown.contains(&(1, Some("the portal asks for a pause".into()))),
        "{shown:?}"
    );
    assert_eq!(shown.last(), Some(&(3, None)));
    // What is over already is told at once.
    let again = scheduler
        .run_until_done("upload", "", CancellationToken::new(), |_| ())
        .await
        .unwrap();
    assert!(again.is_done());
}

#[tokio::test(start_paused = true)]
async fn running_until_done_ends_when_it_is_parked_paused_or_stopped() {
    let bench = Bench::new();
    let forbidden = agent("forbidden", |_| {
        Box::pin(async { Err(Failure::permanent("no rights")) })
    });
    let long = agent("long", |a| {
        Box::pin(async move {
            a.stopped().await;
            Outcome::next(&1, Duration::ZERO)
        })
    });
    let every = agent("every", |_| Box::pin(async { Ok(Outcome::Done) }));
    let scheduler = bench.scheduler([
        AgentSpec::on_demand(forbidden),
        AgentSpec::on_demand(long),
        AgentSpec::every(3_600 * SECOND, every),
    ]);
    bench.queue("forbidden", "").await;
    bench.queue("long", "").await;
    bench.queue("every", "").await;
    let until = async |name: &str, stop: &CancellationToken| {
        scheduler
            .run_until_done(name, "", stop.clone(), |_| ())
            .await
            .unwrap()
    };
    let never = CancellationToken::new();

    assert!(matches!(until("forbidden", &never).await, Finished::Parked(_)));
    assert!(
        matches!(until("every", &never).await, Finished::Done(record) if record.state == AgentState::Waiting)
    );

    let stop = CancellationToken::new();
    let (stopped, ()) = tokio::join!(until("long", &stop), async {
        pass(5 * SECOND).await;
        stop.cancel();
    });
    assert!(matches!(stopped, Finished::Stopped(record) if record.input == json!(1)));

    bench.state.pause("long").await.unwrap();
    assert!(matches!(until("long", &never).await, Finished::Paused(_)));
}

#[tokio::test(start_paused = true)]
async fn mistakes_in_putting_it_together_are_errors() {
    let bench = Bench::new();
    let done = || AgentSpec::on_demand(agent("done", |_| Box::pin(async { Ok(Outcome::Done) })));
    let twice = bench
        .builder()
        .register(done())
        .register(done())
        .build(bench.lock())
        .unwrap_err();
    assert!(matches!(twice, Error::RegisteredTwice { .. }), "{twice:?}");
    let none = bench.builder().workers(0).build(bench.lock()).unwrap_err();
    assert!(matches!(none, Error::Setting { .. }), "{none:?}");
    let other = WorkerLock::acquire(bench.path.with_file_name("other.db")).unwrap();
    let wrong = bench.builder().build(other).unwrap_err();
    assert!(matches!(wrong, Error::WrongLock { .. }), "{wrong:?}");

    let scheduler = bench.scheduler([done()]);
    let until = async |name: &str| {
        scheduler
            .run_until_done(name, "", CancellationToken::new(), |_| ())
            .await
            .unwrap_err()
    };
    assert!(matches!(until("unknown").await, Error::NotRegistered { .. }));
    assert!(matches!(until("done").await, Error::NoSuchAgent { .. }));
    let stop = CancellationToken::new();
    let (first, second) = tokio::join!(scheduler.run(stop.clone()), async {
        let second = scheduler.run(stop.clone()).await;
        stop.cancel();
        second
    });
    first.unwrap();
    assert!(matches!(second.unwrap_err(), Error::Running));
}
