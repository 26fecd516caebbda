//! A workbook of Excel. The same figures give the same bytes.

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use super::{Cell, Sheet};
use crate::Error;

/// The widest a column gets, in letters.
const WIDEST: u32 = 48;
/// The longest text that a cell holds.
const LONGEST: usize = 32_767;

/// A sheet for each table.
///
/// # Errors
/// When a sheet's name is none that Excel takes, or a sheet has more rows than it can have.
pub fn workbook(sheets: &[Sheet]) -> Result<Vec<u8>, Error> {
    write(sheets).map_err(|error| Error::Workbook(Box::new(error)))
}

fn write(sheets: &[Sheet]) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    // A workbook tells when it was made; a constant day keeps the bytes the same.
    let made = ExcelDateTime::from_ymd(2000, 1, 1)?;
    book.set_properties(&DocProperties::new().set_creation_datetime(&made));
    for sheet in sheets {
        fill(book.add_worksheet(), sheet)?;
    }
    book.save_to_buffer()
}

fn fill(page: &mut Worksheet, sheet: &Sheet) -> Result<(), XlsxError> {
    let heading = Format::new().set_bold();
    let share = Format::new().set_num_format("0.0%");
    let number = Format::new().set_num_format("0.00");
    let day = Format::new().set_num_format("yyyy-mm-dd");
    page.set_name(&sheet.name)?;
    page.set_freeze_panes(1, 0)?;
    for (column, text) in (0_u16..).zip(&sheet.headings) {
        page.write_string_with_format(0, column, text, &heading)?;
        let texts = sheet
            .rows
            .iter()
            .filter_map(|row| match row.get(usize::from(column)) {
                Some(Cell::Text(text)) => Some(text.chars().count()),
                _ => None,
            });
        let widest = texts.chain([text.chars().count() + 2, 11]).max().unwrap_or(11);
        let width = u32::try_from(widest).unwrap_or(WIDEST).min(WIDEST);
        page.set_column_width(column, f64::from(width))?;
    }
    for (row, cells) in (1_u32..).zip(&sheet.rows) {
        for (column, cell) in (0_u16..).zip(cells) {
            match cell {
                Cell::Text(text) => {
                    let text: String = text.chars().take(LONGEST).collect();
                    page.write_string(row, column, text)?;
                }
                Cell::Count(count) => {
                    page.write_number(row, column, float(*count))?;
                }
                Cell::Seconds(Some(seconds)) => {
                    let size = float(seconds.unsigned_abs());
                    page.write_number(row, column, if *seconds < 0 { -size } else { size })?;
                }
                Cell::Number(Some(value)) => {
                    page.write_number_with_format(row, column, *value, &number)?;
                }
                Cell::Share(Some(value)) => {
                    page.write_number_with_format(row, column, *value, &share)?;
                }
                Cell::Day(value) => {
                    let date = ExcelDateTime::parse_from_str(&value.to_string())?;
                    page.write_datetime_with_format(row, column, &date, &day)?;
                }
                Cell::Seconds(None) | Cell::Number(None) | Cell::Share(None) => {}
            }
        }
    }
    Ok(())
}

/// Excel's numbers are floats.
fn float(value: u64) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "a workbook has no other numbers")]
    let float = value as f64;
    float
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheets() -> Vec<Sheet> {
        vec![Sheet {
            name: "Воронка".to_owned(),
            headings: vec![
                "Стадия".to_owned(),
                "Сделок".to_owned(),
                "Доля".to_owned(),
                "День".to_owned(),
            ],
            rows: vec![vec![
                Cell::Text("=cmd|'/c calc'!A0".to_owned()),
                Cell::Count(7),
                Cell::Share(Some(0.5)),
                Cell::Day(chrono::NaiveDate::from_ymd_opt(2026, 1, 31).unwrap()),
            ]],
        }]
    }

    #[test]
    fn the_same_figures_give_the_same_bytes() {
        let one = workbook(&sheets()).unwrap();
        assert_eq!(one, workbook(&sheets()).unwrap());
        assert!(one.starts_with(b"PK"));
    }

    #[test]
    fn a_name_that_excel_does_not_take_is_an_error() {
        let wrong = Sheet {
            name: "a/b".to_owned(),
            ..sheets().remove(0)
        };
        assert!(matches!(workbook(&[wrong]), Err(Error::Workbook(_))));
    }
}
