//! A part of a table, chosen at random so that the same seed chooses the same part.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How much to look at.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Portion {
    /// A share of everything, above 0 and at most 1.
    Share(f64),
    /// About so many rows.
    Rows(u64),
}

/// A part chosen at random.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// How much.
    pub portion: Portion,
    /// What the choice follows from.
    pub seed: u64,
}

/// A text that says no portion.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no portion: write a share such as 0.05 or 5%, or a number of rows such as 20000")]
pub struct UnknownPortion(String);

impl FromStr for Portion {
    type Err = UnknownPortion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownPortion(text.to_owned());
        let trimmed = text.trim();
        let share = match trimmed.strip_suffix('%') {
            Some(percent) => percent.trim().parse::<f64>().map_err(|_| unknown())? / 100.0,
            None if trimmed.contains('.') => trimmed.parse().map_err(|_| unknown())?,
            None => {
                let rows: u64 = trimmed.parse().map_err(|_| unknown())?;
                return if rows > 0 {
                    Ok(Self::Rows(rows))
                } else {
                    Err(unknown())
                };
            }
        };
        if share > 0.0 && share <= 1.0 {
            Ok(Self::Share(share))
        } else {
            Err(unknown())
        }
    }
}

impl fmt::Display for Portion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(share) => write!(f, "a share of {share}"),
            Self::Rows(rows) => write!(f, "about {rows} rows"),
        }
    }
}
