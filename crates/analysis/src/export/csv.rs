//! CSV as RFC 4180 has it, in UTF-8 with a byte order mark, by which Excel knows it.

use super::{Cell, Sheet};

/// A text that begins with one of these is a formula to programs that calculate.
const FORMULAS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A table as a file. Numbers have a point, days are `2026-01-31`, shares are fractions of 1.
pub fn csv(sheet: &Sheet) -> String {
    let mut text = String::from("\u{feff}");
    line(&mut text, sheet.headings.iter().map(|heading| guarded(heading)));
    for row in &sheet.rows {
        line(&mut text, row.iter().map(shown));
    }
    text
}

fn line(text: &mut String, cells: impl Iterator<Item = String>) {
    for (place, cell) in cells.enumerate() {
        if place > 0 {
            text.push(',');
        }
        if cell.contains([',', '"', '\r', '\n']) {
            text.push('"');
            text.push_str(&cell.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(&cell);
        }
    }
    text.push_str("\r\n");
}

fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => guarded(text),
        Cell::Count(number) => number.to_string(),
        Cell::Number(number) => number.map_or_else(String::new, |number| format!("{number:.4}")),
        Cell::Share(share) => share.map_or_else(String::new, |share| format!("{share:.4}")),
        Cell::Seconds(seconds) => seconds.map_or_else(String::new, |seconds| seconds.to_string()),
        Cell::Day(day) => day.to_string(),
    }
}

/// A quotation mark before what would be a formula, also behind blanks that a program may cut off.
fn guarded(text: &str) -> String {
    let begins = |text: &str| text.starts_with(FORMULAS);
    if begins(text) || begins(text.trim_start()) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> String {
        let sheet = Sheet {
            name: "S".to_owned(),
            headings: vec!["A".to_owned(), "B".to_owned()],
            rows: vec![vec![Cell::Text(text.to_owned()), Cell::Count(7)]],
        };
        csv(&sheet)
    }

    #[test]
    fn a_file_begins_with_the_mark_and_its_lines_end_as_the_standard_says() {
        assert_eq!(of("Новая"), "\u{feff}A,B\r\nНовая,7\r\n");
        assert_eq!(of("a,\"b\"\nc"), "\u{feff}A,B\r\n\"a,\"\"b\"\"\nc\",7\r\n");
    }

    #[test]
    fn what_would_be_a_formula_is_text() {
        for formula in ["=cmd()", "+1", "-1", "@sum", "\t=1", "  =1", "\r=1"] {
            let text = of(formula);
            let cell = text.trim_start_matches("\u{feff}A,B\r\n").trim_start_matches('"');
            assert!(cell.starts_with('\''), "{formula:?}: {text:?}");
        }
        assert!(of("a=b").contains("\r\na=b,"));
    }

    #[test]
    fn numbers_are_numbers_and_nothing_is_an_empty_cell() {
        let day = chrono::NaiveDate::from_ymd_opt(2026, 1, 31).unwrap();
        let sheet = Sheet {
            name: "S".to_owned(),
            headings: vec!["A".to_owned()],
            rows: vec![
                vec![Cell::Share(Some(0.25))],
                vec![Cell::Share(None)],
                vec![Cell::Seconds(Some(-5))],
                vec![Cell::Day(day)],
                vec![Cell::Number(Some(1.5))],
            ],
        };
        assert_eq!(
            csv(&sheet),
            "\u{feff}A\r\n0.2500\r\n\r\n-5\r\n2026-01-31\r\n1.5000\r\n"
        );
    }
}
