//! Reading the whole history ahead of the writing.
//!
//! Pages of the history and the deals of their rows are asked for in the same requests, so that none goes with fewer than its 50
//! calls while there is something to ask. A request is put together only when the client's limits would let it go at once: what
//! was learnt until then is in it, and other agents of the process have their turn. As many requests are under way as
//! twice the steady rate needs; what comes is put in order, completed and handed on in steps. Who takes the steps slowly slows the reading.
//!
//! Where each request counts, none is to go half empty at the end either: the history is read to its end first, and deals that are known
//! to be wanted fill the requests until the last rows have come. The request with the last deals looks at what came after
//! all rows, too.

pub(crate) mod packed;
pub(crate) mod plan;

use std::collections::{HashSet, VecDeque};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use ::agent::Failure;
use bitrix_client::{ChainPages, Client, HistoryChain, HistoryQuery, MAX_BATCH, PAGE_ROWS, Read};
use exchange::portal_failure;
use rustc_hash::FxHashSet;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tracing::Instrument;

use crate::deals::Deals;
use crate::error::Error;
use crate::opening::Opening;
use crate::reader::{Behind, Look, NEAR, Reader, StepRows};
use crate::windows::Window;
use packed::Mark;
use plan::{Ask, Came, Plan, calls};

/// Rows of a full step.
const STEP: usize = 2500;

/// A step is handed on after this long though it is not full: the cursor must not stand still on a slow portal.
const PATIENCE: Duration = Duration::from_secs(2);

/// Rows that may wait for others where requests are free, and where each counts. A row takes 16 bytes.
const AHEAD: usize = 20_000;
const AHEAD_WITHIN_LIMIT: usize = 300_000;

/// No more is read while this part of them waits for its deals or to be taken, where requests are free. Where each counts, as many may wait as
/// there is memory for.
const READY: usize = 3;

/// Deals that are kept at least, where each request counts: as many as the rows that wait may belong to.
const DEALS_WITHIN_LIMIT: usize = 114_000;

/// Requests under way, over those that the steady rate needs while one is answered: enough to use the bucket up within a minute
/// or so. All that it holds at once would be faster at the start alone, and would cut the IDs into many more spans.
const ABREAST: f64 = 2.5;

/// Where requests are free and batches are answered sooner than this, in seconds, the portal is not what is waited for: one request more would
/// only hold memory. 50 pages of a real portal take longer.
const QUICK: f64 = 0.1;
const ABREAST_OF_QUICK: usize = 3;

/// How long, in seconds, the portal may work on a full request for what is known at the beginning: the first answers are of small ones,
/// and tell how long those are on their way.
const LONG_ANSWER: f64 = 1.0;

/// The last rows come in so many rounds of requests: some spans have a page more than was expected.
const ROUNDS: f64 = 2.0;

/// For so many rounds deals are kept back: one more, for requests that shrink towards the end.
const ROUNDS_KEPT: f64 = ROUNDS + 1.0;

/// Steps that are read while earlier ones are written. Dropping this stops the reading.
pub(crate) struct Steps {
    receiver: mpsc::Receiver<Result<StepRows, Failure>>,
    task: JoinHandle<()>,
    ends_early: Arc<AtomicBool>,
}

impl Steps {
    /// For whoever ends the reading early.
    pub(crate) fn ending(&self) -> Ending {
        Ending(Arc::clone(&self.ends_early))
    }

    /// Whether the reading was [ended early](Ending::end_early).
    pub(crate) fn ends_early(&self) -> bool {
        self.ends_early.load(Ordering::Relaxed)
    }

    /// The next step; `None` after the last, or after a failure.
    pub(crate) async fn next(&mut self) -> Option<Result<StepRows, Failure>> {
        self.receiver.recv().await
    }
}

/// Ends the reading of [`Steps`] early.
pub(crate) struct Ending(Arc<AtomicBool>);

