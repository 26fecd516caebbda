//! The tests of the crate.

mod actualizer;
mod bench;
mod moves;
mod upload;
mod views;
mod windows;
