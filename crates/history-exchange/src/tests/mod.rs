//! The tests of the crate.

mod actualizer;
mod bench;
mod moves;
mod plan;
mod upload;
mod uploading;
mod verify;
mod views;
mod windows;
