//! What happens to a record, by itself.

use super::*;
use serde_json::json;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
}

fn waiting() -> AgentRecord {
    added(
        ("a".into(), "k".into()),
        Priority::Normal,
        json!(1),
        at(100),
        at(0),
    )
}

fn running() -> AgentRecord {
    let mut record = waiting();
    claimed(&mut record, "me".into(), 7, at(700), at(100));
    record
}

fn failure(kind: FailedAs, retry_after: Option<Duration>) -> Ended {
    Ended::Failed {
        error: "no".into(),
        kind,
        retry_after,
        retry: Retry {
            backoff: Backoff::default(),
            park_after: 3,
            jitter: 0.0,
        },
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn queueing_what_waits_brings_it_forward_and_never_back() {
    let mut record = waiting();
    assert_eq!(queue(&mut record, None, at(200), at(1)), Queued::Merged);
    assert_eq!((record.due_at, &record.input), (at(100), &json!(1)));
    assert_eq!(queue(&mut record, Some(json!(2)), at(50), at(2)), Queued::Merged);
    assert_eq!((record.due_at, &record.input), (at(50), &json!(2)));
}

#[test]
fn queueing_what_has_just_failed_does_not_undercut_the_pause_that_was_asked_for() {
    let mut told = running();
    finish(&mut told, failure(FailedAs::Passing, Some(60 * SECOND)), at(101));
    queue(&mut told, None, at(102), at(102));
    assert_eq!(told.due_at, at(161));

    let mut guessed = running();
    guessed.attempts = 8;
    finish(&mut guessed, failure(FailedAs::Passing, None), at(101));
    assert_eq!(guessed.due_at, at(101 + 128));
    queue(&mut guessed, None, at(101), at(101));
    assert_eq!(
        guessed.due_at,
        at(102),
        "a growing delay is only a guess: a second is enough"
    );
}

#[test]
fn queueing_what_runs_is_like_queueing_it_when_it_has_ended() {
    for (input, ended) in [
        (None, Ended::Done),
        (Some(json!(9)), Ended::Done),
        (None, Ended::Again { after: 60 * SECOND }),
        (
            Some(json!(9)),
            Ended::Next {
                input: json!(3),
                after: 60 * SECOND,
            },
        ),
        (None, failure(FailedAs::Permanent, None)),
        (Some(json!(9)), failure(FailedAs::Passing, Some(60 * SECOND))),
        (None, Ended::Interrupted),
    ] {
        let mut early = running();
        assert_eq!(
            queue(&mut early, input.clone(), at(105), at(105)),
            Queued::RunAgain
        );
        assert_eq!(early.state, AgentState::Running);
        finish(&mut early, ended.clone(), at(110));

        let mut late = running();
        finish(&mut late, ended, at(110));
        queue(&mut late, input, at(105), at(110));
        assert_eq!(early, late);
    }
}

#[test]
fn several_queueings_of_what_runs_become_one_run_with_the_last_input() {
    let mut record = running();
    queue(&mut record, Some(json!("x")), at(130), at(101));
    queue(&mut record, None, at(120), at(102));
    queue(&mut record, Some(json!("y")), at(140), at(103));
    finish(&mut record, Ended::Done, at(110));
    assert_eq!((record.due_at, &record.input), (at(120), &json!("y")));
    assert!(!record.run_again && record.run_again_at.is_none() && record.run_again_input.is_none());
}

#[test]
fn what_was_done_starts_anew_without_its_old_input() {
    let mut record = running();
    finish(&mut record, Ended::Done, at(110));
    assert_eq!(record.state, AgentState::Done);
    assert_eq!(queue(&mut record, None, at(120), at(120)), Queued::Anew);
    assert_eq!(
        (record.state, &record.input, record.attempts),
        (AgentState::Waiting, &Value::Null, 0)
    );
}

#[test]
fn only_failures_that_do_not_pass_lead_to_parking() {
    let mut record = running();
    for round in 0..50 {
        finish(&mut record, failure(FailedAs::Passing, None), at(110 + round));
        assert_eq!(record.state, AgentState::Waiting);
        claimed(&mut record, "me".into(), 8 + round, at(700), at(110));
    }
    for expected in [AgentState::Waiting, AgentState::Waiting, AgentState::Parked] {
        finish(&mut record, failure(FailedAs::Permanent, None), at(200));
        assert_eq!(record.state, expected);
        if expected == AgentState::Waiting {
            claimed(&mut record, "me".into(), 90, at(700), at(200));
        }
    }
    assert_eq!(
        (&record.input, record.last_error.as_deref()),
        (&json!(1), Some("no"))
    );
}

#[test]
fn a_parked_record_starts_anew_with_its_input() {
    let parked = || {
        let mut record = running();
        record.permanent_failures = 2;
        finish(&mut record, failure(FailedAs::Panicked, None), at(110));
        assert_eq!(record.state, AgentState::Parked);
        record
    };
    let mut queued = parked();
    assert_eq!(queue(&mut queued, None, at(120), at(120)), Queued::Unparked);
    let mut resumed = parked();
    assert!(unpark(&mut resumed, at(120)));
    let mut run = parked();
    assert!(run_now(&mut run, at(120)));
    for record in [queued, resumed, run] {
        assert_eq!((record.state, record.due_at), (AgentState::Waiting, at(120)));
        assert_eq!((record.attempts, record.permanent_failures), (0, 0));
        assert_eq!(
            (&record.input, record.last_error.as_deref()),
            (&json!(1), Some("no"))
        );
    }
}

#[test]
fn progress_makes_the_tries_count_anew() {
    let mut record = running();
    record.attempts = 4;
    record.permanent_failures = 2;
    checkpoint(&mut record, Some(json!(1)), None, at(101));
    assert_eq!(
        (record.attempts, record.permanent_failures),
        (4, 2),
        "the same input is no progress"
    );
    checkpoint(&mut record, Some(json!(2)), None, at(102));
    assert_eq!((record.attempts, record.permanent_failures), (1, 0));
}

#[test]
fn a_crash_counts_its_try_and_only_repeated_ones_wait() {
    let mut record = running();
    crashed(&mut record, Backoff::default(), at(300));
    assert_eq!(
        (record.state, record.due_at, record.attempts),
        (AgentState::Waiting, at(300), 1)
    );
    assert_eq!(record.last_error_kind, Some(FailedAs::Crashed));
    for (round, wait) in [1, 2, 4].into_iter().enumerate() {
        claimed(&mut record, "me".into(), 10 + round as i64, at(900), at(300));
        crashed(&mut record, Backoff::default(), at(300));
        assert_eq!(record.due_at, at(300 + wait));
    }
    for round in 0..100 {
        claimed(&mut record, "me".into(), 20 + round, at(900), at(300));
        crashed(&mut record, Backoff::default(), at(300));
    }
    assert_eq!(record.state, AgentState::Waiting, "a crash never parks");
    assert_eq!(record.due_at, at(600));
}

#[test]
fn a_stop_is_not_the_agents_fault() {
    let mut record = running();
    assert_eq!(
        finish(&mut record, Ended::Interrupted, at(110)),
        RunEnding::Interrupted
    );
    assert_eq!(
        (record.attempts, record.last_error.as_deref(), record.due_at),
        (0, None, at(110))
    );
}

#[test]
fn running_now_ignores_the_delay_but_leaves_done_keys_alone() {
    let mut record = running();
    finish(
        &mut record,
        failure(FailedAs::Passing, Some(600 * SECOND)),
        at(110),
    );
    assert!(run_now(&mut record, at(111)));
    assert_eq!(record.due_at, at(111));

    let mut keyed = running();
    finish(&mut keyed, Ended::Done, at(110));
    assert!(!run_now(&mut keyed, at(111)));
    keyed.key = String::new();
    assert!(run_now(&mut keyed, at(111)));
    assert_eq!(keyed.state, AgentState::Waiting);
}

#[test]
fn a_new_interval_counts_from_the_last_turn_and_leaves_work_alone() {
    let between = || {
        let mut record = running();
        record.interval = Some(300 * SECOND);
        finish(&mut record, Ended::Done, at(110));
        assert_eq!((record.state, record.due_at), (AgentState::Waiting, at(410)));
        record
    };
    let mut shorter = between();
    scheduled(&mut shorter, Some(60 * SECOND), at(120));
    assert_eq!(shorter.due_at, at(170));
    let mut longer = between();
    scheduled(&mut longer, Some(900 * SECOND), at(120));
    assert_eq!(longer.due_at, at(1_010));
    let mut same = between();
    let before = same.clone();
    scheduled(&mut same, Some(300 * SECOND), at(120));
    assert_eq!(same, before);
    let mut none = between();
    scheduled(&mut none, None, at(120));
    assert_eq!(none.state, AgentState::Done);
    scheduled(&mut none, Some(60 * SECOND), at(120));
    assert_eq!((none.state, none.due_at), (AgentState::Waiting, at(170)));

    let mut failing = between();
    claimed(&mut failing, "me".into(), 9, at(999), at(410));
    finish(
        &mut failing,
        failure(FailedAs::Passing, Some(600 * SECOND)),
        at(411),
    );
    scheduled(&mut failing, Some(60 * SECOND), at(420));
    assert_eq!(failing.due_at, at(1_011));
}

#[test]
fn a_clock_that_steps_back_moves_waits_with_it() {
    let mut record = waiting();
    let hour = 3_600;
    assert!(!mend_future(&mut record, at(0)));
    assert!(!mend_future(&mut record, at(-1)), "a small step is not worth it");
    assert!(mend_future(&mut record, at(-hour)));
    assert_eq!((record.due_at, record.updated_at), (at(100 - hour), at(-hour)));
    assert!(!mend_future(&mut record, at(-hour)));
}

#[test]
fn whatever_writes_a_record_first_after_the_clock_has_stepped_back_moves_its_times_along() {
    let hour = 3600;
    let mut failed = running();
    finish(
        &mut failed,
        failure(FailedAs::Passing, Some(60 * SECOND)),
        at(101),
    );
    queue(&mut failed, None, at(-hour), at(-hour));
    assert_eq!(failed.due_at, at(60 - hour), "the pause is still a minute");

    // Queued while it ran, before the step; the lease is renewed after it.
    let mut busy = running();
    queue(&mut busy, None, at(130), at(110));
    renewed(&mut busy, at(700 - hour), at(120 - hour));
    finish(&mut busy, Ended::Done, at(121 - hour));
    assert_eq!((busy.state, busy.due_at), (AgentState::Waiting, at(140 - hour)));
}

#[test]
fn a_long_error_is_cut_between_characters() {
    let long = "ошибка😀".repeat(1_000);
    let mut record = running();
    let mut ended = failure(FailedAs::Passing, None);
    if let Ended::Failed { error, .. } = &mut ended {
        error.clone_from(&long);
    }
    finish(&mut record, ended, at(110));
    let kept = record.last_error.unwrap();
    assert_eq!(kept.chars().count(), MAX_ERROR_CHARS);
    assert!(kept.ends_with('…') && long.starts_with(kept.trim_end_matches('…')));
    assert_eq!(bounded("short"), "short");
}
