//! The tests of the crate.

mod moves;
mod upload;
mod windows;
