//! Comparing the table with the portal.

use ::agent::Failure;
use exchange::{Verification, row_failure};
use table_map::{Strictness, difference};

use crate::mapping::row;
use crate::sync::StageList;

pub(crate) async fn verify(list: &StageList) -> Result<Verification, Failure> {
    let map = list.map();
    let stored = list.stored().await?;
    let portal = list.read_portal(&stored).await?;
    let mut result = Verification::of(map.name());
    for status in &portal.statuses {
        let wanted = row(map, status).map_err(row_failure)?;
        result.portal += 1;
        match stored.iter().find(|row| row.key() == wanted.key()) {
            None => result.missing.add(wanted.key()),
            Some(found) => {
                let wrong = difference(map, &wanted, found, Strictness::Inserted);
                if !wrong.is_empty() {
                    result
                        .different
                        .add_columns(wanted.key(), wrong.iter().map(|difference| difference.column));
                }
            }
        }
    }
    for found in &stored {
        result.stored += 1;
        let there = portal.statuses.iter().any(|status| status.id == found.key());
        let covered = found
            .text(map, "ENTITY_ID")
            .is_some_and(|entity| portal.covers(entity));
        match found.text(map, "ACTIVE") {
            _ if there || !covered => {}
            Some("N") => result.kept.add(found.key()),
            _ => result.extra.add(found.key()),
        }
    }
    tracing::debug!(table = map.name(), context = ?list.context(), "compared");
    Ok(result)
}
