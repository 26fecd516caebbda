//! What stands behind the admin panel's ports: the state, the exchanges, the target, the portal's budget.

mod facts;
mod readings;
mod steering;
mod tables;
mod target_watch;
pub(crate) mod verifying;

use std::sync::Arc;

use admin_panel::panel::auth::password;
use admin_panel::panel::facts::About;
use admin_panel::{Panel, PanelOptions};
use agent::{AgentSpec, Priority, Schedule};
use agent_scheduler::StateFile;
use analysis::{Analyst, Tables};
use exchange::{Context, Exchange};
use secrecy::{ExposeSecret, SecretString};

use crate::config::{Config, ConfigFailure};
use crate::wiring::Parts;
use readings::Readings;
pub(crate) use steering::{pause, resume};
use target_watch::TargetWatch;

/// The setting under which the hash of the password is kept.
const PASSWORD: &str = "panel.password_hash";

/// Where changes are made, for the list of changes.
pub(crate) const BY_PANEL: &str = "panel";
/// The same for the command line.
pub(crate) const BY_COMMAND_LINE: &str = "command line";

/// An exchange and what belongs to it.
struct Branch {
    exchange: Arc<dyn Exchange>,
    /// The names of its agents, its verification last.
    agents: Vec<String>,
    /// The agent that looks for what is new.
    look: Option<String>,
}

/// What the panel's ports are filled from.
pub(crate) struct PanelDesk {
    branches: Vec<Branch>,
    context: Context,
    state: StateFile,
    /// The hash of the configured password.
    password: Option<SecretString>,
    watch: TargetWatch,
    readings: Readings,
    analyst: Analyst,
}

impl PanelDesk {
    /// What the panel needs of the program.
    ///
    /// # Errors
    /// When the configured password cannot be used.
    pub(crate) fn new(config: &Config, parts: &Parts, state: &StateFile) -> Result<Arc<Self>, ConfigFailure> {
        let password = match &config.web.admin_password {
            None => None,
            Some(configured) => Some(
                password::hash_of(configured)
                    .map_err(|error| config.wrong("web.admin_password", error.to_string()))?,
            ),
        };
        let branches = parts
            .exchanges
            .iter()
            .map(|exchange| {
                let specs = exchange.agents();
                let looks = |spec: &&AgentSpec| {
                    matches!(spec.schedule, Schedule::Every(_)) && spec.priority >= Priority::Normal
                };
                let name = |spec: &AgentSpec| spec.agent.name().to_owned();
                Branch {
                    look: specs.iter().find(looks).map(name),
                    agents: specs
                        .iter()
                        .map(name)
                        .chain([verifying::agent_name(exchange.name())])
                        .collect(),
                    exchange: Arc::clone(exchange),
                }
            })
            .collect();
        Ok(Arc::new(Self {
            branches,
            context: parts.context.clone(),
            state: state.clone(),
            password,
            watch: TargetWatch::new(&parts.context),
            readings: Readings::new(&parts.context),
            analyst: analyst(config, &parts.context)?,
        }))
    }

    /// Asks the target now and then whether it is there. Never ends.
    pub(crate) async fn watch(&self) {
        self.watch.watch().await;
    }

    /// The panel on these ports.
    pub(crate) fn panel(self: &Arc<Self>, options: PanelOptions) -> Panel {
        Panel {
            options,
            source: Arc::<Self>::clone(self),
            steering: Arc::<Self>::clone(self),
        }
    }

    /// The hash of the password that lets in.
    pub(crate) async fn password_hash(&self) -> Result<Option<SecretString>, agent_scheduler::Error> {
        match &self.password {
            Some(configured) => Ok(Some(configured.clone())),
            None => kept_password(&self.state).await,
        }
    }

    fn about_program(&self) -> About {
        About {
            portal: self.context.portal_name.clone(),
            target: self.context.store.target(),
            environment: self.context.environment.to_string(),
            timezone: self.context.timezone,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn branch(&self, exchange: &str) -> Option<&Branch> {
        self.branches
            .iter()
            .find(|branch| branch.exchange.name() == exchange)
    }
}

/// Who counts for the page of figures.
fn analyst(config: &Config, context: &Context) -> Result<Analyst, ConfigFailure> {
    let wrong = |error: table_map::Error| config.wrong("environment", error.to_string());
    let history = history_exchange::table(context.environment).map_err(wrong)?;
    let stages = stage_list_exchange::table(context.environment).map_err(wrong)?;
    let clock = context.clone();
    Ok(Analyst::new(
        Arc::clone(&context.store),
        Tables::new(history.name(), stages.name()),
        move || clock.target_now(),
    ))
}

/// The hash that is kept in the state.
pub(crate) async fn kept_password(state: &StateFile) -> Result<Option<SecretString>, agent_scheduler::Error> {
    let setting = state.setting(PASSWORD).await?;
    let hash = setting.and_then(|setting| setting.value.as_str().map(SecretString::from));
    Ok(hash.filter(|hash| password::looks_like_hash(hash.expose_secret())))
}

/// Keeps a hash in the state, or takes it away.
pub(crate) async fn keep_password(
    state: &StateFile,
    hash: Option<&SecretString>,
) -> Result<(), agent_scheduler::Error> {
    match hash {
        Some(hash) => state.set_setting(PASSWORD, hash.expose_secret().into()).await?,
        None => {
            state.unset_setting(PASSWORD).await?;
        }
    }
    let to = if hash.is_some() { "set" } else { "none" };
    // What it was is nobody's business.
    state
        .note_change("web.admin_password", "", to, BY_COMMAND_LINE)
        .await
}
