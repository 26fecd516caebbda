//! The text of the statements that rows are read and written with. Names are quoted here and nowhere else; values are always
//! parameters.

use table_map::{Column, TableMap};

/// An identifier in quotes.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(quote).collect::<Vec<_>>().join(", ")
}

fn select(map: &TableMap) -> String {
    format!(
        "SELECT {} FROM {}",
        list(map.identity().into_iter().chain(map.written().map(Column::name))),
        quote(map.name())
    )
}

/// Identity and written columns of the rows whose keys are in the JSON array `?1`, ascending.
pub(crate) fn select_by_keys(map: &TableMap) -> String {
    let key = quote(map.key());
    format!(
        "{} WHERE {key} IN (SELECT value FROM json_each(?1)) ORDER BY {key}",
        select(map)
    )
}

/// Identity and written columns of the rows whose keys are from `?1` to `?2`, ascending.
pub(crate) fn select_range(map: &TableMap) -> String {
    let key = quote(map.key());
    format!("{} WHERE {key} BETWEEN ?1 AND ?2 ORDER BY {key}", select(map))
}

/// The highest key.
pub(crate) fn highest_key(map: &TableMap) -> String {
    format!("SELECT MAX({}) FROM {}", quote(map.key()), quote(map.name()))
}

/// Identity and written columns of at most `?1` rows, ascending; with `after`, of those with a key above `?2`.
pub(crate) fn select_page(map: &TableMap, after: bool) -> String {
    let key = quote(map.key());
    let from = if after { "> ?2" } else { "IS NOT NULL" };
    format!("{} WHERE {key} {from} ORDER BY {key} LIMIT ?1", select(map))
}

/// Parameters: the written columns in the map's order, then the time of insertion for each column the store sets.
pub(crate) fn insert(map: &TableMap) -> String {
    let own = map.inserted_at().into_iter().chain(map.updated_at());
    let names: Vec<_> = map.written().map(Column::name).chain(own).collect();
    format!(
        "INSERT INTO {} ({}) VALUES ({})",
        quote(map.name()),
        list(names.iter().copied()),
        vec!["?"; names.len()].join(", ")
    )
}

/// Parameters: the values at these places of a row, the time of change if the table has a column for it, the identity.
pub(crate) fn update(map: &TableMap, places: &[usize]) -> String {
    let sets: Vec<_> = map
        .written()
        .enumerate()
        .filter(|(place, _)| places.contains(place))
        .map(|(_, column)| column.name())
        .chain(map.updated_at())
        .map(|name| format!("{} = ?", quote(name)))
        .collect();
    format!(
        "UPDATE {} SET {} WHERE {} = ?",
        quote(map.name()),
        sets.join(", "),
        list(map.identity().into_iter())
    )
}

/// Parameters: the keys as a JSON array, the time of change.
pub(crate) fn deactivate(map: &TableMap, active: &str) -> String {
    let time = map
        .updated_at()
        .map_or_else(String::new, |name| format!(", {} = ?2", quote(name)));
    format!(
        "UPDATE {} SET {active} = 'N'{time} WHERE {active} IS NOT 'N' AND {} IN (SELECT value FROM json_each(?1))",
        quote(map.name()),
        quote(map.key()),
        active = quote(active)
    )
}

/// Keys of several rows, ascending, at most `?1`.
pub(crate) fn duplicates(map: &TableMap) -> String {
    format!(
        "SELECT {key} FROM {} WHERE {key} IS NOT NULL GROUP BY {key} HAVING COUNT(*) > 1 ORDER BY {key} LIMIT ?1",
        quote(map.name()),
        key = quote(map.key())
    )
}

/// Deletes all but the oldest row of each key.
pub(crate) fn merge_duplicates(map: &TableMap) -> String {
    format!(
        "DELETE FROM {table} WHERE {key} IS NOT NULL \
         AND {id} NOT IN (SELECT MIN({id}) FROM {table} WHERE {key} IS NOT NULL GROUP BY {key})",
        table = quote(map.name()),
        key = quote(map.key()),
        id = list(map.identity().into_iter())
    )
}

/// How many rows there are.
pub(crate) fn count(map: &TableMap) -> String {
    format!("SELECT COUNT(*) FROM {}", quote(map.name()))
}

/// Keys as the JSON array that `json_each` takes: one parameter for any number of them.
pub(crate) fn keys_as_json(keys: impl Iterator<Item = i64>) -> String {
    let mut json = String::from("[");
    for (place, key) in keys.enumerate() {
        if place > 0 {
            json.push(',');
        }
        json.push_str(&key.to_string());
    }
    json.push(']');
    json
}
