//! Changes to the data, with the effects they have in a real portal.

use super::generate::stage_entity;
use super::{Code, Data, Date, Deal, Now, Row, RowKind, Semantics, Status};
use crate::error::Error;
use crate::events::Event;

/// What becomes of a deal's rows from before when it moves to another pipeline; portals differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EarlierRows {
    /// They stay.
    #[default]
    Keep,
    /// They are shown no longer.
    Vanish,
}

impl Data {
    fn need_deal(&self, id: u32) -> Result<usize, Error> {
        self.deal_at(id).ok_or_else(|| Error::missing("deal", id))
    }

    fn need_stage(&self, code: &str) -> Result<&Status, Error> {
        self.stage_at(code)
            .map(|at| &self.statuses[at])
            .ok_or_else(|| Error::missing("stage", code))
    }

    fn need_row(&mut self, id: u32) -> Result<&mut Row, Error> {
        let at = self.row_at(id).ok_or_else(|| Error::missing("history row", id))?;
        Ok(&mut self.rows[at])
    }

    /// The code, pipeline and semantics of a stage a deal is to enter.
    fn target(&self, code: &str) -> Result<(Code, u16, Semantics), Error> {
        let stage = self.need_stage(code)?;
        let pipeline = stage.pipeline.ok_or_else(|| Error::missing("stage", code))?;
        Ok((stage.code, pipeline, stage.semantics))
    }

    /// Puts a deal into a stage and writes the row about it.
    fn enter(
        &mut self,
        at: usize,
        (code, pipeline, semantics): (Code, u16, Semantics),
        kind: RowKind,
        by: u32,
        now: Now,
    ) -> u32 {
        let id = self.next_row;
        self.next_row += 1;
        let deal = &mut self.deals[at];
        (deal.stage, deal.pipeline, deal.semantics) = (code, pipeline, semantics);
        (deal.mover, deal.moved, deal.updated) = (by, now.moment, now.moment);
        // A deal that ends is closed on the day it ends.
        if kind != RowKind::Created && semantics.is_final() {
            deal.close = Date::Day(now.day);
        }
        deal.rows.push(id);
        let owner = deal.id;
        self.rows.push(Row {
            id,
            owner,
            moment: now.moment,
            stage: code,
            pipeline,
            kind,
            semantics,
            hidden: false,
        });
        id
    }

    pub(super) fn add_deal(&mut self, stage: &str, title: &str, by: u32, now: Now) -> Result<u32, Error> {
        let target = self.target(stage)?;
        let deal = Deal {
            id: self.next_deal,
            assigned: by,
            creator: by,
            mover: by,
            created: now.moment,
            updated: now.moment,
            moved: now.moment,
            begin: Date::Day(now.day),
            close: Date::Day(now.day + 7),
            stage: target.0,
            pipeline: target.1,
            semantics: target.2,
            readable: true,
            title: title.into(),
            rows: Vec::new(),
        };
        Ok(self.insert_deal(deal, target, by, now))
    }

    fn insert_deal(&mut self, deal: Deal, target: (Code, u16, Semantics), by: u32, now: Now) -> u32 {
        let id = deal.id;
        self.next_deal += 1;
        self.deals.push(deal);
        self.enter(self.deals.len() - 1, target, RowKind::Created, by, now);
        self.raised.push(Event::DealAdded(id));
        id
    }

    pub(super) fn move_deal(&mut self, id: u32, stage: &str, by: u32, now: Now) -> Result<u32, Error> {
        let at = self.need_deal(id)?;
        let target = self.target(stage)?;
        if target.1 != self.deals[at].pipeline {
            return Err(Error::conflict(
                "deal",
                id,
                "is in another pipeline; use move_to_pipeline",
            ));
        }
        if target.0 == self.deals[at].stage {
            return Err(Error::conflict("deal", id, "is in that stage already"));
        }
        let kind = if target.2.is_final() {
            RowKind::Finished
        } else {
            RowKind::Moved
        };
        self.raised.push(Event::DealUpdated(id));
        Ok(self.enter(at, target, kind, by, now))
    }

    pub(super) fn move_to_pipeline(
        &mut self,
        id: u32,
        stage: &str,
        by: u32,
        earlier: EarlierRows,
        now: Now,
    ) -> Result<u32, Error> {
        let at = self.need_deal(id)?;
        let target = self.target(stage)?;
        if target.1 == self.deals[at].pipeline {
            return Err(Error::conflict(
                "deal",
                id,
                "is in that pipeline already; use move_deal",
            ));
        }
        if earlier == EarlierRows::Vanish {
            self.rows.retain(|row| row.owner != id);
            self.deals[at].rows.clear();
        }
        // This event stands alone: the portal sends no ONCRMDEALUPDATE beside it.
        self.raised.push(Event::DealMovedToPipeline {
            deal: id,
            pipeline: target.1,
            stage: stage.into(),
        });
        Ok(self.enter(at, target, RowKind::OtherPipeline, by, now))
    }

    pub(super) fn delete_deal(&mut self, id: u32) -> Result<Deal, Error> {
        let at = self.need_deal(id)?;
        self.rows.retain(|row| row.owner != id);
        self.raised.push(Event::DealDeleted(id));
        Ok(self.deals.remove(at))
    }

