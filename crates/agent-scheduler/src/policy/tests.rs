//! Delays, parking and order, by themselves.

use super::*;
use agent::Priority;
use proptest::prelude::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
}

#[test]
fn the_delay_doubles_from_one_second_to_five_minutes() {
    let backoff = Backoff::default();
    let seconds: Vec<u64> = (0..12).map(|failures| backoff.full(failures).as_secs()).collect();
    assert_eq!(seconds, [1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
}

#[test]
fn a_park_limit_of_zero_parks_at_the_first_failure() {
    let retry = |park_after| Retry {
        backoff: Backoff::default(),
        park_after,
        jitter: 0.0,
    };
    assert!(retry(0).parks(1) && retry(1).parks(1));
    assert!(!retry(3).parks(2) && retry(3).parks(3));
}

#[test]
fn the_end_of_time_is_not_passed() {
    assert_eq!(after(at(0), Duration::MAX), DateTime::<Utc>::MAX_UTC);
}

proptest! {
    #[test]
    fn jitter_takes_at_most_half_of_the_delay(failures in any::<u32>(), jitter in any::<f64>()) {
        let backoff = Backoff::default();
        let (delay, full) = (backoff.delay(failures, jitter), backoff.full(failures));
        prop_assert!(delay <= full && delay >= full / 2, "{delay:?} of {full:?}");
        prop_assert!(full <= backoff.max);
    }

    #[test]
    fn a_higher_class_goes_first_until_a_lower_one_has_waited_longer_by_the_head_start(ahead in 0_i64..10_000) {
        let background = rank_at(Priority::Background, at(0));
        let urgent = rank_at(Priority::Urgent, at(ahead));
        let head_start = i64::try_from(HEAD_START.as_secs()).unwrap();
        prop_assert_eq!(urgent < background, ahead < 2 * head_start);
    }

    #[test]
    fn within_a_class_the_longest_due_goes_first(a in 0_i64..10_000, b in 0_i64..10_000) {
        for class in [Priority::Background, Priority::Normal, Priority::Urgent] {
            prop_assert_eq!(rank_at(class, at(a)) < rank_at(class, at(b)), a < b);
        }
    }
}
