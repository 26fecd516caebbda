//! Both sides go on living while they are compared.

use super::*;

#[tokio::test]
async fn a_row_that_changed_meanwhile_and_was_followed_is_not_different() {
    // Given a row that the table has already as the source will have it
    let store = Arc::new(MemoryStore::with([plain(1, 0), plain(2, 9)]));
    let mut source = Listed::new([plain(1, 0), plain(2, 5)]).before("again", |source| {
        source.rows.insert(2, plain(2, 9));
    });
    let found = compared(&store, &mut source, false).await;
    assert!(found.is_true(), "{found:?}");
    assert_eq!(source.calls["again"], 1);
}

#[tokio::test]
async fn a_row_that_came_into_the_table_meanwhile_is_not_missing() {
    let store = Arc::new(MemoryStore::with([plain(1, 0)]));
    let late = Arc::clone(&store);
    let mut source = Listed::new([plain(1, 0), plain(2, 5)]).before("again", move |_| late.put(plain(2, 5)));
    assert!(compared(&store, &mut source, false).await.is_true());
}

#[tokio::test]
async fn a_row_that_vanished_meanwhile_is_neither_missing_nor_different() {
    let store = Arc::new(MemoryStore::with([plain(1, 0), plain(2, 7)]));
    let mut source = Listed::new([plain(1, 0), plain(2, 5), plain(3, 0)]).before("again", |source| {
        source.rows.remove(&2);
        source.rows.remove(&3);
    });
    let found = compared(&store, &mut source, false).await;
    assert!(found.is_true(), "{found:?}");
    assert_eq!(found.kept.examples, [2]);
}

#[tokio::test]
async fn a_row_that_came_into_the_source_after_its_turn_is_not_extra() {
    let store = Arc::new(MemoryStore::with([plain(1, 0), plain(2, 5), plain(3, 0)]));
    let mut source = Listed::new([plain(1, 0), plain(3, 0)]).before("absent", |source| {
        source.rows.insert(2, plain(2, 5));
    });
    let found = compared(&store, &mut source, false).await;
    assert!(found.is_true(), "{found:?}");
    assert_eq!(found.kept.count, 0);
}

#[tokio::test]
async fn a_row_that_changes_while_it_is_mended_ends_as_the_source_has_it() {
    // Given a source that changes the row before each of the first looks, and a follower that writes an older state at the worst
    // moment
    let store = Arc::new(MemoryStore::with([plain(1, 0)]));
    let follower = Arc::clone(&store);
    let mut value = 0;
    let mut source = Listed::new([plain(1, 1)]).before("again", move |source| {
        if value < 3 {
            value += 1;
            follower.put(plain(1, value - 1));
            source.rows.insert(1, plain(1, value + 10));
        }
    });

    compared(&store, &mut source, true).await;

    assert_eq!(store.kept()[0].row, plain(1, 13));
    assert!(compared(&store, &mut source, false).await.is_true());
}

#[tokio::test]
async fn a_mass_change_that_was_followed_is_no_difference_however_many_rows_it_has() {
    // Given a source that remembers an older state when it reads on, as one that keeps deals for a while does
    const ROWS: i64 = 12_000;
    let all = |value| (1..=ROWS).map(move |key| (key, plain(key, value)));
    let store = Arc::new(MemoryStore::with(all(1).map(|(_, row)| row)));
    let mut source = Listed {
        step: 4_000,
        ..Listed::new([plain(1, 0), plain(ROWS, 0)])
    }
    .before("read", move |source| source.rows.extend(all(0)))
    .before("again", move |source| source.rows.extend(all(1)));
    let found = compared(&store, &mut source, false).await;
    assert!(found.is_true(), "{} rows", found.different.count);
    assert_eq!(found.portal, ROWS.unsigned_abs());
}

#[tokio::test]
async fn a_stopped_comparison_tells_what_it_has_found() {
    let store = Arc::new(MemoryStore::with((1..=100).map(|key| plain(key, 0))));
    let stop = CancellationToken::new();
    let (token, reads) = (stop.clone(), Mutex::new(0));
    let rows = (1..=100).map(|key| plain(key, i32::from(key == 3)));
    let mut source = Listed {
        step: 10,
        ..Listed::new(rows)
    }
    .before("read", move |_| {
        let mut reads = reads.lock().unwrap();
        *reads += 1;
        if *reads == 5 {
            token.cancel();
        }
    });
    // The source hangs from then on.
    let task = Comparison { stop, ..task(false) };
    let found = compare(&context(&store), &map(), &mut Hanging(&mut source), &task)
        .await
        .unwrap();
    assert_eq!(found.unfinished.as_deref(), Some(super::super::STOPPED));
    assert_eq!(
        (found.portal, found.different.examples.as_slice()),
        (40, &[3][..])
    );
    assert!(!found.is_true());
}

/// Gives the fifth read never.
struct Hanging<'a>(&'a mut Listed);

#[async_trait]
impl Source for Hanging<'_> {
    async fn bounds(&mut self) -> Result<Option<(i64, i64)>, Failure> {
        self.0.bounds().await
    }
    async fn read(&mut self, after: i64, until: i64) -> Result<SourceRows, Failure> {
        let rows = self.0.read(after, until).await?;
        if self.0.calls["read"] == 5 {
            std::future::pending::<()>().await;
        }
        Ok(rows)
    }
    async fn again(&mut self, keys: &[i64]) -> Result<Vec<Row>, Failure> {
        self.0.again(keys).await
    }
    async fn absent(&mut self, rows: &[Row]) -> Result<Vec<Absent>, Failure> {
        self.0.absent(rows).await
    }
    fn covers(&self, row: &Row) -> bool {
        self.0.covers(row)
    }
}
