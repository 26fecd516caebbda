//! What the catalog views say about a table.

use store::{ColumnShape, IndexShape, TableShape, TypeShape};
use tiberius::{ColumnData, Row};

use crate::failure::Failure;
use crate::quote;
use crate::session::Session;

/// Two questions in one round trip. The table is named as the server resolves names, whatever its collation.
const QUESTIONS: &str = "\
SELECT c.name, TYPE_NAME(c.system_type_id) AS type_name, CAST(c.max_length AS int) AS max_length, \
CAST(c.precision AS int) AS precision_, CAST(c.scale AS int) AS scale, CAST(c.is_nullable AS int) AS is_nullable, \
CAST(c.is_identity AS int) AS is_identity, CAST(c.is_computed AS int) AS is_computed, \
CASE WHEN c.default_object_id <> 0 THEN 1 ELSE 0 END AS has_default, c.collation_name \
FROM sys.columns AS c WHERE c.object_id = OBJECT_ID(@P1, N'U') ORDER BY c.column_id; \
SELECT CAST(i.index_id AS int) AS index_id, i.name, CAST(i.is_unique AS int) AS is_unique, \
CASE WHEN i.has_filter = 1 OR i.is_disabled = 1 THEN 1 ELSE 0 END AS is_partial, c.name AS column_name \
FROM sys.indexes AS i \
INNER JOIN sys.index_columns AS ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id \
INNER JOIN sys.columns AS c ON c.object_id = ic.object_id AND c.column_id = ic.column_id \
WHERE i.object_id = OBJECT_ID(@P1, N'U') AND i.is_hypothetical = 0 AND ic.key_ordinal > 0 \
ORDER BY i.index_id, ic.key_ordinal;";

/// A table as the catalog describes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CatalogTable {
    pub(crate) columns: Vec<CatalogColumn>,
    pub(crate) indexes: Vec<IndexShape>,
}

/// A column as the catalog describes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CatalogColumn {
    pub(crate) name: String,
    /// The system type's name in lower case, also where the column has an alias type.
    pub(crate) type_name: String,
    /// Bytes; -1 for `max`.
    pub(crate) max_length: i32,
    pub(crate) precision: i32,
    pub(crate) scale: i32,
    pub(crate) nullable: bool,
    pub(crate) identity: bool,
    pub(crate) computed: bool,
    pub(crate) has_default: bool,
    pub(crate) collation: Option<String>,
}

/// Asks for a table; `None` when there is none.
pub(crate) async fn inspect(
    session: &mut Session,
    schema: &str,
    table: &str,
) -> Result<Option<CatalogTable>, Failure> {
    let name = ColumnData::String(Some(quote::table(schema, table).into()));
    let answers = session.query(QUESTIONS, [name]).await?;
    let [columns, index_columns] = answers.as_slice() else {
        return Err(Failure::bug(
            "the catalog gave another number of answers than it was asked questions",
        ));
    };
    if columns.is_empty() {
        return Ok(None);
    }
    Ok(Some(CatalogTable {
        columns: columns.iter().map(column).collect::<Result<_, _>>()?,
        indexes: indexes(index_columns)?,
    }))
}

fn column(row: &Row) -> Result<CatalogColumn, Failure> {
    Ok(CatalogColumn {
        name: text(row, 0)?,
        type_name: text(row, 1)?.to_lowercase(),
        max_length: number(row, 2)?,
        precision: number(row, 3)?,
        scale: number(row, 4)?,
        nullable: number(row, 5)? != 0,
        identity: number(row, 6)? != 0,
        computed: number(row, 7)? != 0,
        has_default: number(row, 8)? != 0,
        collation: row.try_get::<&str, _>(9)?.map(str::to_owned),
    })
}

fn indexes(rows: &[Row]) -> Result<Vec<IndexShape>, Failure> {
    let mut indexes = Vec::new();
    let mut id = None;
    for row in rows {
        let this = number(row, 0)?;
        let column = text(row, 4)?;
        match indexes.last_mut() {
            Some(IndexShape { columns, .. }) if id == Some(this) => columns.push(column),
            _ => indexes.push(IndexShape {
                name: text(row, 1)?,
                columns: vec![column],
                unique: number(row, 2)? != 0,
                partial: number(row, 3)? != 0,
            }),
        }
        id = Some(this);
    }
    Ok(indexes)
}

fn text(row: &Row, place: usize) -> Result<String, Failure> {
    Ok(row.try_get::<&str, _>(place)?.unwrap_or_default().to_owned())
}

fn number(row: &Row, place: usize) -> Result<i32, Failure> {
    Ok(row.try_get::<i32, _>(place)?.unwrap_or_default())
}

impl CatalogTable {
    /// In the words of all stores.
    pub(crate) fn shape(&self) -> TableShape {
        TableShape {
            columns: self.columns.iter().map(CatalogColumn::shape).collect(),
            indexes: self.indexes.clone(),
        }
    }

