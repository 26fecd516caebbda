//! What the tables must hold, worked out from the portal's data and the book alone.
//!
//! Nothing here calls the code that fills the tables, or the program's own comparison. Where the design lets a row differ from
//! the portal's present state, the set of what is allowed is worked out exactly:
//!
//! * A row that vanished stays as it was at some time.
//! * A row that somebody else changed just before the process was killed, and that vanished before it was written again, stays so.
//! * NAME is one that the stage had; null only while the table of stages does not know the row's stage.
//! * RESPONSIBLE_ID with `moved_by` is who made this very move; with `assigned_by` it is the deal's present responsible user.
//!   Both may be older where the deal cannot be read, and the deal's dates, too.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use demo_portal::{RowKind, Semantics, StageState};
use exchange::Environment;
use table_map::{Row, TableMap, Value};

use crate::book::{Book, DealBook, RowBook, dates};
use crate::target::CHANGED;

/// A move and the deal's time of its last move may differ by so many seconds; see the design.
const TOGETHER: i64 = 5;

/// The expectation of one portal, as one configuration wants it.
#[derive(Debug, Clone)]
pub(crate) struct Expectation {
    history: TableMap,
    stages: TableMap,
    pipelines: Vec<i64>,
    timezone: Tz,
}

/// A row of the table of moves, in plain words.
struct Found<'a> {
    id: i64,
    type_id: Option<i64>,
    deal: Option<i64>,
    created: Option<NaiveDateTime>,
    dates: (Option<NaiveDate>, Option<NaiveDate>),
    name: Option<&'a str>,
    who: Option<i64>,
    source: Option<&'a str>,
    pipeline: Option<i64>,
    semantics: Option<&'a str>,
    stage: Option<&'a str>,
    lost: Option<&'a str>,
    kind: Option<i64>,
}

impl Expectation {
    /// For these pipelines (none stands for all) and this zone.
    ///
    /// # Errors
    /// When a map contradicts itself.
    pub(crate) fn new(pipelines: Vec<i64>, timezone: Tz) -> Result<Self, table_map::Error> {
        Ok(Self {
            history: history_exchange::table(Environment::Test)?,
            stages: stage_list_exchange::table(Environment::Test)?,
            pipelines,
            timezone,
        })
    }

    /// The map of the table of moves.
    pub(crate) fn history(&self) -> &TableMap {
        &self.history
    }

    /// The map of the table of stages.
    pub(crate) fn stages(&self) -> &TableMap {
        &self.stages
    }

    /// Whether rows of this pipeline belong into the tables.
    pub(crate) fn wants(&self, pipeline: u16) -> bool {
        self.pipelines.is_empty() || self.pipelines.contains(&i64::from(pipeline))
    }

    /// Whether a row of the table of moves is as the portal's row ever was.
    pub(crate) fn ever(&self, book: &Book, row: &Row) -> Result<(), String> {
        let found = self.read(row);
        let id = found.id;
        let Some(truth) = u32::try_from(id).ok().and_then(|id| book.rows.get(&id)) else {
            return Err(format!("row {id} was never in the portal"));
        };
        let wrong = |column: &str, found: &dyn std::fmt::Debug| {
            Err(format!("{column} of row {id} is {found:?}, which it never was"))
        };
        let created = truth.created.with_timezone(&self.timezone).naive_local();
        let semantics = letter(truth.semantics);
        if found.type_id != Some(2) {
            return wrong("TYPE_ID", &found.type_id);
        }
        if found.deal != Some(truth.deal.into()) {
            return wrong("OWNER_ID", &found.deal);
        }
        if found.created != Some(created) {
            return wrong("CREATED_TIME", &found.created);
        }
        if found.pipeline != Some(truth.pipeline.into()) {
            return wrong("CATEGORY_ID", &found.pipeline);
        }
        if found.kind != Some(truth.kind as i64) {
            return wrong("RECORD_TYPE_ID", &found.kind);
        }
        if found.semantics != Some(semantics) {
            return wrong("STAGE_SEMANTIC_ID", &found.semantics);
        }
        if found.lost != Some(if semantics == "F" { "Y" } else { "N" }) {
            return wrong("IS_LOST", &found.lost);
        }
        if !found.stage.is_some_and(|stage| {
            truth.codes.iter().any(|code| code == stage) || left_changed(stage, truth.visible_since.is_some())
        }) {
            return wrong("STAGE_ID", &found.stage);
        }
        let named = |name: &str| {
            truth
                .codes
                .iter()
                .any(|code| book.names.get(code).is_some_and(|names| names.contains(name)))
        };
        if !found.name.is_none_or(named) {
            return wrong("NAME", &found.name);
        }
        let nobody = DealBook::default();
        let deal = book.deals.get(&truth.deal).unwrap_or(&nobody);
        if !deal.dates.contains(&found.dates) && found.dates != (None, None) {
            return wrong("START_DATE and END_DATE", &found.dates);
        }
        let who = found.who.and_then(|who| u32::try_from(who).ok());
        let right = match (found.source, who) {
            (None, None) => found.who.is_none(),
            (Some("assigned_by"), Some(who)) => deal.assigned.contains(&who),
            (Some("moved_by"), Some(who)) if truth.kind == RowKind::Created => who == deal.creator,
            (Some("moved_by"), Some(who)) => movers(book, truth).contains(&who),
            _ => false,
        };
        if !right {
            return wrong("RESPONSIBLE_ID", &(found.who, found.source));
        }
        Ok(())
    }

