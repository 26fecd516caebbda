//! Logs, to stderr.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::{Cli, Command, LogFormat};
use crate::exit::Usage;

/// Filters of logs in the form of `tracing`.
const VARIABLE: &str = "STAGE_EXCHANGE_LOG";

/// Starts logging. Commands in the foreground say what they do themselves, so they log only what is odd.
///
/// # Errors
/// When the variable with filters cannot be read.
pub(crate) fn start(cli: &Cli) -> Result<(), Usage> {
    let service = matches!(cli.command, Command::Run | Command::Portal(_));
    let level = match (cli.global.verbose, service) {
        (0, false) => "warn",
        (0, true) | (1, false) => "info",
        (1, true) | (2, _) => "debug",
        _ => "trace",
    };
    // The libraries below us are of interest only when asked for by name.
    let mut default = format!("{level},hyper=warn,h2=warn,reqwest=warn,tiberius=error,rustls=warn");
    if cli.global.verbose == 0 && tells_failures_itself(&cli.command) {
        default.push_str(",agent_scheduler::scheduler::activation=off");
    }
    let filter = match std::env::var(VARIABLE) {
        Ok(text) if !text.is_empty() => EnvFilter::try_new(&text).map_err(|error| {
            Usage(format!(
                "the variable {VARIABLE} is no filter of logs: {error}; write a level, or target=level, such as \
                 bitrix_client=debug"
            ))
        })?,
        _ => EnvFilter::new(default),
    };
    let registry = tracing_subscriber::registry().with(filter);
    // What cannot be logged cannot be told either: complaints would go to the same stream.
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    // Fails only when a subscriber was set before, which in this process nobody does.
    let _started = match cli.global.log_format {
        LogFormat::Json => registry.with(layer.json()).try_init(),
        LogFormat::Text => registry
            .with(
                layer
                    .with_target(false)
                    .with_ansi(std::io::stderr().is_terminal()),
            )
            .try_init(),
    };
    Ok(())
}

/// Whether the command shows each failure of its agent to the user, so that the scheduler need not log it, too.
fn tells_failures_itself(command: &Command) -> bool {
    match command {
        Command::Bulk { wait, .. } => *wait,
        Command::Demo(options) => options.once,
        _ => false,
    }
}
