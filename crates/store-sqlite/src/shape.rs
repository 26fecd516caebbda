//! What a database has: a table's shape out of SQLite's own descriptions.

use rusqlite::{Connection, OptionalExtension};
use store::{ColumnShape, Error, ErrorKind, IndexShape, TableShape, TypeShape};
use table_map::{ColumnType, TableMap};

use crate::failure::Failure;

/// Stands for an index's column that is an expression, so that the index equals none of ours.
const EXPRESSION: &str = "(expression)";

/// The table's shape, `None` when there is none.
pub(crate) fn inspect(connection: &Connection, map: &TableMap) -> Result<Option<TableShape>, Failure> {
    let found: Option<(String, String, bool)> = connection
        .prepare_cached(
            "SELECT name, type, strict FROM pragma_table_list \
             WHERE schema = 'main' AND name = ?1 COLLATE NOCASE",
        )?
        .query_row([map.name()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((table, kind, strict)) = found else {
        return Ok(None);
    };
    if kind != "table" {
        return Err(Error::new(
            ErrorKind::Operator,
            format!("{table} is not a table but a {kind}; rename it, so that the table can be made"),
        )
        .into());
    }
    let mut indexes = indexes(connection, &table)?;
    let mut columns = columns(connection, &table, strict, map)?;
    let counted = counted_key(&columns, &indexes);
    if let Some(place) = counted {
        let column = &mut columns[place].shape;
        column.identity = true;
        column.nullable = false;
        indexes.push(Found {
            is_primary_key: true,
            shape: IndexShape {
                name: "PRIMARY KEY".to_owned(),
                columns: vec![column.name.clone()],
                unique: true,
                partial: false,
            },
        });
    }
    Ok(Some(TableShape {
        columns: columns.into_iter().map(|column| column.shape).collect(),
        indexes: indexes.into_iter().map(|index| index.shape).collect(),
    }))
}

struct Described {
    shape: ColumnShape,
    is_in_primary_key: bool,
}

struct Found {
    shape: IndexShape,
    is_primary_key: bool,
}

/// The place of the column that SQLite counts up by itself: the only column of a primary key that has no index of its own, as the table
/// itself is in its order (<https://www.sqlite.org/lang_createtable.html>, section 5). A key of another type than
/// `INTEGER`, a `DESC` one and that of a table `WITHOUT ROWID` have one.
fn counted_key(columns: &[Described], indexes: &[Found]) -> Option<usize> {
    let mut keys = columns
        .iter()
        .enumerate()
        .filter(|(_, column)| column.is_in_primary_key);
    let (place, _) = keys.next()?;
    let alone = keys.next().is_none();
    (alone && !indexes.iter().any(|index| index.is_primary_key)).then_some(place)
}

fn columns(
    connection: &Connection,
    table: &str,
    strict: bool,
    map: &TableMap,
) -> Result<Vec<Described>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT name, type, \"notnull\", dflt_value IS NOT NULL, pk, hidden FROM pragma_table_xinfo(?1) ORDER BY cid",
    )?;
    let columns = statement.query_map([table], |row| {
        let name: String = row.get(0)?;
        let declared: String = row.get(1)?;
        let (not_null, has_default): (bool, bool) = (row.get(2)?, row.get(3)?);
        let (key, hidden): (i64, i64) = (row.get(4)?, row.get(5)?);
        let computed = hidden != 0;
        let wanted = map.column(&name).map(|column| column.column_type());
        Ok(Described {
            is_in_primary_key: key > 0,
            shape: ColumnShape {
                type_shape: if computed {
                    TypeShape::Other
                } else {
                    type_shape(&declared, strict, wanted)
                },
                type_name: match (computed, declared.is_empty()) {
                    (true, _) => format!("{declared} GENERATED").trim_start().to_owned(),
                    (false, true) => "of no declared type".to_owned(),
                    (false, false) => declared,
                },
                nullable: !not_null,
                identity: false,
                optional: !not_null || has_default || computed,
                name,
            },
        })
    })?;
    Ok(columns.collect::<Result<_, _>>()?)
}

/// What a column holds without changing it, by the affinity that SQLite derives from the declared type
/// (<https://www.sqlite.org/datatype3.html>, section 3.1).
///
/// Dates are text here, so a column for text is one for dates if the map wants dates. A numeric affinity keeps whole numbers
/// and dates as they are, but would make the number 7 of the text `007`. A column for bytes or fractions was made for something else.
fn type_shape(declared: &str, strict: bool, wanted: Option<&ColumnType>) -> TypeShape {
    const WHOLE: TypeShape = TypeShape::Integer { bits: 64 };
    const TEXT: TypeShape = TypeShape::Text {
        length: None,
        unicode: true,
    };
    const NANOSECONDS: TypeShape = TypeShape::DateTime { digits: 9 };
    let declared = declared.to_ascii_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    if declared.is_empty() || (strict && declared == "ANY") {
        TypeShape::Any
    } else if has(&["INT"]) {
        WHOLE
    } else if has(&["CHAR", "CLOB", "TEXT"]) {
        match wanted {
            Some(ColumnType::Date) => TypeShape::Date,
            Some(ColumnType::DateTime) => NANOSECONDS,
            _ => TEXT,
        }
    } else if has(&["BLOB", "REAL", "FLOA", "DOUB"]) {
        TypeShape::Other
    } else {
        match wanted {
            Some(ColumnType::Date) => TypeShape::Date,
            Some(ColumnType::DateTime) => NANOSECONDS,
            Some(ColumnType::Integer | ColumnType::BigInteger) => WHOLE,
            _ => TypeShape::Other,
        }
    }
}

fn indexes(connection: &Connection, table: &str) -> Result<Vec<Found>, Failure> {
    let mut statement = connection
        .prepare_cached("SELECT name, \"unique\", origin = 'pk', partial FROM pragma_index_list(?1)")?;
    let mut names = connection.prepare_cached(
        "SELECT coalesce(name, ?2) FROM pragma_index_xinfo(?1) WHERE key = 1 ORDER BY seqno",
    )?;
    let mut indexes = Vec::new();
    let mut found = statement.query([table])?;
    while let Some(row) = found.next()? {
        let name: String = row.get(0)?;
        let columns = names
            .query_map([name.as_str(), EXPRESSION], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        indexes.push(Found {
            is_primary_key: row.get(2)?,
            shape: IndexShape {
                name,
                columns,
                unique: row.get(1)?,
                partial: row.get(3)?,
            },
        });
    }
    Ok(indexes)
}
