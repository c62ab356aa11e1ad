//! Secrets of keys and their hashes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

/// Begins every key, so that a scanner of leaked secrets recognises it.
const PREFIX: &str = "mitsuke_";
/// Random bytes of a key. No number of guesses finds 256 bits.
const BYTES: usize = 32;

/// Makes a key of [`BYTES`] random bytes from the operating system.
///
/// # Errors
/// When the system gives no random bytes.
pub fn new_key() -> Result<SecretString, getrandom::Error> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(SecretString::from(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))))
}

/// The SHA-256 of a key. A slow hash would protect nothing, because keys are random, and would let callers with wrong
/// keys keep the server busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// Hashes a key.
    #[must_use]
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key).into())
    }

    /// Compares two digests in a time that tells nothing about where they differ.
    #[must_use]
    pub fn is(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }

    /// Returns the digest in hexadecimal digits.
    #[must_use]
    pub fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Reads a digest from 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn keys_are_long_differ_and_fit_into_a_header() {
        let keys: HashSet<String> = (0..100).map(|_| new_key().unwrap().expose_secret().to_owned()).collect();
        assert_eq!(keys.len(), 100);
        for key in keys {
            assert_eq!(key.len(), PREFIX.len() + 43);
            assert!(key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)), "{key}");
        }
    }

    #[test]
    fn a_digest_is_read_as_it_is_written() {
        let digest = KeyDigest::of("0123456789abcdef");
        assert_eq!(KeyDigest::from_hex(&digest.to_hex()), Some(digest));
        assert!(bool::from(digest.is(&KeyDigest::of("0123456789abcdef"))));
        assert!(!bool::from(digest.is(&KeyDigest::of("0123456789abcde"))));
        for wrong in ["", "ab", &digest.to_hex()[1..], &"+".repeat(64), &"é".repeat(32)] {
            assert_eq!(KeyDigest::from_hex(wrong), None, "{wrong}");
        }
    }
}
