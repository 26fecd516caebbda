//! The views beside the tables.

use maud::{Markup, html};

use super::super::super::facts::{PlanFacts, ViewFacts, ViewState};
use super::super::super::language::Language;
use super::super::super::layout::english;
use super::steps;

/// All views; nothing when there are none.
pub(super) fn views(l: Language, views: &[ViewFacts]) -> Markup {
    html! {
        @if !views.is_empty() {
            section #views .card .whole aria-labelledby="views-title" {
                h2 #views-title { (l.of("Views for reports", "Представления для отчётов")) }
                p .muted {
                    (l.of(
                        "The figures of the page Analysis, for Power BI and SQL. The tables work without them.",
                        "Цифры страницы «Аналитика» для Power BI и SQL. Таблицы работают и без них.",
                    ))
                }
                div .columns { @for view in views { (entry(l, view)) } }
            }
        }
    }
}

fn entry(l: Language, view: &ViewFacts) -> Markup {
    html! {
        div id=(format!("view-{}", view.name)) {
            h3 { code .name { (view.name) } }
            dl .facts {
                div {
                    dt { (l.of("In the database", "В базе данных")) }
                    dd { (state(l, view.state)) }
                }
                div {
                    dt { (l.of("A migration would do", "Миграция сделает")) }
                    dd { (plan(l, view)) }
                }
            }
            @if let Some(error) = &view.error { p .error { (english(error)) } }
            (steps(l, &view.plan, l.of(
                "The program does this by itself when it starts and the tables are there; so does ",
                "Программа сделает это сама при запуске, когда есть таблицы; также ",
            )))
        }
    }
}

fn state(l: Language, state: ViewState) -> &'static str {
    match state {
        ViewState::Unknown => l.of("not known now", "сейчас неизвестно"),
        ViewState::Missing => l.of("not there yet", "его ещё нет"),
        ViewState::Current => l.of("there", "есть"),
        ViewState::Old => l.of("there, of an older definition", "есть, но определение устарело"),
        ViewState::Hidden => l.of(
            "there; its definition cannot be seen with the program's rights",
            "есть; у программы нет права видеть его определение",
        ),
        ViewState::Foreign => l.of("something else has its name", "это имя занято чем-то другим"),
    }
}

fn plan(l: Language, view: &ViewFacts) -> &'static str {
    match (&view.plan, view.state) {
        (PlanFacts::Unknown, _) => l.of("not known now", "сейчас неизвестно"),
        (PlanFacts::Nothing, ViewState::Hidden) => l.of(
            "nothing: whoever made it looks after it",
            "ничего: о нём заботится тот, кто его создал",
        ),
        (PlanFacts::Nothing, _) => l.of(
            "nothing: the view is as it should be",
            "ничего: представление такое, как нужно",
        ),
        (PlanFacts::Steps { .. }, ViewState::Old) => {
            l.of("make the view anew", "создаст представление заново")
        }
        (PlanFacts::Steps { .. }, _) => l.of("make the view", "создаст представление"),
        (PlanFacts::Clash(_), _) => l.of("nothing, until that is renamed", "ничего, пока то не переименуют"),
    }
}
