//! Who made a move. Pure.
//!
//! The portal's history does not say who moved a deal. The deal itself says who moved it last, and when. So only a deal's latest
//! row can be told, and only while no later move was made; for every other row the deal's responsible user stands in.

use bitrix_client::HistoryRecord;
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::deals::DealFacts;

/// `RESPONSIBLE_SOURCE` when the portal told who made this very move.
pub(crate) const MOVED_BY: &str = "moved_by";
/// `RESPONSIBLE_SOURCE` when the deal's responsible user stands in.
pub(crate) const ASSIGNED_BY: &str = "assigned_by";

/// The portal's `TYPE_ID` of a record that was written when the deal was created.
const CREATED: i64 = 1;

/// A move and the deal's time of its last move are written one after the other; they may differ by this many seconds.
const TOLERANCE: i64 = 5;

/// `RESPONSIBLE_ID` and `RESPONSIBLE_SOURCE` of a record.
pub(crate) fn responsible(
    record: &HistoryRecord,
    deal: Option<&DealFacts>,
    latest: bool,
) -> (Option<i64>, Option<&'static str>) {
    let Some(deal) = deal else { return (None, None) };
    let mover = if record.type_id == Some(CREATED) {
        deal.created_by()
    } else if latest && may_be_last_move(record, deal) {
        deal.moved_by()
    } else {
        None
    };
    match (mover, deal.assigned_by()) {
        (Some(user), _) => (Some(user), Some(MOVED_BY)),
        (None, Some(user)) => (Some(user), Some(ASSIGNED_BY)),
        (None, None) => (None, None),
    }
}

/// Whether the deal's last move can be this record: made at the same time, to the stage and pipeline that the deal is in now.
/// A deal that stands elsewhere was moved again, even if that move's record cannot be seen yet.
pub(crate) fn may_be_last_move(record: &HistoryRecord, deal: &DealFacts) -> bool {
    let together = deal
        .moved_at()
        .is_some_and(|moved| (moved - record.created_time.timestamp()).abs() <= TOLERANCE);
    together
        && deal
            .category_id()
            .is_none_or(|category| category == record.category_id)
        && deal.stage_id().is_none_or(|stage| stage == record.stage_id)
}

/// Whether the portal would have to be asked for later records before this one counts as the deal's last move. Records of a
/// creation tell their mover by themselves.
pub(crate) fn needs_to_be_latest(record: &HistoryRecord, deal: &DealFacts) -> bool {
    record.type_id != Some(CREATED) && may_be_last_move(record, deal)
}

/// The latest record of each deal among `records`: by time of creation, then by ID.
pub(crate) fn latest(records: &[HistoryRecord]) -> FxHashMap<i64, i64> {
    let mut latest: FxHashMap<i64, (i64, i64)> =
        FxHashMap::with_capacity_and_hasher(records.len(), FxBuildHasher);
    for record in records {
        let this = (record.created_time.timestamp(), record.id);
        let known = latest.entry(record.owner_id).or_insert(this);
        *known = (*known).max(this);
    }
    latest.into_iter().map(|(owner, (_, id))| (owner, id)).collect()
}
