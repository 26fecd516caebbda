//! Recorded answers and the examples of the vendor's specifications, read by the typed methods.

use std::path::PathBuf;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{deals, history, profile, stages};
use crate::answer::{BatchAnswer, open};
use crate::{TransportResponse, WebhookUrl};

/// A file of `tests/data/bitrix24`; specifications hold their example under `resultExample`.
fn data(name: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/data/bitrix24")
        .join(name);
    let text = std::fs::read_to_string(path).expect("the file is there");
    let mut value: Value = serde_json::from_str(&text).expect("JSON");
    if value.get("resultExample").is_some() {
        value["resultExample"].take()
    } else {
        value
    }
}

fn webhook() -> WebhookUrl {
    "https://portal.example/rest/1/s3cr3t/".parse().expect("valid")
}

/// The result in an answer, as `read` sees it.
fn result_of<T>(method: &str, body: &Value, read: impl Fn(&RawValue) -> T) -> T {
    let response = TransportResponse::new(200, body.to_string());
    let answer = open(method, &response, &webhook()).expect("a good answer");
    read(answer.result)
}

#[test]
fn the_pipelines_of_a_real_portal_are_read() {
    let categories = result_of(
        "crm.category.list",
        &data("recorded_crm_category_list.json"),
        stages::read_categories,
    );
    let categories = categories.expect("pipelines");
    assert_eq!(
        (categories[0].id, categories[0].is_default, categories[0].sort),
        (0, true, 100)
    );
    assert_eq!(
        (categories[1].name.as_str(), categories[1].is_default),
        ("Закупки", false)
    );
    let example = result_of(
        "crm.category.list",
        &data("spec_crm.category.list.json"),
        stages::read_categories,
    );
    assert_eq!(
        example
            .expect("pipelines")
            .iter()
            .map(|category| category.id)
            .collect::<Vec<_>>(),
        [9, 10, 11, 0]
    );
}

#[test]
fn the_stages_of_the_specification_are_read() {
    let stages = result_of("crm.status.list", &data("spec_crm.status.list.json"), |raw| {
        stages::read_statuses("DEAL_STAGE", raw)
    })
    .expect("stages");
    let semantics: Vec<Option<&str>> = stages.iter().map(|stage| stage.semantics.as_deref()).collect();
    assert_eq!(
        semantics,
        [None, None, None, None, None, Some("S"), Some("F"), Some("F")]
    );
    let (first, second) = (&stages[0], &stages[1]);
    assert_eq!(
        (first.id, first.sort, first.system, first.category_id),
        (101, 10, true, None)
    );
    assert_eq!(
        (first.entity_id.as_str(), first.status_id.as_str()),
        ("DEAL_STAGE", "NEW")
    );
    assert_eq!(
        (second.name_init.as_deref(), second.color.as_deref()),
        (Some(""), Some("#2FC6F6"))
    );
}

#[test]
fn the_history_of_the_specification_is_read() {
    let body = data("spec_crm.stagehistory.list.json");
    let records = result_of("crm.stagehistory.list", &body, history::read_records).expect("records");
    let record = &records[0];
    assert_eq!(
        (record.id, record.type_id, record.owner_id, record.category_id),
        (35, Some(1), 21, 0)
    );
    assert_eq!(record.created_time.to_rfc3339(), "2024-04-25T14:59:11+00:00");
    assert_eq!(
        (record.stage_semantic_id.as_deref(), record.stage_id.as_str()),
        (Some("P"), "NEW")
    );
}

#[test]
fn a_recorded_batch_is_read_though_it_lacks_the_pipeline() {
    let body = data("recorded_crm_stagehistory_list.json");
    result_of("batch", &body, |raw| {
        let batch = BatchAnswer::read(raw).expect("a batch");
        let part = batch
            .part("order0000000000", "crm.stagehistory.list", &webhook())
            .expect("a result");
        assert_eq!((part.total, part.next), (Some(9), None));
        assert_eq!(part.time.reset_in().expect("a reset").as_secs(), 599);
        let ids = history::read_ids(part.result).expect("IDs");
        assert_eq!(
            ids,
            [10653, 10665, 10765, 10973, 11035, 11151, 11505, 11911, 12045]
        );
        // The recorded call did not ask for CATEGORY_ID; the codes of its stages tell it.
        let records = history::read_records(part.result).expect("records");
        assert!(records.iter().all(|record| record.category_id == 0));
    });
}

