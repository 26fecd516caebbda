//! Charts: what stands in them is text, whatever it says; their elements close; their lengths are to scale.

use proptest::prelude::*;

use crate::chart::{Bar, Caption, Column, WIDTH, bars, columns};

/// Reads a chart as strictly as XML wants it, and gives its elements' names in order.
fn elements(svg: &str) -> Vec<String> {
    let mut open: Vec<String> = Vec::new();
    let mut found = Vec::new();
    let mut rest = svg;
    while let Some((text, after)) = rest.split_once('<') {
        assert!(!text.contains('>'), "a bracket in a text: {svg}");
        let (tag, after) = after
            .split_once('>')
            .unwrap_or_else(|| panic!("an open tag: {svg}"));
        assert!(!tag.contains('<'), "a bracket in a tag: {svg}");
        assert_eq!(tag.matches('"').count() % 2, 0, "an open quotation mark: {tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "{svg}");
        } else {
            let name = tag.split([' ', '/']).next().unwrap().to_owned();
            if !tag.ends_with('/') {
                open.push(name.clone());
            }
            found.push(name);
        }
        rest = after;
    }
    assert!(open.is_empty(), "{open:?} stay open: {svg}");
    for text in svg.split('&').skip(1) {
        let known = ["amp;", "lt;", "gt;", "quot;", "#39;"];
        assert!(
            known.iter().any(|entity| text.starts_with(entity)),
            "a bare &: {svg}"
        );
    }
    found
}

fn caption(title: &str) -> Caption<'_> {
    Caption {
        id: "c",
        title,
        description: title,
    }
}

fn bar(label: &str, length: f64, reach: Option<f64>) -> Bar {
    Bar {
        label: label.to_owned(),
        shown: format!("{length}"),
        length,
        reach,
        class: "won",
    }
}

#[test]
fn a_hostile_name_is_text() {
    let hostile = "<script>alert('1')</script> & \"quoted\" \u{0}\u{1b}";
    let svg = bars(&caption(hostile), &[bar(hostile, 3.0, Some(4.0))]);
    let found = elements(&svg);
    assert!(
        found
            .iter()
            .all(|name| ["svg", "title", "desc", "text", "rect"].contains(&name.as_str()))
    );
    assert!(svg.contains("&lt;script&gt;"), "{svg}");
    assert!(!svg.contains('\u{0}') && !svg.contains('\u{1b}'));
}

#[test]
fn a_chart_has_a_title_a_description_and_no_style() {
    let svg = columns(
        &caption("Moves"),
        &[Column {
            tick: "1".to_owned(),
            hint: "1: 5".to_owned(),
            up: 5,
            down: 2,
        }],
        ["won", "lost"],
        &|value| value.to_string(),
    );
    assert!(
        svg.contains("role=\"img\" aria-labelledby=\"c-title c-desc\""),
        "{svg}"
    );
    assert!(svg.contains("<title id=\"c-title\">Moves</title><desc id=\"c-desc\">Moves</desc>"));
    assert!(!svg.contains("style="));
    assert!(!svg.contains("#"), "no colour of its own");
}

#[test]
fn the_longest_bar_fills_the_chart_and_the_others_are_to_scale() {
    let svg = bars(
        &caption("x"),
        &[
            bar("a", 50.0, None),
            bar("b", 25.0, Some(100.0)),
            bar("c", 0.0, None),
        ],
    );
    let widths: Vec<&str> = svg
        .split("class=\"bar won\"")
        .skip(1)
        .map(|text| text.split("width=\"").nth(1).unwrap().split('"').next().unwrap())
        .collect();
    assert_eq!(widths, ["180", "90", "0"]);
    assert!(
        svg.contains("class=\"reach won\" x=\"0\" y=\"66\" width=\"360\""),
        "{svg}"
    );
    assert_eq!(WIDTH, 360);
}

#[test]
fn many_days_are_one_shape_and_few_are_columns_of_their_own() {
    let days = |count: usize| -> Vec<Column> {
        (0..count)
            .map(|day| Column {
                tick: day.to_string(),
                hint: day.to_string(),
                up: 3,
                down: 0,
            })
            .collect()
    };
    let draw = |count| {
        elements(&columns(&caption("x"), &days(count), ["", ""], &|value| {
            value.to_string()
        }))
    };
    let count = |found: &[String], name: &str| found.iter().filter(|one| *one == name).count();
    assert_eq!(count(&draw(90), "rect"), 90);
    let many = draw(3660);
    assert_eq!((count(&many, "rect"), count(&many, "path")), (0, 1));
    assert_eq!(count(&draw(0), "rect"), 0, "an empty period is drawn, too");
}

proptest! {
    #[test]
    fn every_chart_is_well_formed(
        labels in prop::collection::vec("\\PC{0,80}", 0..6),
        numbers in prop::collection::vec((any::<u64>(), 0_u64..1000), 0..200),
    ) {
        let drawn: Vec<Bar> = labels.iter().zip(1_u32..).map(|(label, at)| bar(label, f64::from(at), None)).collect();
        elements(&bars(&caption(labels.first().map_or("", String::as_str)), &drawn));
        let drawn: Vec<Column> = numbers
            .iter()
            .map(|(up, down)| Column { tick: up.to_string(), hint: down.to_string(), up: *up >> 12, down: *down })
            .collect();
        let svg = columns(&caption("x"), &drawn, ["a", "b"], &|value| value.to_string());
        elements(&svg);
        prop_assert!(!svg.contains("NaN") && !svg.contains("inf"), "{}", svg);
    }
}
