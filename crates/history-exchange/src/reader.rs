//! Reading the portal's history in steps, each row complete.

use std::collections::HashSet;
use std::sync::Arc;

use ::agent::Failure;
use bitrix_client::{
    ChainPages, ChangesPage, ChangesQuery, Client, HistoryChain, HistoryPage, HistoryQuery, HistoryRecord,
    Read,
};
use chrono::{DateTime, TimeDelta, Utc};
use exchange::{Context, portal_failure, row_failure};
use rustc_hash::FxHashMap;
use stage_list_exchange::{StageList, StageNames};
use table_map::{Row, SmolStr, TableMap};

use crate::deals::Deals;
use crate::error::Error;
use crate::mapping::{RowError, Surroundings, row};
use crate::moves::{latest, needs_to_be_latest};
use crate::opening::Opening;
use crate::windows::{Density, PAGE, Window, WindowPage, cut, rest};

/// Calls in one batch (vendor documentation, `batch`), and IDs in one call: as many as a page has rows.
const BATCH: usize = 50;

/// Records after which a step reads no windows on: two batches of full pages.
const MOST: usize = 5000;

/// IDs below the cursor that are read again with each look: IDs are given out before their transactions commit, so a lower one may
/// become visible after a higher one (vendor behaviour, recorded in the design).
const LATE: i64 = 1000;

/// Deals in one call that asks for all their moves: a deal has some five, so that most calls are one page.
const OWNERS: usize = 8;

/// What bears on who made a move follows it within this time, in seconds.
pub(crate) const NEAR: i64 = 60;

/// How long a synchronised stage list is taken to be up to date for moves that were made before it.
const NAMES_HOLD: TimeDelta = TimeDelta::minutes(1);

/// Calls beside the pages of the beginning with which a history is opened: pipelines, stages, the last page.
const BESIDE: usize = 3;

/// How long the portal works on a page, in seconds, for what is known before it was asked (the design's figure).
const PAGE_TIME: f64 = 0.02;

/// Clocks of the portal and of this machine may differ by this much.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(5);

/// Rows read, complete as they go into the table.
#[derive(Debug)]
pub(crate) struct StepRows {
    /// Every row with an ID up to here was read.
    pub(crate) up_to: i64,
    /// The rows, in ascending order of their IDs.
    pub(crate) rows: Vec<Row>,
}

/// What is known of the records behind those of a step. Times are Unix times in seconds.
#[derive(Debug)]
pub(crate) struct Behind {
    /// Every record up to this ID is known.
    pub(crate) known_to: i64,
    /// When the last known records were made, by ID and by time.
    pub(crate) ends: [Option<i64>; 2],
    /// Deals that were moved again soon after the step.
    pub(crate) moved: HashSet<i64>,
    /// A look at all that follows.
    pub(crate) look: Option<Arc<Look>>,
}

/// What was seen of all that follows the known records, after deals were read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Look {
    /// Deals that were read before it in the same request, and not since.
    pub(crate) sure: HashSet<i64>,
    /// Deals that have later records.
    pub(crate) moved: HashSet<i64>,
}

impl Behind {
    /// Nothing is known behind these records, which end at `up_to`.
    fn nothing(records: &[HistoryRecord], up_to: i64) -> Self {
        let time = |record: &HistoryRecord| record.created_time.timestamp();
        Self {
            known_to: up_to,
            // The newest by ID is not always the newest by time.
            ends: [records.last().map(time), records.iter().map(time).max()],
            moved: HashSet::new(),
            look: None,
        }
    }
}

/// The records around a cursor.
#[derive(Debug)]
pub(crate) struct Around {
    /// The records, in ascending order of their IDs.
    pub(crate) records: Vec<HistoryRecord>,
    /// Every record up to here that is visible now is among them.
    pub(crate) up_to: i64,
    /// Whether there are more above.
    pub(crate) more: bool,
    /// Deals that were changed.
    pub(crate) changes: ChangesPage,
}

