//! The plan of a backfill reads every row once, in order, with few calls.

use bitrix_client::HistoryRecord;
use proptest::prelude::*;

use crate::backfill::plan::{Ask, Came, Plan, calls};
use crate::tests::windows::stretches;
use crate::windows::{PAGE, WindowPage};

fn record(id: i64) -> HistoryRecord {
    HistoryRecord {
        id,
        type_id: Some(2),
        owner_id: id,
        created_time: "2026-01-01T00:00:00+00:00".parse().unwrap(),
        category_id: 0,
        stage_semantic_id: None,
        stage_id: "NEW".into(),
    }
}

/// How a portal follows chains.
#[derive(Debug, Clone, Copy)]
struct Follows {
    /// So many pages of each.
    pages: usize,
    /// Whether what comes behind them is something else, or nothing.
    astray: bool,
}

const ALL: Follows = Follows {
    pages: usize::MAX,
    astray: false,
};

/// Answers as a portal with these IDs does.
fn answer(plan: &mut Plan, ids: &[i64], ask: Ask, follows: Follows) {
    let size = usize::try_from(PAGE).unwrap();
    let mut came = Came::default();
    let mut after = ask.window.after;
    let last = ids.partition_point(|id| *id <= ask.window.up_to);
    for asked in 0..ask.pages {
        if asked == follows.pages {
            came.strayed = follows.astray;
            break;
        }
        let first = ids.partition_point(|id| *id <= after);
        let page = &ids[first..last.min(first + size)];
        let more = page.len() == size && page.last() != Some(&ask.window.up_to);
        let read_on_from = page.last().copied().filter(|_| more);
        came.pages.push(WindowPage {
            records: page.iter().map(|id| record(*id)).collect(),
            read_on_from,
        });
        match read_on_from {
            Some(last) => after = last,
            None => break,
        }
    }
    plan.came(ask, came);
}

/// How a reading is driven.
#[derive(Debug, Clone, Copy)]
struct Drive {
    /// Requests side by side.
    abreast: usize,
    /// The end is near when fewer pages than this are left.
    end_is: f64,
}

impl From<usize> for Drive {
    fn from(abreast: usize) -> Self {
        Self { abreast, end_is: 0.0 }
    }
}

/// What a reading took.
struct Reading {
    ids: Vec<i64>,
    calls: usize,
    requests: usize,
    /// Requests that were not full though the plan had said that they would be.
    said_full: usize,
    most_held: usize,
}

impl Reading {
    /// So many calls at most, in full requests but for so many.
    fn takes_at_most(&self, calls: usize, not_full: usize) {
        assert!(self.calls <= calls, "{} calls, not {calls}", self.calls);
        let requests = self.calls.div_ceil(50) + not_full;
        assert!(
            self.requests <= requests,
            "{} requests, not {requests}",
            self.requests
        );
    }
}

/// Rows that may wait.
const AHEAD: usize = 150_000;

fn read(ids: &[i64], after: i64, until: i64, abreast: usize, pick: impl FnMut() -> usize) -> Reading {
    read_within(AHEAD, ids, after, until, abreast, ALL, pick)
}

