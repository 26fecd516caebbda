//! The section `uploader` of the configuration.

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

/// The section `uploader`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UploaderConfig {
    /// How fast the uploader goes: `fast` unless set.
    pub pace: Pace,
}
