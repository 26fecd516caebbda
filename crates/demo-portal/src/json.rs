//! Writing answers the way the portal's PHP writes JSON, straight into one buffer.

use std::fmt::Write as _;

/// A JSON text in the making. Like PHP, it escapes `/` and everything outside ASCII.
#[derive(Debug, Default)]
pub(crate) struct Json {
    text: String,
}

impl Json {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
        }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }

    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// What was written between two lengths.
    pub(crate) fn between(&self, from: usize, to: usize) -> &str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// Takes back what was written behind a length.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.text.truncate(length);
    }

    #[cfg(test)]
    pub(crate) fn since(&self, length: usize) -> &str {
        self.between(length, self.len())
    }

    /// Text that is JSON already.
    pub(crate) fn raw(&mut self, json: &str) {
        self.text.push_str(json);
    }

    /// A comma, except right behind an opening bracket.
    pub(crate) fn comma(&mut self) {
        if !matches!(self.text.as_bytes().last(), Some(b'{' | b'[' | b':') | None) {
            self.text.push(',');
        }
    }

    /// A key of an object and its colon, with the comma it needs.
    pub(crate) fn key(&mut self, key: &str) {
        self.comma();
        self.string(key);
        self.text.push(':');
    }

    pub(crate) fn string(&mut self, value: &str) {
        self.text.push('"');
        let mut plain = 0;
        for (at, letter) in value.char_indices() {
            let escape = match letter {
                '"' => "\\\"",
                '\\' => "\\\\",
                '/' => "\\/",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                ' '..='~' => continue,
                _ => "",
            };
            self.text.push_str(value.get(plain..at).unwrap_or_default());
            plain = at + letter.len_utf8();
            if escape.is_empty() {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    self.format(format_args!("\\u{unit:04x}"));
                }
            } else {
                self.text.push_str(escape);
            }
        }
        self.text.push_str(value.get(plain..).unwrap_or_default());
        self.text.push('"');
    }

    pub(crate) fn integer(&mut self, value: i64) {
        let mut digits = [0u8; 20];
        let mut at = digits.len();
        let mut rest = value.unsigned_abs();
        loop {
            at -= 1;
            #[allow(clippy::cast_possible_truncation, reason = "a remainder by ten is one digit")]
            let digit = (rest % 10) as u8;
            digits[at] = b'0' + digit;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if value < 0 {
            self.text.push('-');
        }
        self.text
            .extend(digits[at..].iter().map(|digit| char::from(*digit)));
    }

    /// A number with fractions, in seconds, to the microsecond.
    pub(crate) fn seconds(&mut self, value: f64) {
        if value == value.trunc() && value.abs() < 1e15 {
            self.format(format_args!("{value:.0}"));
        } else {
            self.format(format_args!("{value:.6}"));
        }
    }

    fn format(&mut self, what: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        self.text.write_fmt(what).unwrap_or_default();
    }

    /// A date-time with its offset, `2022-11-01T09:39:06+03:00`, from Unix time.
    pub(crate) fn date_time(&mut self, moment: i64, offset: i32) {
        let local = moment + i64::from(offset);
        let (year, month, day) = date_of(local.div_euclid(86_400));
        let second = local.rem_euclid(86_400);
        self.text.push('"');
        self.padded(year.unsigned_abs(), 4);
        for (sign, part) in [('-', month), ('-', day)] {
            self.text.push(sign);
            self.padded(part, 2);
        }
        for (sign, part) in [('T', second / 3600), (':', second / 60 % 60), (':', second % 60)] {
            self.text.push(sign);
            self.padded(part.unsigned_abs(), 2);
        }
        self.text.push(if offset < 0 { '-' } else { '+' });
        let offset = u64::from(offset.unsigned_abs());
        self.padded(offset / 3600, 2);
        self.text.push(':');
        self.padded(offset / 60 % 60, 2);
        self.text.push('"');
    }

    fn padded(&mut self, value: u64, width: u32) {
        for place in (0..width).rev() {
            #[allow(clippy::cast_possible_truncation, reason = "a remainder by ten is one digit")]
            let digit = (value / 10u64.pow(place) % 10) as u8;
            self.text.push(char::from(b'0' + digit));
        }
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
///
/// Reckoned in years that begin in March, so that the leap day is the last one.
fn date_of(day: i64) -> (i64, u64, u64) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097).unsigned_abs();
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = i64::try_from(year_of_era).unwrap_or(0) + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, FixedOffset};

    use super::*;

    #[test]
    fn strings_are_escaped_as_php_does_and_read_back_unchanged() {
        for text in ["", "O'Brien & \"Co\" 100% [x] <b>", "Анна 💘\n\t\u{1}", "a/b\\c"] {
            let mut json = Json::default();
            json.string(text);
            assert!(json.since(0).is_ascii());
            assert_eq!(serde_json::from_str::<String>(json.since(0)).unwrap(), text);
        }
        let mut json = Json::default();
        json.string("a/я💘");
        assert_eq!(json.since(0), r#""a\/\u044f\ud83d\udc98""#);
    }

    #[test]
    fn date_times_agree_with_a_calendar_library() {
        for moment in (-10_000_000_000_i64..20_000_000_000).step_by(777_777_777) {
            for offset in [0, 10_800, -12_600] {
                let mut json = Json::default();
                json.date_time(moment, offset);
                let zone = FixedOffset::east_opt(offset).unwrap();
                let expected = DateTime::from_timestamp(moment, 0).unwrap().with_timezone(&zone);
                assert_eq!(json.since(0).trim_matches('"'), expected.to_rfc3339());
            }
        }
    }

    #[test]
    fn integers_are_written_to_both_ends_of_their_range() {
        for value in [0, -1, 7, 10_653, i64::MAX, i64::MIN] {
            let mut json = Json::default();
            json.integer(value);
            assert_eq!(json.since(0), value.to_string());
        }
    }
}
