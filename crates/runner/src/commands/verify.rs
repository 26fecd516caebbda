//! `verify`: comparing tables and portal.

use exchange::{Finding, Verification};

use crate::config::Config;
use crate::exit::{DONE, FAILED};
use crate::output::{self, Meter, number};
use crate::wiring::Parts;

pub(crate) async fn run(config: &Config, only: Option<&str>, as_json: bool) -> anyhow::Result<u8> {
    let parts = Parts::new(config)?;
    let exchanges = match only {
        Some(word) => vec![parts.exchange(word)?],
        None => parts.exchanges.iter().collect(),
    };
    let mut results = Vec::new();
    for exchange in exchanges {
        let meter = Meter::new(format!("verify {}", exchange.name()));
        let result = exchange.verify(&|progress| meter.show(&progress)).await;
        meter.finish();
        results.push(result?);
    }
    if as_json {
        output::json(&results)?;
    } else {
        for result in &results {
            println!("{}", describe(result));
        }
    }
    Ok(if results.iter().all(Verification::is_true) {
        DONE
    } else {
        FAILED
    })
}

/// One line about a table, and one for each kind of finding.
pub(crate) fn describe(result: &Verification) -> String {
    let verdict = if result.is_true() { "true" } else { "NOT true" };
    let mut text = format!(
        "{} is {verdict}: {} rows in the portal, {} in the table",
        result.table,
        number(result.portal),
        number(result.stored)
    );
    let mut add = |name: &str, finding: &Finding| {
        if finding.count == 0 {
            return;
        }
        let examples: Vec<String> = finding.examples.iter().take(5).map(i64::to_string).collect();
        text.push_str(&format!(
            "\n  {} {name}, such as EXTERNAL_ID {}",
            number(finding.count),
            examples.join(", ")
        ));
        if !finding.columns.is_empty() {
            text.push_str(&format!(" (in {})", finding.columns.join(", ")));
        }
    };
    add("missing", &result.missing);
    add("different", &result.different);
    add("extra", &result.extra);
    add("kept though the portal has them no more", &result.kept);
    text
}
