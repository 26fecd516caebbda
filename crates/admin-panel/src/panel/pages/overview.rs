//! The overview: whether the tables are true, at a glance.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::super::desk::{Desk, Visit};
use super::super::facts::{
    ErrorNature, ExchangeFacts, Overview, PortalFacts, TargetFacts, VerificationFacts, WorkFacts, WorkState,
};
use super::super::format::{decimal, number, span, span_for};
use super::super::known;
use super::super::language::Language;
use super::super::layout::{Page, Place, ago, ahead, english};
use super::super::standing::{Standing, Tone, judge, lag, time_left};
use super::tables::verification::verdict;

/// The share of a limit from which it is shown as tight.
const TIGHT: f64 = 0.8;

/// `GET /`.
pub(crate) async fn show(State(desk): State<Arc<Desk>>, visit: Visit) -> Response {
    let overview = match desk.ask(&visit, desk.source.overview()).await {
        Ok(overview) => overview,
        Err(response) => return response,
    };
    let content = content(&desk, visit.language, &overview);
    Page::live(Place::Overview, content).respond(&desk, &visit)
}

fn content(desk: &Desk, l: Language, overview: &Overview) -> Markup {
    let standings: Vec<(&ExchangeFacts, Standing)> = overview
        .exchanges
        .iter()
        .map(|facts| (facts, judge(facts)))
        .collect();
    html! {
        div #overview data-live {
            (summary(l, overview, &standings))
            div .cards {
                @for (facts, standing) in &standings {
                    (exchange(desk, l, overview.now, facts, standing))
                }
                (target(desk, l, overview.now, &overview.target))
                (portal(l, &overview.portal))
            }
        }
    }
}

/// Rows that the last verification found wrong.
fn untrue(facts: &ExchangeFacts) -> u64 {
    facts.verified.as_ref().map_or(0, VerificationFacts::wrong)
}

/// One line for the whole, which is read out when it changes.
fn summary(l: Language, overview: &Overview, standings: &[(&ExchangeFacts, Standing)]) -> Markup {
    let any = |tone: Tone| standings.iter().any(|(_, standing)| standing.tone() == tone);
    let (tone, text) = if overview.target.reachable == Some(false) {
        (
            Tone::Bad,
            l.of(
                "The target database does not answer. Nothing is lost: work goes on by itself when it is back.",
                "База данных не отвечает. Ничего не потеряно: работа продолжится сама, когда она вернётся.",
            ),
        )
    } else if any(Tone::Bad) || standings.iter().any(|(facts, _)| untrue(facts) > 0) {
        (
            Tone::Bad,
            l.of(
                "Something needs your attention.",
                "Кое-что требует вашего внимания.",
            ),
        )
    } else if any(Tone::Busy) {
        (
            Tone::Busy,
            l.of("Data are being brought over.", "Данные загружаются."),
        )
    } else if any(Tone::Rest) {
        (
            Tone::Rest,
            l.of("Not everything is switched on.", "Включено не всё."),
        )
    } else {
        (Tone::Good, l.of("The tables are true.", "Таблицы верны."))
    };
    html! {
        p #summary .summary .(tone.class()) role="status" aria-live="polite" { (text) }
    }
}

