//! The shared conformance tests over a file and in memory, and what this store promises beyond them.

mod conformance;
