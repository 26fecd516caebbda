//! Making up a portal's past from a seed.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::names::{AFTER, BETWEEN, HE, OTHER_STATUSES, PIPELINES, SHE, stages_of};
use super::{Code, Data, Date, Deal, Pipeline, Row, RowKind, Semantics, Status};
use crate::clock::{Zone, whole_seconds};
use crate::options::PortalOptions;

const DAY: i64 = 86_400;
/// IDs of the users who move deals; the webhook's own is one of them.
pub(super) const USERS: [u32; 24] = [
    1, 6, 7, 9, 12, 13, 19, 21, 25, 33, 34, 40, 41, 55, 57, 60, 71, 88, 90, 102, 117, 240, 1021, 1023,
];
/// Deals go into these pipelines; the Enamour Pipeline has most.
pub(super) const SHARES: [u16; 10] = [3, 3, 3, 3, 3, 0, 0, 0, 1, 5];
/// The pipeline of [`PortalOptions::rare_share`], and where the other deals go then.
const RARE: u16 = 1;
const OTHER_SHARES: [u16; 9] = [3, 3, 3, 3, 3, 0, 0, 0, 5];

/// A stage as the generator needs it.
struct Step {
    code: Code,
    semantics: Semantics,
}

/// The data of a portal set up like this. The same options give the same data.
pub(crate) fn generate(options: &PortalOptions) -> Data {
    let mut data = Data {
        next_status: 101,
        next_deal: 117,
        ..Data::default()
    };
    add_directories(&mut data);
    let mut past = Past::new(options, &data);
    for created in past.creation_times(options) {
        past.add_deal(&mut data, created);
    }
    number_rows(&mut past.rng, &mut data, past.rows, options.first_history_id);
    data
}

fn add_directories(data: &mut Data) {
    for (id, name, sort) in PIPELINES {
        data.pipelines.push(Pipeline { id, name, sort });
        let mut sort = 0;
        for (code, name, name_init, color, semantics) in stages_of(id) {
            sort += 10;
            let code = if id == 0 {
                (*code).to_owned()
            } else {
                format!("C{id}:{code}")
            };
            let status = Status {
                id: data.next_status,
                entity: stage_entity(id),
                code: data.intern(&code),
                name: (*name).to_owned(),
                name_init: (*name_init).to_owned(),
                sort,
                system: !name_init.is_empty(),
                pipeline: Some(id),
                color,
                semantics: *semantics,
            };
            data.next_status += 2;
            data.statuses.push(status);
        }
    }
    for (entity, code, name) in OTHER_STATUSES {
        let status = Status {
            id: data.next_status,
            entity: entity.to_owned(),
            code: data.intern(code),
            name: name.to_owned(),
            name_init: name.to_owned(),
            sort: 10,
            system: false,
            pipeline: None,
            color: "",
            semantics: Semantics::InProgress,
        };
        data.next_status += 1;
        data.statuses.push(status);
    }
}

/// The directory that holds a pipeline's stages.
pub(super) fn stage_entity(pipeline: u16) -> String {
    if pipeline == 0 {
        "DEAL_STAGE".to_owned()
    } else {
        format!("DEAL_STAGE_{pipeline}")
    }
}

/// A past being made up: rows in order of deals, still without IDs.
struct Past {
    rng: StdRng,
    zone: Zone,
    until: i64,
    steps: Vec<(u16, Vec<Step>)>,
    rows: Vec<Row>,
    /// This deal is made unreadable whatever the dice say, so that even a small portal has one.
    unreadable: u32,
    rare_share: Option<f64>,
}

impl Past {
    fn new(options: &PortalOptions, data: &Data) -> Self {
        let steps = PIPELINES.iter().map(|(id, ..)| {
            let stages = data.statuses.iter().filter(|status| status.pipeline == Some(*id));
            (
                *id,
                stages
                    .map(|stage| Step {
                        code: stage.code,
                        semantics: stage.semantics,
                    })
                    .collect(),
            )
        });
        Self {
            rng: StdRng::seed_from_u64(options.seed),
            zone: Zone::new(options),
            until: options.data_until.timestamp(),
            steps: steps.collect(),
            rows: Vec::with_capacity(options.deals as usize * 5),
            unreadable: data.next_deal + options.deals / 2,
            rare_share: options.rare_share,
        }
    }

    fn creation_times(&mut self, options: &PortalOptions) -> Vec<i64> {
        let span = i64::from(options.data_days.max(1)) * DAY;
        let mut times: Vec<i64> = (0..options.deals)
            .map(|_| self.until - self.rng.random_range(3600..=span))
            .collect();
        times.sort_unstable();
        times
    }

    fn add_deal(&mut self, data: &mut Data, created: i64) {
        let id = data.next_deal;
        // Every now and then a deal was deleted, and with it all its rows.
        data.next_deal += if self.rng.random_bool(0.03) {
            self.rng.random_range(2..5)
        } else {
            1
        };
        let pipeline = self.pick_pipeline();
        let creator = self.pick(&USERS);
        let begin_day = self.local_day(created);
        let begin = if self.rng.random_bool(0.05) {
            Date::Null
        } else {
            Date::Day(begin_day)
        };
        let close = match self.rng.random_range(0..20) {
            0..3 => Date::Null,
            3..5 => Date::Empty,
            _ => Date::Day(begin_day + self.rng.random_range(7..90)),
        };
        let mut deal = Deal {
            id,
            assigned: if self.rng.random_bool(0.6) {
                creator
            } else {
                self.pick(&USERS)
            },
            creator,
            mover: creator,
            created,
            updated: created,
            moved: created,
            begin,
            close,
            stage: 0,
            pipeline,
            semantics: Semantics::InProgress,
            readable: id != self.unreadable && !self.rng.random_bool(0.002),
            title: title(&mut self.rng),
            rows: Vec::new(),
        };
        self.live(&mut deal);
        data.deals.push(deal);
    }

