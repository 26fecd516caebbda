//! The tables: what exists, what a migration would do, and whether they are true.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::super::desk::{Change, Desk, Visit};
use super::super::facts::{FindingFacts, PlanFacts, TableFacts, VerificationFacts, WorkState};
use super::super::format::{Noun, number, span};
use super::super::known;
use super::super::language::Language;
use super::super::layout::{Page, Place, ago, english, moment, token};
use super::super::respond::see_other;
use super::errors;
use super::overview::problem;

const COLUMN: Noun = Noun {
    en: ["column", "columns"],
    ru: ["столбец", "столбца", "столбцов"],
};
const INDEX: Noun = Noun {
    en: ["index", "indexes"],
    ru: ["индекс", "индекса", "индексов"],
};

/// `GET /tables`.
pub(crate) async fn show(State(desk): State<Arc<Desk>>, visit: Visit) -> Response {
    let tables = match desk.ask(&visit, desk.source.tables()).await {
        Ok(tables) => tables,
        Err(response) => return response,
    };
    let now = desk.source.now();
    let content = html! {
        div #tables .cards data-live {
            @for table in &tables { (card(&desk, &visit, now, table)) }
        }
    };
    Page::live(Place::Tables, content).respond(&desk, &visit)
}

fn card(desk: &Desk, visit: &Visit, now: DateTime<Utc>, table: &TableFacts) -> Markup {
    let l = visit.language;
    let id = format!("table-{}", table.name);
    html! {
        section .card .wide id=(id) aria-labelledby=(format!("{id}-title")) {
            h2 id=(format!("{id}-title")) { (known::exchange_title(l, &table.exchange)) }
            p { code .name { (table.name) } }
            dl .facts {
                div {
                    dt { (l.of("Rows", "Строк")) }
                    dd { @match table.rows { Some(rows) => (number(l, rows)), None => "–" } }
                }
                div {
                    dt { (l.of("In the database", "В базе данных")) }
                    dd {
                        @match table.exists {
                            Some(true) => {
                                (COLUMN.count(l, u64::try_from(table.columns).unwrap_or(0))) ", "
                                (INDEX.count(l, u64::try_from(table.indexes).unwrap_or(0)))
                            }
                            Some(false) => (l.of("not there yet", "таблицы ещё нет")),
                            None => (l.of("not known now", "сейчас неизвестно")),
                        }
                    }
                }
                div .whole {
                    dt { (l.of("A migration would do", "Миграция сделает")) }
                    dd { (plan_words(l, &table.plan)) }
                }
            }
            @if let Some(error) = &table.error { p .error { (english(error)) } }
            (plan(l, &table.plan, &table.notes))
            (verification(desk, visit, now, table))
        }
    }
}

fn plan_words(l: Language, plan: &PlanFacts) -> Markup {
    html! {
        @match plan {
            PlanFacts::Unknown => (l.of("not known now", "сейчас неизвестно")),
            PlanFacts::Nothing => (l.of("nothing: the table is as it should be", "ничего: таблица такая, как нужно")),
            PlanFacts::Steps { steps, .. } => { (l.of("steps: ", "шагов: ")) (steps.len()) }
            PlanFacts::Clash(_) => (l.of("nothing: the table cannot be used as it is", "ничего: таблицу нельзя использовать как есть")),
        }
    }
}

fn plan(l: Language, plan: &PlanFacts, notes: &[String]) -> Markup {
    html! {
        @match plan {
            PlanFacts::Steps { steps, statements } => {
                details {
                    summary { (l.of("The steps and their SQL", "Шаги и их SQL")) }
                    ol { @for step in steps { li { (english(step)) } } }
                    pre tabindex="0" { code { @for statement in statements { (statement) "\n" } } }
                    p .muted {
                        (l.of("Work that needs the table does this by itself; so does ", "Работа, которой нужна таблица, сделает это сама; также "))
                        code { "stage-exchange migrate" } "."
                    }
                }
            }
            PlanFacts::Clash(why) => p .error { (english(why)) },
            _ => {}
        }
        @if !notes.is_empty() {
            details {
                summary { (l.of("Differences that are accepted", "Допустимые отличия")) }
                ul { @for note in notes { li { (english(note)) } } }
            }
        }
    }
}

