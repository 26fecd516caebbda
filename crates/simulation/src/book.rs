//! The book: all that was ever true of the portal, written down change by change.
//!
//! The expectation in [`crate::expect`] is made from it and from the portal's data alone; nothing here knows how the tables are
//! filled.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use demo_portal::{DealState, Model, RowKind, Semantics, StageState};
use tokio::time::Instant;

/// Begin and close date.
pub(crate) type Dates = (Option<NaiveDate>, Option<NaiveDate>);

/// A row of the history, as it ever was.
#[derive(Debug, Clone)]
pub(crate) struct RowBook {
    pub(crate) deal: u32,
    pub(crate) kind: RowKind,
    pub(crate) created: DateTime<Utc>,
    pub(crate) pipeline: u16,
    pub(crate) semantics: Semantics,
    /// Every code its stage had, the present one last.
    pub(crate) codes: Vec<String>,
    /// Who made the move, where anybody can know.
    pub(crate) mover: Option<u32>,
    /// Since when it has been visible without a break; `None` while it is not.
    pub(crate) visible_since: Option<Instant>,
    /// Whether it was ever visible.
    pub(crate) was_visible: bool,
}

/// A deal, as it ever was.
#[derive(Debug, Clone, Default)]
pub(crate) struct DealBook {
    pub(crate) creator: u32,
    pub(crate) assigned: BTreeSet<u32>,
    pub(crate) dates: BTreeSet<Dates>,
    /// As it is now, if it is there.
    pub(crate) now: Option<DealState>,
}

/// All that was ever true.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) rows: BTreeMap<u32, RowBook>,
    pub(crate) deals: BTreeMap<u32, DealBook>,
    /// Every state of every stage, by the stage's ID, the present one last.
    pub(crate) stages: BTreeMap<u32, Vec<StageState>>,
    /// The stages that are there now.
    pub(crate) stages_now: BTreeSet<u32>,
    /// Every name that a stage of a code ever had.
    pub(crate) names: BTreeMap<String, BTreeSet<String>>,
    movers: BTreeMap<u32, u32>,
}

/// A deal's dates on the calendar.
pub(crate) fn dates(deal: &DealState) -> Dates {
    (deal.begin.calendar(), deal.close.calendar())
}

impl Book {
    /// The book of a portal that nobody has touched yet.
    pub(crate) fn of(model: &Model) -> Self {
        let mut book = Self::default();
        for deal in model.deals() {
            // Of the past the deal tells its last mover alone.
            if let Some(last) = deal.rows.last() {
                book.movers.insert(*last, deal.moved_by);
            }
        }
        book.observe(model);
        book
    }

    /// Somebody made the move of this row.
    pub(crate) fn moved(&mut self, row: u32, user: u32) {
        self.movers.insert(row, user);
        if let Some(row) = self.rows.get_mut(&row) {
            row.mover = Some(user);
        }
    }

    /// Writes down how everything is now.
    pub(crate) fn observe(&mut self, model: &Model) {
        let now = Instant::now();
        let mut there = BTreeSet::new();
        for row in model.history() {
            there.insert(row.id);
            let mover = self.movers.get(&row.id).copied();
            let known = self.rows.entry(row.id).or_insert_with(|| RowBook {
                deal: row.owner_id,
                kind: row.kind,
                created: row.created_time,
                pipeline: row.category_id,
                semantics: row.semantics,
                codes: Vec::new(),
                mover,
                visible_since: None,
                was_visible: false,
            });
            if known.codes.last() != Some(&row.stage_id) {
                known.codes.push(row.stage_id);
            }
            if row.hidden {
                known.visible_since = None;
            } else {
                known.visible_since.get_or_insert(now);
                known.was_visible = true;
            }
        }
        for (id, row) in &mut self.rows {
            if !there.contains(id) {
                row.visible_since = None;
            }
        }
        for deal in self.deals.values_mut() {
            deal.now = None;
        }
        for deal in model.deals() {
            let known = self.deals.entry(deal.id).or_default();
            known.creator = deal.created_by;
            known.assigned.insert(deal.assigned_by_id);
            known.dates.insert(dates(&deal));
            known.now = Some(deal);
        }
        self.stages_now.clear();
        for stage in model.stages() {
            self.stages_now.insert(stage.id);
            let names = self.names.entry(stage.status_id.clone()).or_default();
            if !names.contains(&stage.name) {
                names.insert(stage.name.clone());
            }
            let states = self.stages.entry(stage.id).or_default();
            if states.last() != Some(&stage) {
                states.push(stage);
            }
        }
    }
}
