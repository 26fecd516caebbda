//! Reading back, walking, counting, deactivating.

use table_map::{Column, Index, TableMap};

use super::Subject;
use super::support::*;
use crate::{ErrorKind, Wrong};

/// A key that is asked for twice gives one row.
pub async fn keys_without_a_row_are_left_out_and_the_others_are_in_order(subject: Subject) {
    let map = made(&subject).await;
    let all = [Record::full(-5), Record::full(3), Record::full(10)];
    upsert(&subject, &map, &all, at(0)).await;
    let found = subject
        .store
        .read_back(&map, &[10, 4, 3, 10, -5, i64::MAX])
        .await
        .unwrap();
    assert_same(&found, &rows(&map, &all));
    assert!(subject.store.read_back(&map, &[]).await.unwrap().is_empty());
    assert!(subject.store.read_back(&map, &[4]).await.unwrap().is_empty());
}

/// Every second one of which has a row.
pub async fn ten_thousand_keys_are_read_at_once(subject: Subject) {
    let map = made(&subject).await;
    let all: Vec<_> = (1..=5_000).map(|key| Record::full(key * 2)).collect();
    upsert(&subject, &map, &all, at(0)).await;
    let keys: Vec<i64> = (1..=10_000).collect();
    let found = subject.store.read_back(&map, &keys).await.unwrap();
    assert_same(&found, &rows(&map, &all));
}

/// Whatever stands between them, whether their keys lie close together or far apart.
pub async fn rows_that_are_as_they_were_written_are_verified_and_others_told(subject: Subject) {
    let map = made(&subject).await;
    for step in [1, 1000] {
        let all: Vec<_> = (-700..700).map(|key| Record::full(key * step)).collect();
        let mut keys: Vec<i64> = all.iter().map(|record| record.key).collect();
        upsert(&subject, &map, &all, at(0)).await;
        let of = |records: &[Record]| rows(&map, records);
        let verify = async |records: &[Record], inserted: &[i64]| {
            subject.store.verify(&map, &of(records), inserted).await.unwrap()
        };
        assert_eq!(verify(&[], &[]).await, None);
        assert_eq!(verify(&all, &keys).await, None);
        assert_eq!(verify(&all, &[]).await, None);
        // Rows that nobody asks about do not matter.
        let some: Vec<_> = all.iter().skip(3).step_by(7).cloned().collect();
        assert_eq!(verify(&some, &keys).await, None);

        for place in [0, 650, 1399] {
            let mut others = all.clone();
            others[place].title = Some("another".to_owned());
            let key = others[place].key;
            assert_eq!(verify(&others, &keys).await, Some(Wrong::Differs(key, "TITLE")));
            assert_eq!(verify(&others, &[]).await, Some(Wrong::Differs(key, "TITLE")));
        }

        let absent = keys[0] - 1;
        let mut more = all.clone();
        more.insert(0, Record::full(absent));
        keys.insert(0, absent);
        assert_eq!(verify(&more, &keys).await, Some(Wrong::Missing(absent)));
        let absent = keys[1400] + 1;
        more = all.clone();
        more.push(Record::full(absent));
        assert_eq!(verify(&more, &keys).await, Some(Wrong::Missing(absent)));
        more = vec![Record::full(absent)];
        assert_eq!(verify(&more, &keys).await, Some(Wrong::Missing(absent)));
    }
}

/// A row that was inserted must be as it was sent.
pub async fn what_a_rule_has_kept_is_right_only_where_a_row_was_there_before(subject: Subject) {
    let map = made(&subject).await;
    let known = Record::full(7);
    upsert(&subject, &map, std::slice::from_ref(&known), at(0)).await;
    let later = Record {
        first_title: Some("later".to_owned()),
        ..known
    };
    let sent = rows(&map, std::slice::from_ref(&later));
    assert_eq!(subject.store.verify(&map, &sent, &[]).await.unwrap(), None);
    assert_eq!(
        subject.store.verify(&map, &sent, &[7]).await.unwrap(),
        Some(Wrong::Differs(7, "FIRST_TITLE"))
    );
}

