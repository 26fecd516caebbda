//! Who goes first when several agents are due.
//!
//! Every agent that is due has a rank: the time it has been due since, less its class's head start. The lowest
//! rank goes first. So a higher class goes before a lower one, within a class the one that has been due longest
//! goes first, and whoever has waited [`HEAD_START`] longer for each class between them goes before a higher
//! class: nobody starves, however much is urgent. Equal ranks go by turns: the one whose last run is longest ago first.

use std::time::Duration;

use agent::Priority;
use chrono::{DateTime, TimeDelta, Utc};

/// The head start of a class over the next lower one.
pub const HEAD_START: Duration = Duration::from_secs(600);

/// The rank of an agent that is due since `due_at`; the lowest goes first.
pub fn rank_at(priority: Priority, due_at: DateTime<Utc>) -> DateTime<Utc> {
    let classes: i32 = match priority {
        Priority::Background => 0,
        Priority::Urgent => 2,
        _ => 1,
    };
    TimeDelta::from_std(HEAD_START)
        .ok()
        .and_then(|start| due_at.checked_sub_signed(start * classes))
        .unwrap_or(due_at)
}
