//! The portal's users: they change deals and stages all the time, in every way that the portal allows.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use demo_portal::{
    Date, DealState, DeletedDeal, EarlierRows, InProcessPortal, Model, RemovedStage, Semantics,
};
use tokio::time::Instant;

use crate::book::Book;
use crate::dice::Dice;
use crate::world::{World, lock};

/// The portal's users, and the book of all that they ever did.
pub(crate) struct Users {
    model: Model,
    world: Arc<World>,
    dice: Dice,
    pub(crate) book: Mutex<Book>,
    open: Mutex<Open>,
}

/// What was begun and may be ended later.
#[derive(Default)]
struct Open {
    /// Rows whose transaction is still open, and when it ends.
    unseen: Vec<(Instant, u32)>,
    bin: Vec<DeletedDeal>,
    removed: Vec<RemovedStage>,
    hidden_deals: Vec<u32>,
    hidden_rows: Vec<u32>,
    names: u32,
}

impl Users {
    pub(crate) fn new(portal: &InProcessPortal, world: Arc<World>, seed: u64) -> Self {
        let model = portal.model();
        let book = Mutex::new(Book::of(&model));
        Self {
            model,
            world,
            dice: Dice::new(seed, 1),
            book,
            open: Mutex::default(),
        }
    }

    /// Changes things until the time is over, then ends what was begun.
    pub(crate) async fn live(&self, span: Duration, changes: u64) {
        let end = Instant::now() + span;
        let mean = u64::try_from(span.as_millis()).unwrap_or(u64::MAX) / changes.max(1);
        loop {
            // Mostly one thing after another, sometimes many at once.
            let pause = match self.dice.between(0, 9) {
                0..=1 => Duration::from_millis(self.dice.between(0, 900)),
                _ => self.dice.millis(0, 2 * mean + 1),
            };
            let next = Instant::now() + pause;
            while let Some(at) = self.next_commit().filter(|at| *at <= next.min(end)) {
                tokio::time::sleep_until(at).await;
                self.commit(at);
            }
            tokio::time::sleep_until(next.min(end)).await;
            if next >= end {
                break;
            }
            self.change();
        }
        self.end_all();
    }

    /// One change, at once.
    pub(crate) fn change(&self) {
        let what = self.draw();
        self.world.note(|| format!("users: {what}"));
        lock(&self.book).observe(&self.model);
    }

    fn next_commit(&self) -> Option<Instant> {
        lock(&self.open).unseen.iter().map(|(at, _)| *at).min()
    }

    /// Ends the transactions whose time it is.
    fn commit(&self, now: Instant) {
        let due: Vec<u32> = {
            let mut open = lock(&self.open);
            let (due, later) = open.unseen.drain(..).partition(|(at, _)| *at <= now);
            open.unseen = later;
            let due: Vec<(Instant, u32)> = due;
            due.into_iter().map(|(_, row)| row).collect()
        };
        for row in due {
            // Its deal may have been deleted meanwhile.
            if self.model.show_row(row).is_ok() {
                self.world.note(|| format!("users: row {row} is committed"));
                self.world.count("rows that appeared late");
            }
        }
        lock(&self.book).observe(&self.model);
    }

    /// Ends every transaction. What is hidden or deleted stays so.
    fn end_all(&self) {
        let unseen: Vec<u32> = lock(&self.open).unseen.drain(..).map(|(_, row)| row).collect();
        for row in unseen {
            if self.model.show_row(row).is_ok() {
                self.world
                    .note(|| format!("users: row {row} is committed at last"));
            }
        }
        lock(&self.book).observe(&self.model);
    }

    fn user(&self) -> u32 {
        *self.dice.pick(&[1, 6, 7, 9, 12, 13, 19, 21, 25, 33])
    }

    fn some_deal(&self) -> Option<DealState> {
        let deals = self.model.deals();
        // The newest are changed most.
        let last = deals.len().saturating_sub(1);
        let at = if self.dice.hit(0.5) {
            last.saturating_sub(usize::try_from(self.dice.between(0, 4)).unwrap_or(0))
        } else {
            usize::try_from(self.dice.between(0, u64::try_from(last).unwrap_or(0))).unwrap_or(0)
        };
        deals.into_iter().nth(at)
    }

    fn stage_where(&self, will_do: impl Fn(u16, &str) -> bool) -> Option<String> {
        let stages = self.model.stages();
        let choice: Vec<&str> = stages
            .iter()
            .filter(|stage| will_do(stage.category_id, &stage.status_id))
            .map(|stage| stage.status_id.as_str())
            .collect();
        self.dice.some(&choice).map(|code| (*code).to_owned())
    }