/// Reads the portal's history.
pub(crate) struct Reader {
    context: Context,
    map: TableMap,
    stages: Arc<StageList>,
    names: StageNames,
    /// When the names were brought in step with the portal; `None` for a reader that must not write.
    synced_at: Option<DateTime<Utc>>,
    /// Stages that the portal does not know, either: they are not asked for again.
    nameless: HashSet<SmolStr>,
    deals: Deals,
    density: Density,
    opening: Option<Opening>,
}

impl Reader {
    /// A reader whose names of stages are in step with the portal.
    pub(crate) async fn new(
        context: Context,
        map: TableMap,
        stages: Arc<StageList>,
    ) -> Result<Self, Failure> {
        let synced_at = context.clock.now();
        stages.sync().await?;
        Self::with_names(context, map, stages, Some(synced_at)).await
    }

    /// The same, with the lowest and the highest ID that the portal has now; `None` when it has no history. The first rows come along in the
    /// same request as the stages and the bounds, for [`take_opening`](Self::take_opening).
    pub(crate) async fn open(
        context: Context,
        map: TableMap,
        stages: Arc<StageList>,
    ) -> Result<(Self, Option<(i64, i64)>), Failure> {
        let synced_at = context.clock.now();
        let pages = opening_pages(context.portal.config().requests_per_second);
        let asks = asks_for_ends(&context, pages);
        let read = context.portal.read_with_pipelines(&asks).await;
        let mut read = read.map_err(|error| portal_failure(FIND_ENDS, error))?;
        stages.sync_with(std::mem::take(&mut read.pipelines)).await?;
        let mut reader = Self::with_names(context, map, stages, Some(synced_at)).await?;
        let Some(Ends { bounds, opening }) = ends_of(read, pages)? else {
            return Ok((reader, None));
        };
        reader.opening = Some(opening);
        Ok((reader, Some(bounds)))
    }

    /// A reader that takes the names of stages as the table has them, and writes nothing.
    pub(crate) async fn without_sync(
        context: Context,
        map: TableMap,
        stages: Arc<StageList>,
    ) -> Result<Self, Failure> {
        Self::with_names(context, map, stages, None).await
    }

    /// A reader that takes the names of stages as the table has them, and brings them in step when it meets an unknown one.
    pub(crate) async fn following(
        context: Context,
        map: TableMap,
        stages: Arc<StageList>,
    ) -> Result<Self, Failure> {
        Self::with_names(context, map, stages, Some(DateTime::<Utc>::MIN_UTC)).await
    }

    async fn with_names(
        context: Context,
        map: TableMap,
        stages: Arc<StageList>,
        synced_at: Option<DateTime<Utc>>,
    ) -> Result<Self, Failure> {
        let names = stages.names().await?;
        Ok(Self {
            context,
            map,
            stages,
            names,
            synced_at,
            nameless: HashSet::new(),
            deals: Deals::default(),
            density: Density::default(),
            opening: None,
        })
    }

    /// The lowest and the highest ID that the portal has now; `None` when it has no history.
    pub(crate) async fn bounds(&self) -> Result<Option<(i64, i64)>, Failure> {
        let read = self
            .context
            .portal
            .read(&asks_for_ends(&self.context, 1), &[])
            .await;
        let read = read.map_err(|error| portal_failure(FIND_ENDS, error))?;
        Ok(ends_of(read, 1)?.map(|ends| ends.bounds))
    }

    /// The first rows of the history, when it was [opened](Self::open) and they were not taken yet.
    pub(crate) fn take_opening(&mut self) -> Option<Opening> {
        self.opening.take()
    }

