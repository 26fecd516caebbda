//! Charts as SVG, to stand in a page.
//!
//! They know no language and no colour: texts come from the caller, and shapes carry classes that the page's stylesheet paints. No
//! style stands in them, so that they work under a strict content policy. Each has a title and a description for whoever does not
//! see it. They are drawn [`WIDTH`] units wide, with letters that are readable when that is the width of a phone.

mod bars;
mod columns;
mod svg;

pub use bars::{Bar, bars};
pub use columns::{APART, Column, columns};
pub use svg::Caption;

/// The width of every chart, in its own units.
pub const WIDTH: u32 = 360;
