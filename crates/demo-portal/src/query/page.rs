//! One page of a list.

use std::cmp::Ordering;
use std::ops::Range;

use super::{Filter, Format, Names, Operand, Operator, Table, write_value};
use crate::clock::Zone;
use crate::error_answer::ApiError;
use crate::json::Json;
use crate::params::{Param, intval};

/// Rows on a page.
pub(crate) const PAGE: usize = 50;

/// A list call: what to find, in what order, and which part of it.
#[derive(Debug)]
pub(crate) struct Query<K> {
    pub(crate) filter: Filter<K>,
    /// Fields to sort by, and whether downwards; the ID settles what they leave open.
    pub(crate) order: Vec<(K, bool)>,
    /// The first row of the page; `None` is `start = -1`: the first page, nothing counted.
    pub(crate) start: Option<usize>,
    /// Whether there are pages at all.
    pub(crate) paged: bool,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// The places of the rows in the table.
    pub(crate) rows: Vec<usize>,
    /// How many there are on all pages, if that was counted.
    pub(crate) total: Option<usize>,
    /// Where the next page starts, if there is one and it was counted.
    pub(crate) next: Option<usize>,
}

impl<K: Copy + PartialEq + 'static> Query<K> {
    /// Reads `filter`, `order` and `start`.
    pub(crate) fn parse<'a, T: Table<'a, Key = K>>(
        table: T,
        params: &Param,
        zone: Zone,
    ) -> Result<Self, ApiError> {
        let filter = Filter::parse(table, params.get("filter"), zone)?;
        let mut order = Vec::new();
        for (name, direction) in params.get("order").map(Param::entries).unwrap_or_default() {
            match (table.field(name), T::NAMES) {
                (Some(field), _) => {
                    let down = direction
                        .text()
                        .is_some_and(|text| text.trim().eq_ignore_ascii_case("desc"));
                    order.push((field.key, down));
                }
                (None, Names::ExactOrIgnored) => {}
                (None, Names::ExactOrUnknown) => return Err(ApiError::unknown_field(name)),
                (None, Names::AnyCaseOrRefused) => return Err(ApiError::not_allowed_in("order", name)),
            }
        }
        let start = intval(params.get("start").and_then(Param::text).unwrap_or_default());
        // A start within a page is that page's start.
        let start = usize::try_from(start).ok().map(|start| start - start % PAGE);
        Ok(Self {
            filter,
            order,
            start,
            paged: true,
        })
    }

    /// Finds the page.
    pub(crate) fn run<'a, T: Table<'a, Key = K>>(&self, table: T) -> Page {
        let rows = table.rows();
        let candidates = self.candidates(table);
        let hit = |place: &usize| {
            let row = &rows[*place];
            table.visible(row) && self.filter.matches(table, row)
        };
        match self.order.first() {
            Some((key, down)) if *key == T::ID => {
                if *down {
                    self.cut(candidates.into_iter().rev().filter(hit))
                } else {
                    self.cut(candidates.into_iter().filter(hit))
                }
            }
            None => self.cut(candidates.into_iter().filter(hit)),
            Some(_) => {
                let mut found: Vec<usize> = candidates.into_iter().filter(hit).collect();
                found.sort_by(|left, right| self.compare(table, *left, *right));
                self.cut(found.into_iter())
            }
        }
    }

    fn compare<'a, T: Table<'a, Key = K>>(&self, table: T, left: usize, right: usize) -> Ordering {
        let rows = table.rows();
        let keys = self.order.iter().map(|(key, down)| {
            let order = table
                .value(&rows[left], *key)
                .order(&table.value(&rows[right], *key));
            if *down { order.reverse() } else { order }
        });
        // Rows lie by ID, so their places settle what is left.
        keys.fold(Ordering::Equal, Ordering::then).then(left.cmp(&right))
    }

    fn cut(&self, mut found: impl Iterator<Item = usize>) -> Page {
        if !self.paged {
            let rows: Vec<usize> = found.collect();
            return Page {
                total: Some(rows.len()),
                next: None,
                rows,
            };
        }
        let Some(start) = self.start else {
            return Page {
                rows: found.take(PAGE).collect(),
                total: None,
                next: None,
            };
        };
        let skipped = found.by_ref().take(start).count();
        let rows: Vec<usize> = found.by_ref().take(PAGE).collect();
        let total = skipped + rows.len() + found.count();
        let next = start.saturating_add(PAGE);
        Page {
            rows,
            total: Some(total),
            next: (next < total).then_some(next),
        }
    }

    /// The places of the rows that can meet the filter, ascending.
    fn candidates<'a, T: Table<'a, Key = K>>(&self, table: T) -> Candidates {
        let rows = table.rows();
        let mut range = 0..rows.len();
        let mut listed: Option<Vec<usize>> = None;
        for condition in self.filter.required() {
            let number = match condition.operands.first() {
                Some(Operand::Number(number)) => *number,
                _ => 0,
            };
            let below = |bound: i64| rows.partition_point(|row| i64::from(T::id(row)) < bound);
            let list = match condition.operator {
                _ if condition.key != T::ID => table.index(condition),
                Operator::Greater => narrow(&mut range, below(number.saturating_add(1)), rows.len()),
                Operator::GreaterOrEqual => narrow(&mut range, below(number), rows.len()),
                Operator::Less => narrow(&mut range, 0, below(number)),
                Operator::LessOrEqual => narrow(&mut range, 0, below(number.saturating_add(1))),
                Operator::In => Some(places_of(&condition.operands, |id| {
                    rows.binary_search_by_key(&id, |row| i64::from(T::id(row))).ok()
                })),
                _ => None,
            };
            // The shortest list does; the others are checked on its rows.
            if let Some(list) = list
                && listed.as_ref().is_none_or(|known| list.len() < known.len())
            {
                listed = Some(list);
            }
        }
        match listed {
            None => Candidates::Range(range),
            Some(mut places) => {
                places.retain(|place| range.contains(place));
                places.sort_unstable();
                places.dedup();
                Candidates::List(places.into_iter())
            }
        }
    }
}

