//! Lists: where a page ends, how it is read on, and answers that cannot be trusted to be pages.

use super::*;
use crate::HistoryQuery;

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
