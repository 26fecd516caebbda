//! How an exchange stands: one judgement over its facts, and the sentence for it.

use std::time::Duration;

use agent::Progress;
use chrono::{DateTime, Utc};

use super::facts::{ExchangeFacts, WorkFacts, WorkState};
use super::format::{ago, number, span};
use super::known;
use super::language::Language;

/// How an exchange stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Standing {
    /// Nobody has brought its data over yet.
    NotStarted,
    /// The upload is under way.
    Uploading(Progress),
    /// The upload is held by a person.
    Held(Progress),
    /// A part of its work is parked: a person has to act.
    Stuck,
    /// Everything was in when it was last looked, but looking fails; since when.
    Behind(Option<DateTime<Utc>>),
    /// Following is switched off.
    Off,
    /// Everything is in.
    True,
}

/// The tone of a sentence: what colour and mark it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Busy,
    Rest,
    Bad,
}

impl Tone {
    /// Its class in the stylesheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Busy => "busy",
            Self::Rest => "rest",
            Self::Bad => "bad",
        }
    }
}

/// Judges the facts.
pub(crate) fn judge(facts: &ExchangeFacts) -> Standing {
    let words = known::exchange(&facts.name);
    let is = |key: Option<&str>, value: &str| {
        key.is_some_and(|key| {
            facts
                .switches
                .iter()
                .any(|switch| switch.key == key && switch.value == value)
        })
    };
    if facts.failing.iter().any(|work| work.state == WorkState::Parked) {
        return Standing::Stuck;
    }
    if let Some(upload) = facts.upload.as_ref().filter(|work| work.state != WorkState::Done) {
        let progress = upload.progress.clone().unwrap_or_default();
        return if upload.state == WorkState::Paused || is(words.held, "on") {
            Standing::Held(progress)
        } else {
            Standing::Uploading(progress)
        };
    }
    let uploaded = facts.upload.is_some();
    let looked = facts.look.as_ref().is_some_and(|look| look.progress.is_some());
    if !uploaded && !looked || facts.exists == Some(false) {
        return Standing::NotStarted;
    }
    if is(words.following, "off") {
        return Standing::Off;
    }
    match &facts.look {
        Some(look) if look.state == WorkState::Paused => Standing::Off,
        Some(look) if look.error.is_some() => Standing::Behind(look.succeeded_at),
        _ => Standing::True,
    }
}

impl Standing {
    /// Its tone.
    pub(crate) fn tone(&self) -> Tone {
        match self {
            Self::True => Tone::Good,
            Self::Uploading(_) => Tone::Busy,
            Self::NotStarted | Self::Held(_) | Self::Off => Tone::Rest,
            Self::Stuck | Self::Behind(_) => Tone::Bad,
        }
    }

    /// The plain sentence.
    pub(crate) fn sentence(&self, l: Language, facts: &ExchangeFacts, now: DateTime<Utc>) -> String {
        let noun = known::exchange(&facts.name).noun;
        let many = noun.ru[2];
        let done = |progress: &Progress| noun.count(l, progress.done);
        match (self, l) {
            (Self::True, _) => all_in(l, facts, now),
            (Self::NotStarted, Language::En) => {
                "Nothing has been brought over yet: start the upload.".to_owned()
            }
            (Self::NotStarted, Language::Ru) => "Ещё ничего не загружено: запустите загрузку.".to_owned(),
            (Self::Uploading(progress), Language::En) => match progress.total {
                Some(total) if total > 0 => {
                    format!(
                        "The upload is under way: {} of about {}.",
                        number(l, progress.done),
                        noun.count(l, total)
                    )
                }
                _ => format!("The upload is under way: {} so far.", done(progress)),
            },
            (Self::Uploading(progress), Language::Ru) => match progress.total {
                Some(total) if total > 0 => {
                    format!(
                        "Идёт загрузка: {} из примерно {} {many}.",
                        number(l, progress.done),
                        number(l, total)
                    )
                }
                _ => format!("Идёт загрузка, пока {}.", done(progress)),
            },
            (Self::Held(progress), Language::En) => {
                format!("The upload is on hold; {} are in.", done(progress))
            }
            (Self::Held(progress), Language::Ru) => {
                format!("Загрузка приостановлена; уже есть {}.", done(progress))
            }
            (Self::Stuck, Language::En) => "Work has stopped and waits for you; see below.".to_owned(),
            (Self::Stuck, Language::Ru) => "Работа остановлена и ждёт вас; подробности ниже.".to_owned(),
            (Self::Behind(since), Language::En) => match since {
                Some(since) => format!(
                    "The table may be behind: the last look that worked was {}.",
                    ago(l, now, *since)
                ),
                None => "The table may be behind: no look at the portal has worked yet.".to_owned(),
            },
            (Self::Behind(since), Language::Ru) => match since {
                Some(since) => format!(
                    "Таблица может отставать: последняя удачная проверка была {}.",
                    ago(l, now, *since)
                ),
                None => "Таблица может отставать: ни одна проверка портала ещё не удалась.".to_owned(),
            },
            (Self::Off, Language::En) => "Following is switched off: the table stays as it is.".to_owned(),
            (Self::Off, Language::Ru) => "Слежение выключено: таблица остаётся как есть.".to_owned(),
        }
    }

    /// How an upload stands, if it is under way.
    pub(crate) fn progress(&self) -> Option<&Progress> {
        match self {
            Self::Uploading(progress) | Self::Held(progress) => Some(progress),
            _ => None,
        }
    }
}

fn all_in(l: Language, facts: &ExchangeFacts, now: DateTime<Utc>) -> String {
    let noun = known::exchange(&facts.name).noun;
    let Some(rows) = facts.rows else {
        return match l {
            Language::En => format!("All {} were in when the table could last be read.", noun.en[1]),
            Language::Ru => "При последнем чтении таблицы всё было на месте.".to_owned(),
        };
    };
    let newest = facts
        .newest
        .map(|newest| span(l, (now - newest).to_std().unwrap_or_default()));
    match (l, newest) {
        (Language::En, newest) => {
            let mut text = match rows {
                1 => format!("The only {} is in", noun.en[0]),
                rows => format!("All {} are in", noun.count(l, rows)),
            };
            if let Some(newest) = newest {
                text.push_str(&format!("; the newest is {newest} old"));
            }
            text + "."
        }
        (Language::Ru, newest) => {
            let mut text = format!("Всё на месте: {}", noun.count(l, rows));
            if let Some(newest) = newest {
                text.push_str(&format!("; самому новому {newest}"));
            }
            text + "."
        }
    }
}

/// How long an upload will still take, when that can be told.
pub(crate) fn time_left(progress: &Progress) -> Option<Duration> {
    let rate = progress.rate.filter(|rate| rate.is_finite() && *rate > 0.0)?;
    let left = progress
        .total?
        .checked_sub(progress.done)
        .filter(|left| *left > 0)?;
    #[allow(clippy::cast_precision_loss, reason = "an estimate of time")]
    Duration::try_from_secs_f64(left as f64 / rate).ok()
}

/// How far the table can be behind the portal at most: everything up to the last look that worked is in. In Russian: отставание.
pub(crate) fn lag(facts: &ExchangeFacts, now: DateTime<Utc>) -> Option<Duration> {
    let looked = facts
        .look
        .as_ref()
        .and_then(|look: &WorkFacts| look.succeeded_at)?;
    Some((now - looked).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests;