impl Ending {
    /// Reads to the end only what was begun: rows that wait for others were asked for once and are not to be asked for again. There is no step
    /// after that.
    pub(crate) fn end_early(&self) {
        self.0.store(true, Ordering::Relaxed);
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
    let opening = reader.take_opening();
    let ends_early = Arc::new(AtomicBool::new(false));
    let backfill = Backfill {
        reader,
        plan: Plan::new(after, until, most_ahead),
        until,
        opening,
        ends_early: Arc::clone(&ends_early),
        last_look: LastLook::Ahead,
        pages: 0,
        new_deals: 0,
        most_ready: if limited { most_ahead } else { most_ahead / READY },
        wanted: VecDeque::new(),
        seen_to: 0,
        known: 0,
        asked: FxHashSet::default(),
        abreast: 1,
        handed_on: Instant::now(),
    };
    let task = tokio::spawn(backfill.run(sender).in_current_span());
    Steps {
        receiver,
        task,
        ends_early,
    }
}

/// One request.
struct Batch {
    asks: Vec<Ask>,
    chains: Vec<HistoryChain>,
    deals: Vec<i64>,
    /// What is to be looked at after all else.
    look: Option<HistoryQuery>,
}

/// A request and what came.
struct Answer {
    batch: Batch,
    read: Read,
}

/// The look at what came after all rows, which goes along with the last request.
enum LastLook {
    /// It was not asked for yet.
    Ahead,
    /// It is under way, with the deals that are read just before it: none of their rows goes on until it came.
    UnderWay(HashSet<i64>),
    /// It came.
    Taken(Arc<Look>),
    /// It did not come as it has to: the reader will ask.
    Lost,
}

impl LastLook {
    /// Whether what other requests tell of this deal is not to be taken in.
    fn reads(&self, deal: i64) -> bool {
        match self {
            Self::Ahead | Self::Lost => false,
            Self::UnderWay(sure) => sure.contains(&deal),
            Self::Taken(look) => look.sure.contains(&deal),
        }
    }

    fn is_awaited_for(&self, deal: i64) -> bool {
        matches!(self, Self::UnderWay(sure) if sure.contains(&deal))
    }
}

struct Backfill {
    reader: Reader,
    plan: Plan,
    until: i64,
    /// Nothing more is to be begun.
    ends_early: Arc<AtomicBool>,
    /// The first rows, until they are taken in.
    opening: Option<Opening>,
    last_look: LastLook,
    /// Pages that came, and deals that they brought.
    pages: usize,
    new_deals: usize,
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
        if let Some(Opening { window, asked, chain }) = self.opening.take() {
            // It is known how dense the IDs are. Whether the portal follows chains is not, when it did not follow this one: then more and more
            // requests go side by side, so that few are wasted.
            self.abreast = if chain.strayed { 2 } else { usize::MAX };
            let came = self.came(window, chain)?;
            self.plan.opens_with(window, asked, came);
        }
        let portal = self.reader.portal().clone();
        let mut under_way: JoinSet<Result<Answer, Failure>> = JoinSet::new();
        while !self.plan.is_over() {
            if self.ends_early.load(Ordering::Relaxed) && !matches!(self.last_look, LastLook::UnderWay(_)) {
                self.plan.begin_no_more();
                // What follows is not behind everything.
                self.last_look = LastLook::Lost;
            }
            let most = self.most_abreast();
            self.plan.expect_abreast(most);
            let due = self.is_due();
            self.plan.hurry(self.ends_now());
            // Deals bring nothing more to ask for.
            let asks = if under_way.is_empty() || self.plan.is_read() {
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
                    let mut asking = Box::pin(ask(portal.clone(), batch).in_current_span());
                    // From here on it has its place among those that wait for the limits: what follows is put together when it has gone.
                    let first = poll_fn(|cx| Poll::Ready(asking.as_mut().poll(cx))).await;
                    under_way.spawn(async move {
                        match first {
                            Poll::Ready(answer) => answer,
                            Poll::Pending => asking.await,
                        }
                    });
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
        let answered_in = portal.batch_answered_in().as_secs_f64();
        let needed = rate * (answered_in * ABREAST).max(LONG_ANSWER + answered_in);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "casts of floats stay within the type"
        )]
        let enough = if rate > 0.0 {
            needed.max(2.0).ceil() as usize
        } else if answered_in < QUICK {
            ABREAST_OF_QUICK
        } else {
            usize::MAX
        };
        enough.min(portal.max_in_flight())
    }

    /// How many requests may go while one is answered, at the steady rate; 0 where nothing limits them.
    fn sent_meanwhile(&self) -> f64 {
        let portal = self.reader.portal();
        portal.config().requests_per_second * portal.batch_answered_in().as_secs_f64()
    }

    /// The same in whole requests.
    fn round(&self) -> f64 {
        self.sent_meanwhile().ceil()
    }

