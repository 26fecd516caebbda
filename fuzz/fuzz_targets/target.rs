//! Coverage-guided input for the probe `target`.
#![no_main]

#[allow(dead_code, reason = "each target calls one probe of all")]
#[path = "../../tests/hostile_input/probes.rs"]
mod probes;

libfuzzer_sys::fuzz_target!(|data: &[u8]| probes::target(data));
