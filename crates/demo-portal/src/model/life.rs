//! What goes on in a portal by itself: the mix of changes its users make, and their mass actions.

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

use super::generate::{SHARES, USERS, pick, title};
use super::{Code, Data, Date, EarlierRows, Model, Now};
use crate::error::Error;

/// A kind of change, as the users of a portal make them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Move,
    Responsible,
    Dates,
    Add,
    Pipeline,
    Delete,
}

impl Act {
    fn draw(rng: &mut StdRng) -> Self {
        match rng.random_range(0..100) {
            0..72 => Self::Move,
            72..82 => Self::Responsible,
            82..89 => Self::Dates,
            89..95 => Self::Add,
            95..99 => Self::Pipeline,
            _ => Self::Delete,
        }
    }
}

impl Model {
    /// Changes the newest deals in one go, as a mass action in the list of deals does: each gets another
    /// responsible user, and each raises an event of its own. Gives how many there were, `count` at most.
    pub fn mass_update(&self, count: usize) -> usize {
        let now = self.now();
        let mut data = self.write();
        let first = data.deals.len().saturating_sub(count);
        let deals: Vec<(u32, u32)> = data.deals[first..]
            .iter()
            .map(|deal| (deal.id, next_user(deal.assigned)))
            .collect();
        deals
            .into_iter()
            .filter(|(id, user)| data.change_responsible(*id, *user, now).is_ok())
            .count()
    }

    /// One change of some deal, drawn by lot: mostly a move to another stage.
    pub(crate) fn change_any(&self, rng: &mut StdRng) {
        let now = self.now();
        if let Err(error) = self.write().change_any(rng, now) {
            tracing::warn!(%error, "a deal that should keep changing did not");
        }
    }
}

impl Data {
    fn change_any(&mut self, rng: &mut StdRng, now: Now) -> Result<(), Error> {
        let act = Act::draw(rng);
        let Some(deal) = self.deals.choose(rng) else {
            return self.add_any(rng, now);
        };
        let (id, assigned, current, pipeline) = (deal.id, deal.assigned, deal.stage, deal.pipeline);
        let by = if rng.random_bool(0.6) {
            assigned
        } else {
            pick(rng, &USERS)
        };
        let target = match act {
            Act::Move => self.some_stage(rng, |place, code| place == pipeline && code != current),
            Act::Pipeline => self.some_stage(rng, |place, _| place != pipeline),
            _ => None,
        };
        match (act, target) {
            (Act::Move, Some(stage)) => self.move_deal(id, &stage, by, now).map(drop),
            (Act::Pipeline, Some(stage)) => {
                let earlier = if rng.random_bool(0.3) {
                    EarlierRows::Vanish
                } else {
                    EarlierRows::Keep
                };
                self.move_to_pipeline(id, &stage, by, earlier, now).map(drop)
            }
            (Act::Dates, _) => {
                let begin = Date::Day(now.day - rng.random_range(0..60));
                let close = match rng.random_range(0..10) {
                    0 => Date::Null,
                    1 => Date::Empty,
                    _ => Date::Day(now.day + rng.random_range(0..90)),
                };
                self.change_dates(id, begin, close, now)
            }
            (Act::Add, _) => self.add_any(rng, now),
            (Act::Delete, _) => self.delete_deal(id).map(drop),
            // Where there is no stage to go to, the deal changes hands instead: a change it is to be.
            (Act::Responsible | Act::Move | Act::Pipeline, _) => {
                let others: Vec<u32> = USERS.iter().copied().filter(|user| *user != assigned).collect();
                let user = others.choose(rng).copied().unwrap_or(assigned);
                self.change_responsible(id, user, now)
            }
        }
    }

    /// A new deal in the first stage of a pipeline that has one.
    fn add_any(&mut self, rng: &mut StdRng, now: Now) -> Result<(), Error> {
        let pipeline = pick(rng, &SHARES);
        let first = self
            .statuses
            .iter()
            .filter(|stage| stage.pipeline == Some(pipeline))
            .min_by_key(|stage| stage.sort)
            .ok_or_else(|| Error::missing("stage of pipeline", pipeline))?;
        let stage = self.code(first.code).to_owned();
        let (title, by) = (title(rng), pick(rng, &USERS));
        self.add_deal(&stage, &title, by, now).map(drop)
    }

