//! Configuration from the environment: `STAGE_EXCHANGE_…`.

use std::io::Read as _;

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use crate::config::{self, ConfigFailure};

const PREFIX: &str = "STAGE_EXCHANGE_";

/// Variables under the prefix that are not configuration: flags of the command line, and what the tests use.
const OTHERS: &[&str] = &["CONFIG", "LOG", "LOG_FORMAT"];
const TESTS: &str = "TEST_";

/// Keys whose values are taken as they are, whatever they look like, since they are or may hold secrets.
const VERBATIM: &[&str] = &[
    "portal.webhook_url",
    "target.url",
    "web.application_token",
    "web.admin_password",
];

/// One value with the name of where it came from.
pub(crate) struct Single {
    pub(crate) origin: String,
    pub(crate) key: String,
    pub(crate) value: Value,
}

impl Provider for Single {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let nested = figment::util::nest(&self.key, self.value.clone());
        Ok(nested
            .into_dict()
            .map(|dict| Profile::Default.collect(dict))
            .unwrap_or_default())
    }
}

/// More brackets than any value has. The parser of values goes one deeper with each, and a stack ends.
const MOST_BRACKETS: usize = 64;

/// More parts than any key has. Layers are merged one deeper with each.
const MOST_PARTS: usize = 8;

/// The largest file that a variable may name, in bytes. Secrets are short; a device has no end.
const LARGEST_FILE: u64 = 64 << 10;

/// Refuses a key of more parts than any has.
///
/// # Errors
/// When it has; the key itself is too long to be told.
pub(crate) fn check_depth(key: &str, origin: &str) -> Result<(), ConfigFailure> {
    if key.split('.').count() <= MOST_PARTS {
        return Ok(());
    }
    let origin: String = origin.chars().take(80).collect();
    Err(ConfigFailure::new(
        "",
        "there is no such key; none has as many parts",
        Some(origin),
    ))
}

/// The text of a file that a variable names.
fn read_file(path: &str) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?
        .take(LARGEST_FILE + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(std::io::Error::other(format!(
            "it is larger than {LARGEST_FILE} bytes"
        )));
    }
    Ok(text)
}

/// A value as a person writes it: numbers, lists and truth values are taken as such, everything else as text.
pub(crate) fn value_of(key: &str, text: &str) -> Value {
    let brackets = text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count();
    if VERBATIM.contains(&key) || brackets > MOST_BRACKETS {
        return Value::from(text);
    }
    // Parsing cannot fail: what looks like nothing else is text.
    text.parse::<Value>().unwrap_or_else(|_| Value::from(text))
}

/// Lays the variables over `figment`.
///
/// # Errors
/// When a variable that ends in `_FILE` names a file that cannot be read.
pub(crate) fn merge(
    mut figment: Figment,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Figment, ConfigFailure> {
    let mut variables: Vec<_> = variables.into_iter().collect();
    variables.sort();
    for (name, text) in variables {
        let Some(rest) = name.strip_prefix(PREFIX) else {
            continue;
        };
        if OTHERS.contains(&rest) || rest.starts_with(TESTS) {
            continue;
        }
        let key = |word: &str| word.to_ascii_lowercase().replace("__", ".");
        let origin = format!("the variable {name}");
        check_depth(&key(rest), &origin)?;
        let single = match rest.strip_suffix("_FILE") {
            Some(word) => {
                let content = read_file(&text).map_err(|error| {
                    ConfigFailure::new(
                        key(word),
                        format!("cannot read the file {text:?}: {error}"),
                        Some(origin.clone()),
                    )
                })?;
                let content = content.trim_end_matches(['\r', '\n']);
                Single {
                    origin,
                    key: key(word),
                    value: Value::from(content),
                }
            }
            None => Single {
                origin,
                value: value_of(&key(rest), &text),
                key: key(rest),
            },
        };
        figment = config::merge(figment, single, &format!("the variable {name}"))?;
    }
    Ok(figment)
}
