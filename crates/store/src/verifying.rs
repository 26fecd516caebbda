//! Whether a table holds rows as they were meant to be left. Pure.

use std::iter::Peekable;
use std::slice;

use table_map::{Row, Strictness, TableMap, difference};

/// A row that is not as it was meant to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// There is no row with this key.
    Missing(i64),
    /// A column of the row with this key holds something else.
    Differs(i64, &'static str),
}

/// Rows that were written, held against those of the table in ascending order of the key.
#[derive(Debug)]
pub struct Verifier<'a> {
    map: &'a TableMap,
    rows: Peekable<slice::Iter<'a, Row>>,
    inserted: &'a [i64],
    /// The key of a row that was met. Before a table's unique index is made, a key may have several.
    met: Option<i64>,
}

impl<'a> Verifier<'a> {
    /// Of these rows, in ascending order of their keys and each key once, those whose keys are among `inserted`, which ascends, too, were
    /// not there before.
    pub fn new(map: &'a TableMap, rows: &'a [Row], inserted: &'a [i64]) -> Self {
        Self {
            map,
            rows: rows.iter().peekable(),
            inserted,
            met: None,
        }
    }

    /// The table has a row with this key: what it is to be like, if anything was written under it.
    ///
    /// # Errors
    /// A row that would have come before it.
    pub fn expected(&mut self, key: i64) -> Result<Option<(&'a Row, Strictness)>, Wrong> {
        while let Some(row) = self.rows.next_if(|row| row.key() < key) {
            if self.met != Some(row.key()) {
                return Err(Wrong::Missing(row.key()));
            }
        }
        let Some(row) = self.rows.peek().filter(|row| row.key() == key) else {
            return Ok(None);
        };
        self.met = Some(key);
        let strictness = match self.inserted.binary_search(&key) {
            Ok(_) => Strictness::Inserted,
            Err(_) => Strictness::Merged,
        };
        Ok(Some((row, strictness)))
    }

    /// The table has this row.
    ///
    /// # Errors
    /// What is wrong with it, or a row that would have come before it.
    pub fn meet(&mut self, stored: &Row) -> Result<(), Wrong> {
        let Some((row, strictness)) = self.expected(stored.key())? else {
            return Ok(());
        };
        match difference(self.map, row, stored, strictness).first() {
            None => Ok(()),
            Some(wrong) => Err(Wrong::Differs(stored.key(), wrong.column)),
        }
    }

    /// The table has no more rows.
    ///
    /// # Errors
    /// A row that was not met.
    pub fn end(mut self) -> Result<(), Wrong> {
        match self.rows.find(|row| self.met != Some(row.key())) {
            None => Ok(()),
            Some(row) => Err(Wrong::Missing(row.key())),
        }
    }
}

impl Wrong {
    /// In words, for the table of this map.
    pub fn of(&self, map: &TableMap) -> String {
        match self {
            Self::Missing(key) => format!(
                "row {key} is not in {} after it was written; is something else deleting rows there?",
                map.name()
            ),
            Self::Differs(key, column) => format!(
                "row {key} of {} came back with another {column} than was written; \
                 is something else writing there, or can the column not hold the value?",
                map.name()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use table_map::{Column, Value};

    use super::*;

    fn map() -> TableMap {
        TableMap::builder("ROWS")
            .column(Column::identity("ID"))
            .column(Column::key("KEY"))
            .column(Column::integer("NUMBER"))
            .build()
            .unwrap()
    }

    fn row(map: &TableMap, (key, number): (i64, i32)) -> Row {
        Row::new(map, vec![Value::from(key), Value::from(number)]).unwrap()
    }

    fn verified(map: &TableMap, rows: &[Row], stored: &[Row]) -> Result<(), Wrong> {
        let keys: Vec<i64> = rows.iter().map(Row::key).collect();
        let mut verifier = Verifier::new(map, rows, &keys);
        for stored in stored {
            verifier.meet(stored)?;
        }
        verifier.end()
    }

    proptest! {
        #[test]
        fn the_first_row_that_is_missing_or_different_is_told(
            rows in proptest::collection::btree_map(0..30_i64, 0..2_i32, 0..20), stored in proptest::collection::vec((0..30_i64, 0..2_i32), 0..30)
        ) {
            let map = map();
            let mut stored = stored;
            stored.sort_unstable_by_key(|(key, _)| *key);
            let wrong = rows.iter().find_map(|(key, number)| {
                let mut there = stored.iter().filter(|(stored, _)| stored == key).peekable();
                match there.peek() {
                    None => Some(Wrong::Missing(*key)),
                    Some(_) => there.any(|(_, stored)| stored != number).then_some(Wrong::Differs(*key, "NUMBER")),
                }
            });
            let rows: Vec<Row> = rows.into_iter().map(|pair| row(&map, pair)).collect();
            let stored: Vec<Row> = stored.into_iter().map(|pair| row(&map, pair)).collect();
            prop_assert_eq!(verified(&map, &rows, &stored).err(), wrong);
        }
    }

    #[test]
    fn what_is_wrong_is_told_in_words() {
        let map = map();
        assert!(
            Wrong::Missing(5)
                .of(&map)
                .to_string()
                .starts_with("row 5 is not in ROWS")
        );
        assert!(
            Wrong::Differs(5, "NUMBER")
                .of(&map)
                .to_string()
                .contains("another NUMBER")
        );
    }
}
