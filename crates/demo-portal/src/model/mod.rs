//! The portal's data: pipelines, stages, deals and their stage history, in compact form and sorted by ID.
//!
//! A row or deal is a few dozen bytes, since a hundred thousand of them must fit beside a client that is being
//! measured for its memory. Stage codes are kept once and named by number, so that giving a stage another code
//! rewrites it in all old rows, as in a real portal.

mod change;
mod generate;
mod handle;
mod life;
mod names;
#[cfg(test)]
mod tests;

pub use change::EarlierRows;
pub use handle::{DealState, DeletedDeal, HistoryRow, Model, RemovedStage, StageState};

pub(crate) use generate::generate;

use crate::events::Event;

/// Whether a stage is on the way, a success or a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Semantics {
    /// `P`: the deal is in progress.
    InProgress,
    /// `S`: the deal is won.
    Won,
    /// `F`: the deal is lost.
    Lost,
}

impl Semantics {
    /// The portal's letter.
    #[must_use]
    pub fn letter(self) -> &'static str {
        match self {
            Self::InProgress => "P",
            Self::Won => "S",
            Self::Lost => "F",
        }
    }

    pub(crate) fn is_final(self) -> bool {
        self != Self::InProgress
    }
}

/// A calendar date that may be missing in either of the portal's ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Date {
    /// Written as `null`.
    Null,
    /// Written as `""`.
    Empty,
    /// Days since 1970-01-01.
    Day(i32),
}

impl Date {
    /// The day on the calendar, if there is one.
    #[must_use]
    pub fn calendar(self) -> Option<chrono::NaiveDate> {
        let Self::Day(day) = self else { return None };
        chrono::NaiveDate::default().checked_add_signed(chrono::TimeDelta::days(day.into()))
    }
}

impl From<chrono::NaiveDate> for Date {
    fn from(date: chrono::NaiveDate) -> Self {
        let days = date
            .signed_duration_since(chrono::NaiveDate::default())
            .num_days();
        // All of chrono's dates lie within 96 million days.
        i32::try_from(days).map_or(Self::Null, Self::Day)
    }
}

/// A stage code, by its place in [`Data::codes`].
pub(crate) type Code = u16;

/// A pipeline of deals.
#[derive(Debug, Clone)]
pub(crate) struct Pipeline {
    pub(crate) id: u16,
    pub(crate) name: &'static str,
    pub(crate) sort: i64,
}

/// An entry of the portal's directory of statuses; the stages of deals are some of them.
#[derive(Debug, Clone)]
pub(crate) struct Status {
    pub(crate) id: u32,
    pub(crate) entity: String,
    pub(crate) code: Code,
    pub(crate) name: String,
    pub(crate) name_init: String,
    pub(crate) sort: i64,
    pub(crate) system: bool,
    /// The pipeline, for a stage of deals; `None` for other directories.
    pub(crate) pipeline: Option<u16>,
    pub(crate) color: &'static str,
    pub(crate) semantics: Semantics,
}

/// A deal.
#[derive(Debug, Clone)]
pub(crate) struct Deal {
    pub(crate) id: u32,
    pub(crate) assigned: u32,
    pub(crate) creator: u32,
    pub(crate) mover: u32,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) moved: i64,
    pub(crate) begin: Date,
    pub(crate) close: Date,
    pub(crate) stage: Code,
    pub(crate) pipeline: u16,
    pub(crate) semantics: Semantics,
    pub(crate) readable: bool,
    pub(crate) title: Box<str>,
    /// The IDs of its history rows, ascending.
    pub(crate) rows: Vec<u32>,
}

/// A row of the stage history.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) id: u32,
    pub(crate) owner: u32,
    pub(crate) moment: i64,
    pub(crate) stage: Code,
    pub(crate) pipeline: u16,
    pub(crate) kind: RowKind,
    pub(crate) semantics: Semantics,
    pub(crate) hidden: bool,
}

/// What a history row tells of; the numbers are the portal's `TYPE_ID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RowKind {
    /// The deal was created.
    Created = 1,
    /// It moved to a stage on the way.
    Moved = 2,
    /// It moved to a final stage.
    Finished = 3,
    /// It moved to another pipeline.
    OtherPipeline = 5,
}

/// Everything the portal knows.
#[derive(Debug, Default)]
pub(crate) struct Data {
    pub(crate) codes: Vec<Box<str>>,
    pub(crate) pipelines: Vec<Pipeline>,
    pub(crate) statuses: Vec<Status>,
    pub(crate) deals: Vec<Deal>,
    pub(crate) rows: Vec<Row>,
    pub(crate) next_row: u32,
    pub(crate) next_deal: u32,
    pub(crate) next_status: u32,
    /// What the change under way has to tell; emptied when the change ends.
    pub(crate) raised: Vec<Event>,
}

/// The moment of a change.
#[derive(Debug, Clone, Copy)]
struct Now {
    /// In Unix seconds.
    moment: i64,
    /// The day it falls on in the portal's zone, in days since 1970-01-01.
    day: i32,
}

impl Data {
    pub(crate) fn code(&self, code: Code) -> &str {
        self.codes.get(usize::from(code)).map_or("", AsRef::as_ref)
    }

    /// The number of a stage code, given out on first sight.
    pub(crate) fn intern(&mut self, code: &str) -> Code {
        let place = self
            .codes
            .iter()
            .position(|known| **known == *code)
            .unwrap_or_else(|| {
                self.codes.push(code.into());
                self.codes.len() - 1
            });
        // A portal has a few dozen codes; the ones past 65,535 would share the last number.
        Code::try_from(place).unwrap_or(Code::MAX)
    }

    pub(crate) fn deal_at(&self, id: u32) -> Option<usize> {
        self.deals.binary_search_by_key(&id, |deal| deal.id).ok()
    }

    pub(crate) fn deal(&self, id: u32) -> Option<&Deal> {
        self.deal_at(id).map(|at| &self.deals[at])
    }

    pub(crate) fn row_at(&self, id: u32) -> Option<usize> {
        self.rows.binary_search_by_key(&id, |row| row.id).ok()
    }

    /// The stage of deals that has this code.
    pub(crate) fn stage_at(&self, code: &str) -> Option<usize> {
        self.statuses
            .iter()
            .position(|status| status.pipeline.is_some() && self.code(status.code) == code)
    }
}

/// What the webhook's user may see of the data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) data: &'a Data,
    pub(crate) admin: bool,
}

/// The pipeline that only administrators may read.
const PRIVATE_PIPELINE: u16 = 5;

impl View<'_> {
    pub(crate) fn sees_pipeline(&self, pipeline: u16) -> bool {
        self.admin || pipeline != PRIVATE_PIPELINE
    }

    pub(crate) fn sees_deal(&self, deal: &Deal) -> bool {
        deal.readable && self.sees_pipeline(deal.pipeline)
    }

    pub(crate) fn sees_row(&self, row: &Row) -> bool {
        // Rights go by the deal as it is now, wherever it was when the row was written.
        !row.hidden
            && (self.admin
                || self
                    .data
                    .deal(row.owner)
                    .is_none_or(|deal| self.sees_pipeline(deal.pipeline)))
    }

    pub(crate) fn sees_status(&self, status: &Status) -> bool {
        status
            .pipeline
            .is_none_or(|pipeline| self.sees_pipeline(pipeline))
    }
}
