//! How exchanges stand, and the sentences for it.

use chrono::TimeDelta;

use super::*;
use crate::panel::facts::{ErrorFacts, ErrorNature, SwitchFacts, SwitchForm};

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

fn work(state: WorkState) -> WorkFacts {
    WorkFacts {
        agent: "history.upload".to_owned(),
        key: String::new(),
        state,
        due_at: now(),
        attempts: 0,
        started_at: None,
        finished_at: None,
        succeeded_at: Some(now() - TimeDelta::seconds(90)),
        error: None,
        progress: None,
        interval: None,
    }
}

/// Moves that are all in, the newest 4 s old.
fn in_order(rows: u64) -> ExchangeFacts {
    ExchangeFacts {
        name: "history".to_owned(),
        exists: Some(true),
        rows: Some(rows),
        newest: Some(now() - TimeDelta::seconds(4)),
        upload: Some(work(WorkState::Done)),
        look: Some(work(WorkState::Waiting)),
        switches: Vec::new(),
        failing: Vec::new(),
        verified: None,
    }
}

fn with_switch(mut facts: ExchangeFacts, key: &str, value: &str) -> ExchangeFacts {
    facts.switches.push(SwitchFacts {
        key: key.to_owned(),
        exchange: facts.name.clone(),
        form: SwitchForm::OnOff,
        value: value.to_owned(),
        default: String::new(),
        set_at: None,
        about: String::new(),
    });
    facts
}

#[track_caller]
fn says(facts: &ExchangeFacts, en: &str, ru: &str) {
    let standing = judge(facts);
    let told = |l| standing.sentence(l, facts, now()).replace('\u{a0}', " ");
    assert_eq!(told(Language::En), en);
    assert_eq!(told(Language::Ru), ru);
}

#[test]
fn what_is_all_in_is_told_with_its_number_and_the_age_of_the_newest() {
    says(
        &in_order(128_402),
        "All 128,402 moves are in; the newest is 4 seconds old.",
        "Всё на месте: 128 402 перехода; самому новому 4 секунды.",
    );
    says(
        &in_order(1),
        "The only move is in; the newest is 4 seconds old.",
        "Всё на месте: 1 переход; самому новому 4 секунды.",
    );
    let stages = ExchangeFacts {
        name: "stage-list".to_owned(),
        newest: None,
        ..in_order(11)
    };
    says(&stages, "All 11 stages are in.", "Всё на месте: 11 стадий.");
    let others = ExchangeFacts {
        name: "leads".to_owned(),
        ..stages
    };
    says(&others, "All 11 rows are in.", "Всё на месте: 11 строк.");
}

#[test]
fn an_upload_tells_how_far_it_is_and_how_long_it_takes() {
    let mut facts = in_order(0);
    let progress = Progress::new(12_000, Some(60_000), "rows").with_rate(Some(800.0));
    facts.upload = Some(WorkFacts {
        progress: Some(progress.clone()),
        ..work(WorkState::Running)
    });
    says(
        &facts,
        "The upload is under way: 12,000 of about 60,000 moves.",
        "Идёт загрузка: 12 000 из примерно 60 000 переходов.",
    );
    assert_eq!(time_left(&progress), Some(Duration::from_secs(60)));
    assert_eq!(time_left(&progress.clone().with_rate(Some(0.0))), None);
    assert_eq!(time_left(&progress.with_rate(Some(f64::NAN))), None);
    says(
        &with_switch(facts.clone(), "uploader.paused", "on"),
        "The upload is on hold; 12,000 moves are in.",
        "Загрузка приостановлена; уже есть 12 000 переходов.",
    );
    facts.upload = Some(work(WorkState::Waiting));
    assert_eq!(judge(&facts).tone(), Tone::Busy);
}

#[test]
fn a_table_is_called_true_only_while_somebody_keeps_it_so() {
    let parked = ExchangeFacts {
        failing: vec![work(WorkState::Parked)],
        ..in_order(5)
    };
    assert_eq!(judge(&parked), Standing::Stuck);
    assert_eq!(
        judge(&with_switch(in_order(5), "actualizer.enabled", "off")),
        Standing::Off
    );
    assert_eq!(
        judge(&with_switch(in_order(5), "actualizer.enabled", "on")),
        Standing::True
    );
    let paused = ExchangeFacts {
        look: Some(work(WorkState::Paused)),
        ..in_order(5)
    };
    assert_eq!(judge(&paused), Standing::Off);
    let failing = ExchangeFacts {
        look: Some(WorkFacts {
            error: Some(ErrorFacts {
                text: "away".to_owned(),
                nature: ErrorNature::Passing,
                at: None,
            }),
            ..work(WorkState::Waiting)
        }),
        ..in_order(5)
    };
    says(
        &failing,
        "The table may be behind: the last look that worked was 1 minute 30 seconds ago.",
        "Таблица может отставать: последняя удачная проверка была 1 минуту 30 секунд назад.",
    );
    assert_eq!(lag(&failing, now()), Some(Duration::from_secs(90)));
}

#[test]
fn nothing_is_in_before_somebody_has_brought_it_over() {
    let never = ExchangeFacts {
        exists: Some(false),
        rows: None,
        newest: None,
        upload: None,
        ..in_order(0)
    };
    assert_eq!(judge(&never), Standing::NotStarted);
    // An agent that looks before the upload finds nothing to follow, and says so by telling no progress.
    let looked = ExchangeFacts {
        exists: Some(true),
        ..never.clone()
    };
    assert_eq!(judge(&looked), Standing::NotStarted);
    // One that brings all over by itself needs no upload.
    let by_itself = ExchangeFacts {
        look: Some(WorkFacts {
            progress: Some(Progress::new(29, Some(29), "stages")),
            ..work(WorkState::Waiting)
        }),
        ..looked
    };
    assert_eq!(judge(&by_itself), Standing::True);
    // A table that somebody has dropped is not true, whatever was done once.
    let dropped = ExchangeFacts {
        exists: Some(false),
        ..in_order(0)
    };
    assert_eq!(judge(&dropped), Standing::NotStarted);
}
