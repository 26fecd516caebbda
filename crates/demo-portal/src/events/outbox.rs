//! The queue of events: takes them while the data are locked, draws their fate, and hands them to connections.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::Event;
use crate::options::EventOptions;
use crate::stats::Counters;

/// An event on its way to a connection.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) event: Event,
    /// When a late one is due.
    pub(crate) not_before: Option<Instant>,
    /// Counts as waiting until it is dropped.
    _place: Place,
}

/// How many events wait to be sent or are being sent; clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Waiting(watch::Sender<usize>);

/// One event's place among those that wait.
#[derive(Debug)]
struct Place(Waiting);

impl Waiting {
    fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    /// A place, unless all are taken.
    fn take(&self, places: usize) -> Option<Place> {
        let taken = self.0.send_if_modified(|waiting| {
            let free = *waiting < places;
            *waiting += usize::from(free);
            free
        });
        taken.then(|| Place(self.clone()))
    }

    pub(crate) fn count(&self) -> usize {
        *self.0.borrow()
    }

    /// Until none waits.
    pub(crate) async fn none(&self) {
        // The sender is held here: the channel cannot be closed.
        drop(self.0.subscribe().wait_for(|waiting| *waiting == 0).await);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.send_modify(|waiting| *waiting -= 1);
    }
}

/// Where changes leave their events; clones share the queue.
#[derive(Debug, Clone)]
pub(crate) struct Outbox(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    status_events: bool,
    rates: Rates,
    delay: Duration,
    places: usize,
    lines: Vec<mpsc::UnboundedSender<Letter>>,
    lot: Mutex<Lot>,
    waiting: Waiting,
    counters: Counters,
}

#[derive(Debug, Clone, Copy)]
struct Rates {
    lost: f64,
    doubled: f64,
    late: f64,
}

/// The dice, and whose turn it is.
#[derive(Debug)]
struct Lot {
    rng: StdRng,
    turn: usize,
}

/// What becomes of an event.
#[derive(Debug, Clone, Copy)]
struct Fate {
    lost: bool,
    doubled: bool,
    late: bool,
}

impl Lot {
    /// Takes as many numbers whatever the rates, so that one rate does not change what another hits.
    fn draw(&mut self, rates: Rates) -> Fate {
        let mut hit = |rate| self.rng.random::<f64>() < rate;
        Fate {
            lost: hit(rates.lost),
            doubled: hit(rates.doubled),
            late: hit(rates.late),
        }
    }
}

impl Outbox {
    /// An outbox, and the far end of the queue of each connection.
    pub(crate) fn open(
        options: &EventOptions,
        seed: u64,
        counters: Counters,
    ) -> (Self, Vec<mpsc::UnboundedReceiver<Letter>>) {
        let (lines, ends) = (0..options.connections)
            .map(|_| mpsc::unbounded_channel())
            .unzip();
        let inner = Inner {
            status_events: options.status_events,
            rates: Rates {
                lost: options.drop_rate,
                doubled: options.double_rate,
                late: options.delay_rate,
            },
            delay: options.delay,
            places: options.queue,
            lines,
            lot: Mutex::new(Lot {
                rng: StdRng::seed_from_u64(seed ^ 0xe7e7),
                turn: 0,
            }),
            waiting: Waiting::new(),
            counters,
        };
        (Self(Arc::new(inner)), ends)
    }

    pub(crate) fn waiting(&self) -> Waiting {
        self.0.waiting.clone()
    }

    /// Takes an event in. Never waits: what finds no place is lost, as it would be in a portal.
    pub(crate) fn raise(&self, event: Event) {
        let inner = &*self.0;
        if event.is_of_status() && !inner.status_events {
            return;
        }
        inner.counters.event_raised();
        let mut lot = inner.lot.lock().unwrap_or_else(PoisonError::into_inner);
        let fate = lot.draw(inner.rates);
        if fate.lost {
            inner.counters.event_dropped();
            return;
        }
        let not_before = fate.late.then(|| Instant::now() + inner.delay);
        if fate.doubled {
            inner.counters.event_doubled();
            inner.send(&mut lot, event.clone(), not_before);
        }
        inner.send(&mut lot, event, not_before);
    }
}

impl Inner {
    fn send(&self, lot: &mut Lot, event: Event, not_before: Option<Instant>) {
        let letter = self.waiting.take(self.places).map(|place| Letter {
            event,
            not_before,
            _place: place,
        });
        let turn = lot.turn;
        lot.turn = (turn + 1) % self.lines.len().max(1);
        let sent = letter.zip(self.lines.get(turn));
        // A connection is gone only when the portal has stopped.
        if sent.is_none_or(|(letter, line)| line.send(letter).is_err()) {
            self.counters.event_dropped();
        }
    }
}
