//! Runs many seeds, or one with its whole trace: what `cargo xtask soak` starts.
//!
//! Arguments: the first seed and how many; or `--seed` and one seed.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["--seed", seed] => number(seed).and_then(one),
        [from, seeds] => number(from)
            .and_then(|from| Ok((from, number(seeds)?)))
            .and_then(many),
        _ => Err("usage: soak FROM SEEDS, or soak --seed SEED".into()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn number(word: &str) -> Result<u64, simulation::Error> {
    word.parse()
        .map_err(|_| format!("{word:?} is no seed: write a whole number").into())
}

fn one(seed: u64) -> Result<bool, simulation::Error> {
    let folder = tempfile::tempdir()?;
    let report = simulation::run(seed, folder.path(), true)?;
    if report.is_good() {
        for line in &report.trace {
            println!("{line}");
        }
        println!("it was decided: {}", report.plan);
    }
    println!("{report}");
    Ok(report.is_good())
}

fn many((from, seeds): (u64, u64)) -> Result<bool, simulation::Error> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let done = AtomicU64::new(0);
    let summary = simulation::soak(from..from.saturating_add(seeds), threads, &|report| {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if !report.is_good() {
            eprintln!(
                "seed {} broke a promise: {}",
                report.seed,
                report.violations.join("; ")
            );
        }
        if done.is_multiple_of(1000) {
            eprintln!("{done} of {seeds}");
        }
        true
    })?;
    println!("{summary}");
    Ok(summary.failed.is_empty())
}
