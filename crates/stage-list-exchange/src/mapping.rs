//! The table of stages, and a stage of the portal as its row. Pure.

use bitrix_client::Status;
use exchange::Environment;
use table_map::{Column, Index, Row, TableMap, Value};

/// The map of `CRM_STAGE_LIST_%ENV%`.
///
/// # Errors
/// Never, unless the map below contradicts itself.
pub fn table(environment: Environment) -> Result<TableMap, table_map::Error> {
    TableMap::builder(environment.table("CRM_STAGE_LIST"))
        .column(Column::identity("ID"))
        .column(Column::flag("ACTIVE"))
        .column(Column::inserted_at("DATE_INSERT"))
        .column(Column::updated_at("DATE_UPDATE"))
        .column(Column::text("ENTITY_ID", 50))
        .column(Column::text("STATUS_ID", 50))
        .column(Column::key("EXTERNAL_ID"))
        .column(Column::text("NAME", 255))
        .column(Column::text("NAME_INIT", 255).nullable())
        .column(Column::integer("SORT"))
        .column(Column::flag("SYSTEM"))
        .column(Column::text("SEMANTICS", 10).nullable())
        .column(Column::integer("CATEGORY_ID"))
        .active("ACTIVE")
        .index(Index::unique(["EXTERNAL_ID"]))
        .build()
}

/// The name under which the portal keeps the stages of a pipeline.
pub(crate) fn entity_of(pipeline: i64) -> String {
    match pipeline {
        0 => "DEAL_STAGE".to_owned(),
        other => format!("DEAL_STAGE_{other}"),
    }
}

/// The pipeline whose stages are kept under this name.
pub(crate) fn pipeline_of(entity: &str) -> Option<i64> {
    match entity.strip_prefix("DEAL_STAGE")? {
        "" => Some(0),
        rest => rest.strip_prefix('_')?.parse().ok(),
    }
}

/// A stage of the portal as a row. It is active, since the portal has it.
///
/// # Errors
/// When a value does not fit its column; the error names the stage's ID and the column.
pub(crate) fn row(map: &TableMap, status: &Status) -> Result<Row, table_map::Error> {
    let flag = |yes: bool| Value::from(if yes { "Y" } else { "N" });
    let too_large = |column: &str| table_map::Error::WrongType {
        table: map.name().to_owned(),
        column: column.to_owned(),
        key: status.id.to_string(),
    };
    let sort = i32::try_from(status.sort).map_err(|_| too_large("SORT"))?;
    // The portal leaves the category out for its default pipeline, and old ones leave it out everywhere.
    let category = status
        .category_id
        .or_else(|| pipeline_of(&status.entity_id))
        .unwrap_or(0);
    let category = i32::try_from(category).map_err(|_| too_large("CATEGORY_ID"))?;
    Row::new(
        map,
        vec![
            flag(true),
            status.entity_id.clone().into(),
            status.status_id.clone().into(),
            status.id.into(),
            status.name.clone().into(),
            status.name_init.clone().into(),
            sort.into(),
            flag(status.system),
            status.semantics.clone().into(),
            category.into(),
        ],
    )
}
