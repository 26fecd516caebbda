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
    let stages = result_of(
        "crm.status.list",
        &data("spec_crm.status.list.json"),
        stages::read_statuses,
    )
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
        (second.name_init.as_str(), second.color.as_deref()),
        ("", Some("#2FC6F6"))
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
fn a_recorded_batch_is_read_and_a_field_it_lacks_is_named() {
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
        // The recorded call did not ask for CATEGORY_ID.
        let error = history::read_records(part.result).expect_err("a field is missing");
        assert!(
            error.to_string().contains(
                "crm.stagehistory.list failed: history record 10653: field CATEGORY_ID is missing or empty"
            ),
            "{error}"
        );
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
    let example = result_of(
        "crm.item.list",
        &data("spec_crm.item.list.json"),
        deals::read_deals,
    )
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
    let deal = result_of("crm.item.list", &body, deals::read_deals)
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
