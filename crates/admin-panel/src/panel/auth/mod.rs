//! Who may use the panel: the password, sessions, tries, and where requests come from.

pub(crate) mod origin;
pub mod password;
pub(crate) mod sessions;
pub(crate) mod throttle;

use std::fmt::Write as _;

/// 256 random bits as 64 hexadecimal digits: for session ids and tokens of forms.
pub(crate) fn random_token() -> String {
    let bytes: [u8; 32] = rand::random();
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string does not fail.
        let _always_fits = write!(text, "{byte:02x}");
        text
    })
}

/// Whether two tokens are the same, in a time that does not tell where they differ.
pub(crate) fn same(one: &str, other: &str) -> bool {
    use subtle::ConstantTimeEq as _;
    !one.is_empty() && bool::from(one.as_bytes().ct_eq(other.as_bytes()))
}
