//! What a path leads to in a JSON text, without reading the rest of it.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::params::Param;

/// What these keys lead to, one after another; `None` when they lead nowhere. Keys of a list are 0, 1, 2…
pub(crate) fn look_up(json: &str, path: &[&str]) -> Option<Param> {
    let mut reader = serde_json::Deserializer::from_str(json);
    Path(path).deserialize(&mut reader).ok().flatten()
}

/// What is left of a path.
#[derive(Clone, Copy)]
struct Path<'a>(&'a [&'a str]);

impl<'de> DeserializeSeed<'de> for Path<'_> {
    type Value = Option<Param>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Param>, D::Error> {
        match self.0.split_first() {
            None => Param::deserialize(deserializer).map(Some),
            Some((key, behind)) => deserializer.deserialize_any(Step {
                key,
                behind: Path(behind),
            }),
        }
    }
}

/// The next key of a path.
struct Step<'a> {
    key: &'a str,
    behind: Path<'a>,
}

impl<'de> Visitor<'de> for Step<'_> {
    type Value = Option<Param>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<Param>, A::Error> {
        let mut found = None;
        while let Some(is_it) = map.next_key_seed(Is(self.key))? {
            if is_it {
                // Of several, the last counts.
                found = map.next_value_seed(self.behind)?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Option<Param>, A::Error> {
        let place = self
            .key
            .parse()
            .ok()
            .filter(|place: &usize| place.to_string() == self.key);
        let mut found = None;
        for at in 0.. {
            if Some(at) == place {
                match list.next_element_seed(self.behind)? {
                    Some(value) => found = value,
                    None => break,
                }
            } else if list.next_element::<IgnoredAny>()?.is_none() {
                break;
            }
        }
        Ok(found)
    }

    fn visit_str<E>(self, _: &str) -> Result<Option<Param>, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Option<Param>, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Option<Param>, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Option<Param>, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Option<Param>, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<Param>, E> {
        Ok(None)
    }
}

/// Whether a key is this one.
struct Is<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// The same by a tree of the whole text.
    fn by_tree(json: &str, path: &[&str]) -> Option<Param> {
        let tree: Param = serde_json::from_str(json).ok()?;
        path.iter().try_fold(tree, |tree, key| {
            let mut entries = tree.entries().iter();
            entries
                .find(|(known, _)| known == key)
                .map(|(_, value)| value.clone())
        })
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-c\"\\\\é]{0,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a-c0-2]", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_path_leads_where_it_leads_in_a_tree_of_the_whole_text(
            value in value(), path in proptest::collection::vec(prop_oneof!["[a-c0-2]", Just("01".to_owned()), Just(String::new())], 0..5)
        ) {
            let (json, path): (String, Vec<&str>) = (value.to_string(), path.iter().map(String::as_str).collect());
            prop_assert_eq!(look_up(&json, &path), by_tree(&json, &path));
        }
    }

    #[test]
    fn of_several_equal_keys_the_last_counts_and_what_is_no_json_leads_nowhere() {
        assert_eq!(
            look_up(r#"{"a":1,"a":2}"#, &["a"]),
            Some(Param::Text("2".to_owned()))
        );
        assert_eq!(look_up(r#"{"a":{"b":1},"a":2}"#, &["a", "b"]), None);
        assert_eq!(look_up("{\"a\":", &["a"]), None);
        assert_eq!(
            look_up(&json!([[], ["x"]]).to_string(), &["1", "0"]),
            Some(Param::Text("x".to_owned()))
        );
    }
}
