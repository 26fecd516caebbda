//! Records that wait for others, packed: there are hundreds of thousands at a time.

use std::sync::Arc;

use bitrix_client::HistoryRecord;
use chrono::{DateTime, FixedOffset};

use crate::shared::Shared;

/// What many records have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Kind {
    type_id: Option<i64>,
    category_id: i64,
    stage_semantic_id: Option<String>,
    stage_id: String,
}

/// A record in 40 bytes.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    id: i64,
    owner_id: i64,
    created_time: DateTime<FixedOffset>,
    kind: Arc<Kind>,
}

impl Packed {
    /// The deal.
    pub(crate) fn owner_id(&self) -> i64 {
        self.owner_id
    }

    /// When the deal moved, as Unix time in seconds.
    pub(crate) fn created_at(&self) -> i64 {
        self.created_time.timestamp()
    }

    /// The record as it was.
    pub(crate) fn unpack(self) -> HistoryRecord {
        let kind = Arc::unwrap_or_clone(self.kind);
        HistoryRecord {
            id: self.id,
            type_id: kind.type_id,
            owner_id: self.owner_id,
            created_time: self.created_time,
            category_id: kind.category_id,
            stage_semantic_id: kind.stage_semantic_id,
            stage_id: kind.stage_id,
        }
    }
}

/// The kinds of records that wait.
#[derive(Debug, Default)]
pub(crate) struct Kinds(Shared<Kind>);

impl Kinds {
    pub(crate) fn pack(&mut self, record: HistoryRecord) -> Packed {
        let kind = Kind {
            type_id: record.type_id,
            category_id: record.category_id,
            stage_semantic_id: record.stage_semantic_id,
            stage_id: record.stage_id,
        };
        Packed {
            id: record.id,
            owner_id: record.owner_id,
            created_time: record.created_time,
            kind: self.0.of(kind),
        }
    }
}
