//! Pages that follow one another within one request.

use std::collections::BTreeMap;

use super::*;
use crate::{ChainPages, ErrorKind, HistoryChain, HistoryQuery, Read};

/// What a portal with the records 1 to `last` does with a call. It knows the IDs of the last records of the full pages before.
type Call<'a> = &'a dyn Fn(&str, BTreeMap<String, String>) -> Result<Vec<i64>, &'static str>;

/// Answers a batch, with each reference put in place as a portal does.
fn batch(seen: &Seen, call: Call<'_>) -> Reply {
    let decode = |text: &str| {
        percent_encoding::percent_decode_str(text)
            .decode_utf8_lossy()
            .into_owned()
    };
    let (mut results, mut errors) = (serde_json::Map::new(), serde_json::Map::new());
    let mut ends: BTreeMap<String, i64> = BTreeMap::new();
    for (name, command) in seen.params["cmd"].as_object().expect("a batch") {
        let (_, query) = command
            .as_str()
            .expect("text")
            .split_once('?')
            .expect("parameters");
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let params = pairs.map(|(key, value)| {
            let value = decode(value);
            let before = value
                .strip_prefix("$result[")
                .and_then(|rest| rest.strip_suffix("][items][49][ID]"));
            let value = match before {
                Some(before) => ends.get(before).map(i64::to_string).unwrap_or_default(),
                None => value,
            };
            (decode(key), value)
        });
        match call(name, params.collect()) {
            Ok(ids) => {
                if let Some(end) = ids.get(49) {
                    ends.insert(name.clone(), *end);
                }
                let rows = ids.iter().map(|id| {
                    json!({"ID": id, "OWNER_ID": "1", "CATEGORY_ID": 0, "STAGE_ID": "NEW",
                           "CREATED_TIME": "2024-04-25T14:59:11+00:00"})
                });
                results.insert(name.clone(), json!({"items": rows.collect::<Vec<_>>()}));
            }
            Err(code) => {
                errors.insert(name.clone(), json!({"error": code, "error_description": ""}));
            }
        }
    }
    ok(
        &json!({"result": results, "result_error": errors, "result_total": [], "result_next": [], "result_time": []}),
    )
}

/// The first page that a portal with the records 1 to `last` has.
fn page(last: i64, params: &BTreeMap<String, String>) -> Vec<i64> {
    let bound = |key: &str| params.get(key).and_then(|value| value.parse::<i64>().ok());
    let above = bound("filter[>ID]").unwrap_or(0);
    let from = bound("filter[>=ID]").unwrap_or(0).max(above + 1);
    let up_to = bound("filter[<=ID]").unwrap_or(i64::MAX).min(last);
    (from..=up_to).take(50).collect()
}

fn chain(after: i64, up_to: i64, pages: usize) -> HistoryChain {
    HistoryChain {
        query: HistoryQuery::window(after, up_to),
        pages,
    }
}

/// The IDs of each page's first and last record.
fn ends(chain: &ChainPages) -> Vec<(i64, i64)> {
    let pages = chain.pages.iter().map(|page| {
        let ids = || page.records.iter().map(|record| record.id);
        ids().min().zip(ids().max()).unwrap_or_default()
    });
    pages.collect()
}

async fn read(portal: &Arc<Scripted>, chains: &[HistoryChain]) -> Read {
    client(portal).read(chains, &[1, 2]).await.expect("read")
}

fn requests(portal: &Arc<Scripted>) -> Vec<usize> {
    portal.seen().iter().map(|seen| seen.calls().len()).collect()
}

/// A portal with the records 1 to 520, and without deals.
fn portal() -> Arc<Scripted> {
    Scripted::new(|seen| {
        batch(seen, &|_, params| {
            Ok(if params.contains_key("filter[@id][]") {
                vec![]
            } else {
                page(520, &params)
            })
        })
    })
}

#[tokio::test(start_paused = true)]
async fn pages_that_follow_one_another_come_in_one_request() {
    let portal = portal();

    let read = read(&portal, &[chain(100, 400, 3), chain(400, 600, 2)]).await;

    assert_eq!(ends(&read.chains[0]), [(101, 150), (151, 200), (201, 250)]);
    assert_eq!(ends(&read.chains[1]), [(401, 450), (451, 500)]);
    assert!(
        read.chains
            .iter()
            .all(|chain| !chain.strayed && chain.pages.iter().all(|page| page.more))
    );
    assert_eq!(requests(&portal), [6]);
}

#[tokio::test(start_paused = true)]
async fn what_a_portal_answers_behind_the_end_is_not_trusted() {
    let portal = portal();

    let read = read(&portal, &[chain(400, 600, 10), chain(400, 500, 4)]).await;

    // The third page is not full. Behind it the reference leads nowhere, and the portal answers the start again.
    assert_eq!(ends(&read.chains[0]), [(401, 450), (451, 500), (501, 520)]);
    // Here the last page is full, and nothing is behind it.
    assert_eq!(ends(&read.chains[1]), [(401, 450), (451, 500), (0, 0)]);
    assert!(
        read.chains
            .iter()
            .all(|chain| !chain.strayed && !chain.pages.last().unwrap().more)
    );
}

