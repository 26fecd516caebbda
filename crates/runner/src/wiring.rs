//! Putting the parts together: portal, target, state, exchanges, scheduler.

use std::sync::Arc;
use std::time::Duration;

use agent::{AgentSpec, Failure, SystemClock};
use agent_scheduler::{Backoff, Scheduler, StateFile, WorkerLock};
use anyhow::Context as _;
use async_trait::async_trait;
use bitrix_client::{Client, ClientConfig, WebhookUrl, WebhookUrlError};
use exchange::{Context, Exchange, NoSwitches, Switches};
use secrecy::ExposeSecret;
use store::Store;
use store_mssql::{MssqlOptions, MssqlStore, MssqlTarget};
use store_sqlite::SqliteStore;

use crate::config::Config;
use crate::exit::Usage;
use crate::plugins::plugins;

/// Everything a command works with.
pub(crate) struct Parts {
    pub(crate) context: Context,
    pub(crate) exchanges: Vec<Arc<dyn Exchange>>,
}

impl Parts {
    /// Opens portal and target, makes neither, and makes the exchanges. For commands that look and do not run agents: they see
    /// no switches.
    pub(crate) fn looking(config: &Config) -> anyhow::Result<Self> {
        Self::with(
            config,
            portal(config)?,
            existing_target(config)?,
            Arc::new(NoSwitches),
        )
    }

    /// For commands that talk to neither portal nor target: what is not configured leads nowhere.
    pub(crate) fn offline(config: &Config) -> anyhow::Result<Self> {
        let store: Arc<dyn Store> = match existing_target(config) {
            Ok(store) => store,
            Err(_) => Arc::new(SqliteStore::in_memory()?),
        };
        Self::with(
            config,
            portal_or_placeholder(config)?,
            store,
            Arc::new(NoSwitches),
        )
    }

    /// The same for commands that run agents, which ask the state for its switches.
    pub(crate) fn with_state(config: &Config, state: &StateFile) -> anyhow::Result<Self> {
        let switches = Arc::new(StateSwitches(state.clone()));
        Self::with(config, portal(config)?, target(config)?, switches)
    }

    pub(crate) fn with(
        config: &Config,
        client: Client,
        store: Arc<dyn Store>,
        switches: Arc<dyn Switches>,
    ) -> anyhow::Result<Self> {
        let timezone = config.target.timezone.parse().map_err(|_| {
            config.wrong(
                "target.timezone",
                format!(
                    "{:?} is no time zone; write an IANA name like Europe/Moscow or UTC",
                    config.target.timezone
                ),
            )
        })?;
        let context = Context {
            portal_name: client.config().webhook.to_string(),
            portal: client,
            store,
            environment: config.environment,
            timezone,
            pipelines: config.portal.pipelines.clone(),
            clock: Arc::new(SystemClock),
            switches,
        };
        let exchanges = plugins()
            .iter()
            .map(|plugin| {
                plugin
                    .build(&context, &config.settings)
                    .map_err(|error| config.exchange_failure(&error))
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { context, exchanges })
    }

    /// The exchange whose bulk command is called `word`.
    pub(crate) fn exchange(&self, word: &str) -> Result<&Arc<dyn Exchange>, Usage> {
        let is_it = |exchange: &&Arc<dyn Exchange>| {
            let bulk = exchange.bulk();
            bulk.name == word || bulk.aliases.contains(&word) || exchange.name() == word
        };
        self.exchanges.iter().find(is_it).ok_or_else(|| {
            let names: Vec<String> = self
                .exchanges
                .iter()
                .map(|exchange| {
                    let bulk = exchange.bulk();
                    format!("{} ({})", bulk.name, bulk.aliases.join(", "))
                })
                .collect();
            Usage(format!(
                "there is no exchange {word:?}; there are {}",
                names.join(", ")
            ))
        })
    }

    /// The agents of all exchanges.
    pub(crate) fn agents(&self) -> Vec<AgentSpec> {
        self.exchanges
            .iter()
            .flat_map(|exchange| exchange.agents())
            .collect()
    }
}

/// The switches that people have set, as the state keeps them.
struct StateSwitches(StateFile);

#[async_trait]
impl Switches for StateSwitches {
    async fn get(&self, key: &str) -> Result<Option<serde_json::Value>, Failure> {
        let setting = self.0.setting(key).await;
        let setting =
            setting.map_err(|error| Failure::passing("the state cannot be read").with_source(error))?;
        Ok(setting.map(|setting| setting.value))
    }
}

/// How often a call to the portal is tried at once. Agents are repeated anyway, and say so; a client that tries for a minute
/// before it tells would leave people in the dark.
const ATTEMPTS: u32 = 4;

/// Agents that fail come back after a second at first. They never wait longer than 5 s, so that the tables are true again within
/// 10 s of a server's return; a try costs one attempt to connect.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_secs(1),
    max: Duration::from_secs(5),
};

/// How long agents may take to end when the program is stopped, before they are cut off. Nothing is lost by that.
const GRACE: Duration = Duration::from_secs(5);

