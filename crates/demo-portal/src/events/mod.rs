//! Events: the portal tells a handler what changed, as an outgoing webhook does.
//!
//! A change raises its event while the data are still locked, so events are raised in the order of the changes.
//! What becomes of each (lost, doubled, late) is drawn then and there; the rest is the business of the
//! connections, which send one event after another and none of them twice.

mod form;
mod line;
mod outbox;

pub(crate) use form::Sender;
pub(crate) use line::{Line, Target};
pub(crate) use outbox::{Letter, Outbox, Waiting};

/// Something a portal tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// The deal with this ID is new.
    DealAdded(u32),
    /// The deal was changed, its stage included.
    DealUpdated(u32),
    /// The deal is gone.
    DealDeleted(u32),
    /// The deal went to another pipeline.
    DealMovedToPipeline {
        deal: u32,
        pipeline: u16,
        stage: Box<str>,
    },
    /// The status, a stage for example, is new or back.
    StatusAdded(u32),
    /// The status was changed.
    StatusUpdated(u32),
    /// The status is gone.
    StatusDeleted(u32),
}

impl Event {
    /// Its code, in the capitals of the wire.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::DealAdded(_) => "ONCRMDEALADD",
            Self::DealUpdated(_) => "ONCRMDEALUPDATE",
            Self::DealDeleted(_) => "ONCRMDEALDELETE",
            Self::DealMovedToPipeline { .. } => "ONCRMDEALMOVETOCATEGORY",
            Self::StatusAdded(_) => "ONCRMSTATUSADD",
            Self::StatusUpdated(_) => "ONCRMSTATUSUPDATE",
            Self::StatusDeleted(_) => "ONCRMSTATUSDELETE",
        }
    }

    /// Whether it tells of a status, which no portal does by itself.
    fn is_of_status(&self) -> bool {
        matches!(
            self,
            Self::StatusAdded(_) | Self::StatusUpdated(_) | Self::StatusDeleted(_)
        )
    }

    /// The handler's registration: a portal has one for each code.
    fn handler_id(&self) -> u32 {
        match self {
            Self::DealAdded(_) => 501,
            Self::DealUpdated(_) => 503,
            Self::DealDeleted(_) => 505,
            Self::DealMovedToPipeline { .. } => 507,
            Self::StatusAdded(_) => 601,
            Self::StatusUpdated(_) => 603,
            Self::StatusDeleted(_) => 605,
        }
    }

    /// What `data[FIELDS]` holds besides the ID is only in a move between pipelines.
    fn id(&self) -> u32 {
        match self {
            Self::DealAdded(id)
            | Self::DealUpdated(id)
            | Self::DealDeleted(id)
            | Self::DealMovedToPipeline { deal: id, .. }
            | Self::StatusAdded(id)
            | Self::StatusUpdated(id)
            | Self::StatusDeleted(id) => *id,
        }
    }
}
