//! How near an upload comes to what a portal's limits allow, in simulated time.
//!
//!     cargo run --release -p simulation --example limits [SETTING…]
//!
//! A setting is a plan (`cloud`, `enterprise`, `sparse`) and what is to be other than usual: `cloud,deals=40000,seed=2,page=100,latency=50-300,unchained`.
//! `list` among the settings lists the requests that were not full, `all` every one.

use std::process::ExitCode;
use std::time::Duration;

use simulation::{Error, Limited, upload_within_limits};

fn main() -> ExitCode {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let list = words.iter().any(|word| word == "list");
    let all = words.iter().any(|word| word == "all");
    words.retain(|word| !["list", "all"].contains(&word.as_str()));
    if words.is_empty() {
        words = ["cloud", "enterprise", "sparse"].map(str::to_owned).to_vec();
    }
    for word in &words {
        if let Err(error) = one(word, list, all) {
            eprintln!("error: {word}: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn one(word: &str, list: bool, all: bool) -> Result<(), Error> {
    let taken = upload_within_limits(&setting(word)?)?;
    println!("{word}: {taken}");
    if list || all {
        for sent in taken.sent.iter().filter(|sent| all || !sent.is_full()) {
            println!(
                "  {:8.3} s to {:8.3} s: {} calls: {} history, {} deals",
                sent.arrived.as_secs_f64(),
                sent.answered.as_secs_f64(),
                sent.calls(),
                sent.history,
                sent.deals
            );
        }
    }
    Ok(())
}

fn setting(word: &str) -> Result<Limited, Error> {
    let mut parts = word.split(',');
    // Sizes as in the bench: 180, 56 and 95 s of the steady rate.
    let mut setting = match parts.next() {
        Some("cloud") => Limited::cloud(165_323),
        Some("enterprise") => Limited::enterprise(213_710),
        Some("sparse") => Limited {
            wanted_share: Some(0.05),
            ..Limited::cloud(1_935_484)
        },
        _ => return Err("a plan is cloud, enterprise or sparse".into()),
    };
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let millis = |text: &str| text.parse().map(Duration::from_millis);
        match key {
            "deals" => setting.deals = value.parse()?,
            "seed" => setting.seed = value.parse()?,
            "page" => setting.page_time = millis(value)?,
            "rate" => setting.requests_per_second = value.parse()?,
            "burst" => setting.burst = value.parse()?,
            "share" => setting.wanted_share = Some(value.parse()?),
            "latency" => {
                let (least, most) = value.split_once('-').ok_or("latency=LEAST-MOST")?;
                setting.latency = (millis(least)?, millis(most)?);
            }
            "unchained" => setting.chains = false,
            _ => return Err(format!("{key:?} is no part of a setting").into()),
        }
    }
    Ok(setting)
}
