//! Values: each comes back as it was written, and each difference is a change.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::Subject;
use super::support::*;

/// Pairs that some collation or comparison takes for equal.
const ALIKE: &[(&str, &str)] = &[
    ("new", "New"),
    ("новая", "Новая"),
    ("все", "всё"),
    ("cafe", "café"),
    ("cafe\u{301}", "café"),
    ("name", "name "),
    ("name", "name\u{a0}"),
    ("name", " name"),
    ("", " "),
    ("ABC", "ＡＢＣ"),
    ("カ", "か"),
    ("ｶ", "カ"),
    ("strasse", "straße"),
    ("ss", "ß"),
    ("I", "İ"),
    ("i", "ı"),
    ("co-op", "coop"),
    ("can't", "can’t"),
    ("\"x\"", "«x»"),
    ("x", "x\u{200b}"),
    ("x", "x\u{ad}"),
    ("x\n", "x\r\n"),
    ("1", "01"),
    ("1", "1.0"),
    ("😀", "😁"),
    ("x😀", "x"),
    ("👍", "👍🏽"),
    ("N'x'", "'x'"),
    ("²", "2"),
    ("æ", "ae"),
];

/// In both directions.
pub async fn texts_that_differ_in_anything_are_changes(subject: Subject) {
    let map = made(&subject).await;
    let keys: Vec<i64> = (0..).take(ALIKE.len()).collect();
    let pairs = || keys.iter().zip(ALIKE);
    let one: Vec<_> = pairs().map(|(key, (one, _))| Record::titled(*key, one)).collect();
    let two: Vec<_> = pairs().map(|(key, (_, two))| Record::titled(*key, two)).collect();
    upsert(&subject, &map, &one, at(0)).await;
    for (minutes, step) in [(1, &two), (2, &one)] {
        let done = upsert(&subject, &map, step, at(minutes)).await;
        let missed: Vec<_> = pairs()
            .filter(|(key, _)| !done.changed.contains(key))
            .map(|(_, pair)| pair)
            .collect();
        assert!(missed.is_empty(), "taken for equal: {missed:?}");
        assert_table(&subject, &map, step).await;
    }
}

/// Among them what a text that is pasted into SQL would break.
pub async fn every_text_comes_back_as_it_was(subject: Subject) {
    let map = made(&subject).await;
    let texts = [
        "",
        " ",
        "  both ends  ",
        "Счёт выставлен",
        "日本語 한국어 العربية עברית",
        "😀👩‍👩‍👧‍👦🏳️‍🌈𝔘𐍈",
        "it's \"quoted\" `so` [and] ]] so",
        "'; DROP TABLE x; --",
        "/* */ -- % _ \\ \\n {} $1 ?1 @P1 :a",
        "line\nbreak\r\n\ttab",
        "NULL",
        "null",
        "\u{feff}bom",
        "\u{fffd}",
        "a\u{301}\u{302}\u{303}",
        "\u{1f}\u{7f}\u{80}\u{9f}",
        "\u{e000}\u{ffff}\u{10ffff}",
    ];
    let step: Vec<_> = (1..)
        .zip(texts)
        .map(|(key, text)| Record::titled(key, text))
        .collect();
    upsert(&subject, &map, &step, at(0)).await;
    assert_table(&subject, &map, &step).await;
    let unchanged = u64::try_from(step.len()).unwrap();
    assert_eq!(
        upsert(&subject, &map, &step, at(1)).await,
        did(&[], &[], unchanged)
    );
}

/// Lengths count UTF-16 units.
pub async fn the_longest_text_fits(subject: Subject) {
    let map = made(&subject).await;
    let texts = ["x".repeat(255), "щ".repeat(255), format!("{}x", "😀".repeat(127))];
    let step: Vec<_> = (1..)
        .zip(&texts)
        .map(|(key, text)| Record::titled(key, text))
        .collect();
    upsert(&subject, &map, &step, at(0)).await;
    assert_table(&subject, &map, &step).await;
}

/// The range that a row may have, and a difference of one microsecond.
pub async fn times_keep_their_microseconds_and_dates_their_limits(subject: Subject) {
    let map = made(&subject).await;
    let (first, last) = (day(1753, 1, 1), day(9999, 12, 31));
    let times = [
        first.and_hms_opt(0, 0, 0),
        last.and_hms_micro_opt(23, 59, 59, 999_999),
        day(2024, 2, 29).and_hms_micro_opt(12, 0, 0, 1),
        day(2024, 2, 29).and_hms_micro_opt(12, 0, 0, 100_000),
        day(2024, 3, 31).and_hms_opt(2, 30, 0),
        day(1900, 2, 28).and_hms_milli_opt(23, 59, 59, 997),
    ];
    let mut step: Vec<_> = (1..)
        .zip(times)
        .map(|(key, time)| Record {
            created_time: Some(time.unwrap()),
            begin_date: time.map(|time| time.date()),
            ..Record::empty(key)
        })
        .collect();
    upsert(&subject, &map, &step, at(0)).await;
    assert_table(&subject, &map, &step).await;

    step[2].created_time = day(2024, 2, 29).and_hms_micro_opt(12, 0, 0, 2);
    assert_eq!(upsert(&subject, &map, &step, at(1)).await, did(&[], &[3], 5));
    assert_table(&subject, &map, &step).await;
}

