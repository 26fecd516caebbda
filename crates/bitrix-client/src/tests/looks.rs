//! What is asked for together: a look at the history after all else, and pipelines with their stages.

use super::*;
use crate::{HistoryQuery, Read};

const HISTORY: &str = "crm.stagehistory.list";

/// Answers a batch: a row of deal 7 with the ID 101 to each call for history, no deals. `fails` says which calls fail in passing.
fn batch(seen: &Seen, fails: impl Fn(&str) -> bool) -> Reply {
    let (mut results, mut errors) = (json!({}), json!({}));
    for (name, method) in seen.calls() {
        if fails(&name) {
            errors[name] = json!({"error": "INTERNAL_SERVER_ERROR", "error_description": ""});
        } else if method == HISTORY {
            results[name] = json!({"items": [{"ID": 101, "OWNER_ID": 7, "CATEGORY_ID": 0, "STAGE_ID": "NEW",
                                              "CREATED_TIME": "2024-04-25T14:59:11+00:00"}]});
        } else {
            results[name] = json!({"items": []});
        }
    }
    ok(
        &json!({"result": results, "result_error": errors, "result_total": [], "result_next": [], "result_time": []}),
    )
}

/// Reads so many calls' worth of deals and looks behind ID 100; what came, and the methods of the calls of each request.
async fn look(
    calls: i64,
    fails: impl Fn(usize, &str) -> bool + Send + Sync + 'static,
) -> (Read, Vec<Vec<String>>) {
    let portal = Scripted::new(move |seen| batch(seen, |name| fails(seen.index, name)));
    let query = HistoryQuery {
        after_id: Some(100),
        ..HistoryQuery::default()
    };
    let deals: Vec<i64> = (1..=calls * 50).collect();
    let read = client(&portal).read_and_look(&[], &deals, &query).await;
    let requests = portal.seen();
    let methods = requests
        .iter()
        .map(|seen| seen.calls().into_iter().map(|(_, method)| method).collect());
    (read.expect("an answer"), methods.collect())
}

#[tokio::test(start_paused = true)]
async fn a_look_is_the_last_call_of_the_request_that_reads_the_deals() {
    let (read, requests) = look(2, |_, _| false).await;

    assert_eq!(requests, [["crm.item.list", "crm.item.list", HISTORY]]);
    let page = read.look.expect("a look");
    assert_eq!((page.records[0].owner_id, page.more), (7, false));
}

#[tokio::test(start_paused = true)]
async fn a_look_does_not_count_when_a_deal_was_read_once_more_after_it() {
    let (read, requests) = look(2, |request, name| request == 0 && name == "c00").await;

    assert_eq!(requests.len(), 2);
    assert_eq!(read.look, None);
}

#[tokio::test(start_paused = true)]
async fn a_look_that_fails_is_not_repeated_and_fails_nothing_else() {
    let (read, requests) = look(2, |_, name| name == "c02").await;

    assert_eq!((requests.len(), read.look), (1, None));
}

#[tokio::test(start_paused = true)]
async fn no_look_is_taken_where_it_would_be_a_request_of_its_own() {
    for calls in [50, 51] {
        let (read, requests) = look(calls, |_, _| false).await;

        assert_eq!(read.look, None);
        assert!(requests.iter().flatten().all(|method| method != HISTORY));
    }
}

/// How a portal answers when it is asked for pipelines and all lists at once: the answer's `next` and `total`, and how many
/// stages it names.
async fn stages(next: Value, total: Value, count: i64) -> (usize, usize) {
    let portal = Scripted::new(move |_| {
        let stages: Vec<Value> = (1..=count)
            .map(|id| json!({"ID": id, "ENTITY_ID": "DEAL_STAGE", "STATUS_ID": "NEW"}))
            .collect();
        ok(
            &json!({"result": {"c00": {"categories": [{"id": 0}]}, "c01": stages}, "result_error": [],
                   "result_total": {"c01": total}, "result_next": {"c01": next}, "result_time": []}),
        )
    });
    let pipelines = client(&portal).pipelines().await.expect("an answer");
    assert_eq!(portal.seen().len(), 1);
    (pipelines.categories.len(), pipelines.statuses.len())
}

#[tokio::test(start_paused = true)]
async fn pipelines_and_stages_come_together_where_they_are_surely_all() {
    assert_eq!(stages(Value::Null, Value::Null, 3).await, (1, 3));
    assert_eq!(stages(Value::Null, json!(3), 3).await, (1, 3));
    assert_eq!(stages(Value::Null, json!(4), 3).await, (1, 0), "one is missing");
    assert_eq!(stages(json!(3), Value::Null, 3).await, (1, 0), "there is more");
    assert_eq!(
        stages(Value::Null, Value::Null, 50).await,
        (1, 0),
        "it may be a page"
    );
}

#[tokio::test(start_paused = true)]
async fn pipelines_that_do_not_come_in_a_batch_are_asked_for_alone() {
    let portal = Scripted::new(|seen| match seen.method.as_str() {
        "batch" => ok(
            &json!({"result": [], "result_error": {"c00": {"error": "ERROR_BATCH_METHOD_NOT_ALLOWED", "error_description": ""},
                    "c01": {"error": "ACCESS_DENIED", "error_description": ""}}, "result_total": [], "result_next": [], "result_time": []}),
        ),
        _ => ok(&json!({"categories": [{"id": 0}, {"id": 3}]})),
    });

    let pipelines = client(&portal).pipelines().await.expect("pipelines");

    assert_eq!((pipelines.categories.len(), pipelines.statuses.len()), (2, 0));
}
