//! The figures against a model that walks through the moves in memory, on tables of any shape.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{Datelike, NaiveDate, NaiveDateTime, TimeDelta, Weekday};
use proptest::prelude::*;

use super::bench::{Move, Stage, begin, day, moved, stage, targets};
use crate::{Asked, Basis, Day, Period, Week};

const STAGES: [&str; 6] = ["NEW", "TALK", "OFFER", "WON", "LOSE", "LOSE_LATE"];

/// What the model knows of a stage.
#[derive(Debug, Default, PartialEq)]
struct Counted {
    deals: u64,
    visits: u64,
    deals_now: u64,
    median: Option<i64>,
    p90: Option<i64>,
}

/// A visit as the model sees it.
struct Visit<'a> {
    what: &'a Move,
    passage: (i64, usize),
    started: NaiveDateTime,
    seconds: i64,
    open: bool,
}

fn time(one: &Move) -> NaiveDateTime {
    begin() + TimeDelta::minutes(one.at)
}

fn visits(moves: &[Move], now: NaiveDateTime) -> Vec<Visit<'_>> {
    let mut of_deals: BTreeMap<i64, Vec<&Move>> = BTreeMap::new();
    for one in moves {
        of_deals.entry(one.deal).or_default().push(one);
    }
    let mut visits = Vec::new();
    for (deal, mut rows) in of_deals {
        rows.sort_by_key(|one| (one.at, one.key));
        let mut number = 0;
        let mut started = begin();
        for place in 0..rows.len() {
            let this = rows[place];
            if place == 0 || rows[place - 1].pipeline != this.pipeline {
                number += 1;
                started = time(this);
            }
            let next = rows.get(place + 1);
            let until = next.map_or(now.max(time(this)), |next| time(next));
            visits.push(Visit {
                what: this,
                passage: (deal, number),
                started,
                seconds: (until - time(this)).num_seconds(),
                open: next.is_none(),
            });
        }
    }
    visits
}

fn rank(sorted: &[i64], of_ten: usize) -> Option<i64> {
    // The smallest k with k / n >= of_ten / 10.
    let k = (sorted.len() * of_ten).div_ceil(10);
    sorted.get(k.checked_sub(1)?).copied()
}

fn funnel(moves: &[Move], asked: Asked, now: NaiveDateTime) -> (u64, HashMap<String, Counted>) {
    let inside = |at: NaiveDateTime| (asked.period.from()..=asked.period.until()).contains(&at.date());
    let mut passages = HashSet::new();
    let mut stays: HashMap<(String, (i64, usize)), i64> = HashMap::new();
    let mut stages: HashMap<String, Counted> = HashMap::new();
    for visit in visits(moves, now) {
        let at = match asked.basis {
            Basis::Entered => visit.started,
            Basis::Visited => time(visit.what),
        };
        if visit.what.pipeline != asked.pipeline || !inside(at) {
            continue;
        }
        passages.insert(visit.passage);
        *stays
            .entry((visit.what.stage.clone(), visit.passage))
            .or_default() += visit.seconds;
        let counted = stages.entry(visit.what.stage.clone()).or_default();
        counted.visits += 1;
        counted.deals_now += u64::from(visit.open);
    }
    for (stage, counted) in &mut stages {
        let mut spent: Vec<i64> = stays
            .iter()
            .filter(|((of, _), _)| of == stage)
            .map(|(_, seconds)| *seconds)
            .collect();
        spent.sort_unstable();
        counted.deals = spent.len() as u64;
        counted.median = rank(&spent, 5);
        counted.p90 = rank(&spent, 9);
    }
    (passages.len() as u64, stages)
}

fn days(moves: &[Move], asked: Asked) -> Vec<Day> {
    let mut days = Vec::new();
    let mut day = asked.period.from();
    while day <= asked.period.until() {
        let moves = moves
            .iter()
            .filter(|one| one.pipeline == asked.pipeline && time(one).date() == day)
            .count();
        days.push(Day {
            day,
            moves: moves as u64,
        });
        day = day.succ_opt().unwrap();
    }
    days
}

