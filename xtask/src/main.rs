//! The project's own chores: `cargo xtask test`, `ci`, `soak`, `bench`, `check-deps`, `check-docs`, `migrate`.

mod bench;
mod check_deps;
mod check_docs;
mod chromium;
mod ci;
mod licences;
mod process;
mod python;
mod soak;
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
    /// Run simulations of the whole program under faults, seed after seed, and sum them up
    Soak(soak::Arguments),
    /// What has to hold beside the tests: formatting, clippy, arrows between crates, licences, documentation
    Ci,
    /// Check the arrows between our crates, where drivers appear, and the licences
    CheckDeps,
    /// Check that every test which the documents name is there
    CheckDocs,
    /// Measure the program against what the portal's limits and this machine allow, as real processes over loopback
    Bench(bench::Options),
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
        Chore::Bench(options) => bench::run(&options),
        Chore::Soak(arguments) => return soak::run(&arguments),
        Chore::Ci => ci::run(),
        Chore::CheckDeps => check_deps::run().and_then(|()| licences::run()),
        Chore::CheckDocs => check_docs::run(),
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
