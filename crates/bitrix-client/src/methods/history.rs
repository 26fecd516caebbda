//! The history of deals' stages.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, FixedOffset, Utc};
use futures::future::try_join_all;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use smol_str::SmolStr;

use super::DEAL;
use super::changes::{self, ChangesPage, ChangesQuery};
use super::deals::{self, Deal};
use super::stages::{self, Category, Pipelines, Status};
use crate::answer::Answer;
use crate::batch::{Call, MAX_BATCH, PAGE_ROWS, reference};
use crate::client::Client;
use crate::error::Error;
use crate::wire::{Fields, Scalar, items};

const HISTORY_LIST: &str = "crm.stagehistory.list";

/// What errors call a row.
const RECORD: &str = "history record";

/// The fields of a whole record.
const FIELDS: [&str; 7] = [
    "ID",
    "TYPE_ID",
    "OWNER_ID",
    "CREATED_TIME",
    "CATEGORY_ID",
    "STAGE_SEMANTIC_ID",
    "STAGE_ID",
];

/// Which records to read. One query answers with 50 records at most, by ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Only records with a larger ID.
    pub after_id: Option<i64>,
    /// Only records with this ID or a smaller one.
    pub up_to_id: Option<i64>,
    /// Only records of these pipelines; empty for all.
    pub categories: Vec<i64>,
    /// Only records of these deals; empty for all.
    pub owners: Vec<i64>,
    /// Only records with these IDs; empty for all.
    pub ids: Vec<i64>,
    /// Only records of moves that were made at this moment or later, in whole seconds.
    pub created_from: Option<DateTime<Utc>>,
    /// The largest IDs first.
    pub descending: bool,
    /// Ask for nothing but IDs. Functions that return whole records ask for all fields all the same.
    pub select_only_id: bool,
    /// -1 for the first page without counting the rows (fast on large tables), else the number of rows to skip.
    pub start: i64,
}

impl Default for HistoryQuery {
    /// The first page of all records.
    fn default() -> Self {
        Self {
            after_id: None,
            up_to_id: None,
            categories: Vec::new(),
            owners: Vec::new(),
            ids: Vec::new(),
            created_from: None,
            descending: false,
            select_only_id: false,
            start: -1,
        }
    }
}

impl HistoryQuery {
    /// The records with IDs above `after_id` and up to `up_to_id`.
    #[must_use]
    pub fn window(after_id: i64, up_to_id: i64) -> Self {
        Self {
            after_id: Some(after_id),
            up_to_id: Some(up_to_id),
            ..Self::default()
        }
    }

    /// The call that asks for it.
    #[must_use]
    pub fn call(&self) -> Call {
        let fields: &[&str] = if self.select_only_id { &["ID"] } else { &FIELDS };
        let mut filter = Map::new();
        for (key, bound) in [(">ID", self.after_id), ("<=ID", self.up_to_id)] {
            if let Some(bound) = bound {
                filter.insert(key.to_owned(), bound.into());
            }
        }
        if let Some(moment) = self.created_from {
            // The portal's filters take whole seconds.
            let moment = moment.format("%Y-%m-%dT%H:%M:%S+00:00").to_string();
            filter.insert(">=CREATED_TIME".to_owned(), moment.into());
        }
        for (key, list) in [
            ("@CATEGORY_ID", &self.categories),
            ("@OWNER_ID", &self.owners),
            ("@ID", &self.ids),
        ] {
            if !list.is_empty() {
                filter.insert(key.to_owned(), list.as_slice().into());
            }
        }
        let params = json!({
            "entityTypeId": DEAL,
            "order": {"ID": if self.descending { "DESC" } else { "ASC" }},
            "filter": Value::Object(filter),
            "select": fields,
            "start": self.start,
        });
        Call::new(HISTORY_LIST, params)
    }
}

/// One move of a deal, as the portal has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRecord {
    /// The record's ID.
    pub id: i64,
    /// 1 created, 2 moved, 3 finished, 5 moved to another pipeline.
    pub type_id: Option<i64>,
    /// The deal.
    pub owner_id: i64,
    /// When the deal moved, with the portal's offset.
    pub created_time: DateTime<FixedOffset>,
    /// The pipeline; 0 is the default one. Where the portal leaves it out, the code of the stage tells it.
    pub category_id: i64,
    /// `P` in progress, `S` won, `F` lost.
    pub stage_semantic_id: Option<SmolStr>,
    /// The code of the stage the deal moved to.
    pub stage_id: SmolStr,
}

