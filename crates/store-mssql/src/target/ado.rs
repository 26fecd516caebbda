//! Targets as ADO.NET connection strings: `Server=host;Database=name;User Id=user;Password='a;b'`.
//!
//! The grammar is that of `DbConnectionStringBuilder`: a value may be quoted with `'` or `"`, a doubled quote stands for
//! itself, blanks around names and values do not count, `==` in a name stands for `=`, of a repeated name the last counts.

use std::iter::Peekable;
use std::str::Chars;

use super::draft::Draft;
use super::part::{self, Part};
use crate::Error;

pub(super) fn parse(text: &str) -> Result<Draft, Error> {
    let mut draft = Draft::default();
    let mut chars = text.chars().peekable();
    // The name of the last part that may have been cut by an unquoted `;`: what follows is perhaps a piece of it.
    let mut secret_before = false;
    let mut place = 0;
    loop {
        while chars.next_if(|c| c.is_whitespace() || *c == ';').is_some() {}
        if chars.peek().is_none() {
            return Ok(draft);
        }
        place += 1;
        let named = |name: &str| {
            let plain = !secret_before
                && name.len() <= 40
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == ' ');
            if plain && !name.is_empty() {
                name.to_owned()
            } else if secret_before {
                "what follows the password".to_owned()
            } else {
                format!("part {place}")
            }
        };
        let (name, has_value) = name(&mut chars);
        if !has_value {
            return Err(Error::Unknown {
                part: named(name.trim()),
            });
        }
        let part = part::named(&name).ok_or_else(|| Error::Unknown {
            part: named(name.trim()),
        })?;
        let value = value(&mut chars).map_err(|expected| Error::Value {
            part: name.clone(),
            expected,
        })?;
        draft.set(part, &name, value)?;
        secret_before = matches!(part, Part::Password | Part::AccessToken);
    }
}

/// A name up to its `=`, and whether there is one.
fn name(chars: &mut Peekable<Chars<'_>>) -> (String, bool) {
    let mut name = String::new();
    while let Some(c) = chars.next() {
        match c {
            '=' if chars.next_if_eq(&'=').is_some() => name.push('='),
            '=' => return (name.trim().to_owned(), true),
            ';' => break,
            _ => name.push(c),
        }
    }
    (name, false)
}

/// A value and the `;` after it.
fn value(chars: &mut Peekable<Chars<'_>>) -> Result<String, &'static str> {
    while chars.next_if(|c| c.is_whitespace()).is_some() {}
    let Some(quote) = chars.next_if(|c| matches!(c, '\'' | '"')) else {
        let mut value = String::new();
        for c in chars.by_ref() {
            if c == ';' {
                break;
            }
            value.push(c);
        }
        return Ok(value.trim_end().to_owned());
    };
    let mut value = String::new();
    loop {
        match chars.next() {
            None => return Err("its quote is never closed"),
            Some(c) if c == quote => {
                if chars.next_if_eq(&quote).is_none() {
                    break;
                }
                value.push(quote);
            }
            Some(c) => value.push(c),
        }
    }
    while chars.next_if(|c| c.is_whitespace()).is_some() {}
    match chars.next() {
        None | Some(';') => Ok(value),
        Some(_) => {
            Err("after its closing quote there must be a ; (double a quote that belongs to the value)")
        }
    }
}
