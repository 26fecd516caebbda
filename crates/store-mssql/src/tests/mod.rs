//! Tests over real connections.
//!
//! They need a server: the one that the variable `STAGE_EXCHANGE_TEST_MSSQL` names with a URL or a connection string. Without the
//! variable they pass without a word; with it, a server that cannot be reached is a failure. Each test has tables of its own, and
//! removes them.

mod conformance;
mod faults;
mod server;
mod taken_over;
mod views;
