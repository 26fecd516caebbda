//! Deals, as far as their history needs them.

use chrono::{DateTime, FixedOffset, NaiveDate};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::DEAL;
use crate::batch::{Call, PAGE_ROWS};
use crate::client::Client;
use crate::error::Error;
use crate::wire::{Fields, Scalar, items};

const ITEM_LIST: &str = "crm.item.list";

const FIELDS: [&str; 10] = [
    "id",
    "assignedById",
    "createdBy",
    "movedBy",
    "movedTime",
    "createdTime",
    "begindate",
    "closedate",
    "stageId",
    "categoryId",
];

/// A deal. What the portal does not give is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deal {
    /// The deal's ID.
    pub id: i64,
    /// The responsible user.
    pub assigned_by_id: Option<i64>,
    /// Who created it.
    pub created_by: Option<i64>,
    /// Who made its latest move.
    pub moved_by: Option<i64>,
    /// When that was.
    pub moved_time: Option<DateTime<FixedOffset>>,
    /// When it was created; `None` also for what is no time.
    pub created_time: Option<DateTime<FixedOffset>>,
    /// The begin date: a calendar day, as the portal writes it.
    pub begin_date: Option<NaiveDate>,
    /// The close date: a calendar day, as the portal writes it.
    pub close_date: Option<NaiveDate>,
    /// The code of its stage.
    pub stage_id: Option<String>,
    /// The pipeline; 0 is the default one.
    pub category_id: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireDeal<'a> {
    #[serde(default, borrow)]
    id: Scalar<'a>,
    #[serde(default, borrow)]
    assigned_by_id: Scalar<'a>,
    #[serde(default, borrow)]
    created_by: Scalar<'a>,
    #[serde(default, borrow)]
    moved_by: Scalar<'a>,
    #[serde(default, borrow)]
    moved_time: Scalar<'a>,
    #[serde(default, borrow)]
    created_time: Scalar<'a>,
    #[serde(default, borrow)]
    begindate: Scalar<'a>,
    #[serde(default, borrow)]
    closedate: Scalar<'a>,
    #[serde(default, borrow)]
    stage_id: Scalar<'a>,
    #[serde(default, borrow)]
    category_id: Scalar<'a>,
}

impl Client {
    /// The deals of these IDs, by ID. 50 IDs take a call, 50 calls a request.
    ///
    /// Deals that do not exist, or that the webhook's user may not read, are not among the result; an ID given twice
    /// is there once.
    ///
    /// # Errors
    /// When one of the calls fails, a deal has a wrong field, or a deal comes that was not asked for: all or nothing.
    pub async fn deals_by_ids(&self, ids: &[i64]) -> Result<Vec<Deal>, Error> {
        Ok(self.read(&[], ids).await?.deals)
    }
}

/// The IDs of deals as one call after another asks for them. No IDs give no call: a call with an empty list would ask
/// for all deals.
pub(super) fn portions(ids: &[i64]) -> Vec<Vec<i64>> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    ids.chunks(PAGE_ROWS).map(<[i64]>::to_vec).collect()
}

/// The call that asks for a portion of deals.
pub(super) fn call(portion: &[i64]) -> Call {
    let params = json!({
        "entityTypeId": DEAL,
        "select": FIELDS,
        "filter": {"@id": portion},
        "order": {"id": "ASC"},
        "start": -1,
    });
    Call::new(ITEM_LIST, params)
}

/// Reads the deals of a portion, which is sorted.
pub(super) fn read_deals(portion: &[i64], raw: &RawValue) -> Result<Vec<Deal>, Error> {
    let rows: Vec<WireDeal<'_>> = items(ITEM_LIST, "items", raw)?;
    // Such an answer must not pass for one in which all the others are missing.
    let mut ids = rows.iter().filter_map(|row| row.id.as_integer());
    if let Some(id) = ids.find(|id| portion.binary_search(id).is_err()) {
        let detail = format!("deal {id} was not asked for, so the portal ignores the filter by ID");
        return Err(Error::unexpected(ITEM_LIST, detail));
    }
    rows.iter().map(read_deal).collect()
}

fn read_deal(row: &WireDeal<'_>) -> Result<Deal, Error> {
    let mut fields = Fields::new(ITEM_LIST, "deal");
    Ok(Deal {
        id: fields.row_id("id", &row.id)?,
        assigned_by_id: fields.optional_reference("assignedById", &row.assigned_by_id)?,
        created_by: fields.optional_reference("createdBy", &row.created_by)?,
        moved_by: fields.optional_reference("movedBy", &row.moved_by)?,
        moved_time: fields.optional_date_time("movedTime", &row.moved_time)?,
        // Nothing hangs on it, so it fails nothing.
        created_time: fields
            .optional_date_time("createdTime", &row.created_time)
            .unwrap_or_default(),
        begin_date: fields.optional_date("begindate", &row.begindate)?,
        close_date: fields.optional_date("closedate", &row.closedate)?,
        stage_id: fields.optional_text("stageId", &row.stage_id)?,
        category_id: fields.optional_id("categoryId", &row.category_id)?,
    })
}
