//! Records that wait for others, packed: there are hundreds of thousands at a time.

use std::collections::HashSet;
use std::sync::Arc;

use bitrix_client::HistoryRecord;
use chrono::{DateTime, FixedOffset};

/// So many kinds are known at a time. A portal has some hundreds; whoever makes up more costs memory only as long as they wait.
const KINDS: usize = 10_000;

/// What many records have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Kind {
    type_id: Option<i64>,
    category_id: i64,
    stage_semantic_id: Option<String>,
    stage_id: String,
}

/// A record in 48 bytes.
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

/// The one copy of each kind.
#[derive(Debug, Default)]
pub(crate) struct Kinds(HashSet<Arc<Kind>>);

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
            kind: self.shared(kind),
        }
    }

    fn shared(&mut self, kind: Kind) -> Arc<Kind> {
        if let Some(shared) = self.0.get(&kind) {
            return Arc::clone(shared);
        }
        if self.0.len() >= KINDS {
            // Records that wait keep theirs.
            self.0.clear();
        }
        let shared = Arc::new(kind);
        self.0.insert(Arc::clone(&shared));
        shared
    }
}
