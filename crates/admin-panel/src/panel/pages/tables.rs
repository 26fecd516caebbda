//! The tables and the views beside them: what exists, what a migration would do, and whether the tables are true.

pub(super) mod verification;
mod views;

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::super::desk::{Change, Desk, Visit};
use super::super::facts::{PlanFacts, TableFacts};
use super::super::format::{Noun, number};
use super::super::known;
use super::super::language::Language;
use super::super::layout::{Page, Place, english};
use super::super::respond::see_other;
use super::errors;
use verification::verification;
use views::views;

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
    let database = match desk.ask(&visit, desk.source.database()).await {
        Ok(database) => database,
        Err(response) => return response,
    };
    let now = desk.source.now();
    let content = html! {
        div #tables .cards data-live {
            @for table in &database.tables { (card(&desk, &visit, now, table)) }
            (views(visit.language, &database.views))
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
            (steps(l, &table.plan, l.of(
                "Work that needs the table does this by itself; so does ",
                "Работа, которой нужна таблица, сделает это сама; также ",
            )))
            (accepted(l, &table.notes))
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

/// The steps of a migration with their SQL, or why there can be none. `done_by`: who else does it, in words.
fn steps(l: Language, plan: &PlanFacts, done_by: &str) -> Markup {
    html! {
        @match plan {
            PlanFacts::Steps { steps, statements } => {
                details {
                    summary { (l.of("The steps and their SQL", "Шаги и их SQL")) }
                    ol { @for step in steps { li { (english(step)) } } }
                    pre tabindex="0" { code { @for statement in statements { (statement) "\n" } } }
                    p .muted { (done_by) code { "stage-exchange migrate" } "." }
                }
            }
            PlanFacts::Clash(why) => p .error { (english(why)) },
            _ => {}
        }
    }
}

fn accepted(l: Language, notes: &[String]) -> Markup {
    html! {
        @if !notes.is_empty() {
            details {
                summary { (l.of("Differences that are accepted", "Допустимые отличия")) }
                ul { @for note in notes { li { (english(note)) } } }
            }
        }
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
