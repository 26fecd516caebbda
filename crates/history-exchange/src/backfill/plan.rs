//! What of the history to read next, what has come, and what may go on to the table. Pure.
//!
//! The IDs are cut into spans that follow one another. A span is read page by page, each page from the last row of the one
//! before; many spans are read side by side, so no request waits for another. Where IDs are dense, a span is as wide as a page,
//! and one call reads it. Where they are sparse, a span is many pages long, since the last page of each is half empty on average:
//! the longer the spans, the fewer calls are wasted, and the more rows wait in memory for those before them.

use std::collections::{BTreeMap, VecDeque};
use std::vec::IntoIter;

use bitrix_client::{HistoryRecord, PAGE_ROWS};

use super::packed::{Kinds, Packed};
use crate::windows::{PAGE, Window};

/// The most pages that a span is meant to have.
const LONGEST: f64 = 48.0;

/// Spans in a full request.
const IN_A_REQUEST: f64 = 50.0;

/// Spans that are read on all the same when so many rows wait.
const FRONT: usize = 100;

/// Spans that are read side by side are half read on average; more counts, for chance.
const HALF_READ: f64 = 0.75;

/// By how much lengths differ, so that spans that begin together do not end together and leave requests half empty.
const SPREAD: f64 = 0.6;

/// The golden ratio: its multiples, less whole numbers, spread evenly.
const GOLDEN: f64 = 0.618_033_988_749_895;

/// Towards the end, lengths shrink: a new span takes one of so many shares for each that is read side by side of what is left, so that
/// all end at about the same time.
const SHARES: f64 = 0.35;

/// Spans are halved rather than that fewer than this part of those that are meant to be read side by side are left.
const AT_LEAST: f64 = 0.5;

/// So many spans from the start, lengths grow: rows come early, and not all spans end at the same time.
const GROWING: f64 = 400.0;

/// Pages of the first piece of a span that proved denser than it was thought to be, and how much longer each further one is.
const FIRST_PIECE: f64 = 4.0;
const LONGER: f64 = 1.5;

/// Pages that a long span costs beyond those its rows would fill: the last is half empty.
const SHORT_OF_FULL: f64 = 0.5;

/// The part of a page that a span of one page is meant to leave empty, as room for chance.
const ROOM: f64 = 0.3;

/// No span is wider than this: beyond it a query's cost for the portal grows with nothing won.
const WIDEST: f64 = 16e6;

/// How much of what was learnt counts still after one more page: the last ten or so pages tell how dense IDs are.
const FORGET: f64 = 0.9;

/// Pages of the same stretch never differ so much by chance alone.
const FAR_DENSER: f64 = 2.0;

#[allow(
    clippy::cast_precision_loss,
    reason = "IDs and counts here are far below 2^53"
)]
fn float(number: i64) -> f64 {
    number as f64
}

#[allow(clippy::cast_precision_loss, reason = "counts of rows in memory")]
fn count(number: usize) -> f64 {
    number as f64
}

/// One page to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ask {
    /// The span it belongs to.
    span: i64,
    /// What to ask for.
    pub(crate) window: Window,
}

/// A stretch of IDs that is read from its start to its end.
#[derive(Debug)]
struct Span {
    /// Its rows up to here were read.
    read_to: i64,
    up_to: i64,
    asked: bool,
    /// How dense its last page was.
    rows_per_id: f64,
    /// Pages that came, and what was not taken of them yet.
    pages: VecDeque<IntoIter<Packed>>,
}

/// How dense the wanted rows are among the IDs, from what came lately.
#[derive(Debug, Clone, Copy, Default)]
struct Density {
    ids: f64,
    rows: f64,
}

impl Density {
    /// Rows per ID; `None` before anything came. Never 0: even where nothing was seen something may be.
    fn rows_per_id(self) -> Option<f64> {
        (self.ids > 0.0).then(|| ((self.rows + 0.5) / self.ids).min(1.0))
    }

