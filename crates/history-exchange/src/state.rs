//! The agents' durable states.

use std::collections::BTreeMap;

use bitrix_client::ChangedDeal;
use chrono::{DateTime, TimeDelta, Utc};
use exchange::{Scope, WriteCounts};
use serde::{Deserialize, Serialize};

use ::agent::Progress;

/// Up to where everything is in the table, verified.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct UploadState {
    /// What this state is true for.
    pub(crate) scope: Scope,
    /// The ID below the first one that the portal had when the upload began.
    pub(crate) from: i64,
    /// Every row up to here was written, read back and compared.
    pub(crate) cursor: i64,
    /// The row at the cursor, or the last one before it: where it is not in the table any more, neither is what the cursor
    /// vouches for.
    #[serde(default)]
    pub(crate) last_key: Option<i64>,
    /// The highest ID that the portal had when the upload began: where it ends.
    pub(crate) until: i64,
    /// What was written so far.
    pub(crate) written: WriteCounts,
    /// When the upload began: deals that were changed since then are read again after it.
    pub(crate) started_at: DateTime<Utc>,
}

impl UploadState {
    /// Rows done, and rows in all as far as they can be estimated from how dense the IDs were until now.
    pub(crate) fn progress(&self) -> Progress {
        let done = self.written.total();
        let walked = self.cursor.saturating_sub(self.from);
        let left = self.until.saturating_sub(self.cursor);
        let total = if left == 0 {
            Some(done)
        } else if walked > 0 && done > 0 {
            // An estimate: precision is of no concern.
            #[allow(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "an estimate of a count that is never negative"
            )]
            let more = (left as f64 * (done as f64 / walked as f64)).ceil() as u64;
            Some(done.saturating_add(more))
        } else {
            None
        };
        Progress::new(done, total, "rows")
            .with_count("inserted", self.written.inserted)
            .with_count("changed", self.written.changed)
            .with_count("unchanged", self.written.unchanged)
    }
}

/// Up to where the actualizer has followed the portal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FollowState {
    /// What this state is true for.
    pub(crate) scope: Scope,
    /// Every row up to here was written and verified, but for rows that become visible late.
    pub(crate) cursor: i64,
    /// Which changes of deals were seen.
    pub(crate) changes: SeenChanges,
}

/// Up to when changes of deals were seen, by the portal's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SeenChanges {
    /// Changes before this moment were seen. It stays a little behind the newest one, since a change may become visible late.
    pub(crate) since: DateTime<Utc>,
    /// Changes at or after that moment that were seen, too, by deal.
    pub(crate) later: BTreeMap<i64, SeenChange>,
}

/// A change of a deal that was seen. The portal tells its second, so another change in the same second looks the same: the deal
/// is read once more when that second is surely over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SeenChange {
    /// When the deal was changed, by the portal's clock (Unix time in seconds).
    changed: i64,
    /// When this was first seen, by our clock.
    first_seen: DateTime<Utc>,
    /// Whether the deal was read again after its second was over.
    settled: bool,
}

/// How far `since` stays behind the newest change.
const VISIBLE_LATE: TimeDelta = TimeDelta::minutes(1);

/// How long after it was first seen no other change in the same second can come.
const SECOND_IS_OVER: TimeDelta = TimeDelta::seconds(2);

impl SeenChanges {
    /// Nothing was seen of what came at or after `since`.
    pub(crate) fn none_since(since: DateTime<Utc>) -> Self {
        Self {
            since,
            later: BTreeMap::new(),
        }
    }

    /// Of these changes, the deals that have to be read.
    pub(crate) fn unseen(&self, changes: &[ChangedDeal], now: DateTime<Utc>) -> Vec<i64> {
        let to_read = |change: &&ChangedDeal| match self.later.get(&change.id) {
            Some(seen) if seen.changed == change.updated_time.timestamp() => {
                !seen.settled && now - seen.first_seen >= SECOND_IS_OVER
            }
            _ => true,
        };
        changes.iter().filter(to_read).map(|change| change.id).collect()
    }

    /// Notes that these changes were seen, and the deals that [`unseen`](Self::unseen) told of were read.
    pub(crate) fn note(&mut self, changes: &[ChangedDeal], now: DateTime<Utc>) {
        for change in changes {
            let changed = change.updated_time.timestamp();
            let seen = self.later.entry(change.id).or_insert(SeenChange {
                changed,
                first_seen: now,
                settled: false,
            });
            if seen.changed != changed {
                *seen = SeenChange {
                    changed,
                    first_seen: now,
                    settled: false,
                };
            } else if now - seen.first_seen >= SECOND_IS_OVER {
                seen.settled = true;
            }
        }
        let newest = self.later.values().map(|seen| seen.changed).max();
        if let Some(newest) = newest.and_then(|newest| DateTime::from_timestamp(newest, 0)) {
            self.since = self.since.max(newest - VISIBLE_LATE);
        }
        let since = self.since.timestamp();
        self.later.retain(|_, seen| seen.changed >= since);
    }
}

/// Where the reconciliation is in its present turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReconcileState {
    /// What this state is true for.
    pub(crate) scope: Scope,
    /// The present turn; `None` between two turns.
    #[serde(default)]
    pub(crate) turn: Option<Turn>,
}

/// One walk over all that the portal has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Turn {
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) from: i64,
    pub(crate) cursor: i64,
    pub(crate) until: i64,
    pub(crate) compared: u64,
    pub(crate) missing: u64,
    pub(crate) different: u64,
}
