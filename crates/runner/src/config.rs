//! The configuration: layers, checked, with the origin of what is wrong.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use exchange::{ConfigError, Environment, Settings};
use figment::providers::{Format, Toml};
use figment::{Figment, Provider};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::cli::GlobalOptions;
use crate::environment_variables::{self, Single, value_of};
use crate::plugins::plugins;

mod failure;

pub use failure::ConfigFailure;
use failure::{failure, first_message, origin_of};

/// The defaults, and the manual of all keys.
const DEFAULTS: &str = include_str!("../../../config/default.toml");

/// The configuration of the whole program.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// `environment`.
    pub environment: Environment,
    /// `portal`.
    pub portal: PortalConfig,
    /// `target`.
    pub target: TargetConfig,
    /// `state`.
    pub state: StateConfig,
    /// `agents`.
    pub agents: AgentsConfig,
    /// `web`.
    pub web: WebConfig,
    /// The exchanges' own sections.
    pub settings: Settings,
    figment: Figment,
}

/// The section `portal`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortalConfig {
    /// The incoming webhook: a credential.
    pub webhook_url: Option<SecretString>,
    /// Pipelines to bring over; empty means all.
    #[serde(deserialize_with = "pipelines")]
    pub pipelines: Vec<i64>,
    /// Requests that drain from the portal's bucket each second; 0 means no limit.
    pub requests_per_second: f64,
    /// Requests the bucket holds.
    pub burst: u32,
    /// Run time one method may use in ten minutes, in seconds; 0 means no limit.
    pub operating_limit_seconds: f64,
    /// Whether plain `http://` is allowed for other hosts.
    pub allow_http: bool,
}

/// The section `target`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetConfig {
    /// Where the tables are: may hold a password.
    pub url: Option<SecretString>,
    /// The zone of the times in the tables.
    pub timezone: String,
}

/// The section `state`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateConfig {
    /// The state file.
    pub path: PathBuf,
}

/// The section `web`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebConfig {
    /// Where events are taken and health is told.
    pub listen: String,
    /// The application token of the portal's outgoing webhook: a credential.
    pub application_token: Option<SecretString>,
    /// An address for metrics alone.
    pub metrics_listen: Option<String>,
    /// Whether the admin panel is served.
    pub panel: bool,
    /// The panel's password or its argon2 hash: a credential.
    pub admin_password: Option<SecretString>,
    /// The address by which people open the panel, when a proxy stands in front.
    pub public_url: Option<String>,
    /// Addresses of proxies whose word on the sender and on TLS is taken.
    pub trusted_proxies: Vec<IpAddr>,
}

/// The section `agents`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentsConfig {
    /// Permanent failures before an agent is parked.
    pub park_after: u32,
    /// Agents that run at once.
    pub workers: usize,
}

/// A list of ids; one id alone and `3,5` are taken, too, since that is how people write it in a variable.
fn pipelines<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<i64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        One(i64),
        List(Vec<i64>),
        Text(String),
    }
    let wrong = || serde::de::Error::custom("write a list of pipeline ids, like [0, 3]; empty means all");
    let list = match Written::deserialize(deserializer).map_err(|_| wrong())? {
        Written::One(id) => vec![id],
        Written::List(ids) => ids,
        Written::Text(text) => text
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|_| wrong())?,
    };
    if list.iter().any(|id| *id < 0) {
        Err(wrong())
    } else {
        Ok(list)
    }
}

