//! Tests of the figures on both stores.

mod bench;
mod charts;
mod hand;
mod model;
mod same;
mod shown;
