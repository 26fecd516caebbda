//! The figures that have a target, as bars against it, in one SVG.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use super::figure::Figure;

const WIDTH: u32 = 1100;
const LINE: i32 = 26;
const TOP: i32 = 70;
/// Where bars begin and where one that just meets its target ends; two such lengths are drawn at most.
const BEGIN: i32 = 520;
const UNIT: i32 = 200;
const MOST: f64 = 2.0;

const MET: RGBColor = RGBColor(46, 125, 80);
const UNMET: RGBColor = RGBColor(190, 60, 50);
const INK: RGBColor = RGBColor(40, 40, 40);

/// Draws the chart. Every bar says how much of its target a figure reaches, whichever way the target points.
pub(crate) fn draw<'a>(
    path: &Path,
    title: &str,
    figures: impl Iterator<Item = (&'static str, &'a Figure)>,
) -> Result<()> {
    let bars: Vec<(String, f64, String, bool)> = figures
        .filter_map(|(name, figure)| {
            let label = format!("{name}: {}", figure.what);
            let value = format!("{} ({})", figure.written(), figure.target_written());
            Some((label, figure.share_of_target()?, value, figure.is_met()?))
        })
        .collect();
    let lines = i32::try_from(bars.len()).unwrap_or(1000);
    let bottom = TOP + lines * LINE;
    let height = u32::try_from(bottom + 30).unwrap_or(200);
    let wrong = |error| anyhow!("cannot draw {}: {error:?}", path.display());

    let area = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
    area.fill(&WHITE).map_err(wrong)?;
    let text = |words: String, at: (i32, i32), size: i32| {
        Text::new(words, at, ("sans-serif", size).into_font().color(&INK))
    };
    area.draw(&text(title.to_owned(), (16, 14), 18)).map_err(wrong)?;
    let target = BEGIN + UNIT;
    area.draw(&text("target".to_owned(), (target - 18, TOP - 24), 13))
        .map_err(wrong)?;
    for (place, (label, share, value, met)) in (0_i32..).zip(bars) {
        let y = TOP + place * LINE;
        #[allow(clippy::cast_possible_truncation, reason = "at most two units of pixels")]
        let length = (share.clamp(0.0, MOST) * f64::from(UNIT)) as i32;
        let colour = if met { MET } else { UNMET };
        area.draw(&text(label, (16, y + 4), 13)).map_err(wrong)?;
        area.draw(&Rectangle::new(
            [(BEGIN, y + 3), (BEGIN + length, y + LINE - 5)],
            colour.filled(),
        ))
        .map_err(wrong)?;
        area.draw(&text(value, (BEGIN + length.max(UNIT) + 8, y + 4), 12))
            .map_err(wrong)?;
    }
    area.draw(&PathElement::new(
        vec![(target, TOP - 6), (target, bottom)],
        INK.stroke_width(1),
    ))
    .map_err(wrong)?;
    area.present().map_err(wrong)
}
