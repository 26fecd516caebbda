//! Starting and stopping a portal.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Zone};
use crate::desk::Desk;
use crate::error::Error;
use crate::events::{Line, Outbox, Sender, Target, Waiting};
use crate::faults::Faults;
use crate::limits::Bucket;
use crate::model::{Model, generate};
use crate::options::{EventOptions, PortalOptions};
use crate::server::{Server, router};
use crate::stats::{Counters, Stats};
use crate::wire::{Cutter, WireListener};

/// How long a stop waits for answers that are under way.
const STOP_WITHIN: Duration = Duration::from_secs(2);
/// The longest an event may be held back.
const LONGEST_DELAY: Duration = Duration::from_secs(86_400);

/// A portal that can be started.
#[derive(Debug)]
pub struct Portal;

/// A portal that answers. It stops when it is dropped; [`RunningPortal::stop`] also waits for the end.
#[derive(Debug)]
pub struct RunningPortal {
    address: SocketAddr,
    user_id: u32,
    secret: String,
    seed: u64,
    model: Model,
    clock: Clock,
    counters: Counters,
    stopping: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    waiting: Option<Waiting>,
    moving: Moving,
}

/// Whether deals move by themselves. Held locked during a move, so that a pause waits for its end.
type Moving = Arc<Mutex<bool>>;

impl Portal {
    /// Makes up the data and listens on an address; port 0 takes any free one. Must be called within a tokio
    /// runtime.
    ///
    /// # Errors
    /// If an option makes no sense or the address cannot be listened on.
    pub async fn start(options: PortalOptions, address: SocketAddr) -> Result<RunningPortal, Error> {
        check(&options)?;
        if let Some(events) = &options.events {
            check_events(events)?;
        }
        let listen = |source| Error::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let clock = Clock::new(&options);
        let model = Model::new(generate(&options), clock.clone(), Zone::new(&options));
        let counters = Counters::default();
        let stopping = CancellationToken::new();
        let mut tasks = Vec::new();
        let server = Arc::new(Server {
            desk: Desk::new(&options, model.clone(), clock.clone(), counters.clone()),
            model: model.clone(),
            user_id: options.user_id,
            secret: options.secret.clone(),
            bucket: options
                .requests_per_second
                .map(|rate| Mutex::new(Bucket::new(rate, options.burst))),
            faults: Faults::new(&options),
            fault_delay: options.fault_delay,
            gzip: options.gzip,
            counters: counters.clone(),
            stopping: stopping.clone(),
        });
        tasks.push(tokio::spawn(serve(listener, server)));
        let moving = Moving::new(Mutex::new(true));
        if options.moves_per_second > 0.0 {
            tasks.push(tokio::spawn(keep_moving(
                model.clone(),
                options.clone(),
                moving.clone(),
                stopping.clone(),
            )));
        }
        let mut portal = RunningPortal {
            address,
            user_id: options.user_id,
            secret: options.secret,
            seed: options.seed,
            model,
            clock,
            counters,
            stopping,
            tasks,
            waiting: None,
            moving,
        };
        if let Some(events) = &options.events {
            portal.send_events(events)?;
        }
        Ok(portal)
    }
}

impl RunningPortal {
    /// The address of the incoming webhook. It holds the secret: whoever has it has the portal.
    #[must_use]
    pub fn webhook_url(&self) -> String {
        format!("http://{}/rest/{}/{}/", self.address, self.user_id, self.secret)
    }

    /// Where the portal listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the portal did so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.counters.snapshot()
    }

    /// The portal's data, to read and to change.
    #[must_use]
    pub fn model(&self) -> Model {
        self.model.clone()
    }

    /// Keeps the data still: when this returns, no deal moves by itself any more. Changes made through
    /// [`RunningPortal::model`] are not held up.
    pub fn pause_moves(&self) {
        *lock(&self.moving) = false;
    }

    /// Lets deals move again at [`PortalOptions::moves_per_second`]; moves missed meanwhile are not made up for.
    pub fn resume_moves(&self) {
        *lock(&self.moving) = true;
    }

    /// Tells a handler of every change from now on, as an outgoing webhook that somebody has just set up. Must be called within a
    /// tokio runtime.
    ///
    /// # Errors
    /// If an option makes no sense, or a handler is told already: a portal has one.
    pub fn send_events(&mut self, events: &EventOptions) -> Result<(), Error> {
        let target = check_events(events)?;
        let (outbox, queues) = Outbox::open(events, self.seed, self.counters.clone());
        let waiting = outbox.waiting();
        if !self.model.tell(outbox) {
            return Err(Error::Option {
                option: "events",
                problem: "are sent to a handler already",
            });
        }
        self.waiting = Some(waiting);
        let sender = Sender::new(self.address, self.seed, &events.application_token);
        for queue in queues {
            let line = Line {
                target: target.clone(),
                sender: sender.clone(),
                clock: self.clock.clone(),
                counters: self.counters.clone(),
                stopping: self.stopping.clone(),
            };
            self.tasks.push(tokio::spawn(line.run(queue)));
        }
        Ok(())
    }

    /// How many events wait to be sent or for the handler's answer, late ones included.
    #[must_use]
    pub fn events_waiting(&self) -> usize {
        self.waiting.as_ref().map_or(0, Waiting::count)
    }

    /// Waits until no event waits any more: each was sent, has failed, or was lost. While deals keep moving
    /// that may never be; pause them first.
    pub async fn events_settled(&self) {
        if let Some(waiting) = &self.waiting {
            waiting.none().await;
        }
    }

    /// Stops listening and waits until answers under way are sent, two seconds at most. Answers that pretend
    /// to take longer are cut off, and events that wait are not sent.
    pub async fn stop(mut self) {
        self.stopping.cancel();
        for mut task in std::mem::take(&mut self.tasks) {
            if tokio::time::timeout(STOP_WITHIN, &mut task).await.is_err() {
                task.abort();
            }
        }
    }
}

