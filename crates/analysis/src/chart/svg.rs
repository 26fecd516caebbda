//! SVG text: elements whose contents are escaped, numbers of one digit after the point.

use std::fmt::Write as _;

use super::WIDTH;

/// What a chart is, for whoever does not see it.
#[derive(Debug, Clone, Copy)]
pub struct Caption<'a> {
    /// Letters that no other chart of the page has: what its ids begin with.
    pub id: &'a str,
    /// A few words.
    pub title: &'a str,
    /// What it shows, in a sentence or two.
    pub description: &'a str,
}

/// A chart that is being drawn.
pub(super) struct Svg {
    text: String,
}

impl Svg {
    /// Begins a chart of this height.
    pub(super) fn new(caption: &Caption<'_>, kind: &str, height: f64) -> Self {
        let id = escaped(caption.id);
        let mut text = String::with_capacity(4096);
        let height = number(height);
        text.push_str(&format!(
            "<svg class=\"chart {kind}\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" \
             aria-labelledby=\"{id}-title {id}-desc\"><title id=\"{id}-title\">{}</title><desc id=\"{id}-desc\">{}</desc>",
            escaped(caption.title),
            escaped(caption.description)
        ));
        Self { text }
    }

    /// A rectangle; `hint` is shown when somebody points at it.
    pub(super) fn rect(&mut self, class: &str, [x, y, width, height]: [f64; 4], hint: Option<&str>) {
        self.add(format_args!(
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"",
            number(x),
            number(y),
            number(width),
            number(height)
        ));
        match hint {
            Some(hint) => self.add(format_args!("><title>{}</title></rect>", escaped(hint))),
            None => self.text.push_str("/>"),
        }
    }

    /// A straight line.
    pub(super) fn line(&mut self, class: &str, from: [f64; 2], to: [f64; 2]) {
        self.add(format_args!(
            "<line class=\"{class}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>",
            number(from[0]),
            number(from[1]),
            number(to[0]),
            number(to[1])
        ));
    }

    /// A closed shape.
    pub(super) fn shape(&mut self, class: &str, points: &[[f64; 2]]) {
        let mut path = String::with_capacity(points.len() * 12);
        for (place, [x, y]) in points.iter().enumerate() {
            path.push(if place == 0 { 'M' } else { 'L' });
            path.push_str(&number(*x));
            path.push(' ');
            path.push_str(&number(*y));
        }
        self.add(format_args!("<path class=\"{class}\" d=\"{path}Z\"/>"));
    }

    /// A line of text. `anchor` is `start`, `middle` or `end`; `hint` is shown when somebody points at it.
    pub(super) fn text(
        &mut self,
        class: &str,
        anchor: &str,
        [x, y]: [f64; 2],
        text: &str,
        hint: Option<&str>,
    ) {
        self.add(format_args!(
            "<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{}\" y=\"{}\">{}",
            number(x),
            number(y),
            escaped(text)
        ));
        if let Some(hint) = hint {
            self.add(format_args!("<title>{}</title>", escaped(hint)));
        }
        self.text.push_str("</text>");
    }

    /// The finished chart.
    pub(super) fn finish(mut self) -> String {
        self.text.push_str("</svg>");
        self.text
    }

    fn add(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        self.text.write_fmt(arguments).ok();
    }
}

/// At most one digit after the point: finer than a screen shows.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.strip_suffix(".0") {
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

/// Text as it may stand in an element or an attribute. What XML has no place for becomes a mark.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            other if other.is_control() || matches!(other, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

/// The first letters of a text that is too long for its place, and whether some were left out.
pub(super) fn shortened(text: &str, letters: usize) -> (String, bool) {
    if text.chars().count() <= letters {
        return (text.to_owned(), false);
    }
    let mut short: String = text.chars().take(letters.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    (short, true)
}

/// A whole number as a length on a chart.
pub(super) fn length(value: u64) -> f64 {
    // No chart has lengths that a float does not hold.
    #[allow(clippy::cast_precision_loss, reason = "it is drawn")]
    let length = value as f64;
    length
}
