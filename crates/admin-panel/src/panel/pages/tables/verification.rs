//! Verifications of a table: the last one in full, earlier ones in a line each, and the button for another.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::super::super::desk::{Desk, Visit};
use super::super::super::facts::{
    FindingFacts, MendedFacts, PartFacts, SampleFacts, TableFacts, VerificationFacts, WorkState,
};
use super::super::super::format::{decimal, number, span};
use super::super::super::known;
use super::super::super::language::Language;
use super::super::super::layout::{ago, english, moment, token};
use super::super::super::standing::Tone;
use super::super::overview::problem;

/// What is known of a table's truth, and the button that starts a comparison.
pub(super) fn verification(desk: &Desk, visit: &Visit, now: DateTime<Utc>, table: &TableFacts) -> Markup {
    let l = visit.language;
    let work = table.verifying.as_ref();
    let under_way = work.filter(|work| matches!(work.state, WorkState::Running | WorkState::Waiting));
    html! {
        h3 { (l.of("Verification", "Сверка с порталом")) }
        @match table.verifications.first() {
            None => p { (l.of("Never compared with the portal from here.", "Отсюда с порталом ещё не сверяли.")) },
            Some(last) => (result(desk, l, now, last)),
        }
        @if let Some(work) = under_way {
            p .busy role="status" {
                (l.of("Comparing now", "Идёт сверка"))
                @if let Some(progress) = work.progress.as_ref().filter(|progress| progress.done > 0) {
                    (l.of("; rows so far: ", "; прочитано строк: ")) (number(l, progress.done))
                }
                "."
            }
        }
        @if let Some(work) = work { (problem(desk, l, now, work)) }
        form method="post" action=(format!("/tables/{}/verify", table.exchange)) {
            (token(visit))
            button type="submit" disabled[under_way.is_some()]
                aria-label=(format!("{}: {}", l.of("Compare with the portal", "Сверить с порталом"), table.name)) {
                (l.of("Compare with the portal", "Сверить с порталом"))
            }
        }
        @if table.verifications.len() > 1 {
            details {
                summary { (l.of("Earlier verifications", "Предыдущие сверки")) }
                ul .plain {
                    @for earlier in table.verifications.iter().skip(1) {
                        li {
                            (moment(desk, l, earlier.at)) " · " (verdict(l, earlier))
                            " · " (l.of("portal ", "портал ")) (number(l, earlier.portal))
                            ", " (l.of("table ", "таблица ")) (number(l, earlier.stored))
                        }
                    }
                }
            }
        }
    }
}

/// What it says in two words. A part that is true says nothing of the rest.
pub(in super::super) fn verdict(l: Language, result: &VerificationFacts) -> Markup {
    let (tone, words) = if result.wrong() > 0 {
        (Tone::Bad, l.of("not true", "не верна"))
    } else if result.unfinished.is_some() {
        (Tone::Rest, l.of("not finished", "не закончена"))
    } else if result.part.is_some() {
        (Tone::Rest, l.of("true in part", "верна в этой части"))
    } else {
        (Tone::Good, l.of("true", "верна"))
    };
    html! { span .badge .(tone.class()) { (words) } }
}

fn result(desk: &Desk, l: Language, now: DateTime<Utc>, result: &VerificationFacts) -> Markup {
    html! {
        p {
            (verdict(l, result)) " "
            (ago(desk, l, now, result.at)) (from(l, result))
            (l.of(", took ", ", длилась ")) (span(l, result.took.max(std::time::Duration::from_secs(1)))) ": "
            (l.of("the portal has ", "в портале ")) (number(l, result.portal))
            (l.of(" rows, the table ", " строк, в таблице ")) (number(l, result.stored)) "."
        }
        @if let Some(reason) = &result.unfinished {
            div .problem {
                p {
                    strong {
                        (l.of(
                            "It did not reach its end: this is what was found until then. Compare again.",
                            "Сверка не дошла до конца: здесь то, что найдено до остановки. Сверьте ещё раз.",
                        ))
                    }
                }
                p .error { (english(reason)) }
            }
        }
        @if let Some(part) = &result.part { p { (compared(l, part)) } }
        @if let Some(mended) = &result.mended { p { (repaired(l, mended)) } }
        (findings(l, result))
    }
}

