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
    if let Some((lowest, highest)) = bounds {
        let mut cursor = lowest.saturating_sub(1);
        while cursor < highest {
            let step = reader.step(cursor, highest).await?;
            cursor = step.up_to;
            for wanted in &step.rows {
                result.portal += 1;
                compare(&mut table, &mut result, wanted).await?;
            }
            progress(Progress::new(result.portal, None, "rows"));
        }
    }
    // What is left has IDs above all that the portal had at the start: it came since then, or vanished.
    loop {
        let mut rest = Vec::new();
        while rest.len() < 2500
            && let Some(row) = table.next().await?
        {
            rest.push(row.key());
        }
        if rest.is_empty() {
            break;
        }
        let existing = reader.existing(&rest).await?;
        for key in rest {
            if !existing.contains(&key) {
                result.kept.add(key);
            }
        }
    }
    result.stored = table.seen;
    Ok(result)
}

/// Finds `wanted` in the walk; what the walk passes on the way is in the table alone.
async fn compare(table: &mut Walk<'_>, result: &mut Verification, wanted: &Row) -> Result<(), Failure> {
    while table.peek().await?.is_some_and(|key| key < wanted.key()) {
        if let Some(passed) = table.next().await? {
            result.kept.add(passed.key());
        }
    }
    if table.peek().await? != Some(wanted.key()) {
        result.missing.add(wanted.key());
        return Ok(());
    }
    if let Some(found) = table.next().await? {
        let wrong = difference(table.map, wanted, &found, Strictness::Merged);
        if !wrong.is_empty() {
            result
                .different
                .add_columns(wanted.key(), wrong.iter().map(|difference| difference.column));
        }
    }
    Ok(())
}

/// A walk over the table's rows of the wanted pipelines, in ascending order of their IDs.
struct Walk<'a> {
    context: &'a Context,
    map: &'a TableMap,
    page: VecDeque<Row>,
    after: Option<i64>,
    seen: u64,
    ended: bool,
}

impl<'a> Walk<'a> {
    fn new(context: &'a Context, map: &'a TableMap) -> Self {
        Self {
            context,
            map,
            page: VecDeque::new(),
            after: None,
            seen: 0,
            ended: false,
        }
    }

    async fn fill(&mut self) -> Result<(), Failure> {
        while self.page.is_empty() && !self.ended {
            let rows = self
                .context
                .store
                .scan(self.map, self.after, SCAN)
                .await
                .map_err(|error| store_failure("read the table of moves", error))?;
            self.ended = rows.is_empty();
            self.after = rows.last().map(Row::key).or(self.after);
            let pipelines = &self.context.pipelines;
            self.page.extend(rows.into_iter().filter(|row| {
                pipelines.is_empty()
                    || row
                        .integer(self.map, "CATEGORY_ID")
                        .is_some_and(|category| pipelines.contains(&category))
            }));
        }
        Ok(())
    }

    async fn peek(&mut self) -> Result<Option<i64>, Failure> {
        self.fill().await?;
        Ok(self.page.front().map(Row::key))
    }

    async fn next(&mut self) -> Result<Option<Row>, Failure> {
        self.fill().await?;
        let row = self.page.pop_front();
        if row.is_some() {
            self.seen += 1;
        }
        Ok(row)
    }
}
