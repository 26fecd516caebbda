//! The project's own chores: `cargo xtask test`, `ci`, `check-deps`, `migrate`.

mod check_deps;
mod chromium;
mod ci;
mod licences;
mod process;
mod python;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own chores.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Run every test of every crate; installs or names what that needs
    Test {
        /// Passed on to cargo test
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// What has to hold beside the tests: formatting, clippy, arrows between crates, licences, documentation
    Ci,
    /// Check the arrows between our crates, where drivers appear, and the licences
    CheckDeps,
    /// Make or complete the configured target's tables: stage-exchange migrate
    Migrate {
        /// Flags of stage-exchange migrate, such as --plan
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().chore {
        Chore::Test { arguments } => test::run(&arguments),
        Chore::Ci => ci::run(),
        Chore::CheckDeps => check_deps::run().and_then(|()| licences::run()),
        Chore::Migrate { arguments } => {
            let fixed = [
                "run",
                "--quiet",
                "--release",
                "--package",
                "runner",
                "--bin",
                "stage-exchange",
                "--",
                "migrate",
            ];
            // What the user names relative to their folder must stay so.
            return process::code_of(process::cargo_here().args(fixed).args(&arguments));
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
