//! The program from end to end: the binary, a portal in another process, a database read by another client.

mod agents;
mod bulk;
mod check;
mod configuration;
mod demo;
mod follow;
mod harness;
mod layers;
mod repair;
mod run;
mod secrets;
mod verify;
