//! Reads what a PHP server writes: numbers as strings, flags, empty values in many spellings, lists as maps.
//!
//! Rows are first read into [`Scalar`]s, which takes anything, and then turned into types field by field with
//! [`Fields`], so that an error can name the row and the field.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::classify::Failure;
use crate::error::Error;

mod fields;

pub(crate) use fields::Fields;

/// One value of a field, as it came.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Scalar<'a> {
    /// The field is not there.
    #[default]
    Missing,
    /// `null`, or PHP's `[]` for nothing.
    Null,
    Flag(bool),
    Integer(i64),
    /// Any other number.
    Float(f64),
    Text(Cow<'a, str>),
    /// A list or a map with something in it.
    Compound,
}

impl Scalar<'_> {
    /// Whether there is no value, in any spelling. `false` is one of them in PHP.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Missing | Self::Null | Self::Flag(false) => true,
            Self::Text(text) => text.trim().is_empty(),
            Self::Flag(true) | Self::Integer(_) | Self::Float(_) | Self::Compound => false,
        }
    }

    pub(crate) fn is_given(&self) -> bool {
        !matches!(self, Self::Missing | Self::Null)
    }

    pub(crate) fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Float(number) => whole(*number),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Missing | Self::Null | Self::Flag(_) | Self::Compound => None,
        }
    }

    /// A whole number, or what is left of another one without its fraction; 0 for anything else. For places in an
    /// order, which decide nothing.
    pub(crate) fn truncated(&self) -> i64 {
        let without_fraction = || whole(self.as_float()?.trunc());
        self.as_integer().or_else(without_fraction).unwrap_or_default()
    }

    /// A finite number.
    pub(crate) fn as_float(&self) -> Option<f64> {
        let number = match self {
            #[expect(clippy::cast_precision_loss, reason = "seconds and times, far below 2^52")]
            Self::Integer(number) => *number as f64,
            Self::Float(number) => *number,
            Self::Text(text) => text.trim().parse().ok()?,
            Self::Missing | Self::Null | Self::Flag(_) | Self::Compound => return None,
        };
        number.is_finite().then_some(number)
    }

    pub(crate) fn as_flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            Self::Integer(0) => Some(false),
            Self::Integer(1) => Some(true),
            Self::Text(text) => match text.trim() {
                "Y" | "y" | "1" | "true" | "TRUE" => Some(true),
                "N" | "n" | "0" | "false" | "FALSE" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// Text, or a number as text; empty for anything else.
    pub(crate) fn to_text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Integer(number) => Cow::Owned(number.to_string()),
            _ => Cow::Borrowed(""),
        }
    }
}

/// A float that is a whole number without loss.
fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range")]
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ScalarVisitor;

        impl<'de> Visitor<'de> for ScalarVisitor {
            type Value = Scalar<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
                Ok(Scalar::Flag(flag))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Scalar::Integer(number))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "too large to be an identifier: only its size counts"
                )]
                Ok(i64::try_from(number).map_or(Scalar::Float(number as f64), Scalar::Integer))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
                Ok(Scalar::Float(number))
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Scalar::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Scalar::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Scalar::Null)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut value = Scalar::Null;
                while items.next_element::<IgnoredAny>()?.is_some() {
                    value = Scalar::Compound;
                }
                Ok(value)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                let mut value = Scalar::Null;
                while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    value = Scalar::Compound;
                }
                Ok(value)
            }
        }

        deserializer.deserialize_any(ScalarVisitor)
    }
}

/// A list: an array, or a map of anything to the items (its keys dropped).
///
/// PHP writes a list whose keys are not 0..n-1 as a map, and an empty map as an empty list.
#[derive(Debug)]
pub(crate) struct Rows<T>(pub(crate) Vec<T>);

/// A map, which arrives as an array when its keys are 0..n-1 or when it is empty.
#[derive(Debug)]
pub(crate) struct Named<T>(pub(crate) Vec<(String, T)>);

