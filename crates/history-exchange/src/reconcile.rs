//! The reconciliation: a slow walk over all that the portal has, which finds and mends what nobody told of.
//!
//! It is what makes events mere hints: dates or a responsible user that were changed without a move, and rows that became visible
//! long after their time, are found here. It takes a small share of the portal's limits, since it rests between its steps.

use std::collections::HashMap;
use std::time::Duration;

use ::agent::{Activation, Agent, Failure, Outcome, Progress};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use exchange::{ensure_table, store_failure, unless_stopped};
use table_map::{Row, Strictness, difference};

use crate::actualizer::Desk;
use crate::state::{ReconcileState, Turn};
use crate::switches::actualizer;

/// The agent's name.
pub const RECONCILE: &str = "history.reconcile";

/// The shortest rest between two steps. A step takes some three requests, so this is an eighth of a cloud portal's rate.
const LEAST_REST: Duration = Duration::from_secs(12);

/// The longest rest between two steps.
const LONGEST_REST: Duration = Duration::from_secs(10 * 60);

/// Walks over everything, step by step.
pub(crate) struct ReconcileAgent {
    desk: Desk,
    /// How long a turn may take.
    turn: Duration,
}

impl ReconcileAgent {
    pub(crate) fn new(desk: Desk, turn: Duration) -> Self {
        Self { desk, turn }
    }

    /// One step: reads, compares, mends. Gives the rows that were found missing and different.
    async fn step(&self, turn: &mut Turn) -> Result<(), Failure> {
        let desk = &self.desk;
        let mut reader = desk.reader().await?;
        let step = reader.step(turn.cursor, turn.until).await?;
        let keys: Vec<i64> = step.rows.iter().map(Row::key).collect();
        let store = desk.context.store.as_ref();
        let stored = store.read_back(&desk.map, &keys).await.map_err(store_failure)?;
        let stored: HashMap<i64, &Row> = stored.iter().map(|row| (row.key(), row)).collect();
        let mut wrong = Vec::new();
        for row in &step.rows {
            match stored.get(&row.key()) {
                None => turn.missing += 1,
                Some(have) if !difference(&desk.map, row, have, Strictness::Merged).is_empty() => {
                    turn.different += 1;
                }
                Some(_) => continue,
            }
            wrong.push(row.clone());
        }
        desk.write(&wrong).await?;
        turn.compared += u64::try_from(step.rows.len()).unwrap_or_default();
        turn.cursor = step.up_to;
        Ok(())
    }

    async fn walk(&self, activation: &Activation, mut state: ReconcileState) -> Result<Outcome, Failure> {
        let desk = &self.desk;
        ensure_table(desk.context.store.as_ref(), &desk.map).await?;
        let mut turn = match state.turn.take() {
            Some(turn) => turn,
            None => {
                let Some((lowest, highest)) = desk.reader().await?.bounds().await? else {
                    return Ok(Outcome::done());
                };
                let from = lowest.saturating_sub(1);
                Turn {
                    started_at: activation.now(),
                    from,
                    cursor: from,
                    until: highest,
                    compared: 0,
                    missing: 0,
                    different: 0,
                }
            }
        };
        let before = turn.cursor;
        self.step(&mut turn).await?;
        let progress = progress(&turn);
        if turn.cursor < turn.until {
            let rest = rest(&turn, before, activation.now(), self.turn);
            let state = ReconcileState {
                turn: Some(turn),
                ..state
            };
            activation.checkpoint(&state, progress).await?;
            return Outcome::next(&state, rest);
        }
        if turn.missing + turn.different > 0 {
            tracing::warn!(
                compared = turn.compared,
                missing = turn.missing,
                different = turn.different,
                "reconciliation mended rows"
            );
        } else {
            tracing::info!(
                compared = turn.compared,
                "reconciliation found every row as it should be"
            );
        }
        activation.checkpoint(&state, progress).await?;
        Ok(Outcome::done())
    }
}

/// How long to rest, so that the turn takes its time but not longer. `before` is where the last step began.
fn rest(turn: &Turn, before: i64, now: DateTime<Utc>, whole: Duration) -> Duration {
    let gone = (now - turn.started_at).to_std().unwrap_or_default();
    let span = turn.cursor.saturating_sub(before).max(1);
    let steps = turn.until.saturating_sub(turn.cursor) / span + 1;
    let steps = u32::try_from(steps).unwrap_or(u32::MAX);
    (whole.saturating_sub(gone) / steps).clamp(LEAST_REST, LONGEST_REST)
}

fn progress(turn: &Turn) -> Progress {
    Progress::new(turn.compared, None, "rows")
        .with_count("missing", turn.missing)
        .with_count("different", turn.different)
}

#[async_trait]
impl Agent for ReconcileAgent {
    fn name(&self) -> &str {
        RECONCILE
    }

    async fn activate(&self, activation: &Activation) -> Result<Outcome, Failure> {
        let state = activation.input::<ReconcileState>().ok().flatten();
        let scope = self.desk.context.scope();
        let Some(state) = state.filter(|state| state.scope == scope) else {
            return Ok(Outcome::done());
        };
        if !self.desk.context.is_on(&actualizer()).await? {
            return Ok(Outcome::done());
        }
        match unless_stopped(activation, self.walk(activation, state)).await {
            Some(outcome) => outcome,
            None => Ok(Outcome::Again {
                after: Duration::ZERO,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(cursor: i64, until: i64) -> Turn {
        Turn {
            started_at: DateTime::UNIX_EPOCH,
            from: 0,
            cursor,
            until,
            compared: 0,
            missing: 0,
            different: 0,
        }
    }

    #[test]
    fn a_turn_takes_its_time_and_its_steps_never_come_close_together() {
        let hour = Duration::from_secs(3600);
        // 2,500 of 250,000 IDs a step: 99 steps left in an hour.
        let rested = rest(&turn(2500, 250_000), 0, DateTime::UNIX_EPOCH, hour);
        assert_eq!(rested, hour / 100);
        let late = rest(&turn(2500, 250_000_000), 0, DateTime::UNIX_EPOCH + hour, hour);
        assert_eq!(late, LEAST_REST);
        let near_the_end = rest(&turn(249_000, 250_000), 246_500, DateTime::UNIX_EPOCH, hour);
        assert_eq!(near_the_end, LONGEST_REST);
    }
}
