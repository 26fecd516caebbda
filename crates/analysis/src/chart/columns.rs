//! Columns side by side over time: up from a line and, where there are two numbers, down from it.

use super::WIDTH;
use super::svg::{Caption, Svg, length};

/// Where the plot lies.
const LEFT: f64 = 40.0;
const TOP: f64 = 8.0;
const HEIGHT: f64 = 140.0;
/// Room below for the dates.
const BELOW: f64 = 24.0;
/// More columns than this are drawn as one shape: nobody could point at one.
pub const APART: usize = 130;
/// Lines of a scale aimed at.
const LINES: u64 = 4;

/// A column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its date, as short as it can be.
    pub tick: String,
    /// Its date and its numbers in words, shown when somebody points at it.
    pub hint: String,
    /// How high it goes up.
    pub up: u64,
    /// How far it goes down.
    pub down: u64,
}

/// Columns over time. `classes` are those of what goes up and what goes down; `number` writes the numbers of the scale.
pub fn columns(
    caption: &Caption<'_>,
    columns: &[Column],
    classes: [&'static str; 2],
    number: &dyn Fn(u64) -> String,
) -> String {
    let highest = columns.iter().map(|column| column.up).max().unwrap_or(0);
    let deepest = columns.iter().map(|column| column.down).max().unwrap_or(0);
    let step = step(highest.max(deepest));
    // The scale ends at a line; an empty chart has one step.
    let above = highest.div_ceil(step).max(1) * step;
    let under = deepest.div_ceil(step) * step;
    let unit = HEIGHT / length(above + under);
    let zero = TOP + length(above) * unit;
    let right = f64::from(WIDTH);

    let mut svg = Svg::new(caption, "columns", TOP + HEIGHT + BELOW);
    let mut scale = |value: u64, y: f64, class: &str| {
        svg.line(class, [LEFT, y], [right, y]);
        svg.text("scale", "end", [LEFT - 6.0, y + 4.0], &number(value), None);
    };
    for value in (0..=above / step).map(|line| line * step) {
        let class = if value == 0 { "axis" } else { "grid" };
        scale(value, zero - length(value) * unit, class);
    }
    for value in (1..=under / step).map(|line| line * step) {
        scale(value, zero + length(value) * unit, "grid");
    }
    let count = u32::try_from(columns.len()).unwrap_or(u32::MAX).max(1);
    let wide = (right - LEFT) / f64::from(count);
    if columns.len() > APART {
        shapes(&mut svg, columns, classes, [zero, unit, wide]);
    } else {
        let gap = if wide > 4.0 { wide * 0.2 } else { 0.4 };
        for (place, column) in (0_u32..).zip(columns) {
            let x = LEFT + f64::from(place) * wide + gap / 2.0;
            let tall = |value: u64| length(value) * unit;
            if column.up > 0 {
                let class = format!("column {}", classes[0]);
                let y = zero - tall(column.up);
                svg.rect(&class, [x, y, wide - gap, tall(column.up)], Some(&column.hint));
            }
            if column.down > 0 {
                let class = format!("column {}", classes[1]);
                svg.rect(
                    &class,
                    [x, zero, wide - gap, tall(column.down)],
                    Some(&column.hint),
                );
            }
        }
    }
    ticks(&mut svg, columns, wide);
    svg.finish()
}

/// The outline of many columns: one shape up, one down.
fn shapes(svg: &mut Svg, columns: &[Column], classes: [&'static str; 2], [zero, unit, wide]: [f64; 3]) {
    let outline = |height: &dyn Fn(&Column) -> f64| {
        let mut points = vec![[LEFT, zero]];
        for (place, column) in (0_u32..).zip(columns) {
            let x = LEFT + f64::from(place) * wide;
            points.push([x, height(column)]);
            points.push([x + wide, height(column)]);
        }
        points.push([f64::from(WIDTH), zero]);
        points
    };
    let up = outline(&|column| zero - length(column.up) * unit);
    svg.shape(&format!("column {}", classes[0]), &up);
    if columns.iter().any(|column| column.down > 0) {
        let down = outline(&|column| zero + length(column.down) * unit);
        svg.shape(&format!("column {}", classes[1]), &down);
    }
}

/// The first date, the last one, and the one in the middle where there is room for it.
fn ticks(svg: &mut Svg, columns: &[Column], wide: f64) {
    let y = TOP + HEIGHT + 17.0;
    let middle_of = |place: usize| {
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        LEFT + (f64::from(place) + 0.5) * wide
    };
    let last = columns.len().saturating_sub(1);
    if let Some(first) = columns.first() {
        let (anchor, x) = if last == 0 {
            ("middle", middle_of(0))
        } else {
            ("start", LEFT)
        };
        svg.text("scale", anchor, [x, y], &first.tick, None);
    }
    if last >= 4
        && let Some(middle) = columns.get(last / 2)
    {
        svg.text("scale", "middle", [middle_of(last / 2), y], &middle.tick, None);
    }
    if last >= 1
        && let Some(end) = columns.last()
    {
        svg.text("scale", "end", [f64::from(WIDTH), y], &end.tick, None);
    }
}

/// A round distance of lines: 1, 2 or 5 times a power of ten, for about [`LINES`] lines.
fn step(highest: u64) -> u64 {
    let wanted = highest.div_ceil(LINES).max(1);
    let mut ten = 1_u64;
    loop {
        for round in [1, 2, 5] {
            match ten.checked_mul(round) {
                Some(step) if step >= wanted => return step,
                Some(_) => {}
                None => return wanted,
            }
        }
        ten = match ten.checked_mul(10) {
            Some(next) => next,
            None => return wanted,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::step;

    #[test]
    fn scales_go_in_round_steps() {
        for (highest, wanted) in [
            (0, 1),
            (1, 1),
            (4, 1),
            (5, 2),
            (9, 5),
            (41, 20),
            (100, 50),
            (1_000, 500),
        ] {
            assert_eq!(step(highest), wanted, "{highest}");
        }
        assert!(step(u64::MAX) >= u64::MAX / 4);
    }
}