/// Of the key too.
pub async fn numbers_keep_their_limits(subject: Subject) {
    let map = made(&subject).await;
    let keys = [i64::MIN, i64::MIN + 1, -1, 0, 1, (1 << 53) + 1, i64::MAX];
    let rankings = [i32::MIN, -1, 0, 1, i32::MAX, 2, 3];
    let step: Vec<_> = keys
        .iter()
        .zip(rankings)
        .map(|(key, ranking)| Record {
            amount: Some(key.wrapping_neg()),
            ranking: Some(ranking),
            ..Record::empty(*key)
        })
        .collect();
    assert_eq!(upsert(&subject, &map, &step, at(0)).await, did(&keys, &[], 0));
    assert_table(&subject, &map, &step).await;
    assert_same(
        &subject.store.read_back(&map, &keys).await.unwrap(),
        &rows(&map, &step),
    );
    assert_eq!(upsert(&subject, &map, &step, at(1)).await, did(&[], &[], 7));
}

/// From null, to null, and apart from the empty text and from zero.
pub async fn null_is_a_value_of_its_own_in_every_column(subject: Subject) {
    let map = made(&subject).await;
    let nothing = Record::empty(1);
    let fills: [fn(&mut Record); 5] = [
        |record| record.title = Some(String::new()),
        |record| record.ranking = Some(0),
        |record| record.amount = Some(0),
        |record| record.begin_date = Some(day(1900, 1, 1)),
        |record| record.created_time = day(1900, 1, 1).and_hms_opt(0, 0, 0),
    ];
    upsert(&subject, &map, std::slice::from_ref(&nothing), at(0)).await;
    assert_table(&subject, &map, std::slice::from_ref(&nothing)).await;
    for (place, fill) in fills.iter().enumerate() {
        let mut filled = nothing.clone();
        fill(&mut filled);
        for record in [&filled, &nothing] {
            let done = upsert(&subject, &map, std::slice::from_ref(record), at(1)).await;
            assert_eq!(done, did(&[], &[1], 0), "fill {place}");
            assert_table(&subject, &map, std::slice::from_ref(record)).await;
        }
    }
}

/// A ranked null counts where the row says how well it is known, and wipes nothing where it does not.
pub async fn a_null_of_a_row_that_ranks_lowest_wipes_no_value(subject: Subject) {
    let map = made(&subject).await;
    let record = |person: Option<i64>, origin: Option<&str>| Record {
        person,
        origin: origin.map(str::to_owned),
        ..Record::empty(1)
    };
    let steps = [
        (record(Some(0), None), record(Some(0), None), did(&[1], &[], 0)),
        (record(None, None), record(Some(0), None), did(&[], &[], 1)),
        (record(Some(7), None), record(Some(7), None), did(&[], &[1], 0)),
        (
            record(None, Some("guessed")),
            record(None, Some("guessed")),
            did(&[], &[1], 0),
        ),
        (
            record(Some(8), Some("guessed")),
            record(Some(8), Some("guessed")),
            did(&[], &[1], 0),
        ),
        (
            record(None, None),
            record(Some(8), Some("guessed")),
            did(&[], &[], 1),
        ),
    ];
    for (written, stored, expected) in steps {
        let done = upsert(&subject, &map, std::slice::from_ref(&written), at(1)).await;
        assert_eq!(done, expected);
        assert_table(&subject, &map, std::slice::from_ref(&stored)).await;
    }
}

/// A few hundred random texts in one step.
pub async fn a_text_of_any_characters_survives(subject: Subject) {
    let map = made(&subject).await;
    let mut runner = TestRunner::new(Config {
        rng_seed: RngSeed::Fixed(11),
        ..Config::default()
    });
    // Every character but NUL, which no client of a database expects in a text.
    let texts = proptest::collection::vec("[^\u{0}]{0,60}", 300);
    let step: Vec<_> = (1..)
        .zip(texts.new_tree(&mut runner).unwrap().current())
        .map(|(key, text): (i64, String)| Record::titled(key, &text))
        .collect();
    upsert(&subject, &map, &step, at(0)).await;
    assert_table(&subject, &map, &step).await;
    assert_eq!(upsert(&subject, &map, &step, at(1)).await, did(&[], &[], 300));
}
