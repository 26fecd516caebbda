//! Dates and times as text: written in one form, read in all forms that SQLite's own functions write.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

const NANOS_A_SECOND: u32 = 1_000_000_000;

/// Appends `2024-05-01`.
pub(crate) fn write_date(text: &mut String, date: NaiveDate) {
    let year = date.year().unsigned_abs();
    write_two(text, year / 100);
    write_two(text, year % 100);
    for part in [date.month(), date.day()] {
        text.push('-');
        write_two(text, part);
    }
}

/// Appends `2024-05-01 09:00:00`, and `.250000` where there is a fraction; nine digits where six would lose some.
pub(crate) fn write_date_time(text: &mut String, value: NaiveDateTime) {
    write_date(text, value.date());
    // chrono keeps a leap second as a fraction above one of second 59.
    let leap = value.nanosecond() / NANOS_A_SECOND;
    let nanos = value.nanosecond() % NANOS_A_SECOND;
    text.push(' ');
    write_two(text, value.hour());
    for part in [value.minute(), value.second() + leap] {
        text.push(':');
        write_two(text, part);
    }
    if nanos > 0 {
        text.push('.');
        for pair in [nanos / 10_000_000, nanos / 100_000, nanos / 1000] {
            write_two(text, pair);
        }
        if !nanos.is_multiple_of(1000) {
            write_two(text, nanos / 10);
            text.push(DIGITS[(nanos % 10) as usize]);
        }
    }
}

const DIGITS: [char; 10] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

/// The last two digits of a number. By hand, since formatting takes a tenth of the time that a row takes.
fn write_two(text: &mut String, number: u32) {
    text.push(DIGITS[(number / 10 % 10) as usize]);
    text.push(DIGITS[(number % 10) as usize]);
}

/// A date, also out of a text that has a time behind it.
pub(crate) fn read_date(text: &str) -> Option<NaiveDate> {
    read_date_time(text).map(|value| value.date())
}

/// A date with a time: the time may be missing, stand behind a `T`, lack its seconds, have any number of fractional digits,
/// end in `Z`. Another offset is not accepted, as it would be lost.
pub(crate) fn read_date_time(text: &str) -> Option<NaiveDateTime> {
    let bytes = text.trim_ascii().as_bytes();
    let (date, rest) = bytes.split_at_checked(10)?;
    let &[_, _, _, _, b'-', _, _, b'-', _, _] = date else {
        return None;
    };
    let year = i32::try_from(number(&date[..4])?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(&date[5..7])?, number(&date[8..])?)?;
    let time = match rest {
        [] => NaiveTime::MIN,
        [b' ' | b'T' | b't', time @ ..] => read_time(time.strip_suffix(b"Z").unwrap_or(time))?,
        _ => return None,
    };
    Some(date.and_time(time))
}

fn read_time(bytes: &[u8]) -> Option<NaiveTime> {
    let (minutes, rest) = bytes.split_at_checked(5)?;
    let &[_, _, b':', _, _] = minutes else {
        return None;
    };
    let (hour, minute) = (number(&minutes[..2])?, number(&minutes[3..])?);
    let (second, nanos) = match rest {
        [] => (0, 0),
        [b':', tens, ones] => (number(&[*tens, *ones])?, 0),
        [b':', tens, ones, b'.', fraction @ ..] => (number(&[*tens, *ones])?, fraction_nanos(fraction)?),
        _ => return None,
    };
    if second == 60 {
        return NaiveTime::from_hms_nano_opt(hour, minute, 59, NANOS_A_SECOND + nanos);
    }
    NaiveTime::from_hms_nano_opt(hour, minute, second, nanos)
}

/// What stands behind the ninth digit is cut off.
fn fraction_nanos(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut nine = [b'0'; 9];
    for (to, from) in nine.iter_mut().zip(digits) {
        *to = *from;
    }
    number(&nine)
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |sum, digit| {
        digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Option<String> {
        let mut again = String::new();
        write_date_time(&mut again, read_date_time(text)?);
        Some(again)
    }

    proptest! {
        #[test]
        fn every_time_survives_being_written(
            days in -80_000_i32..2_900_000, second in 0_u32..86_400, nanos in prop_oneof![
                Just(0), (0_u32..1_000_000).prop_map(|micros| micros * 1000), 0..NANOS_A_SECOND
            ]
        ) {
            let date = NaiveDate::from_num_days_from_ce_opt(719_163 + days).unwrap();
            let value = date.and_time(NaiveTime::from_num_seconds_from_midnight_opt(second, nanos).unwrap());
            let mut text = String::new();
            write_date_time(&mut text, value);
            prop_assert_eq!(read_date_time(&text), Some(value));
            prop_assert_eq!(NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f"), Ok(value));
        }

        #[test]
        fn no_text_makes_reading_panic(text in "\\PC{0,30}", other in "[0-9TZ:. +-]{0,32}") {
            _ = read_date_time(&text);
            _ = read_date_time(&other);
        }
    }

    #[test]
    fn the_forms_of_other_programs_are_read() {
        for (text, means) in [
            ("2024-05-01", "2024-05-01 00:00:00"),
            ("2024-05-01 09:30", "2024-05-01 09:30:00"),
            ("2024-05-01T09:30:01Z", "2024-05-01 09:30:01"),
            ("2024-05-01 09:30:01.5", "2024-05-01 09:30:01.500000"),
            (
                " 2024-05-01 09:30:01.1234567899 ",
                "2024-05-01 09:30:01.123456789",
            ),
            ("2016-12-31 23:59:60.250000", "2016-12-31 23:59:60.250000"),
        ] {
            assert_eq!(at(text).as_deref(), Some(means), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_not_guessed_at() {
        for text in [
            "",
            "2024",
            "2024-02-30",
            "2024-05-01 25:00",
            "2024-05-01 09:30:01+03:00",
            "01.05.2024",
            "2024-05-01x09:30",
            "2024-05-01 09:30:",
            "2024-05-01 09:30:01.",
            "２０２４-05-01",
            "+024-05-01",
        ] {
            assert_eq!(read_date_time(text), None, "{text}");
        }
    }
}
