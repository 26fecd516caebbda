//! The stages, as they are in the table.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::super::desk::{Desk, Visit};
use super::super::facts::{Semantics, StageFacts};
use super::super::known;
use super::super::language::Language;
use super::super::layout::{Page, Place, english};

/// `GET /stages`.
pub(crate) async fn show(State(desk): State<Arc<Desk>>, visit: Visit) -> Response {
    let l = visit.language;
    let content = match desk.ask(&visit, desk.source.stages()).await {
        Err(response) => return response,
        Ok(Err(error)) => html! {
            p { (l.of("The table cannot be read just now.", "Таблицу сейчас не прочитать.")) }
            p .error { (english(&error)) }
        },
        Ok(Ok(stages)) if stages.is_empty() => html! {
            p {
                (l.of("The table has no stages yet. ", "В таблице ещё нет стадий. "))
                a href="/switches#uploads" { (l.of("Start the upload", "Запустить загрузку")) }
            }
        },
        Ok(Ok(stages)) => pipelines(l, stages),
    };
    Page::live(Place::Stages, html! { div #stages data-live { (content) } }).respond(&desk, &visit)
}

fn pipelines(l: Language, mut stages: Vec<StageFacts>) -> Markup {
    stages.sort_by(|one, other| {
        let place = |stage: &StageFacts| (stage.pipeline, !stage.active, stage.sort, stage.external_id);
        place(one).cmp(&place(other))
    });
    html! {
        @for stages in stages.chunk_by(|one, next| one.pipeline == next.pipeline) {
            @if let Some(first) = stages.first() {
                section aria-labelledby=(format!("pipeline-{}", first.pipeline)) {
                    h2 id=(format!("pipeline-{}", first.pipeline)) {
                        (pipeline(l, first.pipeline)) " "
                        span .muted { (known::exchange("stage-list").noun.count(l, u64::try_from(stages.len()).unwrap_or(0))) }
                    }
                    (list(l, stages))
                }
            }
        }
    }
}

fn pipeline(l: Language, id: i64) -> String {
    match (id, l) {
        (0, Language::En) => "Default pipeline".to_owned(),
        (0, Language::Ru) => "Воронка по умолчанию".to_owned(),
        (id, Language::En) => format!("Pipeline {id}"),
        (id, Language::Ru) => format!("Воронка {id}"),
    }
}

fn semantics(l: Language, semantics: Semantics) -> &'static str {
    match semantics {
        Semantics::InProgress => l.of("in progress", "в работе"),
        Semantics::Won => l.of("won", "успех"),
        Semantics::Lost => l.of("lost", "провал"),
    }
}

fn class(semantics: Semantics) -> &'static str {
    match semantics {
        Semantics::InProgress => "busy",
        Semantics::Won => "good",
        Semantics::Lost => "bad",
    }
}

fn list(l: Language, stages: &[StageFacts]) -> Markup {
    html! {
        table .list .stages {
            thead {
                tr {
                    th scope="col" { (l.of("Stage", "Стадия")) }
                    th scope="col" { (l.of("Meaning", "Смысл")) }
                    th scope="col" { (l.of("Code", "Код")) }
                    th scope="col" { (l.of("Portal's own name", "Исходное имя")) }
                    th scope="col" .number { (l.of("Sort", "Сорт.")) }
                    th scope="col" { (l.of("State", "Состояние")) }
                }
            }
            tbody {
                @for stage in stages {
                    tr .inactive[!stage.active] id=(format!("stage-{}", stage.external_id)) {
                        td data-label=(l.of("Stage", "Стадия")) { bdi .stage-name { (stage.name) } }
                        td data-label=(l.of("Meaning", "Смысл")) {
                            span .badge .(class(stage.semantics)) { (semantics(l, stage.semantics)) }
                        }
                        td data-label=(l.of("Code", "Код")) { code { (stage.status_id) } }
                        @let own = stage.name_init.as_deref().filter(|name| !name.is_empty());
                        td .empty[own.is_none()] data-label=(l.of("Portal's own name", "Исходное имя")) {
                            bdi { (own.unwrap_or("–")) }
                        }
                        td .number data-label=(l.of("Sort", "Сорт.")) {
                            @match stage.sort { Some(sort) => (sort), None => "–" }
                        }
                        td data-label=(l.of("State", "Состояние")) {
                            @if stage.active { (l.of("active", "действует")) }
                            @else { (l.of("removed from the portal", "удалена из портала")) }
                        }
                    }
                }
            }
        }
    }
}
