//! Switches and uploads, with a second thought where it matters, and the list of changes.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::super::desk::{Change, Desk, Visit};
use super::super::facts::{ChangeFacts, ExchangeFacts, SwitchFacts, SwitchForm, Switchboard, WorkState};
use super::super::known;
use super::super::language::Language;
use super::super::layout::{Page, Place, ago, english, moment, token};
use super::super::respond::see_other;
use super::super::standing::{Standing, judge};
use super::errors;
use super::overview::bar;

/// The field that says that a second thought was had.
const CONFIRMED: &str = "confirmed";

/// `GET /switches`.
pub(crate) async fn show(State(desk): State<Arc<Desk>>, visit: Visit) -> Response {
    let board = match desk.ask(&visit, desk.source.switchboard()).await {
        Ok(board) => board,
        Err(response) => return response,
    };
    Page::live(Place::Switches, content(&desk, &visit, &board)).respond(&desk, &visit)
}

fn content(desk: &Desk, visit: &Visit, board: &Switchboard) -> Markup {
    let l = visit.language;
    html! {
        div #switches .cards data-live {
            @for switch in &board.switches { (card(desk, visit, board.now, switch)) }
        }
        section #uploads-section aria-labelledby="uploads" {
            h2 #uploads { (l.of("Uploads", "Загрузки")) }
            div #upload-cards .cards data-live {
                @for facts in &board.uploads { (upload(desk, visit, board.now, facts)) }
            }
        }
        section aria-labelledby="changes-title" {
            h2 #changes-title { (l.of("Changes", "Изменения")) }
            div #changes data-live { (changes(desk, l, &board.changes)) }
        }
    }
}

fn title_of(l: Language, switch: &SwitchFacts) -> (String, Markup) {
    match known::switch(l, &switch.key) {
        Some(words) => (words.title.to_owned(), html! { (words.about) }),
        None => (switch.key.clone(), english(&switch.about)),
    }
}

fn card(desk: &Desk, visit: &Visit, now: DateTime<Utc>, switch: &SwitchFacts) -> Markup {
    let l = visit.language;
    let (title, about) = title_of(l, switch);
    let id = format!("switch-{}", switch.key);
    let words: Vec<&str> = match &switch.form {
        SwitchForm::OnOff => vec!["on", "off"],
        SwitchForm::OneOf(words) => words.iter().map(String::as_str).collect(),
    };
    html! {
        section .card id=(id) aria-labelledby=(format!("{id}-title")) {
            h3 id=(format!("{id}-title")) { (title) }
            p { (about) }
            form .segments method="post" action=(format!("/switches/{}", switch.key)) role="group"
                aria-labelledby=(format!("{id}-title")) {
                (token(visit))
                @for word in words {
                    button type="submit" name="to" value=(word) aria-pressed=(word == switch.value) {
                        (known::value(l, word))
                    }
                }
            }
            p .muted {
                code { (switch.key) }
                " · "
                @match switch.set_at {
                    Some(at) => {
                        (l.of("set ", "установлено ")) (ago(desk, l, now, at))
                        (l.of("; the configuration says ", "; в конфигурации ")) (known::value(l, &switch.default))
                    }
                    None => (l.of("as the configuration says", "как в конфигурации")),
                }
            }
        }
    }
}

fn upload(desk: &Desk, visit: &Visit, now: DateTime<Utc>, facts: &ExchangeFacts) -> Markup {
    let l = visit.language;
    let standing = judge(facts);
    let id = format!("upload-{}", facts.name);
    let done = facts
        .upload
        .as_ref()
        .is_some_and(|work| work.state == WorkState::Done);
    html! {
        section .card id=(id) aria-labelledby=(format!("{id}-title")) {
            h3 id=(format!("{id}-title")) { (known::exchange_title(l, &facts.name)) }
            p { (upload_sentence(desk, l, now, facts, &standing)) }
            @if let Some(progress) = standing.progress() { (bar(l, progress)) }
            form method="post" action=(format!("/uploads/{}", facts.name)) {
                (token(visit))
                button .primary[!done] type="submit" disabled[matches!(standing, Standing::Uploading(_))] {
                    @if done { (l.of("Upload all anew", "Загрузить всё заново")) }
                    @else if matches!(standing, Standing::Stuck) { (l.of("Take up again", "Возобновить")) }
                    @else { (l.of("Start the upload", "Запустить загрузку")) }
                }
            }
        }
    }
}

fn upload_sentence(
    desk: &Desk,
    l: Language,
    now: DateTime<Utc>,
    facts: &ExchangeFacts,
    standing: &Standing,
) -> Markup {
    let done = facts
        .upload
        .as_ref()
        .filter(|work| work.state == WorkState::Done)
        .and_then(|work| work.succeeded_at);
    html! {
        @match done {
            Some(at) => { (l.of("Done ", "Выполнена ")) (ago(desk, l, now, at)) "." }
            None => @match standing {
                Standing::True => (l.of("Not needed: the table follows the portal.", "Не нужна: таблица уже следует за порталом.")),
                other => (other.sentence(l, facts, now)),
            },
        }
    }
}

