//! `cargo xtask soak`: simulations, seed after seed.

use std::process::ExitCode;

use clap::Args;

use crate::process;

/// Which seeds.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How many seeds
    #[arg(long, default_value_t = 20_000)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// This seed alone, with everything that happens in it
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let mut command = process::cargo();
    command.args([
        "run",
        "--quiet",
        "--release",
        "--package",
        "simulation",
        "--bin",
        "soak",
        "--",
    ]);
    match arguments.seed {
        Some(seed) => command.args(["--seed", &seed.to_string()]),
        None => command.args([arguments.from.to_string(), arguments.seeds.to_string()]),
    };
    process::code_of(&mut command)
}