    /// The deal's way through the stages, up to today.
    fn live(&mut self, deal: &mut Deal) {
        let first_row = self.rows.len();
        let mut moment = deal.created;
        self.enter(deal, moment, RowKind::Created, 0);
        let moves = self.rng.random_range(1..=8);
        for left in (0..moves).rev() {
            moment += if self.rng.random_bool(0.04) {
                self.rng.random_range(1..5)
            } else {
                60 + whole_seconds(self.rng.random::<f64>().powi(3) * 40.0 * 86_400.0)
            };
            if moment > self.until {
                break;
            }
            deal.mover = if self.rng.random_bool(0.7) {
                deal.assigned
            } else {
                self.pick(&USERS)
            };
            if self.rng.random_bool(0.04) {
                self.change_pipeline(deal, moment, first_row);
                continue;
            }
            let finish = left == 0 && self.rng.random_bool(0.65);
            let Some(stage) = self.other_stage(deal, finish) else {
                break;
            };
            self.enter(
                deal,
                moment,
                if finish { RowKind::Finished } else { RowKind::Moved },
                stage,
            );
        }
        deal.updated = deal.moved
            + if self.rng.random_bool(0.3) {
                self.rng.random_range(0..5 * DAY)
            } else {
                0
            };
        deal.updated = deal.updated.min(self.until.max(deal.moved));
    }

    fn change_pipeline(&mut self, deal: &mut Deal, moment: i64, first_row: usize) {
        let pipeline = self.pick_pipeline();
        if pipeline == deal.pipeline {
            return;
        }
        // In some portals the rows from before are no longer shown.
        if self.rng.random_bool(0.3) {
            self.rows.truncate(first_row);
        }
        deal.pipeline = pipeline;
        self.enter(deal, moment, RowKind::OtherPipeline, 0);
    }

    fn enter(&mut self, deal: &mut Deal, moment: i64, kind: RowKind, stage: usize) {
        let Some(step) = self.steps_of(deal.pipeline).get(stage) else {
            return;
        };
        deal.stage = step.code;
        deal.semantics = step.semantics;
        self.rows.push(Row {
            id: 0,
            owner: deal.id,
            moment,
            stage: deal.stage,
            pipeline: deal.pipeline,
            kind,
            semantics: deal.semantics,
            hidden: false,
        });
        // The deal is saved a moment after its row.
        deal.moved = (moment + self.rng.random_range(0..=2)).min(self.until.max(moment));
    }

    /// A stage the deal is not in, by its place in the pipeline.
    fn other_stage(&mut self, deal: &Deal, finish: bool) -> Option<usize> {
        let choice: Vec<usize> = self
            .steps_of(deal.pipeline)
            .iter()
            .enumerate()
            .filter(|(_, step)| step.code != deal.stage && step.semantics.is_final() == finish)
            .map(|(place, _)| place)
            .collect();
        choice.choose(&mut self.rng).copied()
    }

    fn steps_of(&self, pipeline: u16) -> &[Step] {
        self.steps
            .iter()
            .find(|(id, _)| *id == pipeline)
            .map_or(&[], |(_, steps)| steps)
    }

    fn local_day(&self, moment: i64) -> i32 {
        let local = moment + i64::from(self.zone.offset_at(moment));
        i32::try_from(local.div_euclid(DAY)).unwrap_or(0)
    }

    fn pick_pipeline(&mut self) -> u16 {
        match self.rare_share {
            None => self.pick(&SHARES),
            Some(share) if self.rng.random_bool(share) => RARE,
            Some(_) => self.pick(&OTHER_SHARES),
        }
    }

    fn pick<T: Copy, const N: usize>(&mut self, from: &[T; N]) -> T {
        pick(&mut self.rng, from)
    }
}

/// A deal's title.
pub(super) fn title(rng: &mut StdRng) -> Box<str> {
    let mut title = String::with_capacity(64);
    for part in [
        pick(rng, &SHE),
        pick(rng, &BETWEEN),
        pick(rng, &HE),
        pick(rng, &AFTER),
    ] {
        title.push_str(part);
    }
    title.into_boxed_str()
}

/// One of a list that is never empty.
pub(super) fn pick<T: Copy, const N: usize>(rng: &mut StdRng, from: &[T; N]) -> T {
    from[rng.random_range(0..N)]
}

/// Puts the rows in the order of time and gives them IDs, with the gaps that years leave.
fn number_rows(rng: &mut StdRng, data: &mut Data, mut rows: Vec<Row>, first_id: u32) {
    rows.sort_by_key(|row| row.moment);
    for at in 1..rows.len() {
        // IDs are given out before their transaction commits: now and then they are not in the order of time.
        if rows[at - 1].owner != rows[at].owner && rng.random_bool(0.002) {
            rows.swap(at - 1, at);
        }
    }
    // Years ago a big import was undone.
    let hole_at = rows.len() * 2 / 5;
    let hole = u32::try_from(rows.len() / 20).unwrap_or(0) + 150;
    let mut id = first_id;
    for (at, row) in rows.iter_mut().enumerate() {
        if at == hole_at && at > 0 {
            id += hole;
        }
        row.id = id;
        id += if rng.random_bool(0.025) {
            rng.random_range(2..5)
        } else {
            1
        };
        if let Ok(deal) = data.deals.binary_search_by_key(&row.owner, |deal| deal.id) {
            data.deals[deal].rows.push(row.id);
        }
    }
    data.next_row = id;
    data.rows = rows;
}
