//! `agents`: seeing and steering them.

use agent_scheduler::{AgentFilter, AgentRecord, AgentState, StateFile};
use anyhow::bail;

use crate::cli::AgentsCommand;
use crate::config::Config;
use crate::exit::{DONE, Usage};
use crate::foreground;
use crate::output;
use crate::panel;
use crate::printing::say;
use crate::wiring::{self, Parts};

pub(crate) async fn run(config: &Config, command: &AgentsCommand, as_json: bool) -> anyhow::Result<u8> {
    let state = wiring::state(config)?;
    match command {
        AgentsCommand::List => list(&state, as_json).await?,
        AgentsCommand::Run { name } => {
            known(config, &state, name).await?;
            if state.run_now(name).await? == 0 {
                foreground::queue(&state, name).await?;
            }
            report(&state, name, as_json).await?;
        }
        AgentsCommand::Pause { name } => {
            known(config, &state, name).await?;
            panel::pause(&state, name, panel::BY_COMMAND_LINE).await?;
            report(&state, name, as_json).await?;
        }
        AgentsCommand::Resume { name } => {
            known(config, &state, name).await?;
            panel::resume(&state, name, panel::BY_COMMAND_LINE).await?;
            report(&state, name, as_json).await?;
        }
    }
    Ok(DONE)
}

/// Refuses a name that neither the state nor the program knows.
async fn known(config: &Config, state: &StateFile, name: &str) -> anyhow::Result<()> {
    if !state.list(AgentFilter::named(name)).await?.is_empty() {
        return Ok(());
    }
    let parts = Parts::offline(config)?;
    let agents = parts.agents();
    let names: Vec<&str> = agents.iter().map(|spec| spec.agent.name()).collect();
    if names.contains(&name) {
        return Ok(());
    }
    bail!(Usage(format!(
        "there is no agent {name:?}; there are {}",
        names.join(", ")
    )))
}

async fn report(state: &StateFile, name: &str, as_json: bool) -> anyhow::Result<()> {
    let records = state.list(AgentFilter::named(name)).await?;
    if as_json {
        return output::json(&records);
    }
    let paused = state.paused().await?;
    match records.as_slice() {
        [] if paused.iter().any(|paused| paused == name) => say!("{name}: paused; it has no work yet"),
        [] => say!("{name}: it has no work yet"),
        records => records.iter().for_each(|record| say!("{}", line(record))),
    }
    Ok(())
}

async fn list(state: &StateFile, as_json: bool) -> anyhow::Result<()> {
    let records = state.list(AgentFilter::all()).await?;
    if as_json {
        return output::json(&records);
    }
    if records.is_empty() {
        say!("no agent has worked on this state yet; start with `stage-exchange bulk stage-list --wait`");
    }
    for record in &records {
        say!("{}", line(record));
    }
    for name in state.paused().await? {
        if !records.iter().any(|record| record.name == name) {
            say!("{name:<24} paused; it has no work yet");
        }
    }
    Ok(())
}

/// One agent on one line, with its last error under it.
pub(crate) fn line(record: &AgentRecord) -> String {
    let name = if record.key.is_empty() {
        record.name.clone()
    } else {
        format!("{}/{}", record.name, record.key)
    };
    let time = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    let mut text = format!(
        "{name:<24} {:<8} due {}",
        record.state.as_str(),
        time(record.due_at)
    );
    if record.paused && record.state != AgentState::Paused {
        text.push_str(", paused");
    }
    if let Some(until) = record.lease_until {
        text.push_str(&format!(", leased until {}", time(until)));
    }
    if record.attempts > 0 {
        text.push_str(&format!(", attempt {}", record.attempts));
    }
    if let Some(finished) = record.last_finished_at {
        text.push_str(&format!(", last run {}", time(finished)));
    }
    if let Some(progress) = &record.progress {
        text.push_str(&format!(", {}", output::describe(progress)));
    }
    if let Some(error) = &record.last_error {
        text.push_str(&format!("\n    {error}"));
    }
    text
}
