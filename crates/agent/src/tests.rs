//! What the contract promises by itself.

use super::*;
use serde_json::json;

#[test]
fn a_report_names_every_cause_once() {
    let io = std::io::Error::other("disk is full");
    let failure = Failure::passing("the state is not writable").with_source(CheckpointError::new(io));
    assert_eq!(failure.to_string(), "the state is not writable");
    assert_eq!(
        failure.report(),
        "the state is not writable: cannot save the agent's progress: disk is full"
    );
}

#[test]
fn an_input_of_another_shape_is_a_permanent_failure_that_names_the_agent() {
    let activation = Activation::detached("history.upload", "", json!({"cursor": "x"}));
    let failure = activation.input::<Vec<u32>>().unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Permanent);
    assert!(failure.to_string().contains("history.upload"));
}

#[test]
fn no_input_is_none() {
    let activation = Activation::detached("a", "", serde_json::Value::Null);
    assert_eq!(activation.input::<u32>().unwrap(), None);
}

#[test]
fn urgent_goes_before_background() {
    assert!(Priority::Urgent > Priority::Normal && Priority::Normal > Priority::Background);
}
