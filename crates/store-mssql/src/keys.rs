//! Ways to name many rows by their keys in one statement.

use tiberius::{ColumnData, TokenRow};

use crate::dml;
use crate::facts::Fact;
use crate::failure::Failure;

use crate::session::Session;
use crate::stage;

/// More keys than this are loaded into a table of their own: a statement has at most 2,100 parameters, and a long list is
/// compiled anew for each length.
const LISTED: usize = 200;

/// A range may hold this many times as many keys as were asked for before it is dearer than loading the keys.
const SPARSE: u64 = 4;

const TABLE: &str = "[#keys]";

/// Keys in ascending order, each once, without those that the column could not hold.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Keys(Vec<i64>);

/// How keys are told to the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// A range that holds few others.
    Range { from: i64, to: i64 },
    /// As parameters.
    Listed,
    /// In a table of the session.
    Loaded,
}

impl Keys {
    /// These keys, for this column.
    pub(crate) fn new(fact: &Fact, keys: &[i64]) -> Self {
        let fits = |key: &i64| match fact.holds {
            crate::facts::Holds::Integer { least, most } => (least..=most).contains(key),
            _ => true,
        };
        let mut keys: Vec<i64> = keys.iter().copied().filter(fits).collect();
        keys.sort_unstable();
        keys.dedup();
        Self(keys)
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the key is one of them.
    pub(crate) fn contains(&self, key: i64) -> bool {
        self.0.binary_search(&key).is_ok()
    }

    /// How to tell them for reading, where others among them do no harm.
    pub(crate) fn told_for_reading(&self) -> Told {
        match (self.0.first(), self.0.last()) {
            (Some(&from), Some(&to)) if self.0.len() > 1 && is_dense(from, to, self.0.len()) => {
                Told::Range { from, to }
            }
            _ => self.told(),
        }
    }

    /// How to tell them exactly.
    pub(crate) fn told(&self) -> Told {
        if self.0.len() <= LISTED {
            Told::Listed
        } else {
            Told::Loaded
        }
    }

    /// The parameters that say them, for a statement that has `before` others.
    pub(crate) fn parameters(&self, told: &Told, fact: &Fact) -> Vec<ColumnData<'static>> {
        let cell = |key| stage::integer(fact, Some(key));
        match told {
            Told::Range { from, to } => vec![cell(*from), cell(*to)],
            Told::Listed => self.0.iter().map(|key| cell(*key)).collect(),
            Told::Loaded => Vec::new(),
        }
    }

    /// What follows the key's column in a condition, when `before` other parameters come first.
    pub(crate) fn among(&self, told: &Told, fact: &Fact, before: usize) -> String {
        match told {
            Told::Range { .. } => format!("BETWEEN @P{} AND @P{}", before + 1, before + 2),
            Told::Listed => {
                let places: Vec<String> = (1..=self.0.len())
                    .map(|place| format!("@P{}", before + place))
                    .collect();
                format!("IN ({})", places.join(", "))
            }
            Told::Loaded => format!("IN (SELECT k.{} FROM {TABLE} AS k)", fact.name),
        }
    }

    /// Loads them into the session, if they are told so.
    pub(crate) async fn load(&self, session: &mut Session, told: &Told, fact: &Fact) -> Result<(), Failure> {
        if *told != Told::Loaded {
            return Ok(());
        }
        let create = format!(
            "CREATE TABLE {TABLE} ({} {} NOT NULL);",
            fact.name,
            dml::integer_type(fact)
        );
        session.batch(&create).await?;
        let rows = self.0.iter().map(|key| {
            let mut row = TokenRow::with_capacity(1);
            row.push(stage::integer(fact, Some(*key)));
            row
        });
        session.load(TABLE, &[&fact.name], rows).await
    }
}

impl Told {
    /// What a statement that uses the keys must end with.
    pub(crate) fn clean_up(&self) -> &'static str {
        match self {
            Self::Loaded => " DROP TABLE [#keys];",
            _ => "",
        }
    }
}

fn is_dense(from: i64, to: i64, count: usize) -> bool {
    let holds = to.abs_diff(from);
    u64::try_from(count).is_ok_and(|count| holds / SPARSE < count)
}

/// `SELECT` of rows with these keys, in their order.
pub(crate) fn select(facts: &crate::facts::Facts, fact: &Fact, keys: &Keys, told: &Told) -> String {
    format!(
        "SELECT {} FROM {} AS t WHERE t.{key} {} ORDER BY t.{key};{}",
        dml::row_columns(facts),
        facts.table,
        keys.among(told, fact, 0),
        told.clean_up(),
        key = fact.name
    )
}

#[cfg(test)]
mod tests {
    use table_map::Column;

    use super::*;
    use crate::facts::Holds;

    fn fact(most: i64) -> Fact {
        Fact {
            column: Column::key("K"),
            name: "[K]".to_owned(),
            holds: Holds::Integer { least: -most, most },
            full_type: "int".to_owned(),
        }
    }

    #[test]
    fn keys_are_ordered_and_those_that_the_column_cannot_have_are_left_out() {
        let keys = Keys::new(&fact(i64::from(i32::MAX)), &[3, 1, 3, i64::MAX, i64::MIN]);
        assert_eq!(keys, Keys(vec![1, 3]));
    }

    #[test]
    fn keys_that_lie_close_together_are_told_as_a_range() {
        let big = fact(i64::MAX);
        let told = |keys: &[i64]| Keys::new(&big, keys).told_for_reading();
        assert_eq!(told(&[5, 6, 9]), Told::Range { from: 5, to: 9 });
        assert_eq!(told(&[5]), Told::Listed);
        assert_eq!(told(&[i64::MIN + 1, i64::MAX]), Told::Listed);
        let sparse: Vec<i64> = (0..1000).map(|key| key * 100).collect();
        assert_eq!(told(&sparse), Told::Loaded);
    }

    #[test]
    fn keys_are_named_by_parameters_after_the_others() {
        let big = fact(i64::MAX);
        let keys = Keys::new(&big, &[1, 900_000]);
        assert_eq!(keys.among(&Told::Listed, &big, 1), "IN (@P2, @P3)");
        assert_eq!(
            keys.among(&Told::Range { from: 1, to: 2 }, &big, 0),
            "BETWEEN @P1 AND @P2"
        );
        assert_eq!(
            keys.among(&Told::Loaded, &big, 1),
            "IN (SELECT k.[K] FROM [#keys] AS k)"
        );
    }
}
