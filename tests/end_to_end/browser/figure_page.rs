//! What the page of figures shows and draws, read as text and compared with what plain SQL says.

use serde_json::Value;

use super::counted::{Counted, Figures};

/// All that the page shows, as text, and what its charts draw.
pub(super) const SHOWN: &str = r#"
const text = node => node.textContent.replaceAll('\u00a0', ' ').trim();
const table = name => [...document.querySelectorAll(`#${name}-numbers tbody tr`)].map(row =>
  ({ stage: row.dataset.stage ?? null, cells: [...row.cells].map(text) }));
const chart = name => {
  const svg = document.querySelector(`#${name}-section svg`);
  const { width, height } = svg.getBoundingClientRect();
  const draws = selector => [...svg.querySelectorAll(selector)].map(shape => ({
    kind: shape.getAttribute('class').trim(), hint: text(shape.querySelector('title')),
    wide: Number(shape.getAttribute('width')), high: Number(shape.getAttribute('height')) }));
  return { seen: width > 100 && height > 50, bars: draws('rect.bar'), columns: draws('rect.column') };
};
const names = ['funnel', 'times', 'moves', 'results'];
return {
  lead: text(document.querySelector('main .lead')),
  tables: Object.fromEntries(names.map(name => [name, table(name)])),
  charts: Object.fromEntries(names.map(name => [name, chart(name)])),
  totals: ['moves', 'results'].map(name => text(document.querySelector(`#${name}-section > p`))),
};
"#;

/// What SQL says just before and just after the page was made: only open visits differ.
pub(super) type Around = [Figures; 2];

/// The number in a text, whatever groups its digits.
#[track_caller]
fn whole(text: &str) -> i64 {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits
        .parse()
        .unwrap_or_else(|_| panic!("{text:?} has no number"))
}

/// A share in per cent; none for a dash.
#[track_caller]
fn share(text: &str) -> Option<f64> {
    let number = text.strip_suffix(" %")?.replace(',', ".");
    Some(number.parse().unwrap_or_else(|_| panic!("{text:?} is no share")))
}

/// What a length of time is told in: numbers, each with the letter of its unit; none for a dash.
#[track_caller]
fn told(text: &str) -> Vec<(i64, char)> {
    let words: Vec<&str> = text.split_whitespace().filter(|word| *word != "–").collect();
    let unit = |word: &str| {
        let begins = |stems: &[&str]| stems.iter().any(|stem| word.starts_with(stem));
        match word {
            _ if begins(&["second", "секунд"]) => 's',
            _ if begins(&["minute", "минут"]) => 'm',
            _ if begins(&["hour", "час"]) => 'h',
            _ if begins(&["day", "день", "дня", "дней"]) => 'd',
            _ => panic!("{text:?} is no length of time"),
        }
    };
    words
        .chunks(2)
        .map(|pair| (whole(pair[0]), unit(pair[1])))
        .collect()
}

/// The same of a number of seconds: the largest unit, and the next one where the largest has one digit and the next is not zero.
fn units(seconds: Option<i64>) -> Vec<(i64, char)> {
    let Some(seconds) = seconds else {
        return Vec::new();
    };
    let parts = [
        (seconds / 86_400, 'd'),
        (seconds / 3600 % 24, 'h'),
        (seconds / 60 % 60, 'm'),
        (seconds % 60, 's'),
    ];
    let first = parts.iter().position(|(number, _)| *number > 0).unwrap_or(3);
    let mut units = vec![parts[first]];
    if let Some(next) = parts.get(first + 1)
        && next.0 > 0
        && parts[first].0 < 10
    {
        units.push(*next);
    }
    units
}

pub(super) fn close(one: Option<f64>, other: Option<f64>, by: f64) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => (one - other).abs() <= by,
        (None, None) => true,
        _ => false,
    }
}

