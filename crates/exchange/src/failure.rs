//! The one policy that turns errors into agent failures: repeat, wait, or tell the operator.

use std::time::Duration;

use agent::Failure;
use bitrix_client::Class;
use store::ErrorKind;

/// How often to look again when a person has to act on the target (rights, a full disk): often enough to go on soon after, rare
/// enough not to fill anybody's log.
const OPERATOR_WAIT: Duration = Duration::from_secs(60);

/// A failure to talk to the portal.
///
/// What the portal's limits or a fault caused passes. A refused credential, a right that is missing and a wrong call stay until
/// somebody acts.
pub fn portal_failure(doing: &str, error: bitrix_client::Error) -> Failure {
    let message = format!("cannot {doing}");
    let failure = match error.class() {
        Class::Retry { after: Some(after) } => Failure::passing_after(message, *after),
        Class::Retry { after: None } => Failure::passing(message),
        Class::WaitForMethod { wait, .. } | Class::Blocked { wait } => Failure::passing_after(message, *wait),
        _ => Failure::permanent(message),
    };
    failure.with_source(error)
}

/// A failure to use the target.
///
/// A target that is away, full, or does not let us in is waited for without end: work must go on by itself when the operator
/// has acted. Only data that cannot be written and mistakes of ours are permanent.
pub fn store_failure(error: store::Error) -> Failure {
    // A store's error names the table and what was being done to it.
    let message = error.to_string();
    let failure = match error.kind() {
        ErrorKind::Passing {
            retry_after: Some(after),
        } => Failure::passing_after(message, after),
        ErrorKind::Passing { retry_after: None } => Failure::passing(message),
        ErrorKind::Operator => Failure::passing_after(message, OPERATOR_WAIT),
        // The next activation inspects and migrates first.
        ErrorKind::Schema => Failure::passing(message),
        _ => Failure::permanent(message),
    };
    failure.with_source(error)
}

/// A row of the portal that the table cannot hold.
pub fn row_failure(error: table_map::Error) -> Failure {
    Failure::permanent("a row of the portal does not fit its table").with_source(error)
}