fn exchange(
    desk: &Desk,
    l: Language,
    now: DateTime<Utc>,
    facts: &ExchangeFacts,
    standing: &Standing,
) -> Markup {
    let id = format!("exchange-{}", facts.name);
    let noun = known::exchange(&facts.name).noun;
    let tone = if untrue(facts) > 0 {
        Tone::Bad
    } else {
        standing.tone()
    };
    html! {
        section .card .wide .(tone.class()) id=(id) aria-labelledby=(format!("{id}-title")) {
            h2 id=(format!("{id}-title")) { (known::exchange_title(l, &facts.name)) }
            p .lead { (standing.sentence(l, facts, now)) }
            @if let Some(progress) = standing.progress() {
                (bar(l, progress))
            }
            dl .facts {
                // What the sentence says already is not said again.
                @if *standing != Standing::True {
                    div {
                        dt { (l.of("In the table", "В таблице")) }
                        dd { @match facts.rows { Some(rows) => (noun.count(l, rows)), None => (unknown(l)) } }
                    }
                }
                @if let Some(newest) = facts.newest.filter(|_| *standing != Standing::True) {
                    div {
                        dt { (l.of("Newest", "Самый новый")) }
                        dd { (ago(desk, l, now, newest)) }
                    }
                }
                @if *standing != Standing::NotStarted {
                    div {
                        dt { (l.of("Behind by at most", "Отставание не больше")) }
                        dd { @match lag(facts, now) { Some(lag) => (span(l, lag)), None => (unknown(l)) } }
                    }
                    @if let Some(look) = &facts.look {
                        div {
                            dt { (l.of("Next look", "Следующая проверка")) }
                            dd {
                                @match look.state {
                                    WorkState::Running => (l.of("now", "сейчас")),
                                    WorkState::Waiting => (ahead(desk, l, now, look.due_at)),
                                    _ => (l.of("when it is resumed", "после возобновления")),
                                }
                            }
                        }
                    }
                }
                @if let Some(verified) = &facts.verified {
                    div {
                        dt { (l.of("Last verification", "Последняя сверка")) }
                        dd { (verdict(l, verified)) " " (ago(desk, l, now, verified.at)) }
                    }
                }
            }
            @if let Some(verified) = facts.verified.as_ref().filter(|verified| verified.wrong() > 0) {
                div .problem {
                    p {
                        strong {
                            (l.of(
                                "The last verification found rows that are not as they have to be: ",
                                "Последняя сверка нашла строки, которые не такие, как должны быть: ",
                            ))
                            (number(l, verified.wrong())) "."
                        }
                    }
                    p { a href="/tables" { (l.of("What was found and what to do", "Что найдено и что делать")) } }
                }
            }
            @if *standing == Standing::NotStarted {
                p { a .button href="/switches#uploads" { (l.of("To the uploads", "К загрузкам")) } }
            }
            @for work in &facts.failing { (problem(desk, l, now, work)) }
        }
    }
}

fn unknown(l: Language) -> Markup {
    html! { span .muted { (l.of("not known now", "сейчас неизвестно")) } }
}

/// How far an upload is.
pub(crate) fn bar(l: Language, progress: &agent::Progress) -> Markup {
    let total = progress.total.filter(|total| *total > 0);
    let percent = total.map(|total| (progress.done.min(total)).saturating_mul(100) / total);
    html! {
        div .progress {
            @match (total, percent) {
                (Some(total), Some(percent)) => {
                    progress max=(total) value=(progress.done.min(total))
                        aria-label=(l.of("Progress of the upload", "Ход загрузки")) { (percent) "%" }
                    span .percent { (percent) "\u{a0}%" }
                }
                _ => progress aria-label=(l.of("Progress of the upload", "Ход загрузки")) {}
            }
            span .muted {
                @if let Some(rate) = progress.rate.filter(|rate| *rate >= 0.5) {
                    (decimal(l, rate, 0)) (l.of(" rows a second", " строк в секунду"))
                    @if let Some(left) = time_left(progress) {
                        (l.of(", ", ", ещё ")) (span_for(l, left)) (l.of(" left", ""))
                    }
                }
            }
        }
    }
}

/// What went wrong last, in plain words, with what to do.
pub(crate) fn problem(desk: &Desk, l: Language, now: DateTime<Utc>, work: &WorkFacts) -> Markup {
    let Some(error) = &work.error else {
        return html! {};
    };
    let parked = work.state == WorkState::Parked;
    let plain = match error.nature {
        _ if parked => l.of(
            "This work failed too often and is parked; it is kept. Put right what the message names, then take it up again.",
            "Эта работа слишком часто не удавалась и отложена; она сохранена. Исправьте то, что названо в сообщении, и возобновите.",
        ),
        ErrorNature::Passing => l.of(
            "This passes by itself as a rule: it is tried again until it works. When it lasts, look at what the message names.",
            "Обычно это проходит само: попытки идут, пока не получится. Если затянулось, проверьте то, что названо в сообщении.",
        ),
        ErrorNature::Permanent => l.of(
            "This does not pass by itself: put right what the message names.",
            "Само это не пройдёт: исправьте то, что названо в сообщении.",
        ),
        ErrorNature::Panicked => l.of(
            "This is a fault of the program. Its work is kept and tried again; please report the message.",
            "Это ошибка программы. Работа сохранена и будет повторена; пожалуйста, сообщите разработчикам.",
        ),
        ErrorNature::Crashed => l.of(
            "The program ended in the middle of this work; it goes on from its last verified step.",
            "Программа завершилась посреди этой работы; она продолжится с последнего проверенного шага.",
        ),
    };
    html! {
        div .problem {
            p { strong { (plain) } }
            p .error { (english(&error.text)) }
            p .muted {
                a href=(format!("/agents/{}", work.agent)) { (work.agent) }
                @if let Some(at) = error.at { " · " (ago(desk, l, now, at)) }
                @if !parked { " · " (l.of("next try ", "следующая попытка ")) (ahead(desk, l, now, work.due_at)) }
            }
        }
    }
}

