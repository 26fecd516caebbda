//! Which set of tables is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The suffix of all tables: one target can hold three sets side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Environment {
    /// `_PROD`.
    #[default]
    Prod,
    /// `_TEST`.
    Test,
    /// `_DEV`.
    Dev,
}

impl Environment {
    /// The suffix: `PROD`, `TEST` or `DEV`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prod => "PROD",
            Self::Test => "TEST",
            Self::Dev => "DEV",
        }
    }

    /// The full name of a table: `CRM_STAGE_LIST` becomes `CRM_STAGE_LIST_PROD`.
    pub fn table(self, base: &str) -> String {
        format!("{base}_{}", self.as_str())
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no environment: write PROD, TEST or DEV")]
pub struct UnknownEnvironment(String);

impl FromStr for Environment {
    type Err = UnknownEnvironment;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        [Self::Prod, Self::Test, Self::Dev]
            .into_iter()
            .find(|environment| environment.as_str().eq_ignore_ascii_case(word.trim()))
            .ok_or_else(|| UnknownEnvironment(word.to_owned()))
    }
}

impl TryFrom<String> for Environment {
    type Error = UnknownEnvironment;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        word.parse()
    }
}

impl From<Environment> for String {
    fn from(environment: Environment) -> Self {
        environment.as_str().to_owned()
    }
}
