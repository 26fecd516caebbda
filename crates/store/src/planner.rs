//! The migration planner: compares a map with what a database has, and says what to add.
//!
//! Nothing is ever dropped, narrowed or rewritten. A table that another program made is taken over as it is when its columns can
//! hold our values; where one cannot, the plan is refused with all its [`Clashes`] at once.

use std::fmt;

use table_map::{Column, ColumnType, Index, Role, TableMap};

use crate::{ColumnShape, IndexShape, TableShape, TypeShape};

/// One thing to add.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// The table itself, with all columns.
    CreateTable,
    /// A column that the table lacks.
    AddColumn(Column),
    /// An index that the table lacks.
    CreateIndex(Index),
}

/// A difference that is accepted, and what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Note {
    /// The column.
    pub column: &'static str,
    /// What is different and what follows, for people.
    pub text: String,
}

/// What a migration of one table would do.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    map: TableMap,
    steps: Vec<Step>,
    notes: Vec<Note>,
}

impl Plan {
    /// The table's map.
    pub fn map(&self) -> &TableMap {
        &self.map
    }

    /// What to add, in the order to do it. Empty when the table is as it should be.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Accepted differences.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The same without its indexes: what has to be there before rows can be read, written or merged.
    #[must_use]
    pub fn without_indexes(&self) -> Self {
        self.only(|step| !matches!(step, Step::CreateIndex(_)))
    }

    /// The same without the indexes that are not unique: what has to be there before rows can be written safely. The others only make
    /// questions faster.
    #[must_use]
    pub fn without_plain_indexes(&self) -> Self {
        self.only(|step| !matches!(step, Step::CreateIndex(index) if !index.is_unique()))
    }

    fn only(&self, wanted: impl Fn(&Step) -> bool) -> Self {
        Self {
            steps: self.steps.iter().filter(|step| wanted(step)).cloned().collect(),
            ..self.clone()
        }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// A difference that cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Clash {
    /// The column as the database writes it.
    pub column: String,
    /// What is wrong and what to do, for people.
    pub text: String,
}

/// Why a table cannot be taken over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Clashes {
    table: String,
    clashes: Vec<Clash>,
}

impl Clashes {
    /// The table.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Every clash.
    pub fn clashes(&self) -> &[Clash] {
        &self.clashes
    }
}

impl fmt::Display for Clashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "table {} cannot be used as it is", self.table)?;
        for clash in &self.clashes {
            write!(f, "; column {}: {}", clash.column, clash.text)?;
        }
        Ok(())
    }
}

/// Compares `map` with `shape`, what the database has under the table's name.
///
/// # Errors
/// All clashes: columns that cannot hold our values, and columns we do not know that an insert must fill.
pub fn plan(map: &TableMap, shape: Option<&TableShape>) -> Result<Plan, Clashes> {
    let mut plan = Plan {
        map: map.clone(),
        steps: Vec::new(),
        notes: Vec::new(),
    };
    let Some(shape) = shape else {
        plan.steps.push(Step::CreateTable);
        plan.steps
            .extend(map.indexes().iter().cloned().map(Step::CreateIndex));
        return Ok(plan);
    };
    let mut clashes = Vec::new();
    for column in map.columns() {
        match shape.column(column.name()) {
            None if matches!(column.role(), Role::Identity) => clashes.push(Clash {
                column: column.name().to_owned(),
                text:
                    "the table has no such column, and an identity column cannot be added to rows that are \
                       already numbered some other way; add it by hand"
                        .to_owned(),
            }),
            None => plan.steps.push(Step::AddColumn(column.clone())),
            Some(found) => match compare(column, found) {
                Ok(note) => {
                    plan.notes.extend(note.map(|text| Note {
                        column: column.name(),
                        text,
                    }));
                }
                Err(text) => clashes.push(Clash {
                    column: found.name.clone(),
                    text,
                }),
            },
        }
    }
    for found in &shape.columns {
        if map.column(&found.name).is_none() && !found.optional && !found.identity {
            clashes.push(Clash {
                column: found.name.clone(),
                text: format!(
                    "it is {} NOT NULL without a default, and we have no value for it; give it a default or let it be null",
                    found.type_name
                ),
            });
        }
    }
    if !clashes.is_empty() {
        return Err(Clashes {
            table: map.name().to_owned(),
            clashes,
        });
    }
    let missing = map
        .indexes()
        .iter()
        .filter(|index| !shape.indexes.iter().any(|found| serves(index, found)));
    plan.steps.extend(missing.cloned().map(Step::CreateIndex));
    Ok(plan)
}

