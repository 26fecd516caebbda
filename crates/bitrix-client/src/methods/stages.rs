//! Pipelines and their stages.

use futures::future::try_join_all;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::DEAL;
use super::paging::Place;
use crate::answer::Answer;
use crate::batch::{Call, MAX_BATCH, PAGE_ROWS};
use crate::client::Client;
use crate::error::Error;
use crate::wire::{Fields, Scalar, items, list};

const CATEGORY_LIST: &str = "crm.category.list";
const STATUS_LIST: &str = "crm.status.list";

/// A pipeline of deals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// The pipeline's ID; 0 is the default one's.
    pub id: i64,
    /// Its name; empty when the portal gives none.
    pub name: String,
    /// Its place among the others; 0 when the portal gives none.
    pub sort: i64,
    /// Whether it is the default one.
    pub is_default: bool,
}

/// An entry of one of the portal's lists of statuses: for `DEAL_STAGE` and `DEAL_STAGE_{n}`, a stage of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The entry's ID.
    pub id: i64,
    /// The list it is of, for example `DEAL_STAGE_3`.
    pub entity_id: String,
    /// Its code, for example `C3:NEW`.
    pub status_id: String,
    /// The name a user gave it; empty when the portal gives none.
    pub name: String,
    /// The name the portal gave it; empty for a stage made by a user, `None` when the portal does not say.
    pub name_init: Option<String>,
    /// Its place, without a fraction; 0 when the portal gives none.
    pub sort: i64,
    /// Whether the portal needs it.
    pub system: bool,
    /// `S` for success, `F` for failure, `None` in between.
    pub semantics: Option<String>,
    /// The pipeline; `None` in the default one, and when the portal gives no pipeline's ID.
    pub category_id: Option<i64>,
    /// The colour, as the portal writes it; `None` also for what is no text.
    pub color: Option<String>,
}

/// What [`Client::pipelines`] read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pipelines {
    /// All pipelines of deals.
    pub categories: Vec<Category>,
    /// The entries of all lists that the portal has, by their sort; none where it did not answer with all of them at once. A list
    /// that is not among them may be there all the same: [`Client::statuses`] tells.
    pub statuses: Vec<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireCategory<'a> {
    #[serde(default, borrow)]
    id: Scalar<'a>,
    #[serde(default, borrow)]
    name: Scalar<'a>,
    #[serde(default, borrow)]
    sort: Scalar<'a>,
    #[serde(default, borrow)]
    is_default: Scalar<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
struct WireStatus<'a> {
    #[serde(default, borrow)]
    id: Scalar<'a>,
    #[serde(default, borrow)]
    entity_id: Scalar<'a>,
    #[serde(default, borrow)]
    status_id: Scalar<'a>,
    #[serde(default, borrow)]
    name: Scalar<'a>,
    #[serde(default, borrow)]
    name_init: Scalar<'a>,
    #[serde(default, borrow)]
    sort: Scalar<'a>,
    #[serde(default, borrow)]
    system: Scalar<'a>,
    #[serde(default, borrow)]
    semantics: Scalar<'a>,
    #[serde(default, borrow)]
    category_id: Scalar<'a>,
    #[serde(default, borrow)]
    color: Scalar<'a>,
}

impl Client {
    /// All pipelines of deals. Not known to page, but read on where the portal says that it does.
    ///
    /// # Errors
    /// When a call fails, or a pipeline lacks its ID.
    pub async fn categories(&self) -> Result<Vec<Category>, Error> {
        let mut all = Vec::new();
        let mut place = Place::beginning();
        while !place.is_end() {
            let params = place.applied_to(json!({"entityTypeId": DEAL}));
            let read = |answer: &Answer<&RawValue>| read_categories(answer.result);
            let page = self.call_with(CATEGORY_LIST, &params, read).await?;
            all.extend(page.result);
            place.go_on(CATEGORY_LIST, page.next)?;
        }
        Ok(all)
    }

    /// All pipelines of deals, and the entries of all lists of statuses, in one request.
    ///
    /// # Errors
    /// Those of [`Client::categories`]. That the portal does not give all lists at once is no error.
    pub async fn pipelines(&self) -> Result<Pipelines, Error> {
        Ok(self.read_with_pipelines(&[]).await?.pipelines)
    }

    /// The entries of these lists (`DEAL_STAGE`, `DEAL_STAGE_3`, …), in the order of the lists, then of their sort.
    ///
    /// A list the portal does not know has no entries. 50 lists take one request; not known to page, but read on
    /// where the portal says that it does.
    ///
    /// # Errors
    /// When one of the calls fails, or an entry lacks its ID or code: all or nothing.
    pub async fn statuses(&self, entity_ids: &[String]) -> Result<Vec<Status>, Error> {
        let batches = entity_ids.chunks(MAX_BATCH).map(|ids| self.batch_of_lists(ids));
        Ok(try_join_all(batches).await?.into_iter().flatten().collect())
    }