/// One page of records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryPage {
    /// The records, in the order the portal gave them.
    pub records: Vec<HistoryRecord>,
    /// Whether more records may follow: the portal says so (`next`), or the page is full ([`PAGE_ROWS`] rows).
    pub more: bool,
}

/// Pages of a query that follow one another, read in one request: each goes on from the last record of the one before, without waiting
/// for an answer to come back (vendor documentation, `batch`: a call may refer to an earlier one's answer).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryChain {
    /// What to read: by ascending ID, and with `start` -1.
    pub query: HistoryQuery,
    /// How many pages of it: 1 to [`MAX_BATCH`].
    pub pages: usize,
}

impl HistoryChain {
    /// The first page of a query.
    #[must_use]
    pub fn page(query: HistoryQuery) -> Self {
        Self { query, pages: 1 }
    }
}

/// What came of a [`HistoryChain`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChainPages {
    /// The pages, at least one and at most as many as asked for. The chain ends with the first page that has no `more`, and where
    /// a further page could not be had: what is behind the last page is to be asked for again.
    pub pages: Vec<HistoryPage>,
    /// Whether the portal refused a further page, or answered it with records that do not follow: it may not know references.
    pub strayed: bool,
}

/// What [`Client::read`] read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Read {
    /// The pages of each chain, in the order of the chains.
    pub chains: Vec<ChainPages>,
    /// The deals found, by ID.
    pub deals: Vec<Deal>,
    /// What the look found that was to be taken after all else; `None` when it was not taken in its place.
    pub look: Option<HistoryPage>,
    /// The pipelines, where they were asked for.
    pub pipelines: Pipelines,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
struct WireRecord<'a> {
    #[serde(default, borrow)]
    id: Scalar<'a>,
    #[serde(default, borrow)]
    type_id: Scalar<'a>,
    #[serde(default, borrow)]
    owner_id: Scalar<'a>,
    #[serde(default, borrow)]
    created_time: Scalar<'a>,
    #[serde(default, borrow)]
    category_id: Scalar<'a>,
    #[serde(default, borrow)]
    stage_semantic_id: Scalar<'a>,
    #[serde(default, borrow)]
    stage_id: Scalar<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
struct WireId<'a> {
    #[serde(default, borrow)]
    id: Scalar<'a>,
}