/// Until an empty page; pages do not overlap.
pub async fn a_table_is_walked_page_by_page(subject: Subject) {
    let map = made(&subject).await;
    let all: Vec<_> = (-10..15).map(|key| Record::full(key * 7)).collect();
    upsert(&subject, &map, &all, at(0)).await;
    let (mut walked, mut after, mut pages) = (Vec::new(), None, Vec::new());
    for _ in 0..4 {
        let page = subject.store.scan(&map, after, 10).await.unwrap();
        pages.push(page.len());
        after = page.last().map(table_map::Row::key).or(after);
        walked.extend(page);
    }
    assert_eq!(pages, [10, 10, 5, 0]);
    assert_same(&walked, &rows(&map, &all));
}

/// With a hint that is right, old, too high, or no hint at all.
pub async fn the_highest_row_is_found_however_far_apart_keys_are(subject: Subject) {
    let map = made(&subject).await;
    let highest = async |hint| {
        let row = crate::highest(subject.store.as_ref(), &map, hint).await.unwrap();
        row.map(|row| row.key())
    };
    assert_eq!(highest(None).await, None);
    assert_eq!(highest(Some(7)).await, None);
    let mut keys = Vec::new();
    for key in [-5, 1, 2, 3, 1_000, 987_654_321_012] {
        upsert(&subject, &map, &[Record::full(key)], at(0)).await;
        keys.push(key);
        assert_eq!(highest(None).await, Some(key));
        for hint in keys.iter().copied().chain([i64::MAX, i64::MIN, key + 1]) {
            assert_eq!(highest(Some(hint)).await, Some(key), "hint {hint}");
        }
    }
}

/// Empty or not.
pub async fn rows_are_counted(subject: Subject) {
    let map = made(&subject).await;
    assert_eq!(subject.store.count(&map).await.unwrap(), 0);
    upsert(&subject, &map, &[Record::full(1), Record::full(2)], at(0)).await;
    assert_eq!(subject.store.count(&map).await.unwrap(), 2);
}

/// Rows that are inactive already keep their time of change; keys without a row do not matter.
pub async fn deactivating_touches_only_what_is_active(subject: Subject) {
    let map = made(&subject).await;
    let off = |record: Record| Record {
        active: false,
        ..record
    };
    let all = [Record::full(1), off(Record::full(2)), Record::full(3)];
    upsert(&subject, &map, &all, at(0)).await;

    assert_eq!(
        subject.store.deactivate(&map, &[1, 2, 99], at(1)).await.unwrap(),
        1
    );

    assert_table(
        &subject,
        &map,
        &[off(Record::full(1)), off(Record::full(2)), Record::full(3)],
    )
    .await;
    for (key, updated) in [(1, 1), (2, 0), (3, 0)] {
        assert_eq!(
            stamp(&subject, &map, "DATE_UPDATE", key).await,
            at(updated),
            "row {key}"
        );
    }
    assert_eq!(subject.store.deactivate(&map, &[1, 2], at(2)).await.unwrap(), 0);
    assert_eq!(subject.store.deactivate(&map, &[], at(2)).await.unwrap(), 0);
}

/// As a stage that returns to the portal.
pub async fn a_row_that_is_written_again_is_active_again(subject: Subject) {
    let map = made(&subject).await;
    upsert(&subject, &map, &[Record::full(1)], at(0)).await;
    subject.store.deactivate(&map, &[1], at(1)).await.unwrap();
    assert_eq!(
        upsert(&subject, &map, &[Record::full(1)], at(2)).await,
        did(&[], &[1], 0)
    );
    assert_table(&subject, &map, &[Record::full(1)]).await;
}

/// More keys than a request may have parameters.
pub async fn thousands_of_rows_are_deactivated_at_once(subject: Subject) {
    let map = made(&subject).await;
    let all: Vec<_> = (1..=3_000).map(Record::full).collect();
    upsert(&subject, &map, &all, at(0)).await;
    let keys: Vec<i64> = (1..=2_500).collect();
    assert_eq!(subject.store.deactivate(&map, &keys, at(1)).await.unwrap(), 2_500);
}

/// That is a mistake in the program.
pub async fn a_table_without_a_flag_cannot_be_deactivated(subject: Subject) {
    let map = TableMap::builder(table(&subject))
        .column(Column::identity("ID"))
        .column(Column::key("EXTERNAL_ID"))
        .index(Index::unique(["EXTERNAL_ID"]))
        .build()
        .unwrap();
    make(&subject, &map).await;
    let error = subject.store.deactivate(&map, &[1], at(0)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Bug, "{error}");
}
