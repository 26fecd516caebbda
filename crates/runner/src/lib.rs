//! The command line `stage-exchange`: reads the configuration, puts the parts together, runs one command.
//!
//! There is no logic here. What is done is done by the exchanges and their agents; this crate opens the portal, the
//! target and the state, hands them over, and shows what happens.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.
//!
//! ```
//! use clap::Parser;
//!
//! let cli = runner::Cli::try_parse_from(["stage-exchange", "bulk", "mssqlHistoryUpdate", "--wait"]).unwrap();
//! assert!(matches!(cli.command, runner::Command::Bulk { wait: true, .. }));
//! ```

#![deny(clippy::print_stdout, clippy::print_stderr)]

mod cli;
mod commands;
mod config;
mod environment_variables;
mod exit;
mod foreground;
mod intake;
mod logging;
mod measured;
mod output;
mod panel;
mod plugins;
mod printing;
mod report;
mod serving;
mod shared_bucket;
mod since;
mod wiring;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

pub use cli::{
    AgentsCommand, Cli, Command, DemoOptions, GlobalOptions, LogFormat, PanelCommand, PortalFlags,
    SettingsCommand, VerifyFlags,
};
pub use config::{Config, ConfigFailure};
pub use plugins::plugins;
pub use since::{NoDate, Since};

/// How long a thread for blocking work waits for more of it: longer than agents pause, so that a `run` with nothing to do makes none.
const KEEP_THREADS: Duration = Duration::from_secs(5 * 60);

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(usage) = logging::start(&cli) {
        return exit::failed(&usage.into());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_keep_alive(KEEP_THREADS)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return exit::failed(&anyhow::Error::from(error).context("cannot start the runtime")),
    };
    let result = runtime.block_on(commands::execute(cli));
    // What still runs in the background (a blocked disk, a silent connection) must not hold the exit back.
    runtime.shutdown_timeout(Duration::from_secs(1));
    exit::code(result)
}
