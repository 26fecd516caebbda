//! Doing an agent's work in the foreground.

use std::time::Duration;

use agent::{AgentSpec, CancellationToken, Schedule};
use agent_scheduler::{AgentRecord, AgentState, ErrorKind, FailedAs, Finished, StateFile, WorkerLock};
use anyhow::{Context, bail};
use bitrix_client::Client;
use exchange::Exchange;
use tokio::time::{MissedTickBehavior, interval};

use crate::config::Config;
use crate::output::{Meter, time};
use crate::{shared_bucket, wiring};

/// A rest from this length on is told to the user.
const WORTH_A_WORD: Duration = Duration::from_secs(5);

/// Queues the exchange's bulk agent and sees it through, here or in the process that works on this state.
pub(crate) async fn bulk(
    config: &Config,
    state: &StateFile,
    portal: &Client,
    exchange: &dyn Exchange,
    stop: CancellationToken,
    meter: &Meter,
) -> anyhow::Result<AgentRecord> {
    let agent = exchange.bulk().agent;
    queue(state, agent).await?;
    let mut shown = Shown::default();
    let finished = match WorkerLock::acquire(state.path()) {
        Ok(lock) => {
            let specs = exchange
                .agents()
                .into_iter()
                .filter(|spec| spec.agent.name() == agent)
                .map(on_demand);
            // In the foreground somebody is there to act: what does not pass by itself is told at once.
            let scheduler = wiring::scheduler(config, state.clone(), lock, specs, 1)?;
            shared_bucket::take(state, portal).await;
            let finished = scheduler
                .run_until_done(agent, "", stop, |record| shown.show(record, meter))
                .await;
            shared_bucket::leave(state, portal).await;
            finished?
        }
        Err(error) if error.kind() == ErrorKind::InUse => {
            meter.say("another process works on this state and does it; waiting for it");
            follow(state, agent, stop, |record| shown.show(record, meter)).await?
        }
        Err(error) => return Err(error.into()),
    };
    match finished {
        Finished::Done(record) => Ok(record),
        Finished::Parked(record) => bail!("{}", record.last_error.as_deref().unwrap_or("it failed for good")),
        Finished::Paused(_) => {
            bail!(
                "agent {agent} is paused; its work is kept. Go on with: stage-exchange agents resume {agent}"
            )
        }
        _ => bail!("stopped before the end; what is done is kept, and the same command goes on from there"),
    }
}

/// Queues an agent to run now.
pub(crate) async fn queue(state: &StateFile, agent: &str) -> anyhow::Result<()> {
    let now = agent::Clock::now(&agent::SystemClock);
    state
        .queue(agent, "", None, now)
        .await
        .with_context(|| format!("cannot queue agent {agent}"))?;
    Ok(())
}

fn on_demand(mut spec: AgentSpec) -> AgentSpec {
    spec.schedule = Schedule::OnDemand;
    spec
}

/// Watches an agent that another process runs.
async fn follow(
    state: &StateFile,
    agent: &str,
    stop: CancellationToken,
    mut on_progress: impl FnMut(&AgentRecord),
) -> anyhow::Result<Finished> {
    let mut ticks = interval(Duration::from_millis(500));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let first = state.get(agent, "").await?.map_or(0, |record| record.run);
    loop {
        let Some(record) = state.get(agent, "").await? else {
            bail!("agent {agent} is gone from the state")
        };
        on_progress(&record);
        // An agent with an interval goes on waiting after it was done.
        let ran = record.run > first && record.last_error.is_none();
        match record.state {
            AgentState::Done => return Ok(Finished::Done(record)),
            AgentState::Waiting if ran && record.interval.is_some() => return Ok(Finished::Done(record)),
            AgentState::Parked => return Ok(Finished::Parked(record)),
            AgentState::Paused => return Ok(Finished::Paused(record)),
            _ => {}
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(Finished::Stopped(record)),
            _ = ticks.tick() => {}
        }
    }
}

/// What was shown last, so that a failure is told once and not with every look.
#[derive(Default)]
struct Shown {
    failed_run: Option<i64>,
    rested_run: Option<i64>,
}

impl Shown {
    fn show(&mut self, record: &AgentRecord, meter: &Meter) {
        match &record.last_error {
            Some(error)
                if self.failed_run != Some(record.run)
                    && record.last_error_kind == Some(FailedAs::Passing) =>
            {
                self.failed_run = Some(record.run);
                let wait = (record.due_at - record.updated_at).to_std().unwrap_or_default();
                meter.say(&format!("{error}; trying again in {}", time(wait)));
            }
            None => {
                if self.failed_run.take().is_some() {
                    meter.say("it works again");
                }
            }
            Some(_) => {}
        }
        if let Some(progress) = &record.progress {
            meter.show(progress);
        }
        // An agent that keeps a gentle pace rests between two activations.
        let rest = (record.due_at - record.updated_at).to_std().unwrap_or_default();
        let resting =
            record.state == AgentState::Waiting && record.last_error.is_none() && record.interval.is_none();
        if resting && rest >= WORTH_A_WORD && self.rested_run != Some(record.run) {
            self.rested_run = Some(record.run);
            let at = record.due_at.format("%H:%M:%S UTC");
            meter.say(&format!("goes on in {}, at {at}", time(rest)));
        }
    }
}

/// Cancelled by Ctrl-C or SIGTERM.
pub(crate) fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let token = CancellationToken::new();
    let stop = token.clone();
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .context("cannot listen for SIGTERM")?;
    tokio::spawn(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        #[cfg(not(unix))]
        let _interrupted = tokio::signal::ctrl_c().await;
        stop.cancel();
    });
    Ok(token)
}
