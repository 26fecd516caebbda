//! Numbers, durations and times, as each language writes them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::language::Language;

/// The forms of a noun after a number: English has two, Russian three.
#[derive(Debug, Clone, Copy)]
pub struct Noun {
    /// `move`, `moves`.
    pub en: [&'static str; 2],
    /// `переход` (1, 21), `перехода` (2 to 4, 22), `переходов` (5 to 20, 25).
    pub ru: [&'static str; 3],
}

impl Noun {
    /// The form after this number.
    pub fn form(&self, language: Language, count: u64) -> &'static str {
        match language {
            Language::En => self.en[usize::from(count != 1)],
            Language::Ru => match (count % 10, count % 100) {
                (_, 11..=14) => self.ru[2],
                (1, _) => self.ru[0],
                (2..=4, _) => self.ru[1],
                _ => self.ru[2],
            },
        }
    }

    /// The number and its noun: `128,402 moves`, `128 402 перехода`.
    pub fn count(&self, language: Language, count: u64) -> String {
        format!("{}\u{a0}{}", number(language, count), self.form(language, count))
    }
}

/// A whole number, grouped by thousands.
pub fn number(language: Language, value: u64) -> String {
    let separator = match language {
        Language::En => ',',
        Language::Ru => '\u{a0}',
    };
    let digits = value.to_string();
    // Russian leaves four digits together.
    if language == Language::Ru && digits.len() <= 4 {
        return digits;
    }
    let mut text = String::with_capacity(digits.len() * 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

/// A number with this many digits after its point, grouped.
pub fn decimal(language: Language, value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let text = format!("{:.digits$}", value.abs());
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let whole = number(language, whole.parse().unwrap_or(u64::MAX));
    let sign = if value < 0.0 { "−" } else { "" };
    match (rest, language) {
        ("", _) => format!("{sign}{whole}"),
        (rest, Language::En) => format!("{sign}{whole}.{rest}"),
        (rest, Language::Ru) => format!("{sign}{whole},{rest}"),
    }
}

/// The case that a Russian duration stands in.
#[derive(Clone, Copy)]
enum Case {
    /// `1 минута`: how long something is.
    Plain,
    /// `1 минуту`: ago, in, for.
    Accusative,
}

/// A unit of time.
#[derive(Clone, Copy)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
}

impl Unit {
    fn noun(self, case: Case) -> Noun {
        let noun = |en, plain, accusative, few, many| Noun {
            en,
            ru: [
                match case {
                    Case::Plain => plain,
                    Case::Accusative => accusative,
                },
                few,
                many,
            ],
        };
        match self {
            Self::Second => noun(["second", "seconds"], "секунда", "секунду", "секунды", "секунд"),
            Self::Minute => noun(["minute", "minutes"], "минута", "минуту", "минуты", "минут"),
            Self::Hour => noun(["hour", "hours"], "час", "час", "часа", "часов"),
            Self::Day => noun(["day", "days"], "день", "день", "дня", "дней"),
        }
    }

    fn brief(self, language: Language) -> &'static str {
        match self {
            Self::Second => language.of("s", "с"),
            Self::Minute => language.of("min", "мин"),
            Self::Hour => language.of("h", "ч"),
            Self::Day => language.of("d", "д"),
        }
    }
}

/// A duration in at most two units; the smaller one only where the larger is small, since nobody cares for seconds after ten
/// minutes.
fn told(duration: Duration, count: impl Fn(u64, Unit) -> String) -> String {
    let seconds = duration.as_secs();
    let [(large, large_unit), (small, small_unit)] = match seconds {
        0..60 => [(seconds, Unit::Second), (0, Unit::Second)],
        60..3600 => [(seconds / 60, Unit::Minute), (seconds % 60, Unit::Second)],
        3600..86_400 => [(seconds / 3600, Unit::Hour), (seconds % 3600 / 60, Unit::Minute)],
        _ => [
            (seconds / 86_400, Unit::Day),
            (seconds % 86_400 / 3600, Unit::Hour),
        ],
    };
    let mut text = count(large, large_unit);
    if small > 0 && large < 10 {
        text.push(' ');
        text.push_str(&count(small, small_unit));
    }
    text
}

fn words(language: Language, duration: Duration, case: Case) -> String {
    told(duration, |count, unit| unit.noun(case).count(language, count))
}

/// How long something is, where there is little room: `9 d 21 h`, `9 д 21 ч`.
pub fn span_brief(language: Language, duration: Duration) -> String {
    told(duration, |count, unit| {
        format!("{}\u{a0}{}", number(language, count), unit.brief(language))
    })
}

/// How long something is: `4 seconds`, `1 hour 5 minutes`; `4 секунды`, `1 минута`.
pub fn span(language: Language, duration: Duration) -> String {
    words(language, duration, Case::Plain)
}

/// How long something has lasted or will take, after a word like `for`: `ещё 1 минуту`.
pub fn span_for(language: Language, duration: Duration) -> String {
    words(language, duration, Case::Accusative)
}

/// How long ago an instant was: `4 seconds ago`, `4 секунды назад`. What lies ahead (clocks differ) is now.
pub fn ago(language: Language, now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    let gone = (now - then).to_std().unwrap_or_default();
    if gone < Duration::from_secs(1) {
        return language.of("just now", "только что").to_owned();
    }
    let text = words(language, gone, Case::Accusative);
    match language {
        Language::En => format!("{text} ago"),
        Language::Ru => format!("{text} назад"),
    }
}

/// How soon an instant comes: `in 5 minutes`, `через 5 минут`; what is over is `now`.
pub fn ahead(language: Language, now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    let left = (then - now).to_std().unwrap_or_default();
    if left < Duration::from_secs(1) {
        return language.of("now", "сейчас").to_owned();
    }
    let text = words(language, left, Case::Accusative);
    match language {
        Language::En => format!("in {text}"),
        Language::Ru => format!("через {text}"),
    }
}

/// A point in time, to the second, in the pages' zone.
pub fn moment(language: Language, zone: Tz, at: DateTime<Utc>) -> String {
    let pattern = match language {
        Language::En => "%Y-%m-%d %H:%M:%S",
        Language::Ru => "%d.%m.%Y %H:%M:%S",
    };
    at.with_timezone(&zone).format(pattern).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOVE: Noun = Noun {
        en: ["move", "moves"],
        ru: ["переход", "перехода", "переходов"],
    };

    #[test]
    fn russian_nouns_take_the_form_that_their_number_asks_for() {
        for (count, form) in [
            (0, "переходов"),
            (1, "переход"),
            (2, "перехода"),
            (4, "перехода"),
            (5, "переходов"),
            (11, "переходов"),
            (12, "переходов"),
            (14, "переходов"),
            (21, "переход"),
            (22, "перехода"),
            (25, "переходов"),
            (101, "переход"),
            (111, "переходов"),
            (128_402, "перехода"),
        ] {
            assert_eq!(MOVE.form(Language::Ru, count), form, "{count}");
        }
        assert_eq!(MOVE.form(Language::En, 1), "move");
        assert_eq!(MOVE.form(Language::En, 0), "moves");
        assert_eq!(MOVE.form(Language::En, 21), "moves");
    }

    #[test]
    fn numbers_are_grouped_as_each_language_does() {
        let (en, ru) = (Language::En, Language::Ru);
        assert_eq!(number(en, 999), "999");
        assert_eq!(number(en, 1000), "1,000");
        assert_eq!(number(en, 1_234_567), "1,234,567");
        assert_eq!(number(ru, 1000), "1000");
        assert_eq!(number(ru, 12_345), "12\u{a0}345");
        assert_eq!(number(ru, 1_234_567), "1\u{a0}234\u{a0}567");
        assert_eq!(decimal(en, 1234.56, 1), "1,234.6");
        assert_eq!(decimal(ru, 0.25, 2), "0,25");
        assert_eq!(decimal(ru, f64::NAN, 2), "–");
    }

    #[test]
    fn durations_are_told_in_words_of_at_most_two_units() {
        let told = |language, seconds| span(language, Duration::from_secs(seconds)).replace('\u{a0}', " ");
        assert_eq!(told(Language::En, 0), "0 seconds");
        assert_eq!(told(Language::En, 1), "1 second");
        assert_eq!(told(Language::En, 65), "1 minute 5 seconds");
        assert_eq!(told(Language::En, 1205), "20 minutes");
        assert_eq!(told(Language::En, 3900), "1 hour 5 minutes");
        assert_eq!(told(Language::En, 90_000), "1 day 1 hour");
        assert_eq!(told(Language::Ru, 61), "1 минута 1 секунда");
        assert_eq!(told(Language::Ru, 11 * 60), "11 минут");
        assert_eq!(told(Language::Ru, 22 * 3600), "22 часа");
        assert_eq!(told(Language::Ru, 5 * 86_400), "5 дней");
    }

    #[test]
    fn durations_are_told_briefly_in_the_same_units() {
        let told =
            |language, seconds| span_brief(language, Duration::from_secs(seconds)).replace('\u{a0}', " ");
        assert_eq!(told(Language::En, 0), "0 s");
        assert_eq!(told(Language::En, 65), "1 min 5 s");
        assert_eq!(told(Language::Ru, 3900), "1 ч 5 мин");
        assert_eq!(told(Language::Ru, 9 * 86_400 + 21 * 3600), "9 д 21 ч");
        assert_eq!(told(Language::En, 1337 * 86_400 + 3600), "1,337 d");
    }

    #[test]
    fn what_was_and_what_comes_is_told_from_now() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let at = |seconds: i64| now + chrono::TimeDelta::seconds(seconds);
        let (en, ru) = (Language::En, Language::Ru);
        assert_eq!(
            ago(ru, now, at(-61)).replace('\u{a0}', " "),
            "1 минуту 1 секунду назад"
        );
        assert_eq!(ago(en, now, at(-4)).replace('\u{a0}', " "), "4 seconds ago");
        assert_eq!(ago(en, now, at(30)), "just now");
        assert_eq!(
            ahead(ru, now, at(21 * 60)).replace('\u{a0}', " "),
            "через 21 минуту"
        );
        assert_eq!(ahead(en, now, at(-5)), "now");
    }

    #[test]
    fn times_are_told_in_the_zone_of_the_tables() {
        let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        assert_eq!(moment(Language::En, Tz::UTC, at), "2023-11-14 22:13:20");
        assert_eq!(
            moment(Language::Ru, Tz::Europe__Moscow, at),
            "15.11.2023 01:13:20"
        );
    }
}
