//! How large a state grows: a year of looks, events and failures, in a file.

use agent::Priority;
use chrono::TimeDelta;
use serde_json::json;

use super::*;
use crate::policy::{Backoff, Retry};
use crate::record::FailedAs;

/// What a year may leave: the bounds are 1,000 runs and 1,000 done records of each agent.
const MOST_BYTES: u64 = 6 << 20;

const LOOK_EVERY: TimeDelta = TimeDelta::minutes(30);

/// Looks between two prunings: far more than a scheduler lets pass.
const PRUNE_EVERY: u32 = 12;

const EVENTS_A_LOOK: u32 = 4;

async fn end(store: &SqliteStore, name: &str, ended: Ended, now: DateTime<Utc>) {
    let request = ClaimRequest {
        names: vec![name.to_owned()],
        lowest: Priority::Background,
        owner: "me".into(),
        lease_until: now + TimeDelta::minutes(10),
        now,
    };
    let Claimed::Work(lease, _) = store.claim(request).await.unwrap() else {
        panic!("{name} is not due at {now}");
    };
    if name == "history.deal" {
        store.gather(&lease, 400, now).await.unwrap();
    } else {
        let input = json!({ "cursor": now.timestamp(), "scope": "https://portal.example/rest/1/***/" });
        store
            .checkpoint(&lease, Some(input), Some(Progress::new(1, None, "rows")), now)
            .await
            .unwrap();
    }
    store
        .finish(&lease, ended.clone(), ended.of_gathered(), None, now)
        .await
        .unwrap();
}

fn size(path: &Path) -> u64 {
    let of = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        std::fs::metadata(name).map_or(0, |metadata| metadata.len())
    };
    of("") + of("-wal")
}

#[tokio::test]
async fn a_year_of_looks_events_and_failures_leaves_a_state_of_a_few_megabytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = SqliteStore::open_with(&path, Durability::Off).unwrap();
    let begin = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let registration = |name: &str, interval| Registration {
        name: name.into(),
        priority: Priority::Normal,
        interval,
    };
    let half_an_hour = LOOK_EVERY.to_std().ok();
    let agents = vec![
        registration("history.follow", half_an_hour),
        registration("stage-list.follow", half_an_hour),
        registration("history.deal", None),
    ];
    store.register(agents, begin).await.unwrap();
    let failed = Ended::Failed {
        error: "the server is away, and says so at length; ".repeat(100),
        kind: FailedAs::Passing,
        retry_after: Some(std::time::Duration::from_secs(1)),
        retry: Retry {
            backoff: Backoff::default(),
            park_after: 5,
            jitter: 0.5,
        },
    };
    let (mut now, mut deal, mut sizes) = (begin, 0_u32, Vec::new());
    let looks = 365 * 48;
    for look in 0..looks {
        for _ in 0..EVENTS_A_LOOK {
            deal += 1;
            let request = QueueRequest {
                name: "history.deal".into(),
                key: deal.to_string(),
                input: None,
                due_at: now,
            };
            store.queue(request, now).await.unwrap();
        }
        if look % 3 == 0 {
            end(&store, "history.follow", failed.clone(), now).await;
            now += TimeDelta::seconds(2);
        }
        for name in ["history.follow", "stage-list.follow", "history.deal"] {
            end(&store, name, Ended::Done, now).await;
        }
        if look % PRUNE_EVERY == 0 {
            store.prune(Bounds::default()).await.unwrap();
        }
        now += LOOK_EVERY;
        if (look + 1) % (looks / 4) == 0 {
            sizes.push(size(&path));
        }
    }
    assert!(sizes.iter().all(|size| *size < MOST_BYTES), "{sizes:?}");
    // What a quarter has left is all there ever is.
    assert!(sizes[3] <= sizes[0] + sizes[0] / 4, "{sizes:?}");
    println!("bytes after each quarter: {sizes:?}");
}
