//! The program from end to end: the binary, a portal in another process, a database read by another client.

mod agents;
mod browser;
mod bulk;
mod check;
mod configuration;
mod demo;
mod follow;
mod harness;
mod layers;
mod run;
mod secrets;
mod verify;
