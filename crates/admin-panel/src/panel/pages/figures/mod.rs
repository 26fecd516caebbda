//! The page of figures: the funnel of a pipeline for a period, times in stages, moves a day, results a week; and the same as files.
//!
//! It asks the target when it is opened and does not refresh itself, as its figures are sums over the whole history.

mod asked;
mod files;
mod parts;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use ::analysis::{Analyst, Asked, Error, Figures, Pipeline};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use tokio::time::timeout;

use super::super::desk::{Desk, Visit};
use super::super::language::Language;
use super::super::layout::{Page, Place, english};
use super::super::respond::see_other;
use super::errors;
use asked::Choice;

/// The longest that the target may think about the figures of a page.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why there are no figures to show.
enum Missing {
    /// What was chosen is no question, in the visitor's language.
    Wrong(String),
    /// The tables hold nothing.
    Nothing,
    /// The target did not answer, in English.
    Failed(String),
}

/// What the page has found.
struct Found {
    pipelines: Vec<Pipeline>,
    choice: Choice,
    figures: Result<Figures, Missing>,
}

/// `GET /analysis`.
pub(crate) async fn show(State(desk): State<Arc<Desk>>, visit: Visit) -> Response {
    let Some(analyst) = &desk.analyst else {
        return errors::unknown(&desk, &visit);
    };
    let l = visit.language;
    let found = find(analyst, &visit).await;
    let status = match &found.figures {
        Ok(_) | Err(Missing::Nothing) => StatusCode::OK,
        Err(Missing::Wrong(_)) => StatusCode::BAD_REQUEST,
        Err(Missing::Failed(_)) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let content = html! {
        (parts::picker(l, &found.pipelines, &found.choice))
        @match &found.figures {
            Ok(figures) => (parts::figures(l, figures, &found.choice)),
            Err(missing) => (told(l, missing)),
        }
    };
    Page::still(Place::Analysis, Place::Analysis.title(l), content).respond_with(&desk, &visit, status)
}

/// `GET /analysis/{file}`: the same figures as a file. What cannot be made a file is told on the page.
pub(crate) async fn download(
    State(desk): State<Arc<Desk>>,
    Path(file): Path<String>,
    visit: Visit,
) -> Response {
    let (Some(analyst), Some(kind)) = (&desk.analyst, files::File::named(&file)) else {
        return errors::unknown(&desk, &visit);
    };
    let found = find(analyst, &visit).await;
    match found.figures {
        Ok(figures) => match files::answer(visit.language, kind, &figures) {
            Ok(response) => response,
            Err(error) => errors::failed(&desk, &visit, &report(&error)),
        },
        Err(_) => {
            let query = visit.path.split_once('?').map_or("", |(_, query)| query);
            see_other(&format!("/analysis?{query}"), Vec::new())
        }
    }
}

async fn find(analyst: &Analyst, visit: &Visit) -> Found {
    let today = analyst.now().date();
    let late = || Missing::Failed("the target took too long to count; choose a shorter period".to_owned());
    let pipelines = match timeout(PATIENCE, analyst.pipelines()).await {
        Ok(Ok(pipelines)) => pipelines,
        other => {
            return Found {
                pipelines: Vec::new(),
                choice: Choice::of(visit, &[], today),
                figures: Err(match other {
                    Ok(Err(error)) => Missing::Failed(report(&error)),
                    _ => late(),
                }),
            };
        }
    };
    let choice = Choice::of(visit, &pipelines, today);
    let figures = match choice.asked(visit.language) {
        Ok(None) => Err(Missing::Nothing),
        Err(wrong) => Err(Missing::Wrong(wrong)),
        Ok(Some(asked)) => count(analyst, asked).await.unwrap_or_else(|| Err(late())),
    };
    Found {
        pipelines,
        choice,
        figures,
    }
}

/// `None` when it took too long.
async fn count(analyst: &Analyst, asked: Asked) -> Option<Result<Figures, Missing>> {
    let figures = timeout(PATIENCE, analyst.figures(asked)).await.ok()?;
    Some(figures.map_err(|error| Missing::Failed(report(&error))))
}

fn told(l: Language, missing: &Missing) -> Markup {
    match missing {
        Missing::Wrong(text) => html! { div .problem role="alert" { p { (text) } } },
        Missing::Nothing => html! {
            p {
                (l.of(
                    "There is nothing to count as yet: neither stages nor moves are in the tables.",
                    "Считать пока нечего: в таблицах нет ни стадий, ни переходов.",
                ))
            }
        },
        Missing::Failed(text) => html! {
            div .problem role="alert" {
                p {
                    strong {
                        (l.of(
                            "The target database did not give the figures. When it answers again, open the page anew.",
                            "База данных не отдала цифры. Когда она ответит, откройте страницу снова.",
                        ))
                    }
                }
                p .error { (english(text)) }
            }
        },
    }
}

/// An error with its causes, in one line.
fn report(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    tracing::warn!(error = text, "no figures");
    text
}
