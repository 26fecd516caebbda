//! SET options.

use super::state::Session;
use crate::errors::{self, SqlResult};

/// Sets an option. Options that only shape what this server does not do (plans, ANSI modes it always keeps) are
/// accepted with the values under which it behaves as asked.
pub(crate) fn set(session: &mut Session, name: &str, value: &str) -> SqlResult<()> {
    let on = match value {
        "ON" => Some(true),
        "OFF" => Some(false),
        _ => None,
    };
    let settings = &mut session.settings;
    match (name, on, value) {
        ("XACT_ABORT", Some(on), _) => settings.xact_abort = on,
        ("NOCOUNT", Some(on), _) => settings.no_count = on,
        ("IMPLICIT_TRANSACTIONS", Some(on), _) => settings.implicit_transactions = on,
        ("FMTONLY", Some(on), _) => settings.format_only = on,
        ("LOCK_TIMEOUT", None, value) => {
            settings.lock_timeout = value
                .replace(' ', "")
                .parse()
                .map_err(|_| errors::syntax(value))?;
        }
        ("TRANSACTION ISOLATION LEVEL", None, level) => {
            settings.read_uncommitted = level == "READ UNCOMMITTED";
            settings.keep_read_locks = matches!(level, "SERIALIZABLE" | "REPEATABLE READ");
            if !matches!(
                level,
                "READ UNCOMMITTED" | "READ COMMITTED" | "REPEATABLE READ" | "SERIALIZABLE"
            ) {
                return Err(errors::unsupported(format_args!(
                    "SET TRANSACTION ISOLATION LEVEL {level}"
                )));
            }
        }
        (
            "ANSI_NULLS"
            | "ANSI_PADDING"
            | "ANSI_WARNINGS"
            | "ANSI_NULL_DFLT_ON"
            | "ANSI_DEFAULTS"
            | "QUOTED_IDENTIFIER"
            | "CONCAT_NULL_YIELDS_NULL"
            | "ARITHABORT",
            Some(true),
            _,
        )
        | (
            "NUMERIC_ROUNDABORT" | "NOEXEC" | "PARSEONLY" | "SHOWPLAN_TEXT" | "ROWCOUNT"
            | "ANSI_NULL_DFLT_OFF",
            Some(false),
            _,
        )
        | ("ROWCOUNT", None, "0")
        | ("TEXTSIZE", None, _)
        | ("DEADLOCK_PRIORITY", None, _)
        | ("DATEFIRST", None, "7")
        | ("DATEFORMAT", None, "MDY" | "YMD")
        | ("LANGUAGE", None, "US_ENGLISH" | "ENGLISH")
        | ("CURSOR_CLOSE_ON_COMMIT" | "ARITHIGNORE" | "REMOTE_PROC_TRANSACTIONS" | "FORCEPLAN", Some(_), _) =>
            {}
        // FreeTDS turns these off and on while it connects; nothing in this server depends on them.
        (
            "QUOTED_IDENTIFIER" | "ARITHABORT" | "ANSI_WARNINGS" | "ANSI_PADDING" | "ANSI_NULLS",
            Some(false),
            _,
        ) => {}
        _ => return Err(errors::unsupported(format_args!("SET {name} {value}"))),
    }
    Ok(())
}