impl Drop for RunningPortal {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

pub(crate) fn check(options: &PortalOptions) -> Result<(), Error> {
    let wrong = |option, problem| Err(Error::Option { option, problem });
    let usable = |value: Option<f64>| value.is_none_or(|value| value.is_finite() && value > 0.0);
    if options.secret.is_empty() || !options.secret.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return wrong("secret", "must be one or more ASCII letters and digits");
    }
    if !(0.0..=1.0).contains(&options.fault_rate) {
        return wrong("fault_rate", "must lie between 0 and 1");
    }
    if !usable(options.requests_per_second) {
        return wrong(
            "requests_per_second",
            "must be more than 0; None turns the limit off",
        );
    }
    if !options
        .rare_share
        .is_none_or(|share| (0.0..=1.0).contains(&share))
    {
        return wrong("rare_share", "must lie between 0 and 1");
    }
    if options.burst == 0 {
        return wrong("burst", "must be at least 1");
    }
    if !usable(options.operating_limit_seconds) {
        return wrong(
            "operating_limit_seconds",
            "must be more than 0; None turns the limit off",
        );
    }
    if !(0.0..=10_000.0).contains(&options.moves_per_second) {
        return wrong("moves_per_second", "must lie between 0 and 10000");
    }
    if options.deals > 10_000_000 {
        return wrong("deals", "must be at most 10000000");
    }
    if options.first_history_id == 0 || options.first_history_id > 1_000_000_000 {
        return wrong("first_history_id", "must lie between 1 and 1000000000");
    }
    Ok(())
}

fn check_events(events: &EventOptions) -> Result<Target, Error> {
    let wrong = |option, problem| Err(Error::Option { option, problem });
    for (option, rate) in [
        ("events.drop_rate", events.drop_rate),
        ("events.double_rate", events.double_rate),
        ("events.delay_rate", events.delay_rate),
    ] {
        if !(0.0..=1.0).contains(&rate) {
            return wrong(option, "must lie between 0 and 1");
        }
    }
    if events.delay > LONGEST_DELAY {
        return wrong("events.delay", "must be a day at most");
    }
    if !(1..=64).contains(&events.connections) {
        return wrong("events.connections", "must lie between 1 and 64");
    }
    if events.queue == 0 {
        return wrong("events.queue", "must be at least 1");
    }
    if events.application_token.is_empty() {
        return wrong("events.application_token", "must not be empty");
    }
    Target::parse(&events.handler_url).ok_or(Error::Option {
        option: "events.handler_url",
        problem: "must be an http address on this machine, such as http://127.0.0.1:8941/events",
    })
}

fn lock(moving: &Mutex<bool>) -> std::sync::MutexGuard<'_, bool> {
    moving.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, server: Arc<Server>) {
    let stopping = server.stopping.clone();
    let service = router(server).into_make_service_with_connect_info::<Cutter>();
    let serving =
        axum::serve(WireListener(listener), service).with_graceful_shutdown(stopping.cancelled_owned());
    if let Err(error) = serving.await {
        tracing::error!(%error, "the demo portal ended");
    }
}

/// Changes deals at the rate asked for, until the portal stops.
async fn keep_moving(model: Model, options: PortalOptions, moving: Moving, stopping: CancellationToken) {
    let mut rng = StdRng::seed_from_u64(options.seed ^ 0x0f0e);
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / options.moves_per_second));
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let moving = lock(&moving);
                if *moving {
                    model.change_any(&mut rng);
                }
            }
            () = stopping.cancelled() => return,
        }
    }
}
