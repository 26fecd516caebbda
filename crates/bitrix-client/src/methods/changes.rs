//! Deals that were changed, whatever was changed about them.

use chrono::{DateTime, FixedOffset, Utc};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::DEAL;
use crate::answer::Answer;
use crate::batch::{Call, PAGE_ROWS};
use crate::error::Error;
use crate::wire::{Fields, Scalar, items};

const ITEM_LIST: &str = "crm.item.list";

/// Which changed deals to ask for. One query answers with 50 deals at most, by ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangesQuery {
    /// Deals that were changed at this moment or later (`updatedTime`).
    pub since: DateTime<Utc>,
    /// Only deals with a larger ID: for reading on.
    pub after_id: Option<i64>,
}

/// A deal that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedDeal {
    /// The deal's ID.
    pub id: i64,
    /// When it was changed last.
    pub updated_time: DateTime<FixedOffset>,
}

/// A page of changed deals, by ID.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangesPage {
    /// The deals.
    pub deals: Vec<ChangedDeal>,
    /// Whether more may follow: read on after the last one's ID.
    pub more: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireChange<'a> {
    #[serde(default, borrow)]
    id: Scalar<'a>,
    #[serde(default, borrow)]
    updated_time: Scalar<'a>,
}

pub(super) fn call(query: &ChangesQuery) -> Call {
    // The portal's filters take whole seconds.
    let mut filter = json!({ ">=updatedTime": query.since.format("%Y-%m-%dT%H:%M:%S+00:00").to_string() });
    if let Some(id) = query.after_id {
        filter[">id"] = id.into();
    }
    let params = json!({
        "entityTypeId": DEAL,
        "select": ["id", "updatedTime"],
        "filter": filter,
        "order": {"id": "ASC"},
        "start": -1,
    });
    Call::new(ITEM_LIST, params)
}

pub(super) fn read_page(query: &ChangesQuery, answer: &Answer<&RawValue>) -> Result<ChangesPage, Error> {
    let rows: Vec<WireChange<'_>> = items(ITEM_LIST, "items", answer.result)?;
    let more = answer.next.is_some() || rows.len() >= PAGE_ROWS;
    let deals = rows
        .iter()
        .map(|row| {
            let mut fields = Fields::new(ITEM_LIST, "deal");
            Ok(ChangedDeal {
                id: fields.row_id("id", &row.id)?,
                updated_time: fields.date_time("updatedTime", &row.updated_time)?,
            })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    // A portal that does not know one of the filters would answer with the same deals again and again.
    let strange = deals
        .iter()
        .any(|deal| query.after_id.is_some_and(|after| deal.id <= after))
        || (more && !deals.is_sorted_by_key(|deal| deal.id))
        || (more && deals.is_empty());
    if strange {
        return Err(Error::unexpected(
            ITEM_LIST,
            "the portal ignores the filter by ID or the order",
        ));
    }
    Ok(ChangesPage { deals, more })
}
