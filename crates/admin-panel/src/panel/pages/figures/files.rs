//! The figures as files.

use ::analysis::export::{Cell, Sheet, csv, workbook};
use ::analysis::{Error, Figures, Kind};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};

use super::super::super::language::Language;

/// A file of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum File {
    Funnel,
    Days,
    Weeks,
    Workbook,
}

impl File {
    /// The file with this name in the address.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "funnel.csv" => Self::Funnel,
            "days.csv" => Self::Days,
            "weeks.csv" => Self::Weeks,
            "figures.xlsx" => Self::Workbook,
            _ => return None,
        })
    }

    fn stem(self) -> &'static str {
        match self {
            Self::Funnel => "funnel",
            Self::Days => "days",
            Self::Weeks => "weeks",
            Self::Workbook => "figures",
        }
    }
}

/// The file, to be saved under a name that tells what it holds.
pub(super) fn answer(l: Language, file: File, figures: &Figures) -> Result<Response, Error> {
    const CSV: &str = "text/csv; charset=utf-8";
    const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    let (kind, extension, body) = match file {
        File::Funnel => (CSV, "csv", csv(&funnel(l, figures)).into_bytes()),
        File::Days => (CSV, "csv", csv(&days(l, figures)).into_bytes()),
        File::Weeks => (CSV, "csv", csv(&weeks(l, figures)).into_bytes()),
        File::Workbook => {
            let sheets = [funnel(l, figures), days(l, figures), weeks(l, figures)];
            (XLSX, "xlsx", workbook(&sheets)?)
        }
    };
    let name = format!(
        "attachment; filename=\"{}-{}-{}-{}.{extension}\"",
        file.stem(),
        figures.asked.pipeline,
        figures.asked.period.from(),
        figures.asked.period.until()
    );
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(name) = HeaderValue::try_from(name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

fn headings<const N: usize>(l: Language, texts: [(&'static str, &'static str); N]) -> Vec<String> {
    texts.map(|(en, ru)| l.of(en, ru).to_owned()).to_vec()
}

fn funnel(l: Language, figures: &Figures) -> Sheet {
    let kind = |kind| match kind {
        Kind::InProgress => l.of("in progress", "в работе"),
        Kind::Won => l.of("won", "успех"),
        Kind::Lost => l.of("lost", "провал"),
    };
    let days = |seconds: Option<i64>| {
        // A length of time is far below what a float holds.
        #[allow(clippy::cast_precision_loss, reason = "it is shown with two digits")]
        Cell::Number(seconds.map(|seconds| seconds as f64 / 86_400.0))
    };
    Sheet {
        name: l.of("Funnel", "Воронка").to_owned(),
        headings: headings(
            l,
            [
                ("Stage", "Стадия"),
                ("Code", "Код"),
                ("Kind", "Вид"),
                ("Deals reached", "Дошли сделок"),
                ("Share to the next", "Доля в следующую"),
                ("Share of the first", "Доля от первой"),
                ("There now", "Сейчас там"),
                ("Visits", "Посещений"),
                ("Median, days", "Медиана, дней"),
                ("90th percentile, days", "90-й перцентиль, дней"),
                ("Median, seconds", "Медиана, секунд"),
                ("90th percentile, seconds", "90-й перцентиль, секунд"),
            ],
        ),
        rows: figures
            .stages
            .iter()
            .map(|stage| {
                vec![
                    Cell::Text(stage.name.clone()),
                    Cell::Text(stage.id.clone()),
                    Cell::Text(kind(stage.kind).to_owned()),
                    Cell::Count(stage.deals),
                    Cell::Share(stage.to_next),
                    Cell::Share(stage.from_first),
                    Cell::Count(stage.deals_now),
                    Cell::Count(stage.visits),
                    days(stage.median),
                    days(stage.p90),
                    Cell::Seconds(stage.median),
                    Cell::Seconds(stage.p90),
                ]
            })
            .collect(),
    }
}

fn days(l: Language, figures: &Figures) -> Sheet {
    Sheet {
        name: l.of("Moves per day", "Переходы по дням").to_owned(),
        headings: headings(l, [("Day", "День"), ("Moves", "Переходов")]),
        rows: figures
            .days
            .iter()
            .map(|day| vec![Cell::Day(day.day), Cell::Count(day.moves)])
            .collect(),
    }
}

fn weeks(l: Language, figures: &Figures) -> Sheet {
    Sheet {
        name: l.of("Results per week", "Итоги по неделям").to_owned(),
        headings: headings(
            l,
            [
                ("Week of Monday", "Неделя с понедельника"),
                ("Won", "Успех"),
                ("Lost", "Провал"),
            ],
        ),
        rows: figures
            .weeks
            .iter()
            .map(|week| {
                vec![
                    Cell::Day(week.monday),
                    Cell::Count(week.won),
                    Cell::Count(week.lost),
                ]
            })
            .collect(),
    }
}
