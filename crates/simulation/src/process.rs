//! The program, put together as the binary does it, for one life after another.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent::{CancellationToken, Clock, Failure};
use agent_scheduler::{Backoff, Scheduler, StateFile, WorkerLock};
use async_trait::async_trait;
use bitrix_client::{Client, ClientConfig, WebhookUrl};
use event_intake::EventIntake;
use exchange::{Context, Environment, Exchange, Plugin, Settings, Switches};
use history_exchange::HistoryPlugin;
use rand::SeedableRng as _;
use rand::rngs::Xoshiro256PlusPlus;
use serde_json::Value;
use stage_list_exchange::StageListPlugin;

use crate::clock::WallClock;
use crate::dice::Dice;
use crate::life::{Life, mortal};
use crate::plan::{End, Plan};
use crate::state::{Disk, State};
use crate::target::{Server, Target};
use crate::wire::{Line, Wire};
use crate::world::{World, lock};

/// What went wrong while a simulation was set up.
pub(crate) type SetupError = Box<dyn std::error::Error + Send + Sync>;

/// The binary's own settings; see `runner`'s `wiring`.
const ATTEMPTS: u32 = 4;
const BACKOFF: Backoff = Backoff {
    first: Duration::from_secs(1),
    max: Duration::from_secs(5),
};
const GRACE: Duration = Duration::from_secs(5);
const PARK_AFTER: u32 = 5;

/// Everything around the process that outlives it.
pub(crate) struct House {
    pub(crate) plan: Arc<Plan>,
    pub(crate) world: Arc<World>,
    pub(crate) clock: Arc<WallClock>,
    pub(crate) line: Arc<Line>,
    pub(crate) server: Arc<Server>,
    pub(crate) disk: Arc<Disk>,
    /// What the state's lock is for.
    pub(crate) path: PathBuf,
    /// Where events come in, while the process lives.
    pub(crate) door: Mutex<Option<(Arc<Life>, EventIntake)>>,
    dice: Dice,
}

/// The switches, as the binary reads them.
struct StateSwitches(StateFile);

#[async_trait]
impl Switches for StateSwitches {
    async fn get(&self, key: &str) -> Result<Option<Value>, Failure> {
        let setting = self.0.setting(key).await;
        let setting =
            setting.map_err(|error| Failure::passing("the state cannot be read").with_source(error))?;
        Ok(setting.map(|setting| setting.value))
    }
}

impl House {
    pub(crate) fn new(
        plan: Arc<Plan>,
        world: Arc<World>,
        clock: Arc<WallClock>,
        line: Arc<Line>,
        server: Arc<Server>,
        disk: Arc<Disk>,
        path: PathBuf,
    ) -> Self {
        let dice = Dice::new(plan.seed, 5);
        Self {
            plan,
            world,
            clock,
            line,
            server,
            disk,
            path,
            door: Mutex::default(),
            dice,
        }
    }

    /// The state as a person sees it who comes by.
    pub(crate) fn state_from_outside(&self) -> StateFile {
        StateFile::with_store(&self.path, Arc::clone(&self.disk.store))
            .with_clock(Arc::clone(&self.clock) as Arc<dyn Clock>)
    }

