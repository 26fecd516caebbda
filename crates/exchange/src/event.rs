//! Events of the portal, as exchanges see them.

/// Something that the portal says has happened. A hint: it may be lost, late, doubled or out of order, so an exchange reads what
/// is true from the portal itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalEvent {
    /// The portal's code, in upper case: `ONCRMDEALUPDATE`.
    pub code: String,
    /// The object it is about: `data[FIELDS][ID]`, where the event has one.
    pub object_id: Option<i64>,
}
