//! The section `stage_list` of the configuration.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The section `stage_list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long after one look at the portal's stages the next one comes, while `run` is working: `5m` unless set.
    #[serde(with = "exchange::duration")]
    pub interval: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(5 * 60),
        }
    }
}