    /// Draws a change, makes it, and says what it was.
    fn draw(&self) -> String {
        let kind = self.dice.between(0, 99);
        let done = match kind {
            0..=5 => self.add_deal(),
            6..=35 => self.move_deal(),
            36..=38 => self.move_back_and_forth(),
            39..=47 => self.move_unseen(),
            48..=54 => self.change_responsible(),
            55..=61 => self.change_dates(),
            62..=67 => self.other_pipeline(),
            68..=70 => self.delete_deal(),
            71..=72 => self.restore_deal(),
            73..=76 => self.late_row(),
            77..=79 => self.hide_something(),
            80..=82 => self.show_something(),
            83 => Some(format!("mass update of {}", self.model.mass_update(12))),
            84..=99 => self.change_stages(kind),
            _ => None,
        };
        done.or_else(|| self.add_deal()).unwrap_or_default()
    }

    fn add_deal(&self) -> Option<String> {
        let stage = self.stage_where(|_, _| true)?;
        let user = self.user();
        let deal = self.model.add_deal(&stage, "Ada & Charles", user).ok()?;
        let row = self.model.deal(deal)?.rows.last().copied()?;
        lock(&self.book).moved(row, user);
        Some(format!("deal {deal} in {stage}, row {row}"))
    }

    fn move_deal(&self) -> Option<String> {
        let deal = self.some_deal()?;
        let stage =
            self.stage_where(|pipeline, code| pipeline == deal.category_id && code != deal.stage_id)?;
        let user = self.user();
        let row = self.model.move_deal(deal.id, &stage, user).ok()?;
        lock(&self.book).moved(row, user);
        Some(format!("deal {} to {stage} by {user}, row {row}", deal.id))
    }

    /// Two moves in the same second, back to where it was.
    fn move_back_and_forth(&self) -> Option<String> {
        let deal = self.some_deal()?;
        let stage =
            self.stage_where(|pipeline, code| pipeline == deal.category_id && code != deal.stage_id)?;
        let (there, back) = (self.user(), self.user());
        let first = self.model.move_deal(deal.id, &stage, there).ok()?;
        lock(&self.book).moved(first, there);
        let second = self.model.move_deal(deal.id, &deal.stage_id, back).ok();
        if let Some(second) = second {
            lock(&self.book).moved(second, back);
        }
        Some(format!(
            "deal {} to {stage} and back, rows {first} and {second:?}",
            deal.id
        ))
    }

    /// A move whose transaction stays open for a while: its row has an ID and cannot be seen.
    fn move_unseen(&self) -> Option<String> {
        let deal = self.some_deal()?;
        let stage =
            self.stage_where(|pipeline, code| pipeline == deal.category_id && code != deal.stage_id)?;
        let user = self.user();
        let row = self.model.move_deal_unseen(deal.id, &stage, user).ok()?;
        lock(&self.book).moved(row, user);
        let until = Instant::now() + Duration::from_millis(self.dice.of_any_size(5, 120_000));
        lock(&self.open).unseen.push((until, row));
        Some(format!(
            "deal {} to {stage} by {user}, row {row} not committed yet",
            deal.id
        ))
    }

    fn change_responsible(&self) -> Option<String> {
        let (deal, user) = (self.some_deal()?, self.user());
        self.model.change_responsible(deal.id, user).ok()?;
        Some(format!("deal {} for {user}", deal.id))
    }

    fn change_dates(&self) -> Option<String> {
        let deal = self.some_deal()?;
        let date = |dice: &Dice| match dice.between(0, 5) {
            0 => Date::Null,
            1 => Date::Empty,
            _ => Date::Day(i32::try_from(dice.between(20_000, 20_900)).unwrap_or(20_000)),
        };
        let (begin, close) = (date(&self.dice), date(&self.dice));
        self.model.change_dates(deal.id, begin, close).ok()?;
        Some(format!("deal {} from {begin:?} to {close:?}", deal.id))
    }

    fn other_pipeline(&self) -> Option<String> {
        let deal = self.some_deal()?;
        let stage = self.stage_where(|pipeline, _| pipeline != deal.category_id)?;
        let earlier = if self.dice.hit(0.4) {
            EarlierRows::Vanish
        } else {
            EarlierRows::Keep
        };
        let user = self.user();
        let row = self.model.move_to_pipeline(deal.id, &stage, user, earlier).ok()?;
        lock(&self.book).moved(row, user);
        Some(format!(
            "deal {} to {stage} of another pipeline, row {row}, earlier rows {earlier:?}",
            deal.id
        ))
    }

    fn delete_deal(&self) -> Option<String> {
        let deal = self.some_deal()?;
        let deleted = self.model.delete_deal(deal.id).ok()?;
        lock(&self.open).bin.push(deleted);
        Some(format!("deal {} is deleted", deal.id))
    }