fn target(desk: &Desk, l: Language, now: DateTime<Utc>, target: &TargetFacts) -> Markup {
    let (tone, sentence) = match target.reachable {
        Some(true) => (Tone::Good, l.of("The database answers.", "База данных отвечает.")),
        Some(false) => (
            Tone::Bad,
            l.of("The database does not answer.", "База данных не отвечает."),
        ),
        None => (
            Tone::Rest,
            l.of("The database is being asked.", "Опрашиваем базу данных."),
        ),
    };
    html! {
        section #target .card .(tone.class()) aria-labelledby="target-title" {
            h2 #target-title { (l.of("Target database", "База данных")) }
            p .lead { (sentence) }
            dl .facts {
                @if let Some(since) = target.since {
                    div {
                        dt {
                            @if target.reachable == Some(false) { (l.of("Away since", "Недоступна с")) }
                            @else { (l.of("Since", "Доступна с")) }
                        }
                        dd { (super::super::layout::moment(desk, l, since)) " " span .muted { "(" (ago(desk, l, now, since)) ")" } }
                    }
                }
                div {
                    dt { (l.of("Address", "Адрес")) }
                    dd { bdi { (desk.about.target) } }
                }
            }
            @if target.reachable == Some(false) {
                p .error { (english(&target.text)) }
                p {
                    (l.of(
                        "Check that the server runs and that this machine reaches it. Work goes on by itself within seconds of its return.",
                        "Проверьте, что сервер работает и доступен с этой машины. Работа продолжится сама через несколько секунд после его возвращения.",
                    ))
                }
            } @else if !target.text.is_empty() {
                p .muted { (english(&target.text)) }
            }
        }
    }
}

fn portal(l: Language, portal: &PortalFacts) -> Markup {
    let (tone, sentence) = if let Some(left) = portal.blocked_for {
        let left = span_for(l, left);
        (
            Tone::Bad,
            match l {
                Language::En => format!("Bitrix24 has blocked the portal's REST; {left} to go."),
                Language::Ru => format!("Битрикс24 заблокировал REST портала; осталось ждать {left}."),
            },
        )
    } else if let Some(left) = portal.paused_for {
        let left = span_for(l, left);
        (
            Tone::Rest,
            match l {
                Language::En => format!("The portal asked for a pause; {left} to go."),
                Language::Ru => format!("Портал попросил паузу; осталось ждать {left}."),
            },
        )
    } else {
        (
            Tone::Good,
            l.of(
                "Requests stay within the portal's limits.",
                "Запросы не выходят за лимиты портала.",
            )
            .to_owned(),
        )
    };
    html! {
        section #portal .card .(tone.class()) aria-labelledby="portal-title" {
            h2 #portal-title { (l.of("Portal", "Портал")) }
            p .lead { (sentence) }
            dl .facts {
                div {
                    dt { (l.of("Requests that may start at once", "Запросов можно сделать сразу")) }
                    dd {
                        @match (portal.tokens, portal.burst) {
                            (Some(tokens), Some(burst)) => {
                                (number(l, tokens.into())) (l.of(" of ", " из ")) (number(l, burst.into()))
                                meter min="0" max=(burst) value=(tokens) aria-hidden="true" {}
                            }
                            _ => (l.of("no limit is set", "лимит не задан")),
                        }
                    }
                }
                div {
                    dt { (l.of("Requests since the start", "Запросов с запуска")) }
                    dd {
                        (number(l, portal.requests))
                        (l.of(", refused ", ", отклонено ")) (number(l, portal.refused))
                    }
                }
            }
            @if !portal.methods.is_empty() {
                h3 { (l.of("Run time by method in 10 minutes", "Время методов за 10 минут")) }
                ul .methods {
                    @for method in &portal.methods {
                        li {
                            code { (method.method) }
                            span .amount .tight[method.limit.is_some_and(|limit| method.used >= limit * TIGHT)] {
                                (decimal(l, method.used, 1))
                                @if let Some(limit) = method.limit { (l.of(" of ", " из ")) (decimal(l, limit, 0)) }
                                (l.of(" s", " с"))
                            }
                            @if let Some(limit) = method.limit {
                                meter min="0" max=(limit) value=(method.used.min(limit)) aria-hidden="true" {}
                            }
                            @if let Some(left) = method.blocked_for {
                                span .error { (l.of("rests for ", "ждёт ")) (span_for(l, left)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
