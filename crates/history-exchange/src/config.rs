//! The sections `uploader` and `actualizer` of the configuration.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How fast the uploader goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pace {
    /// As fast as the portal's limits allow.
    #[default]
    Fast,
    /// 50 rows every 2 minutes, as the old module did: for portals that must not notice.
    Gentle,
}

impl Pace {
    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Gentle => "gentle",
        }
    }
}

/// The section `uploader`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UploaderConfig {
    /// How fast the uploader goes: `fast` unless set.
    pub pace: Pace,
}

/// The section `actualizer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ActualizerConfig {
    /// How long after one look for new moves the next one comes: `30s` unless set.
    #[serde(with = "exchange::duration")]
    pub interval: Duration,
    /// How often the whole table is compared with the portal and mended: `24h` unless set.
    #[serde(with = "exchange::duration")]
    pub reconcile_every: Duration,
}

impl Default for ActualizerConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(30),
            reconcile_every: Duration::from_secs(24 * 60 * 60),
        }
    }
}
