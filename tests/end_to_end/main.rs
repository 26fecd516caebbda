//! The program from end to end: the binary, a portal in another process, a database read by another client.

mod agents;
mod browser;
mod bulk;
mod check;
mod configuration;
mod damage;
mod demo;
mod disks;
mod follow;
mod harness;
mod kills;
mod layers;
mod leaks;
mod phases;
mod repair;
mod run;
mod secrets;
mod verify;
