//! Text of the caller with values in it: `Expr::cust_with_values("DATEADD(day, @P1, [d])", [7])`.

use std::iter::Peekable;
use std::str::Chars;

use sea_query::{Expr, SqlWriter};

use crate::error::{Error, Written};
use crate::writer::Writer;

impl<W: SqlWriter> Writer<'_, W> {
    /// Writes the text with its places filled in. `@P1` is the first expression wherever it stands; `?` is the next
    /// one; `??` is a question mark. Literals, names in brackets or quotes, and comments are left alone.
    ///
    /// An expression that no place uses is an error, as is a place without an expression.
    pub(super) fn custom_with_exprs(&mut self, text: &str, exprs: &[Expr]) -> Written {
        let mut used = vec![false; exprs.len()];
        let mut next = 0;
        let mut characters = text.chars().peekable();
        let mut plain = String::new();
        while let Some(character) = characters.next() {
            let place = match character {
                '?' if characters.next_if_eq(&'?').is_some() => {
                    plain.push('?');
                    continue;
                }
                '?' => {
                    next += 1;
                    next
                }
                '@' => match parameter_number(&mut characters, &mut plain) {
                    Some(number) => number,
                    None => continue,
                },
                _ => {
                    plain.push(character);
                    skip_quoted(character, &mut characters, &mut plain);
                    continue;
                }
            };
            let expr = place
                .checked_sub(1)
                .and_then(|place| exprs.get(place).zip(used.get_mut(place)));
            let Some((expr, used)) = expr else {
                return Err(Error::incomplete(
                    "a custom expression",
                    "it has more places than values",
                ));
            };
            *used = true;
            self.push(&std::mem::take(&mut plain))?;
            self.operand(expr)?;
        }
        if used.contains(&false) {
            return Err(Error::invalid(
                "a custom expression",
                "it has more values than places",
            ));
        }
        self.push(&plain)
    }
}

/// Reads the rest of `@P12`. Other variables and `@@ROWCOUNT` are plain text.
fn parameter_number(characters: &mut Peekable<Chars<'_>>, plain: &mut String) -> Option<usize> {
    let mut name = String::new();
    while let Some(character) =
        characters.next_if(|&c| c.is_alphanumeric() || matches!(c, '_' | '@' | '#' | '$'))
    {
        name.push(character);
    }
    let digits = name
        .strip_prefix(['P', 'p'])
        .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    let number = digits.and_then(|digits| digits.parse().ok());
    if number.is_none() {
        plain.push('@');
        plain.push_str(&name);
    }
    number
}

/// After an opening quote, bracket or comment mark, copies to its end. A doubled end mark does not end it, but opens
/// the next quotation at once, which comes to the same.
fn skip_quoted(open: char, characters: &mut Peekable<Chars<'_>>, plain: &mut String) {
    let end = match open {
        '\'' | '"' => open,
        '[' => ']',
        '-' if characters.peek() == Some(&'-') => '\n',
        '/' if characters.peek() == Some(&'*') => {
            plain.extend(characters.next());
            let mut last = ' ';
            for character in characters.by_ref() {
                plain.push(character);
                if last == '*' && character == '/' {
                    break;
                }
                last = character;
            }
            return;
        }
        _ => return,
    };
    for character in characters.by_ref() {
        plain.push(character);
        if character == end {
            break;
        }
    }
}
