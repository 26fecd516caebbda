//! A table's map.

use sea_query::{ColumnType, StringLen};

use crate::{Column, Error, Index, Role, UpdateRule};

/// What a table is. Built once by the exchange that owns the table, then shared.
#[derive(Debug, Clone, PartialEq)]
pub struct TableMap {
    name: String,
    columns: Vec<Column>,
    indexes: Vec<Index>,
    active: Option<&'static str>,
    key: &'static str,
    key_position: usize,
}

impl TableMap {
    /// Starts the map of the table called `name`.
    pub fn builder(name: impl Into<String>) -> TableMapBuilder {
        TableMapBuilder {
            name: name.into(),
            columns: Vec::new(),
            indexes: Vec::new(),
            active: None,
        }
    }

    /// The table's name, without a schema.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All columns in their order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The columns for which rows carry values, in the order of the values.
    pub fn written(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.is_written())
    }

    /// The column called `name`; case does not matter.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns
            .iter()
            .find(|column| column.name().eq_ignore_ascii_case(name))
    }

    /// The place of a written column's value in a row.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.written().position(|column| column.name() == name)
    }

    /// The key column's name.
    pub fn key(&self) -> &'static str {
        self.key
    }

    /// The place of the key in a row.
    pub fn key_position(&self) -> usize {
        self.key_position
    }

    /// The name of the column of role [`Role::Identity`].
    pub fn identity(&self) -> Option<&'static str> {
        self.named(|role| matches!(role, Role::Identity))
    }

    /// The name of the column of role [`Role::InsertedAt`].
    pub fn inserted_at(&self) -> Option<&'static str> {
        self.named(|role| matches!(role, Role::InsertedAt))
    }

    /// The name of the column of role [`Role::UpdatedAt`].
    pub fn updated_at(&self) -> Option<&'static str> {
        self.named(|role| matches!(role, Role::UpdatedAt))
    }

    /// The `Y`/`N` column that says whether the row still exists in the source, if the table has one.
    pub fn active(&self) -> Option<&'static str> {
        self.active
    }

    /// The indexes, apart from the primary key's.
    pub fn indexes(&self) -> &[Index] {
        &self.indexes
    }

    fn named(&self, wanted: impl Fn(&Role) -> bool) -> Option<&'static str> {
        self.columns
            .iter()
            .find(|column| wanted(column.role()))
            .map(Column::name)
    }
}

/// Builds a [`TableMap`].
#[derive(Debug, Clone)]
pub struct TableMapBuilder {
    name: String,
    columns: Vec<Column>,
    indexes: Vec<Index>,
    active: Option<&'static str>,
}

impl TableMapBuilder {
    /// Adds a column after the others.
    #[must_use]
    pub fn column(mut self, column: Column) -> Self {
        self.columns.push(column);
        self
    }

    /// Adds an index.
    #[must_use]
    pub fn index(mut self, index: Index) -> Self {
        self.indexes.push(index);
        self
    }

    /// Names the flag column that tells whether a row still exists in the source.
    #[must_use]
    pub fn active(mut self, column: &'static str) -> Self {
        self.active = Some(column);
        self
    }

    /// The map.
    ///
    /// # Errors
    /// When the map contradicts itself: not exactly one identity and one key, a column twice, an index or a rule on a
    /// column that is not there, a type that rows cannot carry.
    pub fn build(self) -> Result<TableMap, Error> {
        let Self {
            name,
            columns,
            indexes,
            active,
        } = self;
        let unknown = |column: &str| Error::UnknownColumn {
            table: name.clone(),
            column: column.to_owned(),
        };
        for (position, column) in columns.iter().enumerate() {
            if columns[..position]
                .iter()
                .any(|other| other.name().eq_ignore_ascii_case(column.name()))
            {
                return Err(Error::DuplicateColumn {
                    table: name,
                    column: column.name().to_owned(),
                });
            }
            if !is_supported(column.column_type()) {
                return Err(Error::UnsupportedType {
                    table: name,
                    column: column.name().to_owned(),
                });
            }
        }
        let has = |wanted: &str| columns.iter().any(|column| column.name() == wanted);
        let written_text = |wanted: &str| {
            columns
                .iter()
                .any(|column| column.name() == wanted && column.is_written() && column.text_limit().is_some())
        };
        if let Some(missing) = indexes
            .iter()
            .flat_map(Index::columns)
            .find(|column| !has(column))
        {
            return Err(unknown(missing));
        }
        for column in &columns {
            if let Role::Content(UpdateRule::Ranked(ranking)) = column.role()
                && !written_text(ranking.by)
            {
                return Err(unknown(ranking.by));
            }
        }
        if let Some(active) = active.filter(|active| !written_text(active)) {
            return Err(unknown(active));
        }
        let count = |wanted: fn(&Role) -> bool| columns.iter().filter(|column| wanted(column.role())).count();
        let roles = |role, count| Error::Roles {
            table: name.clone(),
            role,
            count,
        };
        match count(|role| matches!(role, Role::Identity)) {
            1 => {}
            other => return Err(roles("identity", other)),
        }
        let mut keys = columns
            .iter()
            .filter(|column| column.is_written())
            .enumerate()
            .filter_map(|(position, column)| {
                matches!(column.role(), Role::Key).then_some((position, column.name()))
            });
        let (Some((key_position, key)), None) = (keys.next(), keys.next()) else {
            return Err(roles("key", count(|role| matches!(role, Role::Key))));
        };
        Ok(TableMap {
            name,
            columns,
            indexes,
            active,
            key,
            key_position,
        })
    }
}

fn is_supported(column_type: &ColumnType) -> bool {
    matches!(
        column_type,
        ColumnType::Integer
            | ColumnType::BigInteger
            | ColumnType::Char(_)
            | ColumnType::String(StringLen::N(_))
            | ColumnType::Date
            | ColumnType::DateTime
    )
}
