//! The test server, asked by tiberius.

mod bulk;
mod catalog;
mod errors;
mod locks;
mod login;
mod proxy;
mod queries;
mod support;
mod transactions;
mod values;
mod views;
