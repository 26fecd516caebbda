//! The commands and their flags.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use exchange::Portion;

use crate::since::Since;

/// Brings CRM stages and their whole history out of Bitrix24 into SQL tables that are always true.
#[derive(Debug, Parser)]
#[command(name = "stage-exchange", version, max_term_width = 110, after_help = AFTER_HELP)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Flags of every command.
    #[command(flatten)]
    pub global: GlobalOptions,
}

const AFTER_HELP: &str = "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.\n\
    Start with: stage-exchange demo";

/// Flags of every command.
#[derive(Debug, Clone, Default, Args)]
pub struct GlobalOptions {
    /// A configuration file, over ./config/ and under variables
    #[arg(long, global = true, value_name = "FILE", env = "STAGE_EXCHANGE_CONFIG")]
    pub config: Option<PathBuf>,
    /// Which set of tables: PROD, TEST or DEV
    #[arg(long, global = true, value_name = "ENV")]
    pub environment: Option<String>,
    /// One configuration value, such as `portal.pipelines=[3]`; may be repeated
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// How logs are written to stderr
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        env = "STAGE_EXCHANGE_LOG_FORMAT"
    )]
    pub log_format: LogFormat,
    /// More logs; twice for still more. STAGE_EXCHANGE_LOG takes filters such as `bitrix_client=debug`
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
#[non_exhaustive]
pub enum Command {
    /// See it work: a portal, a database and an upload on this machine, with nothing to set up
    Demo(DemoOptions),
    /// Run the agents until stopped (Ctrl-C or SIGTERM)
    Run,
    /// Bring all of an exchange's data over: stage-list or history
    Bulk {
        /// The exchange: stage-list (mssqlStatusUpdate) or history (mssqlHistoryUpdate)
        exchange: String,
        /// Do it now, in the foreground, and show how far it is; else `run` does it
        #[arg(long)]
        wait: bool,
        /// Print one JSON document on stdout
        #[arg(long)]
        json: bool,
    },
    /// Compare tables and portal, row by row; mend them with --repair
    Verify(VerifyFlags),
    /// See and steer the agents
    Agents {
        /// What to do with them
        #[command(subcommand)]
        command: Option<AgentsCommand>,
        /// Print one JSON document on stdout
        #[arg(long, global = true)]
        json: bool,
    },
    /// See and set the switches that work while the program runs
    Settings {
        /// What to do with them
        #[command(subcommand)]
        command: Option<SettingsCommand>,
        /// Print one JSON document on stdout
        #[arg(long, global = true)]
        json: bool,
    },
    /// The admin panel's password
    Panel {
        /// What to do with it
        #[command(subcommand)]
        command: PanelCommand,
    },
    /// What is in the tables, and how far the agents are
    Status {
        /// Print one JSON document on stdout
        #[arg(long)]
        json: bool,
    },
    /// Is everything reachable, allowed and migrated?
    Check {
        /// Print one JSON document on stdout
        #[arg(long)]
        json: bool,
    },
    /// Make or complete the tables; nothing is ever dropped
    Migrate {
        /// Only print the SQL, for a person to run by hand
        #[arg(long)]
        plan: bool,
        /// Where a table has several rows with one EXTERNAL_ID, keep the oldest and delete the others
        #[arg(long)]
        merge_duplicates: bool,
    },
    /// Serve a demo portal on its own
    Portal(PortalFlags),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Flags of `verify`.
#[derive(Debug, Clone, Default, Args)]
pub struct VerifyFlags {
    /// Only this exchange: stage-list or history
    pub exchange: Option<String>,
    /// Write what is missing or different as the portal has it, then compare again
    #[arg(long)]
    pub repair: bool,
    /// Only moves made then or later, in the zone target.timezone: 2024-05-01 or 2024-05-01T09:00
    #[arg(long, value_name = "DATE")]
    pub since: Option<Since>,
    /// Only this pipeline; may be repeated
    #[arg(long = "pipeline", value_name = "N")]
    pub pipelines: Vec<i64>,
    /// Only a random part: a share such as 0.05 or 5%, or about so many rows
    #[arg(long, value_name = "SHARE|N")]
    pub sample: Option<Portion>,
    /// What the random part follows from; the one that was taken is printed
    #[arg(long, value_name = "S", requires = "sample")]
    pub seed: Option<u64>,
    /// Write what was found as JSON into this file, and for people into another beside it
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Print one JSON document on stdout
    #[arg(long)]
    pub json: bool,
}

/// What to do with agents.
#[derive(Debug, Clone, Default, PartialEq, Eq, Subcommand)]
#[non_exhaustive]
pub enum AgentsCommand {
    /// List them (what happens without a word, too)
    #[default]
    List,
    /// Queue an agent to run at once
    Run {
        /// Its name
        name: String,
    },
    /// Keep an agent's work, but do not run it
    Pause {
        /// Its name
        name: String,
    },
    /// Run a paused or parked agent again
    Resume {
        /// Its name
        name: String,
    },
}

/// What to do with settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Subcommand)]
#[non_exhaustive]
pub enum SettingsCommand {
    /// List them (what happens without a word, too)
    #[default]
    List,
    /// Show one
    Get {
        /// Its name, such as actualizer.enabled
        key: String,
    },
    /// Set one; it holds at once, in a running program, too
    Set {
        /// Its name, such as actualizer.enabled
        key: String,
        /// on, off, or one of the words that the setting knows
        value: String,
    },
    /// Go back to what the configuration says
    Reset {
        /// Its name
        key: String,
    },
}

/// What to do with the panel's password.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
#[non_exhaustive]
pub enum PanelCommand {
    /// Ask for a password twice and keep its hash in the state; it holds at once, in a running program, too
    SetPassword {
        /// Read it from the first line of stdin
        #[arg(long)]
        stdin: bool,
    },
    /// Ask for a password and print its hash, for web.admin_password
    HashPassword {
        /// Read it from the first line of stdin
        #[arg(long)]
        stdin: bool,
    },
    /// Take the password out of the state: the panel serves this machine alone then
    RemovePassword,
}

/// Flags of `demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoOptions {
    /// End after the upload instead of going on running
    #[arg(long)]
    pub once: bool,
    /// How many deals the portal makes up; each has about five moves
    #[arg(long, default_value_t = 5000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=2_000_000))]
    pub deals: u32,
    /// What the made-up data follow from
    #[arg(long, default_value_t = 1, value_name = "S")]
    pub seed: u64,
    /// The folder for the database and the state
    #[arg(long, default_value = "stage-exchange-data", value_name = "DIR")]
    pub directory: PathBuf,
    /// Print one JSON document on stdout
    #[arg(long)]
    pub json: bool,
}

