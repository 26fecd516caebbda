//! The actualizer: agents that keep the table true once the upload is done.
//!
//! * [`FollowAgent`] looks for new moves, at an interval and after events, and reads a few IDs below its cursor again.
//! * [`DealAgent`] reads a deal and all its moves again after an event about it; many deals go in one activation.
//!
//! Both only ever upsert what the portal shows; what vanished from it stays.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use ::agent::{Activation, Agent, Failure, Outcome, Progress};
use async_trait::async_trait;
use bitrix_client::{ChangedDeal, ChangesPage, ChangesQuery, HistoryRecord};
use exchange::{Context, WriteCounts, ensure_table, store_failure, unless_stopped, write_verified};
use stage_list_exchange::StageList;
use table_map::{Row, TableMap};

use crate::reader::Reader;
use crate::state::FollowState;
use crate::switches::actualizer;
use crate::views::Views;

/// The agent that looks for new moves.
pub const FOLLOW: &str = "history.follow";

/// The agent that refreshes a deal, told by its key.
pub const DEAL: &str = "history.deal";

/// The gauge of the age of the portal's newest row that is not in the table yet, in seconds, by `table`.
const LAG: &str = "stage_exchange_lag_seconds";

/// Deals that one activation refreshes beside its own: as many as one batch of calls asks for.
const GATHER: usize = 399;

/// What the agents of the actualizer work with.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) context: Context,
    pub(crate) map: TableMap,
    pub(crate) stages: Arc<StageList>,
    pub(crate) views: Arc<Views>,
}

impl Desk {
    pub(crate) async fn reader(&self) -> Result<Reader, Failure> {
        Reader::following(self.context.clone(), self.map.clone(), Arc::clone(&self.stages)).await
    }

    /// Writes rows and verifies them.
    pub(crate) async fn write(&self, rows: &[Row]) -> Result<WriteCounts, Failure> {
        let at = self.context.target_now();
        write_verified(self.context.store.as_ref(), &self.map, rows, at).await
    }

    /// Those of the records that the table does not have as the portal tells them. A row may be there that was never compared: an
    /// activation wrote it, and could not read it back.
    async fn missing(&self, records: Vec<HistoryRecord>) -> Result<Vec<HistoryRecord>, Failure> {
        let mut keys: Vec<i64> = records.iter().map(|record| record.id).collect();
        keys.sort_unstable();
        let (store, map) = (self.context.store.as_ref(), &self.map);
        let stored = store.read_back(map, &keys).await.map_err(store_failure)?;
        let stored: HashMap<i64, &Row> = stored.iter().map(|row| (row.key(), row)).collect();
        let is_there = |record: &HistoryRecord| {
            stored.get(&record.id).is_some_and(|row| {
                row.text(map, "STAGE_ID") == Some(record.stage_id.as_str())
                    && row.integer(map, "CATEGORY_ID") == Some(record.category_id)
                    && row.integer(map, "OWNER_ID") == Some(record.owner_id)
            })
        };
        Ok(records.into_iter().filter(|record| !is_there(record)).collect())
    }

    /// Brings records over that the table does not have, and all moves of their deals and of the `changed` ones: what changed
    /// about a deal (its dates, its responsible user) stands in all its rows.
    async fn bring(
        &self,
        reader: &mut Reader,
        records: Vec<HistoryRecord>,
        changed: Vec<i64>,
    ) -> Result<WriteCounts, Failure> {
        let mut missing = self.missing(records).await?;
        let lag = |seconds: f64| {
            metrics::gauge!(LAG, "table" => self.map.name().to_owned()).set(seconds);
        };
        if let Some(newest) = missing.iter().map(|record| record.created_time).max() {
            lag((self.context.clock.now() - newest.to_utc())
                .as_seconds_f64()
                .max(0.0));
        }
        let deals: BTreeSet<i64> = missing
            .iter()
            .map(|record| record.owner_id)
            .chain(changed)
            .collect();
        let deals: Vec<i64> = deals.into_iter().collect();
        let mut written = WriteCounts::default();
        for deals in deals.chunks(GATHER) {
            let (now, later): (Vec<_>, Vec<_>) = missing
                .into_iter()
                .partition(|record| deals.contains(&record.owner_id));
            missing = later;
            let rows = reader.deals_whole(deals, now).await?;
            written.add(self.write(&rows).await?);
        }
        lag(0.0);
        Ok(written)
    }

