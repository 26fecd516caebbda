use super::*;
use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use serde_json::{Map, json};

/// The parameters alone.
fn encode(params: &Value) -> String {
    let command = command("m", params);
    let query = command.strip_prefix('m').expect("the method first");
    query.strip_prefix('?').unwrap_or(query).to_owned()
}

/// Reads a query as PHP's `parse_str` does, for the shapes the encoder makes. Every leaf is text.
fn parse_str(query: &str) -> Value {
    let mut root = Value::Object(Map::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').expect("name=value");
        let decode = |text: &str| {
            percent_decode_str(text)
                .decode_utf8()
                .expect("UTF-8")
                .into_owned()
        };
        let name = decode(name);
        let (first, rest) = name
            .split_once('[')
            .map_or((name.as_str(), None), |(a, b)| (a, Some(b)));
        let mut path = vec![first.to_owned()];
        if let Some(rest) = rest {
            path.extend(
                rest.strip_suffix(']')
                    .expect("closed")
                    .split("][")
                    .map(str::to_owned),
            );
        }
        put(&mut root, &path, decode(value));
    }
    root
}

fn put(at: &mut Value, path: &[String], value: String) {
    let Some((key, rest)) = path.split_first() else {
        *at = Value::String(value);
        return;
    };
    if at.is_null() {
        *at = Value::Object(Map::new());
    }
    let map = at.as_object_mut().expect("a map");
    let key = if key.is_empty() {
        map.len().to_string()
    } else {
        key.clone()
    };
    put(map.entry(key).or_insert(Value::Null), rest, value);
}

/// What is left of a value once PHP has read it: lists are maps, leaves are text, nothing is gone.
fn as_php_sees(value: &Value) -> Option<Value> {
    let map = |entries: Vec<(String, Value)>| (!entries.is_empty()).then(|| entries.into_iter().collect());
    match value {
        Value::Null => None,
        Value::Bool(flag) => Some(json!(if *flag { "1" } else { "0" })),
        Value::Number(number) => Some(json!(number.to_string())),
        Value::String(text) => Some(json!(text)),
        Value::Array(items) => map(items
            .iter()
            .enumerate()
            .filter_map(|(i, v)| Some((i.to_string(), as_php_sees(v)?)))
            .collect()),
        Value::Object(entries) => map(entries
            .iter()
            .filter_map(|(k, v)| Some((k.clone(), as_php_sees(v)?)))
            .collect()),
    }
}

#[test]
fn filters_and_lists_are_written_as_php_reads_them() {
    let params = json!({"filter": {">ID": 5, "@OWNER_ID": [1, 2]}, "select": ["ID"], "start": -1});
    assert_eq!(
        encode(&params),
        "filter%5B%3EID%5D=5&filter%5B%40OWNER_ID%5D%5B%5D=1&filter%5B%40OWNER_ID%5D%5B%5D=2&select%5B%5D=ID&start=-1"
    );
    assert_eq!(command("server.time", &json!({})), "server.time");
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".*".prop_map(Value::from)
    ]
}

fn value() -> impl Strategy<Value = Value> {
    // Keys without brackets: PHP gives those in a name a meaning no escape takes away.
    let key = "[^\\[\\].\\x00 &]{1,8}";
    leaf().prop_recursive(3, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..5).prop_map(Value::Array),
            prop::collection::btree_map(key, inner, 1..5).prop_map(|map| map.into_iter().collect::<Value>()),
        ]
    })
}

proptest! {
    #[test]
    fn php_reads_back_every_map_of_parameters(entries in prop::collection::btree_map("[a-zA-Z]{1,8}", value(), 0..5)) {
        let params: Value = entries.into_iter().collect();
        let expected = as_php_sees(&params).unwrap_or_else(|| json!({}));
        prop_assert_eq!(parse_str(&encode(&params)), expected);
    }
}