fn changes(desk: &Desk, l: Language, changes: &[ChangeFacts]) -> Markup {
    html! {
        @if changes.is_empty() {
            p .muted { (l.of("Nobody has changed anything yet.", "Пока никто ничего не менял.")) }
        } @else {
            table .list {
                thead {
                    tr {
                        th scope="col" { (l.of("When", "Когда")) }
                        th scope="col" { (l.of("What", "Что")) }
                        th scope="col" { (l.of("From", "Было")) }
                        th scope="col" { (l.of("To", "Стало")) }
                        th scope="col" { (l.of("Where", "Где")) }
                    }
                }
                tbody {
                    @for change in changes {
                        tr {
                            td data-label=(l.of("When", "Когда")) { (moment(desk, l, change.at)) }
                            td data-label=(l.of("What", "Что")) {
                                @match known::switch(l, &change.what) {
                                    Some(words) => (words.title),
                                    None => code { (change.what) },
                                }
                            }
                            td data-label=(l.of("From", "Было")) { (known::value(l, &change.from)) }
                            td data-label=(l.of("To", "Стало")) { (known::value(l, &change.to)) }
                            td data-label=(l.of("Where", "Где")) { (known::value(l, &change.by)) }
                        }
                    }
                }
            }
        }
    }
}

/// `POST /switches/{key}`.
pub(crate) async fn set(
    State(desk): State<Arc<Desk>>,
    Path(key): Path<String>,
    Change { visit, form }: Change,
) -> Response {
    let l = visit.language;
    let word = form.get("to").unwrap_or_default();
    let think = known::switch(l, &key).and_then(|words| {
        let (value, follows) = words.think?;
        (value == word && form.get(CONFIRMED).is_none()).then_some((words.title, follows))
    });
    if let Some((title, follows)) = think {
        let action = format!("/switches/{key}");
        let question = match l {
            Language::En => format!("{title}: set it to “{}”?", known::value(l, word)),
            Language::Ru => format!("{title}: установить «{}»?", known::value(l, word)),
        };
        let again = Again {
            action: &action,
            word: Some(word),
            question: &question,
            follows,
            yes: l.of("Yes, switch off", "Да, выключить"),
        };
        return ask_again(&desk, &visit, &again);
    }
    match desk.steering.set_switch(&key, Some(word)).await {
        Ok(()) => see_other("/switches?said=switched", Vec::new()),
        Err(why) => errors::not_changed(&desk, &visit, why),
    }
}

/// `POST /uploads/{exchange}`.
pub(crate) async fn start_upload(
    State(desk): State<Arc<Desk>>,
    Path(exchange): Path<String>,
    Change { visit, form }: Change,
) -> Response {
    let l = visit.language;
    let board = match desk.ask(&visit, desk.source.switchboard()).await {
        Ok(board) => board,
        Err(response) => return response,
    };
    let done = board
        .uploads
        .iter()
        .filter(|facts| facts.name == exchange)
        .filter_map(|facts| facts.upload.as_ref())
        .any(|work| work.state == WorkState::Done);
    if done && form.get(CONFIRMED).is_none() {
        let action = format!("/uploads/{exchange}");
        let title = known::exchange_title(l, &exchange);
        let question = match l {
            Language::En => format!("{title}: upload all anew?"),
            Language::Ru => format!("{title}: загрузить всё заново?"),
        };
        let again = Again {
            action: &action,
            word: None,
            question: &question,
            follows: l.of(
                "Everything is read from the portal once more. Rows that are as they should be stay untouched; nothing is deleted. \
                 It takes as long as the first time and uses the portal's limits.",
                "Всё будет прочитано с портала ещё раз. Верные строки не изменятся, ничего не удалится. Это займёт столько же \
                 времени, сколько первая загрузка, и расходует лимиты портала.",
            ),
            yes: l.of("Yes, upload anew", "Да, загрузить заново"),
        };
        return ask_again(&desk, &visit, &again);
    }
    match desk.steering.start_upload(&exchange).await {
        Ok(()) => see_other("/switches?said=started", Vec::new()),
        Err(why) => errors::not_changed(&desk, &visit, why),
    }
}

/// A question before a change that is worth a second thought.
struct Again<'a> {
    action: &'a str,
    word: Option<&'a str>,
    question: &'a str,
    follows: &'a str,
    yes: &'a str,
}

fn ask_again(desk: &Desk, visit: &Visit, again: &Again<'_>) -> Response {
    let l = visit.language;
    let content = html! {
        div .card .ask {
            p .lead { (again.follows) }
            form .row method="post" action=(again.action) {
                (token(visit))
                @if let Some(word) = again.word { input type="hidden" name="to" value=(word); }
                button .primary .danger type="submit" name=(CONFIRMED) value="yes" { (again.yes) }
                a .button href="/switches" { (l.of("No, leave it", "Нет, оставить")) }
            }
        }
    };
    Page::still(Place::Switches, again.question, content).respond(desk, visit)
}
