//! The parts of the page: the form, the charts with their numbers, what is counted.

use std::time::Duration;

use ::analysis::chart::{APART, Bar, Caption, Column, bars, columns};
use ::analysis::{Basis, Day, Figures, Kind, Pipeline, StageFigures};
use chrono::{NaiveDate, Weekday};
use maud::{Markup, PreEscaped, html};

use super::super::super::format::{Noun, decimal, number, span, span_brief};
use super::super::super::language::Language;
use super::asked::Choice;

const DEAL: Noun = Noun {
    en: ["deal", "deals"],
    ru: ["сделка", "сделки", "сделок"],
};

const MOVE: Noun = Noun {
    en: ["move", "moves"],
    ru: ["переход", "перехода", "переходов"],
};

/// The form: works without a script, as its address says what is shown.
pub(super) fn picker(l: Language, pipelines: &[Pipeline], choice: &Choice) -> Markup {
    html! {
        form #picker .picker method="get" action="/analysis" {
            label for="pipeline" {
                (l.of("Pipeline", "Воронка"))
                select #pipeline name="pipeline" {
                    @for pipeline in pipelines {
                        option value=(pipeline.id) selected[pipeline.id.to_string() == choice.pipeline] {
                            (pipeline_name(l, pipeline.id))
                        }
                    }
                }
            }
            label for="from" {
                (l.of("From", "С"))
                input #from name="from" type="date" value=(choice.from) required;
            }
            label for="until" {
                (l.of("To", "По"))
                input #until name="until" type="date" value=(choice.until) required;
            }
            label for="deals" {
                (l.of("The funnel counts", "В воронке считать"))
                select #deals name="deals" {
                    @for basis in [Basis::Entered, Basis::Visited] {
                        option value=(Choice::basis_word(basis)) selected[basis == choice.basis] {
                            (basis_name(l, basis))
                        }
                    }
                }
            }
            button .primary type="submit" { (l.of("Show", "Показать")) }
        }
        p .downloads {
            @for (days, address) in choice.shortcuts() {
                a href=(address) {
                    @match days {
                        Some(30) => (l.of("30 days", "30 дней")),
                        Some(90) => (l.of("90 days", "90 дней")),
                        Some(_) => (l.of("a year", "год")),
                        None => (l.of("all the time", "всё время")),
                    }
                }
            }
        }
    }
}

fn pipeline_name(l: Language, id: i32) -> String {
    match id {
        0 => l
            .of("Default pipeline (0)", "Воронка по умолчанию (0)")
            .to_owned(),
        id => format!("{} {id}", l.of("Pipeline", "Воронка")),
    }
}

fn basis_name(l: Language, basis: Basis) -> &'static str {
    match basis {
        Basis::Entered => l.of("deals that came in", "пришедшие сделки"),
        Basis::Visited => l.of("stages entered", "входы в стадии"),
    }
}

/// Everything about one pipeline and period.
pub(super) fn figures(l: Language, figures: &Figures, choice: &Choice) -> Markup {
    html! {
        p .lead {
            (pipeline_name(l, figures.asked.pipeline)) ", "
            (day(l, figures.asked.period.from())) " – " (day(l, figures.asked.period.until())) ": "
            (DEAL.count(l, figures.passages))
            @match figures.asked.basis {
                Basis::Entered => (l.of(" came into the pipeline.", " — столько пришло в воронку.")),
                Basis::Visited => (l.of(" moved in the pipeline.", " — столько двигалось по воронке.")),
            }
        }
        p .downloads {
            a href=(choice.link("figures.xlsx")) { "Excel (xlsx)" }
            a href=(choice.link("funnel.csv")) { "CSV: " (l.of("funnel and times", "воронка и время")) }
            a href=(choice.link("days.csv")) { "CSV: " (l.of("moves per day", "переходы по дням")) }
            a href=(choice.link("weeks.csv")) { "CSV: " (l.of("results per week", "итоги по неделям")) }
        }
        div .figures-grid {
            (funnel(l, figures))
            (times(l, figures))
            (moves(l, figures))
            (results(l, figures))
        }
        (meaning(l))
    }
}

