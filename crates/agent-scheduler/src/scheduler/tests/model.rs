//! Random sequences of what can happen, against a small model of what must hold:
//!
//! * no two activations of one name and key at once;
//! * an activation's input is one that was queued, and never older than what was checkpointed;
//! * no record vanishes, and once failures and pauses are over, the last work queued for each name and key is done.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use agent::Progress;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{AgentFilter, AgentState, Bounds};

const NAMES: [&str; 2] = ["deal", "walk"];

#[derive(Debug, Clone)]
enum Op {
    Queue {
        name: usize,
        key: u8,
        with_input: bool,
        other_process: bool,
        delay: u64,
    },
    Pass(u64),
    StepClock(i64),
    Crash,
    Restart,
    Pause(usize),
    Resume(usize),
    RunNow(usize),
}

/// What an activation does.
#[derive(Debug, Clone, Copy)]
enum Act {
    Done,
    Again,
    Next,
    FailPassing,
    FailAfterCheckpoint,
    FailPermanent,
    Panic,
    Work,
    Hang,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..2_usize, 0..3_u8, any::<bool>(), any::<bool>(), 0..20_u64).prop_map(
            |(name, key, with_input, other_process, delay)| Op::Queue { name, key, with_input, other_process, delay }
        ),
        6 => (0..90_u64).prop_map(Op::Pass),
        1 => (-7_200..7_200_i64).prop_map(Op::StepClock),
        2 => Just(Op::Crash),
        1 => Just(Op::Restart),
        1 => (0..2_usize).prop_map(Op::Pause),
        1 => (0..2_usize).prop_map(Op::Resume),
        1 => (0..2_usize).prop_map(Op::RunNow),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop::sample::select(vec![
        Act::Done,
        Act::Again,
        Act::Next,
        Act::FailPassing,
        Act::FailAfterCheckpoint,
        Act::FailPermanent,
        Act::Panic,
        Act::Work,
        Act::Hang,
    ])
}

type Id = (String, String);
/// The number of the queueing it comes from, and how far it has come.
type Input = (u64, u64);

#[derive(Default)]
struct Known {
    active: bool,
    queued: BTreeSet<u64>,
    done: BTreeSet<u64>,
    saved: Input,
}

/// The model: what the agents have seen, and what they do next.
#[derive(Default)]
struct World {
    acts: VecDeque<Act>,
    known: BTreeMap<Id, Known>,
    violations: Vec<String>,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<World>>);

impl Shared {
    fn with<T>(&self, id: &Id, change: impl FnOnce(&mut Known) -> T) -> T {
        change(self.0.lock().unwrap().known.entry(id.clone()).or_default())
    }

    fn violated(&self, what: String) {
        self.0.lock().unwrap().violations.push(what);
    }
}

/// Marks an activation as active for as long as it lives, however it ends.
struct Active(Shared, Id);

impl Drop for Active {
    fn drop(&mut self) {
        self.0.with(&self.1, |known| known.active = false);
    }
}

async fn activate(world: &Shared, a: &Activation) -> Result<Outcome, Failure> {
    let id = (a.name().to_owned(), a.key().to_owned());
    if world.with(&id, |known| std::mem::replace(&mut known.active, true)) {
        world.violated(format!("{id:?} runs twice at once"));
    }
    let _active = Active(world.clone(), id.clone());
    let input = a.input::<Input>()?;
    if let Some(input) = input {
        let (queued, saved) = world.with(&id, |known| (known.queued.contains(&input.0), known.saved));
        if !queued || input < saved {
            world.violated(format!("{id:?} got {input:?} after {saved:?} was saved"));
        }
    }
    let act = world.0.lock().unwrap().acts.pop_front().unwrap_or(Act::Done);
    let next = input.map(|(number, step)| (number, step + 1));
    match act {
        Act::Done => {
            world.with(&id, |known| known.done.extend(input.map(|(number, _)| number)));
            Ok(Outcome::Done)
        }
        Act::Again => Ok(Outcome::Again { after: 3 * SECOND }),
        Act::Next => Outcome::next(&next, SECOND),
        Act::FailPassing => Err(Failure::passing_after("away", 20 * SECOND)),
        Act::FailAfterCheckpoint => {
            save(world, &id, a, next).await?;
            Err(Failure::passing("away"))
        }
        Act::FailPermanent => Err(Failure::permanent("forbidden")),
        Act::Panic => panic!("an agent's bug"),
        Act::Work => {
            save(world, &id, a, next).await?;
            pass(30 * SECOND).await;
            Ok(Outcome::Again {
                after: Duration::ZERO,
            })
        }
        Act::Hang => {
            pass(1_500 * SECOND).await;
            Ok(Outcome::Again {
                after: Duration::ZERO,
            })
        }
    }
}

