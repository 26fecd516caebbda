//! `settings`: the switches that work while the program runs.

use agent_scheduler::StateFile;
use anyhow::bail;
use exchange::Switch;
use serde_json::{Value, json};

use crate::cli::SettingsCommand;
use crate::config::Config;
use crate::exit::{DONE, Usage};
use crate::output;
use crate::panel::BY_COMMAND_LINE;
use crate::printing::say;
use crate::wiring::{self, Parts};

pub(crate) async fn run(config: &Config, command: &SettingsCommand, as_json: bool) -> anyhow::Result<u8> {
    let state = wiring::state(config)?;
    let parts = Parts::offline(config)?;
    let switches: Vec<Switch> = parts
        .exchanges
        .iter()
        .flat_map(|exchange| exchange.switches())
        .collect();
    let find = |key: &str| -> anyhow::Result<&Switch> {
        let Some(switch) = switches.iter().find(|switch| switch.key == key) else {
            let keys: Vec<&str> = switches.iter().map(|switch| switch.key).collect();
            bail!(Usage(format!(
                "there is no setting {key:?}; there are {}",
                keys.join(", ")
            )));
        };
        Ok(switch)
    };
    let shown: Vec<&Switch> = match command {
        SettingsCommand::List => switches.iter().collect(),
        SettingsCommand::Get { key } => vec![find(key)?],
        SettingsCommand::Set { key, value } => {
            let switch = find(key)?;
            let value = switch.read(value).map_err(Usage)?;
            change(&state, switch, Some(value)).await?;
            vec![switch]
        }
        SettingsCommand::Reset { key } => {
            let switch = find(key)?;
            change(&state, switch, None).await?;
            vec![switch]
        }
    };
    let mut document = Vec::new();
    for switch in shown {
        let set = state.setting(switch.key).await?;
        let value = set.as_ref().map_or(&switch.default, |setting| &setting.value);
        if as_json {
            document.push(json!({
                "key": switch.key,
                "value": value,
                "default": switch.default,
                "set_at": set.as_ref().map(|setting| setting.updated_at),
                "about": switch.about,
            }));
        } else {
            let origin = if set.is_some() { "set" } else { "default" };
            say!(
                "{:<26} {:<8} {:<8} {}",
                switch.key,
                output::word(value),
                origin,
                switch.about
            );
        }
    }
    if as_json {
        output::json(&document)?;
    }
    Ok(DONE)
}

/// Sets a switch, or goes back to its default, and notes it in the list of changes.
async fn change(state: &StateFile, switch: &Switch, value: Option<Value>) -> anyhow::Result<()> {
    let default = switch.default.clone();
    Ok(state
        .change_setting(switch.key, value, default, BY_COMMAND_LINE)
        .await?)
}
