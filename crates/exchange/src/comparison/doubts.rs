//! Rows that look wrong: looked at again, and mended.

use std::collections::HashMap;

use agent::{Failure, FailureKind};
use table_map::Row;

use super::engine::{Engine, add_wrong};
use super::source::Source;
use crate::{store_failure, write_verified};

/// A table in which more rows than this were wrong at the second look, too, is not in motion but wrong: further rows count as
/// they were read first, so that the source need not be read twice. The table is looked at again all the same.
const ENOUGH: u64 = 10_000;

/// How often rows that were mended are mended again because the source has changed meanwhile.
const ROUNDS: u32 = 5;

/// A row that looks wrong.
pub(super) struct Doubt {
    pub(super) key: i64,
    /// The source's row, as it was read first; `None` when it did not come in its turn.
    pub(super) first: Option<Row>,
    /// The columns that differed at first sight; `None` when the table had no such row.
    pub(super) seen: Option<Vec<&'static str>>,
}

impl Engine<'_> {
    /// Looks at the doubtful rows again, once there are `enough`; counts what is wrong still, and mends it when asked to.
    ///
    /// The source is read before the table: what the source changes is in the table only later, so a row that was right when the
    /// source was read is seen to be right.
    pub(super) async fn settle_doubts<S: Source>(
        &mut self,
        source: &mut S,
        enough: usize,
    ) -> Result<(), Failure> {
        if self.doubts.len() < enough {
            return Ok(());
        }
        self.doubts.sort_unstable_by_key(|doubt| doubt.key);
        self.doubts.dedup_by_key(|doubt| doubt.key);
        let keys: Vec<i64> = self.doubts.iter().map(|doubt| doubt.key).collect();
        let is_wrong = self.proven >= ENOUGH;
        let repair = self.task.repair;
        // What is to be written over a row must be fresh.
        let counts_as_read =
            |doubt: &Doubt| is_wrong && doubt.first.is_some() && (!repair || doubt.seen.is_none());
        let unknown: Vec<i64> = self
            .doubts
            .iter()
            .filter(|doubt| !counts_as_read(doubt))
            .map(|doubt| doubt.key)
            .collect();
        let mut fresh = self.again(source, &unknown).await?;
        let mut stored: HashMap<i64, Vec<Row>> = HashMap::new();
        for row in self.read_back(&keys).await? {
            stored.entry(row.key()).or_default().push(row);
        }
        let (mut wrong, mut missing) = (Vec::new(), Vec::new());
        for doubt in std::mem::take(&mut self.doubts) {
            let key = doubt.key;
            let as_read = counts_as_read(&doubt);
            let now = stored.remove(&key).unwrap_or_default();
            let Some(wanted) = fresh.remove(&key).or(doubt.first.filter(|_| as_read)) else {
                // It vanished from the source meanwhile.
                if !now.is_empty() {
                    self.result.kept.add(key);
                }
                continue;
            };
            let mut columns = Vec::new();
            for row in &now {
                add_wrong(&mut columns, self.map, &wanted, row);
            }
            if now.is_empty() {
                self.result.missing.add(key);
            } else if columns.is_empty() {
                continue;
            } else {
                self.result.different.add_columns(key, columns);
            }
            self.proven += 1;
            if as_read {
                missing.push(wanted);
            } else {
                wrong.push(wanted);
            }
        }
        if repair {
            self.write(&missing).await?;
            self.mend(source, wrong).await?;
        }
        Ok(())
    }

    /// Writes rows as the source has them. Another process may write the same rows at the same time, from what it has read a
    /// moment earlier or later: so the source is asked once more after each writing, until it still says what was written.
    async fn mend<S: Source>(&mut self, source: &mut S, mut rows: Vec<Row>) -> Result<(), Failure> {
        for _ in 0..ROUNDS {
            if rows.is_empty() {
                return Ok(());
            }
            let refused = self.write(&rows).await?;
            let mut written: HashMap<i64, Row> = rows.drain(..).map(|row| (row.key(), row)).collect();
            for key in refused {
                written.remove(&key);
            }
            let keys: Vec<i64> = written.keys().copied().collect();
            let now = self.again(source, &keys).await?;
            rows.extend(
                now.into_values()
                    .filter(|row| written.get(&row.key()) != Some(row)),
            );
        }
        Ok(())
    }

    /// Writes rows and verifies them. A row that cannot be written keeps no other from being written; gives the keys of such rows.
    async fn write(&mut self, rows: &[Row]) -> Result<Vec<i64>, Failure> {
        let mut refused = Vec::new();
        let mut pending = vec![rows];
        while let Some(rows) = pending.pop() {
            if rows.is_empty() {
                continue;
            }
            let at = self.context.target_now();
            match write_verified(self.context.store.as_ref(), self.map, rows, at).await {
                Ok(written) => {
                    self.patience.worked();
                    self.mended.written.add(written);
                }
                Err(failure) if failure.kind() != FailureKind::Permanent => {
                    pending.push(rows);
                    self.wait(failure).await?;
                }
                Err(failure) => match rows {
                    [row] => {
                        refused.push(row.key());
                        self.mended
                            .refused
                            .get_or_insert_default()
                            .add(row.key(), || failure.report());
                    }
                    _ => {
                        let (one, other) = rows.split_at(rows.len() / 2);
                        pending.extend([other, one]);
                    }
                },
            }
        }
        Ok(refused)
    }

    /// Rows of the source as they are now, by key.
    async fn again<S: Source>(&mut self, source: &mut S, keys: &[i64]) -> Result<HashMap<i64, Row>, Failure> {
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        loop {
            match source.again(keys).await {
                Ok(rows) => {
                    self.patience.worked();
                    return Ok(rows.into_iter().map(|row| (row.key(), row)).collect());
                }
                Err(failure) => self.wait(failure).await?,
            }
        }
    }

    async fn read_back(&mut self, keys: &[i64]) -> Result<Vec<Row>, Failure> {
        loop {
            let read = self.context.store.read_back(self.map, keys).await;
            match read.map_err(store_failure) {
                Ok(rows) => {
                    self.patience.worked();
                    return Ok(rows);
                }
                Err(failure) => self.wait(failure).await?,
            }
        }
    }
}