    /// Up to as many lists as one batch takes.
    async fn batch_of_lists(&self, entity_ids: &[String]) -> Result<Vec<Status>, Error> {
        let mut lists: Vec<List<'_>> = entity_ids.iter().map(|id| List::new(id)).collect();
        loop {
            let mut open: Vec<&mut List<'_>> = lists.iter_mut().filter(|list| !list.place.is_end()).collect();
            if open.is_empty() {
                break;
            }
            let calls: Vec<Call> = open.iter().map(|list| list.call()).collect();
            let asked: Vec<&str> = open.iter().map(|list| list.entity_id).collect();
            // Answers carry the places of their calls.
            let read = |place: usize, answer: Answer<&RawValue>| {
                let entries = read_statuses(asked[place], answer.result)?;
                Ok((entries, answer.next))
            };
            for (list, page) in open.iter_mut().zip(self.batch_with(&calls, read).await?) {
                let (entries, next) = page?;
                list.entries.extend(entries);
                list.place.go_on(STATUS_LIST, next)?;
            }
        }
        Ok(lists.into_iter().flat_map(|list| list.entries).collect())
    }
}

/// The call for all pipelines.
pub(super) fn all_categories() -> Call {
    Call::new(CATEGORY_LIST, json!({"entityTypeId": DEAL}))
}

/// All pipelines; none where the portal says that there are more.
pub(super) fn read_all_categories(answer: &Answer<&RawValue>) -> Result<Vec<Category>, Error> {
    match answer.next {
        None => read_categories(answer.result),
        Some(_) => Ok(Vec::new()),
    }
}

/// The call for the entries of all lists.
pub(super) fn all_statuses() -> Call {
    Call::new(STATUS_LIST, json!({"order": {"SORT": "ASC"}}))
}

/// The entries of all lists; none where they may not be all.
pub(super) fn read_all_statuses(answer: &Answer<&RawValue>) -> Result<Vec<Status>, Error> {
    let mut statuses = read_statuses("", answer.result)?;
    if !is_whole(answer, statuses.len()) {
        statuses.clear();
    }
    Ok(statuses)
}

/// Whether an answer with so many rows is surely all there is. A number of full pages may be the first of more.
fn is_whole(answer: &Answer<&RawValue>, rows: usize) -> bool {
    let told = answer
        .total
        .is_none_or(|total| usize::try_from(total) == Ok(rows));
    answer.next.is_none() && told && !rows.is_multiple_of(PAGE_ROWS)
}

/// One list of statuses while it is read.
struct List<'a> {
    entity_id: &'a str,
    entries: Vec<Status>,
    place: Place,
}

impl<'a> List<'a> {
    fn new(entity_id: &'a str) -> Self {
        Self {
            entity_id,
            entries: Vec::new(),
            place: Place::beginning(),
        }
    }

    fn call(&self) -> Call {
        let params = json!({"order": {"SORT": "ASC"}, "filter": {"ENTITY_ID": self.entity_id}});
        Call::new(STATUS_LIST, self.place.applied_to(params))
    }
}

pub(super) fn read_categories(raw: &RawValue) -> Result<Vec<Category>, Error> {
    let rows: Vec<WireCategory<'_>> = items(CATEGORY_LIST, "categories", raw)?;
    rows.iter().map(read_category).collect()
}

fn read_category(row: &WireCategory<'_>) -> Result<Category, Error> {
    let mut fields = Fields::new(CATEGORY_LIST, "pipeline");
    Ok(Category {
        id: fields.row_id("id", &row.id)?,
        name: fields
            .optional_text("name", &row.name)
            .ok()
            .flatten()
            .unwrap_or_default(),
        sort: row.sort.truncated(),
        is_default: row.is_default.as_flag().unwrap_or(false),
    })
}

pub(super) fn read_statuses(entity_id: &str, raw: &RawValue) -> Result<Vec<Status>, Error> {
    let rows: Vec<WireStatus<'_>> = list(STATUS_LIST, raw)?;
    rows.iter().map(|row| read_status(entity_id, row)).collect()
}

/// A row of the list that was asked for.
fn read_status(entity_id: &str, row: &WireStatus<'_>) -> Result<Status, Error> {
    let mut fields = Fields::new(STATUS_LIST, "status");
    Ok(Status {
        id: fields.row_id("ID", &row.id)?,
        entity_id: fields
            .optional_text("ENTITY_ID", &row.entity_id)?
            .unwrap_or_else(|| entity_id.to_owned()),
        status_id: fields.text("STATUS_ID", &row.status_id)?,
        name: fields.optional_text("NAME", &row.name)?.unwrap_or_default(),
        name_init: fields.given_text("NAME_INIT", &row.name_init)?,
        sort: row.sort.truncated(),
        system: fields.optional_flag("SYSTEM", &row.system)?.unwrap_or(false),
        semantics: fields.optional_text("SEMANTICS", &row.semantics)?,
        category_id: row.category_id.as_integer().filter(|id| *id >= 0),
        color: fields.optional_text("COLOR", &row.color).unwrap_or_default(),
    })
}