fn funnel(l: Language, figures: &Figures) -> Markup {
    let title = l.of("Funnel", "Воронка");
    let drawn: Vec<Bar> = figures
        .stages
        .iter()
        .map(|stage| Bar {
            label: name(stage),
            shown: match stage.from_first {
                Some(share) => format!("{} · {}", number(l, stage.deals), percent(l, share)),
                None => number(l, stage.deals),
            },
            length: float(stage.deals),
            reach: None,
            class: class(stage.kind),
        })
        .collect();
    let caption = Caption {
        id: "funnel",
        title,
        description: l.of(
            "A bar for each stage: how many deals reached it, and their share of those that reached the first stage. The \
             numbers are in the table below.",
            "По полосе на стадию: сколько сделок до неё дошло и какая это доля от дошедших до первой стадии. Числа есть в \
             таблице ниже.",
        ),
    };
    html! {
        section #funnel-section .card aria-labelledby="funnel-heading" {
            h2 #funnel-heading { (title) }
            (PreEscaped(bars(&caption, &drawn)))
            (key(l))
            div .scroll tabindex="0" role="region" aria-labelledby="funnel-heading" {
                table #funnel-numbers .numbers {
                    thead { tr {
                        th scope="col" { (l.of("Stage", "Стадия")) }
                        th scope="col" { (l.of("Reached", "Дошли")) }
                        th scope="col" { (l.of("To the next", "В следующую")) }
                        th scope="col" { (l.of("Of the first", "От первой")) }
                        th scope="col" { (l.of("There now", "Сейчас там")) }
                    } }
                    tbody {
                        @for stage in &figures.stages {
                            tr data-stage=(stage.id) {
                                th scope="row" { (name(stage)) (gone(l, stage)) }
                                td { (number(l, stage.deals)) }
                                td { (share(l, stage.to_next)) }
                                td { (share(l, stage.from_first)) }
                                td { (number(l, stage.deals_now)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn times(l: Language, figures: &Figures) -> Markup {
    let title = l.of("Time in stage", "Время в стадии");
    // Who has won or lost stays there for ever, which would make all other bars too short to see.
    let drawn: Vec<Bar> = figures
        .stages
        .iter()
        .filter(|stage| stage.kind == Kind::InProgress)
        .filter_map(|stage| {
            let (median, p90) = (stage.median?, stage.p90?);
            Some(Bar {
                label: name(stage),
                shown: format!("{} · {}", brief(l, median), brief(l, p90)),
                length: float(median.unsigned_abs()),
                reach: Some(float(p90.unsigned_abs())),
                class: "",
            })
        })
        .collect();
    let caption = Caption {
        id: "times",
        title,
        description: l.of(
            "A bar for each stage in progress: the median of the time that deals spent there, and in a paler colour the 90th \
             percentile. The numbers are in the table below.",
            "По полосе на стадию в работе: медиана времени, проведённого в ней сделками, и бледнее — 90-й перцентиль. Числа \
             есть в таблице ниже.",
        ),
    };
    html! {
        section #times-section .card aria-labelledby="times-heading" {
            h2 #times-heading { (title) }
            @if drawn.is_empty() {
                p .muted { (l.of("Nobody was there.", "Никто там не был.")) }
            } @else {
                (PreEscaped(bars(&caption, &drawn)))
                ul .chart-key {
                    li { (l.of("median", "медиана")) }
                    li .reach { (l.of("90th percentile", "90-й перцентиль")) }
                }
            }
            div .scroll tabindex="0" role="region" aria-labelledby="times-heading" {
                table #times-numbers .numbers {
                    thead { tr {
                        th scope="col" { (l.of("Stage", "Стадия")) }
                        th scope="col" { (l.of("Median", "Медиана")) }
                        th scope="col" { (l.of("90 %", "90 %")) }
                        th scope="col" { (l.of("Visits", "Посещений")) }
                    } }
                    tbody {
                        @for stage in &figures.stages {
                            tr data-stage=(stage.id) {
                                th scope="row" { (name(stage)) (gone(l, stage)) }
                                td { (time(l, stage.median)) }
                                td { (time(l, stage.p90)) }
                                td { (number(l, stage.visits)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn moves(l: Language, figures: &Figures) -> Markup {
    let title = l.of("Moves per day", "Переходы по дням");
    let total: u64 = figures.days.iter().map(|day| day.moves).sum();
    let by_weeks = figures.days.len() > APART;
    let (drawn_title, description, drawn) = if by_weeks {
        (
            l.of("Moves per week", "Переходы по неделям"),
            l.of(
                "A column for each week of the period: how many moves into stages of the pipeline there were.",
                "По столбцу на каждую неделю периода: сколько было переходов в стадии воронки.",
            ),
            moves_by_weeks(l, figures),
        )
    } else {
        (
            title,
            l.of(
                "A column for each day of the period: how many moves into stages of the pipeline there were.",
                "По столбцу на каждый день периода: сколько было переходов в стадии воронки.",
            ),
            moves_by_days(l, figures),
        )
    };
    let caption = Caption {
        id: "moves",
        title: drawn_title,
        description,
    };
    html! {
        section #moves-section .card aria-labelledby="moves-heading" {
            h2 #moves-heading { (title) }
            p { (MOVE.count(l, total)) (l.of(" in all", " всего")) ", "
                (decimal(l, float(total) / float(u64::try_from(figures.days.len()).unwrap_or(1).max(1)), 1)) (l.of(" a day", " в день")) }
            (PreEscaped(columns(&caption, &drawn, ["", ""], &|value| number(l, value))))
            @if by_weeks {
                p .muted { (l.of("So long a period is drawn by weeks.", "Такой длинный период показан по неделям.")) }
            }
            details {
                summary { (l.of("Numbers of every day", "Числа по дням")) }
                div .scroll tabindex="0" role="region" aria-labelledby="moves-heading" {
                    table #moves-numbers .numbers {
                        thead { tr {
                            th scope="col" { (l.of("Day", "День")) }
                            th scope="col" { (l.of("Moves", "Переходов")) }
                        } }
                        tbody {
                            @for one in &figures.days {
                                tr { th scope="row" { (day(l, one.day)) } td { (number(l, one.moves)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn moves_by_days(l: Language, figures: &Figures) -> Vec<Column> {
    let column = |one: &Day| Column {
        tick: day(l, one.day),
        hint: format!("{}: {}", day(l, one.day), MOVE.count(l, one.moves)),
        up: one.moves,
        down: 0,
    };
    figures.days.iter().map(column).collect()
}

fn moves_by_weeks(l: Language, figures: &Figures) -> Vec<Column> {
    let weeks = figures
        .days
        .chunk_by(|one, next| one.day.week(Weekday::Mon) == next.day.week(Weekday::Mon));
    let column = |week: &[Day]| {
        let first = week.first()?.day;
        let moves = week.iter().map(|one| one.moves).sum();
        Some(Column {
            tick: day(l, first),
            hint: format!("{}: {}", week_of(l, first), MOVE.count(l, moves)),
            up: moves,
            down: 0,
        })
    };
    weeks.filter_map(column).collect()
}

fn results(l: Language, figures: &Figures) -> Markup {
    let title = l.of("Won and lost per week", "Успех и провал по неделям");
    let drawn: Vec<Column> = figures
        .weeks
        .iter()
        .map(|week| Column {
            tick: day(l, week.monday),
            hint: format!(
                "{}: {} {}, {} {}",
                week_of(l, week.monday),
                l.of("won", "успешных"),
                number(l, week.won),
                l.of("lost", "проваленных"),
                number(l, week.lost)
            ),
            up: week.won,
            down: week.lost,
        })
        .collect();
    let (won, lost) = figures
        .weeks
        .iter()
        .fold((0, 0), |(won, lost), week| (won + week.won, lost + week.lost));
    let caption = Caption {
        id: "results",
        title,
        description: l.of(
            "For each week a column up for the deals that were won, and one down for those that were lost.",
            "По каждой неделе: столбец вверх — успешные сделки, вниз — проваленные.",
        ),
    };
    html! {
        section #results-section .card aria-labelledby="results-heading" {
            h2 #results-heading { (title) }
            p { (l.of("Won: ", "Успешных: ")) (number(l, won)) ", " (l.of("lost: ", "проваленных: ")) (number(l, lost)) }
            (PreEscaped(columns(&caption, &drawn, ["won", "lost"], &|value| number(l, value))))
            ul .chart-key {
                li .won { (l.of("won, upwards", "успех, вверх")) }
                li .lost { (l.of("lost, downwards", "провал, вниз")) }
            }
            details {
                summary { (l.of("Numbers of every week", "Числа по неделям")) }
                div .scroll tabindex="0" role="region" aria-labelledby="results-heading" {
                    table #results-numbers .numbers {
                        thead { tr {
                            th scope="col" { (l.of("Week of", "Неделя с")) }
                            th scope="col" { (l.of("Won", "Успех")) }
                            th scope="col" { (l.of("Lost", "Провал")) }
                        } }
                        tbody {
                            @for week in &figures.weeks {
                                tr {
                                    th scope="row" { (day(l, week.monday)) }
                                    td { (number(l, week.won)) }
                                    td { (number(l, week.lost)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn key(l: Language) -> Markup {
    html! {
        ul .chart-key {
            li { (l.of("in progress", "в работе")) }
            li .won { (l.of("won", "успех")) }
            li .lost { (l.of("lost", "провал")) }
        }
    }
}

/// What is counted and how.
fn meaning(l: Language) -> Markup {
    html! {
        section #meaning .card aria-labelledby="meaning-heading" {
            h2 #meaning-heading { (l.of("What is counted", "Что здесь посчитано")) }
            ul {
                li { (l.of(
                    "A visit of a stage ends with the deal's next move, by time and then by the portal's number of the move. An open \
                     visit runs to now; repeated visits of a stage add up.",
                    "Посещение стадии кончается следующим переходом сделки — по времени, затем по номеру перехода на портале. Открытое \
                     посещение длится до текущего момента; повторные посещения стадии складываются.",
                )) }
                li { (l.of(
                    "A move to another pipeline ends the funnel of the first. A deal that comes back begins anew and counts again.",
                    "Переход в другую воронку завершает путь по первой. Вернувшаяся сделка начинает путь заново и считается снова.",
                )) }
                li { (l.of(
                    "A deal reached a stage when it stood in it; a stage that it skipped was not reached. So more than 100 % may come from a \
                     stage when deals enter later ones directly.",
                    "Сделка дошла до стадии, если стояла в ней; пропущенная стадия не считается. Поэтому доля больше 100 % бывает там, где \
                     сделки попадают сразу в более поздние стадии.",
                )) }
                li { (l.of(
                    "A percentile is the shortest time that at least that share of the deals did not exceed.",
                    "Перцентиль — это наименьшее время, которое не превысила как минимум такая доля сделок.",
                )) }
                li { (l.of(
                    "A deal counts once a week as won and once as lost. Weeks begin on Monday; the first and the last one count only days of \
                     the period.",
                    "За неделю сделка считается успешной не больше одного раза и проваленной не больше одного. Недели начинаются с \
                     понедельника; в первой и последней учтены только дни периода.",
                )) }
            }
        }
    }
}

fn name(stage: &StageFigures) -> String {
    if stage.name.is_empty() {
        stage.id.clone()
    } else {
        stage.name.clone()
    }
}

/// Marks a stage that the portal has no more.
fn gone(l: Language, stage: &StageFigures) -> Markup {
    html! {
        @if !stage.active {
            " " span .muted { (l.of("(removed)", "(удалена)")) }
        }
    }
}

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::InProgress => "",
        Kind::Won => "won",
        Kind::Lost => "lost",
    }
}

/// A day as the pages write it.
pub(super) fn day(l: Language, day: NaiveDate) -> String {
    let pattern = match l {
        Language::En => "%Y-%m-%d",
        Language::Ru => "%d.%m.%Y",
    };
    day.format(pattern).to_string()
}

/// A week by its first day.
fn week_of(l: Language, first: NaiveDate) -> String {
    format!("{} {}", l.of("week of", "неделя с"), day(l, first))
}

fn percent(l: Language, share: f64) -> String {
    format!("{}\u{a0}%", decimal(l, share * 100.0, 1))
}

fn share(l: Language, share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| percent(l, share))
}

fn length(l: Language, seconds: i64) -> String {
    span(l, Duration::from_secs(seconds.unsigned_abs()))
}

/// A length beside a bar, where there is little room.
fn brief(l: Language, seconds: i64) -> String {
    span_brief(l, Duration::from_secs(seconds.unsigned_abs()))
}

fn time(l: Language, seconds: Option<i64>) -> String {
    seconds.map_or_else(|| "–".to_owned(), |seconds| length(l, seconds))
}

fn float(value: u64) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "it is drawn, or shown with one digit")]
    let float = value as f64;
    float
}