#[tokio::test(start_paused = true)]
async fn a_portal_that_does_not_follow_references_is_found_out() {
    let portal = Scripted::new(|seen| {
        batch(seen, &|_, mut params| {
            params.remove("filter[>ID]");
            Ok(page(520, &params))
        })
    });

    let chains = [HistoryChain {
        query: HistoryQuery::default(),
        pages: 3,
    }];
    let read = client(&portal).read(&chains, &[]).await.expect("read");

    assert_eq!(ends(&read.chains[0]), [(1, 50)]);
    assert!(read.chains[0].strayed);
}

#[tokio::test(start_paused = true)]
async fn a_chain_ends_where_a_page_fails_and_only_its_first_page_is_asked_for_again() {
    // Given a portal that fails twice: the second page of the first chain, and the first of the second.
    let portal = Scripted::new(|seen| {
        let first = seen.index == 0;
        batch(seen, &move |name, params| match name {
            "c01" | "c03" if first => Err("INTERNAL_SERVER_ERROR"),
            _ => Ok(page(520, &params)),
        })
    });

    let chains = [chain(0, 150, 3), chain(150, 300, 3)];
    let read = client(&portal).read(&chains, &[]).await.expect("read");

    assert_eq!(ends(&read.chains[0]), [(1, 50)]);
    assert_eq!(ends(&read.chains[1]), [(151, 200)]);
    assert!(
        read.chains
            .iter()
            .all(|chain| !chain.strayed && chain.pages[0].more)
    );
    assert_eq!(requests(&portal), [6, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_further_page_that_cannot_be_read_ends_the_chain() {
    let portal = Scripted::new(|seen| {
        batch(seen, &|name, params| match name {
            "c01" => Err("ACCESS_DENIED"),
            _ => Ok(page(520, &params)),
        })
    });

    let chains = [chain(0, 200, 4)];
    let read = client(&portal).read(&chains, &[]).await.expect("read");

    assert_eq!(ends(&read.chains[0]), [(1, 50)]);
    assert!(read.chains[0].strayed);
    assert_eq!(requests(&portal), [4]);
}

#[tokio::test(start_paused = true)]
async fn a_chain_is_never_torn_between_two_requests() {
    let portal = portal();

    let read = read(
        &portal,
        &[chain(0, 1000, 5), chain(0, 1000, 47), chain(100, 1000, 2)],
    )
    .await;

    assert_eq!(requests(&portal), [5, 50]);
    assert_eq!(read.chains[0].pages.len(), 5);
    assert_eq!(read.chains[1].pages.len(), 11);
    assert_eq!(ends(&read.chains[2]), [(101, 150), (151, 200)]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_a_chain_is_refused() {
    let portal = portal();
    let descending = HistoryQuery {
        descending: true,
        ..HistoryQuery::default()
    };
    let counting = HistoryQuery {
        start: 0,
        ..HistoryQuery::default()
    };
    for chain in [
        chain(0, 100, 0),
        chain(0, 100, 51),
        HistoryChain {
            query: descending,
            pages: 2,
        },
        HistoryChain {
            query: counting,
            pages: 2,
        },
    ] {
        let error = client(&portal).read(&[chain], &[]).await.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::BadInput);
    }
    assert!(portal.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn pipelines_come_along_in_the_same_request_and_chains_still_follow_their_own_calls() {
    let portal = Scripted::new(|seen| {
        let (mut lists, mut pages) = (serde_json::Map::new(), seen.clone());
        if let Some(calls) = pages.params["cmd"].as_object_mut() {
            calls.retain(|name, call| {
                let list = match call.as_str().expect("text") {
                    call if call.starts_with("crm.category.list") => {
                        json!({"categories": [{"id": 0}, {"id": 3}]})
                    }
                    call if call.starts_with("crm.status.list") => {
                        json!([{"ID": 1, "ENTITY_ID": "DEAL_STAGE", "STATUS_ID": "NEW"}])
                    }
                    _ => return true,
                };
                lists.insert(name.clone(), list);
                false
            });
        }
        let (after, answer) = batch(&pages, &|_, params| Ok(page(120, &params)));
        let mut body: Value = serde_json::from_slice(&answer.expect("an answer").body).expect("JSON");
        let results = body["result"]["result"].as_object_mut().expect("results");
        results.append(&mut lists);
        (after, Ok(TransportResponse::new(200, body.to_string())))
    });

    let read = client(&portal)
        .read_with_pipelines(&[chain(0, 200, 3)])
        .await
        .expect("an answer");

    assert_eq!(portal.seen().len(), 1);
    assert_eq!(
        (read.pipelines.categories.len(), read.pipelines.statuses.len()),
        (2, 1)
    );
    assert_eq!(ends(&read.chains[0]), [(1, 50), (51, 100), (101, 120)]);
}
