//! What the store promises beyond the shared conformance tests.
