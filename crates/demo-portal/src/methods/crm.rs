//! Methods about deals, their stages and their history.

use super::tables::{Deals, History, Items, Statuses};
use super::{Call, Counts};
use crate::error_answer::ApiError;
use crate::json::Json;
use crate::options::NumberStyle;
use crate::params::{Param, intval};
use crate::query::{Format, Midnight, Page, Query, read_page, selected, write_row};

/// The portal's number for deals.
const DEAL: i64 = 2;
/// Other types of CRM objects the portal has, though this one keeps none: lead, contact, company, the two
/// kinds of invoice, quote.
const OTHER_TYPES: [i64; 6] = [1, 3, 4, 5, 7, 31];
/// Types that have a history of stages.
const WITH_HISTORY: [i64; 3] = [1, 5, 31];

fn entity_type(call: Call<'_>) -> Result<i64, ApiError> {
    let value = call.params.get("entityTypeId").and_then(Param::text);
    value
        .map(intval)
        .ok_or_else(|| ApiError::missing_parameter("entityTypeId"))
}

impl Call<'_> {
    fn format(&self, numbers: NumberStyle, midnight: Midnight) -> Format {
        Format {
            numbers,
            midnight,
            zone: self.zone,
        }
    }
}

/// The counts as the newer methods give them: `total` is 0 where nothing was counted.
fn counts_with_zero(page: &Page) -> Counts {
    Counts {
        total: Some(page.total.unwrap_or(0)),
        next: page.next,
        rows: page.rows.len(),
    }
}

/// The counts as the older methods give them: no `total` where nothing was counted.
fn counts(page: &Page) -> Counts {
    Counts {
        total: page.total,
        next: page.next,
        rows: page.rows.len(),
    }
}

pub(super) fn history_list(call: Call<'_>, json: &mut Json) -> Result<Counts, ApiError> {
    let entity_type = entity_type(call)?;
    if entity_type != DEAL {
        return no_items(json, WITH_HISTORY.contains(&entity_type));
    }
    let table = History(call.view);
    let query = Query::parse(table, call.params, call.zone)?;
    let format = call.format(call.history_numbers, Midnight::Local);
    json.raw("{\"items\":");
    let page = read_page(table, &query, call.params.get("select"), false, format, json);
    json.raw("}");
    Ok(counts_with_zero(&page))
}

pub(super) fn item_list(call: Call<'_>, json: &mut Json) -> Result<Counts, ApiError> {
    let entity_type = entity_type(call)?;
    if entity_type != DEAL {
        return no_items(json, OTHER_TYPES.contains(&entity_type));
    }
    let table = Items(call.view);
    let query = Query::parse(table, call.params, call.zone)?;
    let format = call.format(NumberStyle::Numbers, Midnight::Local);
    json.raw("{\"items\":");
    let page = read_page(table, &query, call.params.get("select"), true, format, json);
    json.raw("}");
    Ok(counts_with_zero(&page))
}

fn no_items(json: &mut Json, known: bool) -> Result<Counts, ApiError> {
    if !known {
        return Err(ApiError::entity_type());
    }
    json.raw("{\"items\":[]}");
    Ok(Counts {
        total: Some(0),
        next: None,
        rows: 0,
    })
}

pub(super) fn item_get(call: Call<'_>, json: &mut Json) -> Result<Counts, ApiError> {
    if entity_type(call)? != DEAL {
        return Err(ApiError::entity_type());
    }
    let id = call.params.get("id").and_then(Param::text);
    let id = intval(id.ok_or_else(|| ApiError::missing_parameter("id"))?);
    let deal = u32::try_from(id).ok().and_then(|id| call.view.data.deal(id));
    let deal = deal.ok_or_else(ApiError::item_not_found)?;
    if !call.view.sees_deal(deal) {
        return Err(ApiError::access_denied());
    }
    let table = Items(call.view);
    json.raw("{\"item\":");
    let format = call.format(NumberStyle::Numbers, Midnight::Local);
    write_row(table, deal, &selected(table, None, true), format, json);
    json.raw("}");
    Ok(Counts::default())
}

pub(super) fn deal_list(call: Call<'_>, json: &mut Json) -> Result<Counts, ApiError> {
    let table = Deals(call.view);
    let query = Query::parse(table, call.params, call.zone)?;
    let format = call.format(NumberStyle::Strings, Midnight::Utc);
    let page = read_page(table, &query, call.params.get("select"), true, format, json);
    Ok(counts(&page))
}

pub(super) fn deal_get(call: Call<'_>, json: &mut Json) -> Result<Counts, ApiError> {
    let id = intval(call.params.get("id").and_then(Param::text).unwrap_or_default());
    if id <= 0 {
        return Err(ApiError::deal_id_invalid());
    }
    let deal = u32::try_from(id).ok().and_then(|id| call.view.data.deal(id));
    let deal = deal.ok_or_else(ApiError::deal_not_found)?;
    if !call.view.sees_deal(deal) {
        return Err(ApiError::access_denied());
    }
    let table = Deals(call.view);
    let format = call.format(NumberStyle::Strings, Midnight::Utc);
    write_row(table, deal, &selected(table, None, true), format, json);
    Ok(Counts::default())
}

/// Directories do not page: all entries come at once.
pub(super) fn status_list(call: Call<'_>, json: &mut Json) -> Result<Counts, ApiError> {
    let table = Statuses(call.view);
    let query = Query {
        paged: false,
        ..Query::parse(table, call.params, call.zone)?
    };
    let format = call.format(NumberStyle::Strings, Midnight::Local);
    let page = read_page(table, &query, None, true, format, json);
    Ok(counts(&page))
}

/// Pipelines come all at once, too, in their order.
pub(super) fn category_list(call: Call<'_>, json: &mut Json) -> Result<Counts, ApiError> {
    if entity_type(call)? != DEAL {
        return Err(ApiError::entity_type());
    }
    let seen = call
        .view
        .data
        .pipelines
        .iter()
        .filter(|pipeline| call.view.sees_pipeline(pipeline.id));
    let mut pipelines: Vec<_> = seen.collect();
    pipelines.sort_by_key(|pipeline| pipeline.sort);
    json.raw("{\"categories\":[");
    for pipeline in &pipelines {
        json.comma();
        json.raw("{");
        json.key("id");
        json.integer(pipeline.id.into());
        json.key("name");
        json.string(pipeline.name);
        json.key("sort");
        json.integer(pipeline.sort);
        json.key("entityTypeId");
        json.integer(DEAL);
        json.key("isDefault");
        json.string(if pipeline.id == 0 { "Y" } else { "N" });
        if pipeline.id != 0 {
            for key in ["originId", "originatorId"] {
                json.key(key);
                json.string("");
            }
        }
        json.raw("}");
    }
    json.raw("]}");
    Ok(Counts {
        total: Some(pipelines.len()),
        next: None,
        rows: 0,
    })
}
