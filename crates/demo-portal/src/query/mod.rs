//! Lists as the portal answers them: filter, order, select and pages of 50 over rows that are sorted by ID.
//!
//! A filter that bounds or names IDs is answered by binary search, one that names owners by their index, so
//! that a window of IDs costs the rows in it and not the table.

mod filter;
mod page;
mod value;

#[cfg(test)]
mod tests;

pub(crate) use filter::{Condition, Filter, Operand, Operator};
pub(crate) use page::{Page, Query, read_page, selected, write_row};
pub(crate) use value::{Format, Kind, Midnight, Value, write_value};

/// A field of a method's rows.
#[derive(Debug)]
pub(crate) struct Field<K: 'static> {
    pub(crate) key: K,
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
}

/// How a method takes field names, and what it does with those it does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// Exact names; others are passed over, as the methods in `UPPER_CASE` do.
    ExactOrIgnored,
    /// Exact names; a filter or order by another is refused with the database layer's words.
    ExactOrUnknown,
    /// `assignedById` and `ASSIGNED_BY_ID` alike; others are refused, as `crm.item` does.
    AnyCaseOrRefused,
}

/// Rows that can be listed, sorted ascending by ID.
pub(crate) trait Table<'a>: Copy {
    /// What names a field.
    type Key: Copy + PartialEq + 'static;
    /// A row.
    type Row: 'a;
    /// The field that holds the ID.
    const ID: Self::Key;
    /// How field names are taken.
    const NAMES: Names;

    fn fields(self) -> &'static [Field<Self::Key>];
    fn rows(self) -> &'a [Self::Row];
    fn id(row: &Self::Row) -> u32;
    /// Whether the webhook's user may see the row.
    fn visible(self, row: &Self::Row) -> bool;
    fn value(self, row: &'a Self::Row, key: Self::Key) -> Value<'a>;

    /// The places of all rows that can meet a condition, if an index knows them; in any order.
    fn index(self, _condition: &Condition<Self::Key>) -> Option<Vec<usize>> {
        None
    }

    /// The field a client's name stands for.
    fn field(self, name: &str) -> Option<&'static Field<Self::Key>> {
        let same = |field: &&Field<Self::Key>| match Self::NAMES {
            Names::AnyCaseOrRefused => same_ignoring_case_and_underscores(field.name, name),
            Names::ExactOrIgnored | Names::ExactOrUnknown => field.name == name,
        };
        self.fields().iter().find(same)
    }
}

fn same_ignoring_case_and_underscores(left: &str, right: &str) -> bool {
    let letters = |text: &'_ str| -> Vec<u8> {
        text.bytes()
            .filter(|byte| *byte != b'_')
            .map(|byte| byte.to_ascii_lowercase())
            .collect()
    };
    letters(left) == letters(right)
}
