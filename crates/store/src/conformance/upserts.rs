//! Upserts: what they do and what they tell.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use table_map::{Row, TableMap, merge};

use super::Subject;
use super::support::*;
use crate::Upserted;

/// Both times are the time of the call.
pub async fn new_rows_are_inserted_and_stamped(subject: Subject) {
    let map = made(&subject).await;
    let done = upsert(&subject, &map, &[Record::full(2), Record::full(1)], at(0)).await;
    assert_eq!(done, did(&[1, 2], &[], 0));
    assert_table(&subject, &map, &[Record::full(1), Record::full(2)]).await;
    for column in ["DATE_INSERT", "DATE_UPDATE"] {
        assert_eq!(stamp(&subject, &map, column, 2).await, at(0), "{column}");
    }
}

/// A row that is the same keeps its time of change; no row ever gets another time of insertion.
pub async fn only_rows_that_differ_are_changed_and_stamped(subject: Subject) {
    let map = made(&subject).await;
    upsert(
        &subject,
        &map,
        &[Record::full(1), Record::full(2), Record::full(3)],
        at(0),
    )
    .await;

    let renamed = Record {
        title: Some("Renamed".to_owned()),
        ..Record::full(2)
    };
    let step = [Record::full(1), renamed.clone(), Record::full(4)];
    let done = upsert(&subject, &map, &step, at(1)).await;

    assert_eq!(done, did(&[4], &[2], 1));
    for (key, inserted, updated) in [(1, 0, 0), (2, 0, 1), (3, 0, 0), (4, 1, 1)] {
        assert_eq!(
            stamp(&subject, &map, "DATE_INSERT", key).await,
            at(inserted),
            "row {key}"
        );
        assert_eq!(
            stamp(&subject, &map, "DATE_UPDATE", key).await,
            at(updated),
            "row {key}"
        );
    }
    assert_table(
        &subject,
        &map,
        &[Record::full(1), renamed, Record::full(3), Record::full(4)],
    )
    .await;
    assert_eq!(upsert(&subject, &map, &step, at(2)).await, did(&[], &[], 3));
}

/// New or not; and it is one row in the answer.
pub async fn of_two_rows_with_one_key_the_later_one_counts(subject: Subject) {
    let map = made(&subject).await;
    let step = |one: &str, two: &str| {
        [
            Record::titled(1, one),
            Record::titled(2, "x"),
            Record::titled(1, two),
        ]
    };
    assert_eq!(
        upsert(&subject, &map, &step("a", "b"), at(0)).await,
        did(&[1, 2], &[], 0)
    );
    assert_table(&subject, &map, &[Record::titled(1, "b"), Record::titled(2, "x")]).await;
    assert_eq!(
        upsert(&subject, &map, &step("a", "b"), at(1)).await,
        did(&[], &[], 2)
    );
    assert_eq!(
        upsert(&subject, &map, &step("b", "c"), at(2)).await,
        did(&[], &[1], 1)
    );
    assert_table(&subject, &map, &[Record::titled(1, "c"), Record::titled(2, "x")]).await;
}

/// An exchange may have nothing to write.
pub async fn no_rows_are_no_work(subject: Subject) {
    let map = made(&subject).await;
    assert_eq!(upsert(&subject, &map, &[], at(0)).await, Upserted::default());
    assert_eq!(subject.store.count(&map).await.unwrap(), 0);
}

/// The two rules that can keep what is stored.
pub async fn what_is_known_better_is_kept(subject: Subject) {
    let map = made(&subject).await;
    let record = |first: Option<&str>, person: Option<i64>, origin: Option<&str>| Record {
        first_title: first.map(str::to_owned),
        person,
        origin: origin.map(str::to_owned),
        ..Record::empty(1)
    };
    let history = [
        (record(None, None, None), record(None, None, None)),
        (
            record(Some("A"), Some(5), Some("guessed")),
            record(Some("A"), Some(5), Some("guessed")),
        ),
        (
            record(Some("B"), Some(6), Some("guessed")),
            record(Some("A"), Some(6), Some("guessed")),
        ),
        (
            record(None, Some(7), Some("known")),
            record(Some("A"), Some(7), Some("known")),
        ),
        (
            record(None, Some(8), Some("guessed")),
            record(Some("A"), Some(7), Some("known")),
        ),
        (
            record(None, None, None),
            record(Some("A"), Some(7), Some("known")),
        ),
        (
            record(None, Some(9), Some("KNOWN")),
            record(Some("A"), Some(7), Some("known")),
        ),
        (
            record(None, Some(10), Some("known")),
            record(Some("A"), Some(10), Some("known")),
        ),
    ];
    for (minutes, (writes, leaves)) in (0..).zip(history) {
        upsert(&subject, &map, std::slice::from_ref(&writes), at(minutes)).await;
        assert_table(&subject, &map, &[leaves]).await;
    }
}

