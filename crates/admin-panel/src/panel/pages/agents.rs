//! The agents: how each stands, what it did, and what one may do with it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::super::desk::{Change, Desk, Visit};
use super::super::facts::{AgentDetail, AgentFacts, RunEnding, RunFacts, WorkFacts, WorkState};
use super::super::format::{number, span};
use super::super::known;
use super::super::language::Language;
use super::super::layout::{Page, Place, ago, ahead, english, moment, token};
use super::super::respond::see_other;
use super::errors;
use super::overview::problem;

/// `GET /agents`.
pub(crate) async fn show(State(desk): State<Arc<Desk>>, visit: Visit) -> Response {
    let agents = match desk.ask(&visit, desk.source.agents()).await {
        Ok(agents) => agents,
        Err(response) => return response,
    };
    let (l, now) = (visit.language, desk.source.now());
    let mut exchanges: Vec<&str> = agents.iter().map(|agent| agent.exchange.as_str()).collect();
    exchanges.dedup();
    let content = html! {
        div #agents data-live {
            @for exchange in exchanges {
                section aria-labelledby=(format!("of-{exchange}")) {
                    h2 id=(format!("of-{exchange}")) { (known::exchange_title(l, exchange)) }
                    ul .agents {
                        @for agent in agents.iter().filter(|agent| agent.exchange == exchange) {
                            (entry(&desk, &visit, now, agent))
                        }
                    }
                }
            }
        }
    };
    Page::live(Place::Agents, content).respond(&desk, &visit)
}

fn entry(desk: &Desk, visit: &Visit, now: DateTime<Utc>, agent: &AgentFacts) -> Markup {
    let l = visit.language;
    html! {
        li .card .agent id=(format!("agent-{}", agent.name)) {
            div .what {
                h3 {
                    a href=(format!("/agents/{}", agent.name)) { (agent.name) }
                    " " (badge(l, agent))
                }
                @if let Some(about) = known::agent_about(l, &agent.name) { p { (about) } }
                p .muted { (timing(desk, l, now, agent)) }
            }
            (actions(visit, agent, "list"))
            @if let Some(work) = &agent.work { (problem(desk, l, now, work)) }
        }
    }
}

/// The state of an agent, as a word with a colour.
fn badge(l: Language, agent: &AgentFacts) -> Markup {
    let state = agent.work.as_ref().map(|work| work.state);
    let parked = agent
        .counts
        .iter()
        .any(|(state, count)| *state == WorkState::Parked && *count > 0);
    let failing = agent.work.as_ref().is_some_and(|work| work.error.is_some());
    let (class, word) = match state {
        _ if parked => ("bad", l.of("parked", "отложен")),
        Some(WorkState::Running) => ("busy", l.of("running", "работает")),
        _ if agent.paused => ("rest", l.of("paused", "приостановлен")),
        Some(WorkState::Waiting) if failing => ("bad", l.of("trying again", "повторяет")),
        Some(WorkState::Waiting) => ("good", l.of("waiting", "ждёт")),
        Some(WorkState::Done) => ("none", l.of("done", "готово")),
        _ => ("none", l.of("no work yet", "ещё не работал")),
    };
    html! { span .badge .(class) { (word) } }
}

fn timing(desk: &Desk, l: Language, now: DateTime<Utc>, agent: &AgentFacts) -> Markup {
    let Some(work) = &agent.work else {
        return html! { (l.of("Runs when somebody asks for it.", "Запускается, когда попросят.")) };
    };
    let open: u64 = agent
        .counts
        .iter()
        .filter(|(state, _)| *state != WorkState::Done)
        .map(|(_, count)| count)
        .sum();
    html! {
        @match work.state {
            WorkState::Running => {
                (l.of("Running", "Работает"))
                @if let Some(started) = work.started_at { (l.of(", began ", ", начал ")) (ago(desk, l, now, started)) }
            }
            WorkState::Waiting if agent.paused => (l.of("Its work waits until it is resumed", "Работа ждёт возобновления")),
            WorkState::Waiting => { (l.of("Next run ", "Следующий запуск ")) (ahead(desk, l, now, work.due_at)) }
            WorkState::Paused => (l.of("Its work waits until it is resumed", "Работа ждёт возобновления")),
            WorkState::Parked => (l.of("Its work is kept until it is taken up again", "Работа сохранена до возобновления")),
            WorkState::Done => (l.of("Runs when somebody asks for it", "Запускается, когда попросят")),
        }
        @if let Some(finished) = work.finished_at { (l.of("; last run ", "; последний запуск ")) (ago(desk, l, now, finished)) }
        @if work.attempts > 1 { (l.of("; attempt ", "; попытка ")) (work.attempts) }
        @if open > 1 { (l.of("; pieces of work: ", "; в очереди: ")) (number(l, open)) }
        @if let Some(progress) = work.progress.as_ref().filter(|progress| progress.done > 0 && work.state != WorkState::Done) {
            (l.of("; rows: ", "; строк: ")) (number(l, progress.done))
        }
        "."
    }
}

