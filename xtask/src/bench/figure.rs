//! A figure: what was measured, in which unit, and what was expected.

use serde::Serialize;
use serde_json::{Value, json};

/// What a figure counts, which settles how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    /// One figure over another of the same run.
    Ratio,
    RowsPerSecond,
    Milliseconds,
    /// Of processors, for a million rows.
    CpuSecondsPerMillion,
    Mebibytes,
    /// Of one processor.
    Percent,
    Count,
}

impl Unit {
    fn write(self, value: f64) -> String {
        match self {
            Self::Ratio => format!("{value:.3}"),
            Self::RowsPerSecond => format!("{} rows/s", grouped(value)),
            Self::Milliseconds => format!("{value:.2} ms"),
            Self::CpuSecondsPerMillion => format!("{value:.2} s"),
            Self::Mebibytes => format!("{value:.1} MiB"),
            Self::Percent => format!("{value:.3} %"),
            Self::Count => grouped(value),
        }
    }
}

/// What was expected of a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }
}

/// A figure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    pub(crate) what: String,
    pub(crate) value: f64,
    pub(crate) unit: Unit,
    pub(crate) target: Option<Target>,
}

impl Figure {
    pub(crate) fn new(what: impl Into<String>, value: f64, unit: Unit) -> Self {
        Self {
            what: what.into(),
            value,
            unit,
            target: None,
        }
    }

    pub(crate) fn expected(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    /// Whether it is as expected; `None` where nothing is. A figure that is no number is never as expected.
    pub(crate) fn is_met(&self) -> Option<bool> {
        self.target.map(|target| target.is_met(self.value))
    }

    pub(crate) fn written(&self) -> String {
        self.unit.write(self.value)
    }

    pub(crate) fn target_written(&self) -> String {
        match self.target {
            None => String::new(),
            Some(Target::AtLeast(least)) => format!("at least {}", self.unit.write(least)),
            Some(Target::AtMost(most)) => format!("at most {}", self.unit.write(most)),
        }
    }

    pub(crate) fn verdict(&self) -> &'static str {
        match self.is_met() {
            None => "",
            Some(true) => "met",
            Some(false) => "not met",
        }
    }

    /// How much of its target it reaches, where 1 is just met and more is better; for the chart.
    pub(crate) fn share_of_target(&self) -> Option<f64> {
        let share = match self.target? {
            Target::AtLeast(least) => self.value / least,
            Target::AtMost(most) if self.value > 0.0 => most / self.value,
            Target::AtMost(_) => f64::INFINITY,
        };
        (!share.is_nan()).then_some(share)
    }

    pub(crate) fn to_json(&self) -> Value {
        let (least, most) = match self.target {
            None => (None, None),
            Some(Target::AtLeast(least)) => (Some(least), None),
            Some(Target::AtMost(most)) => (None, Some(most)),
        };
        json!({
            "figure": self.what,
            "value": self.value,
            "unit": self.unit,
            "at_least": least,
            "at_most": most,
            "met": self.is_met(),
        })
    }
}

/// A whole number with its thousands apart.
fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 {
        text.insert(0, '-');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(value: f64) -> Figure {
        Figure::new("achieved over ceiling", value, Unit::Ratio)
    }

    #[test]
    fn a_figure_is_held_to_its_target_and_one_without_to_none() {
        assert_eq!(ratio(0.97).expected(Target::AtLeast(0.97)).is_met(), Some(true));
        assert_eq!(ratio(0.969).expected(Target::AtLeast(0.97)).verdict(), "not met");
        assert_eq!(ratio(1.3).expected(Target::AtMost(1.25)).is_met(), Some(false));
        assert_eq!(ratio(1.3).is_met(), None);
    }

    #[test]
    fn what_is_no_number_is_never_as_expected() {
        assert_eq!(
            ratio(f64::NAN).expected(Target::AtLeast(0.0)).is_met(),
            Some(false)
        );
        assert_eq!(
            ratio(f64::NAN).expected(Target::AtMost(9.0)).is_met(),
            Some(false)
        );
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(Unit::RowsPerSecond.write(1_234_567.4), "1,234,567 rows/s");
        assert_eq!(Unit::Count.write(0.0), "0");
        assert_eq!(Unit::Ratio.write(0.9712), "0.971");
    }

    #[test]
    fn a_share_of_one_is_a_target_just_met_whichever_way_it_points() {
        assert_eq!(
            ratio(2.0).expected(Target::AtMost(1.0)).share_of_target(),
            Some(0.5)
        );
        assert_eq!(
            ratio(1.0).expected(Target::AtLeast(2.0)).share_of_target(),
            Some(0.5)
        );
        assert_eq!(ratio(1.0).share_of_target(), None);
    }
}
