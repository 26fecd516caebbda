//! The admin panel in a real browser: headless Chromium, driven through WebDriver.
//!
//! Debian's packages `chromium` and `chromium-driver` are needed; `cargo xtask test` installs them where it may.

mod access;
mod chrome;
mod counted;
mod figure_files;
mod figure_page;
mod figures;
mod languages;
mod looks;
mod pages;
mod switches;
mod tables;

use std::time::Duration;

use tokio::time::{Instant, sleep};

pub(crate) use chrome::{Browser, Look, browse, browse_as};

use crate::harness::{Portal, Process, Workplace};

/// Nothing that these tests wait for takes as long; what does is broken.
const LONGEST: Duration = Duration::from_secs(60);

/// Looks for something until it is there.
///
/// # Panics
/// When it does not come; `what` says what was waited for.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < LONGEST, "waited in vain: {what}");
        sleep(Duration::from_millis(25)).await;
    }
}

/// A program that runs and serves its panel.
pub(crate) struct Running {
    pub(crate) process: Process,
    pub(crate) address: String,
}

impl Running {
    /// Starts `run` in this workplace.
    pub(crate) fn start(place: &Workplace) -> Self {
        let mut process = place.start(&["run", "--log-format", "json"]);
        let line = process.says("the web server listens");
        let line: serde_json::Value = serde_json::from_str(&line).expect("a line of JSON");
        let address = line["fields"]["address"].as_str().expect("an address").to_owned();
        Self { process, address }
    }

    /// The address of a page.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Ends it in good order.
    pub(crate) fn stop(self) {
        self.process.terminate();
        self.process.finish().expect_code(0);
    }
}

/// The newest run of an agent, as another process reads it from the state.
pub(crate) fn agent(place: &Workplace, name: &str) -> serde_json::Value {
    let agents = place.run(&["agents", "--json"]).expect_code(0).json();
    let found = agents
        .as_array()
        .into_iter()
        .flatten()
        .find(|agent| agent["name"] == name);
    found.cloned().unwrap_or_default()
}

/// A portal, its stages and moves brought over, and a workplace for them.
pub(crate) fn brought_over(deals: &str, database: &dyn crate::harness::Database) -> (Portal, Workplace) {
    let portal = Portal::start(&["--deals", deals]);
    let place = Workplace::new(&portal, database);
    place.run(&["bulk", "stage-list", "--wait"]).expect_code(0);
    place.run(&["bulk", "history", "--wait"]).expect_code(0);
    (portal, place)
}
