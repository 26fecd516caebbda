//! Reading the whole history ahead of the writing.
//!
//! Pages of the history and the deals of their rows are asked for in the same requests, so that none goes with fewer than its 50
//! calls while there is something to ask. A request is put together only when the client's limits would let it go at once: what
//! was learnt until then is in it, and other agents of the process have their turn. As many requests are under way as
//! twice the steady rate needs; what comes is put in order, completed and handed on in steps. Who takes the steps slowly slows the reading.

pub(crate) mod packed;
pub(crate) mod plan;

use std::collections::VecDeque;
use std::time::Duration;

use ::agent::Failure;
use bitrix_client::{Client, HistoryChain, MAX_BATCH, PAGE_ROWS, Read};
use exchange::portal_failure;
use rustc_hash::FxHashSet;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tracing::Instrument;

use crate::deals::Deals;
use crate::error::Error;
use crate::reader::{Behind, NEAR, Reader, StepRows};
use packed::Packed;
use plan::{Ask, Came, Plan, calls};

/// Rows of a full step.
const STEP: usize = 5000;

/// A step is handed on after this long though it is not full: the cursor must not stand still on a slow portal.
const PATIENCE: Duration = Duration::from_secs(2);

/// Rows that may wait for others where requests are free, and where each counts. A row takes 40 bytes.
const AHEAD: usize = 20_000;
const AHEAD_WITHIN_LIMIT: usize = 150_000;

/// No more is read while this part of them waits for its deals or to be taken.
const READY: usize = 3;

/// Deals that are kept at least, where each request counts: as many as the rows that wait may belong to.
const DEALS_WITHIN_LIMIT: usize = 114_000;

/// Requests under way, over those that the steady rate needs while one is answered: enough to use the bucket up within a minute
/// or so. All that it holds at once would be faster at the start alone, and would cut the IDs into many more spans.
const ABREAST: f64 = 2.5;

/// Steps that are read while earlier ones are written. Dropping this stops the reading.
pub(crate) struct Steps {
    receiver: mpsc::Receiver<Result<StepRows, Failure>>,
    task: JoinHandle<()>,
}

