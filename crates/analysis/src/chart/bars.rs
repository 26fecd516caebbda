//! Bars that lie below one another, each with its name and its number above it: funnels, times in stages.

use super::WIDTH;
use super::svg::{Caption, Svg, shortened};

/// Height of a bar with the text above it.
const ROW: f64 = 42.0;
/// Height of a bar.
const THICK: f64 = 14.0;
/// Letters of name and number that fit beside one another.
const LETTERS: usize = 42;

/// A bar.
#[derive(Debug, Clone)]
pub struct Bar {
    /// Its name.
    pub label: String,
    /// Its number in words.
    pub shown: String,
    /// Its length, not negative; the longest length or reach of all bars fills the chart.
    pub length: f64,
    /// How far a thinner bar reaches beyond it, if it has one.
    pub reach: Option<f64>,
    /// Its class beside `bar`: `won`, `lost`, or another that the stylesheet knows.
    pub class: &'static str,
}

/// Bars below one another.
pub fn bars(caption: &Caption<'_>, bars: &[Bar]) -> String {
    let count = u32::try_from(bars.len()).unwrap_or(u32::MAX);
    let mut svg = Svg::new(caption, "bars", f64::from(count) * ROW + 2.0);
    let whole = f64::from(WIDTH);
    let longest = bars
        .iter()
        .flat_map(|bar| [Some(bar.length), bar.reach])
        .flatten()
        .fold(0.0, f64::max);
    let scaled = |length: f64| {
        if longest > 0.0 {
            (length / longest * whole).clamp(0.0, whole)
        } else {
            0.0
        }
    };
    for (place, bar) in (0_u32..).zip(bars) {
        let top = f64::from(place) * ROW;
        let room = LETTERS.saturating_sub(bar.shown.chars().count()).max(12);
        let (label, is_short) = shortened(&bar.label, room);
        let hint = format!("{}: {}", bar.label, bar.shown);
        svg.text(
            "label",
            "start",
            [0.0, top + 14.0],
            &label,
            is_short.then_some(bar.label.as_str()),
        );
        svg.text("value", "end", [whole, top + 14.0], &bar.shown, None);
        svg.rect("track", [0.0, top + 20.0, whole, THICK], None);
        if let Some(reach) = bar.reach {
            let class = format!("reach {}", bar.class);
            svg.rect(&class, [0.0, top + 24.0, scaled(reach), THICK - 8.0], Some(&hint));
        }
        // What there is at all is seen.
        let width = if bar.length > 0.0 {
            scaled(bar.length).max(1.5)
        } else {
            0.0
        };
        let class = format!("bar {}", bar.class);
        svg.rect(&class, [0.0, top + 20.0, width, THICK], Some(&hint));
    }
    svg.finish()
}