    /// One step: as many rows above `after` as a batch of windows gives, not beyond `until`.
    pub(crate) async fn step(&mut self, after: i64, until: i64) -> Result<StepRows, Failure> {
        let windows = cut(after, until, self.density.width(), BATCH);
        let Some(end) = windows.last().map(|window| window.up_to) else {
            return Ok(StepRows {
                up_to: until,
                rows: Vec::new(),
            });
        };
        let (records, up_to) = self.read_windows(windows, end).await?;
        let rows = i64::try_from(records.len()).unwrap_or(i64::MAX);
        let span = up_to.saturating_sub(after);
        if up_to < end {
            self.density.learn_burst(span, rows);
        } else {
            self.density.learn(span, rows);
        }
        let behind = Behind::nothing(&records, up_to);
        let rows = self.complete(records, Some(behind)).await?;
        Ok(StepRows { up_to, rows })
    }

    /// One page: the first rows above `after`, not beyond `until`.
    pub(crate) async fn page(&mut self, after: i64, until: i64) -> Result<StepRows, Failure> {
        let window = Window { after, up_to: until };
        let mut pages = self.ask(&[window]).await?;
        let page = pages.pop().unwrap_or_default();
        let up_to = page.read_on_from.unwrap_or(until);
        let behind = Behind::nothing(&page.records, up_to);
        let rows = self.complete(page.records, Some(behind)).await?;
        Ok(StepRows { up_to, rows })
    }

    /// The records around the cursor and the deals that were changed, in one request: records of the last [`LATE`] IDs, the
    /// first page above them, and a page of changed deals.
    pub(crate) async fn around(&self, cursor: i64, changes: &ChangesQuery) -> Result<Around, Failure> {
        let mut windows = cut(cursor.saturating_sub(LATE).max(0), cursor, PAGE, BATCH);
        windows.push(Window {
            after: cursor,
            up_to: i64::MAX,
        });
        let (pages, changes) = self
            .context
            .portal
            .watch(&self.queries(windows.iter().copied()), changes)
            .await
            .map_err(|error| portal_failure("look for new moves and changed deals", error))?;
        let pages = self.trusted(&windows, pages)?;
        let more = pages.last().and_then(|page| page.read_on_from);
        let records: Vec<HistoryRecord> = pages.into_iter().flat_map(|page| page.records).collect();
        let newest = records.last().map_or(cursor, |record| record.id.max(cursor));
        Ok(Around {
            records,
            up_to: more.unwrap_or(newest),
            more: more.is_some(),
            changes,
        })
    }

    /// A page of changed deals, when the first one was not all.
    pub(crate) async fn changes(&self, query: &ChangesQuery) -> Result<ChangesPage, Failure> {
        let watched = self.context.portal.watch(&[], query).await;
        let (_, page) = watched.map_err(|error| portal_failure("look for changed deals", error))?;
        Ok(page)
    }

    /// All records of these deals, and whatever else is in `records`, as rows. The deals are read anew.
    pub(crate) async fn deals_whole(
        &mut self,
        deals: &[i64],
        mut records: Vec<HistoryRecord>,
    ) -> Result<Vec<Row>, Failure> {
        self.moves_of(
            "read all moves of changed deals",
            deals.chunks(OWNERS),
            None,
            &self.context.pipelines,
            |owners, moves| {
                let ours = |record: &HistoryRecord| {
                    self.wants(record.category_id) && owners.contains(&record.owner_id)
                };
                records.extend(moves.into_iter().filter(ours));
            },
        )
        .await?;
        records.sort_unstable_by_key(|record| record.id);
        records.dedup_by_key(|record| record.id);
        self.deals = Deals::default();
        self.complete(records, None).await
    }