    /// All changes that follow a first page.
    async fn all_changes(
        &self,
        reader: &Reader,
        query: &ChangesQuery,
        first: ChangesPage,
    ) -> Result<Vec<ChangedDeal>, Failure> {
        let ChangesPage {
            mut deals, mut more, ..
        } = first;
        while more {
            let after_id = deals.last().map(|deal| deal.id);
            let page = reader
                .changes(&ChangesQuery {
                    after_id,
                    ..query.clone()
                })
                .await?;
            more = page.more;
            deals.extend(page.deals);
        }
        Ok(deals)
    }
}

/// Looks for new moves.
pub(crate) struct FollowAgent {
    desk: Desk,
}

impl FollowAgent {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk }
    }

    async fn follow(&self, activation: &Activation, mut state: FollowState) -> Result<(), Failure> {
        let desk = &self.desk;
        ensure_table(desk.context.store.as_ref(), &desk.map).await?;
        let mut reader = desk.reader().await?;
        desk.views.ensure(&desk.context).await;
        let mut written = WriteCounts::default();
        loop {
            let query = ChangesQuery {
                since: state.changes.since,
                after_id: None,
            };
            let around = reader.around(state.cursor, &query).await?;
            let changes = desk.all_changes(&reader, &query, around.changes).await?;
            let now = desk.context.clock.now();
            let unseen = state.changes.unseen(&changes, now);
            written.add(desk.bring(&mut reader, around.records, unseen).await?);
            let before = state.clone();
            state.changes.note(&changes, now);
            state.cursor = state.cursor.max(around.up_to);
            if state != before {
                activation.checkpoint(&state, progress(written)).await?;
            }
            if !around.more || activation.stopping() {
                return Ok(());
            }
        }
    }
}

fn progress(written: WriteCounts) -> Progress {
    Progress::new(written.total(), None, "rows")
        .with_count("inserted", written.inserted)
        .with_count("changed", written.changed)
        .with_count("unchanged", written.unchanged)
}

#[async_trait]
impl Agent for FollowAgent {
    fn name(&self) -> &str {
        FOLLOW
    }

    async fn activate(&self, activation: &Activation) -> Result<Outcome, Failure> {
        // Without a state the upload is not done: it sets the cursor when it is.
        let state = activation.input::<FollowState>().ok().flatten();
        let scope = self.desk.context.scope();
        let Some(state) = state.filter(|state| state.scope == scope) else {
            return Ok(Outcome::done());
        };
        if self.desk.context.is_on(&actualizer()).await?
            && let Some(followed) = unless_stopped(activation, self.follow(activation, state)).await
        {
            followed?;
        }
        Ok(Outcome::done())
    }
}

/// Refreshes deals that an event told of.
pub(crate) struct DealAgent {
    desk: Desk,
}

impl DealAgent {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk }
    }

    async fn refresh(&self, activation: &Activation) -> Result<(), Failure> {
        let desk = &self.desk;
        let mut keys = activation.gather(GATHER).await?;
        keys.push(activation.key().to_owned());
        // A key that is no number was queued by hand; there is no such deal.
        let deals: BTreeSet<i64> = keys.iter().filter_map(|key| key.parse().ok()).collect();
        let deals: Vec<i64> = deals.into_iter().collect();
        ensure_table(desk.context.store.as_ref(), &desk.map).await?;
        let mut reader = desk.reader().await?;
        let rows = reader.deals_whole(&deals, Vec::new()).await?;
        desk.write(&rows).await?;
        tracing::debug!(deals = deals.len(), rows = rows.len(), "deals refreshed");
        Ok(())
    }
}

#[async_trait]
impl Agent for DealAgent {
    fn name(&self) -> &str {
        DEAL
    }

    async fn activate(&self, activation: &Activation) -> Result<Outcome, Failure> {
        if !self.desk.context.is_on(&actualizer()).await? {
            return Ok(Outcome::done());
        }
        match unless_stopped(activation, self.refresh(activation)).await {
            Some(refreshed) => refreshed.map(|()| Outcome::done()),
            None => Ok(Outcome::Again {
                after: std::time::Duration::ZERO,
            }),
        }
    }
}