#[test]
fn a_recorded_batch_with_errors_tells_them_apart() {
    let body = data("recorded_crm_get_batch_mix_success_and_errors.json");
    result_of("batch", &body, |raw| {
        let batch = BatchAnswer::read(raw).expect("a batch");
        let good = batch.part("35943", "crm.deal.get", &webhook()).expect("a result");
        assert_eq!(good.time.operating, Some(1.831_031_084_060_669));
        let bad = batch.part("1", "crm.deal.get", &webhook()).expect_err("an error");
        assert!(
            bad.to_string()
                .starts_with("crm.deal.get failed: the portal says \"Not found\""),
            "{bad}"
        );
    });
}

#[test]
fn deals_are_read_with_what_the_portal_gives() {
    let example = result_of("crm.item.list", &data("spec_crm.item.list.json"), |raw| {
        deals::read_deals(&[252, 253, 254, 255], raw)
    })
    .expect("items");
    assert_eq!(example[0].id, 253);
    assert_eq!(
        (example[0].assigned_by_id, example[0].stage_id.as_deref()),
        (Some(6), Some("NEW"))
    );
    assert_eq!((example[0].moved_by, example[0].close_date), (None, None));

    let body = json!({"result": {"items": [{"id": "7", "assignedById": "6", "createdBy": 1, "movedBy": "0",
        "movedTime": "2024-07-23T10:45:54+02:00", "createdTime": "", "begindate": "2024-07-01T00:00:00+03:00",
        "closedate": "2024-07-08", "stageId": "C3:NEW", "categoryId": "3"}]}});
    let deal = result_of("crm.item.list", &body, |raw| deals::read_deals(&[7], raw))
        .expect("a deal")
        .remove(0);
    assert_eq!(
        (deal.id, deal.created_by, deal.moved_by, deal.category_id),
        (7, Some(1), None, Some(3))
    );
    assert_eq!(
        deal.begin_date.map(|day| day.to_string()).as_deref(),
        Some("2024-07-01")
    );
    assert_eq!(
        deal.close_date.map(|day| day.to_string()).as_deref(),
        Some("2024-07-08")
    );
    assert!(deal.moved_time.is_some() && deal.created_time.is_none());
}

#[test]
fn a_profile_is_read_with_text_and_numbers() {
    for id in [json!("1"), json!(1)] {
        let body = json!({"result": {"ID": id, "ADMIN": true, "NAME": "Оля", "LAST_NAME": "", "PERSONAL_GENDER": ""}});
        let profile =
            result_of("profile", &body, |raw| profile::read_profile("profile", raw)).expect("a profile");
        assert_eq!(
            (profile.id, profile.admin, profile.name.as_deref()),
            (1, true, Some("Оля"))
        );
    }
}

/// A good row with one field replaced.
fn with(mut row: Value, field: &str, value: &Value) -> Value {
    row[field] = value.clone();
    row
}

fn record_with(field: &str, value: &Value) -> Result<history::HistoryRecord, crate::Error> {
    let row = json!({"ID": "1234", "TYPE_ID": "2", "OWNER_ID": "7", "CREATED_TIME": "2024-04-25T14:59:11+00:00",
        "CATEGORY_ID": "3", "STAGE_SEMANTIC_ID": "P", "STAGE_ID": "C3:NEW"});
    let body = json!({"result": {"items": [with(row, field, value)]}});
    result_of("crm.stagehistory.list", &body, history::read_records).map(|mut records| records.remove(0))
}

fn deal_with(field: &str, value: &Value) -> Result<deals::Deal, crate::Error> {
    let row = json!({"id": 7, "assignedById": 6, "createdTime": "2024-07-23T10:45:54+02:00", "begindate": "2024-07-01"});
    let body = json!({"result": {"items": [with(row, field, value)]}});
    result_of("crm.item.list", &body, |raw| deals::read_deals(&[7], raw)).map(|mut deals| deals.remove(0))
}

fn status_with(field: &str, value: &Value) -> Result<stages::Status, crate::Error> {
    let row = json!({"ID": "101", "ENTITY_ID": "DEAL_STAGE_3", "STATUS_ID": "C3:NEW", "NAME": "New", "NAME_INIT": "New",
        "SORT": "10", "SYSTEM": "Y", "CATEGORY_ID": "3", "COLOR": "#2FC6F6"});
    let body = json!({"result": [with(row, field, value)]});
    let read = |raw: &RawValue| stages::read_statuses("DEAL_STAGE_9", raw);
    result_of("crm.status.list", &body, read).map(|mut statuses| statuses.remove(0))
}