/// A map as `T`; anything else (PHP's `[]`, null, a text) as `T::default()`.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Lenient<T>(pub(crate) T);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Rows<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RowsVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for RowsVisitor<T> {
            type Value = Rows<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list or a map")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Rows(Vec::new()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut rows = Vec::new();
                while let Some(row) = items.next_element()? {
                    rows.push(row);
                }
                Ok(Rows(rows))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                let mut rows = Vec::new();
                while let Some((_, row)) = entries.next_entry::<IgnoredAny, T>()? {
                    rows.push(row);
                }
                Ok(Rows(rows))
            }
        }

        deserializer.deserialize_any(RowsVisitor(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamedVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for NamedVisitor<T> {
            type Value = Named<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list or a map")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Named(Vec::new()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut named = Vec::new();
                while let Some(item) = items.next_element()? {
                    named.push((named.len().to_string(), item));
                }
                Ok(Named(named))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                let mut named = Vec::new();
                while let Some(entry) = entries.next_entry()? {
                    named.push(entry);
                }
                Ok(Named(named))
            }
        }

        deserializer.deserialize_any(NamedVisitor(PhantomData))
    }
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        if raw.get().starts_with('{') {
            return serde_json::from_str(raw.get())
                .map(Self)
                .map_err(de::Error::custom);
        }
        Ok(Self::default())
    }
}

/// The result of a list method that wraps its rows in `items` (or `categories`).
#[derive(Deserialize)]
struct Page<T> {
    #[serde(default = "none", alias = "categories")]
    #[serde(bound(deserialize = "T: Deserialize<'de>"))]
    items: Option<Rows<T>>,
}

/// For a field that is not there, whatever its type.
pub(crate) fn none<T>() -> Option<T> {
    None
}

/// Keeps a `null` apart from a missing field.
pub(crate) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Reads the rows of `{"items": …}` out of a result.
///
/// PHP's empty result has none. A result without the list, or with `null` in its place, is not an empty one: taken
/// for one, its rows would be passed over for good.
pub(crate) fn items<'a, T: Deserialize<'a>>(
    method: &str,
    wrapper: &str,
    raw: &'a RawValue,
) -> Result<Vec<T>, Error> {
    match raw.get() {
        empty if is_empty(empty) => return Ok(Vec::new()),
        // Serde would take a list for the fields of the page, one after another.
        list if list.starts_with('[') => {
            return Err(Error::unexpected(
                method,
                format!("the result is a list, not a map with {wrapper}"),
            ));
        }
        _ => {}
    }
    let page: Option<Page<T>> = from_raw(method, raw)?;
    page.and_then(|page| page.items)
        .map(|rows| rows.0)
        .ok_or_else(|| Error::new(method, &Failure::NoRows))
}

/// Reads a result that is the list itself; `null` is none, not even an empty one.
pub(crate) fn list<'a, T: Deserialize<'a>>(method: &str, raw: &'a RawValue) -> Result<Vec<T>, Error> {
    let rows: Option<Rows<T>> = from_raw(method, raw)?;
    rows.map(|rows| rows.0)
        .ok_or_else(|| Error::new(method, &Failure::NoRows))
}

/// Whether this is PHP's empty array, in either spelling.
fn is_empty(json: &str) -> bool {
    let inside = |open, close| json.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    inside('[', ']')
        .or_else(|| inside('{', '}'))
        .is_some_and(|inner| inner.trim().is_empty())
}

/// Reads a result as `T`, naming the place but no value when it has another shape.
pub(crate) fn from_raw<'a, T: Deserialize<'a>>(method: &str, raw: &'a RawValue) -> Result<T, Error> {
    serde_json::from_str(raw.get()).map_err(|error| {
        Error::unexpected(
            method,
            format!(
                "the result has another shape than documented, at its line {} column {}",
                error.line(),
                error.column()
            ),
        )
    })
}

#[cfg(test)]
mod tests;
