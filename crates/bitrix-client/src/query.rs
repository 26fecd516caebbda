//! Parameters written into a URL the way PHP reads them: `filter[>ID]=5&select[]=ID`, percent-encoded.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use serde_json::Value;

/// What PHP's own encoder leaves as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// One entry of a batch: the method and its parameters.
///
/// As in PHP, `null` and empty lists leave no trace, and flags become 1 and 0. Values that are no map have no names
/// and give nothing.
pub(crate) fn command(method: &str, params: &Value) -> String {
    let mut command = String::with_capacity(USUAL_LENGTH);
    command.push_str(method);
    let mut writer = Writer {
        first: command.len(),
        name: String::new(),
        text: command,
    };
    if let Value::Object(entries) = params {
        for (key, value) in entries {
            writer.within(|name| name.extend(escaped(key)), value);
        }
    }
    writer.text
}

/// Some more than a call for 50 deals has.
const USUAL_LENGTH: usize = 2048;

/// Writes parameters behind a method.
struct Writer {
    text: String,
    /// Where the first parameter begins.
    first: usize,
    /// The name of the value that is written, with the names of what it is in. It grows and shrinks where it is: a call has dozens of names.
    name: String,
}

impl Writer {
    /// Writes a value whose name is longer by what `add` adds.
    fn within(&mut self, add: impl FnOnce(&mut String), value: &Value) {
        let length = self.name.len();
        add(&mut self.name);
        self.append(value);
        self.name.truncate(length);
    }

    fn append(&mut self, value: &Value) {
        match value {
            Value::Null => {}
            Value::Bool(flag) => self.pair([if *flag { "1" } else { "0" }]),
            Value::Number(number) => self.pair([number.to_string().as_str()]),
            Value::String(text) => self.pair(escaped(text)),
            Value::Array(items) => {
                // A list within a list needs its index: with [] each of its own items would begin a new one.
                let plain = !items.iter().any(|item| item.is_array() || item.is_object());
                for (index, item) in items.iter().enumerate() {
                    let index = if plain { String::new() } else { index.to_string() };
                    self.within(|name| name.extend(["%5B", index.as_str(), "%5D"]), item);
                }
            }
            Value::Object(entries) => {
                for (key, item) in entries {
                    let add = |name: &mut String| {
                        name.push_str("%5B");
                        name.extend(escaped(key));
                        name.push_str("%5D");
                    };
                    self.within(add, item);
                }
            }
        }
    }

    /// Writes the name and its value.
    fn pair<'t>(&mut self, value: impl IntoIterator<Item = &'t str>) {
        self.text
            .push(if self.text.len() == self.first { '?' } else { '&' });
        self.text.push_str(&self.name);
        self.text.push('=');
        self.text.extend(value);
    }
}

fn escaped(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, ESCAPED)
}

#[cfg(test)]
mod tests;