    /// Reads the moves of groups of deals, above an ID and of some pipelines (none stands for all), page by page. `take` gets each
    /// page with its group, and may take deals out of the group that need no more pages.
    async fn moves_of<'a>(
        &self,
        doing: &str,
        groups: impl Iterator<Item = &'a [i64]>,
        after: Option<i64>,
        pipelines: &[i64],
        mut take: impl FnMut(&mut Vec<i64>, Vec<HistoryRecord>),
    ) -> Result<(), Failure> {
        let mut pending: Vec<(Vec<i64>, Option<i64>)> =
            groups.map(|owners| (owners.to_vec(), after)).collect();
        while !pending.is_empty() {
            let queries: Vec<HistoryQuery> = pending
                .iter()
                .map(|(owners, after)| HistoryQuery {
                    after_id: *after,
                    owners: owners.clone(),
                    categories: pipelines.to_vec(),
                    ..HistoryQuery::default()
                })
                .collect();
            let pages = self
                .context
                .portal
                .history_pages(&queries)
                .await
                .map_err(|error| portal_failure(doing, error))?;
            let mut next = Vec::new();
            for ((mut owners, after), page) in pending.into_iter().zip(pages) {
                let last = page.records.last().map(|record| record.id);
                take(&mut owners, page.records);
                if page.more && last > after && !owners.is_empty() {
                    next.push((owners, last));
                }
            }
            pending = next;
        }
        Ok(())
    }

    /// Whether rows of this pipeline are to be brought over.
    pub(crate) fn wants(&self, pipeline: i64) -> bool {
        self.context.pipelines.is_empty() || self.context.pipelines.contains(&pipeline)
    }

    /// The records of these windows, which end at `end`, in ascending order of their IDs, and up to which ID they are whole.
    ///
    /// Windows that overflow are read on, until there are [`MOST`] records: where IDs were sparse and become dense, a step must
    /// not grow without bound.
    async fn read_windows(
        &self,
        windows: Vec<Window>,
        end: i64,
    ) -> Result<(Vec<HistoryRecord>, i64), Failure> {
        let mut records: Vec<HistoryRecord> = Vec::new();
        let mut pending = windows;
        while let Some(first) = pending.first() {
            if records.len() >= MOST {
                let up_to = first.after;
                records.retain(|record| record.id <= up_to);
                records.sort_unstable_by_key(|record| record.id);
                return Ok((records, up_to));
            }
            let later = pending.split_off(pending.len().min(BATCH));
            let pages = self.ask(&pending).await?;
            let mut open = Vec::new();
            for (window, page) in pending.iter().zip(pages) {
                if let Some(last) = page.read_on_from {
                    open.extend(rest(*window, last));
                }
                records.extend(page.records);
            }
            open.extend(later);
            pending = open;
        }
        records.sort_unstable_by_key(|record| record.id);
        Ok((records, end))
    }

    /// The first page of each window.
    async fn ask(&self, windows: &[Window]) -> Result<Vec<WindowPage>, Failure> {
        let pages = self
            .context
            .portal
            .history_pages(&self.queries(windows.iter().copied()))
            .await
            .map_err(|error| portal_failure("read the stage history", error))?;
        self.trusted(windows, pages)
    }

    /// The portal.
    pub(crate) fn portal(&self) -> &Client {
        &self.context.portal
    }

    /// The deals that are known.
    pub(crate) fn deals(&mut self) -> &mut Deals {
        &mut self.deals
    }

    /// What to ask for the first page of each window.
    fn queries(&self, windows: impl Iterator<Item = Window>) -> Vec<HistoryQuery> {
        windows.map(|window| self.query(window)).collect()
    }

    /// What to ask for a window.
    pub(crate) fn query(&self, window: Window) -> HistoryQuery {
        HistoryQuery {
            after_id: Some(window.after),
            // A window without an end asks for none.
            up_to_id: Some(window.up_to).filter(|up_to| *up_to < i64::MAX),
            categories: self.context.pipelines.clone(),
            ..HistoryQuery::default()
        }
    }

    /// Pages of a window that follow one another, if they are what was asked for.
    pub(crate) fn trusted_chain(
        &self,
        mut window: Window,
        pages: Vec<HistoryPage>,
    ) -> Result<Vec<WindowPage>, Failure> {
        let page = |page: HistoryPage| {
            let page = self.trusted_page(window, page)?;
            window.after = page.read_on_from.unwrap_or(window.up_to);
            Ok(page)
        };
        pages.into_iter().map(page).collect()
    }

    /// The pages of windows, if they are what was asked for.
    pub(crate) fn trusted(
        &self,
        windows: &[Window],
        pages: Vec<HistoryPage>,
    ) -> Result<Vec<WindowPage>, Failure> {
        let both = windows.iter().zip(pages);
        both.map(|(window, page)| self.trusted_page(*window, page))
            .collect()
    }

    fn trusted_page(&self, window: Window, page: HistoryPage) -> Result<WindowPage, Failure> {
        if let Some(stray) = page.records.iter().find(|record| !window.holds(record.id)) {
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
        let last = page.records.last().map(|record| record.id);
        let mut records = page.records;
        // A portal may not know the filter by pipeline; what is not wanted still counts for the page.
        records.retain(|record| self.wants(record.category_id));
        // A last page, of which nobody goes on, may be in any order.
        records.sort_by_key(|record| record.id);
        Ok(WindowPage {
            records,
            read_on_from: last.filter(|last| page.more && *last < window.up_to),
        })
    }

    /// Records as rows: with names, deals, and who made the move. `behind` says what is known of later records; `None` when all
    /// records of their deals are here.
    pub(crate) async fn complete(
        &mut self,
        records: Vec<HistoryRecord>,
        behind: Option<Behind>,
    ) -> Result<Vec<Row>, Failure> {
        self.learn_names(&records).await?;
        let look = behind.as_ref().and_then(|behind| behind.look.as_deref());
        // A deal that is read now is read after the look.
        let sure = look.map(|look| look.sure.iter().copied().filter(|id| self.deals.knows(*id)));
        let sure: HashSet<i64> = sure.into_iter().flatten().collect();
        self.deals
            .fetch(&self.context.portal, records.iter().map(|record| record.owner_id))
            .await?;
        let mut last = latest(&records);
        if let Some(behind) = behind {
            let superseded = self.superseded(&records, &last, behind, &sure).await?;
            last.retain(|owner, _| !superseded.contains(owner));
        }
        let mut rows = Vec::with_capacity(records.len());
        for record in records {
            let name = self.names.get(&record.stage_id).cloned();
            let around = Surroundings {
                name,
                deal: self.deals.get(record.owner_id),
                latest: last.get(&record.owner_id) == Some(&record.id),
                created: self.context.target_time(&record.created_time),
            };
            rows.push(row(&self.map, record, around).map_err(|error| match error {
                RowError::Table(error) => row_failure(error),
                RowError::Portal(error) => {
                    Failure::permanent("cannot take a row of the portal over").with_source(error)
                }
            })?);
        }
        self.deals.trim();
        Ok(rows)
    }

    /// An unknown stage means that our stage list is behind: bring it up to date, unless that was done just now and the move
    /// is older. What neither the portal nor the table knows has no name.
    async fn learn_names(&mut self, records: &[HistoryRecord]) -> Result<(), Failure> {
        let Some(synced_at) = self.synced_at else {
            return Ok(());
        };
        let now = self.context.clock.now();
        let holds = synced_at > now - NAMES_HOLD;
        let behind = records.iter().any(|record| {
            self.names.get(&record.stage_id).is_none()
                && !self.nameless.contains(&record.stage_id)
                && !(holds && record.created_time + CLOCKS_DIFFER < synced_at)
        });
        if !behind {
            return Ok(());
        }
        self.stages.sync().await?;
        self.synced_at = Some(now);
        self.names = self.stages.names().await?;
        for record in records {
            if self.names.get(&record.stage_id).is_none() && self.nameless.insert(record.stage_id.clone()) {
                tracing::warn!(
                    stage = record.stage_id.as_str(),
                    "neither the portal nor the table knows this stage; its rows have no NAME"
                );
            }
        }
        Ok(())
    }

    /// The deals whose latest record here looks like the deal's last move, but is followed by another record.
    ///
    /// What would follow was made within seconds and led to the same stage, so only records near the end of what is known are in
    /// question. Asking costs one call for the few deals concerned, but for those of which a look has told already.
    async fn superseded(
        &self,
        records: &[HistoryRecord],
        last: &FxHashMap<i64, i64>,
        behind: Behind,
        looked: &HashSet<i64>,
    ) -> Result<HashSet<i64>, Failure> {
        let candidates: Vec<i64> = records
            .iter()
            .filter(|record| {
                let time = record.created_time.timestamp();
                let mut ends = behind.ends.iter().flatten();
                ends.any(|end| (end - time).abs() <= NEAR)
            })
            .filter(|record| !behind.moved.contains(&record.owner_id))
            .filter(|record| last.get(&record.owner_id) == Some(&record.id))
            .filter(|record| {
                self.deals
                    .get(record.owner_id)
                    .is_some_and(|deal| needs_to_be_latest(record, deal))
            })
            .map(|record| record.owner_id)
            .filter(|owner| !looked.contains(owner))
            .collect();
        let mut later = behind.moved;
        later.extend(behind.look.iter().flat_map(|look| &look.moved));
        // Moves in pipelines that are not wanted count, too.
        self.moves_of(
            "look for later moves of the same deals",
            candidates.chunks(BATCH),
            Some(behind.known_to),
            &[],
            |owners, moves| {
                later.extend(moves.iter().map(|record| record.owner_id));
                owners.retain(|owner| !later.contains(owner));
            },
        )
        .await?;
        Ok(later)
    }
}

