//! Errors inside this crate, and how they become the store's.

use std::fmt;
use std::time::Duration;

use store::{Error, ErrorKind};

use crate::numbers::{self, Meaning};

/// What went wrong, before it is known what for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server or the wire.
    Driver(tiberius::error::Error),
    /// Our own clock ran out.
    TimedOut {
        waiting_for: &'static str,
        after: Duration,
    },
    /// Ready for the caller as it is.
    Told(Error),
}

impl From<tiberius::error::Error> for Failure {
    fn from(error: tiberius::error::Error) -> Self {
        Self::Driver(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Told(error)
    }
}

impl From<sea_query_mssql::Error> for Failure {
    fn from(error: sea_query_mssql::Error) -> Self {
        Self::Told(Error::new(ErrorKind::Bug, "cannot write a statement in T-SQL").with_source(error))
    }
}

impl Failure {
    /// A mistake in the program.
    pub(crate) fn bug(message: impl Into<String>) -> Self {
        Self::Told(Error::new(ErrorKind::Bug, message))
    }

    /// What the server's error means; `None` when it is not the server's.
    pub(crate) fn meaning(&self) -> Option<Meaning> {
        match self {
            Self::Driver(tiberius::error::Error::Server(said)) => {
                Some(numbers::meaning(said.code(), said.class(), said.message()))
            }
            _ => None,
        }
    }

    fn kind(&self) -> ErrorKind {
        const PASSING: ErrorKind = ErrorKind::Passing { retry_after: None };
        match self {
            Self::Told(error) => error.kind(),
            Self::TimedOut { .. } => PASSING,
            Self::Driver(error) => match error {
                tiberius::error::Error::Server(_) => self.meaning().unwrap_or(Meaning::Bug).kind(),
                // A broken stream shows as any of these. What is wrong for good shows each time, and parks the caller.
                tiberius::error::Error::Io { kind, .. } => match kind {
                    std::io::ErrorKind::InvalidData | std::io::ErrorKind::NotFound => ErrorKind::Operator,
                    _ => PASSING,
                },
                tiberius::error::Error::Protocol(_) | tiberius::error::Error::Routing { .. } => PASSING,
                tiberius::error::Error::Tls(_) => ErrorKind::Operator,
                _ => ErrorKind::Bug,
            },
        }
    }

    /// The store's error: what could not be done, and what to do about it.
    pub(crate) fn during(self, doing: &Doing<'_>) -> Error {
        let kind = self.kind();
        let advice = self.meaning().and_then(|meaning| doing.advice(meaning));
        let mut message = format!("cannot {} at {}", doing.action, doing.target);
        match self {
            Self::Told(error) => error,
            Self::TimedOut { waiting_for, after } => Error::new(
                kind,
                format!(
                    "{message}: {waiting_for} took longer than {} s",
                    after.as_secs_f64()
                ),
            ),
            Self::Driver(error) => {
                if let Some(advice) = advice {
                    message.push_str(": ");
                    message.push_str(&advice);
                } else if let tiberius::error::Error::Tls(why) = &error {
                    message.push_str(": no encrypted connection; ");
                    message.push_str(certificate_advice(why));
                }
                Error::new(kind, message).with_source(Said::from(error))
            }
        }
    }
}

/// What to do about a certificate. rustls takes no certificate that is marked as an authority for a server's own.
fn certificate_advice(why: &str) -> &'static str {
    if why.contains("CaUsedAsEndEntity") {
        "the server's certificate is marked as an authority (CA:TRUE); give the server one that an authority issued and name \
         that authority with ca_file, or, on a network you trust, set trust_certificate=true"
    } else {
        "name the certificate's authority with ca_file, or, on a network you trust, set trust_certificate=true"
    }
}

/// What was being done: the context of an error.
#[derive(Debug)]
pub(crate) struct Doing<'a> {
    /// The target for people.
    pub(crate) target: &'a str,
    /// What was to be done, after "cannot": `write to table X`.
    pub(crate) action: String,
    /// The statements that give the rights it needs.
    pub(crate) grant: Option<String>,
}

