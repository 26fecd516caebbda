//! What of the history to read next, what has come, and what may go on to the table. Pure.
//!
//! The IDs are cut into spans that follow one another. A span is read page by page, each page from the last row of the one
//! before. Several pages of a span make a chain within one request: the portal goes on by itself from the row that it has just given.
//! A few spans are read side by side, so no request waits for another. A span is many pages long, since the last page of
//! each is half empty on average: the longer the spans, the fewer calls are wasted, and the more rows wait in memory for those
//! before them. What a chain asks for behind the end of its span is wasted too, so chains grow where they come back full.
//!
//! A portal that does not follow chains is read by single pages, of many more spans side by side.

use std::collections::{BTreeMap, VecDeque};

use bitrix_client::{HistoryRecord, PAGE_ROWS};

use super::packed::{Kinds, Mark, Page};
use crate::windows::{PAGE, Window, WindowPage};

/// The most pages that a span is meant to have.
const LONGEST: f64 = 200.0;

/// Spans that are read side by side for each request under way, with chains and without.
const IN_A_REQUEST: f64 = 2.0;
const IN_A_REQUEST_WITHOUT: f64 = 50.0;

/// Spans that are read on all the same when so many rows wait, with chains and without.
const FRONT: usize = 6;
const FRONT_WITHOUT: usize = 100;

/// The longest chain with which a span begins: should there be a hole, so many calls are wasted.
const LONGEST_FIRST: usize = 4;

/// By how much longer the next chain of a span is after one that came back full.
const CHAIN_GROWS: usize = 4;

/// A portal that stops so many chains in a row at their first page does not follow them. One that goes astray, or is refused, counts ten
/// times: the others may have met a fault.
const NOT_FOLLOWED: usize = 50;
const ASTRAY: usize = 10;

/// Spans that are read side by side are half read on average; more counts, for chance, and more still without chains, where hundreds begin at
/// the same time.
const HALF_READ: f64 = 0.75;
const HALF_READ_WITHOUT: f64 = 1.5;

/// By how much lengths differ, so that spans that begin together do not end together and leave requests half empty.
const SPREAD: f64 = 0.6;

/// The golden ratio: its multiples, less whole numbers, spread evenly.
const GOLDEN: f64 = 0.618_033_988_749_895;

/// Towards the end, lengths shrink: a new span takes one of so many shares for each that is read side by side of what is left, so that
/// all end at about the same time.
const SHARES: f64 = 0.35;

/// Spans are halved rather than that fewer than this part of those that are meant to be read side by side are left.
const AT_LEAST: f64 = 0.5;

/// Spans are not halved that have fewer pages, where pages come one by one; where chains do, what one chain takes, and less where too many rows
/// wait for the first spans.
const SHORTEST_SPLIT: f64 = 2.0;
const MAX_CHAIN: f64 = 50.0;
const SHORTEST_SPLIT_AHEAD: f64 = 20.0;

/// Where pages come in chains, no new span has fewer pages to share work with others.
const SHORTEST_SHARE: f64 = 40.0;

/// Near the end pages are asked for beyond those that are expected, so that nothing is left for another request: for chance, in standard
/// deviations. How dense the IDs are is known from what chance gave, too.
const DEVIATIONS: f64 = 1.5;

/// Pages of the first span, and by how many each further one is longer: rows come early, and not all spans end at the same time.
const FIRST_SPAN: f64 = 12.0;
const GROWS: f64 = 6.0;

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

/// Pages to ask for that follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ask {
    /// The span they belong to.
    span: i64,
    /// What is left of the span.
    pub(crate) window: Window,
    /// How many pages of it, from its start.
    pub(crate) pages: usize,
}

/// What came for an [`Ask`].
#[derive(Debug, Default)]
pub(crate) struct Came {
    /// Pages that follow one another, with their wanted rows; at least one.
    pub(crate) pages: Vec<WindowPage>,
    /// Whether the portal did not follow the chain.
    pub(crate) strayed: bool,
}

/// How many calls these are.
pub(crate) fn calls(asks: &[Ask]) -> usize {
    asks.iter().map(|ask| ask.pages).sum()
}