impl fmt::Debug for Config {
    /// Without the layers, which hold secrets as they were written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("environment", &self.environment)
            .field("portal", &self.portal)
            .field("target", &self.target)
            .field("state", &self.state)
            .field("agents", &self.agents)
            .field("web", &self.web)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// Reads all layers, as `config/default.toml` lists them.
    ///
    /// # Errors
    /// When a key is unknown or a value is wrong; the error names the key and the layer.
    pub fn load(
        global: &GlobalOptions,
        directory: &Path,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigFailure> {
        let variables: Vec<_> = variables.into_iter().collect();
        let folder = directory.join("config");
        let defaults = merge_file(
            Figment::from(Toml::string(DEFAULTS)),
            &folder.join("default.toml"),
        )?;
        // The environment's own file may stand under anything that names the environment.
        let named = Self::upper_layers(defaults.clone(), global, variables.clone())?;
        let environment: Environment = extract(&named, "environment")?;
        let file = folder.join(format!("{}.toml", environment.as_str().to_ascii_lowercase()));
        let figment = Self::upper_layers(merge_file(defaults, &file)?, global, variables)?;
        let again: Environment = extract(&figment, "environment")?;
        if again != environment {
            return Err(ConfigFailure::new(
                "environment",
                format!("the file for {environment} names another environment, {again}"),
                origin_of(&figment, "environment"),
            ));
        }
        Self::check(figment, environment)
    }

    fn upper_layers(
        mut figment: Figment,
        global: &GlobalOptions,
        variables: Vec<(String, String)>,
    ) -> Result<Figment, ConfigFailure> {
        if let Some(path) = &global.config {
            if !path.is_file() {
                return Err(ConfigFailure::new(
                    "",
                    format!("there is no file {}", path.display()),
                    Some("--config or STAGE_EXCHANGE_CONFIG".into()),
                ));
            }
            figment = merge_file(figment, path)?;
        }
        figment = environment_variables::merge(figment, variables)?;
        for pair in &global.set {
            // What was written is not repeated: it may hold a secret.
            let usage = || ConfigFailure::new("", "write --set KEY=VALUE", Some("--set".into()));
            let (key, text) = pair.split_once('=').ok_or_else(usage)?;
            let key = key.trim().to_owned();
            if key.split('.').any(str::is_empty) {
                return Err(usage());
            }
            environment_variables::check_depth(&key, "--set")?;
            let value = value_of(&key, text);
            let layer = Single {
                origin: "--set".into(),
                key,
                value,
            };
            figment = merge(figment, layer, "--set")?;
        }
        if let Some(environment) = &global.environment {
            figment = figment.merge(Single {
                origin: "--environment".into(),
                key: "environment".into(),
                value: environment.clone().into(),
            });
        }
        Ok(figment)
    }

    fn check(figment: Figment, environment: Environment) -> Result<Self, ConfigFailure> {
        let sections: Vec<&str> = plugin_sections().collect();
        let own = [&["environment"], OWN_SECTIONS.as_slice()].concat();
        let all: figment::value::Dict = figment.extract().map_err(|error| failure(&figment, "", error))?;
        for key in all.keys() {
            if !own.contains(&key.as_str()) && !sections.contains(&key.as_str()) {
                let known: Vec<&str> = own.iter().chain(&sections).copied().collect();
                return Err(ConfigFailure::new(
                    key.clone(),
                    format!("there is no such key; at the top there are {}", known.join(", ")),
                    origin_of(&figment, key),
                ));
            }
        }
        let mut settings = serde_json::Map::new();
        for section in sections {
            if all.contains_key(section) {
                settings.insert(section.to_owned(), extract(&figment, section)?);
            }
        }
        let portal: PortalConfig = extract(&figment, "portal")?;
        let wrong =
            |key: &str, message: &str| Err(ConfigFailure::new(key, message, origin_of(&figment, key)));
        let rate = portal.requests_per_second;
        if !rate.is_finite() || !(0.0..=100_000.0).contains(&rate) {
            return wrong(
                "portal.requests_per_second",
                "write a number from 0 (no limit) to 100000",
            );
        }
        if !(1..=100_000).contains(&portal.burst) {
            return wrong("portal.burst", "write a whole number from 1 to 100000");
        }
        let operating = portal.operating_limit_seconds;
        if !operating.is_finite() || !(0.0..=86_400.0).contains(&operating) {
            return wrong(
                "portal.operating_limit_seconds",
                "write a number of seconds from 0 (no limit) to 86400",
            );
        }
        let agents: AgentsConfig = extract(&figment, "agents")?;
        if agents.park_after == 0 {
            return wrong("agents.park_after", "write a whole number from 1 on");
        }
        if !(1..=64).contains(&agents.workers) {
            return wrong("agents.workers", "write a whole number from 1 to 64");
        }
        let target: TargetConfig = extract(&figment, "target")?;
        let state: StateConfig = extract(&figment, "state")?;
        if state.path.as_os_str().is_empty() {
            return wrong("state.path", "name a file");
        }
        Ok(Self {
            environment,
            portal,
            target,
            state,
            agents,
            web: extract(&figment, "web")?,
            settings: Settings::from_json(serde_json::Value::Object(settings)),
            figment,
        })
    }

    /// A failure about a key that was read already, with its origin.
    pub(crate) fn wrong(&self, key: &str, message: impl Into<String>) -> ConfigFailure {
        ConfigFailure::new(key, message, origin_of(&self.figment, key))
    }

    /// An exchange's complaint, with the origin of what it complains about.
    pub(crate) fn exchange_failure(&self, error: &ConfigError) -> ConfigFailure {
        self.wrong(error.key(), error.to_string())
    }
}

/// Lays a file over `figment`, if it is there.
fn merge_file(figment: Figment, path: &Path) -> Result<Figment, ConfigFailure> {
    if !path.is_file() {
        return Ok(figment);
    }
    let file = Toml::file_exact(path);
    let origin = path.display().to_string();
    // Read here, so that what is wrong with the file as a whole is not told as if it were about a key.
    file.data()
        .map_err(|error| ConfigFailure::new("", first_message(error), Some(origin.clone())))?;
    merge(figment, file, &origin)
}

/// Lays a layer over `figment`. A plain value in the place of a section is refused here: it would wipe out what lower layers
/// say, and a higher layer would hide it again.
pub(crate) fn merge(figment: Figment, layer: impl Provider, origin: &str) -> Result<Figment, ConfigFailure> {
    let data = layer.data().unwrap_or_default();
    let sections = OWN_SECTIONS.iter().copied().chain(plugin_sections());
    for section in sections {
        if data
            .values()
            .filter_map(|dict| dict.get(section))
            .any(|value| value.as_dict().is_none())
        {
            return Err(ConfigFailure::new(
                section,
                "the value is of the wrong type; write a section with keys of its own",
                Some(origin.to_owned()),
            ));
        }
    }
    Ok(figment.merge(layer))
}

/// The sections that are not an exchange's.
const OWN_SECTIONS: [&str; 5] = ["portal", "target", "state", "agents", "web"];

fn plugin_sections() -> impl Iterator<Item = &'static str> {
    plugins()
        .into_iter()
        .flat_map(|plugin| plugin.sections().iter().copied())
}

fn extract<T: DeserializeOwned>(figment: &Figment, key: &str) -> Result<T, ConfigFailure> {
    figment
        .extract_inner(key)
        .map_err(|error| failure(figment, key, error))
}

#[cfg(test)]
mod tests;
