//! Parameters written into a URL the way PHP reads them: `filter[>ID]=5&select[]=ID`, percent-encoded.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// What PHP's own encoder leaves as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Encodes a map of parameters.
///
/// As in PHP, `null` and empty lists leave no trace, and flags become 1 and 0. Values that are no map have no names
/// and give nothing.
pub(crate) fn encode(params: &Value) -> String {
    let mut query = String::new();
    if let Value::Object(entries) = params {
        for (key, value) in entries {
            append(&mut query, &escape(key), value);
        }
    }
    query
}

/// One entry of a batch: the method and its parameters.
pub(crate) fn command(method: &str, params: &Value) -> String {
    let query = encode(params);
    if query.is_empty() {
        method.to_owned()
    } else {
        format!("{method}?{query}")
    }
}

fn append(query: &mut String, name: &str, value: &Value) {
    let text = match value {
        Value::Null => return,
        Value::Bool(flag) => u8::from(*flag).to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => escape(text),
        Value::Array(items) => {
            // A list within a list needs its index: with [] each of its own items would begin a new one.
            let plain = !items.iter().any(|item| item.is_array() || item.is_object());
            for (index, item) in items.iter().enumerate() {
                let index = if plain { String::new() } else { index.to_string() };
                append(query, &format!("{name}%5B{index}%5D"), item);
            }
            return;
        }
        Value::Object(entries) => {
            for (key, item) in entries {
                append(query, &format!("{name}%5B{}%5D", escape(key)), item);
            }
            return;
        }
    };
    if !query.is_empty() {
        query.push('&');
    }
    query.push_str(name);
    query.push('=');
    query.push_str(&text);
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

#[cfg(test)]
mod tests;
