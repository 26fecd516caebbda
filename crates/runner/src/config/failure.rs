//! What is wrong with the configuration, where it came from, and what to write instead; never the value itself, which may be a
//! secret.

use std::fmt;

use figment::Figment;

/// A wrong key or value, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFailure {
    key: String,
    message: String,
    origin: Option<String>,
}

impl ConfigFailure {
    pub(crate) fn new(key: impl Into<String>, message: impl Into<String>, origin: Option<String>) -> Self {
        Self {
            key: key.into(),
            message: message.into(),
            origin,
        }
    }
}

impl fmt::Display for ConfigFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "configuration: ")?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}", self.message)?;
        match &self.origin {
            Some(origin) => write!(f, " (from {origin})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigFailure {}

/// figment's error about something in a section, in our words and with its origin.
pub(super) fn failure(figment: &Figment, section: &str, error: figment::Error) -> ConfigFailure {
    // figment gathers several errors; the first is enough to act on.
    let Some(first) = error.into_iter().next() else {
        return ConfigFailure::new(section, "cannot be read", None);
    };
    // figment puts the path of what was extracted behind the path within it.
    let within = first.path.len().saturating_sub(section.split('.').count());
    let mut key = section.to_owned();
    let unknown = match &first.kind {
        figment::error::Kind::UnknownField(field, _) => Some(field),
        _ => None,
    };
    for part in first.path.iter().take(within) {
        key = format!("{key}.{part}");
    }
    if let Some(field) = unknown
        && first.path.first() != Some(field)
    {
        key = format!("{key}.{field}");
    }
    let origin = first
        .metadata
        .as_ref()
        .map(describe)
        .or_else(|| origin_of(figment, &key));
    ConfigFailure::new(key, first_message(first), origin)
}

/// What is wrong, without the value: it may be a secret.
pub(super) fn first_message(error: figment::Error) -> String {
    use figment::error::Kind;
    let Some(first) = error.into_iter().next() else {
        return "cannot be read".to_owned();
    };
    match &first.kind {
        Kind::InvalidType(_, expected) => {
            format!("the value is of the wrong type; write {}", in_words(expected))
        }
        Kind::InvalidValue(_, expected) => format!("the value is wrong; write {}", in_words(expected)),
        Kind::UnknownField(_, known) => {
            format!("there is no such key; here there are {}", known.join(", "))
        }
        // The TOML parser quotes the line in question between bars; it may hold a secret.
        other => other
            .to_string()
            .lines()
            .filter(|line| !line.contains('|'))
            .map(str::trim)
            .collect::<Vec<_>>()
            .join(": "),
    }
}

/// The name of an expected type for people who do not write Rust.
fn in_words(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "path string" => "a text",
        _ if expected.starts_with("struct ") => "a section with keys of its own",
        other => other,
    }
}

/// Where a key's value came from.
pub(super) fn origin_of(figment: &Figment, key: &str) -> Option<String> {
    figment.find_metadata(key).map(describe)
}

fn describe(metadata: &figment::Metadata) -> String {
    match &metadata.source {
        Some(figment::Source::File(path)) => path.display().to_string(),
        _ if metadata.name == "TOML source string" => "the built-in defaults".to_owned(),
        _ => metadata.name.clone().into_owned(),
    }
}
