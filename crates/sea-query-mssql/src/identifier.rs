//! Names in brackets.
//!
//! Every identifier is written in brackets with each `]` doubled, so the server's QUOTED_IDENTIFIER setting and its
//! list of reserved words do not matter. sea-query leaves identifiers it takes for static unescaped; here none is.

use std::fmt;

use crate::error::{Error, Written};

/// The longest identifier SQL Server takes, in UTF-16 code units (the type `sysname`).
pub const MAX_IDENTIFIER: usize = 128;

/// The longest name of a local temporary table: the server appends 12 characters of its own.
const MAX_TEMPORARY_TABLE: usize = 116;

/// Writes one name in brackets.
pub(crate) fn write_identifier(out: &mut impl fmt::Write, name: &str) -> Written {
    check(name, MAX_IDENTIFIER)?;
    out.write_char('[')?;
    for character in name.chars() {
        if character == ']' {
            out.write_char(']')?;
        }
        out.write_char(character)?;
    }
    out.write_char(']')?;
    Ok(())
}

/// Is this the name of a temporary table (`#local` or `##global`), which lives in tempdb?
pub(crate) fn is_temporary(table: &str) -> bool {
    table.starts_with('#')
}

/// Checks the name of a table, which is held to a shorter limit when the table is a local temporary one.
pub(crate) fn check_table(name: &str) -> Written {
    let local = is_temporary(name) && !name.starts_with("##");
    check(
        name,
        if local {
            MAX_TEMPORARY_TABLE
        } else {
            MAX_IDENTIFIER
        },
    )
}

fn check(name: &str, limit: usize) -> Written {
    let rule = if name.is_empty() {
        "it is empty"
    } else if name.contains('\0') {
        "it contains a NUL character"
    } else if name.encode_utf16().count() > limit {
        if limit == MAX_IDENTIFIER {
            "it is longer than 128 characters"
        } else {
            "the name of a temporary table may have at most 116 characters"
        }
    } else {
        return Ok(());
    };
    Err(Error::Identifier {
        name: name.chars().take(40).collect(),
        rule,
    })
}
