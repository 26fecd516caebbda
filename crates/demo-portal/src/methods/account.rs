//! Methods about the webhook itself: who it is, what it may do, what time it is.

use super::{Call, Counts, METHODS};
use crate::error_answer::ApiError;
use crate::json::Json;

const SCOPES: [&str; 3] = ["crm", "user", "user_brief"];

pub(super) fn profile(call: Call<'_>, json: &mut Json) -> Result<Counts, ApiError> {
    json.raw("{");
    json.key("ID");
    json.string(&call.user_id.to_string());
    json.key("ADMIN");
    json.raw(if call.view.admin { "true" } else { "false" });
    for (key, value) in [
        ("NAME", "Ольга"),
        ("LAST_NAME", "О'Хара"),
        ("PERSONAL_GENDER", "F"),
        ("TIME_ZONE", ""),
    ] {
        json.key(key);
        json.string(value);
    }
    json.key("TIME_ZONE_OFFSET");
    json.integer(0);
    json.raw("}");
    Ok(Counts::default())
}

pub(super) fn user_current(call: Call<'_>, json: &mut Json) -> Result<Counts, ApiError> {
    json.raw("{");
    for (key, value) in [
        ("ID", call.user_id.to_string().as_str()),
        ("ACTIVE", ""),
        ("EMAIL", "olga@example.com"),
        ("NAME", "Ольга"),
        ("LAST_NAME", "О'Хара"),
        ("SECOND_NAME", ""),
        ("PERSONAL_GENDER", "F"),
        ("USER_TYPE", "employee"),
    ] {
        json.key(key);
        if key == "ACTIVE" {
            json.raw("true")
        } else {
            json.string(value)
        }
    }
    json.raw("}");
    Ok(Counts::default())
}

pub(super) fn user_admin(call: Call<'_>, json: &mut Json) -> Result<Counts, ApiError> {
    json.raw(if call.view.admin { "true" } else { "false" });
    Ok(Counts::default())
}

pub(super) fn server_time(call: Call<'_>, json: &mut Json) -> Result<Counts, ApiError> {
    json.date_time(call.now, call.zone.offset_at(call.now));
    Ok(Counts::default())
}

pub(super) fn scope(_: Call<'_>, json: &mut Json) -> Result<Counts, ApiError> {
    write_list(json, SCOPES.iter().copied());
    Ok(Counts::default())
}

pub(super) fn methods(_: Call<'_>, json: &mut Json) -> Result<Counts, ApiError> {
    write_list(json, METHODS.iter().map(|(name, _)| *name).chain(["batch"]));
    Ok(Counts::default())
}

fn write_list<'a>(json: &mut Json, texts: impl Iterator<Item = &'a str>) {
    json.raw("[");
    for text in texts {
        json.comma();
        json.string(text);
    }
    json.raw("]");
}
