//! The frame of every page: head, navigation, tools, footer.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use maud::{DOCTYPE, Markup, html};

use super::assets::{CHARTS, ICON, SCRIPT, STYLE};
use super::desk::{Desk, TOKEN, Visit};
use super::format;
use super::language::Language;
use super::respond::add_cookies;

/// The pages in the navigation. A new page is a line here and a route in [`routes`](super::routes).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Overview,
    Switches,
    Agents,
    Tables,
    Stages,
    Analysis,
    /// Pages that are not in the navigation.
    Elsewhere,
}

impl Place {
    const ALL: [Self; 6] = [
        Self::Overview,
        Self::Switches,
        Self::Agents,
        Self::Tables,
        Self::Stages,
        Self::Analysis,
    ];

    fn path(self) -> &'static str {
        match self {
            Self::Overview | Self::Elsewhere => "/",
            Self::Switches => "/switches",
            Self::Agents => "/agents",
            Self::Tables => "/tables",
            Self::Stages => "/stages",
            Self::Analysis => "/analysis",
        }
    }

    /// Whether this program has the page.
    fn is_there(self, desk: &Desk) -> bool {
        self != Self::Analysis || desk.analyst.is_some()
    }

    /// The page's name.
    pub(crate) fn title(self, l: Language) -> &'static str {
        match self {
            Self::Overview => l.of("Overview", "Обзор"),
            Self::Switches => l.of("Switches", "Переключатели"),
            Self::Agents => l.of("Agents", "Агенты"),
            Self::Tables => l.of("Tables", "Таблицы"),
            Self::Stages => l.of("Stages", "Стадии"),
            Self::Analysis => l.of("Analysis", "Аналитика"),
            Self::Elsewhere => "Stage Exchange",
        }
    }
}

/// A page of somebody who may look.
pub(crate) struct Page {
    /// Where it stands in the navigation.
    pub(crate) place: Place,
    /// Its own title, when it is not the place's.
    pub(crate) title: Option<String>,
    /// Whether it refreshes itself: its parts with `data-live` and an id do.
    pub(crate) live: bool,
    /// What it shows below its heading.
    pub(crate) content: Markup,
}

impl Page {
    /// A page of the navigation that refreshes itself.
    pub(crate) fn live(place: Place, content: Markup) -> Self {
        Self {
            place,
            title: None,
            live: true,
            content,
        }
    }

    /// A page that stays as it is.
    pub(crate) fn still(place: Place, title: impl Into<String>, content: Markup) -> Self {
        Self {
            place,
            title: Some(title.into()),
            live: false,
            content,
        }
    }

    /// The same with a title of its own.
    pub(crate) fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// The answer.
    pub(crate) fn respond(self, desk: &Desk, visit: &Visit) -> Response {
        self.respond_with(desk, visit, StatusCode::OK)
    }

    /// The answer with another status.
    pub(crate) fn respond_with(self, desk: &Desk, visit: &Visit, status: StatusCode) -> Response {
        let l = visit.language;
        let title = self.title.as_deref().unwrap_or_else(|| self.place.title(l));
        if visit.fragment {
            return (status, html! { main { (self.content) } }).into_response();
        }
        let refresh = if self.live { desk.refresh().as_millis() } else { 0 };
        let about = &desk.about;
        let markup = html! {
            (DOCTYPE)
            html lang=(l.code()) {
                (head(title))
                body data-refresh=(refresh) {
                    a .skip href="#main" { (l.of("Skip to the content", "К содержанию")) }
                    header .top {
                        div .bar {
                            a .brand href="/" { "Stage\u{a0}Exchange" }
                            span .env data-env=(about.environment) { (about.environment) }
                            div .tools {
                                (language_chooser(visit))
                                @if visit.signed_in {
                                    form method="post" action="/sign-out" {
                                        (token(visit))
                                        button .quiet type="submit" { (l.of("Sign out", "Выйти")) }
                                    }
                                }
                            }
                        }
                        nav aria-label=(l.of("Pages", "Страницы")) {
                            ul {
                                @for place in Place::ALL.into_iter().filter(|place| place.is_there(desk)) {
                                    li {
                                        a href=(place.path()) aria-current=[(place == self.place).then_some("page")] {
                                            (place.title(l))
                                        }
                                    }
                                }
                            }
                        }
                    }
                    main #main tabindex="-1" {
                        h1 { (title) }
                        (said(visit))
                        (self.content)
                    }
                    footer {
                        p #connection .warn hidden role="status" {
                            (l.of(
                                "No answer from the program: these figures are old. Trying on.",
                                "Программа не отвечает: эти цифры устарели. Пробуем дальше.",
                            ))
                        }
                        p {
                            (l.of("Portal", "Портал")) " " bdi { (about.portal) } " · "
                            (l.of("target", "база")) " " bdi { (about.target) } " · "
                            (l.of("times in", "время")) " " (about.timezone.name()) " · Stage\u{a0}Exchange " (about.version)
                        }
                        @if !visit.signed_in {
                            p {
                                (l.of(
                                    "No password is set, so only this machine is let in. Set one with ",
                                    "Пароль не задан, поэтому доступ есть только с этого компьютера. Задать: ",
                                ))
                                code { "stage-exchange panel set-password" } "."
                            }
                        }
                    }
                }
            }
        };
        let mut response = (status, markup).into_response();
        add_cookies(&mut response, visit.cookies());
        response
    }
}

