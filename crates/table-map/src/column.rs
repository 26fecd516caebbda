//! A column: its type, its role, and how it is kept up to date.

use sea_query::{ColumnType, StringLen};

/// What a column is for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Role {
    /// The primary key, numbered by the database.
    Identity,
    /// The row's ID in the source: unique, never changed, how a row is found again.
    Key,
    /// What the source says, kept up to date by a rule.
    Content(UpdateRule),
    /// When the row was first written; set by the store.
    InsertedAt,
    /// When the row's content last changed; set by the store. At first the same as the time of insertion.
    UpdatedAt,
}

/// What happens to a stored value when the row is written again.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum UpdateRule {
    /// The incoming value takes its place.
    Always,
    /// The first value that was not null stays for ever.
    FirstKnown,
    /// The incoming value takes its place unless the stored row ranks higher. A null of a row that ranks lowest never takes
    /// the place of a value: nothing is known there.
    Ranked(Ranking),
}

/// Ranks a row by the value of one of its text columns, so that a better-known value is not overwritten by a worse one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranking {
    /// The column whose value ranks the row. It may itself be ranked.
    pub by: &'static str,
    /// Groups of values, lowest rank first. Null and any value that is not listed rank below all groups.
    pub ranks: &'static [&'static [&'static str]],
}

impl Ranking {
    /// The rank of a value: 0 for null and for what is not listed, then 1, 2… in the order of the groups.
    pub fn rank(&self, value: Option<&str>) -> usize {
        value
            .and_then(|value| self.ranks.iter().position(|group| group.contains(&value)))
            .map_or(0, |position| position + 1)
    }
}

/// A column of a [`TableMap`](crate::TableMap).
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    name: &'static str,
    column_type: ColumnType,
    nullable: bool,
    role: Role,
}

impl Column {
    /// The primary key, an `int` numbered by the database.
    pub fn identity(name: &'static str) -> Self {
        Self {
            name,
            column_type: ColumnType::Integer,
            nullable: false,
            role: Role::Identity,
        }
    }

    /// The key in the source, a `bigint`.
    pub fn key(name: &'static str) -> Self {
        Self {
            name,
            column_type: ColumnType::BigInteger,
            nullable: false,
            role: Role::Key,
        }
    }

    /// When the row was first written.
    pub fn inserted_at(name: &'static str) -> Self {
        Self {
            name,
            column_type: ColumnType::DateTime,
            nullable: false,
            role: Role::InsertedAt,
        }
    }

    /// When the row's content last changed.
    pub fn updated_at(name: &'static str) -> Self {
        Self {
            name,
            column_type: ColumnType::DateTime,
            nullable: false,
            role: Role::UpdatedAt,
        }
    }

    fn content(name: &'static str, column_type: ColumnType) -> Self {
        Self {
            name,
            column_type,
            nullable: false,
            role: Role::Content(UpdateRule::Always),
        }
    }

    /// A whole number of 32 bits.
    pub fn integer(name: &'static str) -> Self {
        Self::content(name, ColumnType::Integer)
    }

    /// A whole number of 64 bits.
    pub fn big_integer(name: &'static str) -> Self {
        Self::content(name, ColumnType::BigInteger)
    }

    /// Unicode text of at most `length` UTF-16 units.
    pub fn text(name: &'static str, length: u32) -> Self {
        Self::content(name, ColumnType::String(StringLen::N(length)))
    }

    /// One letter: `Y` or `N`.
    pub fn flag(name: &'static str) -> Self {
        Self::content(name, ColumnType::Char(Some(1)))
    }

    /// A calendar day.
    pub fn date(name: &'static str) -> Self {
        Self::content(name, ColumnType::Date)
    }

    /// A date with a time, in the target's time zone.
    pub fn date_time(name: &'static str) -> Self {
        Self::content(name, ColumnType::DateTime)
    }

    /// The same, and it may be null.
    #[must_use]
    pub fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    /// The same content with another rule. A column of another role stays as it is.
    #[must_use]
    pub fn rule(mut self, rule: UpdateRule) -> Self {
        if let Role::Content(own) = &mut self.role {
            *own = rule;
        }
        self
    }

    /// The column's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The column's type.
    pub fn column_type(&self) -> &ColumnType {
        &self.column_type
    }

    /// Whether it may be null.
    pub fn is_nullable(&self) -> bool {
        self.nullable
    }

    /// What it is for.
    pub fn role(&self) -> &Role {
        &self.role
    }

    /// Whether rows carry a value for it: the key and all content.
    pub fn is_written(&self) -> bool {
        matches!(self.role, Role::Key | Role::Content(_))
    }

    /// The longest text it holds, in UTF-16 units; `None` for other types.
    pub fn text_limit(&self) -> Option<u32> {
        match self.column_type {
            ColumnType::Char(length) => Some(length.unwrap_or(1)),
            ColumnType::String(StringLen::N(length)) => Some(length),
            _ => None,
        }
    }
}
