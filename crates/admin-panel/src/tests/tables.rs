//! What the page of tables says of verifications and views, in both languages.

use std::time::Duration;

use super::panel::{Program, now, serve};
use crate::panel::PanelOptions;
use crate::panel::facts::*;

fn table(verification: VerificationFacts) -> TableFacts {
    TableFacts {
        name: "MOVES".to_owned(),
        exchange: "history".to_owned(),
        exists: Some(true),
        rows: Some(9),
        columns: 3,
        indexes: 1,
        plan: PlanFacts::Nothing,
        notes: Vec::new(),
        error: None,
        verifications: vec![verification],
        verifying: None,
    }
}

fn verified() -> VerificationFacts {
    VerificationFacts {
        at: now(),
        took: Duration::from_secs(2),
        by: "panel".to_owned(),
        portal: 9,
        stored: 9,
        ..VerificationFacts::default()
    }
}

fn found(count: u64, example: i64) -> FindingFacts {
    FindingFacts {
        count,
        examples: vec![example],
        columns: Vec::new(),
    }
}

/// The page in English and in Russian, as a reader sees its words.
async fn pages(database: Database) -> [String; 2] {
    let served = serve(Program::with(database), PanelOptions::default()).await;
    let mut pages = Vec::new();
    for language in ["en", "ru"] {
        let accept = format!("Accept-Language: {language}");
        let answer = served.ask("GET /tables", &[&accept], "").await;
        assert_eq!(answer.status, 200);
        let (_, content) = answer.body.split_once("<main").expect("a page");
        let words: Vec<&str> = content
            .split('<')
            .filter_map(|part| part.split_once('>'))
            .map(|(_, text)| text)
            .collect();
        pages.push(words.concat().replace('\u{a0}', " "));
    }
    pages.try_into().expect("two languages")
}

async fn shown(verification: VerificationFacts) -> [String; 2] {
    let tables = vec![table(verification)];
    pages(Database {
        tables,
        views: Vec::new(),
    })
    .await
}

#[track_caller]
fn says(pages: &[String; 2], english: &str, russian: &str) {
    assert!(pages[0].contains(english), "{english:?} in {}", pages[0]);
    assert!(pages[1].contains(russian), "{russian:?} in {}", pages[1]);
}

#[track_caller]
fn is_silent_of(pages: &[String; 2], english: &str, russian: &str) {
    assert!(!pages[0].contains(english), "{english:?} in {}", pages[0]);
    assert!(!pages[1].contains(russian), "{russian:?} in {}", pages[1]);
}

#[tokio::test]
async fn a_true_table_is_called_so_and_nothing_else_is_said() {
    let pages = shown(verified()).await;
    says(&pages, "true", "верна");
    is_silent_of(&pages, "not true", "не верна");
    is_silent_of(&pages, "EXTERNAL_ID", "EXTERNAL_ID");
    is_silent_of(&pages, "end", "до конца");
    is_silent_of(&pages, "command line", "командная строка");
}

#[tokio::test]
async fn rows_that_are_there_twice_make_a_table_untrue_and_say_what_to_do() {
    let pages = shown(VerificationFacts {
        duplicate: found(4, 77),
        ..verified()
    })
    .await;
    says(&pages, "not true", "не верна");
    says(
        &pages,
        "another row has the same EXTERNAL_ID: 4, such as EXTERNAL_ID 77",
        "уже есть строка с тем же EXTERNAL_ID: 4, например EXTERNAL_ID 77",
    );
    says(&pages, "migrate --merge-duplicates", "migrate --merge-duplicates");
    is_silent_of(&pages, "--repair", "--repair");
}

#[tokio::test]
async fn every_kind_of_row_is_counted_with_what_to_do_about_it() {
    let pages = shown(VerificationFacts {
        missing: found(1, 11),
        different: found(2, 12),
        extra: found(3, 13),
        kept: found(5, 15),
        by: "command line".to_owned(),
        ..verified()
    })
    .await;
    says(
        &pages,
        "Missing in the table: 1, such as EXTERNAL_ID 11",
        "Нет в таблице: 1, например EXTERNAL_ID 11",
    );
    says(&pages, "Different: 2, such", "Отличаются: 2, например");
    says(&pages, "cannot have had them: 3", "в портале их быть не могло: 3");
    says(&pages, "as they must be: 5", "как и должно быть: 5");
    says(&pages, "verify --repair", "verify --repair");
    says(
        &pages,
        "This program deletes no row",
        "Программа не удаляет строк",
    );
    says(&pages, "(command line)", "(командная строка)");
    let kept = shown(VerificationFacts {
        kept: found(5, 15),
        ..verified()
    })
    .await;
    is_silent_of(&kept, "not true", "не верна");
}

