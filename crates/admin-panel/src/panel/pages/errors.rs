//! Pages for what cannot be shown or done.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use maud::html;

use super::super::desk::{Desk, Visit};
use super::super::layout::{Page, Place, bare, english};
use super::super::ports::NotChanged;

/// The program cannot tell what a page shows, or could not keep a change.
pub(crate) fn failed(desk: &Desk, visit: &Visit, report: &str) -> Response {
    tracing::warn!(error = report, "a page of the panel cannot be shown");
    let l = visit.language;
    let content = html! {
        p {
            (l.of(
                "The program's own state cannot be used just now. Work that is under way goes on; try again in a moment. \
                 When it stays so, look at the disk and the rights of the state file.",
                "Состояние программы сейчас недоступно. Текущая работа продолжается; попробуйте ещё раз через минуту. \
                 Если не проходит, проверьте диск и права на файл состояния.",
            ))
        }
        p .error { (english(report)) }
    };
    let title = l.of("Not now", "Не сейчас");
    Page::still(Place::Elsewhere, title, content).respond_with(desk, visit, StatusCode::SERVICE_UNAVAILABLE)
}

/// A form that is not ours, or is too old, or comes from another page.
pub(crate) fn not_ours(desk: &Desk, visit: &Visit) -> Response {
    let l = visit.language;
    let content = html! {
        p {
            (l.of(
                "This form is too old or was not sent from this panel, so nothing was changed. Open the page again and repeat.",
                "Форма устарела или отправлена не с этой панели, поэтому ничего не изменено. Откройте страницу заново и повторите.",
            ))
        }
        p { a .button href="/" { (l.of("To the overview", "К обзору")) } }
    };
    let title = l.of("Nothing was changed", "Ничего не изменено");
    Page::still(Place::Elsewhere, title, content).respond_with(desk, visit, StatusCode::FORBIDDEN)
}

/// There is no such page or thing.
pub(crate) fn unknown(desk: &Desk, visit: &Visit) -> Response {
    let l = visit.language;
    let content = html! {
        p { (l.of("There is nothing under this address.", "По этому адресу ничего нет.")) }
        p { a .button href="/" { (l.of("To the overview", "К обзору")) } }
    };
    let title = l.of("Not here", "Не найдено");
    Page::still(Place::Elsewhere, title, content).respond_with(desk, visit, StatusCode::NOT_FOUND)
}

/// Why a change was not made.
pub(crate) fn not_changed(desk: &Desk, visit: &Visit, why: NotChanged) -> Response {
    match why {
        NotChanged::Unknown => unknown(desk, visit),
        NotChanged::WrongValue => not_ours(desk, visit),
        NotChanged::Failed(failure) => failed(desk, visit, &failure.report()),
    }
}

/// The panel does not answer under this name.
pub(crate) fn wrong_host() -> Response {
    let text = "The admin panel does not answer under this name. Open it by the address that the program prints, or set web.public_url.\n";
    let mut response = (StatusCode::MISDIRECTED_REQUEST, text).into_response();
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// The password was taken away while others reach the address.
pub(crate) fn no_password(_desk: &Desk, visit: &Visit) -> Response {
    let l = visit.language;
    let content = html! {
        h1 { (l.of("No password", "Нет пароля")) }
        p {
            (l.of("Others than this machine reach this address, so a password is needed. Set one: ",
                  "Этот адрес доступен не только с этого компьютера, поэтому нужен пароль. Задайте его: "))
            code { "stage-exchange panel set-password" }
        }
    };
    bare(
        visit,
        l.of("No password", "Нет пароля"),
        StatusCode::FORBIDDEN,
        &content,
    )
}
