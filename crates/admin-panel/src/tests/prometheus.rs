//! A reader of Prometheus' text format, strict enough to notice what a scraper would refuse.

use std::collections::BTreeMap;

/// A value with its name and labels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) value: f64,
}

/// Everything in a page.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) kinds: BTreeMap<String, String>,
    pub(super) samples: Vec<Sample>,
}

impl Page {
    pub(super) fn read(text: &str) -> Self {
        let mut page = Self::default();
        assert!(
            text.is_empty() || text.ends_with('\n'),
            "the last line must end, too"
        );
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                let before = page.kinds.insert(name.to_owned(), kind.to_owned());
                assert_eq!(before, None, "{name} has two types");
            } else if !line.starts_with("# HELP ") {
                page.samples.push(sample(line));
            }
        }
        for sample in &page.samples {
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .filter_map(|suffix| sample.name.strip_suffix(suffix))
                .find(|name| page.kinds.get(*name).is_some_and(|kind| kind == "histogram"));
            let family = family.unwrap_or(&sample.name);
            assert!(page.kinds.contains_key(family), "{} has no type", sample.name);
        }
        page
    }

    /// The value of the sample with this name and these labels.
    pub(super) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let wanted = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut found = self
            .samples
            .iter()
            .filter(|sample| sample.name == name && sample.labels == wanted);
        let value = found.next().map(|sample| sample.value);
        assert_eq!(found.next(), None, "{name} {labels:?} is there twice");
        value
    }
}

fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').expect("a value");
    let (name, labels) = match series.split_once('{') {
        None => (series, ""),
        Some((name, labels)) => (name, labels.strip_suffix('}').expect("a closing brace")),
    };
    assert!(is_name(name), "{name} is no name");
    let labels = labels
        .split_terminator(',')
        .map(|label| {
            let (name, value) = label.split_once('=').expect("a label's value");
            assert!(is_name(name), "{name} is no label");
            let value = value
                .strip_prefix('"')
                .and_then(|value| value.strip_suffix('"'))
                .expect("quotes");
            (name.to_owned(), value.to_owned())
        })
        .collect();
    Sample {
        name: name.to_owned(),
        labels,
        value: value.parse().expect("a number"),
    }
}
