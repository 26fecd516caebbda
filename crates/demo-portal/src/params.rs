//! What a client sends, read the way PHP reads it: JSON, form bodies and query strings all become the same
//! ordered tree of texts, `filter[>ID]=5` and `{"filter": {">ID": 5}}` alike.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// PHP's limit for nested keys in forms; what is deeper is dropped.
const MAX_DEPTH: usize = 64;

/// A parameter: a text, or a map in the order it was sent. A list is a map with the keys 0, 1, 2…
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Param {
    Text(String),
    Map(Vec<(String, Param)>),
}

impl Default for Param {
    fn default() -> Self {
        Self::Map(Vec::new())
    }
}

impl Param {
    /// The text, or nothing for a map.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Map(_) => None,
        }
    }

    /// The entries, or none for a text.
    pub(crate) fn entries(&self) -> &[(String, Param)] {
        match self {
            Self::Text(_) => &[],
            Self::Map(entries) => entries,
        }
    }

    /// The entry of a map with this key. Top-level parameters are found in any case, as some methods of the
    /// portal do and clients rely on.
    pub(crate) fn get(&self, key: &str) -> Option<&Param> {
        let entries = self.entries();
        let exact = entries.iter().find(|(name, _)| name == key);
        exact
            .or_else(|| entries.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)))
            .map(|(_, value)| value)
    }

    /// Reads a JSON document; one that is not a map or a list is no parameter.
    pub(crate) fn from_json(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body)
            .ok()
            .filter(|param| matches!(param, Self::Map(_)))
    }

    /// Adds what a form or query string holds to a map.
    pub(crate) fn add_form(&mut self, form: &str) {
        for pair in form.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            self.add_path(&decode(key), decode(value));
        }
    }

    pub(crate) fn from_form(form: &str) -> Self {
        let mut params = Self::default();
        params.add_form(form);
        params
    }

    /// Takes over entries that this map does not have yet.
    pub(crate) fn merge(&mut self, other: Self) {
        let (Self::Map(mine), Self::Map(theirs)) = (self, other) else {
            return;
        };
        for (key, value) in theirs {
            if !mine.iter().any(|(known, _)| *known == key) {
                mine.push((key, value));
            }
        }
    }

    /// Puts a value where a key such as `filter[@ID][]` says.
    fn add_path(&mut self, key: &str, value: String) {
        let (first, mut rest) = match key.find('[') {
            Some(at) if at > 0 && key.contains(']') => key.split_at(at),
            // PHP's way with a bracket that is never closed, as in `filter[<=ID]=5` without encoding.
            Some(at) if at > 0 => return *self.child(&key.replacen('[', "_", 1)) = Self::Text(value),
            _ => (key, ""),
        };
        let mut place = self.child(first);
        for _ in 0..MAX_DEPTH {
            let Some((name, behind)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
                *place = Self::Text(value);
                return;
            };
            place = place.child(name);
            rest = behind;
        }
    }

    /// The entry with this key, made if need be; an empty key appends, as `[]` does.
    fn child(&mut self, key: &str) -> &mut Self {
        if matches!(self, Self::Text(_)) {
            *self = Self::default();
        }
        let Self::Map(entries) = self else { return self };
        let key = if key.is_empty() {
            next_index(entries)
        } else {
            key.to_owned()
        };
        let at = entries
            .iter()
            .position(|(known, _)| *known == key)
            .unwrap_or_else(|| {
                entries.push((key, Self::default()));
                entries.len() - 1
            });
        &mut entries[at].1
    }
}

fn next_index(entries: &[(String, Param)]) -> String {
    let last = entries
        .iter()
        .filter_map(|(key, _)| key.parse::<u64>().ok())
        .max();
    last.map_or(0, |last| last.saturating_add(1)).to_string()
}

fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced)
        .decode_utf8_lossy()
        .into_owned()
}

/// A whole number as PHP's `intval` reads it: leading digits count, anything else is 0.
pub(crate) fn intval(text: &str) -> i64 {
    let text = text.trim_start();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    let value = digits.get(..length).unwrap_or_default();
    let value = if value.is_empty() {
        0
    } else {
        value.parse().unwrap_or(i64::MAX)
    };
    if text.starts_with('-') { -value } else { value }
}

impl<'de> Deserialize<'de> for Param {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ParamVisitor)
    }
}

struct ParamVisitor;

impl<'de> Visitor<'de> for ParamVisitor {
    type Value = Param;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_str<E>(self, value: &str) -> Result<Param, E> {
        Ok(Param::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Param, E> {
        Ok(Param::Text(value))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Param, E> {
        Ok(Param::Text(if value { "1" } else { "" }.to_owned()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Param, E> {
        Ok(Param::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Param, E> {
        Ok(Param::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Param, E> {
        Ok(Param::Text(value.to_string()))
    }

    fn visit_unit<E>(self) -> Result<Param, E> {
        Ok(Param::Text(String::new()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Param, A::Error> {
        let mut entries = Vec::new();
        while let Some(value) = list.next_element()? {
            entries.push((entries.len().to_string(), value));
        }
        Ok(Param::Map(entries))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Param, A::Error> {
        let mut entries: Vec<(String, Param)> = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, Param>()? {
            match entries.iter_mut().find(|(known, _)| *known == key) {
                Some(entry) => entry.1 = value,
                None => entries.push((key, value)),
            }
        }
        Ok(Param::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_and_a_json_body_become_the_same_tree() {
        let form = Param::from_form(
            "entityTypeId=2&filter%5B%3EID%5D=5&filter[@OWNER_ID][]=7&filter[@OWNER_ID][]=9&select[0]=ID&order[ID]=ASC&",
        );
        let json = br#"{"entityTypeId": 2, "filter": {">ID": 5, "@OWNER_ID": [7, "9"]}, "select": ["ID"], "order": {"ID": "ASC"}}"#;
        assert_eq!(Some(form), Param::from_json(json));
    }

    #[test]
    fn json_maps_keep_the_order_they_were_sent_in() {
        let json = Param::from_json(br#"{"z": null, "a": true, "m": 1.5, "b": []}"#).unwrap();
        let keys: Vec<&str> = json.entries().iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["z", "a", "m", "b"]);
        assert_eq!(json.get("z").and_then(Param::text), Some(""));
    }

    #[test]
    fn what_is_no_map_is_no_parameter() {
        for body in ["", "5", "\"a\"", "{", "<html>"] {
            assert_eq!(Param::from_json(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn an_operator_with_an_equals_sign_must_be_encoded() {
        let params = Param::from_form("filter[>ID]=1&filter[<=ID]=5");
        let filter = params.get("filter").map(Param::entries).unwrap_or_default();
        assert_eq!(filter, [(">ID".to_owned(), Param::Text("1".to_owned()))]);
        assert_eq!(params.get("filter_<").and_then(Param::text), Some("ID]=5"));
    }

    #[test]
    fn odd_form_keys_do_no_harm() {
        let deep = format!("a{}=1", "[x]".repeat(500));
        for form in [
            "=1",
            "[]=1",
            "a[=1",
            "a]=1",
            "a[b=1&a[b]=2&a=3&a[c]=4",
            "%ff%00=%zz",
            &deep,
        ] {
            assert!(matches!(Param::from_form(form), Param::Map(_)), "{form}");
        }
    }

    #[test]
    fn whole_numbers_are_read_as_php_does() {
        for (text, value) in [
            ("12", 12),
            ("-1", -1),
            (" 7x", 7),
            ("", 0),
            ("x", 0),
            ("9999999999999999999", i64::MAX),
        ] {
            assert_eq!(intval(text), value, "{text}");
        }
    }
}
