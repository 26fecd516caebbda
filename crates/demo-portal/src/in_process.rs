//! A portal without a network: its desk, its limits and its events, in the caller's own task.
//!
//! For simulations: nothing here waits, opens a socket or draws faults. Time is tokio's, so paused time pauses the portal, and
//! the same calls at the same times give the same answers.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use crate::clock::{Clock, Zone, whole_seconds};
use crate::desk::{Desk, method_name};
use crate::error::Error;
use crate::error_answer::ApiError;
use crate::events::{Letter, Outbox, Sender};
use crate::limits::Bucket;
use crate::model::{Model, generate};
use crate::options::{EventOptions, PortalOptions};
use crate::params::Param;
use crate::portal::check;
use crate::stats::{Counters, Stats};

/// A portal that answers the caller directly.
///
/// It heeds all of [`PortalOptions`] but the webhook's secret, the faults, `gzip` and `moves_per_second`, which belong to the
/// network and to the passing of time.
pub struct InProcessPortal {
    desk: Desk,
    bucket: Option<Mutex<Bucket>>,
    model: Model,
    clock: Clock,
    counters: Counters,
    sender: Sender,
    letters: Mutex<UnboundedReceiver<Letter>>,
}

/// An answer of the portal, before anything carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InProcessAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body: JSON.
    pub body: Vec<u8>,
    /// How long the portal works on it.
    pub run_time: Duration,
}

impl InProcessPortal {
    /// Makes up the data. Changes raise events when [`PortalOptions::events`] is set; its rates and its address are not
    /// heeded.
    ///
    /// # Errors
    /// If an option makes no sense.
    pub fn new(options: &PortalOptions) -> Result<Self, Error> {
        check(options)?;
        let clock = Clock::new(options);
        let counters = Counters::default();
        let everything = EventOptions {
            drop_rate: 0.0,
            double_rate: 0.0,
            delay_rate: 0.0,
            connections: 1,
            ..options
                .events
                .clone()
                .unwrap_or_else(|| EventOptions::to(String::new(), String::new()))
        };
        let (outbox, mut lines) = Outbox::open(&everything, options.seed, counters.clone());
        let model = Model::new(generate(options), clock.clone(), Zone::new(options));
        if options.events.is_some() {
            model.tell(outbox);
        }
        // One connection was asked for.
        let letters = lines.swap_remove(0);
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        Ok(Self {
            desk: Desk::new(options, model.clone(), clock.clone(), counters.clone()),
            bucket: options
                .requests_per_second
                .map(|rate| Mutex::new(Bucket::new(rate, options.burst))),
            model,
            clock,
            counters,
            sender: Sender::new(address, options.seed, &everything.application_token),
            letters: Mutex::new(letters),
        })
    }

    /// The portal's data, to read and to change.
    #[must_use]
    pub fn model(&self) -> Model {
        self.model.clone()
    }

    /// Takes a request into the bucket; `false` when it is full. [`InProcessPortal::answer`] does not do so by itself: others
    /// may share the bucket, too.
    #[must_use]
    pub fn admits(&self) -> bool {
        self.counters.request();
        let admitted = self.bucket.as_ref().is_none_or(|bucket| lock(bucket).admit());
        if !admitted {
            self.counters.refused();
        }
        admitted
    }

    /// Answers a request that was admitted: a method and its parameters as JSON. `between` is called before each further call of a
    /// batch, and may change the data.
    #[must_use]
    pub fn answer(&self, method: &str, body: &[u8], between: &mut dyn FnMut()) -> InProcessAnswer {
        let params = Param::from_json(body).unwrap_or_default();
        let answer = self.desk.answer_between(method_name(method), &params, between);
        InProcessAnswer {
            status: answer.status,
            body: answer.body,
            run_time: answer.run_time,
        }
    }

    /// Like [`InProcessPortal::answer`], while the portal works on it: the calls of a batch run one after another as time passes, beside those of
    /// other requests. The answer is ready when this is. What a batch says of `halt` is not heeded.
    pub async fn answer_in_time(&self, method: &str, body: &[u8]) -> InProcessAnswer {
        let params = Param::from_json(body).unwrap_or_default();
        let answer = self.desk.answer_in_time(method_name(method), &params).await;
        InProcessAnswer {
            status: answer.status,
            body: answer.body,
            run_time: answer.run_time,
        }
    }

    /// The answer to a request that was not admitted.
    #[must_use]
    pub fn refusal(&self) -> InProcessAnswer {
        let error = ApiError::too_many_requests();
        InProcessAnswer {
            status: error.status,
            body: error.into_json(),
            run_time: Duration::ZERO,
        }
    }

    /// Somebody else used a method with the same webhook for so many seconds.
    pub fn book(&self, method: &str, seconds: f64) {
        self.desk.book(method, seconds);
    }

    /// The bodies of the events that were raised since the last call, in the order of the changes, as they would be POSTed now.
    #[must_use]
    pub fn events(&self) -> Vec<String> {
        let now = whole_seconds(self.clock.now());
        let mut letters = lock(&self.letters);
        std::iter::from_fn(|| letters.try_recv().ok())
            .map(|letter| self.sender.body(&letter.event, now))
            .collect()
    }

    /// What the portal did so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.counters.snapshot()
    }
}

/// Shows nothing of the sender: it holds the token.
impl std::fmt::Debug for InProcessPortal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InProcessPortal")
            .field("desk", &self.desk)
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}

/// Nothing panics under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn portal() -> InProcessPortal {
        InProcessPortal::new(&PortalOptions {
            deals: 20,
            requests_per_second: Some(2.0),
            burst: 3,
            started_at: chrono::DateTime::from_timestamp(1_762_160_400, 0),
            events: Some(EventOptions::to("", "token")),
            ..PortalOptions::default()
        })
        .unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_bucket_refuses_in_process_too() {
        let portal = portal();
        assert_eq!((0..5).filter(|_| portal.admits()).count(), 3);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(portal.admits() && portal.admits() && !portal.admits());
        let refusal = String::from_utf8(portal.refusal().body).unwrap();
        assert!(refusal.contains("QUERY_LIMIT_EXCEEDED"), "{refusal}");
    }

    #[tokio::test(start_paused = true)]
    async fn data_change_between_the_calls_of_a_batch() {
        let portal = portal();
        let model = portal.model();
        let deal = model.deals().into_iter().find(|deal| deal.readable).unwrap();
        let ask = format!(
            "crm.item.list?entityTypeId=2&filter[@id][]={}&select[]=assignedById",
            deal.id
        );
        let body = serde_json::json!({ "halt": 0, "cmd": { "one": ask, "two": ask } }).to_string();
        let answer = portal.answer("batch", body.as_bytes(), &mut || {
            model.change_responsible(deal.id, 999).unwrap();
        });
        let answer: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        let assigned = |name: &str| answer["result"]["result"][name]["items"][0]["assignedById"].clone();
        assert_eq!(assigned("one"), serde_json::json!(deal.assigned_by_id));
        assert_eq!(assigned("two"), serde_json::json!(999));
    }

    #[tokio::test(start_paused = true)]
    async fn every_change_raises_its_event_once() {
        let portal = portal();
        let model = portal.model();
        let deal = model.add_deal("C3:NEW", "Ada & Charles", 1).unwrap();
        model.change_responsible(deal, 7).unwrap();
        let events = portal.events();
        assert_eq!(events.len(), 2);
        assert!(events[0].contains("event=ONCRMDEALADD") && events[1].contains("event=ONCRMDEALUPDATE"));
        assert!(portal.events().is_empty());
    }
}
