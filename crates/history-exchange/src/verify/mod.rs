//! Comparing the table with the portal: the portal's side of it. The merge of both sides is the `exchange` crate's.

mod absent;
mod since;
mod source;

use std::sync::Arc;

use ::agent::Failure;
use exchange::{Comparison, Context, STOPPED, Verification, compare, require_table};
use stage_list_exchange::StageList;
use table_map::TableMap;

use source::HistorySource;

/// Compares the table with the portal; with [`Comparison::repair`] rows that are missing or different are written.
pub(crate) async fn verify(
    context: &Context,
    map: &TableMap,
    stages: &Arc<StageList>,
    task: &Comparison<'_>,
) -> Result<Verification, Failure> {
    let store = context.store.as_ref();
    // The names of stages come from their table.
    require_table(store, stages.map()).await?;
    require_table(store, map).await?;
    let source = HistorySource::new(context, map, stages, task);
    match task.unless_stopped(source).await {
        Some(source) => compare(context, map, &mut source?, task).await,
        None => Ok(Verification::of(map.name()).unfinished(STOPPED)),
    }
}
