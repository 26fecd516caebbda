//! The merge of the two streams.

use agent::{Failure, Progress};
use table_map::{Row, Strictness, TableMap, difference};
use tokio::time::Instant;

use super::Comparison;
use super::doubts::Doubt;
use super::patience::Patience;
use super::ranges::{Range, Ranges, Windows};
use super::source::{Absent, Source, SourceRows};
use super::walk::Walk;
use crate::{Context, Mended, Verification, store_failure};

/// Rows that only the table has, as far as the walk went, before the source is asked for them.
pub(super) const PASSED: usize = 2500;

/// Rows that look wrong, before they are looked at again.
pub(super) const DOUBTS: usize = 500;

/// One comparison under way. What it found is kept here, so that it can be told when the comparison is given up.
pub(super) struct Engine<'a> {
    pub(super) context: &'a Context,
    pub(super) map: &'a TableMap,
    pub(super) task: &'a Comparison<'a>,
    pub(super) result: Verification,
    pub(super) mended: Mended,
    pub(super) patience: Patience,
    pub(super) doubts: Vec<Doubt>,
    /// Rows that were wrong at the second look, too.
    pub(super) proven: u64,
    passed: Vec<Row>,
    /// The key of the last row that only the table has.
    last_passed: Option<i64>,
    way: Way,
    /// The most rows that were held at once.
    pub(super) most_held: usize,
}

/// How far it is.
struct Way {
    started: Instant,
    walked: u64,
    keys: u64,
}

impl<'a> Engine<'a> {
    pub(super) fn new(context: &'a Context, map: &'a TableMap, task: &'a Comparison<'a>) -> Self {
        Self {
            context,
            map,
            task,
            result: Verification::of(map.name()),
            mended: Mended::default(),
            patience: Patience::default(),
            doubts: Vec::new(),
            proven: 0,
            passed: Vec::new(),
            last_passed: None,
            way: Way {
                started: Instant::now(),
                walked: 0,
                keys: 0,
            },
            most_held: 0,
        }
    }

    /// Whether anything was read yet.
    pub(super) fn has_begun(&self) -> bool {
        self.patience.has_begun()
    }

    /// What was found. Rows that were still to be looked at again count as they were seen once: a comparison that was not ended
    /// says so itself.
    pub(super) fn into_result(mut self) -> Verification {
        for doubt in std::mem::take(&mut self.doubts) {
            match doubt.seen {
                Some(columns) => self.result.different.add_columns(doubt.key, columns),
                None => self.result.missing.add(doubt.key),
            }
        }
        if self.task.repair {
            self.mended.missing = self.result.missing.clone();
            self.mended.different = self.result.different.clone();
            self.result.mended = Some(self.mended);
        }
        self.result
    }

    /// Compares everything that was asked for.
    pub(super) async fn run<S: Source>(&mut self, source: &mut S) -> Result<(), Failure> {
        let bounds = loop {
            match source.bounds().await {
                Ok(bounds) => break bounds,
                Err(failure) => self.wait(failure).await?,
            }
        };
        self.patience.worked();
        let ranges = self.ranges(source, bounds).await?;
        let (lowest, highest) = bounds.unwrap_or((1, 0));
        self.way.keys = ranges.keys(lowest, highest);
        for range in ranges {
            let begin = lowest.saturating_sub(1).max(range.after.unwrap_or(i64::MIN));
            self.range(source, range, begin, highest.min(range.up_to)).await?;
        }
        self.settle_passed(source, 1).await?;
        self.settle_doubts(source, 1).await?;
        self.show();
        if bounds.is_none()
            && self.result.stored > 0
            && let Some(reason) = source.distrust_of_nothing()
        {
            return Err(Failure::permanent(reason));
        }
        Ok(())
    }

    async fn ranges<S: Source>(&mut self, source: &S, bounds: Option<(i64, i64)>) -> Result<Ranges, Failure> {
        let (Some(sample), Some((lowest, highest))) = (self.task.sample, bounds) else {
            return Ok(Ranges::One(Some(Range {
                after: source.begins_after(),
                up_to: i64::MAX,
            })));
        };
        let store = self.context.store.as_ref();
        let rows = store.count(self.map).await.map_err(store_failure)?;
        Ok(Ranges::Sampled(Windows::new(sample, lowest, highest, rows)))
    }

    /// Compares one range; the source is read from above `begin` to `end`.
    async fn range<S: Source>(
        &mut self,
        source: &mut S,
        range: Range,
        begin: i64,
        end: i64,
    ) -> Result<(), Failure> {
        let context = self.context;
        let mut table = Walk::new(context.store.as_ref(), self.map, range);
        let mut cursor = begin;
        while cursor < end {
            let SourceRows { up_to, rows } = self.read(source, cursor, end).await?;
            self.way.walked = self.way.walked.saturating_add(up_to.abs_diff(cursor));
            cursor = up_to;
            let mut left = rows.len();
            for wanted in rows {
                self.result.portal += 1;
                left -= 1;
                while let Some(row) = self.next_below(&mut table, wanted.key()).await? {
                    self.pass(source, row);
                    self.held(&table, left);
                    self.settle_passed(source, PASSED).await?;
                }
                self.pair(&mut table, wanted).await?;
                self.held(&table, left);
                self.settle_doubts(source, DOUBTS).await?;
            }
            self.show();
        }
        while let Some(row) = self.next_below(&mut table, i64::MAX).await? {
            self.pass(source, row);
            self.held(&table, 0);
            self.settle_passed(source, PASSED).await?;
            self.settle_doubts(source, DOUBTS).await?;
        }
        Ok(())
    }

