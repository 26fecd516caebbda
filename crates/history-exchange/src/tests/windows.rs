//! Windows lose no ID and ask for none twice.

use std::ops::Range;

use proptest::prelude::*;

use crate::windows::{Density, PAGE, Window, cut, rest};

/// A portal's table: its IDs, and a page of them.
fn page(ids: &[i64], window: Window) -> Vec<i64> {
    let size = usize::try_from(PAGE).unwrap();
    ids.iter()
        .copied()
        .filter(|id| window.holds(*id))
        .take(size)
        .collect()
}

/// Stretches of dense and sparse IDs: the hole before each, from one ID to the next, and how many there are.
pub(super) fn stretches(
    hole: Range<i64>,
    gap: Range<i64>,
    count: Range<usize>,
) -> impl Strategy<Value = Vec<i64>> {
    proptest::collection::vec((hole, gap, count), 0..6).prop_map(|stretches| {
        let mut next = 1;
        let mut ids = Vec::new();
        for (hole, gap, count) in stretches {
            next += hole;
            for _ in 0..count {
                ids.push(next);
                next += gap;
            }
        }
        ids
    })
}

proptest! {
    #[test]
    fn every_row_is_read_once_whatever_the_density(ids in stretches(0..400, 1..40, 1..200), width in 1_i64..500, count in 1_usize..60) {
        let until = ids.last().copied().unwrap_or(0);
        let mut read = Vec::new();
        let mut cursor = 0;
        while cursor < until {
            let mut pending = cut(cursor, until, width, count);
            cursor = pending.last().unwrap().up_to;
            while let Some(window) = pending.pop() {
                let rows = page(&ids, window);
                if rows.len() == usize::try_from(PAGE).unwrap() {
                    pending.extend(rest(window, *rows.last().unwrap()));
                }
                read.extend(rows);
            }
        }
        read.sort_unstable();
        prop_assert_eq!(read, ids);
    }

    #[test]
    fn windows_follow_one_another_without_a_gap(
        after in -5_i64..1000, length in 0_i64..100_000, width in 1_i64..5000, count in 1_usize..60
    ) {
        let until = after + length;
        let windows = cut(after, until, width, count);
        let mut next = after;
        for window in &windows {
            prop_assert_eq!(window.after, next);
            prop_assert!(window.after < window.up_to && window.up_to <= until);
            next = window.up_to;
        }
        prop_assert!(windows.len() == count || next == until);
    }

    #[test]
    fn a_width_never_falls_below_a_page_and_never_jumps(spans in proptest::collection::vec((1_i64..10_000_000, 0_i64..2500), 1..30)) {
        let mut density = Density::default();
        for (span, rows) in spans {
            let before = density.width();
            density.learn(span, rows);
            prop_assert!(density.width() >= PAGE);
            prop_assert!(density.width() <= before * 4 && density.width() >= (before / 4).max(PAGE));
        }
    }
}

#[test]
fn dense_ids_are_read_by_windows_of_a_page_which_never_overflow() {
    let mut density = Density::default();
    density.learn(2500, 2500);
    assert_eq!(density.width(), PAGE);
}

#[test]
fn a_burst_in_a_wide_window_costs_a_few_windows_and_not_thousands() {
    let window = Window {
        after: 0,
        up_to: 1_000_000,
    };
    // 50 rows in the first 50 IDs say nothing of the other 999,950.
    let rest = rest(window, 50);
    assert_eq!(
        rest.first(),
        Some(&Window {
            after: 50,
            up_to: 100
        })
    );
    assert_eq!(rest.last().map(|window| window.up_to), Some(1_000_000));
    assert!(rest.len() < 20, "{}", rest.len());
}

#[test]
fn a_window_at_the_end_of_all_numbers_does_not_overflow() {
    let windows = cut(i64::MAX - 3, i64::MAX, 1000, 5);
    assert_eq!(
        windows,
        [Window {
            after: i64::MAX - 3,
            up_to: i64::MAX
        }]
    );
}
