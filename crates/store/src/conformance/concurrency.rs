//! Calls at once, and calls that are given up.

use super::Subject;
use super::support::*;
use crate::Upserted;

/// Each key is inserted by exactly one of them.
pub async fn writers_of_the_same_keys_leave_one_row_for_each(subject: Subject) {
    const WRITERS: usize = 6;
    const KEYS: i64 = 50;
    let map = made(&subject).await;
    let step = |writer: usize| -> Vec<_> {
        let title = format!("writer {writer}");
        let records = (1..=KEYS).map(|key| Record::titled(key, &title));
        // They come from different ends, as whoever locks row by row would have to fear.
        if writer.is_multiple_of(2) {
            records.collect()
        } else {
            records.rev().collect()
        }
    };
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (subject, map, rows) = (subject.clone(), map.clone(), rows(&map, &step(writer)));
            tokio::spawn(async move { persistently(|| subject.store.upsert(&map, &rows, at(0))).await })
        })
        .collect();
    let mut inserted = Vec::new();
    for writer in writers {
        let Upserted {
            inserted: keys,
            changed,
            unchanged,
        } = writer.await.unwrap();
        let told = keys.len() + changed.len() + usize::try_from(unchanged).unwrap();
        assert_eq!(told, usize::try_from(KEYS).unwrap());
        inserted.extend(keys);
    }
    inserted.sort_unstable();
    assert_eq!(inserted, (1..=KEYS).collect::<Vec<_>>());
    let found = subject.store.scan(&map, None, 1_000).await.unwrap();
    let last = found[0].text(&map, "TITLE").map(str::to_owned);
    assert_eq!(found.len(), inserted.len());
    assert!(
        found.iter().all(|row| row.text(&map, "TITLE") == last.as_deref()),
        "steps were mixed"
    );
}

/// Whatever the moment, since a step is one transaction.
pub async fn a_reader_sees_none_or_all_of_a_step(subject: Subject) {
    let map = made(&subject).await;
    let step = rows(&map, &(1..=2_000).map(Record::full).collect::<Vec<_>>());
    let writer = {
        let (subject, map) = (subject.clone(), map.clone());
        tokio::spawn(async move { persistently(|| subject.store.upsert(&map, &step, at(0))).await })
    };
    loop {
        let is_over = writer.is_finished();
        let seen = persistently(|| subject.store.count(&map)).await;
        assert!(seen == 0 || seen == 2_000, "{seen} of 2000 rows were seen");
        if is_over {
            assert_eq!(seen, 2_000, "what was committed is seen");
            break;
        }
    }
    writer.await.unwrap();
}

const WAKES: [u32; 9] = [0, 1, 2, 3, 5, 8, 13, 34, 89];

/// The step that was given up is there wholly or not at all, and can be repeated.
pub async fn a_call_that_is_dropped_midway_leaves_the_store_usable(subject: Subject) {
    let map = made(&subject).await;
    for (round, wakes) in (1..).zip(WAKES) {
        let first = round * 10_000;
        let step = rows(
            &map,
            &(first..first + 1_000).map(Record::full).collect::<Vec<_>>(),
        );
        let keys: Vec<i64> = step.iter().map(table_map::Row::key).collect();
        dropped_after(wakes, subject.store.upsert(&map, &step, at(0))).await;

        let other = [Record::full(round).row(&map)];
        persistently(|| subject.store.upsert(&map, &other, at(0))).await;
        let found = persistently(|| subject.store.read_back(&map, &keys)).await;
        assert!(
            found.is_empty() || found.len() == keys.len(),
            "{} of {} rows after {wakes} wakes",
            found.len(),
            keys.len()
        );
        persistently(|| subject.store.upsert(&map, &step, at(1))).await;
        assert_same(&subject.store.read_back(&map, &keys).await.unwrap(), &step);
        dropped_after(wakes, subject.store.read_back(&map, &keys)).await;
    }
}

/// However far it came.
pub async fn a_migration_that_is_dropped_midway_can_be_made_again(subject: Subject) {
    for wakes in WAKES {
        let map = columns(&format!("{}_{wakes}", table(&subject)))
            .index(table_map::Index::unique(["EXTERNAL_ID"]))
            .build()
            .unwrap();
        let first = plan(&subject, &map).await;
        dropped_after(wakes, subject.store.apply(&first)).await;
        persistently(|| subject.store.apply(&first)).await;
        assert!(plan(&subject, &map).await.is_empty(), "after {wakes} wakes");
    }
}
