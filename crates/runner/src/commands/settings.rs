//! `settings`: the switches that work while the program runs.

use anyhow::bail;
use exchange::Switch;
use serde_json::{Value, json};

use crate::cli::SettingsCommand;
use crate::config::Config;
use crate::exit::{DONE, Usage};
use crate::output;
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
            state.set_setting(switch.key, value).await?;
            vec![switch]
        }
        SettingsCommand::Reset { key } => {
            let switch = find(key)?;
            state.unset_setting(switch.key).await?;
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
            println!(
                "{:<26} {:<8} {:<8} {}",
                switch.key,
                word(value),
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

fn word(value: &Value) -> String {
    match value {
        Value::Bool(true) => "on".to_owned(),
        Value::Bool(false) => "off".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
