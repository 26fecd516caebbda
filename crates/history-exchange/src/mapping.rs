//! The table of moves, and a record of the portal's history as its row. Pure.

use std::sync::Arc;

use bitrix_client::HistoryRecord;
use chrono::NaiveDateTime;
use exchange::Environment;
use table_map::{Column, Index, Ranking, Row, SmolStr, TableMap, UpdateRule, Value};

use crate::deals::DealFacts;
use crate::error::Error;
use crate::moves::{ASSIGNED_BY, MOVED_BY, responsible};

/// The portal's entity type of a deal: `TYPE_ID` of every row.
pub(crate) const DEAL: i32 = 2;

/// Who moved a deal is known better than who is responsible for it, and that better than nothing.
const RESPONSIBLE: Ranking = Ranking {
    by: "RESPONSIBLE_SOURCE",
    ranks: &[&[ASSIGNED_BY], &[MOVED_BY]],
};

/// Dates of a deal that could be read are kept when it can be read no more.
const READABLE: Ranking = Ranking {
    by: "RESPONSIBLE_SOURCE",
    ranks: &[&[ASSIGNED_BY, MOVED_BY]],
};

/// The map of `CRM_STAGE_HISTORY_%ENV%`.
///
/// # Errors
/// Never, unless the map below contradicts itself.
pub fn table(environment: Environment) -> Result<TableMap, table_map::Error> {
    let ranked = |ranking: &Ranking| UpdateRule::Ranked(ranking.clone());
    TableMap::builder(environment.table("CRM_STAGE_HISTORY"))
        .column(Column::identity("ID"))
        .column(Column::key("EXTERNAL_ID"))
        .column(Column::integer("TYPE_ID"))
        .column(Column::big_integer("OWNER_ID"))
        .column(Column::inserted_at("DATE_INSERT"))
        .column(Column::date_time("CREATED_TIME"))
        .column(Column::date("START_DATE").nullable().rule(ranked(&READABLE)))
        .column(Column::date("END_DATE").nullable().rule(ranked(&READABLE)))
        .column(Column::text("NAME", 255).nullable().rule(UpdateRule::FirstKnown))
        .column(
            Column::big_integer("RESPONSIBLE_ID")
                .nullable()
                .rule(ranked(&RESPONSIBLE)),
        )
        .column(Column::integer("CATEGORY_ID"))
        .column(Column::text("STAGE_SEMANTIC_ID", 10).nullable())
        .column(Column::text("STAGE_ID", 50))
        .column(Column::flag("IS_LOST"))
        .column(Column::integer("RECORD_TYPE_ID").nullable())
        .column(
            Column::text("RESPONSIBLE_SOURCE", 20)
                .nullable()
                .rule(ranked(&RESPONSIBLE)),
        )
        .column(Column::updated_at("DATE_UPDATE"))
        .index(Index::unique(["EXTERNAL_ID"]))
        .index(Index::on(["OWNER_ID", "CREATED_TIME"]))
        .index(Index::on(["CATEGORY_ID", "STAGE_ID", "CREATED_TIME"]))
        .build()
}

/// What a row needs beside the portal's record.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings<'a> {
    /// The name of the record's stage, if it is known.
    pub(crate) name: Option<SmolStr>,
    /// The record's deal, if it can be read.
    pub(crate) deal: Option<&'a DealFacts>,
    /// Whether the record is its deal's latest.
    pub(crate) latest: bool,
    /// When the move was made, as the target writes it.
    pub(crate) created: NaiveDateTime,
}

/// Why a record makes no row.
#[derive(Debug)]
pub(crate) enum RowError {
    /// A number of the portal is too large.
    Portal(Error),
    /// A value does not fit its column.
    Table(table_map::Error),
}

/// A record of the portal as a row.
///
/// # Errors
/// When a value does not fit its column; the error names the record's ID.
pub(crate) fn row(map: &TableMap, record: HistoryRecord, around: Surroundings<'_>) -> Result<Row, RowError> {
    let small = |field: &'static str, value: i64| {
        i32::try_from(value).map_err(|_| {
            RowError::Portal(Error::NumberTooLarge {
                id: record.id,
                field,
                value,
            })
        })
    };
    let (who, source) = responsible(&record, around.deal, around.latest);
    let lost = record.stage_semantic_id.as_deref() == Some("F");
    let record_type = record.type_id.map(|value| small("TYPE_ID", value)).transpose()?;
    let category = small("CATEGORY_ID", record.category_id)?;
    // Texts are moved and the values are where they stay: there are millions of rows.
    let values = Arc::<[Value]>::from([
        record.id.into(),
        DEAL.into(),
        record.owner_id.into(),
        around.created.into(),
        around.deal.and_then(|deal| deal.begin_date).into(),
        around.deal.and_then(|deal| deal.close_date).into(),
        around.name.into(),
        who.into(),
        category.into(),
        record.stage_semantic_id.into(),
        record.stage_id.into(),
        if lost { "Y" } else { "N" }.into(),
        record_type.into(),
        source.into(),
    ]);
    Row::shared(map, values).map_err(RowError::Table)
}