/// The buttons of an agent. `place` is where they stand, to come back to.
fn actions(visit: &Visit, agent: &AgentFacts, place: &str) -> Markup {
    let l = visit.language;
    let parked = agent
        .counts
        .iter()
        .any(|(state, count)| *state == WorkState::Parked && *count > 0);
    let button = |action: &str, text: &str| {
        html! {
            form method="post" action=(format!("/agents/{}/{action}", agent.name)) {
                (token(visit))
                input type="hidden" name="back" value=(place);
                button type="submit" aria-label=(format!("{text}: {}", agent.name)) { (text) }
            }
        }
    };
    html! {
        div .actions {
            (button("run", l.of("Run now", "Запустить")))
            @if parked { (button("resume", l.of("Retry parked", "Возобновить отложенное"))) }
            @else if agent.paused { (button("resume", l.of("Resume", "Продолжить"))) }
            @if !agent.paused { (button("pause", l.of("Pause", "Приостановить"))) }
        }
    }
}

/// `GET /agents/{name}`.
pub(crate) async fn detail(
    State(desk): State<Arc<Desk>>,
    visit: Visit,
    Path(name): Path<String>,
) -> Response {
    match desk.ask(&visit, desk.source.agent(&name)).await {
        Ok(Some(detail)) => Page::live(Place::Agents, detail_content(&desk, &visit, &detail))
            .titled(name)
            .respond(&desk, &visit),
        Ok(None) => errors::unknown(&desk, &visit),
        Err(response) => response,
    }
}

fn detail_content(desk: &Desk, visit: &Visit, detail: &AgentDetail) -> Markup {
    let (l, now, agent) = (visit.language, detail.now, &detail.agent);
    html! {
        p { a href="/agents" { (l.of("← All agents", "← Все агенты")) } }
        div #agent data-live {
            section .card .agent {
                div .what {
                    p .lead { (badge(l, agent)) " " (known::agent_about(l, &agent.name).unwrap_or_default()) }
                    p .muted { (timing(desk, l, now, agent)) }
                }
                (actions(visit, agent, "detail"))
                @if let Some(work) = &agent.work { (problem(desk, l, now, work)) }
            }
            @if detail.open.len() > 1 || detail.open.iter().any(|work| !work.key.is_empty()) {
                h2 { (l.of("Work that is not done", "Незавершённая работа")) }
                (open(desk, l, now, &detail.open))
            }
            h2 { (l.of("Runs", "Запуски")) }
            (runs(desk, l, now, &detail.runs))
        }
    }
}

fn open(desk: &Desk, l: Language, now: DateTime<Utc>, open: &[WorkFacts]) -> Markup {
    html! {
        table .list {
            thead {
                tr {
                    th scope="col" { (l.of("Key", "Ключ")) }
                    th scope="col" { (l.of("State", "Состояние")) }
                    th scope="col" { (l.of("Due", "Срок")) }
                    th scope="col" .number { (l.of("Attempts", "Попытки")) }
                    th scope="col" { (l.of("Last error", "Последняя ошибка")) }
                }
            }
            tbody {
                @for work in open {
                    tr {
                        td data-label=(l.of("Key", "Ключ")) { code { (if work.key.is_empty() { "–" } else { work.key.as_str() }) } }
                        td data-label=(l.of("State", "Состояние")) { (state_word(l, work.state)) }
                        td data-label=(l.of("Due", "Срок")) { (ahead(desk, l, now, work.due_at)) }
                        td .number data-label=(l.of("Attempts", "Попытки")) { (work.attempts) }
                        td .empty[work.error.is_none()] data-label=(l.of("Last error", "Последняя ошибка")) {
                            @match &work.error { Some(error) => (english(&error.text)), None => "–" }
                        }
                    }
                }
            }
        }
    }
}

