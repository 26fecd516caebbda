//! What the dialect writes, held against inline snapshots and against an independent parser.

#[macro_use]
mod check;

mod builder;
mod expr;
mod index;
mod modify;
mod property;
mod query;
mod refusal;
mod table;