fn verification(desk: &Desk, visit: &Visit, now: DateTime<Utc>, table: &TableFacts) -> Markup {
    let l = visit.language;
    let work = table.verifying.as_ref();
    let under_way = work.filter(|work| matches!(work.state, WorkState::Running | WorkState::Waiting));
    html! {
        h3 { (l.of("Verification", "Сверка с порталом")) }
        @match table.verifications.first() {
            None => p { (l.of("Never compared with the portal from here.", "Отсюда с порталом ещё не сверяли.")) },
            Some(last) => (result(desk, l, now, last)),
        }
        @if let Some(work) = under_way {
            p .busy role="status" {
                (l.of("Comparing now", "Идёт сверка"))
                @if let Some(progress) = work.progress.as_ref().filter(|progress| progress.done > 0) {
                    (l.of("; rows so far: ", "; прочитано строк: ")) (number(l, progress.done))
                }
                "."
            }
        }
        @if let Some(work) = work { (problem(desk, l, now, work)) }
        form method="post" action=(format!("/tables/{}/verify", table.exchange)) {
            (token(visit))
            button type="submit" disabled[under_way.is_some()]
                aria-label=(format!("{}: {}", l.of("Compare with the portal", "Сверить с порталом"), table.name)) {
                (l.of("Compare with the portal", "Сверить с порталом"))
            }
        }
        @if table.verifications.len() > 1 {
            details {
                summary { (l.of("Earlier verifications", "Предыдущие сверки")) }
                ul .plain {
                    @for earlier in table.verifications.iter().skip(1) {
                        li {
                            (moment(desk, l, earlier.at)) " · " (verdict(l, earlier))
                            " · " (l.of("portal ", "портал ")) (number(l, earlier.portal))
                            ", " (l.of("table ", "таблица ")) (number(l, earlier.stored))
                        }
                    }
                }
            }
        }
    }
}

fn verdict(l: Language, result: &VerificationFacts) -> Markup {
    html! {
        @if result.is_true { span .badge .good { (l.of("true", "верна")) } }
        @else { span .badge .bad { (l.of("not true", "не верна")) } }
    }
}

fn result(desk: &Desk, l: Language, now: DateTime<Utc>, result: &VerificationFacts) -> Markup {
    html! {
        p {
            (verdict(l, result)) " "
            (ago(desk, l, now, result.at))
            (l.of(", took ", ", длилась ")) (span(l, result.took.max(std::time::Duration::from_secs(1)))) ": "
            (l.of("the portal has ", "в портале ")) (number(l, result.portal))
            (l.of(" rows, the table ", " строк, в таблице ")) (number(l, result.stored)) "."
        }
        @let findings = [
            (&result.missing, l.of("missing in the table", "нет в таблице")),
            (&result.different, l.of("different", "отличаются")),
            (&result.extra, l.of("not in the portal though they look so", "нет в портале, хотя выглядят живыми")),
            (&result.kept, l.of("kept though they vanished from the portal, as they must be", "сохранены, хотя исчезли из портала, как и должно быть")),
        ];
        @if findings.iter().any(|(finding, _)| finding.count > 0) {
            ul .plain {
                @for (finding, words) in findings {
                    @if finding.count > 0 { li { (number(l, finding.count)) " " (words) (examples(l, finding)) } }
                }
            }
        }
    }
}

fn examples(l: Language, finding: &FindingFacts) -> Markup {
    html! {
        @if !finding.examples.is_empty() {
            (l.of(", such as EXTERNAL_ID ", ", например EXTERNAL_ID "))
            @for (place, id) in finding.examples.iter().take(5).enumerate() {
                @if place > 0 { ", " }
                (id)
            }
        }
        @if !finding.columns.is_empty() { (l.of(" in ", " в ")) (finding.columns.join(", ")) }
    }
}

/// `POST /tables/{exchange}/verify`.
pub(crate) async fn verify(
    State(desk): State<Arc<Desk>>,
    Path(exchange): Path<String>,
    Change { visit, .. }: Change,
) -> Response {
    match desk.steering.start_verification(&exchange).await {
        Ok(()) => see_other("/tables?said=verifying", Vec::new()),
        Err(why) => errors::not_changed(&desk, &visit, why),
    }
}
