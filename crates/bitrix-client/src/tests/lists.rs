//! Lists: where a page ends, how it is read on, and answers that cannot be trusted to be pages.

use std::future::Future;

use super::*;
use crate::{ErrorKind, HistoryChain, HistoryQuery};

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

#[tokio::test(start_paused = true)]
async fn an_answer_without_rows_is_not_an_empty_page_and_may_pass() {
    // Given a portal that at first answers without the rows.
    for nothing in [
        json!(null),
        json!({"items": null}),
        json!({"categories": null}),
        json!({"total": 0}),
    ] {
        let good = json!({"items": []});
        let result = move |index| if index == 0 { nothing.clone() } else { good.clone() };
        let portal = Scripted::new(move |seen| match seen.method.as_str() {
            "batch" => batch_results(&json!({"c00": result(seen.index)}), &json!([])),
            _ => ok(&result(seen.index)),
        });
        let mut impatient = config();
        impatient.retry.max_attempts = 1;
        let (once, again) = (client_with(&portal, impatient), client(&portal));
        let query = HistoryQuery::default();
        let chains = [HistoryChain::page(query.clone())];

        for (method, error) in [
            (
                "crm.stagehistory.list",
                once.stage_history_page(&query).await.err(),
            ),
            (
                "crm.stagehistory.list",
                once_more(&portal, once.read(&chains, &[])).await,
            ),
            ("crm.item.list", once_more(&portal, once.deals_by_ids(&[1])).await),
            ("crm.category.list", once_more(&portal, once.categories()).await),
        ] {
            let error = error.expect("not an empty page");
            assert_eq!(
                (error.method(), error.kind()),
                (method, ErrorKind::NotAnAnswer),
                "{error}"
            );
            assert!(error.is_passing(), "{error}");
        }
        lock(&portal.seen).clear();
        assert!(
            again
                .stage_history_page(&query)
                .await
                .expect("asked again")
                .is_empty()
        );
    }
    // And a list of statuses, which has no wrapper.
    let portal = Scripted::new(|seen| {
        let result = if seen.index == 0 { json!(null) } else { json!([]) };
        batch_results(&json!({"c00": result}), &json!([]))
    });
    let statuses = client(&portal).statuses(&["DEAL_STAGE".to_owned()]).await;
    assert!(statuses.expect("asked again").is_empty());
    assert_eq!(portal.seen().len(), 2);
}

/// The error of a call that is the first this portal sees.
async fn once_more<T>(
    portal: &Scripted,
    call: impl Future<Output = Result<T, crate::Error>>,
) -> Option<crate::Error> {
    lock(&portal.seen).clear();
    call.await.err()
}

#[tokio::test(start_paused = true)]
async fn nothing_in_the_spellings_of_php_is_an_empty_page() {
    for empty in [json!({"items": []}), json!({"items": {}}), json!([]), json!({})] {
        let portal = Scripted::new(move |_| ok(&empty));
        let page = client(&portal).stage_history_page(&HistoryQuery::default()).await;
        assert!(page.expect("an empty page").is_empty());
    }
}

fn status(id: u64) -> Value {
    json!({"ID": id, "ENTITY_ID": "DEAL_STAGE", "STATUS_ID": format!("S{id}"), "NAME": "Name"})
}

/// The `start` in each call of a batch, by the calls' names.
fn starts(seen: &Seen) -> Vec<(String, u64)> {
    let start = |command: &str| {
        let pairs = command.split(['?', '&']).filter_map(|pair| pair.split_once('='));
        pairs
            .filter(|(name, _)| *name == "start")
            .map(|(_, start)| start.parse().expect("a number"))
            .next()
            .unwrap_or(0)
    };
    let cmd = seen.params["cmd"].as_object().expect("a batch");
    cmd.iter()
        .map(|(name, command)| (name.clone(), start(command.as_str().expect("text"))))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn lists_of_statuses_that_page_are_read_to_their_ends() {
    // Given two lists, the second of which has three pages.
    let portal = Scripted::new(|seen| match seen.index {
        0 => batch_results(
            &json!({"c00": [status(1)], "c01": [status(2)]}),
            &json!({"c01": 50}),
        ),
        1 => batch_results(&json!({"c00": [status(3)]}), &json!({"c00": "100"})),
        _ => batch_results(&json!({"c00": [status(4)]}), &json!([])),
    });

    let read = client(&portal)
        .statuses(&["DEAL_STAGE".to_owned(), "DEAL_STAGE_3".to_owned()])
        .await
        .expect("statuses");

    let ids: Vec<i64> = read.iter().map(|status| status.id).collect();
    assert_eq!(ids, [1, 2, 3, 4]);
    let asked: Vec<Vec<(String, u64)>> = portal.seen().iter().map(starts).collect();
    let call = |name: &str, start| (name.to_owned(), start);
    assert_eq!(
        asked,
        [
            vec![call("c00", 0), call("c01", 0)],
            vec![call("c00", 50)],
            vec![call("c00", 100)]
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn pipelines_that_page_are_read_to_their_end() {
    let portal = Scripted::new(|seen| {
        let next = if seen.index == 0 { json!(1) } else { json!(null) };
        answer(
            200,
            &json!({"result": {"categories": [{"id": seen.index}]}, "next": next}),
        )
    });

    let pipelines = client(&portal).categories().await.expect("pipelines");

    assert_eq!(
        pipelines.iter().map(|pipeline| pipeline.id).collect::<Vec<_>>(),
        [0, 1]
    );
    let starts: Vec<Value> = portal
        .seen()
        .iter()
        .map(|seen| seen.params["start"].clone())
        .collect();
    assert_eq!(starts, [json!(null), json!(1)]);
}

#[tokio::test(start_paused = true)]
async fn a_list_without_an_end_is_an_error() {
    type Next = fn(usize) -> usize;
    let does_not_grow: Next = |_| 50;
    let grows_for_ever: Next = |index| index + 1;
    for (next, requests) in [(does_not_grow, 2), (grows_for_ever, 100)] {
        let portal = Scripted::new(move |seen| match seen.method.as_str() {
            "batch" => batch_results(&json!({"c00": [status(1)]}), &json!({"c00": next(seen.index)})),
            _ => answer(
                200,
                &json!({"result": {"categories": []}, "next": next(seen.index)}),
            ),
        });
        let client = client(&portal);

        let statuses = client
            .statuses(&["DEAL_STAGE".to_owned()])
            .await
            .expect_err("no end");
        assert_eq!(
            (statuses.kind(), portal.seen().len()),
            (ErrorKind::Unexpected, requests)
        );
        lock(&portal.seen).clear();
        let pipelines = client.categories().await.expect_err("no end");
        assert_eq!(
            (pipelines.method(), portal.seen().len()),
            ("crm.category.list", requests)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_deal_nobody_asked_for_means_that_the_portal_ignores_the_filter() {
    // Given a portal that answers with its first deals, whichever are asked for.
    let portal = Scripted::new(|_| {
        let first = [1, 2, 3].map(|id| json!({"id": id, "begindate": "odd"}));
        batch_results(
            &json!({"c00": {"items": first}, "c01": {"items": first}}),
            &json!([]),
        )
    });

    let error = client(&portal)
        .deals_by_ids(&[90, 91])
        .await
        .expect_err("other deals");

    assert_eq!(
        error.to_string().split(';').next().expect("a message"),
        "crm.item.list failed: deal 1 was not asked for, so the portal ignores the filter by ID"
    );
    assert!(!error.is_passing());
    assert_eq!(portal.seen().len(), 1);
}
