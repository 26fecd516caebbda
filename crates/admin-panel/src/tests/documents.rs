//! The documents that ship with the program agree with it.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::metrics::{ALL, Kind};

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every word of a text that is one of our metrics by its prefix.
fn names(text: &str) -> BTreeSet<&str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .filter(|word| word.starts_with("stage_exchange_"))
        .collect()
}

#[test]
fn every_metric_is_documented_with_its_type_and_labels_and_no_other_is() {
    let text = read("docs/metrics.md");
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| `stage_exchange_"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    for metric in ALL {
        let name = format!("`{}`", metric.name);
        let row = rows
            .iter()
            .find(|row| row[0] == name)
            .unwrap_or_else(|| panic!("{name} is not documented"));
        assert_eq!(row[1], metric.kind.as_str(), "{name}");
        let labels: Vec<&str> = row[2]
            .split(['`', ',', ' '])
            .filter(|word| !word.is_empty())
            .collect();
        assert_eq!(labels, metric.labels, "{name}");
        assert!(
            !row[3].is_empty() && !row[4].is_empty(),
            "{name} has a unit and a meaning"
        );
    }
    assert_eq!(rows.len(), ALL.len());
}

#[test]
fn the_dashboard_is_json_and_asks_for_documented_metrics_alone() {
    let text = read("deploy/grafana-dashboard.json");
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let allowed: BTreeSet<String> = ALL
        .iter()
        .flat_map(|metric| match metric.kind {
            Kind::Histogram => ["_bucket", "_sum", "_count"]
                .map(|suffix| format!("{}{suffix}", metric.name))
                .to_vec(),
            _ => vec![metric.name.to_owned()],
        })
        .collect();
    let mut asked = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let targets = panel["targets"]
            .as_array()
            .unwrap_or_else(|| panic!("no targets in {panel}"));
        assert!(!targets.is_empty() && panel["title"].is_string() && panel["gridPos"]["h"].is_u64());
        for target in targets {
            let expression = target["expr"].as_str().unwrap();
            let found = names(expression);
            assert!(!found.is_empty(), "{expression} asks for nothing of ours");
            asked.extend(found.into_iter().map(str::to_owned));
        }
    }
    let unknown: Vec<_> = asked.difference(&allowed).collect();
    assert_eq!(unknown, Vec::<&String>::new());
    assert_eq!(names(&text).len(), asked.len(), "no names outside the queries");
    let ids: BTreeSet<_> = dashboard["panels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|panel| panel["id"].as_u64())
        .collect();
    assert_eq!(
        ids.len(),
        dashboard["panels"].as_array().unwrap().len(),
        "each panel has its own id"
    );
}

#[test]
fn what_runs_the_program_runs_it_without_rights() {
    let unit = read("deploy/stage-exchange.service");
    for line in [
        "DynamicUser=yes",
        "StateDirectory=stage-exchange",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
    ] {
        assert!(unit.lines().any(|found| found == line), "{line}");
    }
    let image = read("deploy/Dockerfile");
    let user = image.lines().rfind(|line| line.starts_with("USER ")).unwrap();
    assert!(!["USER root", "USER 0"].contains(&user), "{user}");
    // Secrets reach both by files alone.
    for text in [&unit, &image] {
        for variable in ["WEBHOOK_URL=", "TARGET__URL=", "APPLICATION_TOKEN=", "PASSWORD="] {
            assert!(!text.contains(variable), "{variable}");
        }
    }
}