    /// A deal from the bin is a new deal with a new first row.
    pub(super) fn restore_deal(&mut self, mut deal: Deal, by: u32, now: Now) -> u32 {
        deal.id = self.next_deal;
        deal.rows.clear();
        (deal.creator, deal.created) = (by, now.moment);
        let target = (deal.stage, deal.pipeline, deal.semantics);
        self.insert_deal(deal, target, by, now)
    }

    pub(super) fn change_responsible(&mut self, id: u32, user: u32, now: Now) -> Result<(), Error> {
        let at = self.need_deal(id)?;
        (self.deals[at].assigned, self.deals[at].updated) = (user, now.moment);
        self.raised.push(Event::DealUpdated(id));
        Ok(())
    }

    pub(super) fn change_dates(&mut self, id: u32, begin: Date, close: Date, now: Now) -> Result<(), Error> {
        let at = self.need_deal(id)?;
        let deal = &mut self.deals[at];
        (deal.begin, deal.close, deal.updated) = (begin, close, now.moment);
        self.raised.push(Event::DealUpdated(id));
        Ok(())
    }

    pub(super) fn set_readable(&mut self, id: u32, readable: bool) -> Result<(), Error> {
        let at = self.need_deal(id)?;
        self.deals[at].readable = readable;
        Ok(())
    }

    pub(super) fn set_hidden(&mut self, id: u32, hidden: bool) -> Result<(), Error> {
        self.need_row(id)?.hidden = hidden;
        Ok(())
    }

    /// A row that becomes visible only now although its ID was given out long ago.
    pub(super) fn late_row(&mut self, id: u32, owner: u32, stage: &str, moment: i64) -> Result<(), Error> {
        let deal = self.need_deal(owner)?;
        let (stage, pipeline, semantics) = self.target(stage)?;
        let Err(place) = self.rows.binary_search_by_key(&id, |row| row.id) else {
            return Err(Error::conflict("history row", id, "exists already"));
        };
        if id >= self.next_row {
            return Err(Error::conflict("history row", id, "has no ID below the newest"));
        }
        let kind = if semantics.is_final() {
            RowKind::Finished
        } else {
            RowKind::Moved
        };
        self.rows.insert(
            place,
            Row {
                id,
                owner,
                moment,
                stage,
                pipeline,
                kind,
                semantics,
                hidden: false,
            },
        );
        let rows = &mut self.deals[deal].rows;
        let place = rows.partition_point(|row| *row < id);
        rows.insert(place, id);
        Ok(())
    }

    pub(super) fn change_stage(&mut self, code: &str, change: impl FnOnce(&mut Status)) -> Result<(), Error> {
        let at = self.stage_at(code).ok_or_else(|| Error::missing("stage", code))?;
        change(&mut self.statuses[at]);
        self.raised.push(Event::StatusUpdated(self.statuses[at].id));
        Ok(())
    }

    pub(super) fn add_stage(
        &mut self,
        pipeline: u16,
        code: &str,
        name: &str,
        semantics: Semantics,
    ) -> Result<u32, Error> {
        if !self.pipelines.iter().any(|known| known.id == pipeline) {
            return Err(Error::missing("pipeline", pipeline));
        }
        if self.stage_at(code).is_some() {
            return Err(Error::conflict("stage", code, "exists already"));
        }
        let id = self.next_status;
        self.next_status += 2;
        let last = self
            .statuses
            .iter()
            .filter(|status| status.pipeline == Some(pipeline))
            .map(|status| status.sort);
        let status = Status {
            id,
            entity: stage_entity(pipeline),
            sort: last.max().unwrap_or(0) + 10,
            code: self.intern(code),
            name: name.to_owned(),
            name_init: String::new(),
            system: false,
            pipeline: Some(pipeline),
            color: "#55D0E0",
            semantics,
        };
        self.statuses.push(status);
        self.raised.push(Event::StatusAdded(id));
        Ok(id)
    }

    pub(super) fn remove_stage(&mut self, code: &str) -> Result<Status, Error> {
        let at = self.stage_at(code).ok_or_else(|| Error::missing("stage", code))?;
        let stage = self.statuses.remove(at);
        self.raised.push(Event::StatusDeleted(stage.id));
        Ok(stage)
    }

    pub(super) fn restore_stage(&mut self, stage: Status) -> Result<(), Error> {
        let code = self.code(stage.code).to_owned();
        if self.stage_at(&code).is_some() {
            return Err(Error::conflict("stage", code, "exists already"));
        }
        let place = self.statuses.partition_point(|status| status.id < stage.id);
        self.raised.push(Event::StatusAdded(stage.id));
        self.statuses.insert(place, stage);
        Ok(())
    }

    /// Gives a stage another code, in all old rows too.
    pub(super) fn recode_stage(&mut self, old: &str, new: &str) -> Result<(), Error> {
        let (code, id) = self.need_stage(old).map(|stage| (stage.code, stage.id))?;
        if self.codes.iter().any(|known| **known == *new) {
            return Err(Error::conflict("stage", new, "exists already"));
        }
        if let Some(name) = self.codes.get_mut(usize::from(code)) {
            *name = new.into();
        }
        self.raised.push(Event::StatusUpdated(id));
        Ok(())
    }
}