    /// In what the tables differ from what they must hold, now that all is quiet. Empty when they are true.
    pub(crate) fn differences(&self, book: &Book, stages: &[Row], history: &[Row]) -> Vec<String> {
        let mut wrong = Vec::new();
        let known = self.stage_differences(book, stages, &mut wrong);
        let mut rows: BTreeMap<u32, &Row> = BTreeMap::new();
        for row in history {
            if let Err(what) = self.ever(book, row) {
                wrong.push(what);
            }
            if let Ok(id) = u32::try_from(row.key())
                && rows.insert(id, row).is_some()
            {
                wrong.push(format!("row {id} is in the table more than once"));
            }
        }
        let latest = latest(book);
        for (id, truth) in &book.rows {
            let wanted = self.wants(truth.pipeline);
            match rows.get(id) {
                None if wanted && truth.visible_since.is_some() => {
                    wrong.push(format!("row {id} is missing"));
                }
                Some(_) if !wanted || !truth.was_visible => {
                    wrong.push(format!("row {id} does not belong into the table"));
                }
                Some(row) if truth.visible_since.is_some() => {
                    let last = latest.get(&truth.deal) == Some(id);
                    self.present(book, truth, &self.read(row), last, &known, &mut wrong);
                }
                _ => {}
            }
        }
        wrong
    }

    /// A row that the portal shows must be as the portal has it now.
    fn present(
        &self,
        book: &Book,
        truth: &RowBook,
        found: &Found<'_>,
        latest: bool,
        known: &BTreeSet<&str>,
        wrong: &mut Vec<String>,
    ) {
        let id = found.id;
        let code = truth.codes.last().map(String::as_str);
        if found.stage != code {
            wrong.push(format!(
                "STAGE_ID of row {id} is {:?} instead of {code:?}",
                found.stage
            ));
        }
        if found.name.is_none() && code.is_some_and(|code| known.contains(code)) {
            wrong.push(format!("NAME of row {id} is null, and its stage is known"));
        }
        let deal = book.deals.get(&truth.deal).and_then(|deal| deal.now.as_ref());
        let Some(deal) = deal.filter(|deal| deal.readable) else {
            return;
        };
        if found.dates != dates(deal) {
            wrong.push(format!(
                "dates of row {id} are {:?} instead of {:?}",
                found.dates,
                dates(deal)
            ));
        }
        let who = (found.who, found.source);
        let assigned = (Some(i64::from(deal.assigned_by_id)), Some("assigned_by"));
        let moved_by = |user: u32| (Some(i64::from(user)), Some("moved_by"));
        let apart = (deal.moved_time - truth.created).num_seconds().abs();
        let right = if truth.kind == RowKind::Created {
            who == moved_by(deal.created_by)
        } else if latest
            && apart <= TOGETHER
            && deal.category_id == truth.pipeline
            && Some(deal.stage_id.as_str()) == code
        {
            who == moved_by(deal.moved_by)
        } else {
            // Known from a time when it was its deal's latest, or not known.
            who == assigned || found.source == Some("moved_by")
        };
        if !right {
            wrong.push(format!("RESPONSIBLE_ID of row {id} is {who:?}"));
        }
    }