/// One call of a mixed batch.
enum Ask<'a> {
    Page(&'a HistoryQuery),
    /// The page behind that of the call before.
    NextPage(&'a HistoryQuery),
    Deals(Vec<i64>),
    Changes(&'a ChangesQuery),
    /// A page that tells what there is after all calls before it, or nothing.
    Look(&'a HistoryQuery),
    Categories,
    Statuses,
}

impl Ask<'_> {
    /// The call at this place of a batch.
    fn call(&self, place: usize) -> Call {
        match self {
            Self::Page(query) => whole_records(query),
            Self::NextPage(query) => next_page(query, place),
            Self::Deals(portion) => deals::call(portion),
            Self::Changes(query) => changes::call(query),
            // It must be made where it stands, or not at all.
            Self::Look(query) => whole_records(query).following(),
            Self::Categories => stages::all_categories(),
            Self::Statuses => stages::all_statuses(),
        }
    }

    fn read(&self, answer: &Answer<&RawValue>) -> Result<Part, Error> {
        match self {
            Self::Page(query) => read_page(query, answer).map(Part::Page),
            Self::NextPage(query) => read_page(query, answer).map(|page| Part::NextPage(Some(page))),
            Self::Deals(portion) => deals::read_deals(portion, answer.result).map(Part::Deals),
            Self::Changes(query) => changes::read_page(query, answer).map(Part::Changes),
            Self::Look(query) => read_page(query, answer).map(Part::Look),
            Self::Categories => stages::read_all_categories(answer).map(Part::Categories),
            Self::Statuses => stages::read_all_statuses(answer).map(Part::Statuses),
        }
    }
}

/// Its answer.
enum Part {
    Page(HistoryPage),
    /// `None` when it was refused.
    NextPage(Option<HistoryPage>),
    Deals(Vec<Deal>),
    Changes(ChangesPage),
    Look(HistoryPage),
    Categories(Vec<Category>),
    Statuses(Vec<Status>),
}

impl Client {
    /// One page of records, in a request of its own.
    ///
    /// # Errors
    /// Those of [`Client::history_pages`].
    pub async fn stage_history_page(&self, query: &HistoryQuery) -> Result<Vec<HistoryRecord>, Error> {
        let call = whole_records(query);
        let read = |answer: &Answer<&RawValue>| read_page(query, answer);
        let answer = self.call_with(HISTORY_LIST, &call.params, read).await?;
        Ok(answer.result.records)
    }

    /// The IDs of the records of one page, in a request of its own.
    ///
    /// # Errors
    /// When the call fails, or a record lacks its ID.
    pub async fn stage_history_ids(&self, query: &HistoryQuery) -> Result<Vec<i64>, Error> {
        let call = HistoryQuery {
            select_only_id: true,
            ..query.clone()
        }
        .call();
        Ok(self
            .call_with(HISTORY_LIST, &call.params, |answer| read_ids(answer.result))
            .await?
            .result)
    }

    /// The records of many queries, 50 queries a request, requests side by side as the limits allow.
    ///
    /// # Errors
    /// Those of [`Client::history_pages`].
    pub async fn stage_history_windows(
        &self,
        queries: &[HistoryQuery],
    ) -> Result<Vec<Vec<HistoryRecord>>, Error> {
        let pages = self.history_pages(queries).await?;
        Ok(pages.into_iter().map(|page| page.records).collect())
    }

    /// A page for each query, 50 queries a request, requests side by side as the limits allow.
    ///
    /// A page with `more` has at least one record and is sorted by ID the way its query asks, so a caller can read on
    /// from its last record.
    ///
    /// # Errors
    /// When one of the calls fails, a record lacks a field or has a wrong one, or a page with `more` is empty or not
    /// sorted: all or nothing.
    pub async fn history_pages(&self, queries: &[HistoryQuery]) -> Result<Vec<HistoryPage>, Error> {
        let chains: Vec<HistoryChain> = queries.iter().cloned().map(HistoryChain::page).collect();
        let read = self.read(&chains, &[]).await?;
        Ok(read.chains.into_iter().flat_map(|chain| chain.pages).collect())
    }

    /// Records and deals together, their calls packed into as few requests as possible.
    ///
    /// Deals that do not exist, or that the webhook's user may not read, are not among the result.
    ///
    /// # Errors
    /// When a chain's query does not ascend, or it has no pages or more than a batch has calls. Those of [`Client::history_pages`]
    /// and [`Client::deals_by_ids`]: all or nothing. A further page of a chain that fails ends the chain, and is no error: asked for
    /// alone, it tells what is wrong.
    pub async fn read(&self, chains: &[HistoryChain], deal_ids: &[i64]) -> Result<Read, Error> {
        self.read_in(&batches_of(chains, deal_ids)?).await
    }

    /// Like [`Client::read`], with a look at the history after all else: should a deal be moved when it has been read, the look shows it.
    /// It is taken only where all is one request with room for it, since other requests may run later.
    ///
    /// # Errors
    /// Those of [`Client::read`]. That no look could be taken is no error.
    pub async fn read_and_look(
        &self,
        chains: &[HistoryChain],
        deal_ids: &[i64],
        look: &HistoryQuery,
    ) -> Result<Read, Error> {
        let mut batches = batches_of(chains, deal_ids)?;
        if let [only] = batches.0.as_mut_slice()
            && only.len() < MAX_BATCH
        {
            only.push(Ask::Look(look));
        }
        self.read_in(&batches).await
    }

    /// Like [`Client::read`], with all pipelines and the entries of all lists of statuses, in the first of the requests.
    ///
    /// # Errors
    /// Those of [`Client::read`] and [`Client::categories`]. That the portal does not give all lists at once is no error.
    pub async fn read_with_pipelines(&self, chains: &[HistoryChain]) -> Result<Read, Error> {
        let mut batches = batches_of(chains, &[])?;
        match batches.0.first_mut() {
            Some(first) if first.len() + 2 <= MAX_BATCH => {
                // What a call follows stays before it.
                first.splice(0..0, [Ask::Categories, Ask::Statuses]);
            }
            _ => batches.0.insert(0, vec![Ask::Categories, Ask::Statuses]),
        }
        let mut read = self.read_in(&batches).await?;
        if read.pipelines.categories.is_empty() {
            read.pipelines.categories = self.categories().await?;
        }
        Ok(read)
    }

    async fn read_in(&self, batches: &Batches<'_>) -> Result<Read, Error> {
        let answers = try_join_all(batches.0.iter().map(|asks| self.ask(asks))).await?;

        let mut all = Read::default();
        for part in answers.into_iter().flatten() {
            match part {
                Part::Page(page) => all.chains.push(ChainPages {
                    pages: vec![page],
                    strayed: false,
                }),
                Part::NextPage(page) => {
                    if let Some(chain) = all.chains.last_mut() {
                        chain.add(page);
                    }
                }
                Part::Deals(deals) => all.deals.extend(deals),
                Part::Look(page) => all.look = Some(page),
                Part::Categories(categories) => all.pipelines.categories = categories,
                Part::Statuses(statuses) => all.pipelines.statuses = statuses,
                Part::Changes(_) => {}
            }
        }
        all.deals.sort_unstable_by_key(|deal| deal.id);
        Ok(all)
    }

    /// Pages of the history and a page of changed deals together: up to 49 queries are one request.
    ///
    /// # Errors
    /// Those of [`Client::history_pages`]; also when a changed deal lacks a field, or comes out of order: all or nothing.
    pub async fn watch(
        &self,
        queries: &[HistoryQuery],
        changes: &ChangesQuery,
    ) -> Result<(Vec<HistoryPage>, ChangesPage), Error> {
        let asks: Vec<Ask<'_>> = std::iter::once(Ask::Changes(changes))
            .chain(queries.iter().map(Ask::Page))
            .collect();
        let batches = try_join_all(asks.chunks(MAX_BATCH).map(|asks| self.ask(asks))).await?;
        let (mut pages, mut changed) = (Vec::new(), ChangesPage::default());
        for part in batches.into_iter().flatten() {
            match part {
                Part::Page(page) => pages.push(page),
                Part::Changes(page) => changed = page,
                _ => {}
            }
        }
        Ok((pages, changed))
    }

    /// One batch. A chain ends before the first of its pages that did not come.
    async fn ask(&self, asks: &[Ask<'_>]) -> Result<Vec<Part>, Error> {
        let calls: Vec<Call> = asks
            .iter()
            .enumerate()
            .map(|(place, ask)| ask.call(place))
            .collect();
        // A call that failed in passing is repeated in a later request.
        let (looked, repeated) = (AtomicBool::new(false), AtomicBool::new(false));
        // Answers carry the places of their calls.
        let read = |place: usize, answer: Answer<&RawValue>| {
            let is_look = matches!(asks[place], Ask::Look(_));
            let late = looked.fetch_or(is_look, Ordering::Relaxed) && !is_look;
            repeated.fetch_or(late, Ordering::Relaxed);
            asks[place].read(&answer)
        };
        let mut outcomes = self.batch_in_order(&calls, read).await?;
        let mut parts = Vec::with_capacity(asks.len());
        for (place, ask) in asks.iter().enumerate() {
            match (ask, outcomes.remove(&place)) {
                (_, None) => {}
                (Ask::NextPage(_), Some(Err(error))) => {
                    tracing::debug!(%error, "a further page of a chain was refused");
                    parts.push(Part::NextPage(None));
                }
                (Ask::Look(_), Some(outcome)) => match outcome {
                    Ok(look) if !repeated.load(Ordering::Relaxed) => parts.push(look),
                    Ok(_) => {}
                    Err(error) => tracing::debug!(%error, "a look after all else was refused"),
                },
                (Ask::Categories | Ask::Statuses, Some(Err(error))) => {
                    tracing::debug!(%error, "pipelines and stages do not come together");
                }
                (_, Some(outcome)) => parts.push(outcome?),
            }
        }
        Ok(parts)
    }
}

impl ChainPages {
    /// Adds the answer of the next call, if it goes on from the last page; `None` when it was refused. Behind the end of what was
    /// asked for it may be anything.
    fn add(&mut self, page: Option<HistoryPage>) {
        let Some(last) = self.pages.last().filter(|last| last.more && !self.strayed) else {
            return;
        };
        let end = last.records.last().map(|record| record.id);
        let goes_on = |page: &HistoryPage| page.records.iter().all(|record| Some(record.id) > end);
        match page.filter(goes_on) {
            Some(page) => self.pages.push(page),
            None => self.strayed = true,
        }
    }
}

/// The calls for chains and deals, in as few batches as possible.
fn batches_of<'a>(chains: &'a [HistoryChain], deal_ids: &[i64]) -> Result<Batches<'a>, Error> {
    let mut batches = Batches::default();
    for chain in chains {
        check_chain(chain)?;
        let next = std::iter::repeat_with(|| Ask::NextPage(&chain.query)).take(chain.pages - 1);
        batches.add(std::iter::once(Ask::Page(&chain.query)).chain(next).collect());
    }
    for portion in deals::portions(deal_ids) {
        batches.add(vec![Ask::Deals(portion)]);
    }
    Ok(batches)
}

/// Calls in batches. Those of a chain stay together.
#[derive(Default)]
struct Batches<'a>(Vec<Vec<Ask<'a>>>);