/// A page outside the frame: for those who are not let in yet.
pub(crate) fn bare(visit: &Visit, title: &str, status: StatusCode, content: &Markup) -> Response {
    let markup = html! {
        (DOCTYPE)
        html lang=(visit.language.code()) {
            (head(title))
            body .bare {
                main #main {
                    p .brand { "Stage\u{a0}Exchange" }
                    (content)
                    (language_chooser(visit))
                }
            }
        }
    };
    let mut response = (status, markup).into_response();
    add_cookies(&mut response, visit.cookies());
    response
}

fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            meta name="robots" content="noindex";
            title {
                @if title == "Stage Exchange" { (title) } @else { (title) " · Stage Exchange" }
            }
            link rel="icon" type="image/svg+xml" href=(ICON.path());
            link rel="stylesheet" href=(STYLE.path());
            link rel="stylesheet" href=(CHARTS.path());
            script src=(SCRIPT.path()) defer {}
        }
    }
}

fn language_chooser(visit: &Visit) -> Markup {
    let back = visit.path.as_str();
    html! {
        form .languages method="post" action="/language" aria-label=(visit.language.of("Language", "Язык")) {
            (token(visit))
            input type="hidden" name="back" value=(back);
            @for language in Language::ALL {
                button .quiet type="submit" name="to" value=(language.code()) lang=(language.code())
                    aria-pressed=(language == visit.language) aria-label=(language.name()) {
                    (language.code().to_uppercase())
                }
            }
        }
    }
}

/// The hidden field that proves a form to be ours.
pub(crate) fn token(visit: &Visit) -> Markup {
    html! { input type="hidden" name=(TOKEN) value=(visit.csrf); }
}

/// What has just been done, told once after a change. Only words of ours are told, by their code.
fn said(visit: &Visit) -> Markup {
    let l = visit.language;
    let text = match visit.said.as_deref() {
        Some("switched") => l.of("The switch is set.", "Переключатель установлен."),
        Some("started") => l.of("The upload is queued.", "Загрузка поставлена в очередь."),
        Some("run") => l.of(
            "The agent is queued to run now.",
            "Агент поставлен в очередь на запуск.",
        ),
        Some("paused") => l.of("The agent is paused.", "Агент приостановлен."),
        Some("resumed") => l.of("The agent goes on.", "Агент снова работает."),
        Some("verifying") => l.of("The verification is queued.", "Сверка поставлена в очередь."),
        _ => return html! {},
    };
    html! { p .said role="status" { (text) } }
}

/// A point in time with how long ago it was.
pub(crate) fn ago(desk: &Desk, l: Language, now: DateTime<Utc>, at: DateTime<Utc>) -> Markup {
    time(desk, l, at, &format::ago(l, now, at))
}

/// A point in time with how soon it comes.
pub(crate) fn ahead(desk: &Desk, l: Language, now: DateTime<Utc>, at: DateTime<Utc>) -> Markup {
    time(desk, l, at, &format::ahead(l, now, at))
}

/// A point in time in full.
pub(crate) fn moment(desk: &Desk, l: Language, at: DateTime<Utc>) -> Markup {
    let text = format::moment(l, desk.about.timezone, at);
    html! { time datetime=(at.to_rfc3339()) { (text) } }
}

fn time(desk: &Desk, l: Language, at: DateTime<Utc>, words: &str) -> Markup {
    let full = format::moment(l, desk.about.timezone, at);
    html! { time datetime=(at.to_rfc3339()) title=(full) { (words) } }
}

/// A text of the program that has no translation: told as it is, and marked as English.
pub(crate) fn english(text: &str) -> Markup {
    html! { span lang="en" .verbatim { (text) } }
}
