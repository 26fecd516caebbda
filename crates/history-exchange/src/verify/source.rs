//! The portal's history as one side of a comparison.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use ::agent::Failure;
use async_trait::async_trait;
use bitrix_client::{HistoryPage, HistoryQuery, HistoryRecord};
use exchange::{Absent, Comparison, Context, Source, SourceRows, portal_failure};
use stage_list_exchange::StageList;
use table_map::{Row, TableMap};

use super::absent::Evidence;
use super::since::Since;
use crate::reader::Reader;

/// IDs in one call: as many as a page has rows.
const IDS: usize = 50;

pub(super) struct HistorySource {
    /// For the pipelines that are compared.
    context: Context,
    map: TableMap,
    reader: Reader,
    /// For all pipelines that are configured, since a row may have moved between them.
    second: Reader,
    since: Option<Since>,
    begins_after: Option<i64>,
}

impl HistorySource {
    /// To mend, the stages are brought in step first: rows are written with their names. Otherwise nothing is written.
    pub(super) async fn new(
        context: &Context,
        map: &TableMap,
        stages: &Arc<StageList>,
        task: &Comparison<'_>,
    ) -> Result<Self, Failure> {
        let narrowed = context.narrowed(&task.pipelines)?;
        let make = |context: &Context| (context.clone(), map.clone(), Arc::clone(stages));
        let ((first, a, b), (second, c, d)) = (make(&narrowed), make(context));
        let (reader, second) = if task.repair {
            (
                Reader::new(first, a, b).await?,
                Reader::following(second, c, d).await?,
            )
        } else {
            (
                Reader::without_sync(first, a, b).await?,
                Reader::without_sync(second, c, d).await?,
            )
        };
        Ok(Self {
            since: task.since.map(|since| Since::new(since, context.timezone)),
            context: narrowed,
            map: map.clone(),
            reader,
            second,
            begins_after: None,
        })
    }

    async fn ask(&self, doing: &str, queries: &[HistoryQuery]) -> Result<Vec<HistoryPage>, Failure> {
        let pages = self.context.portal.history_pages(queries).await;
        pages.map_err(|error| portal_failure(doing, error))
    }

    /// The lowest ID of the rows that were created since then: no row below it is one of them.
    async fn first_since(&self, since: Since) -> Result<Option<i64>, Failure> {
        let query = HistoryQuery {
            categories: self.context.pipelines.clone(),
            created_from: Some(since.moment),
            ..HistoryQuery::default()
        };
        let pages = self.ask("find the first row since then", &[query]).await?;
        let records = pages.into_iter().flat_map(|page| page.records);
        Ok(records.map(|record| record.id).min())
    }

    /// The records with these IDs, in whatever pipeline, and the newest one of all.
    async fn records(
        &self,
        ids: &[i64],
    ) -> Result<(HashMap<i64, HistoryRecord>, Option<HistoryRecord>), Failure> {
        let newest = HistoryQuery {
            descending: true,
            ..HistoryQuery::default()
        };
        let by_ids = ids.chunks(IDS).map(|ids| HistoryQuery {
            ids: ids.to_vec(),
            ..HistoryQuery::default()
        });
        let queries: Vec<HistoryQuery> = std::iter::once(newest).chain(by_ids).collect();
        let mut pages = self
            .ask("look for rows of the stage history", &queries)
            .await?
            .into_iter();
        let newest = pages
            .next()
            .and_then(|page| page.records.into_iter().max_by_key(|record| record.id));
        let asked: HashSet<i64> = ids.iter().copied().collect();
        let found = pages
            .flat_map(|page| page.records)
            .filter(|record| asked.contains(&record.id))
            .map(|record| (record.id, record))
            .collect();
        Ok((found, newest))
    }
}

#[async_trait]
impl Source for HistorySource {
    async fn bounds(&mut self) -> Result<Option<(i64, i64)>, Failure> {
        let bounds = self.reader.bounds().await?;
        let (Some(since), Some((_, highest))) = (self.since, bounds) else {
            return Ok(bounds);
        };
        let first = self.first_since(since).await?;
        self.begins_after = Some(first.map_or(highest, |first| first.saturating_sub(1)));
        Ok(first.map(|first| (first, highest.max(first))))
    }

    async fn read(&mut self, after: i64, until: i64) -> Result<SourceRows, Failure> {
        let step = self.reader.step(after, until).await?;
        let mut rows = step.rows;
        if let Some(since) = self.since {
            rows.retain(|row| since.holds(&self.map, row));
        }
        Ok(SourceRows {
            up_to: step.up_to,
            rows,
        })
    }

    async fn again(&mut self, keys: &[i64]) -> Result<Vec<Row>, Failure> {
        let (records, _) = self.records(keys).await?;
        let deals: BTreeSet<i64> = records.values().map(|record| record.owner_id).collect();
        let deals: Vec<i64> = deals.into_iter().collect();
        // Who made a move can be told only with all moves of its deal.
        let mut rows = self
            .second
            .deals_whole(&deals, records.into_values().collect())
            .await?;
        let asked: HashSet<i64> = keys.iter().copied().collect();
        rows.retain(|row| asked.contains(&row.key()));
        Ok(rows)
    }

    async fn absent(&mut self, rows: &[Row]) -> Result<Vec<Absent>, Failure> {
        let keys: Vec<i64> = rows.iter().map(Row::key).collect();
        let (records, newest) = self.records(&keys).await?;
        let evidence = Evidence {
            newest: newest.map(|record| (record.id, self.context.target_time(&record.created_time))),
            now: self.context.target_now(),
        };
        let owner = |row: &Row| row.integer(&self.map, "OWNER_ID").filter(|deal| *deal > 0);
        let deals: BTreeSet<i64> = rows
            .iter()
            .filter(|row| evidence.is_above(row) && !records.contains_key(&row.key()))
            .filter_map(owner)
            .collect();
        let deals: Vec<i64> = deals.into_iter().collect();
        let there = if deals.is_empty() {
            Vec::new()
        } else {
            let found = self.context.portal.deals_by_ids(&deals).await;
            found.map_err(|error| {
                portal_failure("look for the deals of rows that are not in the portal", error)
            })?
        };
        let there: HashSet<i64> = there.iter().map(|deal| deal.id).collect();
        let judge = |row: &Row| match records.contains_key(&row.key()) {
            true => Absent::There,
            false => {
                let deal_is_there = owner(row).is_some_and(|deal| there.contains(&deal));
                evidence.judge(&self.map, row, deal_is_there)
            }
        };
        Ok(rows.iter().map(judge).collect())
    }

    fn covers(&self, row: &Row) -> bool {
        let wanted = |pipeline| self.reader.wants(pipeline);
        row.integer(&self.map, "CATEGORY_ID").is_some_and(wanted)
            && self.since.is_none_or(|since| since.holds(&self.map, row))
    }

    fn begins_after(&self) -> Option<i64> {
        self.begins_after
    }

    fn distrust_of_nothing(&self) -> Option<String> {
        // Of some pipelines, or of the last days, the portal may well have nothing any more.
        let everything = self.context.pipelines.is_empty() && self.since.is_none();
        everything.then(|| {
            "the portal shows no stage history at all, but the table has rows; may the webhook's user read deals?".to_owned()
        })
    }
}
