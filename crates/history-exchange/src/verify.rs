//! Comparing the table with the portal, in both directions, in memory that does not grow with either.

use std::collections::VecDeque;
use std::sync::Arc;

use ::agent::{Failure, Progress};
use exchange::{Context, OnProgress, Verification, store_failure};
use stage_list_exchange::StageList;
use table_map::{Row, Strictness, TableMap, difference};

use crate::reader::Reader;

/// Rows in one read of the table.
const SCAN: u32 = 5000;

/// Keys that only the table has, as far as the walk went, before the portal is asked for them.
const PASSED: usize = 2500;

pub(crate) async fn verify(
    context: &Context,
    map: &TableMap,
    stages: &Arc<StageList>,
    progress: OnProgress<'_>,
) -> Result<Verification, Failure> {
    let mut result = Verification::of(map.name());
    let mut reader = Reader::without_sync(context.clone(), map.clone(), Arc::clone(stages)).await?;
    let bounds = reader.bounds().await?;
    let mut table = Walk::new(context, map);
    let mut passed = Passed::default();
    if let Some((lowest, highest)) = bounds {
        let mut cursor = lowest.saturating_sub(1);
        while cursor < highest {
            let step = reader.step(cursor, highest).await?;
            cursor = step.up_to;
            for wanted in &step.rows {
                result.portal += 1;
                while table.peek().await?.is_some_and(|key| key < wanted.key()) {
                    let Some(row) = table.next().await? else { break };
                    passed.add(context, map, &row, &mut result);
                }
                compare(&mut table, &mut result, wanted).await?;
            }
            passed.settle(&reader, &mut result, PASSED).await?;
            progress(Progress::new(result.portal, None, "rows"));
        }
    }
    // What is left has IDs above all that the portal had at the start: it came since then, or vanished.
    while let Some(row) = table.next().await? {
        passed.add(context, map, &row, &mut result);
        passed.settle(&reader, &mut result, PASSED).await?;
    }
    passed.settle(&reader, &mut result, 1).await?;
    Ok(result)
}

/// Compares `wanted` with the row that the walk stands at.
async fn compare(table: &mut Walk<'_>, result: &mut Verification, wanted: &Row) -> Result<(), Failure> {
    if table.peek().await? != Some(wanted.key()) {
        result.missing.add(wanted.key());
        return Ok(());
    }
    if let Some(found) = table.next().await? {
        result.stored += 1;
        let wrong = difference(table.map, wanted, &found, Strictness::Merged);
        if !wrong.is_empty() {
            result
                .different
                .add_columns(wanted.key(), wrong.iter().map(|difference| difference.column));
        }
    }
    Ok(())
}

/// Rows of the table that did not come from the portal when their turn was. The portal is asked for them by their IDs: one
/// that it still has was moved to a pipeline that is not wanted, or came later.
#[derive(Default)]
struct Passed {
    keys: Vec<i64>,
}

impl Passed {
    fn add(&mut self, context: &Context, map: &TableMap, row: &Row, result: &mut Verification) {
        let pipelines = &context.pipelines;
        let wanted = pipelines.is_empty()
            || row
                .integer(map, "CATEGORY_ID")
                .is_some_and(|category| pipelines.contains(&category));
        // Rows of other pipelines are of an earlier configuration, and none of our business.
        if wanted {
            result.stored += 1;
            self.keys.push(row.key());
        }
    }

    /// Asks for them once there are `enough`.
    async fn settle(
        &mut self,
        reader: &Reader,
        result: &mut Verification,
        enough: usize,
    ) -> Result<(), Failure> {
        if self.keys.len() < enough {
            return Ok(());
        }
        let existing = reader.existing(&self.keys).await?;
        for (key, category) in self.keys.drain(..).map(|key| (key, existing.get(&key))) {
            match category {
                None => result.kept.add(key),
                Some(category) if !reader.wants(*category) => {
                    result.different.add_columns(key, ["CATEGORY_ID"]);
                }
                // It came after the verification had begun.
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// A walk over the table's rows, in ascending order of their IDs.
struct Walk<'a> {
    context: &'a Context,
    map: &'a TableMap,
    page: VecDeque<Row>,
    after: Option<i64>,
    ended: bool,
}

impl<'a> Walk<'a> {
    fn new(context: &'a Context, map: &'a TableMap) -> Self {
        Self {
            context,
            map,
            page: VecDeque::new(),
            after: None,
            ended: false,
        }
    }

    async fn fill(&mut self) -> Result<(), Failure> {
        if self.page.is_empty() && !self.ended {
            let rows = self
                .context
                .store
                .scan(self.map, self.after, SCAN)
                .await
                .map_err(store_failure)?;
            self.ended = rows.is_empty();
            self.after = rows.last().map(Row::key).or(self.after);
            self.page.extend(rows);
        }
        Ok(())
    }

    async fn peek(&mut self) -> Result<Option<i64>, Failure> {
        self.fill().await?;
        Ok(self.page.front().map(Row::key))
    }

    async fn next(&mut self) -> Result<Option<Row>, Failure> {
        self.fill().await?;
        Ok(self.page.pop_front())
    }
}
