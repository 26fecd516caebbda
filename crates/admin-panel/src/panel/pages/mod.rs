//! A module a page.

pub(crate) mod agents;
pub(crate) mod errors;
pub(crate) mod figures;
pub(crate) mod overview;
pub(crate) mod sign_in;
pub(crate) mod stages;
pub(crate) mod switches;
pub(crate) mod tables;
