//! Signing in and out, and the choice of a language.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use maud::html;
use secrecy::SecretString;
use tokio::time::Instant;
use url::form_urlencoded;

use super::super::desk::{Change, Desk, Stranger, StrangersForm, Visit};
use super::super::format;
use super::super::language::Language;
use super::super::layout::{bare, token};
use super::super::respond::{self, cookie, own_path, see_other};
use super::errors;

/// A language that was chosen is kept for a year.
const LANGUAGE_SECONDS: u64 = 365 * 24 * 3600;

/// Why somebody is asked again.
enum Wrong {
    Password,
    TooOften(Duration),
}

/// Sends somebody without a session to the sign-in page, and back afterwards.
pub(crate) fn redirect(visit: &Visit) -> Response {
    let next: String = form_urlencoded::byte_serialize(visit.path.as_bytes()).collect();
    let to = if visit.path == "/" {
        "/sign-in".to_owned()
    } else {
        format!("/sign-in?next={next}")
    };
    see_other(&to, Vec::new())
}

/// `GET /sign-in`.
pub(crate) async fn show(State(desk): State<Arc<Desk>>, Stranger(visit): Stranger) -> Response {
    match desk.source.password().await {
        Ok(None) => see_other("/", Vec::new()),
        Ok(Some(_)) => {
            let next = own_path(visit.parameter("next").as_deref());
            page(&visit, &next, None)
        }
        Err(failure) => errors::failed(&desk, &visit, &failure.report()),
    }
}

fn page(visit: &Visit, next: &str, wrong: Option<&Wrong>) -> Response {
    let l = visit.language;
    let (status, message) = match wrong {
        None => (StatusCode::OK, None),
        Some(Wrong::Password) => (
            StatusCode::FORBIDDEN,
            Some(
                l.of("This is not the password.", "Пароль не подходит.")
                    .to_owned(),
            ),
        ),
        Some(Wrong::TooOften(left)) => {
            // Whole seconds, rounded up.
            let left = format::span_for(l, *left + Duration::from_millis(999));
            (
                StatusCode::TOO_MANY_REQUESTS,
                Some(match l {
                    Language::En => format!("Too many wrong passwords. Try again in {left}."),
                    Language::Ru => format!("Слишком много неверных паролей. Повторите через {left}."),
                }),
            )
        }
    };
    let content = html! {
        h1 { (l.of("Sign in", "Вход")) }
        form method="post" action="/sign-in" .stack {
            (token(visit))
            input type="hidden" name="next" value=(next);
            // For password managers, which want to know whose password it is.
            input type="text" name="username" value="admin" autocomplete="username" hidden;
            label for="password" { (l.of("Password", "Пароль")) }
            input #password type="password" name="password" required autocomplete="current-password" autofocus
                aria-invalid=[message.is_some().then_some("true")] aria-describedby=[message.is_some().then_some("wrong")];
            @if let Some(message) = &message {
                p #wrong .error role="alert" { (message) }
            }
            button .primary type="submit" { (l.of("Sign in", "Войти")) }
        }
    };
    let mut response = bare(visit, l.of("Sign in", "Вход"), status, &content);
    if let Some(Wrong::TooOften(left)) = wrong
        && let Ok(seconds) = HeaderValue::try_from((left.as_secs() + 1).to_string())
    {
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

/// `POST /sign-in`.
pub(crate) async fn enter(
    State(desk): State<Arc<Desk>>,
    StrangersForm(Change { visit, form }): StrangersForm,
) -> Response {
    let hash = match desk.source.password().await {
        Ok(Some(hash)) => hash,
        Ok(None) => return see_other("/", Vec::new()),
        Err(failure) => return errors::failed(&desk, &visit, &failure.report()),
    };
    let next = own_path(form.get("next"));
    let given = SecretString::from(form.get("password").unwrap_or_default());
    match desk.check_password(given, hash.clone(), visit.client).await {
        Ok(true) => {
            tracing::info!(from = %visit.client, "somebody signed in to the panel");
            let id = desk.sessions.begin(hash, Instant::now());
            let cookie = cookie(respond::SESSION_COOKIE, &id, visit.secure, None);
            see_other(&next, cookie.into_iter().collect())
        }
        Ok(false) => {
            tracing::warn!(from = %visit.client, "a wrong password was given to the panel");
            page(&visit, &next, Some(&Wrong::Password))
        }
        Err(left) => page(&visit, &next, Some(&Wrong::TooOften(left))),
    }
}

/// `POST /sign-out`.
pub(crate) async fn leave(
    State(desk): State<Arc<Desk>>,
    headers: axum::http::HeaderMap,
    Change { visit, .. }: Change,
) -> Response {
    if let Some(id) = respond::cookie_of(&headers, respond::SESSION_COOKIE, visit.secure) {
        desk.sessions.end(&id);
    }
    let gone = cookie(respond::SESSION_COOKIE, "", visit.secure, Some(0));
    see_other("/sign-in", gone.into_iter().collect())
}

/// `POST /language`.
pub(crate) async fn language(StrangersForm(Change { form, .. }): StrangersForm) -> Response {
    let back = match form.get("back") {
        // A form that was refused is not sent again; its page is asked for anew.
        Some(back) if back.starts_with("/sign-in") => "/sign-in".to_owned(),
        back => own_path(back),
    };
    let chosen = form.get("to").and_then(Language::of_code);
    let cookie = chosen.and_then(|language| {
        cookie(
            respond::LANGUAGE_COOKIE,
            language.code(),
            false,
            Some(LANGUAGE_SECONDS),
        )
    });
    see_other(&back, cookie.into_iter().collect())
}
