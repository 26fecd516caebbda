//! Whole answers: their shape beside recorded ones, batches, limits.

use std::time::Duration;

use serde_json::{Value, json};

use super::Desk;
use crate::clock::{Clock, Zone};
use crate::model::{Model, generate};
use crate::options::{NumberStyle, PortalOptions};
use crate::params::Param;
use crate::stats::Counters;

fn options() -> PortalOptions {
    PortalOptions {
        deals: 400,
        started_at: chrono::DateTime::from_timestamp(1_762_160_400, 250_000_000),
        ..PortalOptions::default()
    }
}

fn desk(options: &PortalOptions) -> Desk {
    let clock = Clock::new(options);
    let model = Model::new(generate(options), clock.clone(), Zone::new(options));
    Desk::new(options, model, clock, Counters::default())
}

fn ask(desk: &Desk, method: &str, params: &Value) -> (u16, Value) {
    let params = Param::from_json(params.to_string().as_bytes()).unwrap_or_default();
    let answer = desk.answer(method, &params);
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

fn good(desk: &Desk, method: &str, params: &Value) -> Value {
    let (status, answer) = ask(desk, method, params);
    assert_eq!(status, 200, "{method}: {answer}");
    answer
}

/// The names and types in an answer; of a list, those of its first element, since rows may differ in nulls.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => json!("null"),
        Value::Bool(_) => json!("bool"),
        Value::Number(_) => json!("number"),
        Value::String(_) => json!("string"),
        Value::Array(list) => json!(list.iter().take(1).map(shape).collect::<Vec<_>>()),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), shape(value)))
            .collect(),
    }
}

