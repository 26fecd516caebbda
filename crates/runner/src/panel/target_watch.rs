//! Whether the target answers, and since when.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use admin_panel::panel::facts::TargetFacts;
use agent::Clock;
use anyhow::anyhow;
use exchange::Context;
use store::Store;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::exit::chain;

/// How often the target is asked.
const EVERY: Duration = Duration::from_secs(5);
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks the target whether it is there, and remembers since when that is so.
pub(crate) struct TargetWatch {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    last: Mutex<TargetFacts>,
}

impl TargetWatch {
    pub(crate) fn new(context: &Context) -> Self {
        Self {
            store: Arc::clone(&context.store),
            clock: Arc::clone(&context.clock),
            last: Mutex::new(TargetFacts {
                reachable: None,
                since: None,
                text: String::new(),
            }),
        }
    }

    /// What it answered last.
    pub(crate) fn facts(&self) -> TargetFacts {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Why the target did not answer the last time; none while it answers.
    pub(crate) fn away(&self) -> Option<String> {
        Some(self.facts())
            .filter(|facts| facts.reachable == Some(false))
            .map(|facts| facts.text)
    }

    /// Asks again and again. Never ends.
    pub(crate) async fn watch(&self) {
        let mut beat = interval(EVERY);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beat.tick().await;
            let answer = timeout(PATIENCE, self.store.ping()).await;
            let (reachable, text) = match answer {
                Ok(Ok(version)) => (true, version),
                Ok(Err(error)) => (false, chain(&error.into())),
                Err(_) => {
                    let error = anyhow!("no answer within {} s", PATIENCE.as_secs());
                    (false, chain(&error))
                }
            };
            self.note(reachable, text);
        }
    }

    fn note(&self, reachable: bool, text: String) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.reachable != Some(reachable) {
            last.since = Some(self.clock.now());
        }
        last.reachable = Some(reachable);
        last.text = text;
    }
}
