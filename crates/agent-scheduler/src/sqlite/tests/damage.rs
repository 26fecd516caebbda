//! Files that were damaged, disks that refuse, values beyond their bounds.

use proptest::prelude::*;

use super::*;
use crate::{MAX_KEY_BYTES, MAX_VALUE_BYTES};

/// The bytes of a state with something of everything in it.
fn whole() -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (_directory, path) = temp();
    runtime.block_on(async {
        let store = SqliteStore::open_with(&path, Durability::Off).unwrap();
        for n in 0..120 {
            let key = n.to_string();
            store.queue(request("deal", &key, at(n)), at(n)).await.unwrap();
        }
        for n in 0..40 {
            let (lease, _) = work(store.claim(claim(&["deal"], at(200 + n))).await.unwrap());
            store
                .finish(&lease, Ended::Done, Ended::Done, None, at(200 + n))
                .await
                .unwrap();
        }
        store
            .set_setting("uploader.pace", json!("gentle"), at(0))
            .await
            .unwrap();
    });
    let connection = Connection::open(&path).unwrap();
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    drop(connection);
    std::fs::read(&path).unwrap()
}

/// What may happen to a file.
#[derive(Debug, Clone)]
enum Harm {
    Cut(prop::sample::Index),
    Fill(prop::sample::Index, usize, u8),
    /// Within the header, where the most depends on a byte.
    Header(usize, usize, u8),
    Append(Vec<u8>),
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        any::<prop::sample::Index>().prop_map(Harm::Cut),
        (any::<prop::sample::Index>(), 1..6_000_usize, any::<u8>())
            .prop_map(|(at, length, byte)| Harm::Fill(at, length, byte)),
        (0..100_usize, 1..4_usize, any::<u8>()).prop_map(|(at, length, byte)| Harm::Header(at, length, byte)),
        prop::collection::vec(any::<u8>(), 1..5_000).prop_map(Harm::Append),
    ]
}

fn harmed(mut bytes: Vec<u8>, harm: &Harm) -> Vec<u8> {
    match harm {
        Harm::Cut(at) => bytes.truncate(at.index(bytes.len() + 1)),
        Harm::Fill(at, length, byte) => {
            let from = at.index(bytes.len() + 1);
            let to = bytes.len().min(from + length);
            bytes[from..to].fill(*byte);
        }
        Harm::Header(at, length, byte) => {
            let to = bytes.len().min(at + length);
            bytes[(*at).min(to)..to].fill(*byte);
        }
        Harm::Append(more) => bytes.extend_from_slice(more),
    }
    bytes
}

/// Uses everything of a store; an error is as good as an answer, as long as it names the file.
async fn use_it(store: &SqliteStore, path: &Path) {
    let mut errors = Vec::new();
    let mut note = |error: Option<Error>| errors.extend(error);
    note(store.list(AgentFilter::all()).await.err());
    note(store.counts().await.err());
    note(store.settings().await.err());
    note(store.runs("deal", "7", 50).await.err());
    note(
        store
            .reclaim(Reclaim::AllBut("me".into()), Backoff::default(), at(900))
            .await
            .err(),
    );
    note(store.mend(at(900)).await.err());
    match store.claim(claim(&["deal"], at(900))).await {
        Ok(Claimed::Work(lease, _)) => {
            note(
                store
                    .finish(&lease, Ended::Done, Ended::Done, None, at(901))
                    .await
                    .err(),
            );
        }
        Ok(Claimed::Nothing { .. }) => {}
        Err(error) => note(Some(error)),
    }
    note(store.queue(request("deal", "500", at(0)), at(902)).await.err());
    note(store.prune(Bounds::default()).await.err());
    for error in errors {
        let text = error.to_string();
        assert!(text.contains(&path.display().to_string()), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_damage_is_done_to_a_state_it_is_an_error_that_names_it_or_none_and_a_refused_file_stays(
        harms in prop::collection::vec(harm(), 1..4),
    ) {
        static WHOLE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(whole);
        let bytes = harms.iter().fold(WHOLE.clone(), harmed);
        let (_directory, path) = temp();
        std::fs::write(&path, &bytes).unwrap();
        match SqliteStore::open_with(&path, Durability::Off) {
            Ok(store) => {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(use_it(&store, &path));
            }
            Err(error) => {
                let text = error.to_string();
                prop_assert!(text.contains(&path.display().to_string()), "{}", text);
                prop_assert!(std::fs::read(&path).unwrap() == bytes, "{}", text);
            }
        }
    }
}

#[tokio::test]
async fn values_and_keys_beyond_their_bounds_are_refused_and_change_nothing() {
    let (_directory, path) = temp();
    let store = SqliteStore::open(&path).unwrap();
    let large = json!("x".repeat(MAX_VALUE_BYTES));
    let largest = json!("x".repeat(MAX_VALUE_BYTES - 2));
    let with = |input: &Value| QueueRequest {
        input: Some(input.clone()),
        ..request("a", "", at(0))
    };
    store.queue(with(&largest), at(0)).await.unwrap();
    let (lease, _) = work(store.claim(claim(&["a"], at(0))).await.unwrap());
    let too_long = "k".repeat(MAX_KEY_BYTES + 1);
    let next = Ended::Next {
        input: large.clone(),
        after: Duration::ZERO,
    };
    for refused in [
        store.queue(with(&large), at(1)).await.err(),
        store.queue_from(&lease, with(&large), at(1)).await.err(),
        store.queue(request("a", &too_long, at(0)), at(1)).await.err(),
        store.queue(request(&too_long, "", at(0)), at(1)).await.err(),
        store
            .checkpoint(&lease, Some(large.clone()), None, at(1))
            .await
            .err(),
        store.finish(&lease, next, Ended::Done, None, at(1)).await.err(),
        store.set_setting("a", large.clone(), at(1)).await.err(),
        store.set_setting(&too_long, json!(1), at(1)).await.err(),
        store.pause(&too_long, at(1)).await.err(),
    ] {
        let error = refused.expect("beyond its bound");
        assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::Usage);
    }
    let record = store.get("a", "").await.unwrap().unwrap();
    assert_eq!((record.input, record.run_again), (largest, false));
    assert!(store.settings().await.unwrap().is_empty());
    assert!(store.paused().await.unwrap().is_empty());
}

#[test]
fn what_a_disk_says_is_told_with_the_file_and_what_to_do() {
    let of = |code| {
        let source = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        open::operating(Path::new("/srv/state.db"), "queue an agent", Arc::new(source))
    };
    for (code, kind, words) in [
        (rusqlite::ffi::SQLITE_FULL, ErrorKind::Operator, "free some"),
        (
            rusqlite::ffi::SQLITE_IOERR_WRITE,
            ErrorKind::Operator,
            "its quota",
        ),
        (rusqlite::ffi::SQLITE_READONLY, ErrorKind::Operator, "its rights"),
        (rusqlite::ffi::SQLITE_BUSY, ErrorKind::Passing, "try again"),
        (rusqlite::ffi::SQLITE_CORRUPT, ErrorKind::Unusable, "move it away"),
        (rusqlite::ffi::SQLITE_ERROR, ErrorKind::Passing, "queue an agent"),
    ] {
        let error = of(code);
        assert_eq!(error.kind(), kind, "{error}");
        let text = error.to_string();
        assert!(text.contains("/srv/state.db") && text.contains(words), "{text}");
    }
}
