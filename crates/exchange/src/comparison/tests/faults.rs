//! Sources and targets that fail.

use std::time::Duration;

use ::store::{Error, ErrorKind};
use tokio::time::Instant;

use super::*;

fn away() -> Failure {
    Failure::passing("the portal is away")
}

fn store_is_away() -> Error {
    Error::new(ErrorKind::Passing { retry_after: None }, "the server is away")
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_waited_for_in_the_middle_and_told_at_once_at_the_start() {
    let store = Arc::new(MemoryStore::with((1..=50).map(|key| plain(key, 0))));
    let mut source = Listed::new((1..=50).map(|key| plain(key, 0))).before("read", |source| {
        if source.calls["read"] == 3 {
            source.failures = vec![
                away(),
                Failure::passing_after("wait", Duration::from_secs(200)),
                away(),
            ];
        }
    });
    let started = Instant::now();
    assert!(compared(&store, &mut source, false).await.is_true());
    assert!(started.elapsed() >= Duration::from_secs(200));

    let mut source = Listed::new([plain(1, 0)]);
    source.failures = vec![away()];
    let failure = compare(&context(&store), &map(), &mut source, &task(false))
        .await
        .unwrap_err();
    assert_eq!(failure.to_string(), "the portal is away");
}

#[tokio::test(start_paused = true)]
async fn what_does_not_pass_ends_the_comparison_with_what_was_found() {
    for failure in [away as fn() -> Failure, || Failure::permanent("refused")] {
        let store = Arc::new(MemoryStore::with([plain(1, 1)]));
        let rows = (1..=50).map(|key| plain(key, 0));
        let mut source = Listed::new(rows).before("read", move |source| {
            if source.calls["read"] >= 3 {
                source.failures = vec![failure()];
            }
        });
        let started = Instant::now();
        let found = compared(&store, &mut source, false).await;
        assert_eq!(found.unfinished, Some(failure().report()));
        assert_eq!(
            (found.portal, found.different.count, found.missing.count),
            (14, 1, 13)
        );
        assert!(started.elapsed() < Duration::from_secs(16 * 60));
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_fails_in_the_middle_of_a_repair_is_waited_for_and_the_rest_is_mended() {
    let store = Arc::new(MemoryStore::with([]));
    *store.failures.lock().unwrap() = vec![store_is_away(), store_is_away()];
    let mut source = Listed::new((1..=1200).map(|key| plain(key, 0)));
    let found = compared(&store, &mut source, true).await;
    assert_eq!(found.unfinished, None);
    assert_eq!(found.mended.unwrap().written.inserted, 1200);
    assert!(compared(&store, &mut source, false).await.is_true());
}

#[tokio::test(start_paused = true)]
async fn a_repair_that_was_given_up_in_the_middle_is_finished_by_the_next_one() {
    let store = Arc::new(MemoryStore::with([]));
    let broken = Arc::clone(&store);
    let mut source = Listed::new((1..=1200).map(|key| plain(key, 0))).before("again", move |source| {
        if source.calls["again"] == 3 {
            let mut failures = broken.failures.lock().unwrap();
            failures.extend((0..1000).map(|_| store_is_away()));
        }
    });
    let found = compared(&store, &mut source, true).await;
    assert_eq!(found.unfinished.as_deref(), Some("the server is away"));
    let written = store.kept().len();
    assert!((1..1200).contains(&written), "{written}");

    store.failures.lock().unwrap().clear();
    let found = compared(&store, &mut source, true).await;

    assert_eq!(found.unfinished, None);
    assert_eq!(found.mended.unwrap().written.inserted, 1200 - written as u64);
    assert!(compared(&store, &mut source, false).await.is_true());
}

#[tokio::test]
async fn a_row_that_cannot_be_written_is_named_and_keeps_no_other_from_being_mended() {
    let store = Arc::new(MemoryStore {
        refused: [17, 40].into(),
        ..MemoryStore::default()
    });
    let mut source = Listed::new((1..=100).map(|key| plain(key, 0)));
    let mut found = compared(&store, &mut source, true).await;
    assert_eq!(store.kept().len(), 98);
    let refused = found.mended.clone().unwrap().refused.unwrap();
    assert_eq!((refused.count, refused.examples.as_slice()), (2, &[17, 40][..]));
    assert!(refused.reason.contains("does not fit"));
    found.duplicate.add(5);
    let advice = found.advice().join("\n");
    assert!(
        advice.contains("17, 40") && advice.contains("--merge-duplicates"),
        "{advice}"
    );
}

#[tokio::test]
async fn a_table_that_is_not_there_is_told_with_what_to_do() {
    let store = Arc::new(MemoryStore {
        is_missing: true,
        ..MemoryStore::default()
    });
    let mut source = Listed::new([plain(1, 0)]);
    let failure = compare(&context(&store), &map(), &mut source, &task(false))
        .await
        .unwrap_err();
    let text = failure.to_string();
    assert!(
        text.contains("THINGS") && text.contains("stage-exchange migrate"),
        "{text}"
    );
    assert!(source.calls.is_empty(), "nothing is asked for in vain");
}

#[tokio::test]
async fn a_source_that_shows_nothing_is_not_taken_for_one_that_has_nothing() {
    let store = Arc::new(MemoryStore::with([plain(1, 0)]));
    let found = compared(&store, &mut Listed::new([]), false).await;
    assert_eq!(found.unfinished.as_deref(), Some("nothing is shown"));

    let empty = Arc::new(MemoryStore::with([]));
    assert!(compared(&empty, &mut Listed::new([]), false).await.is_true());
}