const FIND_ENDS: &str = "find the first and last row of the stage history";

/// With how many pages a history is opened: a request's worth, if it is answered before the portal's bucket has drained it. Nothing else is sent
/// meanwhile, and what an empty bucket might drain is lost.
fn opening_pages(requests_per_second: f64) -> usize {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "casts of floats stay within the type; without a limit it is the largest"
    )]
    let calls = (1.0 / requests_per_second / PAGE_TIME) as usize;
    calls.clamp(BESIDE + 1, BATCH) - BESIDE
}

/// What is asked for the bounds of the history and its first pages.
fn asks_for_ends(context: &Context, pages: usize) -> [HistoryChain; 2] {
    let end = |descending| HistoryQuery {
        categories: context.pipelines.clone(),
        descending,
        ..HistoryQuery::default()
    };
    // The last row first: what is made while the request runs is beyond it, and so not taken for the beginning of the history.
    [
        HistoryChain::page(end(true)),
        HistoryChain {
            query: end(false),
            pages,
        },
    ]
}

/// The bounds of the history, and its first pages.
struct Ends {
    /// The lowest and the highest ID.
    bounds: (i64, i64),
    opening: Opening,
}

/// What was found; `None` when there is no history.
fn ends_of(read: Read, pages: usize) -> Result<Option<Ends>, Failure> {
    let Ok([downward, upward]) = <[ChainPages; 2]>::try_from(read.chains) else {
        return Ok(None);
    };
    let ids = |chain: &ChainPages| -> Vec<i64> {
        let records = chain.pages.iter().flat_map(|page| &page.records);
        records.map(|record| record.id).collect()
    };
    let (down, up) = (ids(&downward), ids(&upward));
    // An end that is not the end would be taken for all there is.
    if !up.is_sorted() || !down.is_sorted_by(|one, next| one >= next) {
        return Err(Failure::permanent(format!("cannot {FIND_ENDS}")).with_source(Error::Unordered));
    }
    let bounds = up.first().copied().zip(down.first().copied());
    Ok(bounds.map(|(lowest, highest)| Ends {
        bounds: (lowest, highest),
        opening: Opening::new(upward, pages, lowest, highest),
    }))
}