impl Steps {
    /// The next step; `None` after the last, or after a failure.
    pub(crate) async fn next(&mut self) -> Option<Result<StepRows, Failure>> {
        self.receiver.recv().await
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads the rows above `after` up to `until`.
pub(crate) fn read_ahead(mut reader: Reader, after: i64, until: i64) -> Steps {
    // One step waits while another is written: more would only hold memory.
    let (sender, receiver) = mpsc::channel(1);
    let limited = reader.portal().config().requests_per_second > 0.0;
    let most_ahead = if limited { AHEAD_WITHIN_LIMIT } else { AHEAD };
    if limited {
        reader.deals().keep(DEALS_WITHIN_LIMIT);
    }
    let backfill = Backfill {
        reader,
        plan: Plan::new(after, until, most_ahead),
        most_ready: most_ahead / READY,
        wanted: VecDeque::new(),
        seen_to: 0,
        known: 0,
        asked: FxHashSet::default(),
        abreast: 1,
        handed_on: Instant::now(),
    };
    let task = tokio::spawn(backfill.run(sender).in_current_span());
    Steps { receiver, task }
}

/// One request.
struct Batch {
    asks: Vec<Ask>,
    chains: Vec<HistoryChain>,
    deals: Vec<i64>,
}

/// A request and what came.
struct Answer {
    batch: Batch,
    read: Read,
}

struct Backfill {
    reader: Reader,
    plan: Plan,
    /// So many rows may wait for their deals or to be taken.
    most_ready: usize,
    /// Deals to ask for, in the order in which rows need them.
    wanted: VecDeque<i64>,
    /// How many rows of the next step had their deals seen to, and how many have them. Deals are forgotten between steps alone.
    seen_to: usize,
    known: usize,
    /// Deals in `wanted`, and those that were asked for and did not come yet.
    asked: FxHashSet<i64>,
    /// No more requests than this for now: one until it is known how dense the IDs are, then more with each answer.
    abreast: usize,
    /// When the last step was handed on.
    handed_on: Instant,
}

impl Backfill {
    async fn run(mut self, steps: mpsc::Sender<Result<StepRows, Failure>>) {
        if let Err(failure) = self.feed(&steps).await {
            // Nobody waits for it when nobody takes it.
            steps.send(Err(failure)).await.ok();
        }
    }

    async fn feed(&mut self, steps: &mpsc::Sender<Result<StepRows, Failure>>) -> Result<(), Failure> {
        let portal = self.reader.portal().clone();
        let mut under_way: JoinSet<Result<Answer, Failure>> = JoinSet::new();
        while !self.plan.is_over() {
            let most = self.most_abreast();
            self.plan.expect_abreast(most);
            let due = self.is_due();
            let asks = if under_way.is_empty() {
                self.has_asks()
            } else {
                under_way.len() < most.min(self.abreast) && self.fills_a_request()
            };
            let patience = self.handed_on + PATIENCE;
            let now = Instant::now();
            tokio::select! {
                biased;
                room = steps.reserve(), if due => {
                    let Ok(room) = room else { return Ok(()) };
                    let step = self.next_step().await?;
                    self.handed_on = Instant::now();
                    room.send(Ok(step));
                }
                Some(answer) = under_way.join_next() => {
                    self.take_in(answer.map_err(cannot_read)??)?;
                }
                () = portal.turn(), if asks => {
                    let batch = self.next_batch();
                    under_way.spawn(ask(portal.clone(), batch).in_current_span());
                }
                () = tokio::time::sleep_until(patience), if !due && now < patience => {}
                else => return Err(cannot_read(Error::EndedEarly)),
            }
        }
        Ok(())
    }

    /// How many requests are to be under way, once it is known how dense the IDs are.
    fn most_abreast(&self) -> usize {
        let portal = self.reader.portal();
        let rate = portal.config().requests_per_second;
        let needed = rate * portal.batch_answered_in().as_secs_f64() * ABREAST;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "casts of floats stay within the type"
        )]
        let enough = if rate > 0.0 {
            (needed.ceil() as usize).max(2)
        } else {
            usize::MAX
        };
        enough.min(portal.max_in_flight())
    }

    /// Whether there is anything to ask for.
    fn has_asks(&self) -> bool {
        let (ready, _) = self.plan.ready();
        !self.wanted.is_empty() || (ready < self.most_ready && self.plan.has_asks())
    }

    /// Whether there is enough to ask for to fill a request. One that is not full goes only when nothing is under way that may bring
    /// more to ask for.
    fn fills_a_request(&self) -> bool {
        let deals = self.wanted.len() / PAGE_ROWS;
        let (ready, _) = self.plan.ready();
        deals >= MAX_BATCH || (ready < self.most_ready && self.plan.fills(MAX_BATCH - deals))
    }

    /// The next request: deals first, since rows that are here wait for them. A portion of deals that is not full goes along only
    /// where there is room.
    fn next_batch(&mut self) -> Batch {
        if !self.fills_a_request() {
            self.want_forgotten();
        }
        let full = (self.wanted.len() / PAGE_ROWS).min(MAX_BATCH);
        let (ready, _) = self.plan.ready();
        let asks = if ready < self.most_ready {
            self.plan.ask(MAX_BATCH - full)
        } else {
            Vec::new()
        };
        let portions = MAX_BATCH.saturating_sub(calls(&asks));
        let deals = self.wanted.len().min(portions * PAGE_ROWS);
        Batch {
            chains: asks.iter().map(|ask| self.chain(ask)).collect(),
            asks,
            deals: self.wanted.drain(..deals).collect(),
        }
    }

    fn chain(&self, ask: &Ask) -> HistoryChain {
        HistoryChain {
            query: self.reader.query(ask.window),
            pages: ask.pages,
        }
    }

