//! Pipelines and their stages.

use futures::future::try_join_all;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::DEAL;
use crate::batch::{Call, MAX_BATCH};
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
    /// The name the portal gave it; empty for a stage made by a user.
    pub name_init: String,
    /// Its place; 0 when the portal gives none.
    pub sort: i64,
    /// Whether the portal needs it.
    pub system: bool,
    /// `S` for success, `F` for failure, `None` in between.
    pub semantics: Option<String>,
    /// The pipeline; `None` in the default one.
    pub category_id: Option<i64>,
    /// The colour, as the portal writes it.
    pub color: Option<String>,
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
    /// All pipelines of deals.
    ///
    /// # Errors
    /// When the call fails, or a pipeline lacks its ID.
    pub async fn categories(&self) -> Result<Vec<Category>, Error> {
        let answer = self
            .call_with(CATEGORY_LIST, &json!({"entityTypeId": DEAL}), |answer| {
                read_categories(answer.result)
            })
            .await?;
        Ok(answer.result)
    }

    /// The entries of these lists (`DEAL_STAGE`, `DEAL_STAGE_3`, …), in the order of the lists, then of their sort.
    ///
    /// A list the portal does not know has no entries. 50 lists take one request.
    ///
    /// # Errors
    /// When one of the calls fails, or an entry lacks its ID, list or code: all or nothing.
    pub async fn statuses(&self, entity_ids: &[String]) -> Result<Vec<Status>, Error> {
        let call = |entity_id: &String| {
            Call::new(
                STATUS_LIST,
                json!({"order": {"SORT": "ASC"}, "filter": {"ENTITY_ID": entity_id}}),
            )
        };
        let calls: Vec<Call> = entity_ids.iter().map(call).collect();
        let read = |_, answer: crate::Answer<&RawValue>| read_statuses(answer.result);
        let batches = try_join_all(calls.chunks(MAX_BATCH).map(|calls| self.batch_with(calls, read))).await?;
        let lists: Vec<Vec<Status>> = batches.into_iter().flatten().collect::<Result<_, _>>()?;
        Ok(lists.into_iter().flatten().collect())
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
        name: fields.optional_text("name", &row.name)?.unwrap_or_default(),
        sort: fields.optional_integer("sort", &row.sort)?.unwrap_or_default(),
        is_default: fields
            .optional_flag("isDefault", &row.is_default)?
            .unwrap_or(false),
    })
}

pub(super) fn read_statuses(raw: &RawValue) -> Result<Vec<Status>, Error> {
    let rows: Vec<WireStatus<'_>> = list(STATUS_LIST, raw)?;
    rows.iter().map(read_status).collect()
}

fn read_status(row: &WireStatus<'_>) -> Result<Status, Error> {
    let mut fields = Fields::new(STATUS_LIST, "status");
    Ok(Status {
        id: fields.row_id("ID", &row.id)?,
        entity_id: fields.text("ENTITY_ID", &row.entity_id)?,
        status_id: fields.text("STATUS_ID", &row.status_id)?,
        name: fields.optional_text("NAME", &row.name)?.unwrap_or_default(),
        name_init: fields
            .optional_text("NAME_INIT", &row.name_init)?
            .unwrap_or_default(),
        sort: fields.optional_integer("SORT", &row.sort)?.unwrap_or_default(),
        system: fields.optional_flag("SYSTEM", &row.system)?.unwrap_or(false),
        semantics: fields.optional_text("SEMANTICS", &row.semantics)?,
        category_id: fields.optional_id("CATEGORY_ID", &row.category_id)?,
        color: fields.optional_text("COLOR", &row.color)?,
    })
}
