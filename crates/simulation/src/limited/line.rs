//! The way to a portal that is only slow, and a record of what went over it.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bitrix_client::{Transport, TransportError, TransportRequest, TransportResponse};
use demo_portal::InProcessPortal;
use tokio::time::Instant;

use super::{FULL, Limited};
use crate::dice::Dice;
use crate::world::lock;

/// One request that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// When it arrived, from the beginning on.
    pub arrived: Duration,
    /// When its answer was ready.
    pub answered: Duration,
    /// Calls for pages of the history.
    pub history: u64,
    /// Calls for deals.
    pub deals: u64,
    /// Other calls.
    pub others: u64,
}

impl Sent {
    /// All its calls.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.history + self.deals + self.others
    }

    /// Whether it had as many as a batch takes.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.calls() >= FULL
    }
}

/// The way to the portal.
pub(super) struct Line {
    portal: Arc<InProcessPortal>,
    begun: Instant,
    latency: (u64, u64),
    chains: bool,
    dice: Dice,
    sent: Mutex<Vec<Sent>>,
}

impl Line {
    pub(super) fn new(portal: Arc<InProcessPortal>, setting: &Limited) -> Self {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            portal,
            begun: Instant::now(),
            latency: (millis(setting.latency.0), millis(setting.latency.1)),
            chains: setting.chains,
            dice: Dice::new(setting.seed, 7),
            sent: Mutex::default(),
        }
    }

    pub(super) fn sent(&self) -> Vec<Sent> {
        lock(&self.sent).clone()
    }

    async fn travel(&self) {
        tokio::time::sleep(self.dice.millis(self.latency.0, self.latency.1)).await;
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line")
    }
}

#[async_trait]
impl Transport for Line {
    async fn post(&self, request: TransportRequest) -> Result<TransportResponse, TransportError> {
        self.travel().await;
        let arrived = self.begun.elapsed();
        if !self.portal.admits() {
            let refusal = self.portal.refusal();
            return Ok(TransportResponse::new(refusal.status, refusal.body));
        }
        let text = String::from_utf8_lossy(&request.body);
        let count = |method: &str| {
            let calls = text.matches(method).count() + usize::from(request.method == method);
            u64::try_from(calls).unwrap_or(u64::MAX)
        };
        let mut sent = Sent {
            arrived,
            answered: arrived,
            history: count("crm.stagehistory.list"),
            deals: count("crm.item.list"),
            others: count("crm.status.list") + count("crm.category.list"),
        };
        let body = if self.chains {
            request.body.to_vec()
        } else {
            // A reference that nothing answers to.
            text.replace("%24result%5B", "%24nothing%5B").into_bytes()
        };
        let answer = self.portal.answer_in_time(&request.method, &body).await;
        sent.answered = self.begun.elapsed();
        lock(&self.sent).push(sent);
        self.travel().await;
        Ok(TransportResponse::new(answer.status, answer.body))
    }
}