#[test]
fn a_pipeline_that_is_not_given_is_told_by_the_code_of_the_stage() {
    for nothing in [json!(null), json!(""), json!([])] {
        assert_eq!(
            record_with("CATEGORY_ID", &nothing)
                .expect("a record")
                .category_id,
            3
        );
    }
    for (stage, pipeline) in [
        ("C3:NEW", Some(3)),
        ("C17:UC_0A1B2C", Some(17)),
        ("NEW", Some(0)),
        ("UC_0A1B2C", Some(0)),
        ("CLOSED", Some(0)),
        ("C:NEW", None),
        ("C-3:NEW", None),
        ("DT130_3:NEW", None),
    ] {
        assert_eq!(history::pipeline_of_stage(stage), pipeline, "{stage}");
    }
}

#[test]
fn what_a_record_cannot_do_without_is_an_error_that_names_it() {
    for (field, value) in [
        ("OWNER_ID", json!(null)),
        ("OWNER_ID", json!("-1")),
        ("CREATED_TIME", json!("yesterday")),
        ("CREATED_TIME", json!("")),
        ("STAGE_ID", json!("")),
        ("CATEGORY_ID", json!("many")),
        ("CATEGORY_ID", json!(-3)),
    ] {
        let error = record_with(field, &value).expect_err(field);
        assert!(
            error
                .to_string()
                .contains(&format!("history record 1234: field {field} ")),
            "{error}"
        );
    }
    record_with("ID", &json!("")).expect_err("no ID");
}

#[test]
fn a_deal_is_not_refused_for_what_nobody_needs_but_for_a_day_that_is_none() {
    assert_eq!(
        deal_with("createdTime", &json!("yesterday"))
            .expect("a deal")
            .created_time,
        None
    );
    for (field, value) in [("begindate", json!("01.07.2024")), ("closedate", json!(5))] {
        let error = deal_with(field, &value).expect_err(field);
        assert!(
            error.to_string().contains(&format!("deal 7: field {field} ")),
            "{error}"
        );
    }
}

#[test]
fn a_status_is_not_refused_for_its_decoration() {
    for (value, sort) in [
        (json!(10.7), 10),
        (json!("10.7"), 10),
        (json!("-3.5"), -3),
        (json!("first"), 0),
        (json!([1]), 0),
        (json!(1e300), 0),
        (json!(null), 0),
    ] {
        assert_eq!(
            status_with("SORT", &value).expect("a status").sort,
            sort,
            "{value}"
        );
    }
    for odd in [json!(true), json!({"a": 1})] {
        assert_eq!(status_with("COLOR", &odd).expect("a status").color, None);
    }
    for odd in [json!(-1), json!("third"), json!(1.5), json!({"a": 1})] {
        assert_eq!(
            status_with("CATEGORY_ID", &odd).expect("a status").category_id,
            None,
            "{odd}"
        );
    }
    let error = status_with("STATUS_ID", &json!("")).expect_err("no code");
    assert!(
        error.to_string().contains("status 101: field STATUS_ID "),
        "{error}"
    );
}

#[test]
fn a_status_without_its_list_is_of_the_list_that_was_asked_for() {
    for nothing in [json!(null), json!("")] {
        assert_eq!(
            status_with("ENTITY_ID", &nothing).expect("a status").entity_id,
            "DEAL_STAGE_9"
        );
    }
    assert_eq!(
        status_with("NAME", &json!("New")).expect("a status").entity_id,
        "DEAL_STAGE_3"
    );
}

#[test]
fn a_name_that_is_not_given_is_told_apart_from_an_empty_one() {
    for (value, name) in [
        (json!("New"), Some("New")),
        (json!(""), Some("")),
        (json!(null), None),
    ] {
        assert_eq!(
            status_with("NAME_INIT", &value)
                .expect("a status")
                .name_init
                .as_deref(),
            name
        );
    }
}

#[test]
fn a_pipeline_is_not_refused_for_its_decoration() {
    let body =
        json!({"result": {"categories": [{"id": 3, "name": ["odd"], "sort": "2.5", "isDefault": "maybe"}]}});
    let pipelines = result_of("crm.category.list", &body, stages::read_categories).expect("a pipeline");
    assert_eq!(
        pipelines,
        [stages::Category {
            id: 3,
            name: String::new(),
            sort: 2,
            is_default: false
        }]
    );
}

#[test]
fn moves_since_a_moment_are_asked_for_in_whole_seconds_with_their_offset() {
    let query = crate::HistoryQuery {
        created_from: Some("2024-05-01T09:00:00.750+03:00".parse().expect("a moment")),
        categories: vec![3],
        ..crate::HistoryQuery::default()
    };
    let filter = &query.call().params["filter"];
    assert_eq!(
        *filter,
        json!({ ">=CREATED_TIME": "2024-05-01T06:00:00+00:00", "@CATEGORY_ID": [3] })
    );
}
