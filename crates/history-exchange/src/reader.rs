//! Reading the portal's history in steps, each row complete.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ::agent::Failure;
use bitrix_client::{HistoryQuery, HistoryRecord};
use exchange::{Context, portal_failure, row_failure};
use stage_list_exchange::{StageList, StageNames};
use table_map::{Row, TableMap};

use crate::deals::Deals;
use crate::error::Error;
use crate::mapping::{RowError, Surroundings, row};
use crate::moves::{latest, may_be_last_move};
use crate::windows::{Density, PAGE, Window, cut, rest};

/// Calls in one batch (vendor documentation, `batch`).
const BATCH: usize = 50;

/// Rows read, complete as they go into the table.
#[derive(Debug)]
pub(crate) struct StepRows {
    /// Every row with an ID up to here was read.
    pub(crate) up_to: i64,
    /// The rows, in ascending order of their IDs.
    pub(crate) rows: Vec<Row>,
}

/// Reads the portal's history.
pub(crate) struct Reader {
    context: Context,
    map: TableMap,
    stages: Arc<StageList>,
    names: StageNames,
    /// Stages that the portal does not know, either: they are not asked for again.
    nameless: HashSet<String>,
    deals: Deals,
    density: Density,
}

impl Reader {
    /// A reader whose names of stages are in step with the portal.
    pub(crate) async fn new(
        context: Context,
        map: TableMap,
        stages: Arc<StageList>,
    ) -> Result<Self, Failure> {
        stages.sync().await?;
        Self::without_sync(context, map, stages).await
    }

    /// A reader that takes the names of stages as the table has them, and writes nothing.
    pub(crate) async fn without_sync(
        context: Context,
        map: TableMap,
        stages: Arc<StageList>,
    ) -> Result<Self, Failure> {
        let names = stages.names().await?;
        Ok(Self {
            context,
            map,
            stages,
            names,
            nameless: HashSet::new(),
            deals: Deals::default(),
            density: Density::default(),
        })
    }

    /// The lowest and the highest ID that the portal has now; `None` when it has no history.
    pub(crate) async fn bounds(&self) -> Result<Option<(i64, i64)>, Failure> {
        let end = |descending| HistoryQuery {
            categories: self.context.pipelines.clone(),
            descending,
            ..HistoryQuery::default()
        };
        let pages = self
            .context
            .portal
            .stage_history_windows(&[end(false), end(true)])
            .await
            .map_err(|error| portal_failure("find the first and last row of the stage history", error))?;
        let ids = || pages.iter().flatten().map(|record| record.id);
        Ok(ids().min().zip(ids().max()))
    }

    /// One step: as many rows above `after` as a batch of windows gives, not beyond `until`.
    pub(crate) async fn step(&mut self, after: i64, until: i64) -> Result<StepRows, Failure> {
        let windows = cut(after, until, self.density.width(), BATCH);
        let Some(up_to) = windows.last().map(|window| window.up_to) else {
            return Ok(StepRows {
                up_to: until,
                rows: Vec::new(),
            });
        };
        let records = self.read_windows(windows).await?;
        let rows = i64::try_from(records.len()).unwrap_or(i64::MAX);
        self.density.learn(up_to.saturating_sub(after), rows);
        let rows = self.complete(records, up_to).await?;
        Ok(StepRows { up_to, rows })
    }

    /// One page: the first rows above `after`, not beyond `until`.
    pub(crate) async fn page(&mut self, after: i64, until: i64) -> Result<StepRows, Failure> {
        let window = Window { after, up_to: until };
        let records = self
            .ask(&[window])
            .await?
            .into_iter()
            .flatten()
            .collect::<Vec<_>>();
        let last = records.last().map(|record| record.id);
        let up_to = match last {
            Some(last) if !rest(window, records.len(), Some(last)).is_empty() => last,
            _ => until,
        };
        let rows = self.complete(records, up_to).await?;
        Ok(StepRows { up_to, rows })
    }

    /// Which of these rows the portal still has.
    pub(crate) async fn existing(&self, ids: &[i64]) -> Result<HashSet<i64>, Failure> {
        let page = usize::try_from(PAGE).unwrap_or(BATCH);
        let queries: Vec<HistoryQuery> = ids
            .chunks(page)
            .map(|ids| HistoryQuery {
                ids: ids.to_vec(),
                ..HistoryQuery::default()
            })
            .collect();
        let pages = self
            .context
            .portal
            .stage_history_windows(&queries)
            .await
            .map_err(|error| portal_failure("look for rows of the stage history", error))?;
        Ok(pages.into_iter().flatten().map(|record| record.id).collect())
    }

    /// All records of these windows, in ascending order of their IDs. Windows that overflow are read on.
    async fn read_windows(&self, windows: Vec<Window>) -> Result<Vec<HistoryRecord>, Failure> {
        let mut records = Vec::new();
        let mut pending = windows;
        while !pending.is_empty() {
            let more = pending.split_off(pending.len().min(BATCH));
            let pages = self.ask(&pending).await?;
            let mut rests = Vec::new();
            for (window, page) in pending.iter().zip(pages) {
                rests.extend(rest(*window, page.len(), page.last().map(|record| record.id)));
                records.extend(page);
            }
            rests.extend(more);
            pending = rests;
        }
        records.sort_unstable_by_key(|record| record.id);
        records.dedup_by_key(|record| record.id);
        Ok(records)
    }

