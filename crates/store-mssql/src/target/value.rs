//! Values of options.

use std::time::Duration;

/// `true`, `on`, `yes`, `1` and their opposites.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// `500ms`, `15s`, `5m`, `24h`, or a bare number of seconds as ADO.NET writes it; `Some(None)` for zero: no limit.
pub(super) fn duration(text: &str) -> Option<Option<Duration>> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let duration = match unit.trim() {
        "ms" => Duration::from_millis(number),
        "" | "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.checked_mul(60)?),
        "h" => Duration::from_secs(number.checked_mul(3600)?),
        _ => return None,
    };
    // A longer time than this is a slip of the pen, and timers would overflow.
    (duration <= Duration::from_secs(30 * 24 * 3600)).then_some((!duration.is_zero()).then_some(duration))
}

/// Undoes percent-encoding; `None` when a `%` is not followed by two hexadecimal digits or the bytes are not UTF-8.
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}
