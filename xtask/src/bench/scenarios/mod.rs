//! The scenarios, a module each.

pub(super) mod events;
pub(super) mod idle;
pub(super) mod limited;
pub(super) mod memory;
pub(super) mod self_hosted;
pub(super) mod sequential;