    fn take_in(&mut self, answer: Answer) -> Result<(), Failure> {
        let Answer { batch, read } = answer;
        self.abreast = self.abreast.saturating_mul(2);
        for id in &batch.deals {
            self.asked.remove(id);
        }
        self.reader.deals().learn(&batch.deals, &read.deals);
        for (ask, chain) in batch.asks.into_iter().zip(read.chains) {
            let pages = self.reader.trusted_chain(ask.window, chain.pages)?;
            for record in pages.iter().flat_map(|page| &page.records) {
                want(
                    self.reader.deals(),
                    &mut self.asked,
                    &mut self.wanted,
                    record.owner_id,
                );
            }
            let strayed = chain.strayed;
            self.plan.came(ask, Came { pages, strayed });
        }
        Ok(())
    }

    /// Deals of rows that are ready may have been forgotten since. Where there is room they are asked for together, rather than step by
    /// step.
    fn want_forgotten(&mut self) {
        for record in self.plan.front() {
            let id = record.owner_id();
            want(self.reader.deals(), &mut self.asked, &mut self.wanted, id);
        }
    }

    /// Whether a step can be handed on, and should be.
    fn is_due(&mut self) -> bool {
        let (ready, up_to) = self.plan.ready();
        let full = ready >= STEP;
        let late = up_to > self.plan.taken_to() && Instant::now() >= self.handed_on + PATIENCE;
        if !full && !late && !self.plan.is_read() {
            return false;
        }
        // What is late goes as far as its deals are known: while more comes in, the last rows never have theirs.
        for record in self.plan.front().take(STEP).skip(self.seen_to) {
            // A deal may have been forgotten since its row came.
            want(
                self.reader.deals(),
                &mut self.asked,
                &mut self.wanted,
                record.owner_id(),
            );
            self.seen_to += 1;
        }
        let deals = self.reader.deals();
        self.known += self
            .plan
            .front()
            .take(STEP)
            .skip(self.known)
            .take_while(|record| deals.knows(record.owner_id()))
            .count();
        let complete = self.known == ready.min(STEP);
        complete || (late && self.known > 0)
    }

    async fn next_step(&mut self) -> Result<StepRows, Failure> {
        let (_, known_to) = self.plan.ready();
        let newest = self.plan.front().map(Packed::created_at).max();
        let last = self.plan.front().last().map(Packed::created_at);
        let most = std::mem::take(&mut self.known);
        self.seen_to = 0;
        // Who made a move is told by what follows it within seconds. So the newest rows stay, where others can go.
        let settled = match newest {
            Some(newest) if !self.plan.is_read() => self
                .plan
                .front()
                .take(most)
                .take_while(|record| record.created_at() + NEAR < newest)
                .count(),
            _ => most,
        };
        let taken = self.plan.take(if settled * 2 >= most { settled } else { most });
        let end = taken.records.iter().map(|record| record.created_time.timestamp());
        let end = end.max();
        let soon = |record: &&Packed| end.is_some_and(|end| record.created_at() <= end + 2 * NEAR);
        let behind = Behind {
            known_to,
            ends: [last, newest],
            moved: self.plan.front().take_while(soon).map(Packed::owner_id).collect(),
        };
        let rows = self.reader.complete(taken.records, Some(behind)).await?;
        Ok(StepRows {
            up_to: taken.up_to,
            rows,
        })
    }
}

/// Sees to it that the deal will be known; whether it is already.
fn want(deals: &mut Deals, asked: &mut FxHashSet<i64>, wanted: &mut VecDeque<i64>, id: i64) -> bool {
    if deals.knows(id) {
        return true;
    }
    if asked.insert(id) {
        wanted.push_back(id);
    }
    false
}

/// One request.
async fn ask(portal: Client, batch: Batch) -> Result<Answer, Failure> {
    match portal.read(&batch.chains, &batch.deals).await {
        Ok(read) => Ok(Answer { batch, read }),
        Err(error) => Err(portal_failure("read the stage history", error)),
    }
}

fn cannot_read(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::permanent("cannot read the stage history").with_source(error)
}
