//! Comparing the table with the portal. Both are small and read whole.

use ::agent::Failure;
use exchange::{Comparison, Mended, STOPPED, Verification, require_table, row_failure};
use table_map::{Strictness, difference};

use crate::mapping::row;
use crate::sync::StageList;

/// Compares; mends by bringing the stages over when asked to. Stages have no time and are few, so that
/// [`Comparison::since`] and [`Comparison::sample`] are of no concern here.
pub(crate) async fn verify(list: &StageList, task: &Comparison<'_>) -> Result<Verification, Failure> {
    require_table(list.context().store.as_ref(), list.map()).await?;
    let narrowed;
    let list = if task.pipelines.is_empty() {
        list
    } else {
        let context = list.context().narrowed(&task.pipelines)?;
        narrowed = StageList::new(context)
            .map_err(|error| Failure::permanent("cannot compare some pipelines alone").with_source(error))?;
        &narrowed
    };
    let done = task.unless_stopped(look_and_mend(list, task.repair)).await;
    done.unwrap_or_else(|| Ok(Verification::of(list.map().name()).unfinished(STOPPED)))
}

async fn look_and_mend(list: &StageList, repair: bool) -> Result<Verification, Failure> {
    let mut found = look(list).await?;
    if !found.is_true() {
        // Another process may have been writing: what is wrong is wrong when it is so twice.
        found = look(list).await?;
    }
    if !repair {
        return Ok(found);
    }
    let mut mended = Mended::default();
    let wrong = found.missing.count + found.different.count + found.extra.count;
    if wrong > 0 {
        match list.sync().await {
            Ok(synced) => {
                mended.missing = found.missing.clone();
                mended.different = found.different.clone();
                mended.written = synced.written;
                mended.deactivated = synced.deactivated;
            }
            Err(failure) => {
                let reason = format!("the stages could not be mended: {}", failure.report());
                return Ok(found.unfinished(reason));
            }
        }
    }
    found.mended = Some(mended);
    Ok(found)
}

/// One comparison. Reads only.
async fn look(list: &StageList) -> Result<Verification, Failure> {
    let map = list.map();
    let stored = list.stored().await?;
    let portal = list.read_portal(&stored, None).await?;
    let mut result = Verification::of(map.name());
    for status in &portal.statuses {
        let wanted = row(map, status).map_err(row_failure)?;
        result.portal += 1;
        let mut there = false;
        let mut wrong: Vec<&str> = Vec::new();
        for found in stored.iter().filter(|row| row.key() == wanted.key()) {
            there = true;
            for difference in difference(map, &wanted, found, Strictness::Inserted) {
                if !wrong.contains(&difference.column) {
                    wrong.push(difference.column);
                }
            }
        }
        if !there {
            result.missing.add(wanted.key());
        } else if !wrong.is_empty() {
            result.different.add_columns(wanted.key(), wrong);
        }
    }
    let mut before = None;
    for found in &stored {
        let there = portal.statuses.iter().any(|status| status.id == found.key());
        let covered = found
            .text(map, "ENTITY_ID")
            .is_some_and(|entity| portal.covers(entity));
        if !there && !covered {
            result.outside += 1;
            continue;
        }
        result.stored += 1;
        // Rows of one key follow one another.
        if before.replace(found.key()) == Some(found.key()) {
            result.duplicate.add(found.key());
            continue;
        }
        match found.text(map, "ACTIVE") {
            _ if there => {}
            Some("N") => result.kept.add(found.key()),
            _ => result.extra.add(found.key()),
        }
    }
    tracing::debug!(table = map.name(), context = ?list.context(), "compared");
    Ok(result)
}
