//! The handle with which a test, or the portal's own users, read and change the data while it is served.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use chrono::{DateTime, Utc};

use super::{Data, Date, Deal, EarlierRows, Now, RowKind, Semantics, Status};
use crate::clock::{Clock, Zone, whole_seconds};
use crate::error::Error;
use crate::events::Outbox;

/// A running portal's data. Clones are handles to the same data; changes show in the next call's answer.
///
/// A change happens at the portal's present time, and raises the event it would in a portal. Reading gives everything there is, also what the webhook's
/// user may not see.
#[derive(Debug, Clone)]
pub struct Model {
    data: Arc<RwLock<Data>>,
    clock: Clock,
    zone: Zone,
    outbox: Arc<OnceLock<Outbox>>,
}

/// The data while they are being changed. Events are handed out when the change ends and before another can
/// begin, so that they are raised in the order of the changes.
pub(super) struct Change<'a> {
    data: RwLockWriteGuard<'a, Data>,
    outbox: Option<&'a Outbox>,
}

impl Deref for Change<'_> {
    type Target = Data;

    fn deref(&self) -> &Data {
        &self.data
    }
}

impl DerefMut for Change<'_> {
    fn deref_mut(&mut self) -> &mut Data {
        &mut self.data
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        for event in self.data.raised.drain(..) {
            if let Some(outbox) = self.outbox {
                outbox.raise(event);
            }
        }
    }
}

/// A history row, as the portal keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRow {
    /// The row's ID.
    pub id: u32,
    /// What it tells of.
    pub kind: RowKind,
    /// The deal.
    pub owner_id: u32,
    /// When it happened.
    pub created_time: DateTime<Utc>,
    /// The pipeline the deal was in then.
    pub category_id: u16,
    /// The stage's semantics then.
    pub semantics: Semantics,
    /// The stage, by its code as it is now.
    pub stage_id: String,
    /// Whether the portal keeps it back.
    pub hidden: bool,
}

/// A deal, as the portal keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DealState {
    /// The deal's ID.
    pub id: u32,
    /// Its title.
    pub title: String,
    /// The stage it is in.
    pub stage_id: String,
    /// The pipeline it is in.
    pub category_id: u16,
    /// The user responsible for it.
    pub assigned_by_id: u32,
    /// Who created it.
    pub created_by: u32,
    /// Who moved it last.
    pub moved_by: u32,
    /// When it was created.
    pub created_time: DateTime<Utc>,
    /// When it was moved last.
    pub moved_time: DateTime<Utc>,
    /// When anything about it changed last.
    pub updated_time: DateTime<Utc>,
    /// Its begin date.
    pub begin: Date,
    /// Its close date.
    pub close: Date,
    /// Whether anyone may read it over REST.
    pub readable: bool,
    /// The IDs of its history rows, ascending.
    pub rows: Vec<u32>,
}

/// A stage of deals, as the portal keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageState {
    /// The stage's ID.
    pub id: u32,
    /// The directory it is in, such as `DEAL_STAGE_3`.
    pub entity_id: String,
    /// Its code, such as `C3:NEW`.
    pub status_id: String,
    /// Its name.
    pub name: String,
    /// The portal's own name for it; empty for one the users added.
    pub name_init: String,
    /// Its place among the others.
    pub sort: i64,
    /// Whether the portal needs it.
    pub system: bool,
    /// Its pipeline.
    pub category_id: u16,
    /// Its semantics.
    pub semantics: Semantics,
}

/// A deal in the bin; give it back to [`Model::restore_deal`].
#[derive(Debug, Clone)]
pub struct DeletedDeal(Deal);

/// A stage that was removed; give it back to [`Model::restore_stage`].
#[derive(Debug, Clone)]
pub struct RemovedStage(Status);

impl Model {
    pub(crate) fn new(data: Data, clock: Clock, zone: Zone) -> Self {
        Self {
            data: Arc::new(RwLock::new(data)),
            clock,
            zone,
            outbox: Arc::default(),
        }
    }