    fn restore_deal(&self) -> Option<String> {
        let deleted = lock(&self.open).bin.pop()?;
        let user = self.user();
        let deal = self.model.restore_deal(deleted, user);
        let row = self.model.deal(deal)?.rows.last().copied()?;
        lock(&self.book).moved(row, user);
        Some(format!("deal {deal} comes from the bin, row {row}"))
    }

    /// A row under an old ID that nobody has seen: a transaction that took very long.
    fn late_row(&self) -> Option<String> {
        let deal = self.some_deal()?;
        let stage = self.stage_where(|pipeline, _| pipeline == deal.category_id)?;
        let taken = self.model.history();
        let (low, high) = (taken.first()?.id, taken.last()?.id);
        let free: Vec<u32> = (low..high)
            .rev()
            .take(1500)
            .filter(|id| taken.binary_search_by_key(id, |row| row.id).is_err())
            .collect();
        let id = *self.dice.some(&free)?;
        // A deleted row's ID is never given out again.
        if lock(&self.book).rows.contains_key(&id) {
            return None;
        }
        let before = i64::try_from(self.dice.of_any_size(60, 100_000)).unwrap_or(60);
        let when: chrono::DateTime<Utc> = deal.moved_time - TimeDelta::seconds(before);
        self.model.late_row(id, deal.id, &stage, when).ok()?;
        Some(format!(
            "row {id} of deal {} in {stage} becomes visible very late",
            deal.id
        ))
    }

    fn hide_something(&self) -> Option<String> {
        if self.dice.hit(0.5) {
            let deal = self.some_deal()?;
            self.model.hide_deal(deal.id).ok()?;
            lock(&self.open).hidden_deals.push(deal.id);
            return Some(format!("deal {} cannot be read any more", deal.id));
        }
        let deal = self.some_deal()?;
        let row = *self.dice.some(&deal.rows)?;
        if lock(&self.open).unseen.iter().any(|(_, unseen)| *unseen == row) {
            return None;
        }
        self.model.hide_row(row).ok()?;
        lock(&self.open).hidden_rows.push(row);
        Some(format!("row {row} is shown no more"))
    }

    fn show_something(&self) -> Option<String> {
        if self.dice.hit(0.5) {
            let deal = lock(&self.open).hidden_deals.pop()?;
            self.model.show_deal(deal).ok()?;
            return Some(format!("deal {deal} can be read again"));
        }
        let row = lock(&self.open).hidden_rows.pop()?;
        self.model.show_row(row).ok()?;
        Some(format!("row {row} is shown again"))
    }

    fn change_stages(&self, kind: u64) -> Option<String> {
        let code = self.stage_where(|_, _| true)?;
        let number = {
            let mut open = lock(&self.open);
            open.names += 1;
            open.names
        };
        match kind {
            84..=88 => {
                let name = format!("Name {number}");
                self.model.rename_stage(&code, &name).ok()?;
                Some(format!("stage {code} is called {name}"))
            }
            89..=90 => {
                let sort = i64::try_from(self.dice.between(1, 900)).unwrap_or(1);
                self.model.sort_stage(&code, sort).ok()?;
                Some(format!("stage {code} at {sort}"))
            }
            91..=93 => {
                let pipeline = *self.dice.pick(&[0_u16, 1, 3, 5]);
                let prefix = if pipeline == 0 {
                    String::new()
                } else {
                    format!("C{pipeline}:")
                };
                let code = format!("{prefix}UC_{number:06}");
                let semantics = *self
                    .dice
                    .pick(&[Semantics::InProgress, Semantics::Won, Semantics::Lost]);
                let id = self
                    .model
                    .add_stage(pipeline, &code, &format!("New {number}"), semantics)
                    .ok()?;
                Some(format!("stage {code} is new, {id}"))
            }
            94..=95 => self.remove_stage(&code),
            96..=97 => {
                let stage = lock(&self.open).removed.pop()?;
                self.model.restore_stage(stage).ok()?;
                Some("a stage is back".to_owned())
            }
            _ => {
                let prefix = code
                    .split_once(':')
                    .map_or(String::new(), |(prefix, _)| format!("{prefix}:"));
                let new = format!("{prefix}RE_{number:06}");
                self.model.recode_stage(&code, &new).ok()?;
                Some(format!("stage {code} has the code {new} now"))
            }
        }
    }

    fn remove_stage(&self, code: &str) -> Option<String> {
        let stages = self.model.stages();
        let pipeline = stages.iter().find(|stage| stage.status_id == code)?.category_id;
        // Every pipeline of a portal has stages.
        if stages
            .iter()
            .filter(|stage| stage.category_id == pipeline)
            .count()
            <= 2
        {
            return None;
        }
        let removed = self.model.remove_stage(code).ok()?;
        lock(&self.open).removed.push(removed);
        Some(format!("stage {code} is removed"))
    }
}
