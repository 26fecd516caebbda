//! Memory stays flat.

use std::sync::atomic::Ordering;

use super::super::engine::{DOUBTS, Engine, PASSED};
use super::super::walk::SCAN;
use super::*;

/// The most rows held at once, and the most that one call to the store was about.
async fn held(rows: i64) -> (usize, usize) {
    /// Rows in one read of the source, which has every other key.
    const READ: usize = 1000;
    // Every third row is missing, every fifth differs, and as many as there are only the table has.
    let portal = (1..=rows).map(|key| plain(key * 2, 0));
    let table = (1..=rows)
        .filter(|key| key % 3 != 0)
        .map(|key| plain(key * 2, i32::from(key % 5 == 0)))
        .chain((1..=rows).map(|key| plain(key * 2 - 1, 0)));
    let store = Arc::new(MemoryStore::with(table));
    let mut source = Listed {
        step: 2_000,
        ..Listed::new(portal)
    };
    let (context, map, task) = (context(&store), map(), task(true));
    let mut engine = Engine::new(&context, &map, &task);
    engine.run(&mut source).await.unwrap();
    let most = engine.most_held;
    assert_eq!(engine.into_result().missing.count, (rows / 3).unsigned_abs());
    let bound = SCAN as usize + READ + PASSED + DOUBTS;
    assert!(most <= bound, "{most} of {bound}");
    (most, store.largest.load(Ordering::SeqCst))
}

#[tokio::test]
async fn ten_times_the_rows_are_held_in_the_same_memory() {
    let (few, few_asked) = held(12_000).await;
    let (many, many_asked) = held(60_000).await;
    assert!(many <= few + few / 10, "{many} after {few}");
    assert_eq!((few_asked, many_asked), (SCAN as usize, SCAN as usize));
}

#[tokio::test]
async fn a_key_that_is_there_twice_is_seen_wherever_a_read_ends() {
    // Reads end at every place of the pairs in turn.
    for shift in 0..3 {
        let rows = i64::from(SCAN) * 2;
        let single = (1..=shift).map(|key| plain(key, 0));
        let pairs = (shift + 1..=rows).flat_map(|key| [plain(key, 0), plain(key, 0)]);
        let store = Arc::new(MemoryStore::with(single.chain(pairs)));
        let mut source = Listed {
            step: 500,
            ..Listed::new((1..=rows).map(|key| plain(key, 0)))
        };
        let found = compared(&store, &mut source, false).await;
        assert_eq!(found.duplicate.count, (rows - shift).unsigned_abs());
        assert_eq!((found.missing.count, found.different.count), (0, 0));
    }
}