/// Flags of `portal`.
#[derive(Debug, Clone, Args)]
pub struct PortalFlags {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:8940", value_name = "ADDR")]
    pub listen: SocketAddr,
    /// How many deals to make up; each has about five moves
    #[arg(long, default_value_t = 5000, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=2_000_000))]
    pub deals: u32,
    /// The share of deals in pipeline 1, such as 0.05; a tenth unless given
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub rare_share: Option<f64>,
    /// What the made-up data follow from
    #[arg(long, default_value_t = 1, value_name = "S")]
    pub seed: u64,
    /// The secret in the webhook's address
    #[arg(long, default_value = "demo", value_name = "WORD")]
    pub secret: String,
    /// Let the webhook's user be no administrator
    #[arg(long)]
    pub no_admin: bool,
    /// The limits of a cloud portal: 2 requests a second, 50 at once, 480 s of operating
    #[arg(long)]
    pub cloud_limits: bool,
    /// Requests that drain from the bucket each second
    #[arg(long, value_name = "N")]
    pub requests_per_second: Option<f64>,
    /// Requests the bucket holds
    #[arg(long, value_name = "N")]
    pub burst: Option<u32>,
    /// Run time a method may use in ten minutes, in seconds
    #[arg(long, value_name = "SECONDS")]
    pub operating_limit: Option<f64>,
    /// How long each call runs, such as 20ms
    #[arg(long, value_name = "TIME", value_parser = exchange::duration::parse)]
    pub page_time: Option<Duration>,
    /// The share of answers that are faults: 0.05 is one in twenty
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = share)]
    pub faults: f64,
    /// Deals that are moved each second
    #[arg(long, default_value_t = 0.0, value_name = "N")]
    pub moves_per_second: f64,
    /// How long deals are moved, such as 1m; then they stand still. For ever unless given
    #[arg(long, value_name = "TIME", value_parser = exchange::duration::parse)]
    pub moves_for: Option<Duration>,
    /// Where events of changed deals are posted, such as http://127.0.0.1:8450/events
    #[arg(long, value_name = "URL")]
    pub events_to: Option<String>,
    /// The application token of those events
    #[arg(long, default_value = "demo-token", value_name = "WORD")]
    pub application_token: String,
    /// The share of events that are lost
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = share)]
    pub lost_events: f64,
    /// Compress answers
    #[arg(long)]
    pub gzip: bool,
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err(format!(
            "{text:?} is no share: write a number from 0 to 1, such as 0.05"
        )),
    }
}