    /// Some stage of deals that will do, judged by its pipeline and code.
    fn some_stage(&self, rng: &mut StdRng, will_do: impl Fn(u16, Code) -> bool) -> Option<String> {
        let choice: Vec<Code> = self
            .statuses
            .iter()
            .filter(|stage| {
                stage
                    .pipeline
                    .is_some_and(|pipeline| will_do(pipeline, stage.code))
            })
            .map(|stage| stage.code)
            .collect();
        choice.choose(rng).map(|code| self.code(*code).to_owned())
    }
}

/// The user after this one.
fn next_user(user: u32) -> u32 {
    let place = USERS
        .iter()
        .position(|known| *known == user)
        .map_or(0, |place| (place + 1) % USERS.len());
    USERS[place]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use chrono::DateTime;
    use rand::SeedableRng as _;

    use super::*;
    use crate::clock::{Clock, Zone};
    use crate::model::{RowKind, generate};
    use crate::options::PortalOptions;

    fn model(deals: u32) -> Model {
        let options = PortalOptions {
            deals,
            started_at: DateTime::from_timestamp(1_765_000_000, 0),
            ..PortalOptions::default()
        };
        Model::new(generate(&options), Clock::new(&options), Zone::new(&options))
    }

    fn lived(deals: u32, seed: u64, changes: usize) -> Model {
        let model = model(deals);
        let mut rng = StdRng::seed_from_u64(seed);
        (0..changes).for_each(|_| model.change_any(&mut rng));
        model
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_seed_lives_the_same_life() {
        let life = |seed| {
            let model = lived(300, seed, 500);
            (model.deals(), model.history())
        };
        assert_eq!(life(3), life(3));
        assert_ne!(life(3), life(4));
    }

    #[tokio::test(start_paused = true)]
    async fn every_turn_is_one_change_and_most_are_moves_by_various_users() {
        let before = model(300);
        let mut rng = StdRng::seed_from_u64(1);
        let (newest, deals) = (before.highest_history_id(), before.deals_len());
        let mut told = Vec::new();
        for _ in 0..2000 {
            let now = before.now();
            let mut data = before.write();
            data.change_any(&mut rng, now).unwrap();
            assert_eq!(data.raised.len(), 1);
            told.extend(data.raised.iter().map(crate::events::Event::code));
        }
        let count = |code| told.iter().filter(|told| **told == code).count();
        for (code, about) in [
            ("ONCRMDEALUPDATE", 1780),
            ("ONCRMDEALADD", 120),
            ("ONCRMDEALMOVETOCATEGORY", 80),
            ("ONCRMDEALDELETE", 20),
        ] {
            assert!(
                (about / 2..about * 2).contains(&count(code)),
                "{code} {}",
                count(code)
            );
        }
        assert_eq!(
            before.deals_len(),
            deals + count("ONCRMDEALADD") - count("ONCRMDEALDELETE")
        );
        let moves: Vec<_> = before
            .history()
            .into_iter()
            .filter(|row| row.id > newest && matches!(row.kind, RowKind::Moved | RowKind::Finished))
            .collect();
        assert!((1000..1600).contains(&moves.len()), "{} moves", moves.len());
        let movers: HashSet<u32> = before.deals().iter().map(|deal| deal.moved_by).collect();
        assert!(movers.len() > 15, "{movers:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_portal_gets_its_first_deals() {
        let model = lived(0, 1, 50);
        assert!(model.deals_len() > 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_mass_update_changes_the_newest_deals_and_no_more_than_there_are() {
        let model = model(10);
        let before = model.deals();
        assert_eq!(model.mass_update(4), 4);
        let changed: Vec<bool> = before
            .iter()
            .zip(model.deals())
            .map(|(old, new)| old.assigned_by_id != new.assigned_by_id)
            .collect();
        assert_eq!(changed, [vec![false; 6], vec![true; 4]].concat());
        assert_eq!(model.mass_update(usize::MAX), 10);
    }
}