    /// Whether what is left of the history is to be asked for before the deals that are known: the deals of the last rows can be asked for
    /// only when those rows came, and until then other deals have to fill the requests. So many are kept back as requests may
    /// go meanwhile.
    #[allow(clippy::cast_precision_loss, reason = "counts of what is in memory")]
    fn ends_soon(&self) -> bool {
        // What is kept back keeps rows back.
        if self.round() == 0.0 || self.plan.is_read() || self.plan.is_full() {
            return false;
        }
        let pages = self.plan.pages_left();
        let deals_per_page = self.new_deals as f64 / self.pages.max(1) as f64;
        let deals = self.wanted.len() as f64 + pages * deals_per_page;
        deals / PAGE_ROWS as f64 <= calls_of(self.round() * ROUNDS_KEPT + 1.0)
            && pages * PAGE_ROWS as f64 <= AHEAD_WITHIN_LIMIT as f64
    }

    /// Whether all that is left of the history is to be asked for at once: no more is left than goes while the requests that are under way
    /// are answered. Where each page is asked for by itself, what is longest has to begin sooner.
    fn ends_now(&self) -> bool {
        let at_once = calls_of(self.round() * ROUNDS + 1.0);
        self.ends_soon() && (!self.plan.has_chains() || self.plan.pages_left() <= at_once)
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

    /// The next request: deals first, since rows that are here wait for them, but near the end. A portion of deals that is not full goes along only
    /// where there is room.
    fn next_batch(&mut self) -> Batch {
        // Where each request counts.
        if self.round() > 0.0 && !self.fills_a_request() {
            self.want_forgotten();
        }
        let first = if self.ends_soon() { 0 } else { self.wanted.len() };
        let full = (first / PAGE_ROWS).min(MAX_BATCH);
        let (ready, _) = self.plan.ready();
        let asks = if ready < self.most_ready {
            self.plan.ask(MAX_BATCH - full)
        } else {
            Vec::new()
        };
        let portions = self.most_calls().saturating_sub(calls(&asks));
        let deals = self.wanted.len().min(portions * PAGE_ROWS);
        let mut batch = Batch {
            chains: asks.iter().map(|ask| self.chain(ask)).collect(),
            asks,
            deals: self.wanted.drain(..deals).collect(),
            look: None,
        };
        let is_last = batch.asks.is_empty() && self.wanted.is_empty() && self.plan.is_read();
        if is_last && matches!(self.last_look, LastLook::Ahead) {
            self.look_with(&mut batch);
        }
        batch
    }

    /// How many calls the next request may have. At the end each has so many fewer than the one before as the portal makes until the next
    /// may go: all are answered at about the same time, and the last soon after it was sent.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "calls of a few requests; casts of floats stay within the type"
    )]
    fn most_calls(&self) -> usize {
        let sent_meanwhile = self.sent_meanwhile();
        if !self.plan.is_read() || sent_meanwhile == 0.0 {
            return MAX_BATCH;
        }
        let fewer = (MAX_BATCH as f64 / sent_meanwhile).max(1.0) as usize;
        // With the look.
        let calls = self.wanted.len().div_ceil(PAGE_ROWS) + 1;
        let (mut most, mut together) = (0, 0);
        while together < calls && most < MAX_BATCH {
            most += fewer;
            together += most;
        }
        most.min(MAX_BATCH)
    }

    /// All rows are here, and this request asks for the last of their deals: it can look for what came after the rows, too. Of the deals of the
    /// newest rows that tells whether they were moved again, if they are read before it in the same request: those that were read
    /// earlier may be out of date by now, and those that other requests ask for may be read later.
    fn look_with(&mut self, batch: &mut Batch) {
        let ends = self.ends();
        let is_near = |mark: &Mark| {
            let mut ends = ends.iter().flatten();
            ends.any(|end| (mark.created_at - end).abs() <= NEAR)
        };
        let mut sure: HashSet<i64> = batch.deals.iter().copied().collect();
        sure.extend(self.plan.front().filter(is_near).map(|mark| mark.owner_id));
        if sure.len() > (MAX_BATCH - 1) * PAGE_ROWS {
            return;
        }
        batch.deals = sure.iter().copied().collect();
        batch.look = Some(HistoryQuery {
            after_id: Some(self.until),
            ..HistoryQuery::default()
        });
        self.asked.extend(&sure);
        self.last_look = LastLook::UnderWay(sure);
        // Deals that were known are awaited anew.
        self.known = 0;
    }

    /// When the last rows that are here were made, by ID and by time.
    fn ends(&self) -> [Option<i64>; 2] {
        let times = || self.plan.front().map(|mark| mark.created_at);
        [times().last(), times().max()]
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
        let (mut asked, mut deals) = (batch.deals, read.deals);
        if batch.look.is_some() {
            self.last_look = match std::mem::replace(&mut self.last_look, LastLook::Lost) {
                // One page that is full may be the first of more.
                LastLook::UnderWay(sure) => match read.look.filter(|page| !page.more) {
                    Some(page) => LastLook::Taken(Arc::new(Look {
                        sure,
                        moved: page.records.iter().map(|record| record.owner_id).collect(),
                    })),
                    None => LastLook::Lost,
                },
                other => other,
            };
        } else {
            asked.retain(|id| !self.last_look.reads(*id));
            deals.retain(|deal| !self.last_look.reads(deal.id));
        }
        for id in &asked {
            self.asked.remove(id);
        }
        self.reader.deals().learn(&asked, &deals);
        for (ask, chain) in batch.asks.into_iter().zip(read.chains) {
            let came = self.came(ask.window, chain)?;
            self.plan.came(ask, came);
        }
        Ok(())
    }

    /// Pages of a window, whose deals will be asked for.
    fn came(&mut self, window: Window, chain: ChainPages) -> Result<Came, Failure> {
        let strayed = chain.strayed;
        let pages = self.reader.trusted_chain(window, chain.pages)?;
        for page in &pages {
            let known = self.wanted.len();
            for record in &page.records {
                let id = record.owner_id;
                want(self.reader.deals(), &mut self.asked, &mut self.wanted, id);
            }
            self.pages += 1;
            self.new_deals += self.wanted.len() - known;
        }
        Ok(Came { pages, strayed })
    }

    /// Deals of rows that are ready may have been forgotten since. Where there is room they are asked for together, rather than step by
    /// step.
    fn want_forgotten(&mut self) {
        for mark in self.plan.front() {
            let id = mark.owner_id;
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
        for mark in self.plan.front().take(STEP).skip(self.seen_to) {
            // A deal may have been forgotten since its row came.
            let id = mark.owner_id;
            let known = want(self.reader.deals(), &mut self.asked, &mut self.wanted, id);
            if known && self.known == self.seen_to && !self.last_look.is_awaited_for(id) {
                self.known += 1;
            }
            self.seen_to += 1;
        }
        let deals = self.reader.deals();
        let mut is_known = |id| deals.knows(id) && !self.last_look.is_awaited_for(id);
        let rows = self.plan.front().take(STEP).skip(self.known);
        self.known += rows.take_while(|mark| is_known(mark.owner_id)).count();
        let complete = self.known == ready.min(STEP);
        complete || (late && self.known > 0)
    }

    async fn next_step(&mut self) -> Result<StepRows, Failure> {
        let (_, known_to) = self.plan.ready();
        let [last, newest] = self.ends();
        let most = std::mem::take(&mut self.known);
        self.seen_to = 0;
        // Who made a move is told by what follows it within seconds. So the newest rows stay, where others can go.
        let settled = match newest {
            Some(newest) if !self.plan.is_read() => self
                .plan
                .front()
                .take(most)
                .take_while(|mark| mark.created_at + NEAR < newest)
                .count(),
            _ => most,
        };
        let taken = self.plan.take(if settled * 2 >= most { settled } else { most });
        let end = taken.records.iter().map(|record| record.created_time.timestamp());
        let end = end.max();
        let soon = |mark: &Mark| end.is_some_and(|end| mark.created_at <= end + 2 * NEAR);
        let behind = Behind {
            known_to,
            ends: [last, newest],
            moved: self
                .plan
                .front()
                .take_while(soon)
                .map(|mark| mark.owner_id)
                .collect(),
            look: match &self.last_look {
                LastLook::Taken(look) => Some(Arc::clone(look)),
                _ => None,
            },
        };
        let rows = self.reader.complete(taken.records, Some(behind)).await?;
        Ok(StepRows {
            up_to: taken.up_to,
            rows,
        })
    }
}

/// The calls of so many full requests.
#[allow(clippy::cast_precision_loss, reason = "50")]
fn calls_of(requests: f64) -> f64 {
    requests * MAX_BATCH as f64
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
    let read = match &batch.look {
        Some(look) => portal.read_and_look(&batch.chains, &batch.deals, look).await,
        None => portal.read(&batch.chains, &batch.deals).await,
    };
    match read {
        Ok(read) => Ok(Answer { batch, read }),
        Err(error) => Err(portal_failure("read the stage history", error)),
    }
}

fn cannot_read(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::permanent("cannot read the stage history").with_source(error)
}
