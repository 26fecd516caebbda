//! What `batch` does with its calls: references to earlier answers, and answers gathered as PHP arrays.

use crate::json::Json;
use crate::params::Param;
use crate::path;

/// The most calls one batch may have.
pub(crate) const MAX_CALLS: usize = 50;

/// A PHP array being gathered. Written as JSON it is `[]` when empty, a list when its keys are 0, 1, 2…, and an
/// object otherwise.
#[derive(Debug, Default)]
pub(crate) struct PhpMap {
    entries: Vec<Entry>,
    values: Json,
}

#[derive(Debug)]
struct Entry {
    key: String,
    from: usize,
    to: usize,
}

impl PhpMap {
    /// Room for this many bytes of values.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self {
            entries: Vec::new(),
            values: Json::with_capacity(bytes),
        }
    }

    /// Adds an entry whose value `write` writes; what a failed `write` wrote is taken back.
    pub(crate) fn add<T, E>(
        &mut self,
        key: &str,
        write: impl FnOnce(&mut Json) -> Result<T, E>,
    ) -> Result<T, E> {
        let from = self.values.len();
        match write(&mut self.values) {
            Ok(done) => {
                let to = self.values.len();
                self.entries.push(Entry {
                    key: key.to_owned(),
                    from,
                    to,
                });
                Ok(done)
            }
            Err(error) => {
                self.values.truncate(from);
                Err(error)
            }
        }
    }

    /// Adds an entry whose value is a number.
    pub(crate) fn add_number(&mut self, key: &str, number: usize) {
        self.add_value(key, |json| {
            json.integer(i64::try_from(number).unwrap_or(i64::MAX))
        });
    }

    /// Adds an entry whose writing cannot fail.
    pub(crate) fn add_value(&mut self, key: &str, write: impl FnOnce(&mut Json)) {
        let written: Result<(), std::convert::Infallible> = self.add(key, |json| {
            write(json);
            Ok(())
        });
        match written {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }

    pub(crate) fn write(&self, json: &mut Json) {
        let list = self
            .entries
            .iter()
            .enumerate()
            .all(|(at, entry)| entry.key == at.to_string());
        json.raw(if list { "[" } else { "{" });
        for entry in &self.entries {
            if list {
                json.comma();
            } else {
                json.key(&entry.key);
            }
            json.raw(self.value(entry));
        }
        json.raw(if list { "]" } else { "}" });
    }

    fn value(&self, entry: &Entry) -> &str {
        self.values.between(entry.from, entry.to)
    }

    /// What `[name][items][49][ID]` leads to.
    fn look_up(&self, path: &[&str]) -> Option<Param> {
        let (name, path) = path.split_first()?;
        let entry = self.entries.iter().find(|entry| entry.key == *name)?;
        path::look_up(self.value(entry), path)
    }
}

const REFERENCE: &str = "$result[";

/// Puts earlier answers in the place of references to them.
///
/// A parameter that is nothing but a reference becomes what it leads to, whatever that is; one inside a longer
/// text becomes its text. A reference that leads nowhere becomes an empty value.
pub(crate) fn resolve(param: Param, done: &PhpMap) -> Param {
    match param {
        Param::Map(entries) => Param::Map(
            entries
                .into_iter()
                .map(|(key, value)| (key, resolve(value, done)))
                .collect(),
        ),
        Param::Text(text) if text.contains(REFERENCE) => resolve_text(&text, done),
        text @ Param::Text(_) => text,
    }
}

fn resolve_text(text: &str, done: &PhpMap) -> Param {
    let mut resolved = String::new();
    let mut rest = text;
    while let Some((before, reference)) = rest.split_once("$result") {
        resolved.push_str(before);
        let (path, behind) = read_path(reference);
        if path.is_empty() {
            resolved.push_str("$result");
        }
        let found = done.look_up(&path);
        if !path.is_empty() && resolved.is_empty() && behind.is_empty() {
            return found.unwrap_or_else(|| Param::Text(String::new()));
        }
        resolved.push_str(found.as_ref().and_then(Param::text).unwrap_or_default());
        rest = behind;
    }
    resolved.push_str(rest);
    Param::Text(resolved)
}

/// The keys in the brackets a text begins with, and what is behind them.
fn read_path(mut text: &str) -> (Vec<&str>, &str) {
    let mut path = Vec::new();
    while let Some((key, behind)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        path.push(key);
        text = behind;
    }
    (path, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done() -> PhpMap {
        let mut done = PhpMap::default();
        done.add_value("list", |json| {
            json.raw(r#"{"items":[{"ID":"7","n":5},{"ID":"9"}],"s":"x"}"#)
        });
        done.add_value("deals", |json| json.raw(r#"[{"ID":"1"}]"#));
        done
    }

    fn text(text: &str) -> Param {
        Param::Text(text.to_owned())
    }

    #[test]
    fn references_lead_into_earlier_answers() {
        for (reference, value) in [
            ("$result[list][items][1][ID]", "9"),
            ("$result[list][items][0][n]", "5"),
            ("$result[deals][0][ID]", "1"),
            ("a$result[list][s]b$result[deals][0][ID]", "axb1"),
        ] {
            assert_eq!(resolve(text(reference), &done()), text(value), "{reference}");
        }
    }

    #[test]
    fn references_that_lead_nowhere_become_empty() {
        for reference in [
            "$result[list][items][49][ID]",
            "$result[none]",
            "$result[]",
            "$result[deals][0][ID][x]",
        ] {
            assert_eq!(resolve(text(reference), &done()), text(""), "{reference}");
        }
    }

    #[test]
    fn a_reference_may_stand_for_a_whole_list() {
        let Param::Map(items) = resolve(text("$result[list][items]"), &done()) else {
            panic!("no list")
        };
        assert_eq!(items.len(), 2);
    }

    #[test]
    fn what_is_no_reference_stays() {
        for plain in ["$result", "result[a]", "$res", "100$", "$result[a"] {
            assert_eq!(resolve(text(plain), &done()), text(plain));
        }
    }

    #[test]
    fn arrays_are_written_as_php_writes_them() {
        let write = |keys: &[&str]| {
            let mut map = PhpMap::default();
            for key in keys {
                map.add_number(key, 5);
            }
            let mut json = Json::default();
            map.write(&mut json);
            json.since(0).to_owned()
        };
        assert_eq!(write(&[]), "[]");
        assert_eq!(write(&["0", "1"]), "[5,5]");
        assert_eq!(write(&["1", "0"]), r#"{"1":5,"0":5}"#);
        assert_eq!(write(&["a"]), r#"{"a":5}"#);
    }
}
