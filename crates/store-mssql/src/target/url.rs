//! Targets as URLs: `mssql://user:password@host:port/database?option=value`.
//!
//! Read by hand, not by a URL library: `host\instance` is no URL for those, and they do not say which part was wrong.

use super::draft::Draft;
use super::part::{self, Part};
use super::value::percent_decoded;
use crate::Error;

const SCHEME: &str = "mssql://";

/// What comes after `mssql://`, or `None` when the text does not begin so.
pub(super) fn after_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then_some(rest)
}

pub(super) fn parse(rest: &str) -> Result<Draft, Error> {
    if rest.contains('#') {
        return Err(Error::Form {
            problem: "a URL of a database has no #; write %23 for a # in a name or a password",
        });
    }
    let (rest, query) = rest
        .split_once('?')
        .map_or((rest, ""), |(rest, query)| (rest, query));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut draft = Draft::default();
    let mut set = Vec::new();
    let address = match authority.rsplit_once('@') {
        None => authority,
        Some((login, address)) => {
            let (user, password) = match login.split_once(':') {
                Some((user, password)) => (user, Some(password)),
                None => (login, None),
            };
            draft.set(Part::User, "the user", decoded("the user", user)?)?;
            set.push(Part::User);
            if let Some(password) = password {
                draft.set(Part::Password, "the password", decoded("the password", password)?)?;
                set.push(Part::Password);
            }
            address
        }
    };
    host(&mut draft, address)?;
    set.push(Part::Server);
    if draft.instance.is_some() {
        set.push(Part::Instance);
    }
    if path.trim_end_matches('/').contains('/') {
        return Err(Error::Form {
            problem: "the path must be the name of one database; write %2F for a / in a name or a password",
        });
    }
    let database = path.trim_end_matches('/');
    if !database.is_empty() {
        draft.set(Part::Database, "the database", decoded("the database", database)?)?;
        set.push(Part::Database);
    }
    options(&mut draft, &mut set, query)?;
    Ok(draft)
}

/// `host`, `host:port`, `[address]:port`, `host\instance`.
fn host(draft: &mut Draft, address: &str) -> Result<(), Error> {
    let wrong = |expected| Error::Value {
        part: "the host".to_owned(),
        expected,
    };
    let (address, port) = if let Some(bracketed) = address.strip_prefix('[') {
        let (address, rest) = bracketed
            .split_once(']')
            .ok_or(wrong("an address in [ must end with ]"))?;
        match rest.strip_prefix(':') {
            Some(port) => (address, Some(port)),
            None if rest.is_empty() => (address, None),
            None => return Err(wrong("after the ] there can only be : and a port")),
        }
    } else {
        match address.rsplit_once(':') {
            Some((address, port)) => (address, Some(port)),
            None => (address, None),
        }
    };
    let port = match port {
        None | Some("") => None,
        Some(port) => Some(
            port.parse::<u16>()
                .ok()
                .filter(|port| *port != 0)
                .ok_or_else(|| Error::Value {
                    part: "the port".to_owned(),
                    expected: "it must be a number from 1 to 65535 (write %3A, %40, %2F for : @ / in a password)",
                })?,
        ),
    };
    let address = decoded("the host", address)?;
    draft.set_address("the host", &address)?;
    draft.port = port;
    Ok(())
}

fn options(draft: &mut Draft, set: &mut Vec<Part>, query: &str) -> Result<(), Error> {
    // Without a login before the host, what looks like an option may be the rest of a password that holds a `?`.
    let safe = set.contains(&Part::Password);
    for (place, pair) in query.split('&').enumerate().filter(|(_, pair)| !pair.is_empty()) {
        let unknown = |name: &str| {
            let plain =
                safe && name.len() <= 40 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            Error::Unknown {
                part: if plain {
                    format!("option {name}")
                } else {
                    format!("option {} after the ?", place + 1)
                },
            }
        };
        let Some((name, value)) = pair.split_once('=') else {
            return Err(unknown(pair));
        };
        let name = percent_decoded(name).ok_or_else(|| unknown(""))?;
        let part = part::named(&name).ok_or_else(|| unknown(&name))?;
        if set.contains(&part) {
            return Err(Error::Twice { part: name });
        }
        let value = decoded(&name, value)?;
        draft.set(part, &name, value)?;
        if part != Part::PassedOver {
            set.push(part);
        }
    }
    Ok(())
}

fn decoded(part: &str, text: &str) -> Result<String, Error> {
    percent_decoded(text).ok_or_else(|| Error::Value {
        part: part.to_owned(),
        expected: "each % must be followed by two hexadecimal digits that make UTF-8; write %25 for a % itself",
    })
}
