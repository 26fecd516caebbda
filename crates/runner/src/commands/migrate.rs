//! `migrate`: making and completing the tables.

use anyhow::bail;
use store::planner;

use crate::config::Config;
use crate::exit::DONE;
use crate::output::number;
use crate::wiring::{Parts, target};

pub(crate) async fn run(config: &Config, only_plan: bool, merge_duplicates: bool) -> anyhow::Result<u8> {
    // The maps come from the exchanges, which need a portal to be made but do not talk to it here.
    let store = target(config)?;
    let parts = Parts::with(config, crate::wiring::portal_or_placeholder(config)?, store)?;
    let store = parts.context.store.as_ref();
    for map in parts.exchanges.iter().flat_map(|exchange| exchange.tables()) {
        let table = map.name();
        let plan = planner::plan(&map, store.inspect(&map).await?.as_ref())?;
        for note in plan.notes() {
            eprintln!("{table}: column {}: {}", note.column, note.text);
        }
        if only_plan {
            if plan.is_empty() {
                println!("-- {table}: nothing to do");
            }
            for statement in store.statements(&plan)? {
                println!("{statement}");
            }
            continue;
        }
        let duplicates = store.duplicates(&map, 20).await?;
        if !duplicates.is_empty() {
            if !merge_duplicates {
                let keys: Vec<String> = duplicates.iter().map(i64::to_string).collect();
                bail!(
                    "{table} has several rows with the same {}: {}. Nothing was changed. Remove all but one of each by hand, \
                     or let `migrate --merge-duplicates` keep the oldest",
                    map.key(),
                    keys.join(", ")
                );
            }
            let removed = store.merge_duplicates(&map).await?;
            println!(
                "{table}: {} duplicate rows removed, the oldest of each kept",
                number(removed)
            );
        }
        if plan.is_empty() {
            println!("{table}: nothing to do");
        } else {
            store.apply(&plan).await?;
            println!("{table}: {} steps done", plan.steps().len());
        }
    }
    Ok(DONE)
}