fn weeks(moves: &[Move], asked: Asked) -> Vec<Week> {
    let mut weeks: BTreeMap<NaiveDate, (BTreeSet<i64>, BTreeSet<i64>)> = BTreeMap::new();
    for Day { day, .. } in days(moves, asked) {
        let iso = day.iso_week();
        let monday = NaiveDate::from_isoywd_opt(iso.year(), iso.week(), Weekday::Mon).unwrap();
        let (won, lost) = weeks.entry(monday).or_default();
        for one in moves
            .iter()
            .filter(|one| one.pipeline == asked.pipeline && time(one).date() == day)
        {
            match one.semantics.as_deref() {
                Some("S") => won.insert(one.deal),
                Some("F") => lost.insert(one.deal),
                _ => false,
            };
        }
    }
    weeks
        .into_iter()
        .map(|(monday, (won, lost))| Week {
            monday,
            won: won.len() as u64,
            lost: lost.len() as u64,
        })
        .collect()
}

fn some_moves() -> impl Strategy<Value = Vec<Move>> {
    // Few deals and few minutes, so that ties, returns and repeated visits are common.
    let one = (
        1_i64..6,
        0_i32..3,
        0..STAGES.len(),
        prop_oneof![0_i64..8, 0_i64..40_000],
    );
    prop::collection::vec(one, 0..60).prop_map(|list| {
        // IDs fall while the list rises, so that the order of IDs is not that of writing.
        (1..)
            .zip(list)
            .map(|(key, (deal, pipeline, stage, at))| moved(1000 - key, deal, pipeline, STAGES[stage], at))
            .collect()
    })
}

fn some_period() -> impl Strategy<Value = Period> {
    (0_i64..40, 0_i64..30).prop_map(|(from, length)| {
        let from = day("2023-12-28") + TimeDelta::days(from);
        Period::new(from, from + TimeDelta::days(length)).unwrap()
    })
}

fn list() -> Vec<Stage> {
    (0..3)
        .flat_map(|pipeline| {
            (1..)
                .zip(STAGES)
                .map(move |(place, id)| stage(pipeline, id, place * 10))
        })
        .collect()
}

fn check(moves: &[Move], period: Period, basis: Basis, minutes: i64) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let asked = Asked {
        pipeline: 1,
        period,
        basis,
    };
    let now = begin() + TimeDelta::minutes(minutes);
    runtime.block_on(async {
        for target in targets(moves, &list()).await {
            let found = target.figures(asked, now).await;
            let (passages, wanted) = funnel(moves, asked, now);
            prop_assert_eq!(found.passages, passages, "{}", target.name);
            for stage in &found.stages {
                let counted = Counted {
                    deals: stage.deals,
                    visits: stage.visits,
                    deals_now: stage.deals_now,
                    median: stage.median,
                    p90: stage.p90,
                };
                let nothing = Counted::default();
                let wanted = wanted.get(&stage.id).unwrap_or(&nothing);
                prop_assert_eq!(&counted, wanted, "{} {}", target.name, stage.id);
            }
            prop_assert!(
                wanted
                    .keys()
                    .all(|id| found.stages.iter().any(|stage| stage.id == *id))
            );
            prop_assert_eq!(found.days, days(moves, asked), "{}", target.name);
            prop_assert_eq!(found.weeks, weeks(moves, asked), "{}", target.name);
        }
        Ok(())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_figures_are_those_of_a_walk_through_the_moves(
        moves in some_moves(),
        period in some_period(),
        basis in prop_oneof![Just(Basis::Entered), Just(Basis::Visited)],
        minutes in 0_i64..60_000,
    ) {
        check(&moves, period, basis, minutes)?;
    }
}
