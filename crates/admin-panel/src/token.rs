//! The comparison of tokens.

use secrecy::{ExposeSecret, SecretString};
use subtle::{Choice, ConstantTimeEq};

/// Whether two tokens are the same, in a time that depends on the length of `given` alone: neither a common beginning
/// nor the length of `own` shows. An empty `own` equals nothing.
pub(crate) fn same(own: &SecretString, given: &SecretString) -> bool {
    let (own, given) = (own.expose_secret().as_bytes(), given.expose_secret().as_bytes());
    if own.is_empty() {
        return false;
    }
    let mut same: Choice = own.len().ct_eq(&given.len());
    for (own, given) in own.iter().cycle().zip(given) {
        same &= own.ct_eq(given);
    }
    same.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[test]
    fn only_the_very_same_token_is_the_same() {
        for (own, given, expected) in [
            ("abc", "abc", true),
            ("abc", "abd", false),
            ("abc", "ABC", false),
            ("abc", "ab", false),
            ("abc", "", false),
            ("abc", "abcabc", false),
            ("a", "aa", false),
            ("", "", false),
            ("", "a", false),
        ] {
            assert_eq!(same(&secret(own), &secret(given)), expected, "{own} {given}");
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_equality(own in "\\PC{1,20}", given in "\\PC{0,20}") {
            prop_assert_eq!(same(&secret(&own), &secret(&given)), own == given);
            prop_assert!(same(&secret(&own), &secret(&own)));
        }
    }
}