async fn save(world: &Shared, id: &Id, a: &Activation, next: Option<Input>) -> Result<(), Failure> {
    a.checkpoint(&next, Progress::default()).await?;
    if let Some(next) = next {
        world.with(id, |known| known.saved = known.saved.max(next));
    }
    Ok(())
}

fn start(bench: &Bench, world: &Shared) -> Background {
    let specs = NAMES.map(|name| {
        let world = world.clone();
        AgentSpec::on_demand(agent(name, move |a| {
            let world = world.clone();
            Box::pin(async move { activate(&world, a).await })
        }))
    });
    let scheduler = bench
        .builder()
        .register_all(specs)
        .workers(2)
        .park_after(2)
        .poll(5 * SECOND)
        .build(bench.lock())
        .unwrap();
    Background::start(scheduler)
}

async fn play(ops: Vec<Op>, acts: Vec<Act>) -> Vec<String> {
    let mut bench = Bench::new();
    let world = Shared::default();
    world.0.lock().unwrap().acts = acts.into();
    let mut running = start(&bench, &world);
    let mut numbers = 0;
    for op in ops {
        match op {
            Op::Queue {
                name,
                key,
                with_input,
                other_process,
                delay,
            } => {
                let id = (NAMES[name].to_owned(), key.to_string());
                numbers += 1;
                // Known before it is durable: it may run before the queueing has returned.
                world.with(&id, |known| known.queued.extend(with_input.then_some(numbers)));
                let state = if other_process {
                    bench.open()
                } else {
                    bench.state.clone()
                };
                let due_at = bench.clock.now() + Duration::from_secs(delay);
                let input = with_input.then(|| json!((numbers, 0)));
                state.queue(id.0, id.1, input, due_at).await.unwrap();
            }
            Op::Pass(seconds) => pass(Duration::from_secs(seconds)).await,
            Op::StepClock(seconds) => bench.clock.step(TimeDelta::seconds(seconds)),
            Op::Crash => {
                running.crash().await;
                // What the dead one was writing is written; nothing of it may come later.
                bench.state.prune(Bounds::default()).await.unwrap();
                pass(SECOND).await;
                bench.state = bench.open();
                running = start(&bench, &world);
            }
            Op::Restart => {
                running.stop().await.unwrap();
                bench.state = bench.open();
                running = start(&bench, &world);
            }
            Op::Pause(name) => drop(bench.state.pause(NAMES[name]).await.unwrap()),
            Op::Resume(name) => drop(bench.state.resume(NAMES[name]).await.unwrap()),
            Op::RunNow(name) => drop(bench.state.run_now(NAMES[name]).await.unwrap()),
        }
        let kept: BTreeSet<Id> = ids(&bench).await;
        let lost: Vec<Id> = world
            .0
            .lock()
            .unwrap()
            .known
            .keys()
            .filter(|id| !kept.contains(*id))
            .cloned()
            .collect();
        if !lost.is_empty() {
            world.violated(format!("{lost:?} vanished"));
        }
    }
    // When nothing fails any more and nothing is paused, everything ends.
    world.0.lock().unwrap().acts.clear();
    let mut left = Vec::new();
    for _ in 0..60 {
        for name in NAMES {
            bench.state.resume(name).await.unwrap();
        }
        pass(120 * SECOND).await;
        left = bench.state.list(AgentFilter::all()).await.unwrap();
        left.retain(|record| record.state != AgentState::Done);
        if left.is_empty() {
            break;
        }
    }
    running.stop().await.unwrap();
    let mut world = world.0.lock().unwrap();
    let mut violations = std::mem::take(&mut world.violations);
    violations.extend(left.into_iter().map(|record| format!("does not end: {record:?}")));
    for (id, known) in &world.known {
        if let Some(last) = known.queued.last()
            && !known.done.contains(last)
        {
            violations.push(format!("{id:?}: work {last} was never done"));
        }
    }
    violations
}

async fn ids(bench: &Bench) -> BTreeSet<Id> {
    let records = bench.state.list(AgentFilter::all()).await.unwrap();
    records
        .into_iter()
        .map(|record| (record.name, record.key))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_nothing_is_lost_doubled_or_undone(
        ops in prop::collection::vec(op(), 1..40),
        acts in prop::collection::vec(act(), 0..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let violations = runtime.block_on(play(ops, acts));
        prop_assert!(violations.is_empty(), "{violations:#?}");
    }
}
