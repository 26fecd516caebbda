//! `stage-exchange`: see the library for what it does.

use std::process::ExitCode;

fn main() -> ExitCode {
    runner::main()
}
