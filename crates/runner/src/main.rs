//! The command line `stage-exchange`.
fn main() {}