impl<'a> Batches<'a> {
    fn add(&mut self, together: Vec<Ask<'a>>) {
        match self.0.last_mut() {
            Some(last) if last.len() + together.len() <= MAX_BATCH => last.extend(together),
            _ => self.0.push(together),
        }
    }
}

fn check_chain(chain: &HistoryChain) -> Result<(), Error> {
    let HistoryChain { query, pages } = chain;
    if !(1..=MAX_BATCH).contains(pages) {
        let detail = format!("a chain of {pages} pages, 1 to {MAX_BATCH} are possible");
        return Err(Error::bad_input(HISTORY_LIST, detail));
    }
    if *pages > 1 && (query.descending || query.start >= 0) {
        let detail = "a chain reads by ascending ID, and from the first page";
        return Err(Error::bad_input(HISTORY_LIST, detail));
    }
    Ok(())
}

/// The call at this place of a batch that goes on from the last record of the full page before it. Where that page is not full the
/// reference leads nowhere, and the filter selects from the start: so the start stays in the filter, too.
fn next_page(query: &HistoryQuery, place: usize) -> Call {
    let mut call = whole_records(query);
    let last = place.checked_sub(1).map(|before| {
        let path = format!("[items][{}][ID]", PAGE_ROWS - 1);
        reference(before, &path)
    });
    if let Some(Value::Object(filter)) = call.params.get_mut("filter") {
        if let Some(after) = query.after_id {
            filter.insert(">=ID".to_owned(), after.saturating_add(1).into());
        }
        filter.insert(">ID".to_owned(), last.into());
    }
    call.following()
}

