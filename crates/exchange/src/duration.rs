//! Durations as people write them: `30s`, `5m`, `24h`. For `#[serde(with = "exchange::duration")]`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

/// Reads a duration.
///
/// # Errors
/// When it is no text, or no number with a unit (`ms`, `s`, `m`, `h`, `d`), or zero: no interval of ours may be zero.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer).map_err(|_| {
        serde::de::Error::custom("a duration is written with its unit, like \"30s\", \"5m\" or \"24h\"")
    })?;
    parse(&text).map_err(serde::de::Error::custom)
}

/// Writes a duration in the same form.
///
/// # Errors
/// Those of the serialiser.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_duration(*duration))
}

/// Reads a duration from text.
///
/// # Errors
/// As [`deserialize`], in words for people.
pub fn parse(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text.trim()) {
        Ok(Duration::ZERO) => Err(format!(
            "{text:?} is too short: a duration must be longer than zero"
        )),
        Ok(duration) => Ok(duration),
        Err(_) => Err(format!(
            "{text:?} is no duration: write a number with its unit, like 30s, 5m or 24h"
        )),
    }
}