fn state_word(l: Language, state: WorkState) -> &'static str {
    match state {
        WorkState::Waiting => l.of("waiting", "ждёт"),
        WorkState::Running => l.of("running", "работает"),
        WorkState::Paused => l.of("paused", "приостановлена"),
        WorkState::Parked => l.of("parked", "отложена"),
        WorkState::Done => l.of("done", "готова"),
    }
}

fn runs(desk: &Desk, l: Language, now: DateTime<Utc>, runs: &[RunFacts]) -> Markup {
    if runs.is_empty() {
        return html! { p .muted { (l.of("It has not run yet.", "Запусков ещё не было.")) } };
    }
    let keyed = runs.iter().any(|run| !run.key.is_empty());
    html! {
        table .list {
            thead {
                tr {
                    th scope="col" { (l.of("Began", "Начало")) }
                    th scope="col" { (l.of("Ended", "Итог")) }
                    th scope="col" .number { (l.of("Took", "Длилось")) }
                    @if keyed { th scope="col" { (l.of("Key", "Ключ")) } }
                    th scope="col" .number { (l.of("Attempt", "Попытка")) }
                    th scope="col" { (l.of("Error", "Ошибка")) }
                }
            }
            tbody {
                @for run in runs {
                    tr id=(format!("run-{}", run.run)) {
                        td data-label=(l.of("Began", "Начало")) { (moment(desk, l, run.started_at)) }
                        td data-label=(l.of("Ended", "Итог")) { (ending(l, run.ending)) }
                        td .number data-label=(l.of("Took", "Длилось")) { (took(l, now, run)) }
                        @if keyed {
                            td data-label=(l.of("Key", "Ключ")) {
                                code { (run.key) }
                                @if run.gathered > 0 { " +" (run.gathered) }
                            }
                        }
                        td .number data-label=(l.of("Attempt", "Попытка")) { (run.attempt) }
                        td .empty[run.error.is_none()] data-label=(l.of("Error", "Ошибка")) {
                            @match &run.error { Some(error) => (english(error)), None => "–" }
                        }
                    }
                }
            }
        }
    }
}

fn ending(l: Language, ending: RunEnding) -> Markup {
    let (class, word) = match ending {
        RunEnding::Running => ("busy", l.of("running", "идёт")),
        RunEnding::Done => ("good", l.of("done", "готово")),
        RunEnding::Again => ("good", l.of("goes on", "продолжит")),
        RunEnding::Failed => ("bad", l.of("failed", "ошибка")),
        RunEnding::Interrupted => (
            "rest",
            l.of("stopped with the program", "остановлен с программой"),
        ),
        RunEnding::Crashed => ("bad", l.of("the program ended", "программа завершилась")),
    };
    html! { span .badge .(class) { (word) } }
}

/// How long a run took; short ones in milliseconds.
fn took(l: Language, now: DateTime<Utc>, run: &RunFacts) -> String {
    let took = run.finished_at.unwrap_or(now) - run.started_at;
    let took = took.to_std().unwrap_or_default();
    if took.as_secs() >= 10 {
        return span(l, took);
    }
    let seconds = super::super::format::decimal(l, took.as_secs_f64(), 2);
    format!("{seconds}\u{a0}{}", l.of("s", "с"))
}

/// `POST /agents/{name}/{action}`.
pub(crate) async fn steer(
    State(desk): State<Arc<Desk>>,
    Path((name, action)): Path<(String, String)>,
    Change { visit, form }: Change,
) -> Response {
    let (done, said) = match action.as_str() {
        "run" => (desk.steering.run_agent(&name).await, "run"),
        "pause" => (desk.steering.pause_agent(&name).await, "paused"),
        "resume" => (desk.steering.resume_agent(&name).await, "resumed"),
        _ => return errors::unknown(&desk, &visit),
    };
    match done {
        Ok(()) if form.get("back") == Some("detail") => {
            see_other(&format!("/agents/{name}?said={said}"), Vec::new())
        }
        Ok(()) => see_other(&format!("/agents?said={said}"), Vec::new()),
        Err(why) => errors::not_changed(&desk, &visit, why),
    }
}
