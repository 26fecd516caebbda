//! Cutting the portal's IDs into windows. Pure.
//!
//! A window asks for the rows with IDs above one number up to another. Windows need no answer of an earlier one, so many
//! go in one batch. A page holds at most [`PAGE`] rows, so a window as wide as a page can never overflow; where IDs are sparse
//! (deleted deals, other pipelines) windows are wider, and one that overflowed is read on from its last row.

use bitrix_client::HistoryRecord;

/// Rows on a page of the portal's lists (vendor documentation, "list methods").
pub(crate) const PAGE: i64 = 50;

/// No window is wider than this: beyond it a query's cost for the portal grows with nothing won.
const WIDEST: i64 = 1_000_000;

/// The share of a page that a window is meant to fill where IDs are sparse. The rest is room for chance, since an overflow
/// costs another request.
const FILL: f64 = 0.7;

/// IDs above `after`, up to `up_to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) after: i64,
    pub(crate) up_to: i64,
}

impl Window {
    pub(crate) fn holds(self, id: i64) -> bool {
        self.after < id && id <= self.up_to
    }
}

/// The first page of a window.
#[derive(Debug, Default)]
pub(crate) struct WindowPage {
    pub(crate) records: Vec<HistoryRecord>,
    /// The last row's ID, when there is more behind it in the window.
    pub(crate) read_on_from: Option<i64>,
}

/// At most `count` windows of `width` IDs that follow one another without a gap, from `after` on, not beyond `until`.
pub(crate) fn cut(after: i64, until: i64, width: i64, count: usize) -> Vec<Window> {
    let mut windows = Vec::new();
    let mut from = after;
    while from < until && windows.len() < count {
        let up_to = from.saturating_add(width.max(1)).min(until);
        windows.push(Window { after: from, up_to });
        from = up_to;
    }
    windows
}

/// What is left of a window whose answer was only its first page, which ended with `last`. Where rows lie so close may be a
/// short burst or the rest of the window: so the first piece is as wide as what was just seen allows, and each further one
/// twice as wide.
pub(crate) fn rest(window: Window, last: i64) -> Vec<Window> {
    let mut windows = Vec::new();
    let mut width = width_for(last.saturating_sub(window.after), PAGE);
    let mut from = last;
    while from < window.up_to {
        let up_to = from.saturating_add(width).min(window.up_to);
        windows.push(Window { after: from, up_to });
        from = up_to;
        width = width.saturating_mul(2);
    }
    windows
}

/// How wide a window should be, given that `span` IDs held `rows` rows.
fn width_for(span: i64, rows: i64) -> i64 {
    if rows <= 0 {
        return WIDEST;
    }
    // Exact enough: neither number comes near 2^53.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "clamped right after"
    )]
    let width = (PAGE as f64 * FILL * span as f64 / rows as f64) as i64;
    width.clamp(PAGE, WIDEST)
}

/// How dense the wanted rows are among the IDs, learnt from step to step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Density {
    width: i64,
}

impl Default for Density {
    fn default() -> Self {
        Self { width: PAGE }
    }
}

impl Density {
    /// The width of the next windows.
    pub(crate) fn width(self) -> i64 {
        self.width
    }

    /// Learns that `span` IDs held `rows` rows. Widths grow and shrink by at most a factor of 4 a step, so that one hole does
    /// not lead to windows that overflow right after it.
    pub(crate) fn learn(&mut self, span: i64, rows: i64) {
        let wanted = width_for(span, rows);
        self.width = wanted
            .clamp(self.width / 4, self.width.saturating_mul(4))
            .clamp(PAGE, WIDEST);
    }

    /// Learns that `span` IDs held so many rows that a step had to end early: the next one must not be as wide.
    pub(crate) fn learn_burst(&mut self, span: i64, rows: i64) {
        self.width = width_for(span, rows);
    }
}