#[tokio::test]
async fn a_comparison_that_did_not_reach_its_end_is_not_called_true() {
    let pages = shown(VerificationFacts {
        unfinished: Some("the portal <b>went away</b>".to_owned()),
        ..verified()
    })
    .await;
    says(&pages, "not finished", "не закончена");
    says(&pages, "It did not reach its end", "Сверка не дошла до конца");
    says(
        &pages,
        "&lt;b&gt;went away&lt;/b&gt;",
        "&lt;b&gt;went away&lt;/b&gt;",
    );
    let wrong = shown(VerificationFacts {
        unfinished: Some("stopped".to_owned()),
        missing: found(1, 1),
        ..verified()
    })
    .await;
    says(&wrong, "not true", "не верна");
    says(&wrong, "It did not reach its end", "Сверка не дошла до конца");
}

#[tokio::test]
async fn a_part_and_what_was_mended_are_named() {
    let since: chrono::NaiveDateTime = "2024-05-01T09:30:00".parse().unwrap();
    let pages = shown(VerificationFacts {
        part: Some(PartFacts {
            since: Some(since),
            pipelines: vec![3, 5],
            sample: Some(SampleFacts::Share(0.05)),
        }),
        mended: Some(MendedFacts {
            inserted: 6,
            changed: 7,
            deactivated: 8,
            refused: 1,
        }),
        ..verified()
    })
    .await;
    says(&pages, "true in part", "верна в этой части");
    says(
        &pages,
        "moves since 2024-05-01 09:30; pipelines 3, 5; a sample of 5.0 %.",
        "переходы с 01.05.2024 09:30; воронки 3, 5; выборка 5,0 %.",
    );
    says(
        &pages,
        "missing rows written 6, different ones 7, made inactive 8, could not be written 1.",
        "добавлено строк 6, изменено 7, сделано неактивными 8, не удалось записать 1.",
    );
}

#[tokio::test]
async fn views_are_listed_with_what_a_migration_would_do() {
    let steps = |step: &str| PlanFacts::Steps {
        steps: vec![step.to_owned()],
        statements: vec!["CREATE VIEW SUMS".to_owned()],
    };
    for (state, plan, english, russian) in [
        (
            ViewState::Missing,
            steps("make the view"),
            ["not there yet", "make the view"],
            ["его ещё нет", "создаст представление"],
        ),
        (
            ViewState::Old,
            steps("make the view anew"),
            ["of an older definition", "make the view anew"],
            ["определение устарело", "создаст представление заново"],
        ),
        (
            ViewState::Current,
            PlanFacts::Nothing,
            ["there", "nothing: the view is as it should be"],
            ["есть", "ничего: представление такое, как нужно"],
        ),
        (
            ViewState::Hidden,
            PlanFacts::Nothing,
            ["cannot be seen", "whoever made it looks after it"],
            ["нет права видеть", "о нём заботится тот"],
        ),
        (
            ViewState::Foreign,
            PlanFacts::Clash("a table has this name already".to_owned()),
            ["something else has its name", "a table has this name already"],
            ["занято чем-то другим", "a table has this name already"],
        ),
        (
            ViewState::Unknown,
            PlanFacts::Unknown,
            ["not known now", "not known now"],
            ["сейчас неизвестно", "сейчас неизвестно"],
        ),
    ] {
        let view = ViewFacts {
            name: "SUMS".to_owned(),
            state,
            plan: plan.clone(),
            error: None,
        };
        let pages = pages(Database {
            tables: Vec::new(),
            views: vec![view],
        })
        .await;
        says(&pages, "SUMS", "SUMS");
        for (english, russian) in english.into_iter().zip(russian) {
            says(&pages, english, russian);
        }
        let has_steps = matches!(plan, PlanFacts::Steps { .. });
        assert_eq!(pages[0].contains("CREATE VIEW SUMS"), has_steps, "{state:?}");
    }
}
