//! What a visitor has chosen: the pipeline, the period, which deals.

use ::analysis::{Asked, Basis, Error, LONGEST, Period, Pipeline};
use chrono::{Days, NaiveDate};

use super::super::super::desk::Visit;
use super::super::super::language::Language;

/// Days of the period that is shown when a pipeline has no moves.
const DAYS: u64 = 90;

/// The fields of the form as they were sent, or as they are when nobody has chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) pipeline: String,
    pub(super) from: String,
    pub(super) until: String,
    pub(super) basis: Basis,
    /// Whether there is a pipeline to choose.
    known: bool,
    today: NaiveDate,
    /// The day of the pipeline's first move.
    first: Option<NaiveDate>,
}

fn days_before(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_sub_days(Days::new(days)).unwrap_or(day)
}

/// The first day of the period that ends on a day and has all the time since `first` in it, or as much as a period can have.
fn whole(first: Option<NaiveDate>, until: NaiveDate) -> NaiveDate {
    let longest = days_before(until, u64::try_from(LONGEST - 1).unwrap_or(0));
    match first {
        Some(first) => first.clamp(longest, until),
        None => days_before(until, DAYS - 1),
    }
}

impl Choice {
    /// The choice of a visitor. Without one: the pipeline with the latest move, and all the time that it has moves of, as far as a
    /// period can reach.
    pub(super) fn of(visit: &Visit, pipelines: &[Pipeline], today: NaiveDate) -> Self {
        let usual = pipelines
            .iter()
            .max_by_key(|pipeline| pipeline.last)
            .map(|it| it.id);
        let pipeline = visit
            .parameter("pipeline")
            .unwrap_or_else(|| usual.map(|id| id.to_string()).unwrap_or_default());
        let chosen = pipelines.iter().find(|it| it.id.to_string() == pipeline);
        let first = chosen
            .and_then(|pipeline| pipeline.first)
            .map(|first| first.date());
        let field = |name: &str, usual: NaiveDate| {
            visit
                .parameter(name)
                .filter(|text| !text.is_empty())
                .unwrap_or_else(|| usual.to_string())
        };
        let until = field("until", today);
        let end = until.parse().unwrap_or(today);
        Self {
            pipeline,
            from: field("from", whole(first, end)),
            until,
            basis: match visit.parameter("deals").as_deref() {
                Some("visited") => Basis::Visited,
                _ => Basis::Entered,
            },
            known: usual.is_some(),
            today,
            first,
        }
    }

    /// The same choice for usual periods up to today: their days, `None` for all the time, and their addresses.
    pub(super) fn shortcuts(&self) -> Vec<(Option<u64>, String)> {
        let until = self.today;
        [Some(30), Some(90), Some(365), None]
            .into_iter()
            .map(|days| {
                let from = match days {
                    Some(days) => days_before(until, days - 1),
                    None => whole(self.first, until),
                };
                let choice = Self {
                    from: from.to_string(),
                    until: until.to_string(),
                    ..self.clone()
                };
                (days, choice.address("/analysis"))
            })
            .collect()
    }

    /// The question; `None` when there is no pipeline at all.
    ///
    /// # Errors
    /// What is wrong with the choice, in the visitor's language.
    pub(super) fn asked(&self, l: Language) -> Result<Option<Asked>, String> {
        if !self.known {
            return Ok(None);
        }
        let pipeline = self.pipeline.parse().map_err(|_| {
            l.of(
                "There is no such pipeline; choose one of the list.",
                "Такой воронки нет; выберите из списка.",
            )
        })?;
        let day = |text: &str| {
            text.parse::<NaiveDate>().map_err(|_| {
                l.of(
                    "One of the days is no date; write it as 2026-01-31.",
                    "Одна из дат записана неверно; пишите её так: 2026-01-31.",
                )
            })
        };
        let period = Period::new(day(&self.from)?, day(&self.until)?).map_err(|error| match error {
            Error::Backwards { .. } => l.of(
                "The period ends before it begins; choose a last day that is not before the first.",
                "Период заканчивается раньше, чем начинается; выберите последний день не раньше первого.",
            ),
            Error::TooLong { .. } => l.of(
                "The period is longer than ten years; choose a shorter one.",
                "Период длиннее десяти лет; выберите короче.",
            ),
            _ => l.of(
                "One of the days lies outside of the years 1900 to 9998; choose another.",
                "Одна из дат вне 1900–9998 годов; выберите другую.",
            ),
        })?;
        Ok(Some(Asked {
            pipeline,
            period,
            basis: self.basis,
        }))
    }

    /// The word for the basis in the address.
    pub(super) fn basis_word(basis: Basis) -> &'static str {
        match basis {
            Basis::Entered => "entered",
            Basis::Visited => "visited",
        }
    }

    /// The address of a file with these figures.
    pub(super) fn link(&self, file: &str) -> String {
        self.address(&format!("/analysis/{file}"))
    }

    fn address(&self, path: &str) -> String {
        let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        format!(
            "{path}?pipeline={}&from={}&until={}&deals={}",
            encoded(&self.pipeline),
            encoded(&self.from),
            encoded(&self.until),
            Self::basis_word(self.basis)
        )
    }
}
