//! Random sequences of what can happen, against a small model of what must hold:
//!
//! * no two activations of one name and key at once, gathered or not;
//! * an activation's input is one that was queued, and never older than what was checkpointed;
//! * no record vanishes, and once failures and pauses are over, the last work queued for each name and key (from outside
//!   or by an activation) is done.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use agent::{AgentRequest, Progress};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{AgentFilter, AgentState, Bounds};

const NAMES: [&str; 2] = ["deal", "walk"];
const KEYS: u8 = 4;

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
    QueueOther(u8),
}

/// How many others an activation gathers, and then does.
type Plan = (usize, Act);

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..2_usize, 0..KEYS, any::<bool>(), any::<bool>(), 0..20_u64).prop_map(
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
        Act::QueueOther(0),
        Act::QueueOther(KEYS - 1),
    ])
}

fn plan() -> impl Strategy<Value = Plan> {
    (0..4_usize, act())
}

type Id = (String, String);
/// The number of the queueing it comes from, and how far it has come.
type Input = (u64, u64);

#[derive(Default)]
struct Known {
    active: bool,
    /// There is a record, for a queueing has returned.
    kept: bool,
    /// Work that may be what an activation gets.
    queued: BTreeSet<u64>,
    /// The last work whose queueing has returned.
    owed: Option<u64>,
    done: BTreeSet<u64>,
    saved: Input,
}

/// The model: what the agents have seen, and what they do next.
#[derive(Default)]
struct World {
    plans: VecDeque<Plan>,
    numbers: u64,
    known: BTreeMap<Id, Known>,
    violations: Vec<String>,
}

/// The world, and a turn for each who queues, so that numbers become durable in their order.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<World>>, Arc<tokio::sync::Mutex<()>>);

impl Shared {
    fn with<T>(&self, id: &Id, change: impl FnOnce(&mut Known) -> T) -> T {
        change(self.0.lock().unwrap().known.entry(id.clone()).or_default())
    }

    /// Queues the next number as `queue` does it.
    async fn queue<T, E>(
        &self,
        id: &Id,
        with_input: bool,
        queue: impl AsyncFnOnce(Option<Value>) -> Result<T, E>,
    ) -> Result<(), E> {
        let _turn = self.1.lock().await;
        let number = {
            let mut world = self.0.lock().unwrap();
            world.numbers += 1;
            world.numbers
        };
        // Known before it is durable: it may run before the queueing has returned.
        self.with(id, |known| known.queued.extend(with_input.then_some(number)));
        queue(with_input.then(|| json!((number, 0)))).await?;
        self.with(id, |known| {
            known.kept = true;
            known.owed = known.owed.max(with_input.then_some(number));
        });
        Ok(())
    }

    /// Begins to run a record with this input.
    fn begin(&self, id: Id, input: Option<Input>) -> Active {
        let (active, queued, saved) = self.with(&id, |known| {
            let queued = input.is_none_or(|(number, _)| known.queued.contains(&number));
            (std::mem::replace(&mut known.active, true), queued, known.saved)
        });
        if active {
            self.violated(format!("{id:?} runs twice at once"));
        }
        if !queued || input.is_some_and(|input| input < saved) {
            self.violated(format!("{id:?} got {input:?} after {saved:?} was saved"));
        }
        Active {
            world: self.clone(),
            id,
            input,
        }
    }

    fn violated(&self, what: String) {
        self.0.lock().unwrap().violations.push(what);
    }
}

/// Marks an activation as active for as long as it lives, however it ends.
struct Active {
    world: Shared,
    id: Id,
    input: Option<Input>,
}

impl Active {
    fn done(&self) {
        let number = self.input.map(|(number, _)| number);
        self.world.with(&self.id, |known| known.done.extend(number));
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.world.with(&self.id, |known| known.active = false);
    }
}

async fn activate(world: &Shared, state: &StateFile, a: &Activation) -> Result<Outcome, Failure> {
    let id = (a.name().to_owned(), a.key().to_owned());
    let input = a.input::<Input>()?;
    let mut active = vec![world.begin(id.clone(), input)];
    let plan = world.0.lock().unwrap().plans.pop_front();
    let (limit, act) = plan.unwrap_or((2, Act::Done));
    let keys = a.gather(limit).await?;
    if keys.len() > limit {
        world.violated(format!("{id:?} got {} records for {limit}", keys.len()));
    }
    for key in keys {
        // The input of what runs does not change.
        let record = state.get(a.name(), &key).await.unwrap().unwrap();
        if record.state != AgentState::Running {
            world.violated(format!("{record:?} is gathered, but does not run"));
        }
        let input = serde_json::from_value(record.input).unwrap();
        active.push(world.begin((record.name, key), input));
    }
    let next = input.map(|(number, step)| (number, step + 1));
    match act {
        Act::Done => {
            active.iter().for_each(Active::done);
            Ok(Outcome::Done)
        }
        Act::QueueOther(key) => {
            let other = (id.0.clone(), key.to_string());
            world
                .queue(&other, true, async |input| {
                    let mut request = AgentRequest::keyed(&other.0, &other.1).after(2 * SECOND);
                    request.input = input;
                    a.queue(request).await
                })
                .await?;
            active.iter().for_each(Active::done);
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
        let (world, state) = (world.clone(), bench.state.clone());
        AgentSpec::on_demand(agent(name, move |a| {
            let (world, state) = (world.clone(), state.clone());
            Box::pin(async move { activate(&world, &state, a).await })
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

async fn play(ops: Vec<Op>, plans: Vec<Plan>) -> Vec<String> {
    let mut bench = Bench::new();
    let world = Shared::default();
    world.0.lock().unwrap().plans = plans.into();
    let mut running = start(&bench, &world);
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
                let state = if other_process {
                    bench.open()
                } else {
                    bench.state.clone()
                };
                let due_at = bench.clock.now() + Duration::from_secs(delay);
                world
                    .queue(&id, with_input, async |input| {
                        state.queue(&id.0, &id.1, input, due_at).await
                    })
                    .await
                    .unwrap();
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
            .iter()
            .filter(|(id, known)| known.kept && !kept.contains(*id))
            .map(|(id, _)| id.clone())
            .collect();
        if !lost.is_empty() {
            world.violated(format!("{lost:?} vanished"));
        }
    }
    // When nothing fails any more and nothing is paused, everything ends.
    world.0.lock().unwrap().plans.clear();
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
        // Later work takes the place of earlier work, even when a crash came before its queueing returned.
        if known.done.last().copied() < known.owed {
            violations.push(format!("{id:?}: work {:?} was never done", known.owed));
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
        plans in prop::collection::vec(plan(), 0..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let violations = runtime.block_on(play(ops, plans));
        prop_assert!(violations.is_empty(), "{violations:#?}");
    }
}
