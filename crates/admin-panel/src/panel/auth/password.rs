//! Passwords: hashed with argon2id, checked, judged.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Argon2, Params};
use secrecy::{ExposeSecret, SecretString};

/// The fewest characters of a password.
pub const SHORTEST: usize = 8;

/// The most bytes of a password: hashing more would only cost time.
pub const LONGEST: usize = 1024;

/// Why a password or its hash cannot be used. Never holds either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// Too few characters.
    #[error("the password is too short; it needs {SHORTEST} characters at least")]
    TooShort,
    /// Too many bytes.
    #[error("the password is too long; it may have {LONGEST} bytes at most")]
    TooLong,
    /// It begins as a hash does but is none.
    #[error(
        "the hash cannot be read; write a PHC string of argon2id as `stage-exchange panel hash-password` prints it, or the password itself"
    )]
    BadHash,
    /// The hash cannot be made: no memory, or no randomness.
    #[error("the password cannot be hashed on this machine")]
    NotHashed,
}

/// Whether a text is meant as a hash rather than as a password.
pub fn looks_like_hash(text: &str) -> bool {
    text.starts_with("$argon2")
}

/// A hash in the form in which it may be configured or kept.
///
/// # Errors
/// When the password is too short or too long, or cannot be hashed.
pub fn hash(password: &SecretString) -> Result<SecretString, PasswordError> {
    let text = password.expose_secret();
    if text.chars().count() < SHORTEST {
        return Err(PasswordError::TooShort);
    }
    if text.len() > LONGEST {
        return Err(PasswordError::TooLong);
    }
    Argon2::default()
        .hash_password(text.as_bytes())
        .map(|hash| SecretString::from(hash.to_string()))
        .map_err(|_| PasswordError::NotHashed)
}

/// What is configured, as a hash: a hash stays as it is, a password is hashed.
///
/// # Errors
/// When it is neither a hash nor a password that may be used.
pub fn hash_of(configured: &SecretString) -> Result<SecretString, PasswordError> {
    if looks_like_hash(configured.expose_secret()) {
        let parsed = PasswordHash::new(configured.expose_secret()).map_err(|_| PasswordError::BadHash)?;
        // A string of parameters alone is a PHC string, too, but no password's hash.
        if parsed.salt.is_none() || parsed.hash.is_none() || Params::try_from(&parsed).is_err() {
            return Err(PasswordError::BadHash);
        }
        Ok(configured.clone())
    } else {
        hash(configured)
    }
}

/// Whether this is the password of the hash. Takes some 20 MB and tens of milliseconds, so not for an asynchronous worker.
pub(crate) fn verify(password: &SecretString, hash: &SecretString) -> bool {
    let password = password.expose_secret();
    if password.len() > LONGEST {
        return false;
    }
    let Ok(hash) = PasswordHash::new(hash.expose_secret()) else {
        return false;
    };
    Argon2::default()
        .verify_password(password.as_bytes(), &hash)
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[test]
    fn only_the_password_of_a_hash_is_taken() {
        let hash = hash(&secret("correct horse")).unwrap();
        assert!(hash.expose_secret().starts_with("$argon2id$"));
        assert!(verify(&secret("correct horse"), &hash));
        for wrong in [
            "correct hors",
            "Correct horse",
            "",
            "correct horse ",
            &"x".repeat(5000),
        ] {
            assert!(!verify(&secret(wrong), &hash), "{wrong:.20}");
        }
        assert!(!verify(&secret("correct horse"), &secret("$argon2id$nonsense")));
    }

    #[test]
    fn a_configured_hash_stays_and_a_configured_password_is_hashed() {
        let made = hash(&secret("correct horse")).unwrap();
        assert_eq!(hash_of(&made).unwrap().expose_secret(), made.expose_secret());
        assert!(verify(
            &secret("long enough"),
            &hash_of(&secret("long enough")).unwrap()
        ));
        let error = |text: &str| hash_of(&secret(text)).unwrap_err();
        for cut in [
            "$argon2id$v=19$cut off",
            "$argon2id$v=19$m=19456",
            "$argon2id",
            "$argon2",
        ] {
            assert_eq!(error(cut), PasswordError::BadHash, "{cut}");
        }
        assert_eq!(error("short"), PasswordError::TooShort);
        assert_eq!(error(&"x".repeat(2000)), PasswordError::TooLong);
    }

    #[test]
    fn one_password_has_many_hashes() {
        let made = || hash(&secret("correct horse")).unwrap();
        assert_ne!(made().expose_secret(), made().expose_secret());
    }
}
