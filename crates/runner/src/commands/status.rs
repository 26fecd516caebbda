//! `status`: what is in the tables, and how far the agents are.

use agent_scheduler::AgentFilter;
use serde_json::{Value, json};

use super::agents::line;
use crate::config::Config;
use crate::exit::{DONE, FAILED};
use crate::output::{self, number};
use crate::printing::say;
use crate::wiring::{self, NoDatabase, Parts};

pub(crate) async fn run(config: &Config, as_json: bool) -> anyhow::Result<u8> {
    // Where there is no database yet, there are no tables.
    let (parts, missing) = match Parts::looking(config) {
        Ok(parts) => (parts, None),
        Err(error) => match error.downcast::<NoDatabase>() {
            Ok(missing) => (Parts::offline(config)?, Some(missing)),
            Err(error) => return Err(error),
        },
    };
    let store = &parts.context.store;
    let target = missing
        .as_ref()
        .map_or_else(|| store.target(), NoDatabase::target);
    let mut tables = Vec::new();
    let mut lines = Vec::new();
    let mut code = DONE;
    for map in parts.exchanges.iter().flat_map(|exchange| exchange.tables()) {
        let count = match store.inspect(&map).await {
            Ok(None) => Ok(None),
            Ok(Some(_)) => store.count(&map).await.map(Some),
            Err(error) => Err(error),
        };
        let name = map.name();
        let (value, text) = match count {
            Ok(None) => (
                json!({ "table": name, "exists": false }),
                format!("{name}: not there yet"),
            ),
            Ok(Some(rows)) => (
                json!({ "table": name, "exists": true, "rows": rows }),
                format!("{name}: {} rows", number(rows)),
            ),
            Err(error) => {
                code = FAILED;
                let error = crate::exit::chain(&error.into());
                (
                    json!({ "table": name, "error": error }),
                    format!("{name}: {error}"),
                )
            }
        };
        tables.push(value);
        lines.push(text);
    }
    let agents = wiring::state(config)?.list(AgentFilter::all()).await?;
    if as_json {
        output::json(&json!({
            "portal": parts.context.portal_name,
            "target": target,
            "environment": config.environment,
            "tables": Value::from(tables),
            "agents": agents,
        }))?;
    } else {
        say!("portal {}", parts.context.portal_name);
        say!("target {target}, environment {}", config.environment);
        if let Some(missing) = &missing {
            say!("  {missing}");
        }
        for text in lines {
            say!("  {text}");
        }
        say!("agents");
        for record in &agents {
            say!("  {}", line(record));
        }
        if agents.is_empty() {
            say!("  none has worked yet");
        }
    }
    Ok(code)
}
