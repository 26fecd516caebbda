//! One simulation, from its seed to its verdict.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agent::{CancellationToken, Clock as _};
use agent_scheduler::{AgentFilter, AgentState, StateFile};
use demo_portal::InProcessPortal;
use store::{ErrorKind, Store};
use store_sqlite::SqliteStore;
use table_map::{Row, TableMap};
use tokio::time::Instant;

use crate::clock::WallClock;
use crate::dice::Dice;
use crate::expect::Expectation;
use crate::plan::Plan;
use crate::process::{House, SetupError};
use crate::state::Disk;
use crate::target::Server;
use crate::users::Users;
use crate::watch::Watch;
use crate::wire::Line;
use crate::world::{World, lock};
use crate::{post, process};

/// How often it is looked whether the tables have become true.
const LOOK_EVERY: Duration = Duration::from_secs(45);

/// What a simulation came to.
#[derive(Debug, Clone)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// What the seed decided, in a line.
    pub plan: String,
    /// The promises that were broken; empty when all were kept.
    pub violations: Vec<String>,
    /// The hash of all that happened, in its order.
    pub trace_hash: u64,
    /// The last lines of what happened, or all of them when that was asked for.
    pub trace: Vec<String>,
    /// What was counted: faults by kind, requests, lives.
    pub counts: BTreeMap<&'static str, u64>,
    /// Simulated time.
    pub simulated: Duration,
    /// Simulated time from the end of the faults until the tables were true.
    pub recovered_in: Duration,
}

impl Report {
    /// Whether every promise was kept.
    pub fn is_good(&self) -> bool {
        self.violations.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_good() {
            return write!(f, "seed {} kept every promise", self.seed);
        }
        writeln!(f, "seed {} broke a promise:", self.seed)?;
        for violation in &self.violations {
            writeln!(f, "  {violation}")?;
        }
        writeln!(f, "it was decided: {}", self.plan)?;
        writeln!(f, "what happened last:")?;
        for line in &self.trace {
            writeln!(f, "  {line}")?;
        }
        write!(
            f,
            "again: cargo xtask soak --seed {0}, or SIMULATION_SEED={0} cargo test -p simulation",
            self.seed
        )
    }
}

/// Runs the simulation of a seed on a runtime of its own. `folder` is where the state's lock lies; two simulations at once need
/// two. With `whole`, the report has every line of the trace.
///
/// # Errors
/// When it cannot be set up: not when a promise is broken, which the report tells.
pub fn run(seed: u64, folder: &Path, whole: bool) -> Result<Report, SetupError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    runtime.block_on(simulate(Plan::of(seed), folder, whole))
}

async fn simulate(plan: Plan, folder: &Path, whole: bool) -> Result<Report, SetupError> {
    let plan = Arc::new(plan);
    let world = Arc::new(World::new(whole));
    let clock = Arc::new(WallClock::new());
    let portal = InProcessPortal::new(&plan.portal)?;
    let users = Arc::new(Users::new(&portal, Arc::clone(&world), plan.seed));
    let line = Arc::new(Line::new(
        portal,
        Arc::clone(&users),
        Arc::clone(&world),
        Arc::clone(&plan),
    ));
    let store = SqliteStore::in_memory()?.in_place();
    let server = Arc::new(Server::new(store, Arc::clone(&world), Arc::clone(&plan)));
    let expectation = Expectation::new(plan.pipelines.clone(), plan.timezone)?;
    let watch = Watch::new(
        Arc::clone(&world),
        Arc::clone(&plan),
        Arc::clone(&users),
        Arc::clone(&server),
        expectation.clone(),
    );
    let path = folder.join("state.db");
    let state = StateFile::in_memory(&path)?;
    let disk = Disk::new(
        Arc::clone(state.store()),
        watch,
        Arc::clone(&world),
        Arc::clone(&plan),
    );
    let house = Arc::new(House::new(
        Arc::clone(&plan),
        Arc::clone(&world),
        clock,
        line,
        server,
        Arc::new(disk),
        path,
    ));
    let simulation = Simulation {
        house,
        users,
        expectation,
        person: Dice::new(plan.seed, 7),
    };
    let recovered_in = simulation.run().await;
    let (trace_hash, trace) = world.trace();
    Ok(Report {
        seed: plan.seed,
        plan: plan.summary(),
        violations: world.violations(),
        trace_hash,
        trace,
        counts: world.counts(),
        simulated: world.elapsed(),
        recovered_in,
    })
}

struct Simulation {
    house: Arc<House>,
    users: Arc<Users>,
    expectation: Expectation,
    person: Dice,
}

impl Simulation {
    /// Runs it; gives how long the tables took to become true after the faults.
    async fn run(&self) -> Duration {
        let (house, world) = (&self.house, &self.house.world);
        self.ask_for("stage-list.sync").await;
        self.ask_for(history_exchange::AGENT).await;
        let end = CancellationToken::new();
        let mut around = tokio::task::JoinSet::new();
        {
            let (house, end) = (Arc::clone(house), end.clone());
            around.spawn(async move { house.live(end).await });
        }
        around.spawn(post::deliver(Arc::clone(house)));
        {
            let line = Arc::clone(&house.line);
            around.spawn(async move { line.others().await });
        }
        let chaos = house.plan.chaos;
        tokio::select! {
            biased;
            () = self.until_violated() => {}
            ((), (), ()) = async {
                tokio::join!(
                    self.users.live(chaos, house.plan.changes),
                    self.set_the_clock(),
                    self.look_after_it(chaos),
                )
            } => {}
        }
        world.calm_down();
        let recovered = self.recover().await;
        end.cancel();
        around.shutdown().await;
        recovered
    }