fn narrow(range: &mut Range<usize>, from: usize, to: usize) -> Option<Vec<usize>> {
    *range = range.start.max(from)..range.end.min(to);
    None
}

fn places_of(operands: &[Operand], find: impl Fn(i64) -> Option<usize>) -> Vec<usize> {
    let ids = operands.iter().filter_map(|operand| {
        if let Operand::Number(id) = operand {
            Some(*id)
        } else {
            None
        }
    });
    ids.filter_map(find).collect()
}

/// Places to look at, ascending.
enum Candidates {
    Range(Range<usize>),
    List(std::vec::IntoIter<usize>),
}

impl Iterator for Candidates {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        match self {
            Self::Range(range) => range.next(),
            Self::List(list) => list.next(),
        }
    }
}

impl DoubleEndedIterator for Candidates {
    fn next_back(&mut self) -> Option<usize> {
        match self {
            Self::Range(range) => range.next_back(),
            Self::List(list) => list.next_back(),
        }
    }
}

/// The fields a `select` asks for: all of them without one or with `*`. Unknown names are passed over.
pub(crate) fn selected<'a, T: Table<'a>>(
    table: T,
    select: Option<&Param>,
    with_id: bool,
) -> Vec<&'static super::Field<T::Key>> {
    let names: Vec<&str> = match select {
        Some(Param::Text(name)) => vec![name],
        Some(Param::Map(names)) => names.iter().filter_map(|(_, name)| name.text()).collect(),
        None => Vec::new(),
    };
    let mut fields: Vec<&super::Field<T::Key>> = Vec::new();
    let all = names.is_empty() || names.contains(&"*");
    let chosen = names.iter().filter_map(|name| table.field(name));
    let id = table
        .fields()
        .iter()
        .filter(|field| with_id && field.key == T::ID);
    for field in id.chain(chosen).chain(table.fields().iter().filter(|_| all)) {
        if !fields.iter().any(|known| known.key == field.key) {
            fields.push(field);
        }
    }
    fields
}

/// Answers a list call: writes the rows as a JSON array, and gives the page they are on.
pub(crate) fn read_page<'a, T: Table<'a>>(
    table: T,
    query: &Query<T::Key>,
    select: Option<&Param>,
    with_id: bool,
    format: Format,
    json: &mut Json,
) -> Page {
    let page = query.run(table);
    let fields = selected(table, select, with_id);
    json.raw("[");
    for place in &page.rows {
        json.comma();
        write_row(table, &table.rows()[*place], &fields, format, json);
    }
    json.raw("]");
    page
}

/// Writes one row as a JSON object.
pub(crate) fn write_row<'a, T: Table<'a>>(
    table: T,
    row: &'a T::Row,
    fields: &[&'static super::Field<T::Key>],
    format: Format,
    json: &mut Json,
) {
    if fields.is_empty() {
        // PHP cannot tell an empty map from an empty list.
        return json.raw("[]");
    }
    json.raw("{");
    for field in fields {
        json.key(field.name);
        write_value(json, table.value(row, field.key), format);
    }
    json.raw("}");
}
