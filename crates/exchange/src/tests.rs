//! What all exchanges share, by itself.

use std::time::Duration;

use agent::FailureKind;
use serde::Deserialize;
use serde_json::json;

use super::*;

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Section {
    #[serde(with = "duration")]
    interval: Duration,
}

#[test]
fn a_section_that_nobody_set_has_its_defaults() {
    assert_eq!(
        Settings::default().section::<Section>("polls").unwrap(),
        Section::default()
    );
}

#[test]
fn a_wrong_value_names_its_key_and_says_how_to_write_it() {
    for wrong in [json!("soon"), json!("0s"), json!(30), json!("")] {
        let settings = Settings::from_json(json!({ "polls": { "interval": wrong } }));
        let error = settings.section::<Section>("polls").unwrap_err();
        assert_eq!(error.key(), "polls.interval");
        assert!(error.to_string().contains("duration"), "{error}");
    }
}

#[test]
fn durations_are_written_as_people_do() {
    assert_eq!(duration::parse("30s"), Ok(Duration::from_secs(30)));
    assert_eq!(duration::parse("5m"), Ok(Duration::from_secs(300)));
    assert_eq!(duration::parse("24h"), Ok(Duration::from_secs(86_400)));
}

#[test]
fn an_environment_is_one_of_three_words() {
    assert_eq!("test".parse(), Ok(Environment::Test));
    let error = "STAGE".parse::<Environment>().unwrap_err();
    assert!(error.to_string().contains("PROD, TEST or DEV"));
}

#[test]
fn a_target_that_waits_for_its_operator_is_waited_for_without_end() {
    let full = store::Error::new(store::ErrorKind::Operator, "the disk is full");
    let failure = store_failure(full);
    assert!(matches!(
        failure.kind(),
        FailureKind::Passing { retry_after: Some(_) }
    ));
    assert_eq!(failure.report(), "the disk is full");
}

#[test]
fn data_that_cannot_be_written_are_a_permanent_failure() {
    let failure = store_failure(store::Error::new(store::ErrorKind::Data, "row 7: too long"));
    assert_eq!(failure.kind(), FailureKind::Permanent);
}

#[test]
fn a_finding_keeps_a_bounded_number_of_examples() {
    let mut finding = Finding::default();
    for key in 0..1000 {
        finding.add_columns(key, ["NAME"]);
    }
    assert_eq!(
        (finding.count, finding.examples.len(), finding.columns.len()),
        (1000, 20, 1)
    );
}
