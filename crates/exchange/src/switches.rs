//! Switches: settings that people change while the program runs. They live in the state, over the configuration.

use async_trait::async_trait;
use serde_json::Value;

use agent::Failure;

/// What a switch may be set to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SwitchKind {
    /// On or off: `true` or `false`.
    OnOff,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

/// A switch of an exchange.
#[derive(Debug, Clone, PartialEq)]
pub struct Switch {
    /// Its name, like a configuration key: `actualizer.enabled`.
    pub key: &'static str,
    /// What it may be set to.
    pub kind: SwitchKind,
    /// What holds while nobody has set it.
    pub default: Value,
    /// What it does, in a sentence for people.
    pub about: &'static str,
}

impl Switch {
    /// Checks a word that somebody wants to set it to, and gives the value.
    ///
    /// # Errors
    /// In words for people: what may be written.
    pub fn read(&self, word: &str) -> Result<Value, String> {
        match &self.kind {
            SwitchKind::OnOff => match word.to_ascii_lowercase().as_str() {
                "true" | "on" | "yes" | "1" => Ok(Value::Bool(true)),
                "false" | "off" | "no" | "0" => Ok(Value::Bool(false)),
                _ => Err(format!("{} is on or off, not {word:?}", self.key)),
            },
            SwitchKind::OneOf(words) => words
                .iter()
                .find(|known| known.eq_ignore_ascii_case(word))
                .map(|known| Value::from(*known))
                .ok_or_else(|| format!("{} is one of {}, not {word:?}", self.key, words.join(", "))),
        }
    }
}

/// Where switches are kept.
#[async_trait]
pub trait Switches: Send + Sync + 'static {
    /// What somebody has set it to; `None` when nobody has.
    ///
    /// # Errors
    /// Passing, when the state cannot be read.
    async fn get(&self, key: &str) -> Result<Option<Value>, Failure>;
}

/// No switch was ever set: for commands without a state, and for tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSwitches;

#[async_trait]
impl Switches for NoSwitches {
    async fn get(&self, _key: &str) -> Result<Option<Value>, Failure> {
        Ok(None)
    }
}
