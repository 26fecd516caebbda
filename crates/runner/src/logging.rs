//! Logs, to stderr.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::{Cli, Command, LogFormat};

/// Starts logging. Commands in the foreground say what they do themselves, so they log only what is odd.
pub(crate) fn start(cli: &Cli) {
    let service = matches!(cli.command, Command::Run | Command::Portal(_));
    let level = match (cli.global.verbose, service) {
        (0, false) => "warn",
        (0, true) | (1, false) => "info",
        (1, true) | (2, _) => "debug",
        _ => "trace",
    };
    // The libraries below us are of interest only when asked for by name.
    let default = format!("{level},hyper=warn,h2=warn,reqwest=warn,tiberius=error,rustls=warn");
    let filter = EnvFilter::try_from_env("STAGE_EXCHANGE_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
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
}
