//! The fields of a row as types.
//!
//! An error names the method, the row by its ID and the field, so that somebody can look the row up in the portal.
//! It never holds a value: values are the portal's data.

use chrono::{DateTime, FixedOffset, NaiveDate};

use super::Scalar;
use crate::error::Error;

/// Turns the fields of one row of a method's answer into types.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    method: &'a str,
    /// What the rows are, for example `deal`.
    noun: &'a str,
    /// The ID of this row, once known.
    row: Option<i64>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(method: &'a str, noun: &'a str) -> Self {
        Self {
            method,
            noun,
            row: None,
        }
    }

    /// The row's own identifier. Errors of its other fields name the row by it from here on.
    pub(crate) fn row_id(&mut self, field: &str, value: &Scalar<'_>) -> Result<i64, Error> {
        let id = self.id(field, value)?;
        self.row = Some(id);
        Ok(id)
    }

    /// An identifier: a whole number from 0 to the largest `i64`.
    pub(crate) fn id(self, field: &str, value: &Scalar<'_>) -> Result<i64, Error> {
        self.optional_id(field, value)?.ok_or_else(|| self.lacks(field))
    }

    pub(crate) fn optional_id(self, field: &str, value: &Scalar<'_>) -> Result<Option<i64>, Error> {
        if value.is_empty() {
            return Ok(None);
        }
        match value.as_integer() {
            Some(id) if id >= 0 => Ok(Some(id)),
            _ => Err(self.wrong(field, "is not a whole number from 0 to 9223372036854775807")),
        }
    }

    /// A reference to a user or such, where 0 and negative numbers stand for nobody.
    pub(crate) fn optional_reference(self, field: &str, value: &Scalar<'_>) -> Result<Option<i64>, Error> {
        if value.is_empty() {
            return Ok(None);
        }
        let id = value
            .as_integer()
            .ok_or_else(|| self.wrong(field, "is not a whole number"))?;
        Ok(Some(id).filter(|id| *id > 0))
    }

    /// Text that must not be empty.
    pub(crate) fn text<T: for<'t> From<&'t str>>(self, field: &str, value: &Scalar<'_>) -> Result<T, Error> {
        self.optional_text(field, value)?.ok_or_else(|| self.lacks(field))
    }

    /// Text as it is, spaces included; `None` when it is empty.
    pub(crate) fn optional_text<T: for<'t> From<&'t str>>(
        self,
        field: &str,
        value: &Scalar<'_>,
    ) -> Result<Option<T>, Error> {
        match value {
            Scalar::Text(text) => Ok(Some(text.as_ref()).filter(|text| !text.is_empty()).map(T::from)),
            Scalar::Integer(number) => Ok(Some(number.to_string().as_str().into())),
            Scalar::Float(number) => Ok(Some(number.to_string().as_str().into())),
            Scalar::Missing | Scalar::Null | Scalar::Flag(false) => Ok(None),
            Scalar::Flag(true) | Scalar::Compound => Err(self.wrong(field, "is not text")),
        }
    }

    /// Text as it is, empty text included; `None` only when there is none.
    pub(crate) fn given_text(self, field: &str, value: &Scalar<'_>) -> Result<Option<String>, Error> {
        match value {
            Scalar::Text(text) => Ok(Some(text.clone().into_owned())),
            other => self.optional_text(field, other),
        }
    }

    /// A flag in any spelling; `None` when it is empty.
    pub(crate) fn optional_flag(self, field: &str, value: &Scalar<'_>) -> Result<Option<bool>, Error> {
        match value.as_flag() {
            Some(flag) => Ok(Some(flag)),
            None if value.is_empty() => Ok(None),
            None => Err(self.wrong(field, "is neither Y nor N")),
        }
    }

    pub(crate) fn date_time(self, field: &str, value: &Scalar<'_>) -> Result<DateTime<FixedOffset>, Error> {
        self.optional_date_time(field, value)?
            .ok_or_else(|| self.lacks(field))
    }

    /// A point in time. One without an offset from UTC is an error: guessing the zone would shift it unseen.
    pub(crate) fn optional_date_time(
        self,
        field: &str,
        value: &Scalar<'_>,
    ) -> Result<Option<DateTime<FixedOffset>>, Error> {
        let Some(text) = self.date_text(field, value)? else {
            return Ok(None);
        };
        DateTime::parse_from_rfc3339(text)
            .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%#z"))
            .map(Some)
            .map_err(|_| self.wrong(field, "is not a date and time with an offset from UTC"))
    }

    /// A calendar day as written: a time and an offset behind it are not looked at.
    pub(crate) fn optional_date(self, field: &str, value: &Scalar<'_>) -> Result<Option<NaiveDate>, Error> {
        let Some(text) = self.date_text(field, value)? else {
            return Ok(None);
        };
        let day = text.split(['T', ' ']).next().unwrap_or_default();
        calendar_day(day)
            .map(Some)
            .ok_or_else(|| self.wrong(field, "is not a date written as 2024-12-31"))
    }

    /// The text of a date; `None` for nothing and for the zero dates of MySQL and PHP.
    fn date_text<'v>(self, field: &str, value: &'v Scalar<'_>) -> Result<Option<&'v str>, Error> {
        match value {
            Scalar::Text(text) => {
                let text = text.trim();
                let zero = ["0000-00-00", "-0001-11-30"]
                    .iter()
                    .any(|zero| text.starts_with(zero));
                Ok(Some(text).filter(|text| !text.is_empty() && !zero))
            }
            _ if value.is_empty() => Ok(None),
            _ => Err(self.wrong(field, "is not a date")),
        }
    }

    fn lacks(self, field: &str) -> Error {
        self.wrong(field, "is missing or empty")
    }

    /// What is wrong with this row. `what` must not hold values.
    fn wrong(self, field: &str, what: &str) -> Error {
        let detail = match self.row {
            Some(id) => format!("{} {id}: field {field} {what}", self.noun),
            None => format!("field {field} of a {} {what}", self.noun),
        };
        Error::unexpected(self.method, detail)
    }
}

/// A day written as `2024-12-31`. Read digit by digit: deals come by the hundred thousand, with two days each.
fn calendar_day(text: &str) -> Option<NaiveDate> {
    let (year, rest) = text.split_at_checked(4)?;
    let (month, day) = rest.strip_prefix('-')?.split_at_checked(2)?;
    let day = day.strip_prefix('-').filter(|day| day.len() == 2)?;
    let number = |digits: &str| {
        let mut digits = digits.bytes().map(|digit| char::from(digit).to_digit(10));
        digits.try_fold(0, |number, digit| Some(number * 10 + digit?))
    };
    let year = i32::try_from(number(year)?).ok()?;
    NaiveDate::from_ymd_opt(year, number(month)?, number(day)?)
}