    async fn read<S: Source>(
        &mut self,
        source: &mut S,
        after: i64,
        until: i64,
    ) -> Result<SourceRows, Failure> {
        loop {
            match source.read(after, until).await {
                // A source that does not come forward would be read for ever.
                Ok(read) if read.up_to <= after => {
                    return Err(Failure::permanent(format!(
                        "reading above row {after} for {} gave no end; that is a mistake in the program",
                        self.map.name()
                    )));
                }
                Ok(read) => {
                    self.patience.worked();
                    return Ok(read);
                }
                Err(failure) => self.wait(failure).await?,
            }
        }
    }

    /// The next key of the table.
    async fn peek(&mut self, table: &mut Walk<'_>) -> Result<Option<i64>, Failure> {
        loop {
            match table.peek().await {
                Ok(key) => return Ok(key),
                Err(failure) => self.wait(failure).await?,
            }
        }
    }

    /// The table's next row, if its key is below this one (or there is no key above).
    async fn next_below(&mut self, table: &mut Walk<'_>, key: i64) -> Result<Option<Row>, Failure> {
        match self.peek(table).await? {
            Some(next) if next < key || key == i64::MAX => table.next().await,
            _ => Ok(None),
        }
    }

    /// Compares a row of the source with the table's rows of its key.
    async fn pair(&mut self, table: &mut Walk<'_>, wanted: Row) -> Result<(), Failure> {
        let key = wanted.key();
        let mut found = 0;
        let mut wrong: Vec<&'static str> = Vec::new();
        while self.peek(table).await? == Some(key) {
            let Some(row) = table.next().await? else { break };
            found += 1;
            add_wrong(&mut wrong, self.map, &wanted, &row);
        }
        self.result.stored += found;
        if found > 1 {
            self.result.duplicate.add_many(key, found - 1);
        }
        let seen = match found {
            0 => None,
            _ if wrong.is_empty() => return Ok(()),
            _ => Some(wrong),
        };
        self.doubts.push(Doubt {
            key,
            first: Some(wanted),
            seen,
        });
        Ok(())
    }

    /// Takes a row that only the table has.
    fn pass<S: Source>(&mut self, source: &S, row: Row) {
        if !source.covers(&row) {
            self.result.outside += 1;
            return;
        }
        self.result.stored += 1;
        // Rows of one key follow one another.
        if self.last_passed.replace(row.key()) == Some(row.key()) {
            self.result.duplicate.add(row.key());
        } else {
            self.passed.push(row);
        }
    }

    /// Asks for the rows that only the table has, once there are `enough`.
    async fn settle_passed<S: Source>(&mut self, source: &mut S, enough: usize) -> Result<(), Failure> {
        if self.passed.len() < enough {
            return Ok(());
        }
        let cases = loop {
            match source.absent(&self.passed).await {
                Ok(cases) => break cases,
                Err(failure) => self.wait(failure).await?,
            }
        };
        self.patience.worked();
        for (row, case) in std::mem::take(&mut self.passed).iter().zip(cases) {
            match case {
                Absent::Kept => self.result.kept.add(row.key()),
                Absent::Extra => self.result.extra.add(row.key()),
                Absent::There => self.doubts.push(Doubt {
                    key: row.key(),
                    first: None,
                    seen: Some(Vec::new()),
                }),
            }
        }
        Ok(())
    }

    fn held(&mut self, table: &Walk<'_>, unread: usize) {
        let held = table.held() + unread + self.passed.len() + self.doubts.len();
        self.most_held = self.most_held.max(held);
    }

    /// Waits for what passes, and says so.
    pub(super) async fn wait(&mut self, failure: Failure) -> Result<(), Failure> {
        let (way, task, done) = (&self.way, self.task, self.result.portal);
        let say = |failure: &Failure, wait: std::time::Duration| {
            tracing::warn!(error = failure.report(), ?wait, "the comparison waits");
            let note = format!(
                "{}; trying again in {} s",
                failure.report(),
                wait.as_secs().max(1)
            );
            (task.progress)(way.progress(done, Some(note)));
        };
        self.patience.wait(failure, say).await
    }

    fn show(&self) {
        (self.task.progress)(self.way.progress(self.result.portal, None));
    }
}

/// Adds the columns in which `stored` is not as `wanted` means it to be.
pub(super) fn add_wrong(columns: &mut Vec<&'static str>, map: &TableMap, wanted: &Row, stored: &Row) {
    for wrong in difference(map, wanted, stored, Strictness::Merged) {
        if !columns.contains(&wrong.column) {
            columns.push(wrong.column);
        }
    }
}

impl Way {
    /// Rows done, and rows in all as far as they can be told from how dense they were until now.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "estimates for people, never negative"
    )]
    fn progress(&self, done: u64, note: Option<String>) -> Progress {
        let (walked, keys) = (self.walked.min(self.keys), self.keys);
        let total = (walked > 0 && done > 0).then(|| {
            let more = (keys - walked) as f64 * (done as f64 / walked as f64);
            done.saturating_add(more.ceil() as u64)
        });
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = (seconds > 0.5).then(|| done as f64 / seconds);
        let progress = Progress::new(done, total, "rows").with_rate(rate);
        match note {
            Some(note) => progress.with_note(note),
            None => progress,
        }
    }
}