fn recorded(name: &str) -> Value {
    let path = format!(
        "{}/../../tests/data/bitrix24/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_stage_history_has_the_recorded_shape() {
    let command = "crm.stagehistory.list?entityTypeId=2&select[]=OWNER_ID&select[]=STAGE_ID&select[]=CREATED_TIME\
                   &select[]=ID&filter[%3C%3DID]=10661&order[ID]=ASC";
    let answer = good(
        &desk(&options()),
        "batch",
        &json!({"halt": 0, "cmd": {"order0000000000": command}}),
    );
    assert_eq!(shape(&answer), shape(&recorded("recorded_crm_stagehistory_list")));
}

#[tokio::test(start_paused = true)]
async fn the_list_of_pipelines_has_the_recorded_shape() {
    let answer = good(
        &desk(&options()),
        "crm.category.list",
        &json!({"entityTypeId": 2}),
    );
    assert_eq!(shape(&answer), shape(&recorded("recorded_crm_category_list")));
    let names: Vec<_> = answer["result"]["categories"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert!(names.contains(&&json!("Enamour Pipeline")));
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_good_and_bad_calls_has_the_recorded_shape() {
    let desk = desk(&options());
    let id = desk.model.deals()[0].id;
    let cmd = json!({
        "0": "crm.deal.get",
        "1": "crm.deal.get?ID=99999999",
        id.to_string(): format!("crm.deal.get?ID={id}"),
    });
    let mut answer = good(&desk, "batch", &json!({"halt": 0, "cmd": cmd}));
    let mut expected = recorded("recorded_crm_get_batch_mix_success_and_errors");
    assert_eq!(
        answer["result"]["result_error"],
        expected["result"]["result_error"]
    );
    // The recorded call selected one field, and its portal gave no `operating_reset_at` yet.
    for (answer, id) in [(&mut answer, id.to_string()), (&mut expected, "35943".to_owned())] {
        let result = answer["result"]["result"].take();
        assert_eq!(result[&id]["ID"], json!(id));
        let times = answer["result"]["result_time"].take();
        answer["result"]["result_time"] = json!({"deal": times[&id]});
        for time in ["/result/result_time/deal", "/time"] {
            answer
                .pointer_mut(time)
                .unwrap()
                .as_object_mut()
                .unwrap()
                .remove("operating_reset_at");
        }
    }
    assert_eq!(shape(&answer), shape(&expected));
}

#[tokio::test(start_paused = true)]
async fn stages_look_as_the_specification_shows_them() {
    let params = json!({"filter": {"ENTITY_ID": "DEAL_STAGE"}, "order": {"SORT": "ASC"}});
    let answer = good(&desk(&options()), "crm.status.list", &params);
    let mut expected = recorded("spec_crm.status.list")["resultExample"].take();
    for stages in [&mut expected] {
        for stage in stages["result"].as_array_mut().unwrap() {
            stage["EXTRA"].as_object_mut().unwrap().remove("COLOR");
        }
    }
    assert_eq!(shape(&answer), shape(&expected));
    let semantics = |answer: &Value| -> Vec<Value> {
        answer["result"]
            .as_array()
            .unwrap()
            .iter()
            .map(|stage| stage["SEMANTICS"].clone())
            .collect()
    };
    assert_eq!(semantics(&answer), semantics(&expected));
}

#[tokio::test(start_paused = true)]
async fn history_numbers_come_as_recorded_or_as_specified() {
    let first = |style| {
        let desk = desk(&PortalOptions {
            history_numbers: style,
            ..options()
        });
        shape(&good(&desk, "crm.stagehistory.list", &json!({"entityTypeId": 2}))["result"])
    };
    let specified = &recorded("spec_crm.stagehistory.list")["resultExample"]["result"];
    assert_eq!(first(NumberStyle::Numbers), shape(specified));
    assert_eq!(first(NumberStyle::Strings)["items"][0]["ID"], json!("string"));
}

#[tokio::test(start_paused = true)]
async fn a_deal_shows_the_fields_of_the_specification_in_both_styles() {
    let desk = desk(&options());
    let deal = desk.model.deals().into_iter().find(|deal| deal.readable).unwrap();
    let id = deal.id;
    let old = good(&desk, "crm.deal.get", &json!({"id": id}));
    let specified = &recorded("spec_crm.deal.get")["resultExample"]["result"];
    for (name, value) in old["result"].as_object().unwrap() {
        let known = &specified[name];
        assert!(
            known.is_string() || known.is_null(),
            "{name} is not in the specification"
        );
        assert!(value.is_string() || value.is_null(), "{name} is {value}");
    }
    let new = good(&desk, "crm.item.get", &json!({"entityTypeId": 2, "id": id}));
    let item = &new["result"]["item"];
    assert_eq!(item["id"], json!(id));
    assert_eq!(item["movedBy"], json!(deal.moved_by));
    assert_eq!(item["stageId"], old["result"]["STAGE_ID"]);
    assert_eq!(item["movedTime"], old["result"]["MOVED_TIME"]);
}

#[tokio::test(start_paused = true)]
async fn calls_in_a_batch_use_earlier_answers() {
    let desk = desk(&options());
    let page = |from: &str| format!("crm.stagehistory.list?entityTypeId=2&start=-1&filter[>ID]={from}");
    let cmd = json!({
        "a": page("0"),
        "b": page("$result[a][items][49][ID]"),
        "c": page("$result[none][items][49][ID]"),
    });
    let answer = good(&desk, "batch", &json!({"cmd": cmd}));
    let results = &answer["result"]["result"];
    let ids = |name: &str| -> Vec<u32> {
        let items = results[name]["items"].as_array().unwrap();
        items
            .iter()
            .map(|row| row["ID"].as_str().unwrap().parse().unwrap())
            .collect()
    };
    let expected: Vec<u32> = desk.model.history().iter().take(100).map(|row| row.id).collect();
    assert_eq!([ids("a"), ids("b")].concat(), expected);
    assert_eq!(ids("c"), ids("a"), "an empty bound selects from the start");
}

#[tokio::test(start_paused = true)]
async fn halt_ends_a_batch_at_the_first_error() {
    let desk = desk(&options());
    let cmd = json!({"a": "server.time", "b": "no.such.method", "c": "server.time", "d": "batch"});
    for (halt, results, errors) in [
        (json!(1), json!(["a"]), json!(["b"])),
        (json!(0), json!(["a", "c"]), json!(["b", "d"])),
    ] {
        let answer = good(&desk, "batch", &json!({"halt": halt, "cmd": cmd}));
        let keys = |part: &str| {
            json!(
                answer["result"][part]
                    .as_object()
                    .unwrap()
                    .keys()
                    .collect::<Vec<_>>()
            )
        };
        assert_eq!((keys("result"), keys("result_error")), (results, errors));
        assert_eq!(
            answer["result"]["result_error"]["b"]["error"],
            json!("ERROR_METHOD_NOT_FOUND")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_inside_a_batch_and_one_that_is_too_long_are_refused() {
    let desk = desk(&options());
    let answer = good(
        &desk,
        "batch",
        &json!({"cmd": ["batch?cmd[0]=profile", "profile"]}),
    );
    assert_eq!(
        answer["result"]["result_error"][0]["error"],
        json!("ERROR_BATCH_METHOD_NOT_ALLOWED")
    );
    assert_eq!(answer["result"]["result"]["1"]["ID"], json!("1"));
    let (status, answer) = ask(&desk, "batch", &json!({"cmd": vec!["profile"; 51]}));
    assert_eq!(
        (status, &answer["error"]),
        (400, &json!("ERROR_BATCH_LENGTH_EXCEEDED"))
    );
    assert_eq!(ask(&desk, "batch", &json!({"cmd": vec!["profile"; 50]})).0, 200);
    assert_eq!(
        good(&desk, "batch", &json!({}))["result"],
        json!({"result": [], "result_error": [], "result_total": [], "result_next": [], "result_time": []})
    );
}

#[tokio::test(start_paused = true)]
async fn refusals_have_the_vendors_status_and_code() {
    let desk = desk(&options());
    let hidden = desk.model.deals().iter().find(|deal| !deal.readable).unwrap().id;
    for (method, params, status, code) in [
        ("no.such.method", json!({}), 404, json!("ERROR_METHOD_NOT_FOUND")),
        ("crm.stagehistory.list", json!({}), 400, json!("100")),
        (
            "crm.stagehistory.list",
            json!({"entityTypeId": 99}),
            400,
            json!("ENTITY_TYPE_NOT_SUPPORTED"),
        ),
        (
            "crm.item.list",
            json!({"entityTypeId": 2, "filter": {"nope": 1}}),
            400,
            json!("INVALID_ARG_VALUE"),
        ),
        (
            "crm.stagehistory.list",
            json!({"entityTypeId": 2, "filter": {"nope": 1}}),
            400,
            json!(0),
        ),
        (
            "crm.item.get",
            json!({"entityTypeId": 2, "id": hidden}),
            403,
            json!("ACCESS_DENIED"),
        ),
        (
            "crm.item.get",
            json!({"entityTypeId": 2, "id": 1}),
            400,
            json!("NOT_FOUND"),
        ),
        ("crm.deal.get", json!({"id": 1}), 400, json!("")),
    ] {
        let (got, answer) = ask(&desk, method, &params);
        assert_eq!((got, &answer["error"]), (status, &code), "{method} {params}");
        assert!(answer["error_description"].is_string());
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_block_counts_the_pretended_run_time_of_every_call() {
    let options = PortalOptions {
        page_time: Duration::from_millis(20),
        ..options()
    };
    let desk = desk(&options);
    let params = Param::from_json(br#"{"cmd": ["profile", "profile", "scope"]}"#).unwrap();
    let answer = desk.answer("batch", &params);
    assert_eq!(
        answer.run_time,
        Duration::from_millis(60),
        "slept off once, at the end"
    );
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    let times = answer["result"]["result_time"].as_array().unwrap();
    let read = |key: &str| {
        times
            .iter()
            .map(|time| time[key].as_f64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(read("operating"), [0.02, 0.04, 0.02]);
    assert_eq!(
        read("start"),
        [1_762_160_400.25, 1_762_160_400.27, 1_762_160_400.29]
    );
    assert_eq!(times[0]["operating_reset_at"], json!(1_762_161_000));
    assert_eq!(times[0]["date_start"], json!("2025-11-03T12:00:00+03:00"));
    assert_eq!(
        answer["time"]["operating"],
        json!(0),
        "the batch itself is not counted"
    );
    assert_eq!(answer["time"]["duration"], json!(0.06));
}

#[tokio::test(start_paused = true)]
async fn over_its_operating_limit_a_method_is_refused_while_others_go_on_and_comes_back_in_time() {
    let options = PortalOptions {
        page_time: Duration::from_millis(400),
        operating_limit_seconds: Some(1.0),
        ..options()
    };
    let desk = desk(&options);
    let answer = good(
        &desk,
        "batch",
        &json!({"cmd": ["profile", "profile", "profile", "profile", "scope"]}),
    );
    let refused = &answer["result"]["result_error"]["3"];
    assert_eq!(
        refused["error"],
        json!("OPERATION_TIME_LIMIT"),
        "the third call crossed the limit"
    );
    assert!(answer["result"]["result"]["2"].is_object() && answer["result"]["result"]["4"].is_array());
    assert_eq!(ask(&desk, "profile", &json!({})).0, 429);
    let reset_at = answer["result"]["result_time"]["2"]["operating_reset_at"]
        .as_f64()
        .unwrap();
    tokio::time::advance(Duration::from_secs_f64(reset_at - 1_762_160_400.25 - 0.5)).await;
    assert_eq!(ask(&desk, "profile", &json!({})).0, 429);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(ask(&desk, "profile", &json!({})).0, 200);
    assert_eq!(desk.counters.snapshot().refused, 3);
}

#[tokio::test(start_paused = true)]
async fn a_user_without_rights_gets_less_and_no_word_about_it() {
    let full = desk(&options());
    let desk = desk(&PortalOptions {
        admin: false,
        ..options()
    });
    assert_eq!(good(&desk, "user.admin", &json!({}))["result"], json!(false));
    assert_eq!(
        good(&desk, "profile", &json!({}))["result"]["ADMIN"],
        json!(false)
    );
    for (method, params) in [
        ("crm.stagehistory.list", json!({"entityTypeId": 2})),
        ("crm.item.list", json!({"entityTypeId": 2})),
        ("crm.status.list", json!({})),
        ("crm.category.list", json!({"entityTypeId": 2})),
    ] {
        let total = |desk| good(desk, method, &params)["total"].as_u64().unwrap();
        assert!((1..total(&full)).contains(&total(&desk)), "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_counting_the_newer_methods_say_zero_and_the_older_nothing() {
    let desk = desk(&options());
    let list = |method: &str, start: i32| {
        let answer = good(&desk, method, &json!({"entityTypeId": 2, "start": start}));
        (answer["total"].clone(), answer["next"].clone())
    };
    assert_eq!(list("crm.stagehistory.list", -1), (json!(0), Value::Null));
    assert_eq!(list("crm.item.list", -1), (json!(0), Value::Null));
    assert_eq!(list("crm.deal.list", -1), (Value::Null, Value::Null));
    assert_eq!(list("crm.deal.list", 50).1, json!(100));
}
