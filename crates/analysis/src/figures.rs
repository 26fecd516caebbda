//! The figures, and how they are put together from what the database answered. Pure.

use std::cmp::Ordering;
use std::collections::HashMap;

use chrono::{NaiveDate, NaiveDateTime};

use crate::{Asked, Period};

/// What it means to be in a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Work goes on.
    InProgress,
    /// The deal is won.
    Won,
    /// The deal is lost.
    Lost,
}

impl Kind {
    /// By the portal's letter: `S` is won, `F` is lost, everything else and nothing at all is in progress.
    pub fn of(semantics: Option<&str>) -> Self {
        match semantics {
            Some("S") => Self::Won,
            Some("F") => Self::Lost,
            _ => Self::InProgress,
        }
    }
}

/// A stage in the funnel.
#[derive(Debug, Clone, PartialEq)]
pub struct StageFigures {
    /// Its code: `C3:NEW`.
    pub id: String,
    /// Its name; empty when neither table knows one.
    pub name: String,
    /// Its place in the portal; `None` for a stage that only the history knows.
    pub sort: Option<i32>,
    /// What it means.
    pub kind: Kind,
    /// Whether the portal still has it.
    pub active: bool,
    /// Deals that reached it: passages with a visit of it.
    pub deals: u64,
    /// Visits of it.
    pub visits: u64,
    /// Deals that stand in it now.
    pub deals_now: u64,
    /// The median of the stays, in seconds; `None` when nobody was there.
    pub median: Option<i64>,
    /// The 90th percentile of the stays, in seconds.
    pub p90: Option<i64>,
    /// Deals of the next stage divided by deals of this one; `None` for the last stage, for lost ones, and when nobody was here.
    pub to_next: Option<f64>,
    /// Deals of this stage divided by deals of the first one; `None` when nobody was there.
    pub from_first: Option<f64>,
}

/// Moves of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// The day.
    pub day: NaiveDate,
    /// Moves into stages of the pipeline.
    pub moves: u64,
}

/// Results of a week, as far as it lies in the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Week {
    /// Its first day.
    pub monday: NaiveDate,
    /// Deals that were won.
    pub won: u64,
    /// Deals that were lost.
    pub lost: u64,
}

/// A pipeline that the tables know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pipeline {
    /// Its number in the portal; 0 is the default one.
    pub id: i32,
    /// The time of its first move, if it has any.
    pub first: Option<NaiveDateTime>,
    /// The time of its last move.
    pub last: Option<NaiveDateTime>,
}

/// The figures of a pipeline for a period.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// What was asked.
    pub asked: Asked,
    /// Until when open visits were counted, in the target's time zone.
    pub now: NaiveDateTime,
    /// Passages that the funnel counts.
    pub passages: u64,
    /// The stages: first those of the way to success in their order, then the lost ones.
    pub stages: Vec<StageFigures>,
    /// Every day of the period.
    pub days: Vec<Day>,
    /// Every week that the period touches.
    pub weeks: Vec<Week>,
}

/// A stage as the table of stages has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Listed {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) sort: Option<i32>,
    pub(crate) semantics: Option<String>,
    pub(crate) active: bool,
}

/// A stage as the history has it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Reached {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) semantics: Option<String>,
    pub(crate) deals: u64,
    pub(crate) visits: u64,
    pub(crate) deals_now: u64,
    pub(crate) median: Option<i64>,
    pub(crate) p90: Option<i64>,
}

/// The stages of both, in the order of the funnel. A removed stage is shown only when somebody was there.
pub(crate) fn stages(listed: Vec<Listed>, reached: Vec<Reached>) -> Vec<StageFigures> {
    let mut reached: HashMap<String, Reached> = reached
        .into_iter()
        .map(|stage| (stage.id.clone(), stage))
        .collect();
    let mut stages: Vec<StageFigures> = Vec::new();
    for stage in listed {
        let found = reached.remove(&stage.id);
        if found.is_none() && !stage.active {
            continue;
        }
        stages.push(joined(Some(stage), found.unwrap_or_default()));
    }
    stages.extend(reached.into_values().map(|stage| joined(None, stage)));
    stages.sort_by(in_order);
    convert(&mut stages);
    stages
}

fn joined(listed: Option<Listed>, reached: Reached) -> StageFigures {
    let (id, name, sort, semantics, active) = match listed {
        Some(stage) => (stage.id, stage.name, stage.sort, stage.semantics, stage.active),
        None => (reached.id, None, None, None, false),
    };
    StageFigures {
        id,
        name: name.or(reached.name).unwrap_or_default(),
        sort,
        kind: Kind::of(semantics.or(reached.semantics).as_deref()),
        active,
        deals: reached.deals,
        visits: reached.visits,
        deals_now: reached.deals_now,
        median: reached.median,
        p90: reached.p90,
        to_next: None,
        from_first: None,
    }
}

/// The way to success first, then what was lost; each by its place, those without one at the end.
fn in_order(one: &StageFigures, other: &StageFigures) -> Ordering {
    let place = |stage: &StageFigures| (stage.kind == Kind::Lost, stage.sort.is_none(), stage.sort);
    place(one).cmp(&place(other)).then_with(|| one.id.cmp(&other.id))
}

fn convert(stages: &mut [StageFigures]) {
    let deals: Vec<u64> = stages.iter().map(|stage| stage.deals).collect();
    let kinds: Vec<Kind> = stages.iter().map(|stage| stage.kind).collect();
    for (place, stage) in stages.iter_mut().enumerate() {
        stage.from_first = deals.first().and_then(|first| share(stage.deals, *first));
        let next = deals
            .get(place + 1)
            .filter(|_| kinds.get(place + 1) != Some(&Kind::Lost));
        stage.to_next = next.and_then(|next| share(*next, stage.deals));
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    // Deals are far fewer than a float counts exactly.
    let share = part as f64 / whole as f64;
    (whole > 0).then_some(share)
}

/// Every day of the period, also those without a move.
pub(crate) fn days(period: Period, counted: &HashMap<NaiveDate, u64>) -> Vec<Day> {
    period
        .days()
        .map(|day| Day {
            day,
            moves: counted.get(&day).copied().unwrap_or(0),
        })
        .collect()
}

/// Every week that the period touches, also those without a result.
pub(crate) fn weeks(period: Period, counted: &HashMap<NaiveDate, (u64, u64)>) -> Vec<Week> {
    period
        .mondays()
        .map(|monday| {
            let (won, lost) = counted.get(&monday).copied().unwrap_or((0, 0));
            Week { monday, won, lost }
        })
        .collect()
}
