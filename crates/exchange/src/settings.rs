//! The exchanges' part of the configuration.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A wrong key or value in an exchange's section.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConfigError {
    key: String,
    message: String,
}

impl ConfigError {
    /// An error for the key, written with dots: `uploader.pace`.
    pub fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            message: message.into(),
        }
    }

    /// The key in question, written with dots. The runner looks up where its value came from.
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// The configuration as the runner composed it, cut into top-level sections.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    sections: Map<String, Value>,
}

impl Settings {
    /// Settings from a JSON object of sections; anything else counts as no sections.
    pub fn from_json(value: Value) -> Self {
        match value {
            Value::Object(sections) => Self { sections },
            _ => Self::default(),
        }
    }

    /// The section called `name`, or its defaults when nobody set it.
    ///
    /// # Errors
    /// When a key is unknown or a value is wrong; the error names the key.
    pub fn section<T: DeserializeOwned + Default>(&self, name: &str) -> Result<T, ConfigError> {
        let Some(value) = self.sections.get(name) else {
            return Ok(T::default());
        };
        serde_path_to_error::deserialize(value).map_err(|error| {
            let path = error.path().to_string();
            let key = if path == "." {
                name.to_owned()
            } else {
                format!("{name}.{path}")
            };
            ConfigError::new(key, error.into_inner().to_string())
        })
    }
}
