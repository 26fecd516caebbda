//! The methods the exchanges need, with typed answers.

pub(crate) mod changes;
pub(crate) mod deals;
pub(crate) mod history;
mod paging;
pub(crate) mod profile;
pub(crate) mod stages;

/// The portal's entity type of a deal.
pub(crate) const DEAL: i64 = 2;

#[cfg(test)]
mod tests;