    async fn until_violated(&self) {
        while !self.house.world.is_violated() {
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    }

    async fn set_the_clock(&self) {
        let mut steps = self.house.plan.clock_steps.clone();
        steps.sort_unstable();
        let begun = Instant::now();
        for (at, wrong_by) in steps {
            tokio::time::sleep_until(begun + at).await;
            self.house.clock.set_wrong_by(wrong_by);
            self.house
                .world
                .note(|| format!("the clock is wrong by {wrong_by} s now"));
            self.house.world.count("clock set");
        }
    }

    /// A person comes by now and then: resumes what gave up, and asks for the upload again.
    async fn look_after_it(&self, chaos: Duration) {
        let begun = Instant::now();
        let again = async {
            if let Some(at) = self.house.plan.bulk_again {
                tokio::time::sleep(at.min(chaos)).await;
                self.ask_for(history_exchange::AGENT).await;
            }
        };
        let resume = async {
            while begun.elapsed() + Duration::from_secs(300) < chaos {
                tokio::time::sleep(self.person.millis(60_000, 300_000)).await;
                self.resume().await;
            }
        };
        let hold = async {
            if let Some((from, until)) = self.house.plan.hold {
                tokio::time::sleep(from).await;
                self.hold_the_upload(true).await;
                tokio::time::sleep(until - from).await;
                self.hold_the_upload(false).await;
            }
        };
        tokio::join!(again, resume, hold);
    }

    async fn hold_the_upload(&self, hold: bool) {
        let state = self.house.state_from_outside();
        if let Err(error) = state.set_setting("uploader.paused", hold.into()).await {
            self.house
                .world
                .violate(format!("a switch cannot be set: {error}"));
        }
        self.house
            .world
            .note(|| format!("somebody holds the upload: {hold}"));
    }

    async fn ask_for(&self, agent: &str) {
        let now = self.house.clock.now();
        let state = self.house.state_from_outside();
        if let Err(error) = state.queue(agent, "", None, now).await {
            self.house
                .world
                .violate(format!("{agent} cannot be queued: {error}"));
        }
        self.house.world.note(|| format!("somebody asks for {agent}"));
    }

    async fn resume(&self) {
        let state = self.house.state_from_outside();
        let parked = state
            .list(AgentFilter::all().in_state(AgentState::Parked))
            .await
            .unwrap_or_default();
        let mut names: Vec<String> = parked.into_iter().map(|record| record.name).collect();
        names.dedup();
        for name in names {
            self.house.world.note(|| format!("somebody resumes {name}"));
            if let Err(error) = state.resume(&name).await {
                self.house
                    .world
                    .violate(format!("{name} cannot be resumed: {error}"));
            }
        }
    }

    /// Waits until the tables are true and every accepted event is served, as long as is allowed.
    async fn recover(&self) -> Duration {
        let world = &self.house.world;
        let begun = Instant::now();
        let rows = lock(&self.users.book).rows.len();
        let patience = self.house.plan.patience(rows);
        self.resume().await;
        let mut true_looks = 0;
        loop {
            if world.is_violated() {
                return begun.elapsed();
            }
            let wrong = self.wrong().await;
            // True twice in a row: what was true stays true.
            true_looks = if wrong.is_empty() { true_looks + 1 } else { 0 };
            if true_looks == 2 {
                return begun.elapsed();
            }
            if begun.elapsed() > patience {
                for what in wrong.iter().take(5) {
                    world.violate(format!("{} s after the faults: {what}", patience.as_secs()));
                }
                self.tell_agents().await;
                return begun.elapsed();
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Notes where every agent stands, for whoever reads the report.
    async fn tell_agents(&self) {
        let state = self.house.state_from_outside();
        for record in state.list(AgentFilter::all()).await.unwrap_or_default() {
            if record.state != AgentState::Done {
                self.house.world.note(|| {
                    format!(
                        "{} {} is {} until {}, tries {}, {:?}, input {}",
                        record.name,
                        record.key,
                        record.state.as_str(),
                        record.due_at,
                        record.attempts,
                        record.last_error,
                        record.input
                    )
                });
            }
        }
    }

    async fn wrong(&self) -> Vec<String> {
        let (stages, history) = tokio::join!(
            self.rows(self.expectation.stages()),
            self.rows(self.expectation.history())
        );
        let (stages, history) = match (stages, history) {
            (Ok(stages), Ok(history)) => (stages, history),
            (Err(error), _) | (_, Err(error)) => return vec![error.to_string()],
        };
        let mut wrong = self
            .expectation
            .differences(&lock(&self.users.book), &stages, &history);
        for deal in self.house.disk.watch.owed_events() {
            wrong.push(format!("an accepted event about deal {deal} is not served"));
        }
        wrong
    }

    /// All rows of a table, straight from the database.
    async fn rows(&self, map: &TableMap) -> Result<Vec<Row>, store::Error> {
        let store = &self.house.server.store;
        let mut rows: Vec<Row> = Vec::new();
        loop {
            let after = rows.last().map(Row::key);
            match store.scan(map, after, 5000).await {
                Ok(page) if page.is_empty() => return Ok(rows),
                Ok(page) => rows.extend(page),
                // Not made yet.
                Err(error) if error.kind() == ErrorKind::Schema => return Ok(rows),
                Err(error) => return Err(error),
            }
        }
    }
}

/// The error of a set-up.
pub type Error = process::SetupError;