    /// The column called `name`; case does not matter.
    pub(crate) fn column(&self, name: &str) -> Option<&CatalogColumn> {
        self.columns
            .iter()
            .find(|column| column.name.eq_ignore_ascii_case(name))
    }
}

impl CatalogColumn {
    fn shape(&self) -> ColumnShape {
        ColumnShape {
            name: self.name.clone(),
            type_shape: self.type_shape(),
            type_name: self.full_type(),
            nullable: self.nullable,
            identity: self.identity,
            optional: self.nullable || self.has_default || self.computed || self.type_name == "timestamp",
        }
    }

    /// Characters of a text column (bytes of a `varchar`), `None` for `max`.
    pub(crate) fn length(&self) -> Option<u32> {
        let unit = if self.is_unicode() { 2 } else { 1 };
        u32::try_from(self.max_length).ok().map(|bytes| bytes / unit)
    }

    /// Whether a text column holds UTF-16.
    pub(crate) fn is_unicode(&self) -> bool {
        matches!(self.type_name.as_str(), "nvarchar" | "nchar")
    }

    /// Whether a text column fills up with blanks.
    pub(crate) fn is_fixed(&self) -> bool {
        matches!(self.type_name.as_str(), "char" | "nchar")
    }

    /// A `smalldatetime` is [`TypeShape::Other`]: it rounds to minutes and ends in 2079. So are `text`, `ntext`, `datetimeoffset`
    /// and computed columns.
    fn type_shape(&self) -> TypeShape {
        if self.computed {
            return TypeShape::Other;
        }
        match self.type_name.as_str() {
            "tinyint" => TypeShape::Integer { bits: 8 },
            "smallint" => TypeShape::Integer { bits: 16 },
            "int" => TypeShape::Integer { bits: 32 },
            "bigint" => TypeShape::Integer { bits: 64 },
            "varchar" | "nvarchar" | "char" | "nchar" => TypeShape::Text {
                length: self.length(),
                unicode: self.is_unicode(),
            },
            "date" => TypeShape::Date,
            "datetime" => TypeShape::DateTime { digits: 2 },
            "datetime2" => TypeShape::DateTime {
                digits: u8::try_from(self.scale).unwrap_or_default(),
            },
            _ => TypeShape::Other,
        }
    }

    /// The type as it is written in T-SQL.
    pub(crate) fn full_type(&self) -> String {
        let name = &self.type_name;
        let full = match name.as_str() {
            "varchar" | "nvarchar" | "char" | "nchar" | "binary" | "varbinary" => match self.length() {
                Some(length) => format!("{name}({length})"),
                None => format!("{name}(max)"),
            },
            "datetime2" | "datetimeoffset" | "time" => format!("{name}({})", self.scale),
            "decimal" | "numeric" => format!("{name}({}, {})", self.precision, self.scale),
            _ => name.clone(),
        };
        if self.computed {
            format!("computed {full}")
        } else {
            full
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A column for tests: `varchar(50)`, `int`, `datetime2(7)`, …
    pub(crate) fn column(name: &str, full_type: &str) -> CatalogColumn {
        let (type_name, argument) = full_type.split_once('(').unwrap_or((full_type, ")"));
        let argument = argument.trim_end_matches(')');
        let unit = if type_name.starts_with('n') { 2 } else { 1 };
        CatalogColumn {
            name: name.to_owned(),
            type_name: type_name.to_owned(),
            max_length: argument.parse().map_or(-1, |length: i32| length * unit),
            precision: 0,
            scale: argument.parse().unwrap_or(0),
            nullable: true,
            identity: false,
            computed: false,
            has_default: false,
            collation: type_name
                .contains("char")
                .then(|| "Cyrillic_General_CI_AS".to_owned()),
        }
    }

    #[test]
    fn types_are_told_in_the_words_of_all_stores() {
        for (written, shape) in [
            ("int", TypeShape::Integer { bits: 32 }),
            (
                "varchar(50)",
                TypeShape::Text {
                    length: Some(50),
                    unicode: false,
                },
            ),
            (
                "nvarchar(255)",
                TypeShape::Text {
                    length: Some(255),
                    unicode: true,
                },
            ),
            (
                "nvarchar(max)",
                TypeShape::Text {
                    length: None,
                    unicode: true,
                },
            ),
            ("datetime", TypeShape::DateTime { digits: 2 }),
            ("datetime2(3)", TypeShape::DateTime { digits: 3 }),
            ("date", TypeShape::Date),
            ("smalldatetime", TypeShape::Other),
            ("text", TypeShape::Other),
            ("float", TypeShape::Other),
        ] {
            let column = column("C", written);
            assert_eq!(column.type_shape(), shape, "{written}");
            assert_eq!(column.full_type(), written);
        }
    }

    #[test]
    fn a_computed_column_cannot_be_written() {
        let mut computed = column("C", "int");
        computed.computed = true;
        assert_eq!(computed.type_shape(), TypeShape::Other);
        assert!(computed.shape().optional);
        assert_eq!(computed.full_type(), "computed int");
    }
}
