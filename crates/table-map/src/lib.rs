//! table-map