    /// The table of stages; gives the codes that it knows.
    fn stage_differences<'a>(
        &self,
        book: &Book,
        rows: &'a [Row],
        wrong: &mut Vec<String>,
    ) -> BTreeSet<&'a str> {
        let map = &self.stages;
        let mut found: BTreeMap<u32, &Row> = BTreeMap::new();
        for row in rows {
            let id = u32::try_from(row.key()).unwrap_or(0);
            if found.insert(id, row).is_some() {
                wrong.push(format!("stage {id} is in the table more than once"));
            }
            if !book.stages.contains_key(&id) {
                wrong.push(format!("stage {id} was never in the portal"));
            }
        }
        for (id, states) in &book.stages {
            let there = book.stages_now.contains(id);
            let Some(last) = states.last() else { continue };
            let wanted = self.wants(last.category_id);
            match found.get(id) {
                None if wanted && there => wrong.push(format!("stage {id} is missing")),
                None => {}
                Some(_) if !wanted => wrong.push(format!("stage {id} does not belong into the table")),
                Some(row) if there && !self.is_stage(row, last, "Y") => {
                    wrong.push(format!("stage {id} is {row:?} instead of {last:?}"));
                }
                Some(_) if there => {}
                Some(row) => {
                    let changed = row
                        .text(map, "STATUS_ID")
                        .is_some_and(|code| left_changed(code, false));
                    if !changed && !states.iter().any(|state| self.is_stage(row, state, "N")) {
                        wrong.push(format!("stage {id}, which is gone, is {row:?}"));
                    }
                }
            }
        }
        rows.iter().filter_map(|row| row.text(map, "STATUS_ID")).collect()
    }

    fn is_stage(&self, row: &Row, state: &StageState, active: &str) -> bool {
        let map = &self.stages;
        let text = |column| row.text(map, column);
        let semantics = Some(letter(state.semantics)).filter(|letter| *letter != "P");
        text("ACTIVE") == Some(active)
            && text("ENTITY_ID") == Some(&state.entity_id)
            && text("STATUS_ID") == Some(&state.status_id)
            && text("NAME") == Some(&state.name)
            && text("NAME_INIT") == Some(&state.name_init)
            && text("SEMANTICS") == semantics
            && text("SYSTEM") == Some(if state.system { "Y" } else { "N" })
            && row.integer(map, "SORT") == Some(state.sort)
            && row.integer(map, "CATEGORY_ID") == Some(state.category_id.into())
    }

    fn read<'a>(&self, row: &'a Row) -> Found<'a> {
        let map = &self.history;
        let date = |column| match row.get(map, column) {
            Some(Value::Date(date)) => *date,
            _ => None,
        };
        Found {
            id: row.key(),
            type_id: row.integer(map, "TYPE_ID"),
            deal: row.integer(map, "OWNER_ID"),
            created: match row.get(map, "CREATED_TIME") {
                Some(Value::DateTime(time)) => *time,
                _ => None,
            },
            dates: (date("START_DATE"), date("END_DATE")),
            name: row.text(map, "NAME"),
            who: row.integer(map, "RESPONSIBLE_ID"),
            source: row.text(map, "RESPONSIBLE_SOURCE"),
            pipeline: row.integer(map, "CATEGORY_ID"),
            semantics: row.text(map, "STAGE_SEMANTIC_ID"),
            stage: row.text(map, "STAGE_ID"),
            lost: row.text(map, "IS_LOST"),
            kind: row.integer(map, "RECORD_TYPE_ID"),
        }
    }
}

fn letter(semantics: Semantics) -> &'static str {
    match semantics {
        Semantics::InProgress => "P",
        Semantics::Won => "S",
        Semantics::Lost => "F",
    }
}

/// Whether this code was put there by somebody else between a write and its reading back. It is mended by the next write, unless
/// the process ended right then and the portal does not have the row any more.
fn left_changed(code: &str, there: bool) -> bool {
    code == CHANGED && !there
}

/// The latest visible row of each deal, in whatever pipeline: by time, then by ID.
fn latest(book: &Book) -> BTreeMap<u32, u32> {
    let mut latest: BTreeMap<u32, (i64, u32)> = BTreeMap::new();
    for (id, row) in book.rows.iter().filter(|(_, row)| row.visible_since.is_some()) {
        let this = (row.created.timestamp(), *id);
        let known = latest.entry(row.deal).or_insert(this);
        *known = (*known).max(this);
    }
    latest.into_iter().map(|(deal, (_, id))| (deal, id)).collect()
}

/// Who can be told to have made this move: its mover. Of moves of one deal to one stage within the tolerance, the portal tells
/// only the last one's, and nobody can tell them apart while the others are not visible.
fn movers(book: &Book, truth: &RowBook) -> BTreeSet<u32> {
    let near = |row: &&RowBook| {
        row.deal == truth.deal
            && row.codes.iter().any(|code| truth.codes.contains(code))
            && (row.created - truth.created).num_seconds().abs() <= TOGETHER
    };
    book.rows
        .values()
        .filter(near)
        .filter_map(|row| row.mover)
        .collect()
}
