//! What people can switch while the program runs.

use ::agent::Failure;
use exchange::{Context, Switch, SwitchKind};
use serde_json::Value;

use crate::config::Pace;

/// Whether the actualizer follows the portal.
pub(crate) fn actualizer() -> Switch {
    Switch {
        key: "actualizer.enabled",
        kind: SwitchKind::OnOff,
        default: Value::Bool(true),
        about: "follow new and changed moves once the upload is done; off: the table stays as it is",
    }
}

/// Whether the uploader holds.
pub(crate) fn uploader_paused() -> Switch {
    Switch {
        key: "uploader.paused",
        kind: SwitchKind::OnOff,
        default: Value::Bool(false),
        about: "hold the upload after its present step; off: it goes on from there",
    }
}

/// How fast the uploader goes.
pub(crate) fn uploader_pace(configured: Pace) -> Switch {
    Switch {
        key: "uploader.pace",
        kind: SwitchKind::OneOf(&["fast", "gentle"]),
        default: Value::from(configured.word()),
        about: "fast: as fast as the portal's limits allow; gentle: 50 rows every 2 minutes",
    }
}

/// The pace that holds now.
pub(crate) async fn pace(context: &Context, configured: Pace) -> Result<Pace, Failure> {
    let value = context.switch(&uploader_pace(configured)).await?;
    // A value that an older version wrote and this one does not know leaves the configured pace.
    Ok(serde_json::from_value(value).unwrap_or(configured))
}