/// Reads everything with so many requests side by side, of which the one at `pick` is answered first.
fn read_within(
    most_ahead: usize,
    ids: &[i64],
    after: i64,
    until: i64,
    drive: impl Into<Drive>,
    follows: Follows,
    mut pick: impl FnMut() -> usize,
) -> Reading {
    let Drive { abreast, end_is } = drive.into();
    let mut plan = Plan::new(after, until, most_ahead);
    plan.expect_abreast(abreast);
    let mut under_way: Vec<Vec<Ask>> = Vec::new();
    let mut reading = Reading {
        ids: Vec::new(),
        calls: 0,
        requests: 0,
        said_full: 0,
        most_held: 0,
    };
    let mut open = 1;
    while !plan.is_over() {
        plan.hurry(plan.pages_left() < end_is);
        // As the driver does: a request that is not full goes only when nothing is under way.
        while under_way.len() < open
            && if under_way.is_empty() {
                plan.has_asks()
            } else {
                plan.fills(50)
            }
        {
            let said_full = plan.fills(50);
            let asks = plan.ask(50);
            assert!(!asks.is_empty() && calls(&asks) <= 50);
            assert!(asks.iter().all(|ask| ask.pages > 0));
            reading.calls += calls(&asks);
            reading.requests += 1;
            reading.said_full += usize::from(said_full && calls(&asks) < 50);
            under_way.push(asks);
        }
        if !under_way.is_empty() {
            let first = pick() % under_way.len();
            for ask in under_way.remove(first) {
                answer(&mut plan, ids, ask, follows);
            }
            open = (open * 2).min(abreast);
        }
        let (ready, up_to) = plan.ready();
        assert_eq!(ready, plan.front().count());
        reading.most_held = reading.most_held.max(plan.held());
        let taken = plan.take(5000);
        assert_eq!(taken.records.len(), ready.min(5000));
        assert!(taken.up_to <= up_to);
        reading.ids.extend(taken.records.iter().map(|record| record.id));
    }
    assert!(plan.is_read() && !plan.has_asks());
    reading
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_row_is_taken_once_and_in_order_whatever_the_density_and_the_order_of_answers(
        ids in stretches(0..100_000, 1..60, 1..3000), abreast in 1_usize..20, picks in proptest::collection::vec(0_usize..1000, 1..50), beyond in 0_i64..10_000,
        pages in prop_oneof![Just(usize::MAX), 1_usize..20], astray: bool, most_ahead in prop_oneof![Just(AHEAD), 100_usize..10_000],
        end_is in prop_oneof![Just(0.0), 0.0..3000.0]
    ) {
        let until = ids.last().copied().unwrap_or(0) + beyond;
        let mut turn = 0;
        let pick = || { turn += 1; picks[turn % picks.len()] };
        let drive = Drive { abreast, end_is };
        let reading = read_within(most_ahead, &ids, 0, until, drive, Follows { pages, astray }, pick);
        prop_assert_eq!(reading.ids, ids);
    }
}

/// IDs of which each is there with a chance of one in `one_in`, by a small generator of numbers.
fn thinned(until: i64, one_in: u64) -> Vec<i64> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    (1..=until)
        .filter(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.is_multiple_of(one_in)
        })
        .collect()
}

#[test]
fn dense_ids_are_read_by_full_pages_alone() {
    let ids: Vec<i64> = (1..=100_000).collect();
    let reading = read(&ids, 0, 100_000, 4, || 0);
    assert!(
        reading.calls <= 2030 && reading.requests <= 43,
        "{} calls, {} requests",
        reading.calls,
        reading.requests
    );
}

#[test]
fn a_portal_that_does_not_follow_chains_is_read_by_single_pages() {
    let dense: Vec<i64> = (1..=100_000).collect();
    let sparse = thinned(2_000_000, 20);
    // How many chains are lost until it is found out: five that go astray, or fifty, and those under way.
    for (ids, percent, astray, lost) in [
        (&dense, 103, true, 10),
        (&sparse, 115, true, 10),
        (&dense, 103, false, 70),
        (&sparse, 115, false, 70),
    ] {
        let until = ids.last().copied().unwrap();
        let follows = Follows { pages: 1, astray };
        let reading = read_within(2 * AHEAD, ids, 0, until, 4, follows, || 0);
        let pages = ids.len().div_ceil(50);
        assert_eq!(&reading.ids, ids);
        reading.takes_at_most(pages * percent / 100 + lost * 50, 15);
        assert!(
            reading.said_full == 0,
            "{} of {} requests",
            reading.said_full,
            reading.requests
        );
    }
}

#[test]
fn sparse_ids_are_read_by_nearly_full_pages_in_nearly_full_requests() {
    for one_in in [3, 20, 300] {
        let ids = thinned(i64::try_from(one_in).unwrap() * 100_000, one_in);
        let reading = read(&ids, 0, i64::try_from(one_in).unwrap() * 100_000, 4, || 0);
        let pages = ids.len().div_ceil(50);
        assert!(
            // Three requests find out how sparse they are.
            reading.calls * 92 <= (pages + 150) * 100,
            "one in {one_in}: {} calls for {pages} pages",
            reading.calls
        );
        assert!(reading.requests <= reading.calls.div_ceil(50) + 12);
    }
}

