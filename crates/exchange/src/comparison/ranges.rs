//! Which keys are looked at. Pure.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

use super::sample::{Portion, Sample};

/// Rows that one window of a sample should hold: about what one read of the portal gives.
const ROWS_A_WINDOW: u64 = 2500;

/// A window is not narrower than a page of the portal's lists.
const NARROWEST: u64 = 50;

/// A sample has at least this many windows where it can: one window would tell of one week of the portal's life.
const LEAST_WINDOWS: u64 = 20;

/// Keys above `after` up to `up_to`; without `after`, from the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) after: Option<i64>,
    pub(super) up_to: i64,
}

/// The ranges to compare, one after another in ascending order.
#[derive(Debug)]
pub(super) enum Ranges {
    One(Option<Range>),
    Sampled(Windows),
}

impl Iterator for Ranges {
    type Item = Range;

    fn next(&mut self) -> Option<Range> {
        match self {
            Self::One(range) => range.take(),
            Self::Sampled(windows) => windows.next(),
        }
    }
}

impl Ranges {
    /// How many keys there are in all ranges, of those between `lowest` and `highest`: for telling how far it is.
    pub(super) fn keys(&self, lowest: i64, highest: i64) -> u64 {
        match self {
            Self::One(_) => span(lowest, highest),
            Self::Sampled(windows) => windows.width.saturating_mul(windows.wanted),
        }
    }
}

/// How many keys there are from `lowest` to `highest`.
fn span(lowest: i64, highest: i64) -> u64 {
    let span = i128::from(highest) - i128::from(lowest) + 1;
    u64::try_from(span.max(0)).unwrap_or(u64::MAX)
}

/// Windows of equal width, some of which are chosen: each set of so many windows is as likely as any other. They are chosen one
/// after another, so that no list of them is held.
#[derive(Debug)]
pub(super) struct Windows {
    random: Xoshiro256PlusPlus,
    /// The key below the lowest.
    base: i64,
    highest: i64,
    width: u64,
    /// Windows that were not decided on yet, the next one first.
    left: u64,
    place: u64,
    /// Windows that are still to be chosen.
    wanted: u64,
}

impl Windows {
    /// Windows over the keys from `lowest` to `highest`, among which there are about `rows` rows.
    pub(super) fn new(sample: Sample, lowest: i64, highest: i64, rows: u64) -> Self {
        let span = span(lowest, highest);
        // Where nothing is known of the rows, each key may be one.
        let rows = if rows == 0 { span } else { rows.min(span) }.max(1);
        // Exact enough: a choice is wanted, not a count.
        #[allow(clippy::cast_precision_loss, reason = "an estimate")]
        let (keys, rows) = (span as f64, rows as f64);
        let share = match sample.portion {
            Portion::Share(share) => share,
            #[allow(clippy::cast_precision_loss, reason = "an estimate")]
            Portion::Rows(wanted) => wanted as f64 / rows,
        }
        .clamp(0.0, 1.0);
        #[allow(clippy::cast_precision_loss, reason = "small numbers")]
        let (full, least) = (ROWS_A_WINDOW as f64, LEAST_WINDOWS as f64);
        let width = (keys / rows * full).min(keys * share / least);
        let width = whole(width).clamp(NARROWEST, span.max(NARROWEST));
        let windows = span.div_ceil(width);
        #[allow(clippy::cast_precision_loss, reason = "an estimate")]
        let wanted = whole((windows as f64 * share).ceil()).clamp(1, windows.max(1));
        Self {
            // This generator gives the same numbers on every machine and in every version.
            random: Xoshiro256PlusPlus::seed_from_u64(sample.seed),
            base: lowest.saturating_sub(1),
            highest,
            width,
            left: windows,
            place: 0,
            wanted: wanted.min(windows),
        }
    }

    /// A number below `bound`, each as likely as the others (but for 1 in 2^64).
    fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.random.next_u64()) * u128::from(bound);
        u64::try_from(product >> 64).unwrap_or(0)
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number that is not negative; a cast saturates"
)]
fn whole(number: f64) -> u64 {
    number.max(0.0) as u64
}

impl Iterator for Windows {
    type Item = Range;

    fn next(&mut self) -> Option<Range> {
        while self.left > 0 && self.wanted > 0 {
            let chosen = self.below(self.left) < self.wanted;
            let place = self.place;
            self.left -= 1;
            self.place += 1;
            if chosen {
                self.wanted -= 1;
                let start = i128::from(self.base) + i128::from(place) * i128::from(self.width);
                let end = (start + i128::from(self.width)).min(i128::from(self.highest));
                return Some(Range {
                    after: i64::try_from(start).ok(),
                    up_to: i64::try_from(end).unwrap_or(self.highest),
                });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sampled(portion: Portion, seed: u64, lowest: i64, highest: i64, rows: u64) -> Vec<Range> {
        Windows::new(Sample { portion, seed }, lowest, highest, rows).collect()
    }

    #[test]
    fn the_same_seed_chooses_the_same_windows_and_another_one_others() {
        let of = |seed| sampled(Portion::Share(0.1), seed, 1, 1_000_000, 1_000_000);
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
        // What was printed years ago must choose the same rows today.
        let first: Vec<i64> = of(7).iter().take(3).map(|range| range.up_to).collect();
        assert_eq!(first, [2_500, 25_000, 40_000]);
    }

    #[test]
    fn a_whole_share_is_everything() {
        let ranges = sampled(Portion::Share(1.0), 3, 10, 12_345, 9_000);
        assert_eq!(ranges.first().and_then(|range| range.after), Some(9));
        assert_eq!(ranges.last().map(|range| range.up_to), Some(12_345));
        assert!(ranges.windows(2).all(|pair| Some(pair[0].up_to) == pair[1].after));
    }

    #[test]
    fn a_sample_of_a_sparse_table_has_few_windows() {
        let ranges = sampled(Portion::Rows(100_000), 3, 1, 1_000_000_000, 1_000_000);
        assert!((20..=60).contains(&ranges.len()), "{}", ranges.len());
    }

    proptest! {
        #[test]
        fn windows_ascend_do_not_overlap_stay_inside_and_are_about_as_many_keys_as_asked_for(
            seed: u64, lowest in -5_i64..1_000, more in 0_i64..2_000_000, share in 0.001_f64..1.0, rows in 0_u64..3_000_000,
        ) {
            let highest = lowest + more;
            let ranges = sampled(Portion::Share(share), seed, lowest, highest, rows);
            prop_assert!(!ranges.is_empty());
            let mut before = lowest - 1;
            let mut keys = 0;
            for range in &ranges {
                let after = range.after.unwrap();
                prop_assert!(after >= before && after < range.up_to && range.up_to <= highest);
                keys += range.up_to - after;
                before = range.up_to;
            }
            #[allow(clippy::cast_precision_loss, reason = "small numbers")]
            let (keys, wanted) = (keys as f64, (more + 1) as f64 * share);
            // One window more or less, and the last one may be cut.
            prop_assert!((keys - wanted).abs() <= wanted * 0.11 + 101.0, "{keys} of {wanted}");
        }

        #[test]
        fn no_bounds_are_too_far_apart(seed: u64, lowest: i64, highest: i64, rows: u64) {
            let ranges = Windows::new(Sample { portion: Portion::Share(0.001), seed }, lowest, highest, rows);
            for range in ranges.take(3) {
                prop_assert!(range.up_to <= highest);
            }
        }
    }
}