    /// Changes raise events from now on, whichever handle they are made through. `false` when they do already.
    pub(crate) fn tell(&self, outbox: Outbox) -> bool {
        self.outbox.set(outbox).is_ok()
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Data> {
        self.data.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> Change<'_> {
        Change {
            data: self.data.write().unwrap_or_else(PoisonError::into_inner),
            outbox: self.outbox.get(),
        }
    }

    pub(super) fn now(&self) -> Now {
        let moment = whole_seconds(self.clock.now());
        let local = moment + i64::from(self.zone.offset_at(moment));
        Now {
            moment,
            day: i32::try_from(local.div_euclid(86_400)).unwrap_or(0),
        }
    }

    /// How many history rows there are, those kept back included.
    #[must_use]
    pub fn history_len(&self) -> usize {
        self.read().rows.len()
    }

    /// How many deals there are, unreadable ones included.
    #[must_use]
    pub fn deals_len(&self) -> usize {
        self.read().deals.len()
    }

    /// The highest ID a history row was ever given.
    #[must_use]
    pub fn highest_history_id(&self) -> u32 {
        self.read().rows.last().map_or(0, |row| row.id)
    }

    /// All history rows, by ID.
    #[must_use]
    pub fn history(&self) -> Vec<HistoryRow> {
        let data = self.read();
        let row = |row: &super::Row| HistoryRow {
            id: row.id,
            kind: row.kind,
            owner_id: row.owner,
            created_time: moment(row.moment),
            category_id: row.pipeline,
            semantics: row.semantics,
            stage_id: data.code(row.stage).to_owned(),
            hidden: row.hidden,
        };
        data.rows.iter().map(row).collect()
    }

    /// All deals, by ID.
    #[must_use]
    pub fn deals(&self) -> Vec<DealState> {
        let data = self.read();
        data.deals.iter().map(|deal| deal_state(&data, deal)).collect()
    }

    /// One deal.
    #[must_use]
    pub fn deal(&self, id: u32) -> Option<DealState> {
        let data = self.read();
        data.deal(id).map(|deal| deal_state(&data, deal))
    }

    /// All stages of deals, by ID.
    #[must_use]
    pub fn stages(&self) -> Vec<StageState> {
        let data = self.read();
        let stages = data.statuses.iter().filter_map(|stage| {
            Some(StageState {
                id: stage.id,
                entity_id: stage.entity.clone(),
                status_id: data.code(stage.code).to_owned(),
                name: stage.name.clone(),
                name_init: stage.name_init.clone(),
                sort: stage.sort,
                system: stage.system,
                category_id: stage.pipeline?,
                semantics: stage.semantics,
            })
        });
        stages.collect()
    }

    /// Makes a new deal in a stage; gives its ID.
    ///
    /// # Errors
    /// If there is no such stage.
    pub fn add_deal(&self, stage: &str, title: &str, by_user: u32) -> Result<u32, Error> {
        let now = self.now();
        self.write().add_deal(stage, title, by_user, now)
    }

    /// Moves a deal to another stage of its pipeline; gives the ID of the new history row.
    ///
    /// # Errors
    /// If there is no such deal or stage, the stage is in another pipeline, or the deal is in it already.
    pub fn move_deal(&self, id: u32, stage: &str, by_user: u32) -> Result<u32, Error> {
        let now = self.now();
        self.write().move_deal(id, stage, by_user, now)
    }

    /// Moves a deal to a stage of another pipeline; gives the ID of the new history row.
    ///
    /// # Errors
    /// If there is no such deal or stage, or the stage is in the deal's own pipeline.
    pub fn move_to_pipeline(
        &self,
        id: u32,
        stage: &str,
        by_user: u32,
        earlier: EarlierRows,
    ) -> Result<u32, Error> {
        let now = self.now();
        self.write().move_to_pipeline(id, stage, by_user, earlier, now)
    }

    /// Moves a deal as above, but in a transaction that is still open: the row has its ID and is not shown
    /// before [`Model::show_row`]. The event comes now, so that whoever acts on it finds no row yet.
    ///
    /// # Errors
    /// As [`Model::move_deal`].
    pub fn move_deal_unseen(&self, id: u32, stage: &str, by_user: u32) -> Result<u32, Error> {
        let now = self.now();
        let mut data = self.write();
        let row = data.move_deal(id, stage, by_user, now)?;
        data.set_hidden(row, true)?;
        Ok(row)
    }

    /// Keeps a history row back, as from a user without the right to it.
    ///
    /// # Errors
    /// If there is no such row.
    pub fn hide_row(&self, id: u32) -> Result<(), Error> {
        self.write().set_hidden(id, true)
    }

    /// Shows a history row that was kept back.
    ///
    /// # Errors
    /// If there is no such row.
    pub fn show_row(&self, id: u32) -> Result<(), Error> {
        self.write().set_hidden(id, false)
    }

    /// Adds a row under an unused ID below the newest: a transaction that took long to commit.
    ///
    /// # Errors
    /// If there is no such deal or stage, or the ID is in use or not below the newest.
    pub fn late_row(&self, id: u32, deal: u32, stage: &str, when: DateTime<Utc>) -> Result<(), Error> {
        self.write().late_row(id, deal, stage, when.timestamp())
    }

    /// Deletes a deal, and with it all its rows.
    ///
    /// # Errors
    /// If there is no such deal.
    pub fn delete_deal(&self, id: u32) -> Result<DeletedDeal, Error> {
        self.write().delete_deal(id).map(DeletedDeal)
    }

    /// Restores a deal from the bin: a new deal with one new row. Gives the new ID.
    pub fn restore_deal(&self, deal: DeletedDeal, by_user: u32) -> u32 {
        let now = self.now();
        self.write().restore_deal(deal.0, by_user, now)
    }

    /// Makes a deal unreadable over REST, while its history rows stay visible.
    ///
    /// # Errors
    /// If there is no such deal.
    pub fn hide_deal(&self, id: u32) -> Result<(), Error> {
        self.write().set_readable(id, false)
    }

    /// Makes a deal readable again.
    ///
    /// # Errors
    /// If there is no such deal.
    pub fn show_deal(&self, id: u32) -> Result<(), Error> {
        self.write().set_readable(id, true)
    }

    /// Gives a deal another responsible user.
    ///
    /// # Errors
    /// If there is no such deal.
    pub fn change_responsible(&self, id: u32, user: u32) -> Result<(), Error> {
        let now = self.now();
        self.write().change_responsible(id, user, now)
    }

    /// Gives a deal other begin and close dates.
    ///
    /// # Errors
    /// If there is no such deal.
    pub fn change_dates(&self, id: u32, begin: Date, close: Date) -> Result<(), Error> {
        let now = self.now();
        self.write().change_dates(id, begin, close, now)
    }

    /// Gives a stage another name.
    ///
    /// # Errors
    /// If there is no such stage.
    pub fn rename_stage(&self, code: &str, name: &str) -> Result<(), Error> {
        self.write()
            .change_stage(code, |stage| name.clone_into(&mut stage.name))
    }

    /// Gives a stage another place among the others.
    ///
    /// # Errors
    /// If there is no such stage.
    pub fn sort_stage(&self, code: &str, sort: i64) -> Result<(), Error> {
        self.write().change_stage(code, |stage| stage.sort = sort)
    }

    /// Gives a stage another code, which rewrites all rows and deals that have it.
    ///
    /// # Errors
    /// If there is no such stage, or the new code is in use.
    pub fn recode_stage(&self, code: &str, new_code: &str) -> Result<(), Error> {
        self.write().recode_stage(code, new_code)
    }

    /// Adds a stage behind the others of a pipeline; gives its ID. The code is whole: `C3:UC_AB12CD`.
    ///
    /// # Errors
    /// If there is no such pipeline, or the code is in use.
    pub fn add_stage(
        &self,
        pipeline: u16,
        code: &str,
        name: &str,
        semantics: Semantics,
    ) -> Result<u32, Error> {
        self.write().add_stage(pipeline, code, name, semantics)
    }

    /// Removes a stage. Rows and deals that have it keep its code.
    ///
    /// # Errors
    /// If there is no such stage.
    pub fn remove_stage(&self, code: &str) -> Result<RemovedStage, Error> {
        self.write().remove_stage(code).map(RemovedStage)
    }

    /// Brings a removed stage back under its old ID.
    ///
    /// # Errors
    /// If a stage with its code was added meanwhile.
    pub fn restore_stage(&self, stage: RemovedStage) -> Result<(), Error> {
        self.write().restore_stage(stage.0)
    }
}

fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}

fn deal_state(data: &Data, deal: &Deal) -> DealState {
    DealState {
        id: deal.id,
        title: deal.title.to_string(),
        stage_id: data.code(deal.stage).to_owned(),
        category_id: deal.pipeline,
        assigned_by_id: deal.assigned,
        created_by: deal.creator,
        moved_by: deal.mover,
        created_time: moment(deal.created),
        moved_time: moment(deal.moved),
        updated_time: moment(deal.updated),
        begin: deal.begin,
        close: deal.close,
        readable: deal.readable,
        rows: deal.rows.clone(),
    }
}