#[test]
fn a_long_reading_of_sparse_ids_wastes_little_and_holds_a_bounded_number_of_rows() {
    let ids = thinned(4_000_000, 20);
    let pages = ids.len().div_ceil(50);
    for (abreast, percent) in [(1, 97), (3, 97), (16, 94)] {
        let reading = read(&ids, 0, 4_000_000, abreast, || 0);
        assert!(
            reading.calls * percent <= pages * 100,
            "{abreast} abreast: {} calls for {pages} pages",
            reading.calls
        );
        assert!(
            reading.most_held < 190_000,
            "{abreast} abreast: {}",
            reading.most_held
        );
    }
}

#[test]
fn a_burst_among_sparse_ids_is_no_long_chain() {
    // Given a hundred thousand IDs with one row in fifty, then as many with a row each.
    let ids: Vec<i64> = (1..=100_000)
        .filter(|id| id % 50 == 0)
        .chain(100_001..=200_000)
        .collect();
    let reading = read(&ids, 0, 200_000, 4, || 0);
    let pages = ids.len().div_ceil(50);
    assert!(
        reading.calls < pages + pages / 8,
        "{} calls for {pages} pages",
        reading.calls
    );
    assert!(
        reading.requests < reading.calls / 50 + 40,
        "{} requests",
        reading.requests
    );
}

#[test]
fn a_great_hole_costs_a_few_calls() {
    let ids: Vec<i64> = (1..=5000).chain(50_000_001..=50_005_000).collect();
    let reading = read(&ids, 0, 50_005_000, 4, || 0);
    assert!(reading.requests < 30, "{}", reading.requests);
}

#[test]
fn little_memory_is_kept_to_and_shortens_the_spans() {
    let ids = thinned(4_000_000, 20);
    let reading = read_within(20_000, &ids, 0, 4_000_000, 4, ALL, || 0);
    assert!(reading.most_held < 60_000, "{}", reading.most_held);
    assert_eq!(reading.ids.len(), ids.len());
}

#[test]
fn a_hole_does_not_make_one_chain_of_what_follows_it() {
    // Given dense IDs with a hole in which a few requests' worth of pages are empty.
    let ids: Vec<i64> = (1..=100_000)
        .chain(130_000..=400_000)
        .filter(|id| id % 20 != 0)
        .collect();
    let reading = read(&ids, 0, 400_000, 10, || 0);
    let pages = ids.len().div_ceil(50);
    reading.takes_at_most(pages * 100 / 88, 25);
}

#[test]
fn near_the_end_what_is_left_is_asked_for_at_once_and_less_than_a_request_is_left_for_later() {
    for one_in in [1, 3, 20] {
        // Given a plan that knows how dense the IDs are.
        let ids = thinned(200_000 * i64::try_from(one_in).unwrap(), one_in);
        let mut plan = Plan::new(0, ids.last().copied().unwrap(), 1_000_000);
        plan.expect_abreast(5);
        while plan.pages_left() > 500.0 || !plan.has_asks() {
            for ask in plan.ask(50) {
                answer(&mut plan, &ids, ask, ALL);
            }
        }
        plan.hurry(true);

        // When all of it is asked for before anything more comes.
        let mut asks = Vec::new();
        while plan.fills(1) {
            asks.push(plan.ask(50));
        }
        let (requests, pages) = (asks.len(), asks.iter().map(|asks| calls(asks)).sum::<usize>());
        for ask in asks.into_iter().flatten() {
            answer(&mut plan, &ids, ask, ALL);
        }

        // Then little of it was asked for in vain, and little is left.
        assert!(
            (9..=13).contains(&requests),
            "one in {one_in}: {requests} requests of {pages} pages"
        );
        assert!(
            plan.pages_left() < 50.0,
            "one in {one_in}: {} pages left",
            plan.pages_left()
        );
    }
}