    /// A scheduler and the intake of events, for this life.
    fn assemble(&self, life: &Arc<Life>, first: bool) -> Result<(Scheduler, EventIntake), SetupError> {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let state = State::new(Arc::clone(&self.disk), Arc::clone(life));
        let state = StateFile::with_store(&self.path, Arc::new(state)).with_clock(Arc::clone(&clock));
        let lock = WorkerLock::acquire(state.path())?;
        let limits = &self.plan.portal;
        let webhook: WebhookUrl = "https://portal.simulated/rest/1/s3cr3t/".parse()?;
        let mut config = ClientConfig::new(webhook);
        config.retry.max_attempts = ATTEMPTS;
        config.requests_per_second = limits.requests_per_second.unwrap_or(0.0);
        config.burst = limits.burst;
        config.operating_limit_seconds = limits.operating_limit_seconds;
        config.jitter_seed = Some(self.dice.seed());
        let wire = Wire::new(Arc::clone(&self.line), Arc::clone(life), first);
        let client = Client::with_transport(config, Arc::new(wire))?;
        let context = Context {
            portal_name: client.config().webhook.to_string(),
            portal: client,
            store: Arc::new(Target::new(Arc::clone(&self.server), Arc::clone(life))),
            environment: Environment::Test,
            timezone: self.plan.timezone,
            pipelines: self.plan.pipelines.clone(),
            clock: Arc::clone(&clock),
            switches: Arc::new(StateSwitches(state.clone())),
        };
        let settings = Settings::from_json(self.plan.settings());
        let plugins: [&dyn Plugin; 2] = [&StageListPlugin, &HistoryPlugin];
        let exchanges = plugins
            .iter()
            .map(|plugin| plugin.build(&context, &settings))
            .collect::<Result<Vec<Arc<dyn Exchange>>, _>>()?;
        let agents: Vec<_> = exchanges
            .iter()
            .flat_map(|exchange| exchange.agents())
            .map(|spec| mortal(spec, life))
            .collect();
        let intake = EventIntake::new(exchanges, state.clone(), Arc::clone(&clock));
        let scheduler = Scheduler::builder(state, clock)
            .workers(self.plan.workers)
            .park_after(PARK_AFTER)
            .lease(self.plan.lease)
            .poll(self.plan.poll)
            .backoff(BACKOFF)
            .grace(GRACE)
            .rng(Xoshiro256PlusPlus::seed_from_u64(self.dice.seed()))
            .register_all(agents)
            .build(lock)?;
        Ok((scheduler, intake))
    }

    /// Lives one life after another, until `until` is cancelled.
    pub(crate) async fn live(&self, until: CancellationToken) {
        let mut ends = self.plan.ends.iter().copied();
        let mut first = true;
        while !until.is_cancelled() {
            let end = ends.next().filter(|_| !self.world.is_calm());
            self.world.count("lives");
            self.world.note(|| format!("process: begins, to end {end:?}"));
            let life = Life::new(match end {
                Some(End::AtPoint(points)) => Some(points),
                _ => None,
            });
            let (scheduler, intake) = match self.assemble(&life, std::mem::take(&mut first)) {
                Ok(parts) => parts,
                Err(error) => {
                    self.world
                        .violate(format!("the process cannot be put together: {error}"));
                    return;
                }
            };
            *lock(&self.door) = Some((Arc::clone(&life), intake));
            self.one_life(&scheduler, &life, end, &until).await;
            life.end();
            *lock(&self.door) = None;
            drop(scheduler);
            // What was cut off is dropped by the runtime, task by task.
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            self.disk.watch.check_owed(self.disk.store.as_ref()).await;
            if !until.is_cancelled() {
                tokio::time::sleep(Duration::from_millis(self.dice.of_any_size(1, 90_000))).await;
            }
        }
    }

    async fn one_life(
        &self,
        scheduler: &Scheduler,
        life: &Arc<Life>,
        end: Option<End>,
        until: &CancellationToken,
    ) {
        let stop = CancellationToken::new();
        let spare = async {
            // When faults are over, nobody kills it any more.
            while !self.world.is_calm() {
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
            life.spare();
            std::future::pending::<()>().await;
        };
        let clock_strikes = async {
            match end {
                Some(End::AfterTime(time)) => {
                    tokio::time::sleep(time).await;
                    if !self.world.is_calm() {
                        return;
                    }
                }
                Some(End::Stopped(time)) => {
                    tokio::time::sleep(time).await;
                    stop.cancel();
                }
                _ => {}
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            () = life.over() => {
                self.world.count("killed at an await point");
                self.world.note(|| "process: killed at an await point".to_owned());
            }
            () = until.cancelled() => {}
            () = clock_strikes => {
                self.world.count("killed after a time");
                self.world.note(|| "process: killed after a time".to_owned());
            }
            () = spare => {}
            ended = scheduler.run(stop.clone()) => match ended {
                _ if stop.is_cancelled() => {
                    self.world.count("stopped in good order");
                    self.world.note(|| "process: stopped".to_owned());
                }
                Ok(()) => self.world.violate("the scheduler has ended by itself"),
                Err(error) => self.world.violate(format!("the scheduler has ended: {error}")),
            },
        }
    }
}