const CASES: i64 = 32;

/// Against [`merge`] as a model, over random histories of a few keys.
pub async fn writing_is_merging(subject: Subject) {
    let map = made(&subject).await;
    let mut runner = TestRunner::new(Config {
        rng_seed: RngSeed::Fixed(7),
        ..Config::default()
    });
    for case in 0..CASES {
        let history = history(case * 10).new_tree(&mut runner).unwrap().current();
        let mut model = BTreeMap::new();
        for (minutes, step) in (0..).zip(&history) {
            let wanted = write(&map, &mut model, step);
            let done = upsert(&subject, &map, step, at(minutes)).await;
            assert_eq!(done, wanted, "case {case} at step {minutes} of {history:?}");
        }
        let keys: Vec<i64> = model.keys().copied().collect();
        let found = subject.store.read_back(&map, &keys).await.unwrap();
        assert_same(&found, &model.into_values().collect::<Vec<_>>());
    }
}

/// The model: what the step must answer, and what it leaves.
fn write(map: &TableMap, model: &mut BTreeMap<i64, Row>, step: &[Record]) -> Upserted {
    let latest: BTreeMap<i64, Row> = step.iter().map(|record| (record.key, record.row(map))).collect();
    let mut done = Upserted::default();
    for (key, row) in latest {
        match model.get(&key).map(|stored| merge(map, stored, &row)) {
            None => {
                done.inserted.push(key);
                model.insert(key, row);
            }
            Some(Some(merged)) => {
                done.changed.push(key);
                model.insert(key, merged);
            }
            Some(None) => done.unchanged += 1,
        }
    }
    done
}

fn history(first_key: i64) -> impl Strategy<Value = Vec<Vec<Record>>> {
    let step = proptest::collection::vec(record(first_key), 1..6);
    proptest::collection::vec(step, 1..5)
}

fn record(first_key: i64) -> impl Strategy<Value = Record> {
    let title = || proptest::option::of(prop_oneof![Just("new"), Just("New"), Just("new "), Just("")]);
    let origin = proptest::option::of(prop_oneof![
        Just("known"),
        Just("guessed"),
        Just("other"),
        Just("Known")
    ]);
    (
        (first_key..first_key + 4, any::<bool>()),
        (title(), title(), origin),
        (
            proptest::option::of(0..2_i32),
            proptest::option::of(0..2_i64),
            proptest::option::of(0..3_i64),
        ),
        (proptest::option::of(1..3_u32), proptest::option::of(0..2_i64)),
    )
        .prop_map(
            |((key, active), (title, first_title, origin), (ranking, amount, person), (date, time))| Record {
                key,
                active,
                title: title.map(str::to_owned),
                first_title: first_title.map(str::to_owned),
                ranking,
                amount,
                person,
                origin: origin.map(str::to_owned),
                begin_date: date.map(|date| day(2024, 2, date)),
                created_time: time.map(at),
            },
        )
}

/// New, then all the same, then every second one changed.
pub async fn twenty_thousand_rows_are_one_step(subject: Subject) {
    const COUNT: i64 = 20_000;
    let map = made(&subject).await;
    let mut step: Vec<_> = (1..=COUNT).map(Record::full).collect();
    let keys: Vec<_> = (1..=COUNT).collect();
    assert_eq!(upsert(&subject, &map, &step, at(0)).await, did(&keys, &[], 0));
    assert_same(
        &subject.store.read_back(&map, &keys).await.unwrap(),
        &rows(&map, &step),
    );
    assert_eq!(
        upsert(&subject, &map, &step, at(1)).await,
        did(&[], &[], COUNT.unsigned_abs())
    );

    let even: Vec<_> = keys.iter().copied().filter(|key| key % 2 == 0).collect();
    for record in step.iter_mut().filter(|record| record.key % 2 == 0) {
        record.amount = None;
    }
    assert_eq!(
        upsert(&subject, &map, &step, at(2)).await,
        did(&[], &even, COUNT.unsigned_abs() / 2)
    );
    assert_same(
        &subject.store.read_back(&map, &keys).await.unwrap(),
        &rows(&map, &step),
    );
}
