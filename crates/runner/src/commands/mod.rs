//! One module a command.

mod agents;
mod bulk;
mod check;
mod demo;
mod migrate;
mod panel;
mod portal;
mod run;
mod settings;
mod status;
mod verify;

use clap::CommandFactory;

use crate::cli::{Cli, Command, GlobalOptions};
use crate::config::{Config, ConfigFailure};
use crate::exit::DONE;
use crate::printing;

/// Runs the command and gives the exit code.
pub(crate) async fn execute(cli: Cli) -> anyhow::Result<u8> {
    let global = &cli.global;
    match cli.command {
        Command::Demo(options) => demo::run(global, &options).await,
        Command::Run => run::run(&load(global)?).await,
        Command::Bulk { exchange, wait, json } => bulk::run(&load(global)?, &exchange, wait, json).await,
        Command::Verify(flags) => verify::run(&load(global)?, &flags).await,
        Command::Agents { command, json } => {
            agents::run(&load(global)?, &command.unwrap_or_default(), json).await
        }
        Command::Settings { command, json } => {
            settings::run(&load(global)?, &command.unwrap_or_default(), json).await
        }
        Command::Panel { command } => panel::run(&load(global)?, &command).await,
        Command::Status { json } => status::run(&load(global)?, json).await,
        Command::Check { json } => check::run(&load(global)?, json).await,
        Command::Migrate {
            plan,
            merge_duplicates,
        } => migrate::run(&load(global)?, plan, merge_duplicates).await,
        Command::Portal(flags) => portal::run(&flags).await,
        Command::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Cli::command(),
                "stage-exchange",
                &mut printing::results(),
            );
            Ok(DONE)
        }
    }
}

fn load(global: &GlobalOptions) -> Result<Config, ConfigFailure> {
    let directory = std::path::Path::new(".");
    // Variables that are no text cannot be ours: all our values are text.
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Config::load(global, directory, variables)
}