fn part(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Shares of each stage: of its deals in the next one, of the first one's deals in it.
pub(super) fn shares(stages: &[Counted]) -> Vec<(Option<f64>, Option<f64>)> {
    let first = stages[0].deals;
    let next = |at: usize| stages.get(at + 1).filter(|next| !next.lost);
    (0..stages.len())
        .map(|at| {
            let to_next = next(at).and_then(|next| part(next.deals, stages[at].deals));
            (to_next, part(stages[at].deals, first))
        })
        .collect()
}

/// A day as a page of this language writes it.
fn day(language: &str, day: &str) -> String {
    match language {
        "ru" => day.split('-').rev().collect::<Vec<_>>().join("."),
        _ => day.to_owned(),
    }
}

/// Compares the tables of the page with what SQL says.
pub(super) fn compare_numbers(shown: &Value, [before, after]: &Around, language: &str) {
    let rows = |name: &str| -> Vec<(Option<String>, Vec<String>)> {
        let rows = shown["tables"][name].as_array().expect("a table").iter();
        rows.map(|row| {
            let cells = row["cells"].as_array().expect("cells").iter();
            let cells = cells
                .map(|cell| cell.as_str().expect("a text").to_owned())
                .collect();
            (row["stage"].as_str().map(str::to_owned), cells)
        })
        .collect()
    };
    let codes: Vec<Option<String>> = before
        .stages
        .iter()
        .map(|stage| Some(stage.code.clone()))
        .collect();
    let (funnel, times) = (rows("funnel"), rows("times"));
    for table in [&funnel, &times] {
        let found: Vec<_> = table.iter().map(|(code, _)| code.clone()).collect();
        assert_eq!(found, codes);
    }
    let shares = shares(&before.stages);
    for (at, stage) in before.stages.iter().enumerate() {
        let removed = if language == "ru" {
            " (удалена)"
        } else {
            " (removed)"
        };
        let name = format!("{}{}", stage.name, if stage.gone { removed } else { "" });
        let (_, cells) = &funnel[at];
        assert_eq!(cells[0], name);
        let found = [whole(&cells[1]), whole(&cells[4])];
        assert_eq!(found, [stage.deals, stage.there], "{}", stage.code);
        let percent = |share: Option<f64>| share.map(|share| share * 100.0);
        for (cell, wanted) in [(&cells[2], shares[at].0), (&cells[3], shares[at].1)] {
            let wanted = percent(wanted);
            assert!(
                close(share(cell), wanted, 0.0501),
                "{}: {cell}, not {wanted:?}",
                stage.code
            );
        }
        let (_, cells) = &times[at];
        assert_eq!(whole(&cells[3]), stage.visits, "{}", stage.code);
        let later = &after.stages[at];
        for (cell, lengths) in [
            (&cells[1], [stage.median, later.median]),
            (&cells[2], [stage.p90, later.p90]),
        ] {
            let found = told(cell);
            let right = lengths.iter().any(|length| units(*length) == found);
            assert!(right, "{}: {cell}, not {lengths:?} seconds", stage.code);
        }
    }
    let days: Vec<_> = rows("moves")
        .into_iter()
        .map(|(_, cells)| (cells[0].clone(), whole(&cells[1])))
        .collect();
    let wanted: Vec<_> = before
        .days
        .iter()
        .map(|(at, moves)| (day(language, at), *moves))
        .collect();
    assert_eq!(days, wanted);
    let weeks: Vec<_> = rows("results")
        .into_iter()
        .map(|(_, cells)| (cells[0].clone(), whole(&cells[1]), whole(&cells[2])))
        .collect();
    let wanted: Vec<_> = before
        .weeks
        .iter()
        .map(|(at, won, lost)| (day(language, at), *won, *lost))
        .collect();
    assert_eq!(weeks, wanted);

    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let lead = text(&shown["lead"]);
    let deals = lead.rsplit(": ").next().unwrap_or_default();
    assert_eq!(whole(deals), before.passages, "{lead}");
    let moves = text(&shown["totals"][0]);
    let all: i64 = before.days.iter().map(|(_, moves)| moves).sum();
    let split = if language == "ru" {
        " всего"
    } else {
        " in all"
    };
    assert_eq!(moves.split(split).next().map(whole), Some(all), "{moves}");
    let results = text(&shown["totals"][1]);
    let (won, lost) = results.split_once(", ").expect("two numbers");
    let all = |of: fn(&(String, i64, i64)) -> i64| -> i64 { before.weeks.iter().map(of).sum() };
    assert_eq!(
        [whole(won), whole(lost)],
        [all(|week| week.1), all(|week| week.2)],
        "{results}"
    );
}

/// Compares what the charts draw with what SQL says: what a shape says when somebody points at it, and its size beside the largest.
pub(super) fn compare_charts(shown: &Value, [before, _]: &Around, language: &str) {
    for name in ["funnel", "times", "moves", "results"] {
        assert_eq!(
            shown["charts"][name]["seen"], true,
            "the chart {name} is there to be seen"
        );
    }
    let shapes = |name: &str, kind: &str| -> Vec<Value> {
        shown["charts"][name][kind].as_array().expect("shapes").clone()
    };
    let hint = |shape: &Value| shape["hint"].as_str().expect("a hint").to_owned();
    let sizes = |shapes: &[Value], size: &str, wanted: &[i64], what: &str| {
        let largest = wanted.iter().max().copied().unwrap_or(0) as f64;
        let tallest = shapes
            .iter()
            .filter_map(|shape| shape[size].as_f64())
            .fold(0.0, f64::max);
        for (shape, number) in shapes.iter().zip(wanted) {
            let drawn = shape[size].as_f64().expect("a size") / tallest;
            let right = *number as f64 / largest;
            assert!(
                (drawn - right).abs() < 0.005,
                "{what}: {} is drawn as {drawn:.3} of the largest",
                hint(shape)
            );
        }
    };

    let bars = shapes("funnel", "bars");
    let deals: Vec<i64> = before.stages.iter().map(|stage| stage.deals).collect();
    let said: Vec<i64> = bars
        .iter()
        .map(|bar| {
            let hint = hint(bar);
            whole(
                hint.rsplit(": ")
                    .next()
                    .unwrap_or_default()
                    .split(" · ")
                    .next()
                    .unwrap_or_default(),
            )
        })
        .collect();
    assert_eq!(said, deals);
    sizes(&bars, "wide", &deals, "funnel");

    let columns = shapes("moves", "columns");
    let days: Vec<_> = before.days.iter().filter(|(_, moves)| *moves > 0).collect();
    assert_eq!(columns.len(), days.len());
    for (column, (at, moves)) in columns.iter().zip(&days) {
        let hint = hint(column);
        let (said, number) = hint.split_once(": ").expect("a day and a number");
        assert_eq!((said, whole(number)), (day(language, at).as_str(), *moves));
    }
    sizes(
        &columns,
        "high",
        &days.iter().map(|(_, moves)| *moves).collect::<Vec<_>>(),
        "moves",
    );

    let columns = shapes("results", "columns");
    let (mut numbers, mut drawn) = (Vec::new(), columns.iter());
    for (at, won, lost) in &before.weeks {
        for (kind, number) in [("column won", *won), ("column lost", *lost)] {
            if number == 0 {
                continue;
            }
            let column = drawn.next().expect("a column for every result");
            assert_eq!(column["kind"], kind);
            let hint = hint(column);
            let (said, results) = hint.split_once(": ").expect("a week and its results");
            assert!(said.ends_with(&day(language, at)), "{hint}");
            let (up, down) = results.split_once(", ").expect("two numbers");
            assert_eq!([whole(up), whole(down)], [*won, *lost], "{hint}");
            numbers.push(number);
        }
    }
    assert!(drawn.next().is_none(), "no column for nothing");
    sizes(&columns, "high", &numbers, "results");
}
