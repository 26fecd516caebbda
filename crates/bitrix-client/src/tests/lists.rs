//! Lists: where a page ends, how it is read on, and answers that cannot be trusted to be pages.

use super::*;
use crate::{ErrorKind, HistoryQuery};

fn record(id: i64) -> Value {
    json!({"ID": id, "TYPE_ID": 2, "OWNER_ID": 7, "CREATED_TIME": "2024-04-25T14:59:11+00:00", "CATEGORY_ID": 3,
           "STAGE_SEMANTIC_ID": "P", "STAGE_ID": "C3:NEW"})
}

fn records(ids: impl IntoIterator<Item = i64>) -> Value {
    json!({"items": ids.into_iter().map(record).collect::<Vec<_>>()})
}

#[tokio::test(start_paused = true)]
async fn a_page_says_whether_more_may_follow() {
    // Given a page that is full, one that is not but is said to go on, and one that ends.
    let portal = Scripted::new(|_| {
        batch_results(
            &json!({"c00": records(1..=50), "c01": records(51..=70), "c02": records(71..=119)}),
            &json!({"c01": 20}),
        )
    });
    let queries = [0, 50, 70].map(|after| HistoryQuery::window(after, 1000));

    let pages = client(&portal).history_pages(&queries).await.expect("pages");

    let seen: Vec<(usize, bool)> = pages.iter().map(|page| (page.records.len(), page.more)).collect();
    assert_eq!(seen, [(50, true), (20, true), (49, false)]);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_goes_on_must_be_in_the_order_asked_for() {
    let up = HistoryQuery::window(0, 1000);
    let down = HistoryQuery {
        descending: true,
        ..up.clone()
    };
    for (query, ids, next, trusted) in [
        (&up, (1..=50).collect::<Vec<_>>(), None, true),
        (&down, (1..=50).rev().collect(), None, true),
        (&up, vec![2, 3], Some(2), true),
        // The last page need not be sorted: nobody reads on from it.
        (&up, vec![3, 2], None, true),
        (&up, (1..=50).rev().collect(), None, false),
        (&down, (1..=50).collect(), None, false),
        (&up, vec![3, 2], Some(2), false),
        (&up, vec![], Some(50), false),
    ] {
        let result = json!({"c00": records(ids)});
        let next = next.map_or(json!([]), |next| json!({"c00": next}));
        let portal = Scripted::new(move |_| batch_results(&result, &next));

        let outcome = client(&portal).history_pages(std::slice::from_ref(query)).await;

        let Err(error) = outcome else {
            assert!(trusted, "an answer nobody can read on from was taken");
            continue;
        };
        assert!(!trusted, "{error}");
        assert_eq!((error.kind(), portal.seen().len()), (ErrorKind::Unexpected, 1));
        assert!(!error.is_passing(), "{error}");
    }
    // The order of a page that was asked for alone counts as well, and the error says what is wrong.
    let shuffled = records((1..=50).rev());
    let portal = Scripted::new(move |_| ok(&shuffled));
    let error = client(&portal)
        .stage_history_page(&up)
        .await
        .expect_err("shuffled");
    assert!(error.to_string().contains("the portal ignores order"), "{error}");
}
