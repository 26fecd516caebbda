//! A walk over a table's rows in ascending order of their keys.

use std::collections::VecDeque;

use agent::Failure;
use store::Store;
use table_map::{Row, TableMap};

use super::ranges::Range;
use crate::store_failure;

/// Rows in one read of the table.
pub(super) const SCAN: u32 = 5000;

/// Rows more than a narrow range has keys, so that rows with the same key come in one read.
const ROOM: u32 = 100;

/// A walk over a range of keys. After a failure it goes on where it was.
pub(super) struct Walk<'a> {
    store: &'a dyn Store,
    map: &'a TableMap,
    page: VecDeque<Row>,
    range: Range,
    limit: u32,
    ended: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(store: &'a dyn Store, map: &'a TableMap, range: Range) -> Self {
        let keys = range.after.map_or(u32::MAX, |after| {
            let keys = i128::from(range.up_to) - i128::from(after);
            u32::try_from(keys.max(0)).unwrap_or(u32::MAX)
        });
        Self {
            store,
            map,
            page: VecDeque::new(),
            range,
            limit: keys.saturating_add(ROOM).min(SCAN),
            ended: false,
        }
    }

    /// Reads on when nothing is left of what was read.
    async fn fill(&mut self) -> Result<(), Failure> {
        while self.page.is_empty() && !self.ended {
            let read = self.store.scan(self.map, self.range.after, self.limit);
            let mut rows = read.await.map_err(store_failure)?;
            let Some(last) = rows.last().map(Row::key) else {
                self.ended = true;
                return Ok(());
            };
            self.range.after = Some(last);
            // The next read begins above the last key: rows that share it must come in one read, or the later ones are never
            // seen. A read of nothing but one key cannot be cut.
            let is_full = u32::try_from(rows.len()).is_ok_and(|read| read >= self.limit);
            let before = rows.partition_point(|row| row.key() < last);
            if is_full && before > 0 {
                rows.truncate(before);
                self.range.after = rows.last().map(Row::key);
            }
            if last > self.range.up_to {
                rows.retain(|row| row.key() <= self.range.up_to);
                self.ended = true;
            }
            self.page.extend(rows);
        }
        Ok(())
    }

    /// The key of the next row.
    pub(super) async fn peek(&mut self) -> Result<Option<i64>, Failure> {
        self.fill().await?;
        Ok(self.page.front().map(Row::key))
    }

    /// The next row. After [`peek`](Self::peek) this does not fail.
    pub(super) async fn next(&mut self) -> Result<Option<Row>, Failure> {
        self.fill().await?;
        Ok(self.page.pop_front())
    }

    /// Rows that are held.
    pub(super) fn held(&self) -> usize {
        self.page.len()
    }
}