/// The client of the configured portal.
pub(crate) fn portal(config: &Config) -> anyhow::Result<Client> {
    portal_with(config, ATTEMPTS)
}

/// The client of the configured portal, with so many attempts for each call.
pub(crate) fn portal_with(config: &Config, attempts: u32) -> anyhow::Result<Client> {
    let Some(secret) = &config.portal.webhook_url else {
        return Err(config
            .wrong(
                "portal.webhook_url",
                "is not set; make an incoming webhook with the right `crm` in the portal and give its address as \
                 STAGE_EXCHANGE_PORTAL__WEBHOOK_URL",
            )
            .into());
    };
    let text = secret.expose_secret();
    let webhook = WebhookUrl::parse(text, config.portal.allow_http).map_err(|error| {
        let mut text = error.to_string();
        if matches!(error, WebhookUrlError::Insecure) {
            text.push_str(" (portal.allow_http = true)");
        }
        config.wrong("portal.webhook_url", text)
    })?;
    let mut client = ClientConfig::new(webhook);
    client.retry.max_attempts = attempts;
    client.requests_per_second = config.portal.requests_per_second;
    client.burst = config.portal.burst;
    client.operating_limit_seconds =
        Some(config.portal.operating_limit_seconds).filter(|seconds| *seconds > 0.0);
    Client::new(client).context("cannot set up the connection to the portal")
}

/// The configured target. A SQLite file is made when it is not there.
pub(crate) fn target(config: &Config) -> anyhow::Result<Arc<dyn Store>> {
    target_with(config, |path| {
        SqliteStore::open(path).context("cannot open the target")
    })
}

/// A SQLite file that is not there.
#[derive(Debug, thiserror::Error)]
#[error("there is no database {0}; correct target.url, or make it with `stage-exchange migrate`")]
pub(crate) struct NoDatabase(String);

impl NoDatabase {
    /// The target as a store would call itself.
    pub(crate) fn target(&self) -> String {
        format!("sqlite:{}", self.0)
    }
}

/// The configured target as it is: a path that was mistyped does not become a database.
///
/// # Errors
/// [`NoDatabase`] among others.
pub(crate) fn existing_target(config: &Config) -> anyhow::Result<Arc<dyn Store>> {
    target_with(config, |path| {
        let store = SqliteStore::open_existing(path).context("cannot open the target")?;
        store.ok_or_else(|| NoDatabase(path.to_owned()).into())
    })
}

fn target_with(
    config: &Config,
    open: impl FnOnce(&str) -> anyhow::Result<SqliteStore>,
) -> anyhow::Result<Arc<dyn Store>> {
    let Some(url) = &config.target.url else {
        return Err(config
            .wrong(
                "target.url",
                "is not set; give it as STAGE_EXCHANGE_TARGET__URL, such as sqlite:history.sqlite or \
                 mssql://user:password@host:1433/database",
            )
            .into());
    };
    let url = url.expose_secret();
    match url.strip_prefix("sqlite:") {
        Some("") => Err(config
            .wrong(
                "target.url",
                "sqlite: needs a path, such as sqlite:history.sqlite",
            )
            .into()),
        Some(path) => Ok(Arc::new(open(path.strip_prefix("//").unwrap_or(path))?)),
        None => {
            let target = MssqlTarget::parse(url).map_err(|error| {
                let message = format!(
                    "{error}; write sqlite:PATH, mssql://user:password@host:port/database, or an ADO.NET connection string"
                );
                config.wrong("target.url", message)
            })?;
            Ok(Arc::new(MssqlStore::new(target, MssqlOptions::default())))
        }
    }
}

/// The state file.
pub(crate) fn state(config: &Config) -> anyhow::Result<StateFile> {
    StateFile::open(&config.state.path).with_context(|| {
        format!(
            "cannot open the state {} (state.path)",
            config.state.path.display()
        )
    })
}

/// The right to run agents on this state.
pub(crate) fn worker_lock(state: &StateFile) -> anyhow::Result<WorkerLock> {
    Ok(WorkerLock::acquire(state.path())?)
}

/// A scheduler of these agents.
pub(crate) fn scheduler(
    config: &Config,
    state: StateFile,
    lock: WorkerLock,
    agents: impl IntoIterator<Item = AgentSpec>,
    park_after: u32,
) -> anyhow::Result<Scheduler> {
    Ok(Scheduler::builder(state, Arc::new(SystemClock))
        .workers(config.agents.workers)
        .park_after(park_after)
        .backoff(BACKOFF)
        .grace(GRACE)
        .register_all(agents)
        .build(lock)?)
}

/// The configured portal, or one that leads nowhere: for commands that do not talk to it.
pub(crate) fn portal_or_placeholder(config: &Config) -> anyhow::Result<Client> {
    if config.portal.webhook_url.is_some() {
        return portal(config);
    }
    let nowhere = WebhookUrl::parse("https://portal.invalid/rest/1/none/", false)?;
    Ok(Client::new(ClientConfig::new(nowhere))?)
}