/// Whether an index of the database does what the map's index is for. For an index that only speeds up reading, a longer
/// one that begins with the same columns is as good.
fn serves(index: &Index, found: &IndexShape) -> bool {
    let begins = found.columns.len() >= index.columns().len()
        && index
            .columns()
            .iter()
            .zip(&found.columns)
            .all(|(want, have)| want.eq_ignore_ascii_case(have));
    let exact = found.columns.len() == index.columns().len();
    begins && !found.partial && (!index.is_unique() || (exact && found.unique))
}

/// `Ok(None)`: as good as our own; `Ok(Some(note))`: usable, with a consequence; `Err(text)`: unusable.
fn compare(column: &Column, found: &ColumnShape) -> Result<Option<String>, String> {
    let is = &found.type_name;
    if matches!(column.role(), Role::Identity) {
        return match (found.type_shape, found.identity) {
            (TypeShape::Integer { bits: 32.. } | TypeShape::Any, true) => Ok(None),
            (TypeShape::Integer { .. }, true) => Err(format!(
                "it is {is}, which runs out of numbers for the rows; alter it by hand"
            )),
            _ => Err(format!(
                "it is {is}, but must be a whole number that the database counts up itself (IDENTITY)"
            )),
        };
    }
    if found.identity {
        return Err("the database numbers it itself, so it cannot take the portal's values".to_owned());
    }
    let cannot = |what: &str| Err(format!("it is {is}, which cannot hold {what}; alter it by hand"));
    let mut note = match (column.column_type(), found.type_shape) {
        (_, TypeShape::Any)
        | (ColumnType::BigInteger, TypeShape::Integer { bits: 64 })
        | (ColumnType::Integer, TypeShape::Integer { bits: 32 | 64 })
        | (ColumnType::Date, TypeShape::Date | TypeShape::DateTime { .. })
        | (ColumnType::DateTime, TypeShape::DateTime { digits: 3.. }) => None,
        (ColumnType::BigInteger, TypeShape::Integer { bits: 32 }) => Some(format!(
            "it is {is}: a value above 2,147,483,647 will be refused when it comes"
        )),
        (ColumnType::BigInteger | ColumnType::Integer, TypeShape::Integer { .. }) => {
            return cannot("numbers of this size");
        }
        (ColumnType::BigInteger | ColumnType::Integer, _) => return cannot("whole numbers"),
        (ColumnType::Date, _) => return cannot("calendar days"),
        (ColumnType::DateTime, TypeShape::DateTime { .. }) => {
            Some(format!("it is {is}: times are rounded to what it keeps"))
        }
        (ColumnType::DateTime, _) => return cannot("dates with times"),
        (_, TypeShape::Text { length, unicode }) => text(column, is, length, unicode)?,
        _ => return cannot("text"),
    };
    if column.is_nullable() && !found.nullable {
        return Err(format!(
            "it is {is} NOT NULL, but the portal has rows without a value; let it be null"
        ));
    }
    if note.is_none() && !column.is_nullable() && found.nullable && matches!(column.role(), Role::Key) {
        note = Some("it may be null; rows without a key are left alone".to_owned());
    }
    Ok(note)
}

/// A flag is `Y` or `N`, which every code page has.
fn text(column: &Column, is: &str, length: Option<u32>, unicode: bool) -> Result<Option<String>, String> {
    let wanted = column.text_limit().unwrap_or(0);
    let shorter = length.is_some_and(|length| length < wanted);
    match (unicode, shorter) {
        _ if length == Some(0) => Err(format!("it is {is}, which cannot hold text; alter it by hand")),
        (true, false) => Ok(None),
        (false, false) if matches!(column.column_type(), ColumnType::Char(_)) => Ok(None),
        (true, true) => Ok(Some(format!(
            "it is {is}: a longer text will be refused when it comes"
        ))),
        (false, _) => Ok(Some(format!(
            "it is {is}: text outside its code page, or longer, will be refused when it comes; alter it to \
             nvarchar({wanted}) to keep every name"
        ))),
    }
}