impl Doing<'_> {
    fn advice(&self, meaning: Meaning) -> Option<String> {
        Some(match meaning {
            Meaning::Rights => match &self.grant {
                Some(grant) => format!("a right is missing; let an owner of the database run: {grant}"),
                None => "a right is missing".to_owned(),
            },
            Meaning::Login => "the server does not let us in; check user, password and the server's firewall".to_owned(),
            Meaning::Database => {
                "the database is not there or not open to this login; check its name, and run CREATE USER in it".to_owned()
            }
            Meaning::Full => "the database, its log or its disk is full; make room".to_owned(),
            Meaning::Schema => "a table or column is not as it was; migrate".to_owned(),
            Meaning::NameTaken => {
                "something else in the database has this name already; rename or remove it".to_owned()
            }
            Meaning::Duplicate => "a unique index has one of the values already".to_owned(),
            Meaning::Value => "a value does not fit its column".to_owned(),
            Meaning::Lost | Meaning::Throttled | Meaning::Contention | Meaning::Shortage | Meaning::Bug => return None,
        })
    }
}

/// The driver's error in its own words, without what they may quote from a row.
#[derive(Debug)]
struct Said(String);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Said {}

impl From<tiberius::error::Error> for Said {
    fn from(error: tiberius::error::Error) -> Self {
        Self(match error {
            tiberius::error::Error::Server(said) => format!(
                "error {} (severity {}, state {}): {}",
                said.code(),
                said.class(),
                said.state(),
                without_contents(said.code(), said.message())
            ),
            // What follows are the driver's own functions to call.
            tiberius::error::Error::Tls(why) => why
                .split(" To connect anyway")
                .next()
                .unwrap_or_default()
                .to_owned(),
            other => other.to_string(),
        })
    }
}

/// A message without the values it quotes.
///
/// The numbers whose texts in `sys.messages` quote a value of a row are 245 (`Conversion failed when converting the varchar value
/// '…'`), 2628 (`Truncated value: '…'`), 2601, 2627 and 1505 (`The duplicate key value is (…)`). For a number that is not
/// Microsoft's the text after the first line, where PostgreSQL puts its details, and quotes of values are cut.
fn without_contents(number: u32, message: &str) -> String {
    const QUOTING: &[&str] = &[
        "Truncated value:",
        "The duplicate key value is",
        "value '",
        "DETAIL",
        "Key (",
    ];
    let message = message.lines().next().unwrap_or_default();
    let cut = QUOTING.iter().filter_map(|phrase| message.find(phrase)).min();
    match cut {
        Some(at) => format!("{}…", message.get(..at).unwrap_or_default()),
        None if number == 245 => "a conversion failed".to_owned(),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_cut_where_it_quotes_a_row() {
        let cut = without_contents(
            2628,
            "String or binary data would be truncated in table 'd.dbo.T', column 'NAME'. Truncated value: 'Ann'.",
        );
        assert_eq!(
            cut,
            "String or binary data would be truncated in table 'd.dbo.T', column 'NAME'. …"
        );
        let cut = without_contents(
            245,
            "Conversion failed when converting the varchar value 'Ann' to data type int.",
        );
        assert!(!cut.contains("Ann"), "{cut}");
        let cut = without_contents(2601, "… unique index 'UX_T'. The duplicate key value is (Ann).");
        assert!(cut.contains("UX_T") && !cut.contains("Ann"), "{cut}");
    }

    #[test]
    fn an_error_says_what_was_done_where_and_what_to_do() {
        let doing = Doing {
            target: "mssql://h:1433/d",
            action: "write to table T".to_owned(),
            grant: None,
        };
        let error = Failure::TimedOut {
            waiting_for: "the server's answer",
            after: Duration::from_secs(30),
        }
        .during(&doing);
        assert_eq!(
            error.to_string(),
            "cannot write to table T at mssql://h:1433/d: the server's answer took longer than 30 s"
        );
        assert_eq!(error.kind(), ErrorKind::Passing { retry_after: None });
        let error = Failure::from(tiberius::error::Error::Tls("bad certificate".into())).during(&doing);
        assert_eq!(error.kind(), ErrorKind::Operator);
        assert!(error.to_string().contains("ca_file"), "{error}");
    }
}
