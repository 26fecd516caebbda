//! The arrows between our crates, and where drivers may appear. The table is the design; a new edge is a decision.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process::{cargo, output};

/// Which of our crates a crate may depend on, apart from tests. What is not listed may depend on none.
const ARROWS: &[(&str, &[&str])] = &[
    ("analysis", &["store", "table-map"]),
    ("store", &["table-map"]),
    ("store-sqlite", &["store", "table-map"]),
    ("store-mssql", &["sea-query-mssql", "store", "table-map"]),
    ("admin-panel", &["agent", "analysis", "bitrix-client"]),
    ("agent-scheduler", &["agent"]),
    (
        "event-intake",
        &["agent", "agent-scheduler", "bitrix-client", "exchange"],
    ),
    ("exchange", &["agent", "bitrix-client", "store", "table-map"]),
    (
        "stage-list-exchange",
        &["agent", "bitrix-client", "exchange", "store", "table-map"],
    ),
    (
        "history-exchange",
        &[
            "agent",
            "analysis",
            "bitrix-client",
            "exchange",
            "stage-list-exchange",
            "store",
            "table-map",
        ],
    ),
    (
        "simulation",
        &[
            "agent",
            "agent-scheduler",
            "bitrix-client",
            "demo-portal",
            "event-intake",
            "exchange",
            "history-exchange",
            "stage-list-exchange",
            "store",
            "store-sqlite",
            "table-map",
        ],
    ),
    (
        "runner",
        &[
            "admin-panel",
            "agent",
            "agent-scheduler",
            "analysis",
            "bitrix-client",
            "demo-portal",
            "event-intake",
            "exchange",
            "history-exchange",
            "stage-list-exchange",
            "store",
            "store-mssql",
            "store-sqlite",
            "table-map",
        ],
    ),
];

/// Which crates may use what, tests aside: drivers stay behind their crate, and tools at the rim.
const CONFINED: &[(&str, &[&str])] = &[
    ("tiberius", &["store-mssql"]),
    ("reqwest", &["bitrix-client"]),
    ("governor", &["bitrix-client"]),
    ("rusqlite", &["agent-scheduler", "store-sqlite"]),
    ("axum", &["admin-panel", "demo-portal"]),
    ("maud", &["admin-panel"]),
    ("argon2", &["admin-panel"]),
    ("rpassword", &["runner"]),
    ("sqlparser", &["mssql-testkit"]),
    ("figment", &["runner"]),
    ("indicatif", &["runner"]),
    ("clap", &["runner", "xtask"]),
    ("anyhow", &["runner", "xtask"]),
    ("rust_xlsxwriter", &["analysis"]),
    ("sea-query-mssql", &["store-mssql"]),
    ("plotters", &["xtask"]),
    ("ureq", &["xtask"]),
    ("wait4", &["xtask"]),
];

pub(crate) fn run() -> Result<()> {
    let text = output(cargo().args(["metadata", "--no-deps", "--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata printed no JSON")?;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata names no packages")?;
    let ours: Vec<&str> = packages
        .iter()
        .filter_map(|package| package["name"].as_str())
        .collect();
    let mut wrong = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let allowed = ARROWS
            .iter()
            .find(|(from, _)| *from == name)
            .map_or(&[][..], |(_, to)| to);
        let used = package["dependencies"].as_array().into_iter().flatten();
        for dependency in used.filter(|dependency| dependency["kind"].as_str() != Some("dev")) {
            let to = dependency["name"].as_str().unwrap_or_default();
            if ours.contains(&to) && !allowed.contains(&to) {
                wrong.push(format!("{name} must not depend on {to}"));
            }
            if let Some((_, homes)) = CONFINED.iter().find(|(confined, _)| *confined == to)
                && !homes.contains(&name)
            {
                wrong.push(format!(
                    "{name} must not use {to}: it belongs to {}",
                    homes.join(", ")
                ));
            }
        }
    }
    for name in ARROWS
        .iter()
        .map(|(name, _)| name)
        .chain(CONFINED.iter().flat_map(|(_, homes)| homes.iter()))
    {
        if !ours.contains(name) {
            wrong.push(format!(
                "the table of arrows names {name}, which is no crate of ours"
            ));
        }
    }
    if !wrong.is_empty() {
        bail!(
            "the arrows between the crates are broken:\n  {}",
            wrong.join("\n  ")
        );
    }
    eprintln!("the arrows between {} crates are as designed", ours.len());
    Ok(())
}
