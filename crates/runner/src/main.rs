//! `stage-exchange`: see the library for what it does.

use std::process::ExitCode;

/// One heap for all threads, which gives back what it does not need: an upload's peak grows little with the number of rows (the
/// system's keeps a heap for each thread; figures are in docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    runner::main()
}
