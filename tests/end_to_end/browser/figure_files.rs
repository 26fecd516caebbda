//! The files of the page of figures: downloaded, read, and compared with what plain SQL says.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use super::counted::{Choice, FORMULA};
use super::figure_page::{Around, close, shares};
use super::{Browser, until};

/// A table of a file: its rows without the headings, as text.
pub(super) type Sheet = Vec<Vec<String>>;

fn number(cell: &str) -> Option<f64> {
    (!cell.is_empty()).then(|| cell.parse().expect("a number"))
}

/// Compares the tables of a file with what SQL says. `formula`: how it writes a name that looks like one; `finest`: how far a fraction
/// may be off; `day_of`: how it tells a day.
pub(super) fn compare_sheets(
    [funnel, days, weeks]: [&Sheet; 3],
    [before, after]: &Around,
    formula: &str,
    finest: f64,
    day_of: impl Fn(&str) -> String,
) {
    let codes: Vec<&str> = funnel.iter().map(|row| row[1].as_str()).collect();
    let wanted: Vec<&str> = before.stages.iter().map(|stage| stage.code.as_str()).collect();
    assert_eq!(codes, wanted);
    let shares = shares(&before.stages);
    for (at, stage) in before.stages.iter().enumerate() {
        let row = &funnel[at];
        let name = if stage.name == FORMULA {
            formula
        } else {
            stage.name.as_str()
        };
        assert_eq!(row[0], name);
        let counts = [3, 6, 7].map(|column: usize| number(&row[column]));
        assert_eq!(
            counts,
            [stage.deals, stage.there, stage.visits].map(|count| Some(count as f64)),
            "{row:?}"
        );
        assert!(
            close(number(&row[4]), shares[at].0, finest),
            "{row:?}, not {:?}",
            shares[at]
        );
        assert!(
            close(number(&row[5]), shares[at].1, finest),
            "{row:?}, not {:?}",
            shares[at]
        );
        let later = &after.stages[at];
        for (in_days, in_seconds, low, high) in
            [(8, 10, stage.median, later.median), (9, 11, stage.p90, later.p90)]
        {
            let seconds = number(&row[in_seconds]);
            let [low, high] = [low, high].map(|length| length.map(|length| length as f64));
            assert!(
                seconds >= low && seconds <= high,
                "{row:?}, not {low:?} to {high:?}"
            );
            assert!(
                close(
                    number(&row[in_days]),
                    seconds.map(|seconds| seconds / 86_400.0),
                    finest
                ),
                "{row:?}"
            );
        }
    }
    let wanted: Sheet = before
        .days
        .iter()
        .map(|(day, moves)| vec![day_of(day), moves.to_string()])
        .collect();
    assert_eq!(days, &wanted);
    let wanted: Sheet = before
        .weeks
        .iter()
        .map(|(day, won, lost)| vec![day_of(day), won.to_string(), lost.to_string()])
        .collect();
    assert_eq!(weeks, &wanted);
}

/// No text in these files needs quotation marks.
pub(super) fn csv(bytes: &[u8]) -> Sheet {
    let text = std::str::from_utf8(bytes).expect("UTF-8");
    let text = text
        .strip_prefix('\u{feff}')
        .expect("a byte order mark, by which Excel knows UTF-8");
    let lines = text.lines().skip(1);
    lines
        .map(|line| line.split(',').map(str::to_owned).collect())
        .collect()
}

/// The sheets of a workbook. Cells that are left out are empty.
pub(super) fn workbook(bytes: &[u8]) -> Vec<Sheet> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("a workbook is an archive");
    let mut file = |name: &str| {
        let mut text = String::new();
        let mut file = archive.by_name(name).expect("the workbook has this part");
        file.read_to_string(&mut text).expect("UTF-8");
        text
    };
    let between = |text: &str, begin: &str, end: &str| {
        let (_, rest) = text.split_once(begin)?;
        Some(rest.split_once(end)?.0.to_owned())
    };
    let plain = |text: &str| {
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&")
    };
    let strings: Vec<String> = file("xl/sharedStrings.xml")
        .split("<si>")
        .skip(1)
        .map(|entry| plain(&between(entry, ">", "</t>").expect("a text")))
        .collect();
    (1..=3)
        .map(|sheet| {
            let sheet = file(&format!("xl/worksheets/sheet{sheet}.xml"));
            let rows: Vec<BTreeMap<usize, String>> = sheet
                .split("<row ")
                .skip(1)
                .map(|row| {
                    let cells = row.split("<c ").skip(1);
                    cells
                        .filter_map(|cell| {
                            let column = between(cell, "r=\"", "\"")?.bytes().next()? - b'A';
                            let value = between(cell, "<v>", "</v>")?;
                            let value = match cell.contains("t=\"s\"") {
                                true => strings[value.parse::<usize>().expect("a place")].clone(),
                                false => value,
                            };
                            Some((usize::from(column), value))
                        })
                        .collect()
                })
                .collect();
            let columns = rows.first().map_or(0, BTreeMap::len);
            rows.iter()
                .skip(1)
                .map(|row| {
                    (0..columns)
                        .map(|at| row.get(&at).cloned().unwrap_or_default())
                        .collect()
                })
                .collect()
        })
        .collect()
}

/// A day as Excel counts it.
pub(super) fn serial(day: &str) -> String {
    let day: chrono::NaiveDate = day.parse().expect("a day");
    let zero = chrono::NaiveDate::from_ymd_opt(1899, 12, 30).expect("a day");
    (day - zero).num_days().to_string()
}

/// Clicks a link to a file and waits for it.
pub(super) async fn download(browser: &Browser, folder: &Path, link: &str, choice: &Choice) -> Vec<u8> {
    let (stem, extension) = link.split_once('.').expect("a name with an extension");
    let name = format!(
        "{stem}-{}-{}-{}.{extension}",
        choice.pipeline, choice.from, choice.until
    );
    browser
        .click(&format!(".downloads a[href^='/analysis/{link}']"))
        .await;
    let path = folder.join(&name);
    let bytes = until(&name, async || {
        std::fs::read(&path).ok().filter(|bytes| !bytes.is_empty())
    })
    .await;
    std::fs::remove_file(path).expect("the file can be taken away");
    bytes
}