    /// How many IDs a span may have, for what is known. Where next to nothing was seen, a hole, which may end soon: no more than are
    /// remembered. That is about ten pages, so widths grow tenfold from one request to the next.
    fn reach(self) -> i64 {
        if self.rows >= count(PAGE_ROWS) {
            return i64::MAX;
        }
        #[allow(
            clippy::cast_possible_truncation,
            reason = "casts of floats stay within the type"
        )]
        let reach = self.ids as i64;
        reach.max(PAGE)
    }

    /// A page covered so many IDs. Where a full page is far denser than what was known, what was known is of another stretch: a hole that
    /// has ended, say.
    fn learn(&mut self, ids: i64, rows: usize) {
        let known = self.rows_per_id().unwrap_or(0.0);
        if rows >= PAGE_ROWS && count(rows) > known * FAR_DENSER * float(ids) {
            *self = Self::default();
        }
        self.ids = self.ids * FORGET + float(ids);
        self.rows = self.rows * FORGET + count(rows);
    }
}

/// Rows that follow one another without a gap.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// The rows, in ascending order of their IDs.
    pub(crate) records: Vec<HistoryRecord>,
    /// Every row with an ID up to here is among these or those taken before.
    pub(crate) up_to: i64,
}

/// The reading of the IDs above one number up to another.
#[derive(Debug)]
pub(crate) struct Plan {
    until: i64,
    /// How many rows may be held, or asked for, beyond the first that is missing.
    most_ahead: usize,
    /// IDs up to here are in spans, or were taken.
    cut_to: i64,
    /// How many spans were cut.
    cut: f64,
    taken_to: i64,
    /// The spans that are not wholly taken, by the ID that they start after.
    spans: BTreeMap<i64, Span>,
    density: Density,
    /// Spans that are meant to be read side by side.
    side_by_side: f64,
    kinds: Kinds,
}

impl Plan {
    /// A reading of the IDs above `after` up to `until`. `most_ahead` bounds the memory for rows that wait for others; the more there
    /// may be, the fewer calls are wasted where IDs are sparse.
    pub(crate) fn new(after: i64, until: i64, most_ahead: usize) -> Self {
        Self {
            until,
            most_ahead,
            cut_to: after,
            cut: 0.0,
            taken_to: after,
            spans: BTreeMap::new(),
            density: Density::default(),
            side_by_side: IN_A_REQUEST,
            kinds: Kinds::default(),
        }
    }

    /// So many requests will be under way at a time. The more, the shorter the spans.
    pub(crate) fn expect_abreast(&mut self, requests: usize) {
        self.side_by_side = IN_A_REQUEST * count(requests.max(1));
    }

    /// Every row up to here was taken.
    pub(crate) fn taken_to(&self) -> i64 {
        self.taken_to
    }

    /// Whether everything was taken.
    pub(crate) fn is_over(&self) -> bool {
        self.taken_to >= self.until
    }

    /// Whether everything came.
    pub(crate) fn is_read(&self) -> bool {
        self.cut_to >= self.until && self.open().next().is_none()
    }

    /// At most `most` pages to ask for: first those that rows wait for. They count as asked for from now on.
    pub(crate) fn ask(&mut self, most: usize) -> Vec<Ask> {
        self.split_for(most);
        let mut asks: Vec<Ask> = Vec::new();
        let reach = self.reach();
        let open = self.spans.iter_mut().filter(|(_, span)| span.is_open());
        for (start, span) in open.take(reach).filter(|(_, span)| span.waits()).take(most) {
            span.asked = true;
            asks.push(span.ask(*start));
        }
        let mut ahead = self.ahead();
        while asks.len() < most && self.cut_to < self.until && ahead < self.most_ahead {
            let start = self.cut_to;
            let up_to = start.saturating_add(self.width()).min(self.until);
            let mut span = Span::new(start, up_to);
            span.asked = true;
            asks.push(span.ask(start));
            self.spans.insert(start, span);
            self.cut_to = up_to;
            self.cut += 1.0;
            ahead += PAGE_ROWS;
        }
        asks
    }