fn whole_records(query: &HistoryQuery) -> Call {
    HistoryQuery {
        select_only_id: false,
        ..query.clone()
    }
    .call()
}

fn read_page(query: &HistoryQuery, answer: &Answer<&RawValue>) -> Result<HistoryPage, Error> {
    let records = read_records(answer.result)?;
    let more = answer.next.is_some() || records.len() >= PAGE_ROWS;
    if more {
        can_be_read_on(query, &records)?;
    }
    Ok(HistoryPage { records, more })
}

/// Refuses a page after which a reader that goes on from its last record would leave records out.
fn can_be_read_on(query: &HistoryQuery, records: &[HistoryRecord]) -> Result<(), Error> {
    let sorted = if query.descending {
        records.is_sorted_by_key(|record| Reverse(record.id))
    } else {
        records.is_sorted_by_key(|record| record.id)
    };
    let problem = match (records, sorted) {
        ([], _) => "a page without rows is said to go on",
        (_, false) => "the portal ignores order: a page that goes on is not sorted by ID",
        (_, true) => return Ok(()),
    };
    Err(Error::unexpected(HISTORY_LIST, problem))
}

pub(super) fn read_records(raw: &RawValue) -> Result<Vec<HistoryRecord>, Error> {
    let rows: Vec<WireRecord<'_>> = items(HISTORY_LIST, "items", raw)?;
    rows.iter().map(read_record).collect()
}

fn read_record(row: &WireRecord<'_>) -> Result<HistoryRecord, Error> {
    let mut fields = Fields::new(HISTORY_LIST, RECORD);
    let id = fields.row_id("ID", &row.id)?;
    let stage_id: SmolStr = fields.text("STAGE_ID", &row.stage_id)?;
    let told = pipeline_of_stage(&stage_id).filter(|_| row.category_id.is_empty());
    Ok(HistoryRecord {
        id,
        type_id: fields.optional_id("TYPE_ID", &row.type_id)?,
        owner_id: fields.id("OWNER_ID", &row.owner_id)?,
        created_time: fields.date_time("CREATED_TIME", &row.created_time)?,
        category_id: told.map_or_else(|| fields.id("CATEGORY_ID", &row.category_id), Ok)?,
        stage_semantic_id: fields.optional_text("STAGE_SEMANTIC_ID", &row.stage_semantic_id)?,
        stage_id,
    })
}

/// The pipeline in the code of a stage: `C3:NEW` is of pipeline 3, a code without a prefix of pipeline 0. `None` for
/// prefixes of anything but pipelines of deals.
pub(super) fn pipeline_of_stage(stage: &str) -> Option<i64> {
    match stage.split_once(':') {
        None => Some(0),
        Some((prefix, _)) => {
            let number = prefix.strip_prefix('C')?;
            number.parse().ok().filter(|pipeline| *pipeline >= 0)
        }
    }
}

pub(super) fn read_ids(raw: &RawValue) -> Result<Vec<i64>, Error> {
    let rows: Vec<WireId<'_>> = items(HISTORY_LIST, "items", raw)?;
    rows.iter()
        .map(|row| Fields::new(HISTORY_LIST, RECORD).id("ID", &row.id))
        .collect()
}