/// A stretch of IDs that is read from its start to its end.
#[derive(Debug)]
struct Span {
    /// Its rows up to here were read.
    read_to: i64,
    up_to: i64,
    /// Pages that were asked for and did not come yet.
    asked: usize,
    /// The most pages of its next chain.
    chain: usize,
    /// How dense what came last was.
    rows_per_id: f64,
    /// Pages that came, and what was not taken of them yet.
    pages: VecDeque<Page>,
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
    /// Requests under way.
    abreast: usize,
    /// What is asked for now is to be the last: no chain is cut off, since its rest would have to wait for it. Some calls may be wasted.
    hurry: bool,
    /// With how many pages the chain of a new span begins.
    first_chain: usize,
    /// Chains in a row that the portal stopped at their first page.
    stopped: usize,
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
            abreast: 1,
            hurry: false,
            first_chain: 1,
            stopped: 0,
            kinds: Kinds::default(),
        }
    }

    /// The first rows are here already: all of `window`, of which so many pages were asked for.
    pub(crate) fn opens_with(&mut self, window: Window, pages: usize, came: Came) {
        if window.after != self.cut_to || window.up_to <= window.after {
            return;
        }
        let mut span = Span::new(window.after, window.up_to);
        let ask = span.ask(window.after, pages);
        self.spans.insert(window.after, span);
        self.cut_to = window.up_to;
        self.cut += 1.0;
        self.came(ask, came);
    }

    /// No more spans are begun: the reading ends with those that are.
    pub(crate) fn begin_no_more(&mut self) {
        self.until = self.cut_to;
    }

    /// So many requests will be under way at a time. The more, the shorter the spans.
    pub(crate) fn expect_abreast(&mut self, requests: usize) {
        self.abreast = requests.max(1);
    }

    /// Whether the end is near: nothing is to be left for another request.
    pub(crate) fn hurry(&mut self, hurry: bool) {
        self.hurry = hurry;
    }

    /// How many pages are expected to come still.
    pub(crate) fn pages_left(&self) -> f64 {
        let open: f64 = self.open().map(Span::pages_left).sum();
        let density = self.density.rows_per_id().unwrap_or(1.0);
        open + float(self.until - self.cut_to) * density / float(PAGE)
    }

    /// Whether the portal follows chains, as far as it is known.
    pub(crate) fn has_chains(&self) -> bool {
        self.stopped < NOT_FOLLOWED
    }

    /// Spans that are meant to be read side by side.
    fn side_by_side(&self) -> f64 {
        let spans = if self.has_chains() {
            IN_A_REQUEST
        } else {
            IN_A_REQUEST_WITHOUT
        };
        spans * count(self.abreast)
    }

    /// The most pages of any chain.
    fn longest_chain(&self) -> usize {
        if self.has_chains() { usize::MAX } else { 1 }
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
        self.split();
        let (longest, reach, hurry) = (self.longest_chain(), self.reach(), self.hurry);
        let cuts = hurry && self.has_chains();
        let mut asks: Vec<Ask> = Vec::new();
        let mut left = most;
        let open = self.spans.iter_mut().filter(|(_, span)| span.is_open());
        let waiting = open.take(reach).filter(|(_, span)| span.waits());
        let mut waiting: Vec<(&i64, &mut Span)> = waiting.collect();
        if hurry {
            // What takes the most requests one after another must not begin last.
            waiting.sort_by(|(_, one), (_, other)| other.pages_left().total_cmp(&one.pages_left()));
        }
        let mut split: Vec<Span> = Vec::new();
        for (start, span) in waiting {
            if left == 0 {
                break;
            }
            let pages = span.next_chain(longest, hurry).min(left);
            if cuts {
                split.extend(span.split_behind(pages));
            }
            asks.push(span.ask(*start, pages));
            left -= pages;
        }
        self.spans
            .extend(split.into_iter().map(|span| (span.read_to, span)));
        let mut ahead = self.ahead();
        while left > 0 && self.cut_to < self.until && ahead < self.most_ahead {
            let start = self.cut_to;
            let up_to = start.saturating_add(self.width()).min(self.until);
            let mut span = Span::new(start, up_to);
            span.rows_per_id = self.density.rows_per_id().unwrap_or(0.0);
            span.chain = self.first_chain;
            let pages = span.next_chain(longest, hurry).min(left);
            if cuts {
                span.split_behind(pages);
            }
            asks.push(span.ask(start, pages));
            left -= pages;
            self.cut_to = span.up_to;
            self.spans.insert(start, span);
            self.cut += 1.0;
            ahead += pages * PAGE_ROWS;
        }
        asks
    }

    /// Where fewer spans are left than are to be read side by side, halves the longest that wait: what is left of a long one would be
    /// read by one request after another.
    fn split(&mut self) {
        let to_cut = self.to_cut(1);
        let reach = self.reach();
        let shortest = match (self.has_chains(), reach) {
            (false, _) => SHORTEST_SPLIT,
            (true, usize::MAX) => MAX_CHAIN,
            // Too many rows wait for the first spans.
            (true, _) => SHORTEST_SPLIT_AHEAD,
        };
        loop {
            let side_by_side = self.open().take(reach).count() + to_cut;
            if count(side_by_side) >= AT_LEAST * self.side_by_side() {
                return;
            }
            let open = self.spans.values_mut().filter(|span| span.is_open());
            let longest = open
                .take(reach)
                .filter(|span| span.waits())
                .max_by(|one, other| one.pages_left().total_cmp(&other.pages_left()));
            let Some(span) = longest.filter(|span| span.pages_left() >= shortest) else {
                return;
            };
            let middle = span.read_to + (span.up_to - span.read_to) / 2;
            let half = span.cut_at(middle);
            self.spans.insert(middle, half);
        }
    }

    /// Whether as many rows wait as may.
    pub(crate) fn is_full(&self) -> bool {
        self.held() >= self.most_ahead
    }

    /// How many of the unfinished spans, from the front, may be read on: when too many rows wait, only those that the others wait for.
    fn reach(&self) -> usize {
        if !self.is_full() {
            usize::MAX
        } else if self.has_chains() {
            FRONT
        } else {
            FRONT_WITHOUT
        }
    }

    /// The spans of which there is more to read, from the front.
    fn open(&self) -> impl Iterator<Item = &Span> {
        self.spans.values().filter(|span| span.is_open())
    }

    fn may_cut(&self) -> bool {
        self.cut_to < self.until && self.ahead() < self.most_ahead
    }

    /// How many spans can be cut now, if each begins with a chain of so many pages.
    fn to_cut(&self, pages: usize) -> usize {
        if !self.may_cut() {
            return 0;
        }
        let room = self.most_ahead.saturating_sub(self.ahead());
        let room = room.div_ceil(PAGE_ROWS * pages);
        let width = usize::try_from(self.width()).unwrap_or(usize::MAX);
        let left = usize::try_from(self.until - self.cut_to).unwrap_or(usize::MAX);
        room.min(left.div_ceil(width))
    }

    /// Whether [`ask`](Self::ask) has so many pages.
    pub(crate) fn fills(&self, pages: usize) -> bool {
        let waiting = self.open().take(self.reach()).filter(|span| span.waits());
        let longest = self.longest_chain();
        let waiting: usize = waiting.map(|span| span.next_chain(longest, self.hurry)).sum();
        let first = self.first_chain.min(longest);
        waiting + self.to_cut(first) * first >= pages
    }

    /// Whether [`ask`](Self::ask) has anything.
    pub(crate) fn has_asks(&self) -> bool {
        self.open().take(self.reach()).any(Span::waits) || self.may_cut()
    }

    /// Pages came.
    pub(crate) fn came(&mut self, ask: Ask, came: Came) {
        let mut read_to = ask.window.after;
        let mut pages: Vec<Page> = Vec::new();
        let (mut rows, mut whole) = (0, false);
        for page in came.pages {
            let after = std::mem::replace(&mut read_to, page.read_on_from.unwrap_or(ask.window.up_to));
            self.density
                .learn(read_to.saturating_sub(after), page.records.len());
            rows += page.records.len();
            pages.push(self.kinds.pack(page.records));
            // What comes behind the end of the span is nothing.
            if page.read_on_from.is_none() {
                whole = true;
                break;
            }
        }
        if ask.pages > 1 && self.has_chains() {
            let stopped = if came.strayed { ASTRAY } else { 1 };
            self.stopped = match pages.len() {
                1 if !whole => self.stopped + stopped,
                _ => 0,
            };
        }
        let wasted = if whole { ask.pages - pages.len() } else { 0 };
        if wasted * 2 > ask.pages {
            self.first_chain = 1;
        } else if wasted == 0 {
            self.first_chain = (self.first_chain * 2).max(ask.pages).min(LONGEST_FIRST);
        }
        let ids = read_to.saturating_sub(ask.window.after);
        let local = count(rows) / float(ids.max(1));
        let longest = self.longest();
        let Some(span) = self.spans.get_mut(&ask.span) else {
            return;
        };
        span.asked = 0;
        span.read_to = read_to;
        span.rows_per_id = local;
        span.chain = ask.pages.max(span.chain).saturating_mul(CHAIN_GROWS);
        span.pages.extend(pages.into_iter().filter(|page| page.len() > 0));
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
    pub(crate) fn front(&self) -> impl Iterator<Item = Mark> {
        let mut whole = true;
        self.spans
            .values()
            .take_while(move |span| std::mem::replace(&mut whole, !span.is_open()))
            .flat_map(|span| span.pages.iter().flat_map(Page::marks))
    }

    /// Takes at most `most` rows from the front.
    pub(crate) fn take(&mut self, most: usize) -> Taken {
        let mut records = Vec::with_capacity(most);
        while let Some(mut first) = self.spans.first_entry() {
            let span = first.get_mut();
            while let Some(page) = span.pages.front_mut() {
                self.kinds.take(page, most - records.len(), &mut records);
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
        let asked: usize = self.spans.values().map(|span| span.asked).sum();
        self.held() + asked * PAGE_ROWS
    }

    /// How many pages spans may have, for the memory that there is.
    fn longest(&self) -> f64 {
        let half_read = if self.has_chains() {
            HALF_READ
        } else {
            HALF_READ_WITHOUT
        };
        (count(self.most_ahead) / (half_read * float(PAGE) * self.side_by_side())).min(LONGEST)
    }

    /// How wide the next span is to be.
    fn width(&self) -> i64 {
        let Some(density) = self.density.rows_per_id() else {
            return PAGE;
        };
        let grown = FIRST_SPAN + self.cut * GROWS;
        let left = float(self.until - self.cut_to) * density / float(PAGE);
        let shared = left / (SHARES * self.side_by_side());
        // What one chain takes is not worth sharing.
        let shared = if self.has_chains() {
            shared.max(SHORTEST_SHARE)
        } else {
            shared
        };
        let pages = self.longest().min(grown).min(shared);
        let spread = 1.0 + SPREAD * ((self.cut * GOLDEN).fract() - 0.5);
        let pages = (pages * spread).max(1.0);
        // A span as wide as a page cannot overflow and is as full as its IDs are dense; a longer one wastes half a page.
        if !self.has_chains() && density >= pages / (pages + SHORT_OF_FULL) {
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
            asked: 0,
            chain: 1,
            rows_per_id: 0.0,
            pages: VecDeque::new(),
        }
    }

    /// Rows that were not taken yet.
    fn held(&self) -> usize {
        self.pages.iter().map(Page::len).sum()
    }

    /// Whether there is more of it to read.
    fn is_open(&self) -> bool {
        self.read_to < self.up_to
    }

    /// Whether its next page can be asked for.
    fn waits(&self) -> bool {
        self.asked == 0 && self.is_open()
    }

    /// How many pages it is expected to have still.
    fn pages_left(&self) -> f64 {
        float(self.up_to - self.read_to) * self.rows_per_id / float(PAGE)
    }

    /// How many pages it is expected to have still, but for the last, which is not full.
    fn whole_pages_left(&self) -> usize {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "casts of floats stay within the type"
        )]
        let whole = self.pages_left().max(1.0) as usize;
        whole
    }

    /// By how much more pages than `pages` may come from where so many are expected. Rows are where IDs were not given out for something else:
    /// as if each ID was tossed for.
    fn chance(&self, pages: f64) -> f64 {
        let absent = (1.0 - self.rows_per_id).max(0.0);
        DEVIATIONS * (pages * absent / float(PAGE)).sqrt()
    }

    /// How many pages it may have still.
    fn all_pages_left(&self) -> usize {
        let expected = self.pages_left();
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "casts of floats stay within the type"
        )]
        let all = (expected + self.chance(expected)).ceil().max(1.0) as usize;
        all
    }

    /// Its next chain, in pages. In a hurry it goes to the end.
    fn next_chain(&self, longest: usize, hurry: bool) -> usize {
        if hurry {
            self.all_pages_left().min(longest)
        } else {
            self.chain.min(self.whole_pages_left()).min(longest)
        }
    }

    /// Ends where a chain of so many pages probably gets to. `None` if that is its end, or too near; else what is behind it.
    fn split_behind(&mut self, pages: usize) -> Option<Self> {
        let surely = count(pages) - self.chance(count(pages));
        if pages >= self.all_pages_left() || surely < 1.0 {
            return None;
        }
        let middle = self.read_to.saturating_add(width_of(surely, self.rows_per_id));
        (middle < self.up_to).then(|| self.cut_at(middle))
    }

    /// Ends at `middle`; what is behind that is another span.
    fn cut_at(&mut self, middle: i64) -> Self {
        Self {
            rows_per_id: self.rows_per_id,
            chain: self.chain,
            ..Self::new(middle, std::mem::replace(&mut self.up_to, middle))
        }
    }

    /// Asks for the next pages of it.
    fn ask(&mut self, start: i64, pages: usize) -> Ask {
        self.asked = pages;
        Ask {
            span: start,
            window: Window {
                after: self.read_to,
                up_to: self.up_to,
            },
            pages,
        }
    }
}

/// How many IDs are expected to have so many pages of rows.
fn width_of(pages: f64, density: f64) -> i64 {
    #[allow(clippy::cast_possible_truncation, reason = "clamped")]
    let width = (pages * float(PAGE) / density).clamp(float(PAGE), WIDEST) as i64;
    width
}
