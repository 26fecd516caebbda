//! `stage-exchange`: see the library for what it does.

use std::process::ExitCode;

/// A heap without a lock around it, which soon gives back what it does not need: an upload's peak grows little with the number of rows
/// (figures are in docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    runner::main()
}
