//! Showing progress and results to people.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::Duration;

use agent::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::printing::{self, tell};

/// How often a plain line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// A bar on a terminal, a line now and then elsewhere; always on stderr, so that stdout stays for results.
pub(crate) struct Meter {
    label: String,
    /// Whether lines are written where there is no bar.
    lines: bool,
    bar: Option<ProgressBar>,
    last_line: Mutex<Option<(Instant, String)>>,
    started: Instant,
}

impl Meter {
    pub(crate) fn new(label: impl Into<String>) -> Self {
        Self::with(label.into(), std::io::stderr().is_terminal(), true)
    }

    /// One that shows a bar on a terminal, unless it is to be `silent`, and nothing elsewhere.
    pub(crate) fn bar_only(label: impl Into<String>, silent: bool) -> Self {
        Self::with(label.into(), !silent && std::io::stderr().is_terminal(), false)
    }

    fn with(label: String, bar: bool, lines: bool) -> Self {
        let bar = bar.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_prefix(label.clone());
            bar.set_style(spinner());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self {
            label,
            lines,
            bar,
            last_line: Mutex::new(None),
            started: Instant::now(),
        }
    }

    /// Shows how far it is.
    pub(crate) fn show(&self, progress: &Progress) {
        let text = describe(progress);
        match &self.bar {
            Some(bar) => {
                if let Some(total) = progress.total
                    && bar.length() != Some(total)
                {
                    if bar.length().is_none() {
                        bar.set_style(style());
                    }
                    bar.set_length(total);
                }
                bar.set_position(progress.done);
                bar.set_message(text);
            }
            None => self.line(text, false),
        }
    }

    /// Says something of weight, such as a failure that is waited for.
    pub(crate) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| tell!("{}: {text}", self.label)),
            None => self.line(text.to_owned(), true),
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn line(&self, text: String, now: bool) {
        if !self.lines {
            return;
        }
        // A poisoned lock only means that another line was not finished.
        let mut last = self
            .last_line
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let worth_it = |(at, said): &(Instant, String)| at.elapsed() >= LINE_EVERY && *said != text;
        if now || last.as_ref().is_none_or(worth_it) {
            tell!("{}: {text}", self.label);
            *last = Some((Instant::now(), text));
        }
    }
}

fn spinner() -> ProgressStyle {
    ProgressStyle::with_template("{prefix} {spinner} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix} [{bar:30}] {percent:>3}% {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

/// `25,000 of 100,000 rows, 21,000 rows/s, 4 s left`.
pub(crate) fn describe(progress: &Progress) -> String {
    let mut text = number(progress.done);
    if let Some(total) = progress.total.filter(|total| *total != progress.done) {
        text.push_str(&format!(" of about {}", number(total)));
    }
    text.push(' ');
    text.push_str(&progress.unit);
    if let Some(rate) = progress.rate.filter(|rate| rate.is_finite() && *rate > 0.0) {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a finite positive rate, shown in whole rows"
        )]
        let whole = rate.round() as u64;
        text.push_str(&format!(", {} {}/s", number(whole), progress.unit));
        if let Some(left) = progress
            .total
            .and_then(|total| total.checked_sub(progress.done))
            .filter(|left| *left > 0)
        {
            #[allow(clippy::cast_precision_loss, reason = "an estimate of time")]
            let seconds = left as f64 / rate;
            text.push_str(&format!(
                ", {} left",
                time(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
            ));
        }
    }
    if let Some(note) = &progress.note {
        text.push_str(", ");
        text.push_str(note);
    }
    text
}

/// A time in its two largest units: `1 h 5 min`.
pub(crate) fn time(duration: Duration) -> String {
    match duration.as_secs() {
        0 => "under 1 s".to_owned(),
        seconds @ 1..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A number with commas between the thousands.
pub(crate) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Prints one JSON document on stdout.
pub(crate) fn json(document: &impl Serialize) -> anyhow::Result<()> {
    use std::io::Write;
    let mut results = printing::results();
    serde_json::to_writer_pretty(&mut results, document)?;
    writeln!(results)?;
    Ok(())
}

/// A setting's value as a word.
pub(crate) fn word(value: &Value) -> String {
    match value {
        Value::Bool(true) => "on".to_owned(),
        Value::Bool(false) => "off".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_reads_as_a_sentence() {
        let progress = Progress::new(25_000, Some(100_000), "rows").with_rate(Some(1_000.0));
        assert_eq!(
            describe(&progress),
            "25,000 of about 100,000 rows, 1,000 rows/s, 1 min 15 s left"
        );
        assert_eq!(describe(&Progress::new(7, Some(7), "stages")), "7 stages");
    }

    #[test]
    fn times_are_told_in_their_two_largest_units() {
        let told = [0, 1, 59, 60, 3_599, 3_600, 90_000].map(|seconds| time(Duration::from_secs(seconds)));
        let wanted = [
            "under 1 s",
            "1 s",
            "59 s",
            "1 min 0 s",
            "59 min 59 s",
            "1 h 0 min",
            "25 h 0 min",
        ];
        assert_eq!(told, wanted);
        assert_eq!(time(Duration::from_millis(700)), "under 1 s");
    }

    #[test]
    fn numbers_have_commas_between_thousands() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(number),
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