    /// Where fewer than `most` spans wait that may be read on or can be cut, halves the longest ones: calls that would not be made are
    /// free, and what others wait for comes sooner.
    fn split_for(&mut self, most: usize) {
        let to_cut = self.to_cut();
        let reach = self.reach();
        loop {
            let (mut waiting, mut side_by_side) = (0, 0);
            for span in self.open().take(reach) {
                side_by_side += 1;
                waiting += usize::from(span.waits());
            }
            let enough =
                waiting + to_cut >= most && count(side_by_side + to_cut) >= AT_LEAST * self.side_by_side;
            if waiting == 0 || enough {
                return;
            }
            let open = self.spans.values_mut().filter(|span| span.is_open());
            let longest = open
                .take(reach)
                .filter(|span| span.waits())
                .max_by(|one, other| one.pages_left().total_cmp(&other.pages_left()));
            let Some(span) = longest.filter(|span| span.pages_left() >= 2.0) else {
                return;
            };
            let middle = span.read_to + (span.up_to - span.read_to) / 2;
            let mut half = Span::new(middle, std::mem::replace(&mut span.up_to, middle));
            half.rows_per_id = span.rows_per_id;
            self.spans.insert(middle, half);
        }
    }

    /// How many of the unfinished spans, from the front, may be read on: when too many rows wait, only those that the others wait for.
    fn reach(&self) -> usize {
        if self.held() < self.most_ahead {
            usize::MAX
        } else {
            FRONT
        }
    }

    /// The spans of which there is more to read, from the front.
    fn open(&self) -> impl Iterator<Item = &Span> {
        self.spans.values().filter(|span| span.is_open())
    }

    fn may_cut(&self) -> bool {
        self.cut_to < self.until && self.ahead() < self.most_ahead
    }

    /// How many spans can be cut now.
    fn to_cut(&self) -> usize {
        if !self.may_cut() {
            return 0;
        }
        let room = self.most_ahead.saturating_sub(self.ahead()).div_ceil(PAGE_ROWS);
        let width = usize::try_from(self.width()).unwrap_or(usize::MAX);
        let left = usize::try_from(self.until - self.cut_to).unwrap_or(usize::MAX);
        room.min(left.div_ceil(width))
    }

    /// Whether [`ask`](Self::ask) has so many.
    pub(crate) fn fills(&self, asks: usize) -> bool {
        let waiting = self.open().take(self.reach()).filter(|span| span.waits());
        let pieces: f64 = waiting.map(Span::pieces).sum();
        pieces + count(self.to_cut()) >= count(asks)
    }

    /// Whether [`ask`](Self::ask) has anything.
    pub(crate) fn has_asks(&self) -> bool {
        self.open().take(self.reach()).any(Span::waits) || self.may_cut()
    }

    /// A page came, with its wanted rows, and whether it was read on from its last row.
    pub(crate) fn came(&mut self, ask: Ask, records: Vec<HistoryRecord>, read_on_from: Option<i64>) {
        let read_to = read_on_from.unwrap_or(ask.window.up_to);
        let ids = read_to.saturating_sub(ask.window.after);
        self.density.learn(ids, records.len());
        let local = count(records.len()) / float(ids.max(1));
        let longest = self.longest();
        let Some(span) = self.spans.get_mut(&ask.span) else {
            return;
        };
        span.asked = false;
        span.read_to = read_to;
        span.rows_per_id = local;
        if !records.is_empty() {
            let kinds = &mut self.kinds;
            let page: Vec<Packed> = records.into_iter().map(|record| kinds.pack(record)).collect();
            span.pages.push_back(page.into_iter());
        }
        // Denser than it was thought to be: the rest would be a long chain of pages, each of which waits for the one before. It
        // may be a short burst, too, so each piece of the rest is longer than the one before.
        if span.pages_left() > 2.0 * longest.max(FIRST_PIECE) {
            let mut pages = FIRST_PIECE.min(longest);
            let end = std::mem::replace(&mut span.up_to, read_to);
            let mut start = read_to;
            while start < end {
                let up_to = start.saturating_add(width_of(pages, local)).min(end);
                let mut piece = Span::new(start, up_to);
                piece.rows_per_id = local;
                self.spans.insert(start, piece);
                start = up_to;
                pages = (pages * LONGER).min(longest.max(1.0));
            }
        }
    }

    /// How many rows follow what was taken without a gap, and up to which ID.
    pub(crate) fn ready(&self) -> (usize, i64) {
        let (mut rows, mut up_to) = (0, self.taken_to);
        for span in self.spans.values() {
            rows += span.held();
            up_to = span.read_to;
            if span.is_open() {
                break;
            }
        }
        (rows, up_to)
    }

