use super::*;
use crate::{Call, ErrorKind, HistoryChain, HistoryQuery};

fn three_calls() -> [Call; 3] {
    ["first", "second", "third"]
        .map(|method| Call::new(method, json!({"filter": {">ID": 5}, "select": ["ID"]})))
}

fn batch_answer(result: &Value, errors: &Value) -> Reply {
    ok(
        &json!({"result": result, "result_error": errors, "result_total": [], "result_next": [], "result_time": []}),
    )
}

#[tokio::test(start_paused = true)]
async fn answers_come_in_the_order_of_the_calls_with_names_php_leaves_alone() {
    let portal = Scripted::new(|_| batch_answer(&json!({"c02": 3, "c00": 1, "c01": null}), &json!([])));

    let answers = client(&portal).batch(&three_calls()).await.expect("a batch");

    let results: Vec<&str> = answers
        .iter()
        .map(|answer| answer.as_ref().expect("good").result.get())
        .collect();
    assert_eq!(results, ["1", "null", "3"]);
    let sent = &portal.seen()[0].params;
    assert_eq!(sent["halt"], 0);
    assert_eq!(sent["cmd"]["c01"], "second?filter%5B%3EID%5D=5&select%5B%5D=ID");
}

#[tokio::test(start_paused = true)]
async fn only_what_failed_in_passing_is_asked_again() {
    let portal = Scripted::new(|seen| match seen.index {
        0 => batch_answer(
            &json!({"c00": "kept"}),
            &json!({"c01": {"error": "INTERNAL_SERVER_ERROR", "error_description": ""},
                    "c02": {"error": "ACCESS_DENIED", "error_description": "no"}}),
        ),
        1 => batch_answer(&json!([]), &json!([])),
        _ => batch_answer(&json!({"c01": "late"}), &json!([])),
    });
    let client = client(&portal);

    let answers = client.batch(&three_calls()).await.expect("a batch");

    let asked: Vec<Vec<(String, String)>> = portal.seen().iter().map(Seen::calls).collect();
    let second = vec![("c01".to_owned(), "second".to_owned())];
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[0].len(), 3);
    assert_eq!(&asked[1..], [second.clone(), second]);
    assert_eq!(answers[0].as_ref().expect("kept").result.get(), "\"kept\"");
    assert_eq!(answers[1].as_ref().expect("late").result.get(), "\"late\"");
    let denied = answers[2].as_ref().expect_err("denied");
    assert_eq!(
        (denied.kind(), denied.method(), denied.attempts()),
        (ErrorKind::NotAllowed, "third", 1)
    );
    assert_eq!(client.stats().calls, 5);
}

#[tokio::test(start_paused = true)]
async fn a_call_with_neither_result_nor_error_is_an_error_of_its_own() {
    // Given a portal that renumbers the answers, as PHP does with lists.
    let portal = Scripted::new(|_| batch_answer(&json!([1, 2, 3]), &json!([])));
    let mut config = config();
    config.retry.max_attempts = 2;

    let answers = client_with(&portal, config)
        .batch(&three_calls())
        .await
        .expect("a batch");

    for answer in answers {
        let error = answer.expect_err("nothing for it");
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::MissingInBatch, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn what_stands_in_the_place_of_the_calls_answers_and_is_none_is_an_error_that_says_where() {
    for (nonsense, line_and_column) in [
        (json!("all well"), "line 1 column 10"),
        (json!(7), "line 1 column 1"),
        (json!({"result": 7}), "line 1 column 11"),
    ] {
        let portal = Scripted::new(move |_| ok(&nonsense));
        let error = client(&portal).batch(&three_calls()).await.expect_err("nonsense");
        assert_eq!(
            (error.kind(), error.method()),
            (ErrorKind::Unexpected, "batch"),
            "{error}"
        );
        assert!(error.to_string().contains(line_and_column), "{error}");
        assert!(!error.to_string().contains("all well"), "{error}");
        assert_eq!(portal.seen().len(), 1, "asking again gives the same");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_has_fifty_calls_at_most_and_none_sends_nothing() {
    let portal = Scripted::new(|_| batch_answer(&json!([]), &json!([])));
    let client = client(&portal);

    let error = client
        .batch(&vec![Call::new("profile", json!({})); 51])
        .await
        .expect_err("too many");
    let nested = client
        .batch(&[Call::new("batch", json!({}))])
        .await
        .expect_err("nested");
    let none = client.batch(&[]).await.expect("nothing to do");

    assert_eq!(
        (error.kind(), nested.kind()),
        (ErrorKind::BadInput, ErrorKind::BadInput)
    );
    assert!(none.is_empty());
    assert!(portal.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn windows_and_deals_share_their_batches() {
    // Given a portal with a record in every window and every second deal readable.
    let portal = Scripted::new(|seen| {
        let cmd = seen.params["cmd"].as_object().expect("a batch");
        let rows = |command: &str| {
            let decode = |text: &str| {
                percent_encoding::percent_decode_str(text)
                    .decode_utf8_lossy()
                    .into_owned()
            };
            let values = |key: &str| {
                let pairs = command.split(['?', '&']).filter_map(|pair| pair.split_once('='));
                let all = pairs.filter(|(name, _)| decode(name) == key);
                all.map(|(_, value)| value.parse::<i64>().expect("a number"))
                    .collect::<Vec<i64>>()
            };
            if command.starts_with("crm.item.list") {
                let ids = values("filter[@id][]").into_iter().filter(|id| id % 2 == 0);
                json!({"items": ids.map(|id| json!({"id": id, "assignedById": "6"})).collect::<Vec<_>>()})
            } else {
                let id = values("filter[<=ID]")[0];
                json!({"items": [{"ID": id, "OWNER_ID": "1", "CATEGORY_ID": 0, "STAGE_ID": "NEW",
                                  "CREATED_TIME": "2024-04-25T14:59:11+00:00"}]})
            }
        };
        let result: serde_json::Map<String, Value> = cmd
            .iter()
            .map(|(name, command)| (name.clone(), rows(command.as_str().expect("text"))))
            .collect();
        batch_answer(&Value::Object(result), &json!([]))
    });
    let chains: Vec<HistoryChain> = (0..70)
        .map(|n| HistoryChain::page(HistoryQuery::window(n * 50, n * 50 + 50)))
        .collect();
    let deal_ids: Vec<i64> = (1..=1001).chain([2, 4]).collect();

    let read = client(&portal).read(&chains, &deal_ids).await.expect("both");

    assert_eq!(
        portal
            .seen()
            .iter()
            .map(|seen| seen.calls().len())
            .collect::<Vec<_>>(),
        [50, 41]
    );
    let ends: Vec<i64> = read
        .chains
        .iter()
        .map(|chain| chain.pages[0].records[0].id)
        .collect();
    assert_eq!(ends, (1..=70).map(|n| n * 50).collect::<Vec<i64>>());
    let deals: Vec<i64> = read.deals.iter().map(|deal| deal.id).collect();
    assert_eq!(deals, (1..=500).map(|n| n * 2).collect::<Vec<i64>>());
}
