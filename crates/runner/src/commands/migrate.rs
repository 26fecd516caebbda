//! `migrate`: making and completing the tables, and the views beside them.

use std::sync::Arc;

use anyhow::bail;
use exchange::{NoSwitches, plan_view};
use store::{Store, ViewStep, planner};
use table_map::{TableMap, ViewMap};

use crate::config::Config;
use crate::exit::DONE;
use crate::output::number;
use crate::printing::{say, tell};
use crate::wiring::{Parts, target};

/// Duplicates that are told by name.
const SHOWN: u32 = 20;

pub(crate) async fn run(config: &Config, only_plan: bool, merge_duplicates: bool) -> anyhow::Result<u8> {
    // The maps come from the exchanges, which need a portal to be made but do not talk to it here.
    let store = target(config)?;
    let parts = Parts::with(
        config,
        crate::wiring::portal_or_placeholder(config)?,
        store,
        Arc::new(NoSwitches),
    )?;
    let store = parts.context.store.as_ref();
    for map in parts.exchanges.iter().flat_map(|exchange| exchange.tables()) {
        let table = map.name();
        let plan = planner::plan(&map, store.inspect(&map).await?.as_ref())?;
        for note in plan.notes() {
            tell!("{table}: column {}: {}", note.column, note.text);
        }
        if only_plan {
            if plan.is_empty() {
                say!("-- {table}: nothing to do");
            }
            for statement in store.statements(&plan)? {
                say!("{statement}");
            }
            continue;
        }
        // Duplicates can be told only once the table has all columns; adding them harms nothing.
        store.apply(&plan.without_indexes()).await?;
        merge(store, &map, merge_duplicates).await?;
        if plan.is_empty() {
            say!("{table}: nothing to do");
        } else {
            store.apply(&plan).await?;
            say!("{table}: {} steps done", plan.steps().len());
        }
    }
    // After all tables, since a view may read those of several exchanges.
    for view in parts.exchanges.iter().flat_map(|exchange| exchange.views()) {
        let name = view.name();
        if let Err(error) = migrate_view(store, &view, only_plan).await {
            let cause = std::error::Error::source(&error).map_or(String::new(), |cause| format!(": {cause}"));
            tell!("{name}: {error}{cause}");
        }
    }
    Ok(DONE)
}

/// A view is an extra: what is in its way is told, and the tables are none the worse for it.
async fn migrate_view(store: &dyn Store, view: &ViewMap, only_plan: bool) -> Result<(), store::Error> {
    let name = view.name();
    let plan = plan_view(store, view).await?;
    if only_plan {
        if plan.step().is_none() {
            say!("-- {name}: nothing to do");
        }
        for statement in store.view_statements(&plan)? {
            say!("{statement}");
        }
        return Ok(());
    }
    store.apply_view(&plan).await?;
    match plan.step() {
        None => say!("{name}: nothing to do"),
        Some(ViewStep::Create) => say!("{name}: view made"),
        Some(_) => say!("{name}: view made anew, its definition has changed"),
    }
    Ok(())
}

/// Sees to it that a unique index on the key can be made.
async fn merge(store: &dyn Store, map: &TableMap, may_merge: bool) -> anyhow::Result<()> {
    let table = map.name();
    let duplicates = store.duplicates(map, SHOWN).await?;
    if duplicates.is_empty() {
        return Ok(());
    }
    if !may_merge {
        let keys: Vec<String> = duplicates.iter().map(i64::to_string).collect();
        bail!(
            "{table} has several rows with the same {}: {}. No row was changed. Remove all but one of each by hand, or let \
             `stage-exchange migrate --merge-duplicates` keep the oldest",
            map.key(),
            keys.join(", ")
        );
    }
    let removed = store.merge_duplicates(map).await?;
    say!(
        "{table}: {} duplicate rows removed, the oldest of each kept",
        number(removed)
    );
    Ok(())
}