/// Where it was started, when that was not here.
fn from(l: Language, result: &VerificationFacts) -> Markup {
    html! { @if result.by != "panel" { " (" (known::value(l, &result.by)) ")" } }
}

fn findings(l: Language, result: &VerificationFacts) -> Markup {
    let repair = html! {
        code { "stage-exchange verify --repair" }
        (l.of(" mends them.", " исправит их."))
    };
    let by_hand = html! {
        (l.of(
            "This program deletes no row: look at them, and delete by hand what somebody else wrote.",
            "Программа не удаляет строк: посмотрите на них и удалите вручную то, что записал кто-то другой.",
        ))
    };
    let merge = html! {
        code { "stage-exchange migrate --merge-duplicates" }
        (l.of(" keeps the oldest row of each.", " оставит самую старую строку каждого."))
    };
    let findings = [
        (
            &result.missing,
            l.of("Missing in the table", "Нет в таблице"),
            &repair,
        ),
        (&result.different, l.of("Different", "Отличаются"), &repair),
        (
            &result.extra,
            l.of(
                "Only in the table, where the portal cannot have had them",
                "Есть только в таблице, в портале их быть не могло",
            ),
            &by_hand,
        ),
        (
            &result.duplicate,
            l.of(
                "Too many, as another row has the same EXTERNAL_ID",
                "Лишние: уже есть строка с тем же EXTERNAL_ID",
            ),
            &merge,
        ),
        (
            &result.kept,
            l.of(
                "Kept though they vanished from the portal, as they must be",
                "Сохранены, хотя исчезли из портала, как и должно быть",
            ),
            &html! {},
        ),
    ];
    html! {
        @if findings.iter().any(|(finding, ..)| finding.count > 0) {
            ul .plain .findings {
                @for (finding, words, advice) in findings {
                    @if finding.count > 0 {
                        li {
                            strong { (words) ": " (number(l, finding.count)) } (examples(l, finding))
                            @if !advice.0.is_empty() { p .muted { (advice) } }
                        }
                    }
                }
            }
        }
    }
}

fn examples(l: Language, finding: &FindingFacts) -> Markup {
    html! {
        @if !finding.examples.is_empty() {
            (l.of(", such as EXTERNAL_ID ", ", например EXTERNAL_ID "))
            @for (place, id) in finding.examples.iter().take(5).enumerate() {
                @if place > 0 { ", " }
                (id)
            }
        }
        @if !finding.columns.is_empty() { (l.of(" in ", " в ")) (finding.columns.join(", ")) }
    }
}

/// Which part was compared.
fn compared(l: Language, part: &PartFacts) -> Markup {
    html! {
        (l.of("Only a part was compared: ", "Сверена только часть: "))
        @if let Some(since) = part.since {
            (l.of("moves since ", "переходы с "))
            (since.format(l.of("%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M")))
            @if !part.pipelines.is_empty() || part.sample.is_some() { "; " }
        }
        @if !part.pipelines.is_empty() {
            (l.of("pipelines ", "воронки "))
            @for (place, pipeline) in part.pipelines.iter().enumerate() {
                @if place > 0 { ", " }
                (pipeline)
            }
            @if part.sample.is_some() { "; " }
        }
        @match part.sample {
            Some(SampleFacts::Share(share)) => {
                (l.of("a sample of ", "выборка ")) (decimal(l, share * 100.0, 1)) "\u{a0}%"
            }
            Some(SampleFacts::Rows(rows)) => {
                (l.of("a sample of about ", "выборка около ")) (number(l, rows)) (l.of(" rows", " строк"))
            }
            None => {}
        }
        "."
    }
}

/// What was mended before the comparison.
fn repaired(l: Language, mended: &MendedFacts) -> Markup {
    html! {
        (l.of("Mended before: missing rows written ", "Перед этим исправлено: добавлено строк "))
        (number(l, mended.inserted))
        (l.of(", different ones ", ", изменено ")) (number(l, mended.changed))
        (l.of(", made inactive ", ", сделано неактивными ")) (number(l, mended.deactivated))
        @if mended.refused > 0 {
            (l.of(", could not be written ", ", не удалось записать ")) (number(l, mended.refused))
        }
        "."
    }
}