    /// The first page of each window, each in ascending order and inside its window.
    async fn ask(&self, windows: &[Window]) -> Result<Vec<Vec<HistoryRecord>>, Failure> {
        let queries: Vec<HistoryQuery> = windows
            .iter()
            .map(|window| HistoryQuery {
                after_id: Some(window.after),
                up_to_id: Some(window.up_to),
                categories: self.context.pipelines.clone(),
                ..HistoryQuery::default()
            })
            .collect();
        let mut pages = self
            .context
            .portal
            .stage_history_windows(&queries)
            .await
            .map_err(|error| portal_failure("read the stage history", error))?;
        for (window, page) in windows.iter().zip(&mut pages) {
            page.sort_unstable_by_key(|record| record.id);
            if let Some(stray) = page.iter().find(|record| !window.holds(record.id)) {
                return Err(
                    Failure::permanent("cannot trust the portal's stage history").with_source(
                        Error::OutsideWindow {
                            id: stray.id,
                            after: window.after,
                            up_to: window.up_to,
                        },
                    ),
                );
            }
        }
        Ok(pages)
    }

    /// Records as rows: with names, deals, and who made the move. Every record up to `up_to` that is not among them is
    /// already behind.
    async fn complete(&mut self, records: Vec<HistoryRecord>, up_to: i64) -> Result<Vec<Row>, Failure> {
        self.learn_names(&records).await?;
        self.deals
            .fetch(&self.context.portal, records.iter().map(|record| record.owner_id))
            .await?;
        let mut last = latest(&records);
        let superseded = self.superseded(&records, &last, up_to).await?;
        last.retain(|owner, _| !superseded.contains(owner));
        let rows = records
            .iter()
            .map(|record| {
                let around = Surroundings {
                    name: self.names.get(&record.stage_id),
                    deal: self.deals.get(record.owner_id),
                    latest: last.get(&record.owner_id) == Some(&record.id),
                    created: self.context.target_time(&record.created_time),
                };
                row(&self.map, record, around).map_err(|error| match error {
                    RowError::Table(error) => row_failure(error),
                    RowError::Portal(error) => {
                        Failure::permanent("cannot take a row of the portal over").with_source(error)
                    }
                })
            })
            .collect();
        self.deals.trim();
        rows
    }

    /// An unknown stage means that our stage list is behind: bring it up to date, once for each such stage.
    async fn learn_names(&mut self, records: &[HistoryRecord]) -> Result<(), Failure> {
        let unknown = |names: &StageNames, nameless: &HashSet<String>| -> HashSet<String> {
            records
                .iter()
                .map(|record| &record.stage_id)
                .filter(|stage| names.get(stage).is_none() && !nameless.contains(*stage))
                .cloned()
                .collect()
        };
        if unknown(&self.names, &self.nameless).is_empty() {
            return Ok(());
        }
        self.stages.sync().await?;
        self.names = self.stages.names().await?;
        for stage in unknown(&self.names, &self.nameless) {
            tracing::warn!(
                stage,
                "neither the portal nor the table knows this stage; its rows have no NAME"
            );
            self.nameless.insert(stage);
        }
        Ok(())
    }

    /// The deals whose latest record here looks like the deal's last move, but is followed by another record beyond `up_to`.
    ///
    /// Only records near the end of a step can be: what follows was made within seconds, so its ID is near, too. Asking costs
    /// one call for the few deals concerned.
    async fn superseded(
        &self,
        records: &[HistoryRecord],
        last: &HashMap<i64, i64>,
        up_to: i64,
    ) -> Result<HashSet<i64>, Failure> {
        const NEAR: i64 = 60;
        let end = records
            .iter()
            .map(|record| record.created_time.timestamp())
            .max()
            .unwrap_or_default();
        let candidates: Vec<i64> = records
            .iter()
            .filter(|record| end - record.created_time.timestamp() <= NEAR)
            .filter(|record| last.get(&record.owner_id) == Some(&record.id))
            .filter(|record| {
                self.deals
                    .get(record.owner_id)
                    .is_some_and(|deal| may_be_last_move(record, deal))
            })
            .map(|record| record.owner_id)
            .collect();
        let mut later = HashSet::new();
        let mut pending: Vec<(Vec<i64>, i64)> = candidates
            .chunks(BATCH)
            .map(|owners| (owners.to_vec(), up_to))
            .collect();
        while !pending.is_empty() {
            let queries: Vec<HistoryQuery> = pending
                .iter()
                .map(|(owners, after)| HistoryQuery {
                    after_id: Some(*after),
                    owners: owners.clone(),
                    ..HistoryQuery::default()
                })
                .collect();
            let pages = self
                .context
                .portal
                .stage_history_windows(&queries)
                .await
                .map_err(|error| portal_failure("look for later moves of the same deals", error))?;
            let mut next = Vec::new();
            for ((owners, _), page) in pending.iter().zip(pages) {
                later.extend(page.iter().map(|record| record.owner_id));
                let full = i64::try_from(page.len()).is_ok_and(|rows| rows >= PAGE);
                let open: Vec<i64> = owners
                    .iter()
                    .copied()
                    .filter(|owner| !later.contains(owner))
                    .collect();
                if let Some(last) = page
                    .iter()
                    .map(|record| record.id)
                    .max()
                    .filter(|_| full && !open.is_empty())
                {
                    next.push((open, last));
                }
            }
            pending = next;
        }
        Ok(later)
    }
}
