//! Who the webhook is, and what time it is at the portal.

use chrono::{DateTime, FixedOffset};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::answer::Answer;
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::wire::{Fields, Scalar, from_raw};

const PROFILE: &str = "profile";
const USER_CURRENT: &str = "user.current";
const USER_ADMIN: &str = "user.admin";
const SERVER_TIME: &str = "server.time";

/// The user a webhook's calls run as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The user's ID.
    pub id: i64,
    /// Whether the user is an administrator of the portal, who may read everything.
    pub admin: bool,
    /// The first name.
    pub name: Option<String>,
    /// The family name.
    pub last_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
struct WireProfile<'a> {
    #[serde(default, borrow)]
    id: Scalar<'a>,
    #[serde(default, borrow)]
    admin: Scalar<'a>,
    #[serde(default, borrow)]
    name: Scalar<'a>,
    #[serde(default, borrow)]
    last_name: Scalar<'a>,
}

impl Client {
    /// Who the webhook is: by `profile`, which needs no scope, or by `user.current` and `user.admin` where a portal
    /// does not allow it.
    ///
    /// # Errors
    /// When neither way works; that of `profile` when its trouble is another than a missing right.
    pub async fn profile(&self) -> Result<Profile, Error> {
        match self
            .call_with(PROFILE, &json!({}), |answer| read_profile(PROFILE, answer.result))
            .await
        {
            Ok(answer) => Ok(answer.result),
            Err(error) if matches!(error.kind(), ErrorKind::NotAllowed | ErrorKind::BadCall) => {
                let user = self
                    .call_with(USER_CURRENT, &json!({}), |answer| {
                        read_profile(USER_CURRENT, answer.result)
                    })
                    .await?;
                let admin = self
                    .call_with(USER_ADMIN, &json!({}), |answer| read_admin(answer.result))
                    .await?
                    .result;
                Ok(Profile { admin, ..user.result })
            }
            Err(error) => Err(error),
        }
    }

    /// The portal's time, with its offset.
    ///
    /// # Errors
    /// When the call fails, or its answer is no time.
    pub async fn server_time(&self) -> Result<DateTime<FixedOffset>, Error> {
        let read = |answer: &Answer<&RawValue>| {
            Fields::new(SERVER_TIME, "reply").date_time("result", &from_raw(SERVER_TIME, answer.result)?)
        };
        self.call_with(SERVER_TIME, &json!({}), read)
            .await
            .map(|answer| answer.result)
    }
}

pub(super) fn read_profile(method: &str, raw: &RawValue) -> Result<Profile, Error> {
    let wire: WireProfile<'_> = from_raw(method, raw)?;
    let mut fields = Fields::new(method, "user");
    Ok(Profile {
        id: fields.row_id("ID", &wire.id)?,
        admin: fields.optional_flag("ADMIN", &wire.admin)?.unwrap_or(false),
        name: fields.optional_text("NAME", &wire.name)?,
        last_name: fields.optional_text("LAST_NAME", &wire.last_name)?,
    })
}

fn read_admin(raw: &RawValue) -> Result<bool, Error> {
    let value: Scalar<'_> = from_raw(USER_ADMIN, raw)?;
    Ok(Fields::new(USER_ADMIN, "reply")
        .optional_flag("result", &value)?
        .unwrap_or(false))
}
