//! The database behind the server: parse, bind, evaluate, on tables in memory.
//!
//! A statement goes through four stages, each in modules of its own: tokens to statements ([`parser`],
//! `parser_ddl`, `parser_dml`, [`syntax`]), names to positions and types (`bind_*`, [`bound`]), rows in and out (`query`, `eval`,
//! `dml`, `ddl`), and what errors, locks and transactions make of it ([`run`], `statements`, [`transaction`],
//! [`locks`]).

mod aggregates;
mod bind_call;
mod bind_expr;
mod bind_from;
mod bind_predicate;
mod bind_query;
mod binder;
pub(crate) mod bound;
pub(crate) mod bulk;
pub(crate) mod catalog;
mod ddl;
mod ddl_databases;
mod ddl_drop;
mod ddl_index;
mod ddl_view;
mod dialect;
mod dml;
mod eval;
mod functions;
mod injection;
pub(crate) mod locks;
pub(crate) mod parser;
mod parser_ddl;
mod parser_dml;
pub(crate) mod procedures;
mod query;
pub(crate) mod run;
mod settings;
pub(crate) mod sink;
pub(crate) mod state;
mod statements;
pub(crate) mod syntax;
pub(crate) mod transaction;
mod type_names;
mod views;
mod words;

#[cfg(test)]
mod tests;