    /// The rows that follow what was taken without a gap.
    pub(crate) fn front(&self) -> impl Iterator<Item = &Packed> {
        let mut whole = true;
        self.spans
            .values()
            .take_while(move |span| std::mem::replace(&mut whole, !span.is_open()))
            .flat_map(|span| span.pages.iter().flat_map(|page| page.as_slice()))
    }

    /// Takes at most `most` rows from the front.
    pub(crate) fn take(&mut self, most: usize) -> Taken {
        let mut records = Vec::new();
        while let Some(mut first) = self.spans.first_entry() {
            let span = first.get_mut();
            while let Some(page) = span.pages.front_mut() {
                records.extend(page.take(most - records.len()).map(Packed::unpack));
                if page.len() > 0 {
                    break;
                }
                span.pages.pop_front();
            }
            if !span.pages.is_empty() {
                self.taken_to = records
                    .last()
                    .map_or(self.taken_to, |last: &HistoryRecord| last.id);
                break;
            }
            self.taken_to = span.read_to;
            if span.is_open() {
                break;
            }
            first.remove();
        }
        Taken {
            records,
            up_to: self.taken_to,
        }
    }

    /// Rows that came and were not taken.
    pub(crate) fn held(&self) -> usize {
        self.spans.values().map(Span::held).sum()
    }

    /// Rows that are held, and those that may come with what was asked for.
    fn ahead(&self) -> usize {
        let asked = self.spans.values().filter(|span| span.asked).count();
        self.held() + asked * PAGE_ROWS
    }

    /// How many pages spans may have, for the memory that there is.
    fn longest(&self) -> f64 {
        let side_by_side = count(self.open().count()).max(self.side_by_side);
        (count(self.most_ahead) / (HALF_READ * float(PAGE) * side_by_side)).min(LONGEST)
    }

    /// How wide the next span is to be.
    fn width(&self) -> i64 {
        let Some(density) = self.density.rows_per_id() else {
            return PAGE;
        };
        let grown = 1.0 + self.cut * LONGEST / GROWING;
        let left = float(self.until - self.cut_to) * density / float(PAGE);
        let shared = left / (SHARES * self.side_by_side);
        let pages = self.longest().min(grown).min(shared);
        let spread = 1.0 + SPREAD * ((self.cut * GOLDEN).fract() - 0.5);
        let pages = (pages * spread).max(1.0);
        // A span as wide as a page cannot overflow and is as full as its IDs are dense; a longer one wastes half a page.
        if density >= pages / (pages + SHORT_OF_FULL) {
            return PAGE;
        }
        width_of(pages - ROOM, density).min(self.density.reach())
    }
}

impl Span {
    fn new(after: i64, up_to: i64) -> Self {
        Self {
            read_to: after,
            up_to,
            asked: false,
            rows_per_id: 0.0,
            pages: VecDeque::new(),
        }
    }

    /// Rows that were not taken yet.
    fn held(&self) -> usize {
        self.pages.iter().map(ExactSizeIterator::len).sum()
    }

    /// Whether there is more of it to read.
    fn is_open(&self) -> bool {
        self.read_to < self.up_to
    }

    /// Whether its next page can be asked for.
    fn waits(&self) -> bool {
        !self.asked && self.is_open()
    }

    /// How many pages it is expected to have still.
    fn pages_left(&self) -> f64 {
        float(self.up_to - self.read_to) * self.rows_per_id / float(PAGE)
    }

    /// How many spans it makes if it is halved as often as is worth it.
    fn pieces(&self) -> f64 {
        self.pages_left().max(1.0).log2().floor().exp2()
    }

    fn ask(&self, start: i64) -> Ask {
        Ask {
            span: start,
            window: Window {
                after: self.read_to,
                up_to: self.up_to,
            },
        }
    }
}

/// How many IDs are expected to have so many pages of rows.
fn width_of(pages: f64, density: f64) -> i64 {
    #[allow(clippy::cast_possible_truncation, reason = "clamped")]
    let width = (pages * float(PAGE) / density).clamp(float(PAGE), WIDEST) as i64;
    width
}
